"""How the two papers would choose from the same calibration: baselines that show what a global price is worth.

Both rules spend the same error limit at every step; here that limit is raised until the predicted error of the whole
run reaches the target, so that their solutions compare with `solver.solve` at equal predicted error. What differs from
the papers is the measure of error: the calibration's weighted contributions, not a relative error per layer or model
output.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .evaluate import at_age
from .frontier import Point
from .methods import FULL, RESIDUAL, REUSE, WINDOW
from .mixing import Goal
from .solver import ROUNDING, Solution, summary
from .table import CalibrationTable

HALVINGS = 24
HEAD_CAP = 1.5  # V2: a single head may take this many times its part of a layer's limit


def layerwise(table: CalibrationTable, target_error: float, window: int = 0) -> Solution:
    """DiTFastAttn (arXiv 2406.08552): one method per layer and step. window: index of its one window.

    It is the first of reuse, window + residual shared, window + residual, and shared, whose error stays below a limit
    that grows along the layers of a step.
    """
    return _at_target(table, target_error, lambda limit: _layerwise(table, limit, window))


def headwise(table: CalibrationTable, target_error: float) -> Solution:
    """DiTFastAttnV2 (arXiv 2503.22796): full, a window or reuse per head, the cheapest within a limit per layer and
    step.
    """
    return _at_target(table, target_error, lambda limit: _headwise(table, limit))


@dataclass(eq=False)
class _Walk:
    """The rows so far: what each head's caches come from."""

    table: CalibrationTable
    methods: np.ndarray = field(init=False)
    share: np.ndarray = field(init=False)

    def __post_init__(self):
        heads = self.table.heads
        self.methods = np.full((self.table.rows, heads), FULL, dtype=np.uint8)
        self.share = np.zeros((self.table.rows, len(self.table.sites)), dtype=bool)
        self.computed_at, self.full_at = np.zeros(heads, dtype=int), np.zeros(heads, dtype=int)
        self.repeated = np.zeros(heads)  # error of the output in each head's cache

    def reuse_error(self, row: int) -> np.ndarray:
        """(N,): of reusing the last computed output, its own error included."""
        return at_age(self.table.reuse_error[row], row - self.computed_at) + self.repeated

    def residual_error(self, row: int, window: int) -> np.ndarray:
        """(N,): of the window with the residual of the last full row."""
        return at_age(self.table.residual_error[row, :, window], row - self.full_at)

    def take(self, row: int, methods: np.ndarray, error: np.ndarray) -> None:
        """Settle `row`: methods (N,) and the errors that they make."""
        self.methods[row] = methods
        computed = methods != REUSE
        self.repeated = np.where(computed, error, self.repeated)
        self.computed_at[computed] = row
        self.full_at[methods == FULL] = row


def _layerwise(table: CalibrationTable, limit: float, window: int) -> Point:
    walk, count = _Walk(table), len(table.sites)
    for row in range(1, table.rows):
        candidates = _layer_candidates(walk, row, window)
        methods, error = np.full(table.heads, FULL, dtype=np.uint8), np.zeros(table.heads)
        spent = 0.0
        for site, first in enumerate(table.offsets):
            heads = slice(first, first + table.sites[site].heads)
            for method, of_heads, shared in candidates:
                total = of_heads[heads].sum() + (table.share_error[row, site] if shared else 0.0)
                if spent + total <= limit * (site + 1) / count:
                    methods[heads], error[heads], walk.share[row, site] = method, of_heads[heads], shared
                    spent += total
                    break
        walk.take(row, methods, error)
    return Point.of(table, walk.methods, walk.share)


def _layer_candidates(walk: _Walk, row: int, window: int) -> list[tuple[int, np.ndarray, bool]]:
    """Method, error per head and sharing of each candidate, in the order in which they are tried."""
    candidates = [(REUSE, walk.reuse_error(row), False)]
    if walk.table.windows:
        residual = walk.residual_error(row, window)
        candidates += [(RESIDUAL + window, residual, True), (RESIDUAL + window, residual, False)]
    return [*candidates, (FULL, np.zeros(walk.table.heads), True)]


def _headwise(table: CalibrationTable, limit: float) -> Point:
    walk, site = _Walk(table), table.site_of_head
    cap = HEAD_CAP * limit / np.array([s.heads for s in table.sites])[site]
    letters = np.array([FULL, *(WINDOW + k for k in range(len(table.windows))), REUSE], dtype=np.uint8)
    cost = np.column_stack([table.full_cost, table.window_cost, np.zeros(table.heads)])
    heads = np.arange(table.heads)
    for row in range(1, table.rows):
        error = np.column_stack([np.zeros(table.heads), table.window_error[row], walk.reuse_error(row)])
        chosen = _cheapest_within(np.where(error <= cap[:, None], error, np.inf), cost, limit, table.offsets, site)
        walk.take(row, letters[chosen], error[heads, chosen])
    return Point.of(table, walk.methods, walk.share)


def _cheapest_within(
    error: np.ndarray, cost: np.ndarray, limit: float, offsets: np.ndarray, site: np.ndarray
) -> np.ndarray:
    """Option per head (N,) of least cost whose errors sum to at most `limit` in every site: a price per site, by
    bisection.
    """
    finite = error[np.isfinite(error) & (error > 0)]
    scale = (finite.max() if len(finite) else 1.0) / cost.max()
    low, high = np.full(len(offsets), 1e-9 * scale), np.full(len(offsets), 1e9 * scale)
    heads, best = np.arange(len(error)), np.zeros(len(error), dtype=int)
    for _ in range(HALVINGS):
        price = np.sqrt(low * high)
        chosen = (error + price[site, None] * cost).argmin(axis=1)
        fits = np.add.reduceat(error[heads, chosen], offsets) <= limit
        best = np.where(fits[site], chosen, best)
        low, high = np.where(fits, price, low), np.where(fits, high, price)
    return best


def _at_target(table: CalibrationTable, target_error: float, at: Callable[[float], Point]) -> Solution:
    """The rule at the largest limit of a step that keeps the predicted error within the target."""
    goal = Goal(squared_error=target_error**2 * (1 - ROUNDING))
    best = at(0.0)
    low, high = target_error**2 * 1e-9, target_error**2 * 1e3
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        point = at(middle)
        if goal.met(point):
            low = middle
            best = point if point.flops.sum() < best.flops.sum() else best
        else:
            high = middle
    return summary(table, best, goal)
