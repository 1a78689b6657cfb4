"""From a calibration to one solution: the price at which an error or a budget is met.

One global price turns FLOPs into error, so that every head at every row trades at the same rate. The price is found by
bisection on a fixed grid, which several levels of one calibration share; between the two prices that enclose the goal,
heads move over one by one, best first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from .checks import PlanError
from .frontier import Point, Solver
from .mixing import Goal, better_of, mixed
from .paths import Prices
from .table import CalibrationTable

STEPS_PER_OCTAVE = 1  # of the price grid that levels share
REFINEMENTS = 0  # further halvings between two prices of the grid, where a price is cheap to try
CLOSE_ENOUGH = 5e-4  # distance from the bound, as a fraction of the whole model's FLOPs, at which refining stops
FIRST_MEMORY_PRICE = 0.1  # for all rows together; see Prices.memory
MEMORY_ROUNDS = 10
FILLED = 0.99  # part of the squared error's limit that is enough to use
ROUNDING = 1e-9  # kept free of every budget, for sums in another order


@dataclass(frozen=True, eq=False)
class Solution:
    """What to do at one level.

    paths: one profile per head over all sites (see `methods`). share: one text of '0' and '1' over rows per site.
    predicted_error: relative error of the final latent. attention_flops_kept, model_flops_kept: fractions of the dense
    run. cache_bytes: largest size of the live caches. lower_bound: model_flops_kept that no solution with this error
    limit can go below; gap: distance from it. reached: whether the goal was met; note says so if not. price: error per
    dense run of attention; memory (S,): FLOPs (fraction of dense attention) per all heads' outputs held, None without a
    cache limit. point: the same methods and their sums as arrays.
    """

    paths: tuple[str, ...]
    share: tuple[str, ...]
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
        alone = Solver.of(table, binding=False)
        bound = Solver.of(table)
        # Solutions without choices that bind heads together are searched too, so that having more choices never makes
        # one worse.
        self._frontiers = [_Frontier(alone)] + ([_Frontier(bound)] if bound.binding else [])

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
    """Solutions over prices, kept for reuse; a price is the exponent of 2, in steps of the grid or between."""

    solver: Solver
    memory: np.ndarray | None = None
    points: dict[float, tuple[Point, float]] = field(default_factory=dict)
    refinements: int = REFINEMENTS

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
            return self._at(low), 2.0**low
        best = mixed(self.solver.table, goal, low_point, self._at(high))
        if low is None:
            return best, 2.0**high
        for _ in range(self.refinements):
            if self._close(goal, best):
                break
            middle = (low + high) / 2
            beyond = goal.met(self._at(middle)) == (goal.squared_error is not None)
            low, high = (middle, high) if beyond else (low, middle)
            best = better_of(goal, best, mixed(self.solver.table, goal, self._at(low), self._at(high)))
        return best, 2.0**low

    def reach_anew(self, goal: Goal, memory: np.ndarray, near: float) -> tuple[Point, float]:
        """`reach` at other prices of memory, (S,), between neighbours of the price grid only."""
        return _Frontier(self.solver, memory, refinements=0).reach(goal, near)

    def lower_bound(self, squared_error: float) -> float:
        """Least FLOPs, as a fraction of dense attention, that any solution within this error needs (weak duality)."""
        bounds = [(value - squared_error) / 2.0**price for price, (_, value) in self.points.items()]
        return max(bounds, default=-math.inf)

    def _at(self, price: float) -> Point:
        if price not in self.points:
            self.points[price] = self.solver.at(Prices(2.0**price, self.memory))
        return self.points[price][0]

    def _bracket(self, goal: Goal, near: float | None) -> tuple[float | None, float | None]:
        """Neighbours on the grid between which the goal lies: below it less is saved. None: the grid ends there."""
        first, last = _price_range(self.solver.table)
        start = near or goal.squared_error or 2.0 ** ((first + last) / 2 / STEPS_PER_OCTAVE)
        at = min(max(round(math.log2(start) * STEPS_PER_OCTAVE), first), last)
        low, high, stride = None, None, 1 if near else 3
        while True:
            saves_too_little = goal.met(self._at(at / STEPS_PER_OCTAVE)) == (goal.squared_error is not None)
            low, high = (at, high) if saves_too_little else (low, at)
            if low == last or high == first or (low is not None and high is not None and high - low == 1):
                return tuple(None if end is None else end / STEPS_PER_OCTAVE for end in (low, high))
            if low is None or high is None:
                at = min(max(at + (stride if high is None else -stride), first), last)
                stride *= 2
            else:
                at = (low + high) // 2

    def _close(self, goal: Goal, point: Point) -> bool:
        if self.solver.binding:  # the bound is too far off to tell
            return goal.squared_error is None or point.error.sum() > FILLED * goal.squared_error
        error = goal.squared_error if goal.squared_error is not None else float(point.error.sum())
        return (point.flops.sum() - self.lower_bound(error)) * _attention_part(self.solver.table) < CLOSE_ENOUGH


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
    errors = np.concatenate(
        [
            array[np.isfinite(array)]
            for array in (table.window_error, table.residual_error, table.reuse_error, table.share_error)
        ]
    )
    errors = errors[errors > 0]
    if not len(errors):
        return 0, 1
    cell = 1 / (table.rows * table.heads)
    smallest = max(errors.min(), errors.max() * 1e-12)
    first = math.floor(STEPS_PER_OCTAVE * math.log2(1e-3 * smallest))
    last = math.ceil(STEPS_PER_OCTAVE * math.log2(1e5 * errors.max() / cell))
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
        "paths": tuple(column.tobytes().decode("ascii") for column in np.ascontiguousarray(point.methods.T)),
        "share": tuple("".join("01"[bit] for bit in column) for column in point.share.T.astype(int)),
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
