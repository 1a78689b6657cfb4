"""Forecasts of whole evaluations: their errors, the best patterns, and plans that use them."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from plans_samples import course_of, forecasts_of, identity, measurement, plan_of, positions, table_of, with_forecasts

from ditfastattn.plans import Level, ModelIdentity, Plan, PlanError, dumps, fingerprint, loads, resolve
from ditfastattn.plans.letters import FULL, REUSE
from ditfastattn.plans.search import FLOPS, LEVELS, Course, Forecasts, KeepAttention, attention_work, scopes, solve_plan
from ditfastattn.plans.search.forecasts import FOLLOWED
from ditfastattn.plans.search.gaps import TRUST
from ditfastattn.plans.search.patterns import LONGEST, MOVED_ROWS


def rng(seed=0):
    return np.random.default_rng(seed)


def run_of(rows: int, seed: int = 0, size: int = 40):
    """Directions v (rows, size) of a run, and its Forecasts."""
    generator = rng(seed)
    v = np.cumsum(np.cumsum(generator.normal(size=(rows, size)), axis=0), axis=0)
    sigmas = np.sort(generator.uniform(0.05, 1, rows))[::-1]
    reach = generator.uniform(0.5, 2, rows)
    return v, Forecasts(sigmas, reach, v @ v.T, course_of(reach))


def sampled_gaps(v, forecasts: Forecasts, evaluated, slopes, corrections) -> list[tuple[np.ndarray, np.ndarray]]:
    """What the forecasts of each gap do to the final latent, and what is left of it once it was made up for, by
    carrying the forecasts out on the vectors themselves.
    """
    sigmas, reach = forecasts.sigmas, forecasts.reach
    history, gap, gaps = [], np.zeros(v.shape[1]), []
    for row in range(len(v)):
        line = 0.0
        if len(history) > 1:
            (a, b) = history[-1], history[-2]
            line = (v[a] - v[b]) * (sigmas[row] - sigmas[a]) / (sigmas[a] - sigmas[b])
        if not evaluated[row]:
            gap = gap + reach[row] * (v[history[-1]] + slopes[row] * line - v[row])
            continue
        if history and history[-1] < row - 1:
            made_up = corrections[row] * (v[row] - v[history[-1]]) + slopes[row] * line
            gaps.append((gap, gap + reach[row] * made_up))
            gap = np.zeros(v.shape[1])
        history.append(row)
    return [*gaps, (gap, gap)]  # of the last, nothing is undone


def squared(gaps) -> float:
    """Where no evaluation answers to what forecasts change."""
    whole = sum(left for _, left in gaps)
    return float(whole @ whole)


ALL_MARKS = ["1101101", "1110010", "1100011010", "1111101001", "110001", "1110", "1001011", "1000001", "10100110"]


@pytest.mark.parametrize("marks", ALL_MARKS)
def test_error_of_a_pattern_is_that_of_forecasts_carried_out_on_the_directions(marks):
    v, forecasts = run_of(len(marks), seed=len(marks))
    evaluated = np.array([mark == "1" for mark in marks])
    pattern = forecasts.pattern(evaluated)
    gaps = sampled_gaps(v, forecasts, evaluated, pattern.slopes, pattern.corrections)
    assert forecasts.squared_errors([pattern]) == pytest.approx([squared(gaps)], rel=1e-9)
    assert np.allclose((pattern.used - forecasts.reach) @ v, sum(left for _, left in gaps))
    assert pattern.marks == marks and pattern.count == marks.count("1")


@pytest.mark.parametrize("marks", ["1101101", "1110010", "1100011010", "1001011"])
def test_no_other_numbers_of_an_evaluation_after_forecasts_leave_less_error(marks):
    v, forecasts = run_of(len(marks), seed=3)
    evaluated = np.array([mark == "1" for mark in marks])
    pattern = forecasts.pattern(evaluated)
    after = [row for row in range(1, len(marks)) if marks[row - 1 : row + 1] == "01"]
    assert after and all(pattern.corrections[row] for row in after)
    for row in after:
        for slope, correction in ((0.05, 0), (-0.05, 0), (0, 0.05), (0, -0.05)):
            if slope and not pattern.slopes[row]:
                continue  # there is no line after one evaluation
            here = np.arange(len(marks)) == row
            other = pattern.slopes + slope * here, pattern.corrections + correction * here
            found, others = (
                dict(zip(after, sampled_gaps(v, forecasts, evaluated, *numbers)))
                for numbers in ((pattern.slopes, pattern.corrections), other)
            )
            assert np.linalg.norm(others[row][1]) > np.linalg.norm(found[row][1])


def test_slopes_of_forecasts_lie_between_the_line_and_what_fits_the_run_best():
    v, forecasts = run_of(8, seed=1)
    forecasts = replace(forecasts, sigmas=np.linspace(1, 0.1, 8))
    pattern = forecasts.pattern(np.array([mark == "1" for mark in "11010011"]))
    for row, a, b in ((2, 1, 0), (4, 3, 1), (5, 3, 1)):
        ratio = (forecasts.sigmas[row] - forecasts.sigmas[a]) / (forecasts.sigmas[a] - forecasts.sigmas[b])
        line = ratio * (v[a] - v[b])
        fitting = float((v[row] - v[a]) @ line / (line @ line))
        assert pattern.slopes[row] == pytest.approx(1 + TRUST * (fitting - 1), rel=0.01)


@pytest.mark.parametrize(("rows", "seed"), [(5, 0), (7, 1), (8, 2), (9, 3), (10, 4)])
def test_patterns_found_err_by_no_more_than_a_quarter_more_than_the_best_of_all(rows, seed):
    forecasts = forecasts_of(rng(seed), rows)
    reach = 1 - np.append(forecasts.sigmas[1:], 0) / forecasts.sigmas
    answers = np.stack([np.linspace(-0.5, 0.9, rows), np.linspace(1.2, 0.4, rows)], axis=1)
    forecasts = replace(forecasts, reach=reach, course=Course(reach[:, None], 1 - reach, answers))
    best: dict[int, float] = {}
    for rest in itertools.product((True, False), repeat=rows - 1):
        marks = (True, *rest)
        if "0" * LONGEST in "".join("01"[mark] for mark in marks):
            continue
        found = forecasts.pattern(np.array(marks))
        best[found.count] = min(best.get(found.count, np.inf), found.squared_error)
    patterns = {pattern.count: pattern for pattern in forecasts.patterns}
    assert set(patterns) <= set(best) and rows in patterns
    for count, error in best.items():
        # A number of evaluations is missing where fewer do better.
        rivals = [one.squared_error for one in patterns.values() if one.count <= count]
        assert rivals and np.sqrt(min(rivals)) <= 1.25 * np.sqrt(error) + 1e-9
    errors = [pattern.squared_error for pattern in forecasts.patterns]
    assert errors == sorted(errors) and errors[0] == 0


def test_patterns_of_a_long_run_are_found_in_little_time_and_order():
    forecasts = forecasts_of(rng(), MOVED_ROWS + 20)
    errors = [pattern.squared_error for pattern in forecasts.patterns]
    assert errors == sorted(errors) and len(errors) > 20


def test_a_straight_run_is_forecast_without_error():
    sigmas = np.linspace(1, 0.1, 10)
    v = np.outer(np.ones(10), rng().normal(size=30)) + np.outer(sigmas, rng(1).normal(size=30))
    forecasts = Forecasts(sigmas, np.ones(10), v @ v.T, course_of(np.ones(10)))
    straight = forecasts.pattern(np.array([True, True, *[False] * 5, True, False, False]))
    assert straight.squared_error < 1e-10 and np.allclose(straight.slopes[[2, 6, 8, 9]], 1)
    assert any(one.count < 6 and one.squared_error < 1e-10 for one in forecasts.patterns)


@pytest.mark.parametrize("gap", [0.0, 1e3])
def test_a_pattern_promises_no_less_than_gaps_that_are_independent(gap):
    _, forecasts = run_of(7, seed=3)
    pattern = replace(forecasts.pattern(np.array([mark == "1" for mark in "1101101"])), apart=gap)
    followed = float(forecasts.squared_errors([pattern])[0])
    assert pattern.squared_error == pytest.approx(max(followed, gap)) and followed > 0
    assert pattern.judged == pytest.approx(followed + gap)


def test_influence_is_how_much_more_of_an_evaluation_reaches_the_latent_than_without_forecasts():
    """Three levels, of which the last is forecast by a part of the line through the others."""
    forecasts = Forecasts(np.array([3.0, 2.0, 1.0]), np.ones(3), np.eye(3), course_of(np.ones(3)))
    pattern = forecasts.pattern(np.array([True, True, False]))
    part = pattern.slopes[2]  # p(2) - p(1) goes back by half of p(1) - p(0): between -0.5 and 1
    assert part == pytest.approx(1 + TRUST * (-0.5 - 1), abs=0.005)
    assert np.allclose(pattern.used, [1 - part, 1 + 1 + part, 0])
    # Nothing answers here, so that following an error finds the same amplitude.
    amplitude = np.array([1 - part, 2 + part])
    course = forecasts.course
    assert np.allclose(course.amplitudes(forecasts.sigmas, *numbers(pattern)), amplitude)
    assert np.allclose(pattern.influence, np.maximum(np.maximum(amplitude, FOLLOWED * amplitude**2), 1))
    doubled = replace(pattern, used=2 * pattern.used)
    assert np.allclose(doubled.influence, np.square(2 * amplitude) / 2)  # both are above 2
    assert pattern.squared_error == pytest.approx(part**2 + (1 + part) ** 2 + 1)


def numbers(pattern):
    return pattern.evaluated, pattern.slopes, pattern.corrections


def test_what_does_not_fit_is_refused():
    _, forecasts = run_of(5)
    for changes in (
        {"gram": np.eye(4)},
        {"gram": np.full((5, 5), np.nan)},
        {"sigmas": forecasts.sigmas[::-1]},
        {"reach": -forecasts.reach},
        {"course": course_of(np.ones(4))},
    ):
        with pytest.raises(PlanError):
            replace(forecasts, **changes)
    with pytest.raises(PlanError, match="noise levels differ"):
        forecasts.averaged(run_of(5, 1)[1], 0.5)
    with pytest.raises(PlanError, match="noise levels"):
        replace(table_of(rng(), rows=4), forecasts=forecasts)


def test_runs_and_corrected_errors_are_averaged_and_scaled():
    _, forecasts = run_of(6)
    other = replace(forecasts, gram=3 * forecasts.gram)
    assert np.allclose(forecasts.averaged(other, 0.25).gram, 2.5 * forecasts.gram)
    one, two = (replace(table_of(rng(), rows=6), forecasts=some) for some in (forecasts, other))
    assert np.allclose(one.merged(two).forecasts.gram, 2 * forecasts.gram)
    assert one.merged(replace(two, forecasts=None)).forecasts is None
    pattern = forecasts.pattern(np.array([True, True, False, True, False, True]))
    scaled = one.scaled(4.0).scaled(0.5).forecasts.pattern(pattern.evaluated)
    assert scaled.squared_error == pytest.approx(2 * pattern.squared_error)


# -- the table of what is evaluated ------------------------------------------------------------------------------------


def test_ages_of_a_table_of_evaluated_levels_are_those_of_the_real_distances():
    table = with_forecasts(table_of(rng(), rows=7, ages=3, share=True, endless=0.0), rng())
    pattern = table.forecasts.pattern(np.array([True, True, False, True, False, False, True]))
    some, influence = table.evaluated_at(pattern), pattern.influence
    assert some.positions == tuple(table.positions[row] for row in (0, 1, 3, 6)) and some.max_age == 3
    assert np.allclose(some.reuse_error[2, :, 0], influence[2] * table.reuse_error[3, :, 1])  # from level 1
    assert np.allclose(some.reuse_error[2, :, 1], influence[2] * table.reuse_error[3, :, 2])  # from level 0
    assert np.allclose(some.residual_error[3, ..., 0], influence[3] * table.residual_error[6, ..., 2])  # from level 3
    assert np.isinf(some.reuse_error[3, :, 1]).all()  # level 1 lies 5 levels back, more than were measured
    assert np.allclose(some.way_error[1], influence[1] * table.way_error[1])
    assert np.allclose(some.weight[2], influence[2] * table.weight[3])
    assert np.allclose(some.share_cosine[3], np.prod(table.share_cosine[4:7], axis=0))


# -- levels ------------------------------------------------------------------------------------------------------------


def model_of(table):
    return ModelIdentity("flux", fingerprint("flux"), table.sites, 128, 3072)


def solved(table, **options):
    return solve_plan(table, model_of(table), measurement(), **options)


@pytest.fixture(scope="module")
def table():
    made = table_of(rng(4), sites=(4,) * 4, rows=12, windows=2, ages=4, projection=1.0)
    return with_forecasts(made, rng(5), bend=0.6)


@pytest.mark.parametrize("goals", [None, (("D1", 0.02), ("D2", 0.2), ("D3", 0.9))])
def test_a_level_with_forecasts_meets_its_goal_and_never_keeps_more_than_one_without(table, goals):
    options = {} if goals is None else {"levels": goals}
    plan, without = solved(table, **options).plan, solved(replace(table, forecasts=None), **options).plan
    assert any(level.evaluated for level in plan.levels)
    for level, plain in zip(plan.levels, without.levels, strict=True):
        assert level.model_flops_kept <= plain.model_flops_kept * (1 + 1e-9)
        assert not plain.evaluated
    for level, (_, goal) in zip(plan.levels, goals or [(one.name, 1.0) for one in plan.levels], strict=True):
        assert level.predicted_error <= goal
    kept = [level.model_flops_kept for level in plan.levels]
    assert kept == sorted(kept, reverse=True)
    assert loads(dumps(plan)) == plan


def test_figures_of_a_level_are_those_of_its_paths_over_the_levels_that_are_evaluated(table):
    plan = solved(table).plan
    level = next(level for level in plan.levels if level.evaluated)
    evaluated = plan.evaluated(level)
    methods = plan.table(level)
    assert (methods[~evaluated] == REUSE).all() and not plan.share(level)[~evaluated].any()
    work = attention_work(table.costs, methods[evaluated]).sum()
    dense = table.costs.full.sum() * table.rows
    assert level.attention_flops_kept == pytest.approx(work / dense, rel=1e-5)
    skipped = 0.0
    for site, offset in enumerate(table.offsets):
        idle = (methods[evaluated][:, offset : offset + 4] == REUSE).all(axis=1)
        skipped += table.costs.projection[site] * idle.sum()
    model = work + evaluated.sum() * table.costs.other - skipped
    assert level.model_flops_kept == pytest.approx(model / (dense + table.rows * table.costs.other), rel=1e-5)


def test_a_budget_of_attention_is_met_with_less_error_by_leaving_out_evaluations(table):
    goal = (("custom", KeepAttention(0.4)),)
    plan, without = solved(table, levels=goal).plan, solved(replace(table, forecasts=None), levels=goal).plan
    assert plan.levels[0].attention_flops_kept <= 0.4
    assert plan.levels[0].predicted_error < without.levels[0].predicted_error


def test_forecasts_are_not_used_where_directions_jump(table):
    jumping = replace(table.forecasts, gram=1e6 * np.eye(table.rows))
    plan = solved(replace(table, forecasts=jumping)).plan
    assert plan == solved(replace(table, forecasts=None)).plan


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_runs_of_few_steps_are_solved(rows):
    table = table_of(rng(), rows=rows)
    plan = solved(with_forecasts(table, rng())).plan
    assert all(level.evaluated[:1] in ("", "1") for level in plan.levels)


def test_flux_size_is_solved_in_time():
    import time

    table = table_of(rng(), sites=(24,) * 57, rows=28, windows=4, ages=4, projection=1.0)
    table = with_forecasts(table, rng(1), bend=0.6)
    start = time.process_time()
    result = solved(table, price=FLOPS)
    assert time.process_time() - start < 10  # two to three seconds of one idle core
    assert max(result.gap.values()) < 0.02
    assert len(dumps(result.plan)) < 160 * 1024


# -- plans -------------------------------------------------------------------------------------------------------------


def plan_with(marks: str, corrections=(), slopes=(), path=None, share=None) -> Plan:
    rows = len(marks)
    path = path or "".join("f" if mark == "1" else "r" for mark in marks)
    level = Level("D1", (path,) * 5, (share or "0" * rows,) * 2, 0.1, 0.5, 0.5, 0, (), marks, slopes, corrections)
    return Plan(identity(), measurement(), positions(rows), (), (level,))


def test_a_plan_with_forecasts_is_written_in_words_and_read_back():
    plan = plan_with("11011001", (0, 0, 0, 0.41234, 0, 0, 0, -1.5), (0, 0, 0.9, -0.5, 0, 1, 1, 0))
    text = dumps(plan)
    assert '"slopes":[0.0,0.0,0.9,-0.5,0.0,1.0,1.0,0.0]' in text
    assert '"evaluated":"e2pe2p2e"' in text and '"corrections":[0.0,0.0,0.0,0.412,0.0,0.0,0.0,-1.5]' in text
    assert loads(text) == plan
    assert plan.evaluated("D1").tolist() == [True, True, False, True, True, False, False, True]
    assert plan.corrections("D1")[3] == 0.412 and plan.slopes("D1")[2] == 0.9


def test_a_level_that_evaluates_everything_is_written_as_before():
    rows = 5
    plan = plan_with("1" * rows, (0.0,) * rows, (0.0,) * rows)
    assert plan.levels[0].evaluated == "" and plan.levels[0].corrections == () == plan.levels[0].slopes
    assert not any(word in dumps(plan) for word in ("evaluated", "corrections", "slopes"))
    assert plan.evaluated("D1").all() and not plan.corrections("D1").any() and not plan.slopes("D1").any()
    assert plan == plan_with("1" * rows)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (dict(marks="01111"), "first noise level"),
        (dict(marks="11x11"), "text of 0 and 1"),
        (dict(marks="11011", path="ff0ff"), "not evaluated|does not define"),
        (dict(marks="11011", path="fffff"), "not evaluated"),
        (dict(marks="11011", share="00100"), "not evaluated"),
        (dict(marks="11011", corrections=(0, 0, 0, 0, 1)), "does not follow a forecast"),
        (dict(marks="11011", corrections=(0, 0, 1, 0, 0)), "does not follow a forecast"),
        (dict(marks="11011", corrections=(0, 0, 0, 1)), "one for each noise level"),
        (dict(marks="11011", corrections=(0, 0, 0, 99, 0)), "correction must be a number"),
        (dict(marks="11111", corrections=(0, 0, 0, 1, 0)), "has none"),
        (dict(marks="11111", slopes=(0, 0, 0, 1, 0)), "has none"),
        (dict(marks="11011", slopes=(0, 1, 1, 0, 0)), "slope to a noise level that does not follow"),
        (dict(marks="11011", slopes=(0, 0, 1, 0, 1)), "slope to a noise level that does not follow"),
        (dict(marks="11011", slopes=(0, 0, 9, 0, 0)), "slope must be a number"),
    ],
    ids=str,
)
def test_what_is_no_forecast_is_refused_with_a_sentence(values, sentence):
    with pytest.raises(PlanError, match=sentence):
        plan_with(**values)


def test_marks_of_another_number_of_levels_are_refused():
    good = plan_with("11011")
    level = replace(good.levels[0], evaluated="1101")
    with pytest.raises(PlanError, match="whether the model is evaluated"):
        replace(good, levels=(level,))


# -- on a run ----------------------------------------------------------------------------------------------------------


def test_on_the_measured_levels_a_run_forecasts_what_the_plan_says():
    plan = plan_with("11011001", (0, 0, 0, 0.4, 0, 0, 0, 1.5), (0, 0, 0.8, -0.2, 0, 1, 0.9, 0.3))
    run = resolve(plan, "D1", plan.positions)
    assert run.evaluated.tolist() == plan.evaluated("D1").tolist() and run.notes == ()
    assert np.allclose(run.slopes, plan.slopes("D1"), rtol=1e-12)
    assert np.allclose(run.corrections, plan.corrections("D1"), rtol=1e-12)
    assert (run.methods[run.evaluated] == FULL).all()


def test_a_plan_without_forecasts_evaluates_every_step():
    plan = plan_of(rng(), rows=6)
    for count in (3, 6, 11):
        run = resolve(plan, "D1", np.linspace(1, 0, count))
        assert run.evaluated.all() and not run.corrections.any()


def test_twice_as_many_steps_forecast_in_the_same_places_and_correct_twice_as_much():
    plan = plan_with("1110111", (0, 0, 0, 0, 0.4, 0, 0))
    first, last = plan.positions[0], plan.positions[-1]
    run = resolve(plan, "D1", np.linspace(first, last, 13))
    around = [step for step in range(13) if abs(np.linspace(first, last, 13)[step] - plan.positions[3]) < 0.07]
    assert np.flatnonzero(~run.evaluated).tolist() == [step for step in around if run.rows[step] == 3]
    corrected = np.flatnonzero(run.corrections)
    assert len(corrected) == 1 and run.evaluated[corrected[0]] and not run.evaluated[corrected[0] - 1]
    assert run.corrections[corrected[0]] == pytest.approx(0.8, rel=0.05)


def test_steps_too_far_apart_are_evaluated_as_the_nearest_evaluated_level_says():
    plan = plan_with("11101010101", path="fffrfrfrfrf")
    run = resolve(plan, "D1", [plan.positions[row] for row in (0, 3, 5, 7, 9)])
    assert run.evaluated.all() and (run.methods == FULL).all()
    assert any("steps that the plan forecasts are computed" in note for note in run.notes)


def test_a_part_of_the_schedule_begins_with_two_evaluations():
    plan = plan_with("11010101")
    run = resolve(plan, "D1", plan.positions[4:])
    assert run.evaluated.tolist() == [True, True, True, True] or run.evaluated[:2].all()


def test_reuse_across_a_forecast_step_reads_the_last_step_that_was_evaluated():
    plan = plan_with("11011", path="ffrrf")
    run = resolve(plan, "D1", plan.positions)
    assert run.methods[3].tolist() == [REUSE] * 5 and run.evaluated.tolist() == [True, True, False, True, True]
    far = resolve(plan, "D1", [plan.positions[0], 0.9, 0.85, plan.positions[3], plan.positions[4]])
    assert (far.methods[far.rows == 3] == FULL).all() or far.notes == ()


def test_patterns_of_a_large_model_are_chosen_by_some_of_its_layers_and_hardly_worse(monkeypatch):
    made = table_of(rng(7), sites=(4,) * 12, rows=12, windows=2, ages=3, projection=1.0)
    table = with_forecasts(made, rng(5), bend=2.0)
    exact = solved(table).plan
    monkeypatch.setattr(scopes, "SAMPLED_HEADS", 12)
    sampled = solved(table).plan
    for one, other in zip(sampled.levels, exact.levels, strict=True):
        assert one.model_flops_kept <= 1.03 * other.model_flops_kept
        assert one.predicted_error <= dict(LEVELS)[one.name]


def test_some_layers_of_a_table_keep_their_errors_and_their_part_of_the_work():
    table = table_of(rng(), sites=(1, 2, 3), share=True)
    some = table.of_sites([0, 2])
    heads = [0, 3, 4, 5]
    assert some.sites == (table.sites[0], table.sites[2]) and some.offsets.tolist() == [0, 1]
    assert np.array_equal(some.reuse_error, table.reuse_error[:, heads])
    assert np.array_equal(some.share_error, table.share_error[:, [0, 2]])
    assert np.array_equal(some.costs.way, table.costs.way[heads])
    assert some.costs.other / some.costs.full.sum() == pytest.approx(table.costs.other / table.costs.full.sum())
