"""From a calibration to one level: the search for the Lagrange multiplier at which an error or a budget is met.

One multiplier of work holds for all heads and noise levels, so that everywhere the same error is accepted for the same
work saved. It is found by bisection on a fixed grid of powers of two, which several levels of one calibration share;
between the two neighbours that enclose the goal, heads move over one by one, best first (`mixing`). "Work" is the unit
of the table's costs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ...sentences import say
from ..validation import PlanError
from .mixing import Goal, mixed
from .relaxation import Point, Relaxation
from .table import CalibrationTable

# How the search goes about it. None of these is fitted to a model, and a solution's `gap` says what they leave undone;
# LIKELY_MULTIPLIER and AT_ONCE change only how long it takes. All were chosen by hand on the random tables of the
# tests; to compare other values, time tests/plans/test_plans_price_search.py and look at the gaps.
STEPS_PER_OCTAVE = 1  # of the grid that levels share
AT_ONCE = 256  # heads that are solved together: so many multipliers of a small table at a time; at most MAX_SITES
AT_ONCE_ANEW = 3  # multipliers, where the right one is nearly known: it and its neighbours
LIKELY_MULTIPLIER = 8  # times the squared error: where the search starts
FIRST_MEMORY_MULTIPLIER = 0.1  # for all rows together; see Multipliers.memory
MEMORY_ROUNDS = 10
ROUNDING = 1e-9  # kept free of every budget, for sums in another order


@dataclass(frozen=True, eq=False)
class Solution:
    """What to do at one level.

    predicted_error: relative error of the final latent. model_kept: fraction of the dense run's work. cache_bytes:
    largest size of the live caches. lower_bound: model_kept that no solution with this error limit can go below; gap:
    distance from it. reached: whether the goal was met; note says so if not, in a sentence. point: the methods and
    their sums as arrays.
    """

    predicted_error: float
    model_kept: float
    cache_bytes: int
    lower_bound: float
    gap: float
    reached: bool
    note: str
    point: Point

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """One path per head over all sites (see `plans.letters`)."""
        return tuple(column.tobytes().decode("ascii") for column in np.ascontiguousarray(self.point.methods.T))

    @cached_property
    def share(self) -> tuple[str, ...]:
        """One text of '0' and '1' over noise levels per site."""
        return tuple("".join("01"[bit] for bit in column) for column in self.point.share.T.astype(int))


class Search:
    """Several levels of one calibration, which share the work at equal multipliers."""

    def __init__(self, table: CalibrationTable):
        self.table = table
        relaxation = Relaxation.of(table)
        unbound = _Grid(replace(relaxation, binding=False), _grid_range(table))
        # Solutions without choices that bind heads together are searched too, so that having more choices never makes
        # one worse.
        self._grids = [unbound] + ([_Grid(relaxation, unbound.range, unbound=unbound)] if relaxation.binding else [])

    def solve(
        self,
        *,
        target_error: float | None = None,
        keep_attention: float | None = None,
        max_cache_bytes: int | None = None,
    ) -> Solution:
        """The solution of least work whose predicted relative error is at most `target_error`, or the one of least
        error that keeps at most the fraction `keep_attention` of attention work; with at most `max_cache_bytes` of live
        caches. Raises PlanError unless exactly one of the first two is given.
        """
        goal = _goal(target_error, keep_attention)
        point, multiplier = self._best(goal)
        bound = self._grids[-1].lower_bound(
            goal.squared_error if goal.squared_error is not None else float(point.error.sum())
        )
        if max_cache_bytes is not None and point.cache_bytes > max_cache_bytes:
            point = self._within(goal, max_cache_bytes, multiplier)
        return _summary(self.table, point, goal, bound)

    def _best(self, goal: Goal) -> tuple[Point, float]:
        found: list[tuple[Point, float]] = []
        for grid in self._grids:
            found.append(grid.reach(goal, near=found[0][1] if found else None))
        if goal.squared_error is not None:
            return min(found, key=lambda pair: pair[0].work.sum())
        return min(found, key=lambda pair: (not goal.met(pair[0]), pair[0].error.sum()))

    def _within(self, goal: Goal, limit: int, near: float) -> Point:
        """The best solution found whose caches fit. Each row has a multiplier of memory that follows how full it is."""
        grid, quick = self._grids[-1], self._grids[0]
        memory = np.full(self.table.rows, FIRST_MEMORY_MULTIPLIER / self.table.rows)
        fitting = []
        for pace in np.linspace(2.0, 0.5, MEMORY_ROUNDS):
            point, near = quick.reach_anew(goal, memory, near)
            fullness = point.live.sum(axis=1) / max(limit, 1)
            if point.cache_bytes <= limit:
                fitting.append((float(point.work.sum()), float(point.error.sum()), memory))
            memory = memory * np.exp(pace * np.clip(fullness - 1, -1, 1))
        if fitting:
            least = 0 if goal.squared_error is not None else 1
            memory = min(fitting, key=lambda found: found[least])[2]
        for _ in range(60):
            point, _ = grid.reach_anew(goal, memory, near)
            if point.cache_bytes <= limit:
                return point
            memory = 2 * memory
        return grid.relaxation.all_full()


@dataclass(eq=False)
class _Grid:
    """Solutions at the multipliers of the grid, which are numbered, kept for reuse.

    range: numbers of the first and last multiplier. unbound: solutions at the same multipliers without choices that
    bind heads together. at_once: most multipliers that are solved together.
    """

    relaxation: Relaxation
    range: tuple[int, int]
    memory: np.ndarray | None = None
    unbound: _Grid | None = None
    at_once: int = AT_ONCE
    points: dict[int, tuple[Point, float]] = field(default_factory=dict)

    def reach(self, goal: Goal, near: float | None = None) -> tuple[Point, float]:
        """The best solution found that meets `goal`, or the nearest to it, and its multiplier. near: where to start."""
        low, high = self._bracket(goal, near)
        if low is None:
            low_point = self.relaxation.all_full()
            if goal.attention is not None and goal.met(low_point):  # no compression at all is within the budget
                return low_point, 0.0
        else:
            low_point = self._at(low)
            if high is None:
                return low_point, _multiplier(low)
        # The grid has two ends, so that not both are None.
        best = mixed(self.relaxation.table, goal, low_point, self._at(high))  # type: ignore[arg-type]
        return best, _multiplier(high if low is None else low)  # type: ignore[arg-type]

    def reach_anew(self, goal: Goal, memory: np.ndarray, near: float) -> tuple[Point, float]:
        """`reach` at other multipliers of memory, (S,)."""
        return _Grid(self.relaxation, self.range, memory, at_once=AT_ONCE_ANEW).reach(goal, near)

    def lower_bound(self, squared_error: float) -> float:
        """Least work, as a fraction of dense attention, that any solution within this error needs (weak duality)."""
        bounds = [(value - squared_error) / _multiplier(number) for number, (_, value) in self.points.items()]
        return max(bounds, default=-math.inf)

    def _at(self, number: int) -> Point:
        if number not in self.points:
            numbers = self._unsolved_around(number)
            unbound = None if self.unbound is None else [self.unbound._at(one) for one in numbers]
            found = self.relaxation.at_each([_multiplier(one) for one in numbers], self.memory, unbound)
            self.points.update(zip(numbers, found, strict=True))
        return self.points[number][0]

    def _unsolved_around(self, number: int) -> list[int]:
        first, last = self.range
        unsolved = [one for one in range(first, last + 1) if one not in self.points]
        count = max(min(self.at_once, AT_ONCE // self.relaxation.table.heads), 1)
        return sorted(unsolved, key=lambda one: abs(one - number))[:count]

    def _bracket(self, goal: Goal, near: float | None) -> tuple[int | None, int | None]:
        """Neighbours on the grid between which the goal lies: below it less is saved. None: the grid ends there."""
        first, last = self.range
        start = near or LIKELY_MULTIPLIER * (goal.squared_error or 0.0) or _multiplier((first + last) / 2)
        start = min(max(round(math.log2(start) * STEPS_PER_OCTAVE), first), last)
        stride = 1 if near else 2
        while True:
            low, high = self._enclosing(goal)
            if low == last or high == first or (low is not None and high is not None and high - low == 1):
                return low, high
            if low is None and high is None:
                self._at(start)
            elif low is None:
                self._at(max(high - stride, first))  # type: ignore[operator]
                stride *= 2
            elif high is None:
                self._at(min(low + stride, last))
                stride *= 2
            else:
                self._at(min(max(start, low + 1), high - 1) if near else (low + high) // 2)

    def _enclosing(self, goal: Goal) -> tuple[int | None, int | None]:
        """Of the multipliers solved: the largest at which too little is saved, and the next, at which enough is."""
        saves_enough = {
            number: goal.met(point) != (goal.squared_error is not None) for number, (point, _) in self.points.items()
        }
        low = max((number for number, enough in saves_enough.items() if not enough), default=None)
        beyond = [number for number in saves_enough if low is None or number > low]
        return low, min(beyond, default=None)


def _multiplier(number: float) -> float:
    return 2.0 ** (number / STEPS_PER_OCTAVE)


def _goal(target_error: float | None, keep_attention: float | None) -> Goal:
    given = [value for value in (target_error, keep_attention) if value is not None]
    if len(given) != 1:
        raise PlanError(say("Give either an error to stay below or a fraction of attention to keep."))
    if not given[0] >= 0:
        raise PlanError(say("The error to stay below, or the fraction of attention to keep, must not be negative."))
    if target_error is not None:
        return Goal(squared_error=min(float(target_error), 1e100) ** 2 * (1 - ROUNDING))
    return Goal(attention=float(given[0]) * (1 - ROUNDING) if given[0] < 1 else math.inf)


def _grid_range(table: CalibrationTable) -> tuple[int, int]:
    """Numbers of the first and last multiplier: below, no error is worth a saving; above, nothing but work counts."""
    errors = (table.way_error, table.residual_error, table.reuse_error, table.share_error)
    largest = max(np.max(array, where=np.isfinite(array), initial=0.0) for array in errors)
    if not largest:
        return 0, 1
    cell = 1 / (table.rows * table.heads)
    smallest = max(min(np.min(array, where=array > 0, initial=np.inf) for array in errors), largest * 1e-12)
    first = math.floor(STEPS_PER_OCTAVE * math.log2(1e-3 * smallest))
    last = math.ceil(STEPS_PER_OCTAVE * math.log2(1e5 * largest / cell))
    return first, last


def _summary(table: CalibrationTable, point: Point, goal: Goal, bound: float) -> Solution:
    """`point` as the Solution to `goal`. bound: least work as a fraction of dense attention, as far as known."""
    attention, model = kept(table, point)
    lower = max(min(1 + (bound - 1) * _attention_part(table), model), 0.0)
    reached, left = goal.met(point), f"{attention:.0%}"
    return Solution(
        predicted_error=math.sqrt(max(float(point.error.sum()), 0.0)),
        model_kept=model,
        cache_bytes=math.ceil(point.cache_bytes),
        lower_bound=lower,
        gap=model - lower,
        reached=reached,
        note=""
        if reached
        else say("The strongest compression measured still keeps {part} of the attention.", part=left),
        point=point,
    )


def kept(table: CalibrationTable, point: Point) -> tuple[float, float]:
    """Work of attention and of the whole model that `point` keeps, as fractions of the dense run's."""
    return float(point.attention.sum()), 1 + (float(point.work.sum()) - 1) * _attention_part(table)


def _attention_part(table: CalibrationTable) -> float:
    """Fraction of the dense run's work that attention takes."""
    dense = float(table.costs.full.sum()) * table.rows
    return dense / (dense + table.rows * table.costs.other) if dense else 0.0
