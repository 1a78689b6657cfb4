"""The levels of a plan from one calibration, and the codebook that keeps its text small."""

from __future__ import annotations

import dataclasses

import numpy as np
import plans_oracle as oracle
import pytest
from plans_samples import identity, measurement, milliseconds_of, random_paths, table_of

from ditfastattn.plans import (
    CUSTOM,
    LEVELS,
    MILLISECONDS,
    KeepAttention,
    ModelIdentity,
    PlanError,
    dumps,
    evaluate,
    fingerprint,
    loads,
    solve_levels,
    solve_plan,
)
from ditfastattn.plans.codebook import Choice, Codebook, _errors
from ditfastattn.plans.presets import promises
from ditfastattn.plans.solver import Search


def model_of(table):
    return ModelIdentity("flux", fingerprint("flux"), table.sites, 128, 3072)


@pytest.mark.parametrize(("projection", "share"), [(0.0, False), (1.0, True)])
def test_levels_meet_their_targets_and_get_cheaper(projection, share):
    table = table_of(
        np.random.default_rng(0), sites=(4,) * 5, rows=10, windows=3, ages=4, projection=projection, share=share
    )
    plan = solve_levels(table, model_of(table), measurement())
    assert [level.name for level in plan.levels] == ["D1", "D2", "D3", "D4", "D5", "D6"]
    for level, (_, target) in zip(plan.levels, LEVELS, strict=True):
        assert level.predicted_error <= target
    kept = [level.model_flops_kept for level in plan.levels]
    assert kept == sorted(kept, reverse=True) and kept[-1] < kept[0] < 1
    assert loads(dumps(plan)) == plan


def test_levels_obey_a_cache_limit():
    table = table_of(np.random.default_rng(0), sites=(4,) * 5, rows=8, windows=2, ages=3)
    plan = solve_levels(table, model_of(table), measurement(), max_cache_bytes=4000)
    assert max(level.cache_bytes for level in plan.levels) <= 4000


@pytest.mark.parametrize("fraction", [0.9, 0.5, 0.2])
@pytest.mark.parametrize(("projection", "share"), [(0.0, False), (1.0, True)])
def test_a_level_of_its_own_budget_keeps_to_it_and_leaves_the_others_alone(fraction, projection, share):
    table = table_of(
        np.random.default_rng(0), sites=(4,) * 5, rows=10, windows=3, ages=4, projection=projection, share=share
    )
    plain = solve_levels(table, model_of(table), measurement())
    plan = solve_levels(table, model_of(table), measurement(), levels=(*LEVELS, (CUSTOM, KeepAttention(fraction))))
    custom = plan.level(CUSTOM)
    assert custom.attention_flops_kept <= fraction
    for level, before in zip(plan.levels, plain.levels):
        assert level.predicted_error == before.predicted_error
        # No level that keeps as little attention errs less than the one that was asked for.
        if level.attention_flops_kept <= custom.attention_flops_kept:
            assert level.predicted_error >= 0.97 * custom.predicted_error
    assert loads(dumps(plan)) == plan


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


@pytest.mark.parametrize("memory", [None, 5000])
def test_the_codebook_keeps_a_budget_of_attention(memory):
    table = table_of(np.random.default_rng(0), sites=(8,) * 8, rows=12, windows=3, ages=4)
    found = Search(table).solve(keep_attention=0.5, max_cache_bytes=memory)
    limits = {"attention": 0.5, "cache_bytes": memory or np.inf, "memory": found.memory}
    (point,) = limit_profiles(table, [Choice(found.point, found.price, **limits)], 30)
    assert len({bytes(column) for column in point.methods.T}) <= 30
    assert point.attention.sum() <= 0.5 and point.cache_bytes <= limits["cache_bytes"]
    assert point.error.sum() < 3 * found.point.error.sum()


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
    slow = {name: 20.0 for name in ("window_cost", "residual_cost", "refresh_cost")}
    table = timed_table(**slow)
    flops, times = (
        solve_plan(table, model_of(table), measurement(), price=price).plan for price in ("flops", MILLISECONDS)
    )
    assert set("".join(flops.profiles)) & set("012ABC")
    assert not set("".join(times.profiles)) & set("012ABC") and "r" in "".join(times.profiles)


@pytest.mark.parametrize("seed", range(3))
def test_levels_by_milliseconds_meet_their_targets_and_take_less_time_than_levels_by_flops(seed):
    table = timed_table(np.random.default_rng(seed), window_cost=1.5)
    flops, times = (solve_plan(table, model_of(table), measurement(), price=price) for price in ("flops", MILLISECONDS))
    for level, (name, target) in zip(times.plan.levels, LEVELS, strict=True):
        assert level.predicted_error <= target
        assert level.model_flops_kept >= 0.98 * flops.plan.level(name).model_flops_kept
    kept = model_milliseconds(table, times.plan)
    assert all(later <= earlier for earlier, later in zip(kept, kept[1:], strict=False))
    assert all(ours <= 1.001 * theirs for ours, theirs in zip(kept, model_milliseconds(table, flops.plan)))
    assert all(0 <= gap < 0.07 for gap in times.gap.values())


def model_milliseconds(table, plan):
    timed = table.in_milliseconds()
    attention = [evaluate.attention_flops(timed, plan.table(level), plan.share(level)).sum() for level in plan.levels]
    skipped = [evaluate.skipped_flops(timed, plan.table(level)).sum() for level in plan.levels]
    return [float(one - other) for one, other in zip(attention, skipped, strict=True)]


def test_figures_of_levels_by_milliseconds_are_sums_of_flops_and_the_times_sums_of_milliseconds():
    table = timed_table(np.random.default_rng(1))
    solved = solve_plan(table, model_of(table), measurement(), price=MILLISECONDS)
    timed = table.in_milliseconds()
    whole = table.full_cost.sum() * table.rows
    for level in solved.plan.levels:
        methods, share = solved.plan.table(level), solved.plan.share(level)
        attention = evaluate.attention_flops(table, methods, share).sum()
        model = attention - evaluate.skipped_flops(table, methods).sum() + table.rows * table.other_cost
        assert level.attention_flops_kept == pytest.approx(attention / whole, rel=1e-5)
        assert level.model_flops_kept == pytest.approx(model / (whole + table.rows * table.other_cost), rel=1e-5)
        assert level.cache_bytes == np.ceil(evaluate.live_bytes(table, methods).sum(axis=1).max())
        times = evaluate.attention_flops(timed, methods, share).sum() / table.rows
        assert solved.milliseconds[level.name] == pytest.approx(times)
    assert solved.milliseconds["dense"] == pytest.approx(table.milliseconds.full_cost.sum())


def test_a_budget_of_attention_counts_flops_at_any_price():
    table = timed_table(np.random.default_rng(1))
    levels = (*LEVELS, (CUSTOM, KeepAttention(0.5)))
    flops, times = (
        solve_plan(table, model_of(table), measurement(), levels=levels, price=price).plan
        for price in ("flops", MILLISECONDS)
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
        solve_levels(table_of(np.random.default_rng(0)), identity((2, 2)), measurement())


def limit_profiles(table, choices, most):
    book = Codebook.of(table, choices, most)
    return [book.chosen(level, choice) for level, choice in enumerate(choices)]


def choices_of(table, targets=(0.1, 0.2, 0.4), memory=np.inf):
    search = Search(table)
    found = [search.solve(target_error=target) for target in targets]
    return [Choice(one.point, one.price, target**2, None, memory) for one, target in zip(found, targets, strict=True)]


@pytest.mark.parametrize(("projection", "share"), [(0.0, False), (1.0, False), (1.0, True)])
def test_codebook_is_small_and_keeps_the_targets(projection, share):
    table = table_of(
        np.random.default_rng(0), sites=(8,) * 8, rows=12, windows=3, ages=4, projection=projection, share=share
    )
    choices = choices_of(table)
    points = limit_profiles(table, choices, 30)
    distinct = {bytes(column) for point in points for column in point.methods.T}
    assert len(distinct) <= 30
    for point, choice in zip(points, choices, strict=True):
        assert point.error.sum() <= choice.squared_error
        assert point.flops.sum() < 0.5 * (1 + choice.point.flops.sum())  # most of the saving survives


def test_codebook_of_one_is_all_full():
    table = table_of(np.random.default_rng(0), sites=(4,) * 4, rows=6)
    for point in limit_profiles(table, choices_of(table), 1):
        assert (point.methods == ord("f")).all()


def test_codebook_keeps_the_cache_limit():
    table = table_of(np.random.default_rng(0), sites=(8,) * 4, rows=10, windows=2, ages=3)
    assert max(choice.point.cache_bytes for choice in choices_of(table)) > 5000
    for point in limit_profiles(table, choices_of(table, memory=5000), 12):
        live = sum(oracle.bytes_of(table, head, bytes(column).decode()) for head, column in enumerate(point.methods.T))
        assert live.max() <= 5000


def test_few_profiles_are_left_alone():
    table = table_of(np.random.default_rng(0), sites=(2, 2), rows=6)
    choices = choices_of(table)
    assert [id(point) for point in limit_profiles(table, choices, 100)] == [id(choice.point) for choice in choices]


def test_errors_of_heads_with_other_profiles_agree_with_the_oracle():
    generator = np.random.default_rng(0)
    table = table_of(generator, sites=(3,), rows=8, windows=2, ages=3, endless=0.02)
    paths = random_paths(generator, 40, 8, 2)
    profiles = np.array([[ord(letter) for letter in path] for path in paths], dtype=np.uint8)
    found = _errors(table, profiles)
    for head in range(3):
        for which, path in enumerate(paths):
            truth = oracle.error_of(table, head, path)
            assert (
                found[head, which] >= 1e29 if np.isinf(truth) else found[head, which] == pytest.approx(truth, rel=1e-5)
            )


def test_flux_plan_fits_into_64_kib():
    table = table_of(np.random.default_rng(0), sites=(24,) * 57, rows=28, windows=4, ages=4)
    plan = solve_levels(table, model_of(table), measurement())
    assert len(dumps(plan)) <= 64 * 1024
    assert all(level.predicted_error <= target for level, (_, target) in zip(plan.levels, LEVELS, strict=True))


def by_hand_table():
    """Two sites of one and two heads, four rows, one window; one known error per method."""
    table = table_of(np.random.default_rng(0), sites=(1, 2), rows=4, windows=1, ages=2, endless=0, share=True)
    return dataclasses.replace(
        table,
        window_error=np.full_like(table.window_error, 4.0),
        residual_error=np.full_like(table.residual_error, 1.0),
        reuse_error=np.full_like(table.reuse_error, 6.0),
        share_error=np.full_like(table.share_error, 5.0),
        output_energy=np.array([[100.0, 200.0], [400.0, 100.0], [100.0, 300.0], [50.0, 100.0]]),
        reuse_gain=3.0,
    )


def promised(table, *paths, share=((0, 0),) * 4):
    methods = np.array([[ord(letter) for letter in path] for path in paths], np.uint8).T
    return promises(table, methods, np.array(share, bool))


def test_promises_equal_a_hand_computation():
    table = by_hand_table()
    # First site: windows at rows 1 and 2, full at 3. Second: residuals of one head at rows 2 and 3.
    assert promised(table, "f00f", "ffff", "ffAA") == pytest.approx([(8 / 500) ** 0.5, (2 / 400) ** 0.5])
    # A reuse errs by 6 / 3, its gain divided out, and by what the window erred that it repeats.
    assert promised(table, "ffff", "f0rf", "ff0f")[1] == pytest.approx(((4 + (2 + 4) + 4) / 400) ** 0.5)
    # Sharing counts where it happens, also where all heads are full; a layer that stays full promises 0.
    assert promised(table, "ffff", "ffff", "ffff", share=[(0, 0), (0, 1), (0, 1), (0, 0)]) == pytest.approx(
        [0, (10 / 400) ** 0.5]
    )


def test_rows_at_which_a_whole_layer_is_skipped_do_not_count_unless_there_are_no_others():
    table = by_hand_table()
    assert promised(table, "ffff", "f0rr", "fr0r")[1] == pytest.approx((((4 + 2) + (2 + 4 + 4)) / 400) ** 0.5)
    assert promised(table, "ffrr", "ffff", "ffff")[0] == pytest.approx((4 / 150) ** 0.5)


def test_no_error_is_promised_where_the_outputs_were_not_measured():
    table = dataclasses.replace(by_hand_table(), output_energy=None)
    assert promised(table, "f0ff", "ffff", "ffff") == ()
    assert promised(table, "ffff", "ffff", "ffff") == (0.0, 0.0)


def test_promises_do_not_depend_on_the_scale_of_the_errors_and_are_in_the_plan():
    table = table_of(np.random.default_rng(0), sites=(2, 3), rows=6, share=True)
    plan = solve_levels(table, model_of(table), measurement(), levels=(("D1", 0.1),))
    (level,) = plan.levels
    expected = promises(table, plan.table(level), plan.share(level))
    assert level.promises == pytest.approx(expected, rel=5e-3) and max(level.promises) > 0
    assert promises(table.scaled(7.0), plan.table(level), plan.share(level)) == pytest.approx(expected)
    assert loads(dumps(plan)) == plan
