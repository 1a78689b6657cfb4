"""The search finds what trying everything finds; its figures are those of the profiles it returns."""

from __future__ import annotations

import dataclasses
import math
import time

import numpy as np
import plans_oracle as oracle
import pytest
from plans_samples import milliseconds_of, random_paths, table_of

from ditfastattn.plans import PlanError, solve
from ditfastattn.plans.evaluate import attention_flops, errors, live_bytes
from ditfastattn.plans.frontier import Solver
from ditfastattn.plans.paths import Cells, Prices, best_paths
from ditfastattn.plans.solver import Search

WITHIN = 0.03  # of dense attention: how far choices that bind a site's heads may stay from the best there are


def rng(seed=0):
    return np.random.default_rng(seed)


def as_methods(paths):
    return np.array([[ord(letter) for letter in path] for path in paths], dtype=np.uint8).T.copy()


def prices_of(table):
    """Prices from "only error counts" to "only FLOPs count", error per dense run of attention."""
    middle = np.median(table.reuse_error[np.isfinite(table.reuse_error)]) * table.rows * table.heads
    return middle * np.logspace(-4, 4, 9)


def timed(table, seed=0, **factors):
    """The table at random costs in milliseconds: caches, residuals and refreshes have a price of their own."""
    times = milliseconds_of(table, rng(100 + seed), **factors)
    return dataclasses.replace(table, milliseconds=times).in_milliseconds()


@pytest.mark.parametrize("costs", [lambda table, seed: table, timed], ids=["flops", "milliseconds"])
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("windows", "ages"), [(2, 2), (1, 3), (2, 1), (0, 2)])
def test_path_of_every_head_is_optimal_at_any_price(seed, windows, ages, costs):
    table = costs(table_of(rng(seed), sites=(1, 2), rows=5 if windows < 2 else 4, windows=windows, ages=ages), seed)
    dense = table.full_cost.sum() * table.rows
    every = list(oracle.paths(table.rows, windows))
    sums = [
        [(oracle.error_of(table, head, path), oracle.flops_of(table, head, path) / dense) for path in every]
        for head in range(3)
    ]
    for price in prices_of(table):
        methods, value = best_paths(Cells.of(table), Prices(price))
        for head in range(3):
            path = bytes(methods[:, head]).decode()
            least = min(error + price * flops for error, flops in sums[head])
            assert value[head] == pytest.approx(least, rel=1e-9)
            error, flops = sums[head][every.index(path)]
            assert error + price * flops == pytest.approx(least, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_path_is_optimal_with_rows_that_must_reuse(seed):
    table = table_of(rng(seed), sites=(1, 2), rows=4, windows=2, ages=3, endless=0)
    dense = table.full_cost.sum() * table.rows
    forced = np.zeros((4, 3), dtype=bool)
    forced[2], forced[3, 1] = True, True
    for price in prices_of(table):
        methods, value = best_paths(Cells.of(table), Prices(price, forced=forced))
        for head in range(3):
            allowed = [p for p in oracle.paths(4, 2) if p[2] == "r" and (head != 1 or p[3] == "r")]
            least = min(
                oracle.error_of(table, head, p) + price * oracle.flops_of(table, head, p) / dense for p in allowed
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
        assert solution.model_flops_kept >= model - 1e-9
        assert solution.model_flops_kept - model <= solution.gap + 1e-9
        # With three heads one head is a third of the problem: what is left of the budget cannot always be spent.
        assert solution.gap < 0.05


def pareto_of(table):
    """Error and attention FLOPs kept of all solutions that are not worse in both than another."""
    dense = table.full_cost.sum() * table.rows
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


def model_kept(table, attention):
    dense, other = table.full_cost.sum() * table.rows, table.rows * table.other_cost
    return (attention * dense + other) / (dense + other)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [False, True])
def test_figures_are_those_of_the_profiles(seed, share):
    table = table_of(rng(seed), sites=(2, 3), rows=8, windows=2, ages=3, projection=1.0, share=share)
    for target in (0.01, 0.03, 0.1, 0.3):
        solution = solve(table, target_error=target)
        attention, model = oracle.kept_of(table, solution)
        assert solution.attention_flops_kept == pytest.approx(attention, rel=1e-9)
        assert solution.model_flops_kept == pytest.approx(model, rel=1e-9)
        assert solution.predicted_error == pytest.approx(oracle.error_of_solution(table, solution), rel=1e-9, abs=1e-15)
        live = sum(oracle.bytes_of(table, head, path) for head, path in enumerate(solution.paths))
        assert solution.cache_bytes == math.ceil(live.max())
        assert all(path[0] == "f" for path in solution.paths)
        assert all(bits[0] == "0" for bits in solution.share)


@pytest.mark.parametrize("costs", [lambda table: table, timed], ids=["flops", "milliseconds"])
def test_sums_over_any_profiles_agree_with_the_oracle(costs):
    generator = rng(5)
    table = costs(table_of(generator, sites=(4, 4), rows=9, windows=3, ages=4))
    for _ in range(20):
        paths = random_paths(generator, 8, 9, 3)
        methods = as_methods(paths)
        for head, path in enumerate(paths):
            assert errors(table, methods)[:, head].sum() == pytest.approx(oracle.error_of(table, head, path), rel=1e-9)
            assert attention_flops(table, methods)[:, head].sum() == pytest.approx(
                oracle.flops_of(table, head, path), rel=1e-9
            )
            assert live_bytes(table, methods)[:, head].tolist() == oracle.bytes_of(table, head, path).tolist()


@pytest.mark.parametrize(("projection", "share"), [(0.0, False), (1.0, False), (1.0, True)])
def test_more_error_allowed_never_costs_more(projection, share):
    search = Search(table_of(rng(2), sites=(4,) * 6, rows=10, windows=3, ages=4, projection=projection, share=share))
    kept = [search.solve(target_error=target).model_flops_kept for target in np.linspace(0.0, 0.5, 12)]
    assert all(later <= earlier + 2e-3 for earlier, later in zip(kept, kept[1:], strict=False)), kept
    assert kept[-1] < 0.97


def test_no_error_allowed_means_all_full():
    solution = solve(table_of(rng(), sites=(3, 3), rows=6, projection=1.0, share=True), target_error=0)
    assert set(solution.paths) == {"ffffff"} and set(solution.share) == {"000000"}
    assert (
        solution.predicted_error,
        solution.attention_flops_kept,
        solution.model_flops_kept,
        solution.cache_bytes,
    ) == (0, 1, 1, 0)


@pytest.mark.parametrize("target", [1e6, math.inf])
def test_any_error_allowed_means_the_cheapest_there_is(target):
    table = table_of(rng(), sites=(2, 2), rows=6, windows=2, ages=5, projection=1.0, endless=0)
    solution = solve(table, target_error=target)
    assert set(solution.paths) == {"frrrrr"}
    assert solution.attention_flops_kept == pytest.approx(1 / 6)


def test_what_is_not_available_is_never_used():
    table = table_of(rng(), sites=(3,), rows=6, windows=2, ages=2, endless=0.9)
    solution = solve(table, target_error=1e6)
    assert math.isfinite(solution.predicted_error)
    nothing = dataclasses.replace(
        table,
        **{
            name: np.full_like(getattr(table, name), np.nan)
            for name in ("window_error", "residual_error", "reuse_error")
        },
    )
    assert set(solve(nothing, target_error=1).paths) == {"ffffff"}


@pytest.mark.parametrize("keep", [0.9, 0.6, 0.4])
def test_budget_of_attention_is_kept_and_used(keep):
    solution = solve(table_of(rng(1), sites=(8,) * 6, rows=10, windows=3, ages=4), keep_attention=keep)
    assert solution.reached and keep - 0.01 < solution.attention_flops_kept <= keep
    assert solution.gap < 0.005


def test_budget_of_one_is_full_and_an_impossible_one_says_so():
    table = table_of(rng(1), sites=(4,), rows=6, windows=2, ages=2)
    assert solve(table, keep_attention=1.0).predicted_error == 0
    nearly = solve(table, keep_attention=0.999)
    assert nearly.reached and 0.9 < nearly.attention_flops_kept <= 0.999
    least = solve(table, keep_attention=0.0)
    assert not least.reached and "%" in least.note and 0 < least.attention_flops_kept < 0.6


def test_goal_must_be_one():
    table = table_of(rng())
    for goal in ({}, {"target_error": 0.1, "keep_attention": 0.5}, {"target_error": -1}, {"target_error": math.nan}):
        with pytest.raises(PlanError):
            solve(table, **goal)


@pytest.mark.parametrize("projection", [0.0, 1.0])
def test_cache_limit_is_obeyed(projection):
    table = table_of(rng(3), sites=(6,) * 5, rows=10, windows=3, ages=4, projection=projection)
    free = solve(table, target_error=0.2)
    kept = [free.model_flops_kept]
    for fraction in (0.6, 0.3, 0.1, 0.0):
        limit = int(free.cache_bytes * fraction)
        solution = solve(table, target_error=0.2, max_cache_bytes=limit)
        assert solution.cache_bytes <= limit
        assert solution.predicted_error <= 0.2
        kept.append(solution.model_flops_kept)
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
    alone = dataclasses.replace(table, projection_cost=np.zeros(6), share_error=np.full((8, 6), np.inf))
    for target in (0.05, 0.1, 0.3):
        assert (
            solve(table, target_error=target).model_flops_kept
            <= solve(alone, target_error=target).model_flops_kept + 1e-12
        )


@pytest.mark.parametrize(
    ("costs", "within"), [(lambda table, seed: table, WITHIN), (timed, 2 * WITHIN)], ids=["flops", "milliseconds"]
)
@pytest.mark.parametrize("seed", range(5))
def test_whole_site_choices_come_close_to_trying_everything(seed, costs, within):
    table = table_of(rng(seed), sites=(2,), rows=4, windows=2, ages=3, projection=2.0, share=True, endless=0)
    table = costs(table, seed)
    dense = table.full_cost.sum() * table.rows
    solver = Solver.of(table)
    for price in prices_of(table):
        least = least_of_site(table, price, dense)
        point, bound = solver.at(Prices(price))
        found = float(solver.value(point, Prices(price)).sum())
        rounding = 1e-9 * abs(least)
        assert bound <= least + rounding
        assert least - rounding <= found <= least + within * price


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize(("projection", "share"), [(0.0, False), (2.0, True)])
def test_prices_side_by_side_give_what_each_gives_alone(projection, share, limited):
    table = table_of(rng(), sites=(2, 3), rows=8, windows=2, ages=3, projection=projection, share=share)
    memory = np.linspace(0.01, 0.03, 8) if limited else None
    solver = Solver.of(table)
    prices = prices_of(table)[::2].tolist()
    alone = [dataclasses.replace(solver, binding=False).at(Prices(price, memory))[0] for price in prices]
    for known in (None, alone):
        found = solver.at_each(prices, memory, known)
        for price, (point, bound) in zip(prices, found, strict=True):
            expected, least = solver.at(Prices(price, memory))
            assert bound == pytest.approx(least)
            for name, values in vars(expected).items():
                np.testing.assert_allclose(getattr(point, name), values, rtol=1e-9, atol=1e-18)


def least_of_site(table, price, dense):
    """Least error + price of one site of two heads with every sharing and every pair of paths."""
    every = list(oracle.paths(table.rows, len(table.windows)))
    error = np.array([[oracle.error_of(table, head, path) for path in every] for head in range(2)])
    reuses = np.array([[letter == "r" for letter in path] for path in every])
    skipped = (reuses[:, None] & reuses[None, :]).sum(axis=2) * table.projection_cost[0]
    least = math.inf
    for bits in range(0, 2**table.rows, 2):
        share = np.array([bits >> row & 1 for row in range(table.rows)])
        factor = 1 - table.share_saving[0] * share
        flops = np.array([[oracle.flops_of(table, head, path, factor) for path in every] for head in range(2)])
        value = error[0][:, None] + error[1] + price * (flops[0][:, None] + flops[1] - skipped) / dense
        least = min(least, float(value.min()) + float((share * table.share_error[:, 0]).sum()))
    return least


def test_sharing_is_used_where_it_is_free():
    table = table_of(rng(), sites=(2, 2), rows=5, share=True)
    table = dataclasses.replace(table, share_error=np.zeros((5, 2)))
    solution = solve(table, target_error=1e-6)
    assert set(solution.share) == {"01111"}
    assert solution.attention_flops_kept == pytest.approx(0.6, abs=0.01)


def test_one_row_and_one_head():
    solution = solve(table_of(rng(), sites=(1,), rows=1), target_error=0.5)
    assert solution.paths == ("f",)


def test_flux_size_is_solved_in_time():
    table = table_of(rng(), sites=(24,) * 57, rows=28, windows=4, ages=4)
    start = time.perf_counter()
    solution = solve(table, target_error=0.3)
    assert time.perf_counter() - start < 6  # about half a second on two idle cores
    assert solution.gap < 2e-3 and solution.predicted_error <= 0.3
