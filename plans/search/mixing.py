"""Between two solutions: the heads that are worth it move from one to the other until a goal is exactly filled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import evaluate
from .relaxation import Point
from .table import CalibrationTable

SUMMATION = 1e-10  # two sums of the same terms in another order may differ by less than this


@dataclass(frozen=True)
class Goal:
    """What to reach: the largest squared error, or the largest fraction of attention work; the other is None."""

    squared_error: float | None = None
    attention: float | None = None

    def met(self, point: Point) -> bool:
        """Whether `point` reaches this goal."""
        if self.squared_error is not None:
            return float(point.error.sum()) <= self.squared_error * (1 + SUMMATION)
        return float(point.attention.sum()) <= (self.attention or 0.0) * (1 + SUMMATION)


def mixed(table: CalibrationTable, goal: Goal, low: Point, high: Point) -> Point:
    """A point between `low` (less error) and `high` (less work), of which one meets the goal and the other does not.

    Heads move one by one, or as a whole site where sharing or skipped projections bind them together.
    """
    unit = _units(table, low, high)
    error = np.bincount(unit, high.error - low.error, table.heads)
    saved = np.bincount(unit, low.work - high.work, table.heads)
    attention = np.bincount(unit, low.attention - high.attention, table.heads)
    if goal.squared_error is not None:
        moved, start, end = _greedy(error, saved, goal.squared_error - low.error.sum()), low, high
    else:
        moved, start, end = _greedy(attention, error, goal.attention - high.attention.sum()), high, low
    heads = moved[unit]
    return start.with_heads(end, heads, heads[table.offsets])


def _units(table: CalibrationTable, low: Point, high: Point) -> np.ndarray:
    """Which heads can only move together: (N,) index of the first head of the unit."""
    tied = np.zeros(len(table.sites), dtype=bool)
    for point in (low, high):
        tied |= point.share.any(axis=0) | (evaluate.skipped_work(table.costs, point.methods) > 0).any(axis=0)
    site = table.site_of_head
    return np.where(tied[site], table.offsets[site], np.arange(table.heads))


def _greedy(weight: np.ndarray, worth: np.ndarray, room: float) -> np.ndarray:
    """Items of positive worth, best worth per weight first, as long as their weights fit into `room`: a mask."""

    taken = (weight <= 0) & (worth > 0)
    room -= weight[taken].sum()
    rest = np.flatnonzero((weight > 0) & (worth > 0))
    for item in rest[np.argsort(-(worth[rest] / weight[rest]), kind="stable")]:
        if weight[item] <= room:
            taken[item] = True
            room -= weight[item]
    return taken
