"""Calibration tables and costs: checked, and averaged over runs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from plans_samples import milliseconds_of, table_of, with_costs

from ditfastattn.plans import PlanError, WaySpec
from ditfastattn.plans.search import FLOPS, MILLISECONDS, CalibrationTable, Costs
from ditfastattn.plans.search.table import ERRORS, WEIGHTS

ARRAYS = [
    field.name
    for field in dataclasses.fields(CalibrationTable)
    if field.name not in ("positions", "ways", "costs", "runs", "reuse_gain", "milliseconds", "forecasts")
]
COSTS = [field.name for field in dataclasses.fields(Costs) if field.name not in ("sites", "unit", "other")]


def test_errors_and_weights_are_all_arrays_there_are():
    assert {*ERRORS, *WEIGHTS} == set(ARRAYS)


def test_measured_milliseconds_are_averaged_where_both_have_them():
    one, other = (table_of(np.random.default_rng(0)) for _ in range(2))
    one = dataclasses.replace(one, milliseconds=milliseconds_of(one, np.random.default_rng(1)))
    twice = dataclasses.replace(other, milliseconds=milliseconds_of(one, np.random.default_rng(1), per_flop=3e-9))
    mean = one.merged(twice).milliseconds
    np.testing.assert_allclose(mean.keep, 2 * one.milliseconds.keep)
    assert mean.unit == MILLISECONDS
    assert one.merged(other).milliseconds is None
    with pytest.raises(PlanError, match="No milliseconds"):
        other.in_unit(MILLISECONDS)


def test_the_costs_in_another_unit_go_with_the_same_errors():
    table = table_of(np.random.default_rng(0))
    table = dataclasses.replace(table, milliseconds=milliseconds_of(table))
    timed = table.in_unit(MILLISECONDS)
    assert timed.costs.unit == MILLISECONDS and table.in_unit(FLOPS).costs.unit == FLOPS
    np.testing.assert_array_equal(timed.costs.full, table.milliseconds.full)
    np.testing.assert_array_equal(timed.way_error, table.way_error)
    with pytest.raises(PlanError, match="FLOPs or milliseconds"):
        table.in_unit("hours")


def test_milliseconds_are_checked_as_costs_are():
    table = table_of(np.random.default_rng(0))
    times = milliseconds_of(table)
    for wrong in ({"reuse": np.zeros(1)}, {"other": -1.0}, {"unit": "hours"}, {"share_saving": times.share_saving + 2}):
        with pytest.raises(PlanError):
            dataclasses.replace(times, **wrong)
    with pytest.raises(PlanError, match="milliseconds"):
        dataclasses.replace(table, milliseconds=table.costs)
    with pytest.raises(PlanError, match="layers and ways"):
        dataclasses.replace(table, milliseconds=milliseconds_of(table_of(np.random.default_rng(0), windows=1)))


def test_not_available_is_infinite():
    table = table_of(np.random.default_rng(0), endless=0.5)
    assert np.isinf(table.way_error).any() and not np.isnan(table.way_error).any()


def test_merging_is_the_mean_over_runs():
    one, other, third = (dataclasses.replace(table_of(np.random.default_rng(seed), endless=0)) for seed in range(3))
    both = one.merged(other).merged(third)
    assert both.runs == 3
    np.testing.assert_allclose(both.way_error, (one.way_error + other.way_error + third.way_error) / 3)
    assert np.isinf(one.merged(table_of(np.random.default_rng(1), endless=0.5)).way_error).any()


def test_merging_refuses_another_measurement():
    with pytest.raises(PlanError, match="belong together"):
        table_of(np.random.default_rng(0)).merged(table_of(np.random.default_rng(0), rows=5))
    table = table_of(np.random.default_rng(0))
    pooled = tuple(WaySpec.window(dict(way.parameters)["size"], pooled=True) for way in table.ways)
    pooling = dataclasses.replace(table, ways=pooled)
    with pytest.raises(PlanError, match="belong together"):
        pooling.merged(table_of(np.random.default_rng(0)))


@pytest.mark.parametrize("name", ARRAYS)
def test_wrong_shape_or_sign_is_refused(name):
    table = table_of(np.random.default_rng(0))
    with pytest.raises(PlanError, match=name):
        dataclasses.replace(table, **{name: np.zeros((1, 1, 1, 1, 1))})
    with pytest.raises(PlanError, match="negative"):
        dataclasses.replace(table, **{name: np.full_like(getattr(table, name), -1)})


@pytest.mark.parametrize("name", COSTS)
def test_wrong_shape_or_sign_of_a_cost_is_refused(name):
    table = table_of(np.random.default_rng(0))
    with pytest.raises(PlanError, match=name):
        with_costs(table, **{name: np.zeros((1, 1, 1, 1, 1))})
    with pytest.raises(PlanError, match="negative"):
        with_costs(table, **{name: np.full_like(getattr(table.costs, name), -1)})


def test_costs_must_be_finite():
    table = table_of(np.random.default_rng(0))
    with pytest.raises(PlanError, match="finite"):
        with_costs(table, full=table.costs.full * np.inf)
    with pytest.raises(PlanError, match="finite"):
        with_costs(table, other=np.inf)


def test_arrays_are_read_only():
    with pytest.raises(ValueError):
        table_of(np.random.default_rng(0)).costs.full[0] = 1
    with pytest.raises(ValueError):
        table_of(np.random.default_rng(0)).way_error[0] = 1
