"""The quality levels that a plan offers, and making them from one calibration.

A level has two scopes: which evaluations of the whole model are left to a forecast (`forecasts`), and how the heads are
computed at the others (`price_search`). Both errors, which are of different origin, add up in squares. For a few
patterns of evaluations the heads are solved for what the pattern leaves of the goal, and the best of all is taken; that
everything is evaluated is always among them (`goal_search`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...sentences import say
from .. import codec
from ..letters import FULL, REUSE
from ..level import Level
from ..measurement import Measurement
from ..model_identity import ModelIdentity
from ..schema import Plan
from ..validation import PlanError
from . import evaluate
from .costs import FLOPS
from .goal_search import Found, best_level
from .goals import LEVELS, KeepAttention, KeepWork
from .price_search import kept
from .relaxation import Point
from .scopes import Scopes
from .table import CalibrationTable


@dataclass(frozen=True)
class Solved:
    """A plan and what is known of it beside.

    gap: level -> fraction of the dense model's work (FLOPs, or milliseconds where they are the price) by which it may
    at most be above the best plan that evaluates the model at the same noise levels (weak duality). notes: one sentence
    for each level that is not as it was asked for. milliseconds: what attention is predicted to take in one model
    evaluation, for "dense" and for each level; None where no time was measured.
    """

    plan: Plan
    gap: dict[str, float]
    notes: tuple[str, ...]
    milliseconds: dict[str, float] | None = None


def solve_plan(
    table: CalibrationTable,
    model: ModelIdentity,
    measurement: Measurement,
    *,
    levels: Sequence[tuple[str, float | KeepAttention | KeepWork]] = LEVELS,
    max_cache_bytes: int | None = None,
    price: str = FLOPS,
) -> Solved:
    """A plan with one level per (name, goal), where a goal is the largest predicted relative error of the final latent
    or a budget, `KeepAttention` or `KeepWork`. Of levels with an error for a goal, which must ascend, a stronger one
    never costs more than a milder one. Where the plan's text would become too long, the strongest of them are left out,
    with a note.

    price: unit of the work that the levels with an error for a goal save, `FLOPS` or `MILLISECONDS`; budgets are of
    FLOPs at either. The plan's figures count FLOPs at either. max_cache_bytes: most bytes of live caches, of any level.
    Raises PlanError if the table and the model do not have the same layers, or if the table lacks the milliseconds that
    are asked for.
    """
    if table.sites != model.sites:
        raise PlanError(say("The calibration does not have the layers of the connected model: calibrate again."))
    units = {name: price if isinstance(goal, float | int) else FLOPS for name, goal in levels}
    table.in_unit(price)  # raises where it was not measured
    scopes = Scopes(table)
    found = _descending([best_level(scopes, name, goal, units[name], max_cache_bytes) for name, goal in levels])
    notes = [say("{level}: {note}", level=one.name, note=one.solution.note) for one in found if one.solution.note]
    made = [_level(one) for one in found]
    plan, left_out = _short_enough(Plan(model, measurement, table.positions, table.ways, tuple(made)), found)
    found = [one for one in found if one.name not in left_out]
    if left_out:
        notes.append(say("The plan has no level {levels}: its text would be too long.", levels=" / ".join(left_out)))
    gap = {one.name: one.scope.part * one.solution.gap for one in found}
    return Solved(plan, gap, tuple(notes), _milliseconds(table, found))


def _descending(found: list[Found]) -> list[Found]:
    """A level that came out with more work than a milder one takes over the milder one's methods."""
    result: list[Found] = []
    milder: Found | None = None
    for one in found:
        if isinstance(one.goal, float | int):
            if milder is None or one.model_kept <= milder.model_kept:
                milder = one
            one = replace(one, scope=milder.scope, solution=milder.solution)
        result.append(one)
    return result


def _level(found: Found) -> Level:
    """The level of these methods, with its figures in the table's FLOPs, whatever the search went by."""
    methods, share, scope = found.solution.point.methods, found.solution.point.share, found.scope
    point = Point.of(scope.table, methods, share)
    attention, model = kept(scope.table, point)
    return Level(
        name=found.name,
        paths=scope.over_all_levels(found.solution.paths, chr(REUSE)),
        share=scope.over_all_levels(found.solution.share, "0"),
        predicted_error=scope.predicted_error(methods, share),
        attention_flops_kept=scope.part * attention,
        model_flops_kept=scope.part * model,
        cache_bytes=math.ceil(point.cache_bytes),
        expected_errors=expected_errors(scope.table, methods, share),
        evaluated="" if scope.pattern is None else scope.pattern.marks,
        slopes=() if scope.pattern is None else tuple(scope.pattern.slopes),
        corrections=() if scope.pattern is None else tuple(scope.pattern.corrections),
    )


def _short_enough(plan: Plan, found: list[Found]) -> tuple[Plan, list[str]]:
    """The plan without as many of its strongest levels as its text is too long for, and their names.

    A level of a budget stays, because it was asked for, and so does one level in any case.
    """
    left_out: list[str] = []
    for one in reversed(found):
        if codec.length(plan) <= codec.MAX_TEXT or len(plan.levels) == 1:
            break
        if isinstance(one.goal, float | int):
            left_out.insert(0, one.name)
            plan = replace(plan, levels=tuple(level for level in plan.levels if level.name != one.name))
    return plan, left_out


def _milliseconds(table: CalibrationTable, found: list[Found]) -> dict[str, float] | None:
    """Attention of one model evaluation."""
    costs = table.milliseconds
    if costs is None:
        return None
    points = {one.name: one.solution.point for one in found}
    per_level = {
        name: float(evaluate.attention_work(costs, point.methods, point.share).sum()) / table.rows
        for name, point in points.items()
    }
    return {"dense": float(costs.full.sum()), **per_level}


def expected_errors(table: CalibrationTable, methods: np.ndarray, share: np.ndarray) -> tuple[float, ...]:
    """Expected relative error of each site's output where it is compressed (`Level.expected_errors`); 0 where it never
    is.

    methods (S, N), share (S, sites). Rows at which a whole site is skipped count only where there are no others: its
    output is then not computed at all. Empty if the energy of a compressed site's output was not measured.
    """
    head_errors = evaluate.errors(replace(table, reuse_error=table.reuse_error / table.reuse_gain), methods)
    squared = np.add.reduceat(head_errors, table.offsets, axis=1) + np.where(share, table.share_error, 0.0)
    compressed = np.logical_or.reduceat(methods != FULL, table.offsets, axis=1) | share
    computed = compressed & ~np.logical_and.reduceat(methods == REUSE, table.offsets, axis=1)
    counted = np.where(computed.any(axis=0), computed, compressed)
    error, energy = (np.where(counted, part, 0.0).sum(axis=0) for part in (squared, table.output_energy))
    if np.any((energy <= 0) & counted.any(axis=0)):
        return ()
    return tuple(np.sqrt(np.divide(error, energy, out=np.zeros_like(error), where=energy > 0)).tolist())
