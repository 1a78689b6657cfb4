"""Lagrangian relaxation: the best solution at one Lagrange multiplier of work, and a bound that no solution can beat.

What is minimised is the Lagrangian, error + multiplier * work, in which the heads are independent: each head's path is
exact (`shortest_path`). Two choices bind the heads of a site together: a row (noise level) at which all of them reuse
skips the site's projections, and a row that the guidance branches share is computed once for both. They are chosen
around the exact paths, by trial, and kept only where the Lagrangian falls. The bound is the value of a relaxed problem
in which every head has the advantage of both by itself (weak duality).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..letters import FULL, REUSE
from . import evaluate
from .costs import Costs
from .shortest_path import Cells, Multipliers, best_paths
from .table import CalibrationTable

# Where this fraction of a site's heads would reuse if the projections were given back to each, all of them are tried at
# reuse. Chosen by hand, and from which runs is not recorded. What they leave undone is never more than a solution's
# `gap`; on random tables of one site tests/plans/test_plans_price_search.py holds it to 3 % of dense attention
# (test_whole_site_choices_come_close_to_trying_everything). Compare other values by both.
MAJORITIES = (0.8, 0.45)


@dataclass(frozen=True, eq=False)
class Point:
    """One solution: methods (S, N) uint8, share (S, sites) bool, and per head what it adds.

    error, work, attention (N,): work and attention as fractions of dense attention, work less the skipped
    projections. What belongs to a site as a whole (share error, skipped projections) stands at its first head.
    live (S, N): bytes of live caches.
    """

    methods: np.ndarray
    share: np.ndarray
    error: np.ndarray
    work: np.ndarray
    attention: np.ndarray
    live: np.ndarray

    @staticmethod
    def of(table: CalibrationTable, methods: np.ndarray, share: np.ndarray) -> Point:
        """Sums over the rows of `methods` and `share`."""
        dense = table.costs.full.sum() * table.rows or 1.0
        error = evaluate.errors(table, methods).sum(axis=0)
        error[table.offsets] += np.where(share, table.share_error, 0.0).sum(axis=0)
        attention = evaluate.attention_work(table.costs, methods, share).sum(axis=0) / dense
        work = attention.copy()
        work[table.offsets] -= evaluate.skipped_work(table.costs, methods).sum(axis=0) / dense
        return Point(methods, share, error, work, attention, evaluate.live_bytes(table.costs, methods))

    @property
    def cache_bytes(self) -> float:
        """Largest size of the live caches over the rows."""
        return float(self.live.sum(axis=1).max())

    @staticmethod
    def joined(points: Sequence[Point]) -> Point:
        """Solutions of one table side by side: the solution of as many copies of it."""
        both = {name: np.concatenate([getattr(point, name) for point in points], axis=-1) for name in vars(points[0])}
        return Point(**{**both, "work": both["work"] / len(points), "attention": both["attention"] / len(points)})

    def parted(self, count: int) -> list[Point]:
        """The solutions of `count` copies of a table, one by one."""
        scaled = replace(self, work=self.work * count, attention=self.attention * count)
        parts = {name: np.split(values, count, axis=-1) for name, values in vars(scaled).items()}
        return [Point(**{name: values[which] for name, values in parts.items()}) for which in range(count)]

    def with_heads(self, other: Point, heads: np.ndarray, sites: np.ndarray) -> Point:
        """This point with the methods of `heads` and the sharing of `sites` (bool masks) taken from `other`."""
        picked = {
            field: np.where(heads, getattr(other, field), getattr(self, field))
            for field in ("methods", "error", "work", "attention", "live")
        }
        return Point(share=np.where(sites, other.share, self.share), **picked)


@dataclass(frozen=True, eq=False)
class Relaxation:
    """Solutions of one calibration at any multipliers.

    binding: whether choices that bind the heads of a site together are made at all.
    """

    table: CalibrationTable
    cells: Cells
    binding: bool = True
    _wider: dict[int, Relaxation] = field(init=False, repr=False, default_factory=dict)

    @staticmethod
    def of(table: CalibrationTable, binding: bool = True) -> Relaxation:
        """The relaxation of `table`; `binding` is dropped where the table offers nothing of the kind."""
        relaxation = Relaxation(table, Cells.of(table), binding)
        offered = relaxation._can_share.any() or table.costs.projection.any()
        return relaxation if binding and offered else replace(relaxation, binding=False)

    @property
    def costs(self) -> Costs:
        """Of the table."""
        return self.table.costs

    def at(self, multipliers: Multipliers) -> tuple[Point, float]:
        """The solution at `multipliers`, and the bound: no solution has a lower Lagrangian (memory included)."""
        point, bound = self._solved(multipliers)
        return point, float(bound.sum())

    def at_each(
        self, work: Sequence[float], memory: np.ndarray | None = None, unbound: Sequence[Point] | None = None
    ) -> list[tuple[Point, float]]:
        """`at` for several multipliers of work, as for one table in which copies of this one stand side by side.

        unbound: the solutions without choices that bind heads together, where they are known already. In a small table
        this is much quicker: most of the time goes into calling numpy, not into its work.
        """
        count = len(work)
        # A fraction of all copies' work is a smaller number, so that the same work must have a larger multiplier.
        multipliers = Multipliers(np.repeat(np.multiply(work, count), self.table.heads), memory)
        point, bound = self._copies(count)._solved(multipliers, None if unbound is None else Point.joined(unbound))
        return list(zip(point.parted(count), bound.reshape(count, -1).sum(axis=1).tolist(), strict=True))

    def _copies(self, count: int) -> Relaxation:
        if count == 1:
            return self
        if count not in self._wider:
            wider = self.table.repeated(count)
            self._wider[count] = Relaxation(wider, Cells.of(wider), self.binding)
        return self._wider[count]

    def _solved(self, multipliers: Multipliers, unbound: Point | None = None) -> tuple[Point, np.ndarray]:
        """The solution, and each head's part of the bound: (N,)."""
        if unbound is None:
            methods, bound = best_paths(self.cells, multipliers)
            unbound = Point.of(self.table, methods, self._no_share())
            if not self.binding:
                return unbound, bound
        relaxed, bound = best_paths(self.cells, self._relaxed(multipliers))
        point = self._shared(unbound, multipliers)
        point = self._skipping(point, relaxed, multipliers)
        return self._shared(point, multipliers), bound

    def value(self, point: Point, multipliers: Multipliers) -> np.ndarray:
        """The Lagrangian of `point`, per head: (N,)."""
        held = 0.0
        if multipliers.memory is not None:
            held = multipliers.memory @ point.live / (self.costs.output_bytes.sum() or 1.0)
        return point.error + multipliers.work * (point.work + held)

    def all_full(self) -> Point:
        """Everything full."""
        methods = np.full((self.table.rows, self.table.heads), FULL, dtype=np.uint8)
        return Point.of(self.table, methods, self._no_share())

    @property
    def _can_share(self) -> np.ndarray:
        possible = np.isfinite(self.table.share_error) & (self.costs.share_saving > 0)
        possible[0] = False  # the first row stays exact: everything after it rests on it
        return possible

    def _no_share(self) -> np.ndarray:
        return np.zeros((self.table.rows, len(self.table.sites)), dtype=bool)

    def _dense(self) -> float:
        return self.costs.full.sum() * self.table.rows or 1.0

    def _relaxed(self, multipliers: Multipliers) -> Multipliers:
        """Multipliers under which heads are independent, and none is charged more than it would be as part of its site.

        A reuse gets its head's part of the projections back even where other heads compute; sharing is a discount whose
        error is charged in proportion to the most that a cell can cost.
        """
        table, site = self.table, self.table.site_of_head
        heads = np.array([s.heads for s in table.sites])
        bonus = np.broadcast_to((table.costs.projection / heads / self._dense())[site], (table.rows, table.heads))
        most = multipliers.work * _most_work(table.costs) / self._dense()
        error = np.where(self._can_share, table.share_error, np.inf) / heads
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = 1 - table.costs.share_saving[site] + error[:, site] / most
        return replace(multipliers, factor=np.fmin(factor, 1.0), bonus=bonus)

    def _factor(self, share: np.ndarray) -> np.ndarray:
        return (1 - share * self.costs.share_saving)[:, self.table.site_of_head]

    def _shared(self, point: Point, multipliers: Multipliers) -> Point:
        """Share where that lowers the Lagrangian, then paths that know of it, as long as it helps."""
        if not self._can_share.any():
            return point
        work = evaluate.attention_work(self.costs, point.methods) / self._dense()
        multiplier = np.broadcast_to(multipliers.work, self.table.heads)[self.table.offsets]
        saved = multiplier * self.costs.share_saving * np.add.reduceat(work, self.table.offsets, axis=1)
        share = self._can_share & (self.table.share_error < saved)
        point = self._better(point, Point.of(self.table, point.methods, share), multipliers)
        idle = self._idle(point.methods)
        methods, value = best_paths(
            self.cells, replace(multipliers, factor=self._factor(point.share), forced=idle if idle.any() else None)
        )
        if not np.isfinite(value).all():
            return point
        return self._better(point, Point.of(self.table, methods, point.share), multipliers)

    def _skipping(self, point: Point, relaxed: np.ndarray, multipliers: Multipliers) -> Point:
        """Rows at which whole sites reuse, so that their projections need not run, where that lowers the Lagrangian."""
        if not self.costs.projection.any():
            return point
        heads = np.array([s.heads for s in self.table.sites])
        reusing = np.add.reduceat((relaxed == REUSE).astype(float), self.table.offsets, axis=1) / heads
        candidates = [reusing >= majority for majority in MAJORITIES]
        candidates.append(self._whole_sites(multipliers, point.share))
        tried = [evaluate.skipped_work(self.costs, point.methods) > 0]
        for rows in candidates:
            rows = rows & (self.costs.projection > 0)
            new = np.logical_and.reduce([(rows != before).any(axis=0) for before in tried])
            point = self._better(point, self._with_forced(point, rows & new, multipliers), multipliers)
            tried.append(rows)
        return point

    def _with_forced(self, point: Point, rows: np.ndarray, multipliers: Multipliers) -> Point:
        """The best paths if the sites reuse at `rows` (S, sites) with all their heads; other sites stay as they are."""
        sites = np.asarray(rows.any(axis=0))
        heads = np.flatnonzero(sites[self.table.site_of_head])
        if not len(heads):
            return point
        forced = rows[:, self.table.site_of_head]
        some = replace(multipliers, factor=self._factor(point.share), forced=forced).of_heads(heads)
        found, value = best_paths(self.cells.of_heads(heads), some)
        methods = point.methods.copy()
        methods[:, heads] = np.where(np.isfinite(value), found, methods[:, heads])
        return Point.of(self.table, methods, point.share)

    def _whole_sites(self, multipliers: Multipliers, share: np.ndarray) -> np.ndarray:
        """Rows (S, sites) at which each site reuses if all its heads compute and reuse together: shortest paths."""
        table, rows = self.table, self.table.rows
        factor = multipliers.work * self._factor(share)
        credit = np.broadcast_to(multipliers.work, table.heads)[table.offsets] * table.costs.projection / self._dense()
        ages = self.cells.reuse_error.shape[1] - 1
        value = np.zeros((rows + 1, len(table.sites)))
        longest = np.zeros((rows, len(table.sites)), dtype=np.intp)
        for row in range(rows - 1, -1, -1):
            count = min(ages, rows - 1 - row) + 1
            compute = np.broadcast_to(factor[row] * self.cells.full_cost, (count, table.heads))
            if row and table.ways:
                inherited = np.arange(1, count + 1)[:, None, None]
                ways = inherited * self.cells.way_error[row] + factor[row] * self.cells.way_cost
                compute = np.minimum(compute, ways.min(axis=1))
            copied = np.zeros((count, table.heads))
            copied[1:] = np.cumsum(factor[row + 1 : row + count] * self.cells.reuse_cost, axis=0)
            copied[1:] += factor[row] * self.cells.keep_cost
            reused = np.arange(count)[:, None]
            held = np.zeros((count, 1))
            if multipliers.memory is not None:
                held[1:, 0] = np.cumsum(multipliers.memory[row : row + count])[1:]
            own = compute + copied + self.cells.reuse_error[row, :count]
            own = own + held * (multipliers.work * self.cells.output_bytes)
            segments = np.add.reduceat(own, table.offsets, axis=1)
            segments = segments - reused * credit + value[row + 1 : row + 1 + count]
            longest[row] = segments.argmin(axis=0)
            value[row] = segments.min(axis=0)
        return _rows_reused(longest)

    def _idle(self, methods: np.ndarray) -> np.ndarray:
        """Cells at rows where all heads of a site with projections to skip reuse: bool (S, N)."""
        return (evaluate.skipped_work(self.costs, methods) > 0)[:, self.table.site_of_head]

    def _better(self, point: Point, other: Point, multipliers: Multipliers) -> Point:
        """Per site the one of lower Lagrangian."""
        gain = np.add.reduceat(self.value(point, multipliers) - self.value(other, multipliers), self.table.offsets)
        sites = gain > 0
        return point.with_heads(other, sites[self.table.site_of_head], sites)


def _most_work(costs: Costs) -> np.ndarray:
    """The most work that one cell of each head can take: (N,)."""
    computed = costs.full
    if costs.ways:
        refreshing = costs.full + costs.refresh.max(axis=1)
        computed = np.maximum.reduce([refreshing, costs.way.max(axis=1), costs.residual.max(axis=1)])
    return np.maximum(computed + costs.keep, costs.reuse)


def _rows_reused(longest: np.ndarray) -> np.ndarray:
    """Reuses chosen after each row that computes, (S, sites) -> which rows reuse, bool (S, sites)."""
    result = np.zeros(longest.shape, dtype=bool)
    computes = np.zeros(longest.shape[1], dtype=np.intp)  # each site's next row that does
    for row, reuses in enumerate(longest):
        result[row] = row < computes
        computes = np.where(result[row], computes, row + 1 + reuses)
    return result
