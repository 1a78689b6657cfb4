"""Solutions at one price, and a bound that no solution can beat.

Per head the path is exact (`paths`). Two choices bind the heads of a site together: a row that all of them reuse skips
the site's projections, and a shared row serves both branches at once. They are chosen around the exact paths and kept
only where the price falls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from . import evaluate
from .methods import REUSE
from .paths import Cells, Prices, best_paths
from .table import CalibrationTable

# Where this fraction of a site's heads would reuse if the projections were given back to each, try letting all of them
# reuse.
MAJORITIES = (0.8, 0.45)


@dataclass(frozen=True, eq=False)
class Point:
    """One solution: methods (S, N) uint8, share (S, sites) bool, and per head what it adds.

    error, flops, attention (N,): flops and attention as fractions of dense attention, flops less the skipped
    projections. What belongs to a site as a whole (share error, skipped projections) stands at its first head.
    live (S, N): bytes of live caches.
    """

    methods: np.ndarray
    share: np.ndarray
    error: np.ndarray
    flops: np.ndarray
    attention: np.ndarray
    live: np.ndarray

    @staticmethod
    def of(table: CalibrationTable, methods: np.ndarray, share: np.ndarray) -> Point:
        """Sums over the rows of `methods` and `share`."""
        dense = table.full_cost.sum() * table.rows or 1.0
        error = evaluate.errors(table, methods).sum(axis=0)
        error[table.offsets] += np.where(share, table.share_error, 0.0).sum(axis=0)
        attention = evaluate.attention_flops(table, methods, share).sum(axis=0) / dense
        flops = attention.copy()
        flops[table.offsets] -= evaluate.skipped_flops(table, methods).sum(axis=0) / dense
        return Point(methods, share, error, flops, attention, evaluate.live_bytes(table, methods))

    @property
    def cache_bytes(self) -> float:
        """Largest size of the live caches over the rows."""
        return float(self.live.sum(axis=1).max())

    @staticmethod
    def joined(points: Sequence[Point]) -> Point:
        """Solutions of one table side by side: the solution of as many copies of it."""
        both = {name: np.concatenate([getattr(point, name) for point in points], axis=-1) for name in vars(points[0])}
        return Point(**{**both, "flops": both["flops"] / len(points), "attention": both["attention"] / len(points)})

    def parted(self, count: int) -> list[Point]:
        """The solutions of `count` copies of a table, one by one."""
        scaled = replace(self, flops=self.flops * count, attention=self.attention * count)
        parts = {name: np.split(values, count, axis=-1) for name, values in vars(scaled).items()}
        return [Point(**{name: values[which] for name, values in parts.items()}) for which in range(count)]

    def with_heads(self, other: Point, heads: np.ndarray, sites: np.ndarray) -> Point:
        """This point with the methods of `heads` and the sharing of `sites` (bool masks) taken from `other`."""
        picked = {
            field: np.where(heads, getattr(other, field), getattr(self, field))
            for field in ("methods", "error", "flops", "attention", "live")
        }
        return Point(share=np.where(sites, other.share, self.share), **picked)


@dataclass(frozen=True, eq=False)
class Solver:
    """Solutions of one calibration at any price.

    binding: whether choices that bind the heads of a site together are made at all.
    """

    table: CalibrationTable
    cells: Cells
    binding: bool = True
    _wider: dict[int, Solver] = field(init=False, repr=False, default_factory=dict)

    @staticmethod
    def of(table: CalibrationTable, binding: bool = True) -> Solver:
        """The solver of `table`; `binding` is dropped where the table offers nothing of the kind."""
        solver = Solver(table, Cells.of(table), binding)
        return (
            solver
            if binding and (solver._can_share.any() or table.projection_cost.any())
            else replace(solver, binding=False)
        )

    def at(self, prices: Prices) -> tuple[Point, float]:
        """The solution at `prices`, and the bound: no solution has a lower sum of error and price (memory included)."""
        point, bound = self._solved(prices)
        return point, float(bound.sum())

    def at_each(
        self, flops: Sequence[float], memory: np.ndarray | None = None, alone: Sequence[Point] | None = None
    ) -> list[tuple[Point, float]]:
        """`at` for several prices of FLOPs, as for one table in which copies of this one stand side by side.

        alone: the solutions without choices that bind heads together, where they are known already. In a small table
        this is much quicker: most of the time goes into calling numpy, not into its work.
        """
        count = len(flops)
        # A fraction of all copies' FLOPs is a smaller number, so that the same FLOPs must have a higher price.
        prices = Prices(np.repeat(np.multiply(flops, count), self.table.heads), memory)
        point, bound = self._copies(count)._solved(prices, None if alone is None else Point.joined(alone))
        return list(zip(point.parted(count), bound.reshape(count, -1).sum(axis=1).tolist(), strict=True))

    def _copies(self, count: int) -> Solver:
        if count == 1:
            return self
        if count not in self._wider:
            wider = self.table.repeated(count)
            self._wider[count] = Solver(wider, Cells.of(wider), self.binding)
        return self._wider[count]

    def _solved(self, prices: Prices, alone: Point | None = None) -> tuple[Point, np.ndarray]:
        """The solution, and each head's part of the bound: (N,)."""
        if alone is None:
            methods, bound = best_paths(self.cells, prices)
            alone = Point.of(self.table, methods, self._no_share())
            if not self.binding:
                return alone, bound
        relaxed, bound = best_paths(self.cells, self._relaxed(prices))
        point = self._shared(alone, prices)
        point = self._skipping(point, relaxed, prices)
        return self._shared(point, prices), bound

    def value(self, point: Point, prices: Prices) -> np.ndarray:
        """Error plus price of `point`, per head: (N,)."""
        held = 0.0 if prices.memory is None else prices.memory @ point.live / (self.table.output_bytes.sum() or 1.0)
        return point.error + prices.flops * (point.flops + held)

    def all_full(self) -> Point:
        """Everything full."""
        methods = np.full((self.table.rows, self.table.heads), ord("f"), dtype=np.uint8)
        return Point.of(self.table, methods, self._no_share())

    @property
    def _can_share(self) -> np.ndarray:
        possible = np.isfinite(self.table.share_error) & (self.table.share_saving > 0)
        possible[0] = False  # the first row stays exact: everything after it rests on it
        return possible

    def _no_share(self) -> np.ndarray:
        return np.zeros((self.table.rows, len(self.table.sites)), dtype=bool)

    def _dense(self) -> float:
        return self.table.full_cost.sum() * self.table.rows or 1.0

    def _relaxed(self, prices: Prices) -> Prices:
        """Prices under which every head may act alone, and never pays more than it would as part of its site.

        A reuse gets its head's part of the projections back even where other heads compute; sharing is a discount whose
        error is charged in proportion to the most that a cell can cost.
        """
        table, site = self.table, self.table.site_of_head
        heads = np.array([s.heads for s in table.sites])
        bonus = np.broadcast_to((table.projection_cost / heads / self._dense())[site], (table.rows, table.heads))
        dearest = prices.flops * _dearest(table) / self._dense()
        error = np.where(self._can_share, table.share_error, np.inf) / heads
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = 1 - table.share_saving[site] + error[:, site] / dearest
        return replace(prices, factor=np.fmin(factor, 1.0), bonus=bonus)

    def _factor(self, share: np.ndarray) -> np.ndarray:
        return (1 - share * self.table.share_saving)[:, self.table.site_of_head]

    def _shared(self, point: Point, prices: Prices) -> Point:
        """Share where that lowers the price, then paths that know of it, as long as it helps."""
        if not self._can_share.any():
            return point
        flops = evaluate.attention_flops(self.table, point.methods) / self._dense()
        price = np.broadcast_to(prices.flops, self.table.heads)[self.table.offsets]
        saved = price * self.table.share_saving * np.add.reduceat(flops, self.table.offsets, axis=1)
        share = self._can_share & (self.table.share_error < saved)
        point = self._better(point, Point.of(self.table, point.methods, share), prices)
        idle = self._idle(point.methods)
        methods, value = best_paths(
            self.cells, replace(prices, factor=self._factor(point.share), forced=idle if idle.any() else None)
        )
        return (
            self._better(point, Point.of(self.table, methods, point.share), prices)
            if np.isfinite(value).all()
            else point
        )

    def _skipping(self, point: Point, relaxed: np.ndarray, prices: Prices) -> Point:
        """Rows at which whole sites reuse, so that their projections need not run, where that lowers the price."""
        if not self.table.projection_cost.any():
            return point
        heads = np.array([s.heads for s in self.table.sites])
        reusing = np.add.reduceat((relaxed == REUSE).astype(float), self.table.offsets, axis=1) / heads
        candidates = [reusing >= majority for majority in MAJORITIES]
        candidates.append(self._whole_sites(prices, point.share))
        tried = [evaluate.skipped_flops(self.table, point.methods) > 0]
        for rows in candidates:
            rows = rows & (self.table.projection_cost > 0)
            new = np.logical_and.reduce([(rows != before).any(axis=0) for before in tried])
            point = self._better(point, self._with_forced(point, rows & new, prices), prices)
            tried.append(rows)
        return point

    def _with_forced(self, point: Point, rows: np.ndarray, prices: Prices) -> Point:
        """The best paths if the sites reuse at `rows` (S, sites) with all their heads; other sites stay as they are."""
        sites = rows.any(axis=0)
        heads = np.flatnonzero(sites[self.table.site_of_head])
        if not len(heads):
            return point
        forced = rows[:, self.table.site_of_head]
        some = replace(prices, factor=self._factor(point.share), forced=forced).of_heads(heads)
        found, value = best_paths(self.cells.of_heads(heads), some)
        methods = point.methods.copy()
        methods[:, heads] = np.where(np.isfinite(value), found, methods[:, heads])
        return Point.of(self.table, methods, point.share)

    def _whole_sites(self, prices: Prices, share: np.ndarray) -> np.ndarray:
        """Rows (S, sites) at which each site reuses if all its heads compute and reuse together: shortest paths."""
        table, rows = self.table, self.table.rows
        factor = prices.flops * self._factor(share)
        credit = np.broadcast_to(prices.flops, table.heads)[table.offsets] * table.projection_cost / self._dense()
        ages = self.cells.reuse.shape[1] - 1
        value = np.zeros((rows + 1, len(table.sites)))
        longest = np.zeros((rows, len(table.sites)), dtype=np.intp)
        for row in range(rows - 1, -1, -1):
            count = min(ages, rows - 1 - row) + 1
            compute = np.broadcast_to(factor[row] * self.cells.full_cost, (count, table.heads))
            if row and table.windows:
                inherited = np.arange(1, count + 1)[:, None, None]
                windows = inherited * self.cells.window[row] + factor[row] * self.cells.window_cost
                compute = np.minimum(compute, windows.min(axis=1))
            copied = np.zeros((count, table.heads))
            copied[1:] = np.cumsum(factor[row + 1 : row + count] * self.cells.reuse_cost, axis=0)
            copied[1:] += factor[row] * self.cells.keep_cost
            reused = np.arange(count)[:, None]
            held = np.zeros((count, 1))
            if prices.memory is not None:
                held[1:, 0] = np.cumsum(prices.memory[row : row + count])[1:]
            own = compute + copied + self.cells.reuse[row, :count] + held * (prices.flops * self.cells.output_bytes)
            segments = np.add.reduceat(own, table.offsets, axis=1)
            segments = segments - reused * credit + value[row + 1 : row + 1 + count]
            longest[row] = segments.argmin(axis=0)
            value[row] = segments.min(axis=0)
        return _rows_reused(longest)

    def _idle(self, methods: np.ndarray) -> np.ndarray:
        """Cells at rows where all heads of a site with projections to skip reuse: bool (S, N)."""
        return (evaluate.skipped_flops(self.table, methods) > 0)[:, self.table.site_of_head]

    def _better(self, point: Point, other: Point, prices: Prices) -> Point:
        """Per site the cheaper of both."""
        gain = np.add.reduceat(self.value(point, prices) - self.value(other, prices), self.table.offsets)
        sites = gain > 0
        return point.with_heads(other, sites[self.table.site_of_head], sites)


def _dearest(table: CalibrationTable) -> np.ndarray:
    """The most that one cell of each head can cost: (N,)."""
    computed = table.full_cost
    if table.windows:
        refreshing = table.full_cost + table.refresh_cost.max(axis=1)
        computed = np.maximum.reduce([refreshing, table.window_cost.max(axis=1), table.residual_cost.max(axis=1)])
    return np.maximum(computed + table.keep_cost, table.reuse_cost)


def _rows_reused(longest: np.ndarray) -> np.ndarray:
    """Reuses chosen after each row that computes, (S, sites) -> which rows reuse, bool (S, sites)."""
    result = np.zeros(longest.shape, dtype=bool)
    computes = np.zeros(longest.shape[1], dtype=np.intp)  # each site's next row that does
    for row, reuses in enumerate(longest):
        result[row] = row < computes
        computes = np.where(result[row], computes, row + 1 + reuses)
    return result
