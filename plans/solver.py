"""From a calibration to one solution: the price at which an error or a budget is met.

One global price turns FLOPs into error, so that every head at every row trades at the same rate. The price is found by
bisection on a fixed grid, which several levels of one calibration share; between the two prices that enclose the goal,
heads move over one by one, best first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from .checks import PlanError
from .frontier import Point, Solver
from .mixing import Goal, mixed
from .table import CalibrationTable

STEPS_PER_OCTAVE = 1  # of the price grid that levels share
AT_ONCE = 256  # heads that are solved together: so many prices of a small table at a time; at most MAX_SITES
AT_ONCE_ANEW = 3  # prices, where the right one is nearly known: it and its neighbours
LIKELY_PRICE = 8  # times the squared error: where the search starts
FIRST_MEMORY_PRICE = 0.1  # for all rows together; see Prices.memory
MEMORY_ROUNDS = 10
ROUNDING = 1e-9  # kept free of every budget, for sums in another order


@dataclass(frozen=True, eq=False)
class Solution:
    """What to do at one level.

    predicted_error: relative error of the final latent. attention_flops_kept, model_flops_kept: fractions of the dense
    run. cache_bytes: largest size of the live caches. lower_bound: model_flops_kept that no solution with this error
    limit can go below; gap: distance from it. reached: whether the goal was met; note says so if not. price: error per
    dense run of attention; memory (S,): FLOPs (fraction of dense attention) per all heads' outputs held, None without a
    cache limit. point: the same methods and their sums as arrays.
    """

    predicted_error: float
    attention_flops_kept: float
    model_flops_kept: float
    cache_bytes: int
    lower_bound: float
    gap: float
    reached: bool
    note: str
    price: float
    memory: np.ndarray | None
    point: Point

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """One profile per head over all sites (see `methods`)."""
        return tuple(column.tobytes().decode("ascii") for column in np.ascontiguousarray(self.point.methods.T))

    @cached_property
    def share(self) -> tuple[str, ...]:
        """One text of '0' and '1' over rows per site."""
        return tuple("".join("01"[bit] for bit in column) for column in self.point.share.T.astype(int))


def solve(
    table: CalibrationTable,
    *,
    target_error: float | None = None,
    keep_attention: float | None = None,
    max_cache_bytes: int | None = None,
) -> Solution:
    """The cheapest solution whose predicted relative error is at most `target_error`, or the one of least error that
    keeps at most the fraction `keep_attention` of attention FLOPs; with at most `max_cache_bytes` of live caches.
    Raises PlanError unless exactly one is given.
    """
    return Search(table).solve(
        target_error=target_error, keep_attention=keep_attention, max_cache_bytes=max_cache_bytes
    )


class Search:
    """Several solutions of one calibration, which share the work at equal prices."""

    def __init__(self, table: CalibrationTable):
        self.table = table
        solver = Solver.of(table)
        alone = _Frontier(replace(solver, binding=False), _price_range(table))
        # Solutions without choices that bind heads together are searched too, so that having more choices never makes
        # one worse.
        self._frontiers = [alone] + ([_Frontier(solver, alone.grid, alone=alone)] if solver.binding else [])

    def solve(
        self,
        *,
        target_error: float | None = None,
        keep_attention: float | None = None,
        max_cache_bytes: int | None = None,
    ) -> Solution:
        """See `solve`."""
        goal = _goal(target_error, keep_attention)
        point, price = self._best(goal, self._frontiers)
        bound = self._frontiers[-1].lower_bound(
            goal.squared_error if goal.squared_error is not None else float(point.error.sum())
        )
        memory = None
        if max_cache_bytes is not None and point.cache_bytes > max_cache_bytes:
            point, price, memory = self._within(goal, max_cache_bytes, price)
        return summary(self.table, point, goal, bound, price, memory)

    def _best(self, goal: Goal, frontiers: list[_Frontier]) -> tuple[Point, float]:
        found = []
        for frontier in frontiers:
            found.append(frontier.reach(goal, near=found[0][1] if found else None))
        if goal.squared_error is not None:
            return min(found, key=lambda pair: pair[0].flops.sum())
        return min(found, key=lambda pair: (not goal.met(pair[0]), pair[0].error.sum()))

    def _within(self, goal: Goal, limit: int, near: float) -> tuple[Point, float, np.ndarray]:
        """The best solution found whose caches fit. Each row's memory has a price that follows how full it is."""
        frontier = self._frontiers[-1]
        quick = self._frontiers[0]
        memory = np.full(self.table.rows, FIRST_MEMORY_PRICE / self.table.rows)
        fitting = []
        for pace in np.linspace(2.0, 0.5, MEMORY_ROUNDS):
            point, near = quick.reach_anew(goal, memory, near)
            fullness = point.live.sum(axis=1) / max(limit, 1)
            if point.cache_bytes <= limit:
                fitting.append((float(point.flops.sum()), float(point.error.sum()), memory))
            memory = memory * np.exp(pace * np.clip(fullness - 1, -1, 1))
        if fitting:
            least = 0 if goal.squared_error is not None else 1
            memory = min(fitting, key=lambda found: found[least])[2]
        for _ in range(60):
            point, price = frontier.reach_anew(goal, memory, near)
            if point.cache_bytes <= limit:
                return point, price, memory
            memory = 2 * memory
        return frontier.solver.all_full(), price, memory


@dataclass(eq=False)
class _Frontier:
    """Solutions at prices of the grid, which are numbered, kept for reuse.

    grid: first and last price. alone: solutions at the same prices without choices that bind heads together. at_once:
    most prices that are solved together.
    """

    solver: Solver
    grid: tuple[int, int]
    memory: np.ndarray | None = None
    alone: _Frontier | None = None
    at_once: int = AT_ONCE
    points: dict[int, tuple[Point, float]] = field(default_factory=dict)

    def reach(self, goal: Goal, near: float | None = None) -> tuple[Point, float]:
        """The best solution found that meets `goal`, or the nearest to it, and its price. near: where to start."""
        low, high = self._bracket(goal, near)
        if low is None:
            low_point = self.solver.all_full()
            if goal.attention is not None and goal.met(low_point):  # no compression at all is within the budget
                return low_point, 0.0
        else:
            low_point = self._at(low)
        if high is None:
            return low_point, _price(low)
        best = mixed(self.solver.table, goal, low_point, self._at(high))
        return best, _price(high if low is None else low)

    def reach_anew(self, goal: Goal, memory: np.ndarray, near: float) -> tuple[Point, float]:
        """`reach` at other prices of memory, (S,)."""
        return _Frontier(self.solver, self.grid, memory, at_once=AT_ONCE_ANEW).reach(goal, near)

    def lower_bound(self, squared_error: float) -> float:
        """Least FLOPs, as a fraction of dense attention, that any solution within this error needs (weak duality)."""
        bounds = [(value - squared_error) / _price(number) for number, (_, value) in self.points.items()]
        return max(bounds, default=-math.inf)

    def _at(self, number: int) -> Point:
        if number not in self.points:
            numbers = self._unsolved_around(number)
            alone = None if self.alone is None else [self.alone._at(one) for one in numbers]
            found = self.solver.at_each([_price(one) for one in numbers], self.memory, alone)
            self.points.update(zip(numbers, found, strict=True))
        return self.points[number][0]

    def _unsolved_around(self, number: int) -> list[int]:
        first, last = self.grid
        unsolved = [one for one in range(first, last + 1) if one not in self.points]
        count = max(min(self.at_once, AT_ONCE // self.solver.table.heads), 1)
        return sorted(unsolved, key=lambda one: abs(one - number))[:count]

    def _bracket(self, goal: Goal, near: float | None) -> tuple[int | None, int | None]:
        """Neighbours on the grid between which the goal lies: below it less is saved. None: the grid ends there."""
        first, last = self.grid
        start = near or LIKELY_PRICE * (goal.squared_error or 0.0) or _price((first + last) / 2)
        start = min(max(round(math.log2(start) * STEPS_PER_OCTAVE), first), last)
        stride = 1 if near else 2
        while True:
            low, high = self._enclosing(goal)
            if low == last or high == first or (low is not None and high is not None and high - low == 1):
                return low, high
            if low is None and high is None:
                self._at(start)
            elif low is None or high is None:
                self._at(max(high - stride, first) if low is None else min(low + stride, last))
                stride *= 2
            else:
                self._at(min(max(start, low + 1), high - 1) if near else (low + high) // 2)

    def _enclosing(self, goal: Goal) -> tuple[int | None, int | None]:
        """The dearest solved price that still saves too little, and the next that does not."""
        saves_enough = {
            number: goal.met(point) != (goal.squared_error is not None) for number, (point, _) in self.points.items()
        }
        low = max((number for number, enough in saves_enough.items() if not enough), default=None)
        beyond = [number for number in saves_enough if low is None or number > low]
        return low, min(beyond, default=None)


def _price(number: float) -> float:
    return 2.0 ** (number / STEPS_PER_OCTAVE)


def _goal(target_error: float | None, keep_attention: float | None) -> Goal:
    given = [value for value in (target_error, keep_attention) if value is not None]
    if len(given) != 1:
        raise PlanError("Give either an error to stay below or a fraction of attention to keep.")
    if not given[0] >= 0:
        raise PlanError("The error to stay below, or the fraction of attention to keep, must not be negative.")
    if target_error is not None:
        return Goal(squared_error=min(float(target_error), 1e100) ** 2 * (1 - ROUNDING))
    return Goal(attention=float(keep_attention) * (1 - ROUNDING) if keep_attention < 1 else math.inf)


def _price_range(table: CalibrationTable) -> tuple[int, int]:
    """First and last price of the grid: below, no error is worth a saving; above, nothing but FLOPs counts."""
    errors = (table.window_error, table.residual_error, table.reuse_error, table.share_error)
    largest = max(np.max(array, where=np.isfinite(array), initial=0.0) for array in errors)
    if not largest:
        return 0, 1
    cell = 1 / (table.rows * table.heads)
    smallest = max(min(np.min(array, where=array > 0, initial=np.inf) for array in errors), largest * 1e-12)
    first = math.floor(STEPS_PER_OCTAVE * math.log2(1e-3 * smallest))
    last = math.ceil(STEPS_PER_OCTAVE * math.log2(1e5 * largest / cell))
    return first, last


def describe(table: CalibrationTable, point: Point, like: Solution) -> Solution:
    """`point` as a Solution to the goal that `like` was found for."""
    fields = _fields(table, point)
    return replace(like, gap=fields["model_flops_kept"] - min(like.lower_bound, fields["model_flops_kept"]), **fields)


def summary(
    table: CalibrationTable,
    point: Point,
    goal: Goal,
    bound: float = -math.inf,
    price: float = 0.0,
    memory: np.ndarray | None = None,
) -> Solution:
    """`point` as the Solution to `goal`. bound: least FLOPs as a fraction of dense attention, as far as known."""
    fields = _fields(table, point)
    kept = fields["model_flops_kept"]
    lower = max(min(1 + (bound - 1) * _attention_part(table), kept), 0.0)
    reached = goal.met(point)
    least = f"The strongest compression measured still keeps {fields['attention_flops_kept']:.0%} of the attention."
    note = "" if reached else least
    proven = {"lower_bound": lower, "gap": kept - lower}
    return Solution(**fields, **proven, reached=reached, note=note, price=price, memory=memory)


def _fields(table: CalibrationTable, point: Point) -> dict:
    return {
        "predicted_error": math.sqrt(max(float(point.error.sum()), 0.0)),
        "attention_flops_kept": float(point.attention.sum()),
        "model_flops_kept": 1 + (float(point.flops.sum()) - 1) * _attention_part(table),
        "cache_bytes": math.ceil(point.cache_bytes),
        "point": point,
    }


def _attention_part(table: CalibrationTable) -> float:
    """Fraction of the dense run's FLOPs that attention takes."""
    dense = float(table.full_cost.sum()) * table.rows
    return dense / (dense + table.rows * table.other_cost) if dense else 0.0
