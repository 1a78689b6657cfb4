"""Moving a plan onto a run: another number of steps, another schedule, a part of the schedule (image to image)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..sentences import say
from .letters import FULL, REUSE, is_residual, refresh_ways, sources, way_index
from .level import MAX_CORRECTION, Level
from .schema import Plan

# A source may be this many times as old (in noise position) as in the plan, plus half the gap to a neighbouring noise
# level, before it counts as stale. Chosen by hand and not fitted: larger keeps more caches on runs with fewer steps and
# errs more there. `python dev.py bench transfer` compares moved plans with plans made in the place that they move to.
STRETCH = 1.5


@dataclass(frozen=True, eq=False)
class RunSchedule:
    """What every model evaluation of one run does. T steps, N heads over all sites; arrays are read-only.

    methods (T, N) uint8: letters as ASCII codes, see `letters`. rows (T,) intp: number of the plan's noise level that
    each step follows. refresh (T, N) int16: way whose residual this full cell must yield, or -1.
    share (T, sites) bool. evaluated (T,) bool: False at steps that are forecast, at which no method is carried out;
    slopes, corrections (T,): see `Level`. notes: sentences for the user, empty if all is as measured.
    """

    methods: np.ndarray
    rows: np.ndarray
    refresh: np.ndarray
    share: np.ndarray
    evaluated: np.ndarray
    slopes: np.ndarray
    corrections: np.ndarray
    notes: tuple[str, ...]


def resolve(plan: Plan, level: Level | str, run_positions: Sequence[float]) -> RunSchedule:
    """The plan's `level` on a run whose model evaluations happen at `run_positions` (any count, 1 = pure noise).

    Each step follows the nearest noise level of the plan. Made full: the first step, steps outside the measured range,
    and reuses or residuals whose source in this run is older than the plan measured (see STRETCH). The like holds for
    steps that are forecast: they are evaluated if they come before as many evaluations as in the plan (two at most),
    outside the measured range, or too far from the last evaluation, and then follow the nearest noise level that the
    plan evaluates. With the plan's own positions the result is the plan. Raises PlanError if the plan has no such
    level.
    """
    planned, share = plan.table(level), plan.share(level)
    kept = plan.evaluated(level)
    measured = np.array(plan.positions)
    run = np.array(run_positions, dtype=np.float64).reshape(-1)
    gaps = _local_gaps(measured)
    rows = np.abs(run[:, None] - measured[None, :]).argmin(axis=1) if len(run) else np.zeros(0, dtype=np.intp)
    inside = (run <= measured[0] + gaps[0]) & (run >= measured[-1] - gaps[-1])  # False for nan

    evaluated, recalled = _evaluated(kept, measured, run, rows, inside, gaps)
    slopes, corrections = _of_forecasts(plan, level, measured, run, rows, evaluated)
    which = np.flatnonzero(kept)
    if len(run):
        nearest = which[np.abs(run[:, None] - measured[which][None, :]).argmin(axis=1)]
        rows = np.where(evaluated, nearest, rows)
    methods = np.full((len(run), planned.shape[1]), REUSE, dtype=np.uint8)
    methods[evaluated], stale = _made_safe(
        planned[which], measured[which], run[evaluated], np.searchsorted(which, rows[evaluated]), inside[evaluated],
        gaps[which],
    )  # fmt: skip
    shared = share[rows] & inside[:, None] & evaluated[:, None]
    shared[:1] = False
    arrays = (methods, rows, refresh_ways(methods), shared, evaluated, slopes, corrections)
    for array in arrays:
        array.flags.writeable = False
    return RunSchedule(*arrays, notes=_notes(inside, stale, methods.size, recalled))


def _evaluated(kept, measured, run, rows, inside, gaps) -> tuple[np.ndarray, int]:
    """Steps at which the model is evaluated, bool (T,), and how many of them the plan would have forecast."""
    last = np.maximum.accumulate(np.where(kept, np.arange(len(kept)), 0))
    sources = np.minimum(np.cumsum(kept), 2)  # evaluations that a forecast there stands on
    # The error of a straight line grows with the square of the distance: nothing beyond the half gap.
    limits = measured[last] - measured + gaps / 2 * (1 - 1e-9)
    result, recalled, made = np.ones(len(run), dtype=bool), 0, 0
    since = np.inf  # run position of the last evaluation
    for step, position in enumerate(run):
        row = rows[step]
        if not kept[row] and inside[step]:
            result[step] = made < sources[row] or not 0 < since - position <= limits[row]
            recalled += int(result[step])
        if result[step]:
            since, made = position, made + 1
    return result, recalled


def _of_forecasts(plan: Plan, level, measured, run, rows, evaluated) -> np.ndarray:
    """Slopes and corrections of a run's steps, (2, T): those of the plan. What an evaluated step adds to make up for
    forecasts reaches the latent by as much of the schedule as the step goes on for; so it is as many times larger or
    smaller as that part is shorter or longer than in the plan.
    """
    planned = np.stack([plan.slopes(level), plan.corrections(level)])
    kept, result = plan.evaluated(level), np.zeros((2, len(run)))
    ahead, run_ahead = (levels - np.append(levels[1:], 0.0) for levels in (measured, run))
    for step in range(1, len(run)):
        row = rows[step]
        if not evaluated[step]:
            result[:, step] = planned[:, row]
        elif not evaluated[step - 1] and kept[row] and run_ahead[step] > 0:
            result[:, step] = planned[:, row] * ahead[row] / run_ahead[step]
    return np.clip(result, -MAX_CORRECTION, MAX_CORRECTION)


def _local_gaps(positions: np.ndarray) -> np.ndarray:
    """Distance from each noise level to its farther neighbour, (S,); a single one stands for the whole schedule."""
    if len(positions) == 1:
        return np.ones(1)
    steps = -np.diff(positions)
    return np.maximum(np.append(steps, steps[-1]), np.insert(steps, 0, steps[0]))


def _made_safe(planned, measured, run, rows, inside, gaps) -> tuple[np.ndarray, int]:
    """Methods (T, N) with full attention wherever this run has no fit source, and how many cells that changed."""
    heads = planned.shape[1]
    limits = _limits(planned, measured, gaps)
    methods = np.full((len(run), heads), FULL, dtype=np.uint8)
    output_at = np.full(heads, np.inf)  # run position at which each head's cached output was computed
    residual_at = np.full(heads, np.inf)  # ... and its last full attention
    residual_of = np.full(heads, -1, dtype=np.int16)  # way that this one's residual is for, once one is read
    stale = 0
    for step, position in enumerate(run):
        wanted = planned[rows[step]]
        reuse, residual, way = wanted == REUSE, is_residual(wanted), way_index(wanted)
        if step and inside[step]:
            source = np.where(reuse, output_at, residual_at)
            cached = reuse | residual
            fit = np.abs(source - position) <= limits[rows[step]]
            fit &= ~residual | (residual_of < 0) | (residual_of == way)
            methods[step] = np.where(cached & ~fit, FULL, wanted)
            stale += int(np.count_nonzero(cached & ~fit))
        full, computed = methods[step] == FULL, methods[step] != REUSE
        output_at[computed] = position
        residual_at[full] = position
        residual_of = np.where(full, -1, np.where(is_residual(methods[step]), way, residual_of)).astype(np.int16)
    return methods, stale


def _limits(planned: np.ndarray, measured: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """Farthest source, in position, that each cell of the plan tolerates: (S, N)."""
    output, residual = sources(planned)
    source = np.where(planned == REUSE, output, residual)
    distance = measured[np.maximum(source, 0)] - measured[:, None]
    # The plan's own distance must pass whatever the rounding.
    return STRETCH * np.maximum(distance, 0) + gaps[:, None] / 2 + 1e-12


def _notes(inside: np.ndarray, stale: int, cells: int, recalled: int) -> tuple[str, ...]:
    notes = []
    outside = int(np.count_nonzero(~inside))
    if outside:
        notes.append(
            say(
                "Outside the part of the noise schedule that the plan was measured on, attention runs in "
                "full: {outside} of {steps} steps.",
                outside=outside,
                steps=len(inside),
            )
        )
    if stale:
        notes.append(
            say(
                "{part} of the attention cells run in full because this run's steps are too far apart for "
                "their caches.",
                part=f"{stale / cells:.1%}",
            )
        )
    if recalled:
        notes.append(
            say(
                "{recalled} of {steps} steps that the plan forecasts are computed, because this run's "
                "steps are too far apart for a forecast.",
                recalled=recalled,
                steps=len(inside),
            )
        )
    return tuple(notes)


def steps_of_work(kept: float, steps: int) -> int:
    """To how many of `steps` dense steps the fraction `kept` (0..1) of their work amounts, rounded; at least one."""
    return max(1, min(steps, round(kept * steps)))
