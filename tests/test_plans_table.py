"""Calibration tables: checked, averaged, saved and read without pickle."""

from __future__ import annotations

import dataclasses
import io
import zipfile

import numpy as np
import pytest
from plans_samples import milliseconds_of, table_of

from ditfastattn.plans import CalibrationTable, PlanError, Refusal

ARRAYS = [
    field.name
    for field in dataclasses.fields(CalibrationTable)
    if field.name not in ("positions", "sites", "windows", "other_cost", "runs", "reuse_gain", "milliseconds", "pooled")
]


def saved(table):
    file = io.BytesIO()
    table.save(file)
    file.seek(0)
    return file


def assert_same(one, other):
    for name in ("positions", "sites", "windows", "pooled", "other_cost", "runs", "reuse_gain"):
        assert getattr(one, name) == getattr(other, name)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_saved_table_reads_back_the_same(tmp_path):
    table = dataclasses.replace(table_of(np.random.default_rng(0), share=True), pooled=(True, False))
    assert_same(CalibrationTable.load(saved(table)), table)
    table.save(tmp_path / "table.npz")
    assert_same(CalibrationTable.load(tmp_path / "table.npz"), table)


def test_measured_milliseconds_survive_saving_and_are_averaged_where_both_have_them():
    one, other = (table_of(np.random.default_rng(0)) for _ in range(2))
    one = dataclasses.replace(one, milliseconds=milliseconds_of(one, np.random.default_rng(1)))
    np.testing.assert_equal(vars(CalibrationTable.load(saved(one)).milliseconds), vars(one.milliseconds))
    twice = dataclasses.replace(other, milliseconds=milliseconds_of(one, np.random.default_rng(1), per_flop=3e-9))
    mean = one.merged(twice).milliseconds
    np.testing.assert_allclose(mean.keep_cost, 2 * one.milliseconds.keep_cost)
    assert one.merged(other).milliseconds is None
    with pytest.raises(PlanError, match="No milliseconds"):
        other.in_milliseconds()


def test_milliseconds_are_checked_as_costs_are():
    table = table_of(np.random.default_rng(0))
    times = milliseconds_of(table)
    for wrong in (dataclasses.replace(times, reuse_cost=np.zeros(1)), dataclasses.replace(times, other_cost=-1.0)):
        with pytest.raises(PlanError):
            dataclasses.replace(table, milliseconds=wrong)


def test_not_available_is_infinite():
    table = table_of(np.random.default_rng(0), endless=0.5)
    assert np.isinf(table.window_error).any() and not np.isnan(table.window_error).any()


def test_merging_is_the_mean_over_runs():
    one, other, third = (dataclasses.replace(table_of(np.random.default_rng(seed), endless=0)) for seed in range(3))
    both = one.merged(other).merged(third)
    assert both.runs == 3
    np.testing.assert_allclose(both.window_error, (one.window_error + other.window_error + third.window_error) / 3)
    assert np.isinf(one.merged(table_of(np.random.default_rng(1), endless=0.5)).window_error).any()


def test_merging_refuses_another_measurement():
    with pytest.raises(PlanError, match="belong together"):
        table_of(np.random.default_rng(0)).merged(table_of(np.random.default_rng(0), rows=5))
    pooling = dataclasses.replace(table_of(np.random.default_rng(0)), pooled=(True, True))
    with pytest.raises(PlanError, match="belong together"):
        pooling.merged(table_of(np.random.default_rng(0)))


@pytest.mark.parametrize("name", ARRAYS)
def test_wrong_shape_or_sign_is_refused(name):
    table = table_of(np.random.default_rng(0))
    with pytest.raises(PlanError, match=name):
        dataclasses.replace(table, **{name: np.zeros((1, 1, 1, 1, 1))})
    with pytest.raises(PlanError, match="negative"):
        dataclasses.replace(table, **{name: np.full_like(getattr(table, name), -1)})


def test_costs_must_be_finite():
    table = table_of(np.random.default_rng(0))
    with pytest.raises(PlanError, match="finite"):
        dataclasses.replace(table, full_cost=table.full_cost * np.inf)


def test_arrays_are_read_only():
    with pytest.raises(ValueError):
        table_of(np.random.default_rng(0)).full_cost[0] = 1


def test_damaged_files_are_refused(tmp_path):
    good = saved(table_of(np.random.default_rng(0))).getvalue()
    pickled = io.BytesIO()
    np.savez(pickled, head=np.array([{"a": 1}], dtype=object))
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    flipped = bytearray(good)
    flipped[good.index(b"window_error.npy") + 100] ^= 255
    for data in (b"", b"nonsense", good[: len(good) // 2], pickled.getvalue(), empty.getvalue(), bytes(flipped)):
        assert isinstance(CalibrationTable.load(io.BytesIO(data)), Refusal)
    assert isinstance(CalibrationTable.load(tmp_path / "missing.npz"), Refusal)


def test_archive_that_would_unpack_to_too_much_is_refused(monkeypatch):
    file = saved(table_of(np.random.default_rng(0)))
    monkeypatch.setattr("ditfastattn.plans.table.MAX_FILE_BYTES", 100)
    assert "too large" in CalibrationTable.load(file).reason
