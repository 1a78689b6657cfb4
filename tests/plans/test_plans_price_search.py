"""The search finds what trying everything finds; its figures are those of the paths it returns."""

from __future__ import annotations

import dataclasses
import math
import time

import numpy as np
import plans_oracle as oracle
import pytest
from plans_samples import as_methods, milliseconds_of, random_paths, solve, table_of, with_costs

from ditfastattn.plans import PlanError
from ditfastattn.plans.search import MILLISECONDS
from ditfastattn.plans.search.evaluate import attention_work, errors, live_bytes
from ditfastattn.plans.search.price_search import Search
from ditfastattn.plans.search.relaxation import Relaxation
from ditfastattn.plans.search.shortest_path import Cells, Multipliers, best_paths

WITHIN = 0.03  # of dense attention: how far choices that bind a site's heads may stay from the best there are


def rng(seed=0):
    return np.random.default_rng(seed)


def multipliers_of(table):
    """Multipliers from "only error counts" to "only work counts", error per dense run of attention."""
    middle = np.median(table.reuse_error[np.isfinite(table.reuse_error)]) * table.rows * table.heads
    return middle * np.logspace(-4, 4, 9)


def timed(table, seed=0, **factors):
    """The table at random costs in milliseconds: caches, residuals and refreshes have a multiplier of their own."""
    times = milliseconds_of(table, rng(100 + seed), **factors)
    return dataclasses.replace(table, milliseconds=times).in_unit(MILLISECONDS)


@pytest.mark.parametrize("costs", [lambda table, seed: table, timed], ids=["flops", "milliseconds"])
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("windows", "ages"), [(2, 2), (1, 3), (2, 1), (0, 2)])
def test_path_of_every_head_is_optimal_at_any_multiplier(seed, windows, ages, costs):
    table = costs(table_of(rng(seed), sites=(1, 2), rows=5 if windows < 2 else 4, windows=windows, ages=ages), seed)
    dense = table.costs.full.sum() * table.rows
    every = list(oracle.paths(table.rows, windows))
    sums = [
        [(oracle.error_of(table, head, path), oracle.flops_of(table, head, path) / dense) for path in every]
        for head in range(3)
    ]
    for multiplier in multipliers_of(table):
        methods, value = best_paths(Cells.of(table), Multipliers(multiplier))
        for head in range(3):
            path = bytes(methods[:, head]).decode()
            least = min(error + multiplier * flops for error, flops in sums[head])
            assert value[head] == pytest.approx(least, rel=1e-9)
            error, flops = sums[head][every.index(path)]
            assert error + multiplier * flops == pytest.approx(least, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_path_is_optimal_with_rows_that_must_reuse(seed):
    table = table_of(rng(seed), sites=(1, 2), rows=4, windows=2, ages=3, endless=0)
    dense = table.costs.full.sum() * table.rows
    forced = np.zeros((4, 3), dtype=bool)
    forced[2], forced[3, 1] = True, True
    for multiplier in multipliers_of(table):
        methods, value = best_paths(Cells.of(table), Multipliers(multiplier, forced=forced))
        for head in range(3):
            allowed = [p for p in oracle.paths(4, 2) if p[2] == "r" and (head != 1 or p[3] == "r")]
            least = min(
                oracle.error_of(table, head, p) + multiplier * oracle.flops_of(table, head, p) / dense for p in allowed
            )
            assert value[head] == pytest.approx(least, rel=1e-9)
            assert (methods[forced[:, head], head] == ord("r")).all()


@pytest.mark.parametrize("seed", range(6))
def test_target_is_met_and_no_solution_is_cheaper_than_the_bound(seed):
    table = table_of(rng(seed), sites=(1, 2), rows=4, windows=2, ages=2)
    best = pareto_of(table)
    for squared in np.quantile([error for error, _ in best if 0 < error < math.inf], [0.1, 0.3, 0.5, 0.9]):
        solution = solve(table, target_error=math.sqrt(squared) * (1 + 1e-6))
        assert solution.reached and solution.predicted_error <= math.sqrt(squared) * (1 + 1e-6)
        optimum = min(flops for error, flops in best if error <= squared * (1 + 1e-6))
        model = model_kept(table, optimum)
        assert solution.lower_bound <= model + 1e-9
        assert solution.model_kept >= model - 1e-9
        assert solution.model_kept - model <= solution.gap + 1e-9
        # With three heads one head is a third of the problem: what is left of the budget cannot always be spent.
        assert solution.gap < 0.05


def pareto_of(table):
    """Error and attention FLOPs kept of all solutions that are not worse in both than another."""
    dense = table.costs.full.sum() * table.rows
    front = [(0.0, 0.0)]
    for head in range(table.heads):
        own = [
            (oracle.error_of(table, head, p), oracle.flops_of(table, head, p) / dense)
            for p in oracle.paths(table.rows, 2)
        ]
        front = thinned([(a + c, b + d) for a, b in front for c, d in thinned(own)])
    return front


def thinned(points):
    result, least = [], math.inf
    for error, flops in sorted(points):
        if flops < least and error < math.inf:
            result.append((error, flops))
            least = flops
    return result


def attention_kept(solution):
    """Fraction of the dense run's attention work."""
    return float(solution.point.attention.sum())


def model_kept(table, attention):
    dense, other = table.costs.full.sum() * table.rows, table.rows * table.costs.other
    return (attention * dense + other) / (dense + other)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [False, True])
def test_figures_are_those_of_the_paths(seed, share):
    table = table_of(rng(seed), sites=(2, 3), rows=8, windows=2, ages=3, projection=1.0, share=share)
    for target in (0.01, 0.03, 0.1, 0.3):
        solution = solve(table, target_error=target)
        attention, model = oracle.kept_of(table, solution)
        assert attention_kept(solution) == pytest.approx(attention, rel=1e-9)
        assert solution.model_kept == pytest.approx(model, rel=1e-9)
        assert solution.predicted_error == pytest.approx(oracle.error_of_solution(table, solution), rel=1e-9, abs=1e-15)
        live = sum(oracle.bytes_of(table, head, path) for head, path in enumerate(solution.paths))
        assert solution.cache_bytes == math.ceil(live.max())
        assert all(path[0] == "f" for path in solution.paths)
        assert all(bits[0] == "0" for bits in solution.share)


@pytest.mark.parametrize("costs", [lambda table: table, timed], ids=["flops", "milliseconds"])
def test_sums_over_any_paths_agree_with_the_oracle(costs):
    generator = rng(5)
    table = costs(table_of(generator, sites=(4, 4), rows=9, windows=3, ages=4))
    for _ in range(20):
        paths = random_paths(generator, 8, 9, 3)
        methods = as_methods(paths)
        for head, path in enumerate(paths):
            assert errors(table, methods)[:, head].sum() == pytest.approx(oracle.error_of(table, head, path), rel=1e-9)
            assert attention_work(table.costs, methods)[:, head].sum() == pytest.approx(
                oracle.flops_of(table, head, path), rel=1e-9
            )
            assert live_bytes(table.costs, methods)[:, head].tolist() == oracle.bytes_of(table, head, path).tolist()


@pytest.mark.parametrize(("projection", "share"), [(0.0, False), (1.0, False), (1.0, True)])
def test_more_error_allowed_never_costs_more(projection, share):
    search = Search(table_of(rng(2), sites=(4,) * 6, rows=10, windows=3, ages=4, projection=projection, share=share))
    kept = [search.solve(target_error=target).model_kept for target in np.linspace(0.0, 0.5, 12)]
    assert all(later <= earlier + 2e-3 for earlier, later in zip(kept, kept[1:], strict=False)), kept
    assert kept[-1] < 0.97


def test_no_error_allowed_means_all_full():
    solution = solve(table_of(rng(), sites=(3, 3), rows=6, projection=1.0, share=True), target_error=0)
    assert set(solution.paths) == {"ffffff"} and set(solution.share) == {"000000"}
    assert (
        solution.predicted_error,
        attention_kept(solution),
        solution.model_kept,
        solution.cache_bytes,
    ) == (0, 1, 1, 0)


@pytest.mark.parametrize("target", [1e6, math.inf])
def test_any_error_allowed_means_the_cheapest_there_is(target):
    table = table_of(rng(), sites=(2, 2), rows=6, windows=2, ages=5, projection=1.0, endless=0)
    solution = solve(table, target_error=target)
    assert set(solution.paths) == {"frrrrr"}
    assert attention_kept(solution) == pytest.approx(1 / 6)


def test_what_is_not_available_is_never_used():
    table = table_of(rng(), sites=(3,), rows=6, windows=2, ages=2, endless=0.9)
    solution = solve(table, target_error=1e6)
    assert math.isfinite(solution.predicted_error)
    nothing = dataclasses.replace(
        table,
        **{name: np.full_like(getattr(table, name), np.nan) for name in ("way_error", "residual_error", "reuse_error")},
    )
    assert set(solve(nothing, target_error=1).paths) == {"ffffff"}


@pytest.mark.parametrize("keep", [0.9, 0.6, 0.4])
def test_budget_of_attention_is_kept_and_used(keep):
    solution = solve(table_of(rng(1), sites=(8,) * 6, rows=10, windows=3, ages=4), keep_attention=keep)
    assert solution.reached and keep - 0.01 < attention_kept(solution) <= keep
    assert solution.gap < 0.005


def test_budget_of_one_is_full_and_an_impossible_one_says_so():
    table = table_of(rng(1), sites=(4,), rows=6, windows=2, ages=2)
    assert solve(table, keep_attention=1.0).predicted_error == 0
    nearly = solve(table, keep_attention=0.999)
    assert nearly.reached and 0.9 < attention_kept(nearly) <= 0.999
    least = solve(table, keep_attention=0.0)
    assert not least.reached and "%" in least.note and 0 < attention_kept(least) < 0.6


def test_goal_must_be_one():
    table = table_of(rng())
    for goal in ({}, {"target_error": 0.1, "keep_attention": 0.5}, {"target_error": -1}, {"target_error": math.nan}):
        with pytest.raises(PlanError):
            solve(table, **goal)


@pytest.mark.parametrize("projection", [0.0, 1.0])
def test_cache_limit_is_obeyed(projection):
    table = table_of(rng(3), sites=(6,) * 5, rows=10, windows=3, ages=4, projection=projection)
    free = solve(table, target_error=0.2)
    kept = [free.model_kept]
    for fraction in (0.6, 0.3, 0.1, 0.0):
        limit = int(free.cache_bytes * fraction)
        solution = solve(table, target_error=0.2, max_cache_bytes=limit)
        assert solution.cache_bytes <= limit
        assert solution.predicted_error <= 0.2
        kept.append(solution.model_kept)
    assert not set("".join(solution.paths)) & set("rABC")  # no cache at all
    assert kept[-1] < 1  # windows need none
    assert all(a <= b + 0.01 for a, b in zip(kept, kept[1:], strict=False)), kept


def test_generous_cache_limit_changes_nothing():
    table = table_of(rng(3), sites=(6,) * 5, rows=8, windows=2, ages=3)
    free = solve(table, target_error=0.1)
    assert solve(table, target_error=0.1, max_cache_bytes=free.cache_bytes).paths == free.paths


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_whole_site_choices_never_make_it_worse(seed, share):
    table = table_of(rng(seed), sites=(4,) * 6, rows=8, windows=2, ages=4, projection=2.0, share=share)
    alone = dataclasses.replace(with_costs(table, projection=np.zeros(6)), share_error=np.full((8, 6), np.inf))
    for target in (0.05, 0.1, 0.3):
        assert solve(table, target_error=target).model_kept <= solve(alone, target_error=target).model_kept + 1e-12


@pytest.mark.parametrize(
    ("costs", "within"), [(lambda table, seed: table, WITHIN), (timed, 2 * WITHIN)], ids=["flops", "milliseconds"]
)
@pytest.mark.parametrize("seed", range(5))
def test_whole_site_choices_come_close_to_trying_everything(seed, costs, within):
    table = table_of(rng(seed), sites=(2,), rows=4, windows=2, ages=3, projection=2.0, share=True, endless=0)
    table = costs(table, seed)
    dense = table.costs.full.sum() * table.rows
    relaxation = Relaxation.of(table)
    for multiplier in multipliers_of(table):
        least = least_of_site(table, multiplier, dense)
        point, bound = relaxation.at(Multipliers(multiplier))
        found = float(relaxation.value(point, Multipliers(multiplier)).sum())
        rounding = 1e-9 * abs(least)
        assert bound <= least + rounding
        assert least - rounding <= found <= least + within * multiplier


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize(("projection", "share"), [(0.0, False), (2.0, True)])
def test_multipliers_side_by_side_give_what_each_gives_alone(projection, share, limited):
    table = table_of(rng(), sites=(2, 3), rows=8, windows=2, ages=3, projection=projection, share=share)
    memory = np.linspace(0.01, 0.03, 8) if limited else None
    relaxation = Relaxation.of(table)
    multipliers = multipliers_of(table)[::2].tolist()
    unbound = dataclasses.replace(relaxation, binding=False)
    alone = [unbound.at(Multipliers(multiplier, memory))[0] for multiplier in multipliers]
    for known in (None, alone):
        found = relaxation.at_each(multipliers, memory, known)
        for multiplier, (point, bound) in zip(multipliers, found, strict=True):
            expected, least = relaxation.at(Multipliers(multiplier, memory))
            assert bound == pytest.approx(least)
            for name, values in vars(expected).items():
                np.testing.assert_allclose(getattr(point, name), values, rtol=1e-9, atol=1e-18)


def least_of_site(table, multiplier, dense):
    """Least error + multiplier of one site of two heads with every sharing and every pair of paths."""
    every = list(oracle.paths(table.rows, len(table.ways)))
    error = np.array([[oracle.error_of(table, head, path) for path in every] for head in range(2)])
    reuses = np.array([[letter == "r" for letter in path] for path in every])
    skipped = (reuses[:, None] & reuses[None, :]).sum(axis=2) * table.costs.projection[0]
    least = math.inf
    for bits in range(0, 2**table.rows, 2):
        share = np.array([bits >> row & 1 for row in range(table.rows)])
        factor = 1 - table.costs.share_saving[0] * share
        flops = np.array([[oracle.flops_of(table, head, path, factor) for path in every] for head in range(2)])
        value = error[0][:, None] + error[1] + multiplier * (flops[0][:, None] + flops[1] - skipped) / dense
        least = min(least, float(value.min()) + float((share * table.share_error[:, 0]).sum()))
    return least


def test_sharing_is_used_where_it_is_free():
    table = table_of(rng(), sites=(2, 2), rows=5, share=True)
    table = dataclasses.replace(table, share_error=np.zeros((5, 2)))
    solution = solve(table, target_error=1e-6)
    assert set(solution.share) == {"01111"}
    assert attention_kept(solution) == pytest.approx(0.6, abs=0.01)


def test_one_row_and_one_head():
    solution = solve(table_of(rng(), sites=(1,), rows=1), target_error=0.5)
    assert solution.paths == ("f",)


def test_flux_size_is_solved_in_time():
    table = table_of(rng(), sites=(24,) * 57, rows=28, windows=4, ages=4)
    start = time.perf_counter()
    solution = solve(table, target_error=0.3)
    assert time.perf_counter() - start < 6  # about half a second on two idle cores
    assert solution.gap < 2e-3 and solution.predicted_error <= 0.3
