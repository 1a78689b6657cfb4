"""The levels of a plan from one calibration."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from plans_samples import as_methods, identity, measurement, milliseconds_of, table_of, with_forecasts

from ditfastattn.plans import ModelIdentity, PlanError, codec, dumps, fingerprint, loads
from ditfastattn.plans.search import (
    CUSTOM,
    FLOPS,
    LEVELS,
    MILLISECONDS,
    KeepAttention,
    KeepWork,
    attention_work,
    live_bytes,
    skipped_work,
    solve_plan,
)
from ditfastattn.plans.search.levels import expected_errors


def model_of(table):
    return ModelIdentity("flux", fingerprint("flux"), table.sites, 128, 3072)


def solved_plan(table, **options):
    return solve_plan(table, model_of(table), measurement(), **options).plan


@pytest.mark.parametrize(("projection", "share"), [(0.0, False), (1.0, True)])
def test_levels_meet_their_targets_and_get_cheaper(projection, share):
    table = table_of(
        np.random.default_rng(0), sites=(4,) * 5, rows=10, windows=3, ages=4, projection=projection, share=share
    )
    plan = solved_plan(table)
    assert [level.name for level in plan.levels] == ["D1", "D2", "D3", "D4", "D5", "D6"]
    for level, (_, target) in zip(plan.levels, LEVELS, strict=True):
        assert level.predicted_error <= target
    kept = [level.model_flops_kept for level in plan.levels]
    assert kept == sorted(kept, reverse=True) and kept[-1] < kept[0] < 1
    assert loads(dumps(plan)) == plan


def test_levels_obey_a_cache_limit():
    table = table_of(np.random.default_rng(0), sites=(4,) * 5, rows=8, windows=2, ages=3)
    plan = solved_plan(table, max_cache_bytes=4000)
    assert max(level.cache_bytes for level in plan.levels) <= 4000


@pytest.mark.parametrize("fraction", [0.9, 0.5, 0.2])
@pytest.mark.parametrize(("projection", "share"), [(0.0, False), (1.0, True)])
def test_a_level_of_its_own_budget_keeps_to_it_and_leaves_the_others_alone(fraction, projection, share):
    table = table_of(
        np.random.default_rng(0), sites=(4,) * 5, rows=10, windows=3, ages=4, projection=projection, share=share
    )
    plain = solved_plan(table)
    plan = solved_plan(table, levels=(*LEVELS, (CUSTOM, KeepAttention(fraction))))
    custom = plan.level(CUSTOM)
    assert custom.attention_flops_kept <= fraction
    for level, before in zip(plan.levels, plain.levels):
        assert level.predicted_error == before.predicted_error
        # No level that keeps as little attention errs less than the one that was asked for.
        if level.attention_flops_kept <= custom.attention_flops_kept:
            assert level.predicted_error >= 0.97 * custom.predicted_error
    assert loads(dumps(plan)) == plan


@pytest.mark.parametrize("fraction", [0.9, 0.6, 0.4])
def test_a_budget_of_work_keeps_no_more_and_errs_least(fraction):
    made = table_of(np.random.default_rng(0), sites=(4,) * 3, rows=10, windows=3, ages=4)
    table = with_forecasts(made, np.random.default_rng(5), bend=0.6)
    plan = solved_plan(table, levels=(*LEVELS, (CUSTOM, KeepWork(fraction))))
    custom = plan.level(CUSTOM)
    assert custom.model_flops_kept <= fraction
    # A level with less error keeps more work, but for the steps in which errors are tried.
    for error in (0.9 * custom.predicted_error, 0.5 * custom.predicted_error):
        milder = solved_plan(table, levels=(("D1", error),)).levels[0]
        assert milder.model_flops_kept > fraction


def test_a_budget_of_all_work_changes_nothing():
    table = table_of(np.random.default_rng(0), sites=(4,) * 3, rows=6, windows=2, ages=2)
    custom = solved_plan(table, levels=((CUSTOM, KeepWork(1.0)),)).level(CUSTOM)
    assert custom.predicted_error == 0 and custom.model_flops_kept == 1


def test_a_budget_of_work_that_nothing_reaches_is_said_in_a_sentence():
    table = table_of(np.random.default_rng(0), sites=(4,) * 3, rows=6, windows=2, ages=2)
    solved = solve_plan(table, model_of(table), measurement(), levels=((CUSTOM, KeepWork(0.01)),))
    assert "still keeps" in solved.notes[0] and "of the work" in solved.notes[0]


def test_the_distance_from_the_best_possible_plan_is_bounded_for_every_level():
    table = table_of(np.random.default_rng(0), sites=(4,) * 5, rows=10, windows=3, ages=4)
    solved = solve_plan(table, model_of(table), measurement(), levels=(*LEVELS, (CUSTOM, KeepAttention(0.5))))
    assert list(solved.gap) == [level.name for level in solved.plan.levels]
    assert all(0 <= gap < 0.02 for gap in solved.gap.values())
    assert solved.notes == ()


def test_a_budget_that_no_compression_reaches_is_said_in_a_sentence():
    table = table_of(np.random.default_rng(0), sites=(4,) * 2, rows=4, windows=1, ages=1)
    solved = solve_plan(table, model_of(table), measurement(), levels=((CUSTOM, KeepAttention(0.001)),))
    assert len(solved.notes) == 1 and "strongest compression measured still keeps" in solved.notes[0]


def timed_table(rng=None, share=True, **factors):
    table = table_of(np.random.default_rng(0), sites=(4,) * 5, rows=10, windows=3, ages=4, projection=1.0, share=share)
    return dataclasses.replace(table, milliseconds=milliseconds_of(table, rng, **factors))


def test_milliseconds_that_follow_the_flops_give_the_same_plan():
    table = timed_table()
    flops = solve_plan(table, model_of(table), measurement())
    times = solve_plan(table, model_of(table), measurement(), price=MILLISECONDS)
    assert times.plan == flops.plan
    assert times.milliseconds == pytest.approx(flops.milliseconds) and list(flops.milliseconds)[:2] == ["dense", "D1"]


def test_windows_that_take_longer_than_full_attention_are_not_chosen():
    slow = {name: 20.0 for name in ("way", "residual", "refresh")}
    table = timed_table(**slow)
    flops, times = (
        solve_plan(table, model_of(table), measurement(), price=price).plan for price in (FLOPS, MILLISECONDS)
    )
    by_flops, by_times = (
        {letter for level in plan.levels for path in level.paths for letter in path} for plan in (flops, times)
    )
    assert by_flops & set("012ABC")
    assert not by_times & set("012ABC") and "r" in by_times


@pytest.mark.parametrize("seed", range(3))
def test_levels_by_milliseconds_meet_their_targets_and_take_less_time_than_levels_by_flops(seed):
    table = timed_table(np.random.default_rng(seed), way=1.5)
    flops, times = (solve_plan(table, model_of(table), measurement(), price=price) for price in (FLOPS, MILLISECONDS))
    for level, (name, target) in zip(times.plan.levels, LEVELS, strict=True):
        assert level.predicted_error <= target
        assert level.model_flops_kept >= 0.98 * flops.plan.level(name).model_flops_kept
    kept = model_milliseconds(table, times.plan)
    assert all(later <= earlier for earlier, later in zip(kept, kept[1:], strict=False))
    assert all(ours <= 1.001 * theirs for ours, theirs in zip(kept, model_milliseconds(table, flops.plan)))
    assert all(0 <= gap < 0.07 for gap in times.gap.values())


def model_milliseconds(table, plan):
    times = table.milliseconds
    attention = [attention_work(times, plan.table(level), plan.share(level)).sum() for level in plan.levels]
    skipped = [skipped_work(times, plan.table(level)).sum() for level in plan.levels]
    return [float(one - other) for one, other in zip(attention, skipped, strict=True)]


def test_figures_of_levels_by_milliseconds_are_sums_of_flops_and_the_times_sums_of_milliseconds():
    table = timed_table(np.random.default_rng(1))
    solved = solve_plan(table, model_of(table), measurement(), price=MILLISECONDS)
    whole = table.costs.full.sum() * table.rows
    for level in solved.plan.levels:
        methods, share = solved.plan.table(level), solved.plan.share(level)
        attention = attention_work(table.costs, methods, share).sum()
        model = attention - skipped_work(table.costs, methods).sum() + table.rows * table.costs.other
        assert level.attention_flops_kept == pytest.approx(attention / whole, rel=1e-5)
        assert level.model_flops_kept == pytest.approx(model / (whole + table.rows * table.costs.other), rel=1e-5)
        assert level.cache_bytes == np.ceil(live_bytes(table.costs, methods).sum(axis=1).max())
        times = attention_work(table.milliseconds, methods, share).sum() / table.rows
        assert solved.milliseconds[level.name] == pytest.approx(times)
    assert solved.milliseconds["dense"] == pytest.approx(table.milliseconds.full.sum())


def test_a_budget_of_attention_counts_flops_at_any_price():
    table = timed_table(np.random.default_rng(1))
    levels = (*LEVELS, (CUSTOM, KeepAttention(0.5)))
    flops, times = (
        solve_plan(table, model_of(table), measurement(), levels=levels, price=price).plan
        for price in (FLOPS, MILLISECONDS)
    )
    assert times.level(CUSTOM).attention_flops_kept <= 0.5
    assert times.level(CUSTOM).predicted_error == pytest.approx(flops.level(CUSTOM).predicted_error)
    assert loads(dumps(times)) == times


def test_a_price_that_was_not_measured_is_refused():
    table = table_of(np.random.default_rng(0))
    with pytest.raises(PlanError, match="No milliseconds were measured"):
        solve_plan(table, model_of(table), measurement(), price=MILLISECONDS)


def test_table_of_another_model_is_refused():
    with pytest.raises(PlanError, match="calibrate again"):
        solve_plan(table_of(np.random.default_rng(0)), identity((2, 2)), measurement())


def test_another_price_is_refused():
    with pytest.raises(PlanError, match="FLOPs or milliseconds"):
        solve_plan(timed := timed_table(), model_of(timed), measurement(), price="hours")


@pytest.mark.parametrize(("rows", "noise"), [(28, 0.5), (28, 1.0), (50, 0.5), (50, 1.0)])
def test_flux_plan_fits_into_160_kib(rows, noise):
    table = table_of(np.random.default_rng(0), sites=(24,) * 57, rows=rows, windows=4, ages=4, noise=noise)
    plan = solved_plan(table)
    assert [level.name for level in plan.levels] == [name for name, _ in LEVELS]
    assert len(dumps(plan)) <= 160 * 1024
    assert all(level.predicted_error <= target for level, (_, target) in zip(plan.levels, LEVELS, strict=True))


@pytest.mark.parametrize("drop", [1, 3])
def test_levels_that_a_text_has_no_room_for_are_left_out_strongest_first_with_a_note(monkeypatch, drop):
    table = table_of(np.random.default_rng(0), sites=(4,) * 5, rows=10, windows=3, ages=4)
    levels = (*LEVELS, (CUSTOM, KeepAttention(0.5)))
    whole = solve_plan(table, model_of(table), measurement(), levels=levels)
    kept = dataclasses.replace(whole.plan, levels=(*whole.plan.levels[: 6 - drop], whole.plan.levels[-1]))
    monkeypatch.setattr(codec, "MAX_TEXT", codec.length(kept))
    found = solve_plan(table, model_of(table), measurement(), levels=levels)
    assert found.plan == kept and loads(dumps(kept)) == kept
    names = [level.name for level in kept.levels]
    left_out = " / ".join(name for name, _ in LEVELS[6 - drop :])
    assert list(found.gap) == names
    assert found.notes[-1] == f"The plan has no level {left_out}: its text would be too long."
    assert found.notes[:-1] == whole.notes


def test_one_level_is_left_however_long_its_text():
    table = table_of(np.random.default_rng(0), sites=(4,) * 5, rows=10, windows=3, ages=4)
    plan = solved_plan(table, levels=(("D1", 0.1),))
    assert [level.name for level in plan.levels] == ["D1"]


def by_hand_table():
    """Two sites of one and two heads, four rows, one window; one known error per method."""
    table = table_of(np.random.default_rng(0), sites=(1, 2), rows=4, windows=1, ages=2, endless=0, share=True)
    return dataclasses.replace(
        table,
        way_error=np.full_like(table.way_error, 4.0),
        residual_error=np.full_like(table.residual_error, 1.0),
        reuse_error=np.full_like(table.reuse_error, 6.0),
        share_error=np.full_like(table.share_error, 5.0),
        output_energy=np.array([[100.0, 200.0], [400.0, 100.0], [100.0, 300.0], [50.0, 100.0]]),
        reuse_gain=3.0,
    )


def expected_of(table, *paths, share=((0, 0),) * 4):
    return expected_errors(table, as_methods(paths), np.array(share, bool))


def test_expected_errors_equal_a_hand_computation():
    table = by_hand_table()
    # First site: windows at rows 1 and 2, full at 3. Second: residuals of one head at rows 2 and 3.
    assert expected_of(table, "f00f", "ffff", "ffAA") == pytest.approx([(8 / 500) ** 0.5, (2 / 400) ** 0.5])
    # A reuse errs by 6 / 3, its gain divided out, and by what the window erred that it repeats.
    assert expected_of(table, "ffff", "f0rf", "ff0f")[1] == pytest.approx(((4 + (2 + 4) + 4) / 400) ** 0.5)
    # Sharing counts where it happens, also where all heads are full; a layer that stays full has none.
    assert expected_of(table, "ffff", "ffff", "ffff", share=[(0, 0), (0, 1), (0, 1), (0, 0)]) == pytest.approx(
        [0, (10 / 400) ** 0.5]
    )


def test_rows_at_which_a_whole_layer_is_skipped_do_not_count_unless_there_are_no_others():
    table = by_hand_table()
    assert expected_of(table, "ffff", "f0rr", "fr0r")[1] == pytest.approx((((4 + 2) + (2 + 4 + 4)) / 400) ** 0.5)
    assert expected_of(table, "ffrr", "ffff", "ffff")[0] == pytest.approx((4 / 150) ** 0.5)


def test_no_error_is_expected_where_the_outputs_were_not_measured():
    table = dataclasses.replace(by_hand_table(), output_energy=np.zeros((4, 2)))
    assert expected_of(table, "f0ff", "ffff", "ffff") == ()
    assert expected_of(table, "ffff", "ffff", "ffff") == (0.0, 0.0)


def test_expected_errors_do_not_depend_on_the_scale_of_the_errors_and_are_in_the_plan():
    table = table_of(np.random.default_rng(0), sites=(2, 3), rows=6, share=True)
    plan = solved_plan(table, levels=(("D1", 0.1),))
    (level,) = plan.levels
    expected = expected_errors(table, plan.table(level), plan.share(level))
    assert level.expected_errors == pytest.approx(expected, rel=5e-3) and max(level.expected_errors) > 0
    assert expected_errors(table.scaled(7.0), plan.table(level), plan.share(level)) == pytest.approx(expected)
    assert loads(dumps(plan)) == plan
