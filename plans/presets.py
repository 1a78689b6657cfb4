"""The quality levels that a plan offers, and making them from one calibration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from . import evaluate
from .build import LevelPaths, build_plan
from .checks import PlanError
from .codebook import Choice, Codebook, all_full
from .coherence import Predictor, amplified
from .evaluate import errors
from .frontier import Point
from .methods import FULL, REUSE
from .schema import MAX_PROFILES, Measurement, ModelIdentity, Plan
from .solver import ROUNDING, Search, Solution, describe
from .table import CalibrationTable

# Name and predicted relative error of the final latent, mild to strong.
LEVELS: tuple[tuple[str, float], ...] = (
    ("D1", 0.03),
    ("D2", 0.06),
    ("D3", 0.10),
    ("D4", 0.15),
    ("D5", 0.22),
    ("D6", 0.30),
)

CUSTOM = "custom"  # the level of a user's own budget, beside D1 to D6

# What the search saves: attention FLOPs, or the milliseconds that calibration measured.
PRICES = FLOPS, MILLISECONDS = ("flops", "milliseconds")

ROUNDS = 4  # searches for one level
NEAR_ENOUGH = 0.95  # part of a level's error that is enough to use
AIM = 0.98

TEXT_BUDGET = 65_000  # characters of a plan's text, just below 64 KiB: it travels in every image that is saved


@dataclass(frozen=True)
class KeepAttention:
    """A level's goal: the least predicted error that keeps at most this fraction (0..1) of the attention FLOPs."""

    fraction: float


Goal = float | KeepAttention  # a float: the largest predicted relative error of the final latent


@dataclass(frozen=True)
class Solved:
    """A plan and what is known of it beside.

    gap: level → fraction of the dense model's FLOPs (or milliseconds, where they are the price) by which it may at most
    be above the best plan that there is (weak duality). notes: one sentence for each level whose goal could not be
    reached. milliseconds: what attention is predicted to take in one model evaluation, for "dense" and for each level;
    None where no time was measured.
    """

    plan: Plan
    gap: dict[str, float]
    notes: tuple[str, ...]
    milliseconds: dict[str, float] | None = None


def solve_levels(
    table: CalibrationTable,
    model: ModelIdentity,
    measurement: Measurement,
    *,
    levels: Sequence[tuple[str, Goal]] = LEVELS,
    max_cache_bytes: int | None = None,
) -> Plan:
    """The plan of `solve_plan` alone."""
    return solve_plan(table, model, measurement, levels=levels, max_cache_bytes=max_cache_bytes).plan


def solve_plan(
    table: CalibrationTable,
    model: ModelIdentity,
    measurement: Measurement,
    *,
    levels: Sequence[tuple[str, Goal]] = LEVELS,
    max_cache_bytes: int | None = None,
    price: str = FLOPS,
) -> Solved:
    """A plan with one level per (name, goal). Of levels with an error for a goal, which must ascend, a stronger one
    never costs more than a milder one.

    price: which of PRICES the levels with an error for a goal save; KeepAttention is a budget of FLOPs at any price.
    The plan's figures count FLOPs at either. Raises PlanError if the table and the model do not have the same layers,
    or if the table lacks the milliseconds that are asked for.
    """
    if table.sites != model.sites:
        raise PlanError("The calibration does not have the layers of the connected model: calibrate again.")
    raised = amplified(table)
    goals = [goal for _, goal in levels]
    prices = [FLOPS if isinstance(goal, KeepAttention) else price for goal in goals]
    predictor = Predictor(table)
    searches = {one: Search(_priced(raised, one)) for one in dict.fromkeys(prices)}
    found = [
        _within_promise(searches[one], predictor, goal, max_cache_bytes)
        for one, goal in zip(prices, goals, strict=True)
    ]
    solutions = _descending(
        _with_few_profiles(searches, predictor, model, prices, goals, found, max_cache_bytes), goals
    )
    solutions = [_in_flops(predictor, solution) for solution in solutions]
    paths = [_level(table, name, solution) for (name, _), solution in zip(levels, solutions, strict=True)]
    return Solved(
        build_plan(model, measurement, table.positions, table.windows, paths, table.pooled),
        {name: solution.gap for (name, _), solution in zip(levels, solutions, strict=True)},
        tuple(f"{name}: {one.note}" for (name, _), one in zip(levels, solutions, strict=True) if one.note),
        _milliseconds(table, [name for name, _ in levels], solutions),
    )


def _priced(table: CalibrationTable, price: str) -> CalibrationTable:
    return table.in_milliseconds() if price == MILLISECONDS else table


def _in_flops(predictor: Predictor, solution: Solution) -> Solution:
    """The same methods with the figures of the table's FLOPs; the gap stays in the price that was searched with."""
    point = Point.of(predictor.table, solution.point.methods, solution.point.share)
    error = _predicted(predictor, solution.point)
    return replace(describe(predictor.table, point, solution), predicted_error=error, gap=solution.gap)


def _milliseconds(table: CalibrationTable, names: Sequence[str], solutions: list[Solution]) -> dict[str, float] | None:
    if table.milliseconds is None:
        return None
    timed = table.in_milliseconds()
    kept = [evaluate.attention_flops(timed, one.point.methods, one.point.share) for one in solutions]
    per_level = {name: float(cells.sum()) / table.rows for name, cells in zip(names, kept, strict=True)}
    return {"dense": float(timed.full_cost.sum()), **per_level}


def _within_promise(search: Search, predictor: Predictor, goal: Goal, max_cache_bytes: int | None) -> Solution:
    """The solution whose error, with what its rows add up to, comes up to the goal but not over it.

    The search adds cells as `coherence.amplified` guesses that they will add up; what a solution's really do is known
    once it is there. The search's own limit is moved until the two agree.
    """
    if isinstance(goal, KeepAttention):
        return search.solve(keep_attention=goal.fraction, max_cache_bytes=max_cache_bytes)
    asked, best = goal, None
    for _ in range(ROUNDS):
        found = search.solve(target_error=asked, max_cache_bytes=max_cache_bytes)
        error = _predicted(predictor, found.point)
        if error <= goal and (best is None or found.model_flops_kept < best.model_flops_kept):
            best = found
        if NEAR_ENOUGH * goal <= error <= goal or not found.reached or error == 0:
            break
        asked *= AIM * goal / error
    return best if best is not None else search.solve(target_error=0.0, max_cache_bytes=max_cache_bytes)


def _predicted(predictor: Predictor, point: Point) -> float:
    return predictor.predicted_error(point.methods, point.share)


def profile_limit(model: ModelIdentity, rows: int, levels: int, sharing_sites: int = 0) -> int:
    """How many profiles fit into a plan's text; sharing_sites: (level, site) pairs that share somewhere."""
    fixed = 1_500 + len(model.note) * 6 + sum(len(site.name) + 9 for site in model.sites) + rows * 10
    # A site of a level takes 6 characters of brackets, commas and sharing, and its promise up to 9.
    references = levels * (2 * model.heads + 15 * len(model.sites) + 130) + sharing_sites * rows
    return int(min(max((TEXT_BUDGET - fixed - references) // (rows + 3), 64), MAX_PROFILES))


def _with_few_profiles(
    searches: dict[str, Search],
    predictor: Predictor,
    model,
    prices: list[str],
    goals: Sequence[Goal],
    found: list[Solution],
    max_cache_bytes,
) -> list[Solution]:
    """`found` with as many distinct profiles as fit into a plan's text, each price's levels in a codebook of their own.

    Other profiles add up otherwise than those that they stand for: a level that gets over its goal is chosen again with
    less error to spend.
    """
    sharing = sum("1" in bits for solution in found for bits in solution.share)
    most = profile_limit(model, predictor.table.rows, len(goals), sharing)
    choices = [_choice(goal, solution, max_cache_bytes) for goal, solution in zip(goals, found, strict=True)]
    result = list(found)
    for price, search in searches.items():
        its = [index for index, one in enumerate(prices) if one == price]
        points = _limited(
            search.table, predictor, [goals[i] for i in its], [choices[i] for i in its], most * len(its) // len(prices)
        )
        for index, point in zip(its, points, strict=True):
            if point is not found[index].point:
                result[index] = describe(search.table, point, found[index])
    return result


def _limited(raised, predictor: Predictor, goals: list[Goal], choices: list[Choice], most: int) -> list[Point]:
    """The choices with at most `most` profiles, none over its goal."""
    book = Codebook.of(raised, choices, most)
    return [
        _kept_promise(book, predictor, level, goal, choice)
        for level, (goal, choice) in enumerate(zip(goals, choices, strict=True))
    ]


def _kept_promise(book: Codebook, predictor: Predictor, level: int, goal: Goal, choice: Choice) -> Point:
    """A level's methods out of the book, with as much less error to spend as keeps them within the goal."""
    for _ in range(ROUNDS):
        point = book.chosen(level, choice)
        over = _excess(predictor, goal, point)
        if over <= 1:
            return point
        choice = replace(choice, squared_error=choice.squared_error * (AIM / over) ** 2)
    return all_full(book.table)


def _excess(predictor: Predictor, goal: Goal, point: Point) -> float:
    """How many times a level's error is its goal; 0 for a goal that is no error."""
    if isinstance(goal, KeepAttention):
        return 0.0
    error = _predicted(predictor, point)
    return error / max(goal, 1e-30) if error > goal else 0.0


def _choice(goal: Goal, solution: Solution, max_cache_bytes: int | None) -> Choice:
    limits = {"cache_bytes": math.inf if max_cache_bytes is None else max_cache_bytes, "memory": solution.memory}
    if isinstance(goal, KeepAttention):
        attention = max(goal.fraction * (1 - ROUNDING), solution.attention_flops_kept)
        return Choice(solution.point, solution.price, attention=attention, **limits)
    squared_error = float(solution.point.error.sum()) * (1 + ROUNDING)
    return Choice(solution.point, solution.price, squared_error, **limits)


def _descending(solutions: list[Solution], goals: Sequence[Goal]) -> list[Solution]:
    """A level that came out dearer than a milder one takes over the milder one's methods."""
    result: list[Solution] = []
    milder: Solution | None = None
    for solution, goal in zip(solutions, goals, strict=True):
        if isinstance(goal, KeepAttention):
            result.append(solution)
            continue
        if milder is None or solution.model_flops_kept <= milder.model_flops_kept:
            milder = solution
        result.append(milder)
    return result


def promises(table: CalibrationTable, methods: np.ndarray, share: np.ndarray) -> tuple[float, ...]:
    """Expected relative error of each site's output where it is compressed (`Level.promises`); 0 where it never is.

    methods (S, N), share (S, sites). Rows at which a whole site is skipped count only where there are no others: its
    output is then not computed at all. Empty if the energy of a compressed site's output was not measured.
    """
    head_errors = errors(replace(table, reuse_error=table.reuse_error / table.reuse_gain), methods)
    squared = np.add.reduceat(head_errors, table.offsets, axis=1) + np.where(share, table.share_error, 0.0)
    compressed = np.logical_or.reduceat(methods != FULL, table.offsets, axis=1) | share
    computed = compressed & ~np.logical_and.reduceat(methods == REUSE, table.offsets, axis=1)
    counted = np.where(computed.any(axis=0), computed, compressed)
    error, energy = (np.where(counted, part, 0.0).sum(axis=0) for part in (squared, table.output_energy))
    if np.any((energy <= 0) & counted.any(axis=0)):
        return ()
    return tuple(np.sqrt(np.divide(error, energy, out=np.zeros_like(error), where=energy > 0)).tolist())


def _level(table: CalibrationTable, name: str, solution: Solution) -> LevelPaths:
    return LevelPaths(
        name=name,
        paths=solution.paths,
        share=solution.share,
        predicted_error=solution.predicted_error,
        attention_flops_kept=solution.attention_flops_kept,
        model_flops_kept=solution.model_flops_kept,
        cache_bytes=solution.cache_bytes,
        promises=promises(table, solution.point.methods, solution.point.share),
    )
