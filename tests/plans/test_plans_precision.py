"""INT8 in the search: never chosen where a device has none, and there at its price and with its error."""

from dataclasses import replace

import numpy as np
import pytest
from plans_samples import identity, measurement, table_of

from ditfastattn.plans import WaySpec, dumps, letters, loads
from ditfastattn.plans.search import in_16_bits, in_int8, solve_plan
from ditfastattn.plans.search.costs import FLOPS
from ditfastattn.plans.search.precision import INT8, INT8_WORK

WHOLE = WaySpec.of(INT8, size=(1.0, 1.0), pooled=False)


def with_rounding(table, error, milliseconds=True):
    """The table as calibration makes it where INT8 is in question: one way more, last."""

    def wider(costs):
        if costs is None:
            return None
        full = {"way": costs.full, "residual": costs.full, "refresh": costs.full}
        return replace(costs, **{name: np.c_[getattr(costs, name), of_all] for name, of_all in full.items()})

    rounding = np.full((table.rows, table.heads, 1), error)
    residual = np.full((table.rows, table.heads, 1, table.max_age), 2 * error)
    return replace(
        table,
        ways=(*table.ways, WHOLE),
        way_error=np.concatenate((table.way_error, rounding), axis=2),
        residual_error=np.concatenate((table.residual_error, residual), axis=2),
        costs=wider(table.costs),
        milliseconds=wider(table.milliseconds),
    )


def solved(table, **options):
    return solve_plan(table, replace(identity(), sites=table.sites), measurement(), **options)


@pytest.fixture(params=range(3))
def table(request):
    return table_of(np.random.default_rng(request.param), rows=6)


def test_without_int8_the_search_gets_the_very_table_that_it_got_before(table):
    assert in_16_bits(table) is table and in_int8(table) is table
    back = in_16_bits(with_rounding(table, 1e-9))
    for name in ("ways", "positions"):
        assert getattr(back, name) == getattr(table, name)
    for name in ("way_error", "residual_error", "reuse_error", "share_error"):
        assert np.array_equal(getattr(back, name), getattr(table, name))
    for name in ("way", "residual", "refresh"):
        assert np.array_equal(getattr(back.costs, name), getattr(table.costs, name))


def test_on_a_device_without_int8_plans_are_the_same_to_the_letter(table):
    """However small its error: it would cost the same there, and is not even offered."""
    assert dumps(solved(in_16_bits(with_rounding(table, 0.0))).plan) == dumps(solved(table).plan)


def test_with_int8_a_window_costs_its_part_and_errs_by_both(table):
    error = 1e-5
    eight = in_int8(with_rounding(table, error))
    assert all(way.kind == INT8 for way in eight.ways) and eight.ways[-1] == WHOLE
    assert [way.parameters for way in eight.ways[:-1]] == [way.parameters for way in table.ways]
    np.testing.assert_allclose(eight.way_error[:, :, :-1], table.way_error + error)
    np.testing.assert_allclose(eight.way_error[:, :, -1], error)
    known = np.isfinite(table.residual_error)
    for age in range(table.max_age):
        rows = np.arange(table.rows) > age
        here = known[:, :, :, age] & rows[:, None, None]
        found, before = eight.residual_error[:, :, :-1, age], table.residual_error[..., age]
        np.testing.assert_allclose(found[here], before[here] + 3 * error)
    np.testing.assert_allclose(eight.costs.way[:, :-1], INT8_WORK * table.costs.way)
    np.testing.assert_allclose(eight.costs.way[:, -1], INT8_WORK * table.costs.full)
    assert (eight.costs.refresh >= 0).all() and np.array_equal(eight.costs.full, table.costs.full)


def test_with_int8_plans_use_it_and_keep_less_work_at_the_same_error(table):
    eight = solved(in_int8(with_rounding(table, 1e-7)), levels=(("D3", 0.1),)).plan
    sixteen = solved(table, levels=(("D3", 0.1),)).plan
    level, other = eight.levels[0], sixteen.levels[0]
    assert level.predicted_error <= 0.1 and level.model_flops_kept < other.model_flops_kept
    used = {letters.way_letter(k) for k in range(len(eight.ways))} | {letters.residual_letter(k) for k in range(9)}
    assert used & set("".join(level.paths)) and {way.kind for way in eight.ways} == {INT8}
    assert loads(dumps(eight)) == eight


def test_an_error_too_large_for_the_goal_keeps_full_attention(table):
    """Precision is weighed like any other way: a rounding that costs more than the level allows is left alone."""
    level = solved(in_int8(with_rounding(table, 1e3)), levels=(("D1", 1e-6),)).plan.levels[0]
    assert set("".join(level.paths)) <= set("fr") and level.predicted_error <= 1e-6


def test_milliseconds_are_taken_as_they_were_measured(table):
    timed = replace(table, milliseconds=replace(table.costs, unit="milliseconds"))
    eight = in_int8(with_rounding(timed, 1e-6))
    assert eight.costs.unit == FLOPS
    np.testing.assert_array_equal(eight.milliseconds.way[:, :-1], table.costs.way)
