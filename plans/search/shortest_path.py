"""The best path of every head over the noise levels for given Lagrange multipliers, exact, all heads at once.

The Lagrangian of a path is its error plus `multiplier * work`. A path is a chain of segments: a row (noise level) that
computes (full, way k, or way k and a residual), then j >= 0 rows that reuse its output. A segment's error is (1 + j)
times that of its computed row, which every reuse inherits, plus that of the reuses themselves; keeping the output for
them and reading it is work of the segment, too. Between segments only the residual matters: which way it is for and how
old it is, or that there is none. So the states are few, and a residual update (`refresh`) is charged exactly where a
path reads it later. The best path is a shortest path through these states, found from the last row to the first
(dynamic programming).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..letters import FULL, RESIDUAL, REUSE, WAY
from .table import CalibrationTable

_COSTS = ("full", "way", "residual", "refresh", "reuse", "keep")


@dataclass(frozen=True, eq=False)
class Cells:
    """A calibration laid out for the search: heads last, costs as fractions of the dense run's attention work.

    S rows, A ages, W ways, N heads. way_error (S, W, N), residual_error (S, A, W, N); reuse_error (S, A + 1, N): sum of
    the errors of the j reuses that follow row s; full_cost, reuse_cost, keep_cost (N,), way_cost, residual_cost,
    refresh_cost (W, N); output_bytes, residual_bytes (N,) as fractions of all heads' outputs.
    """

    way_error: np.ndarray
    residual_error: np.ndarray
    reuse_error: np.ndarray
    full_cost: np.ndarray
    way_cost: np.ndarray
    residual_cost: np.ndarray
    refresh_cost: np.ndarray
    reuse_cost: np.ndarray
    keep_cost: np.ndarray
    output_bytes: np.ndarray
    residual_bytes: np.ndarray

    @staticmethod
    def of(table: CalibrationTable) -> Cells:
        """The cells of a calibration table."""
        costs = table.costs
        dense = costs.full.sum() * table.rows or 1.0
        size = costs.output_bytes.sum() or 1.0
        return Cells(
            way_error=np.ascontiguousarray(table.way_error.transpose(0, 2, 1)),
            residual_error=np.ascontiguousarray(table.residual_error.transpose(0, 3, 2, 1)),
            reuse_error=_sums_ahead(table.reuse_error.transpose(0, 2, 1)),
            **{f"{name}_cost": np.ascontiguousarray(getattr(costs, name).T) / dense for name in _COSTS},
            output_bytes=costs.output_bytes / size,
            residual_bytes=costs.residual_bytes / size,
        )

    def of_heads(self, heads: np.ndarray | slice) -> Cells:
        """The cells of some heads only."""
        return Cells(**{field: np.ascontiguousarray(values[..., heads]) for field, values in vars(self).items()})


@dataclass(frozen=True, eq=False)
class Multipliers:
    """What a path is charged beside its error.

    work: the Lagrange multiplier of work, error per dense run of attention, for all heads or for each (N,). memory
    (S,): for each row, work (fraction of dense attention) per all heads' outputs held, which is the multiplier of
    memory over that of work. factor (S, N): what part of a row's work is charged (sharing). bonus (S, N): work given
    back for each reuse. forced (S, N) bool: rows that must reuse. None stands for 0, 1, 0 and False.
    """

    work: float | np.ndarray
    memory: np.ndarray | None = None
    factor: np.ndarray | None = None
    bonus: np.ndarray | None = None
    forced: np.ndarray | None = None

    def of_heads(self, heads: np.ndarray | slice) -> Multipliers:
        """The multipliers of some heads only."""
        some = (None if field is None else field[:, heads] for field in (self.factor, self.bonus, self.forced))
        work = self.work[heads] if isinstance(self.work, np.ndarray) else self.work
        return Multipliers(work, self.memory, *some)


# Heads per block: bounds the memory of the states (about 20 MB at 28 rows, 8 ages, 4 ways).
BLOCK = 2048


def best_paths(cells: Cells, multipliers: Multipliers) -> tuple[np.ndarray, np.ndarray]:
    """Best path per head: methods uint8 (S, N), and its Lagrangian (N,), inf where no path obeys `forced`."""
    heads = len(cells.full_cost)
    blocks = [slice(start, min(start + BLOCK, heads)) for start in range(0, heads, BLOCK)]
    solved = [_Block(cells.of_heads(block), multipliers.of_heads(block)).solve() for block in blocks]
    return np.concatenate([methods for methods, _ in solved], axis=1), np.concatenate([value for _, value in solved])


class _Block:
    """Values of all states of some heads: filled from the last row to the first, walked the other way."""

    def __init__(self, cells: Cells, multipliers: Multipliers):
        self.cells = cells
        self.rows, self.ways, self.heads = cells.way_error.shape
        self.ages = cells.residual_error.shape[1]
        ones = np.ones((self.rows, self.heads))
        self.factor = multipliers.work * (ones if multipliers.factor is None else multipliers.factor)
        self.forced = multipliers.forced
        # What a unit held in all rows before c is charged; None where memory is free.
        self.held_until = None if multipliers.memory is None else np.concatenate(([0.0], np.cumsum(multipliers.memory)))
        self.output_work = multipliers.work * cells.output_bytes
        self.residual_work = multipliers.work * cells.residual_bytes
        bonus = 0.0 if multipliers.bonus is None else multipliers.work * multipliers.bonus
        charged = self.factor * cells.reuse_cost - bonus
        self.reuse = cells.reuse_error + _sums_ahead(np.repeat(charged[:, None], self.ages, axis=1), beyond=0.0)
        # Value of the rows from c on: without a residual, and with one of age r = 1..A (index r - 1) for way w.
        self.bare = np.zeros((self.rows + 1, self.heads))
        self.holding = np.zeros((self.rows + 1, self.ages, self.ways, self.heads))
        self.full = np.zeros((self.rows, self.heads))
        # By row, for the walk; of j = 0.. reuses after the row, (J + 1, N) each: what they add (see `_tail`), the same
        # with the value of the rows that follow without a residual, the least of that and of following with one, and
        # the best way without a residual at the row itself.
        self.tail: list = [None] * self.rows
        self.without: list = [None] * self.rows
        self.after_full: list = [None] * self.rows
        self.way: list = [None] * self.rows

    def solve(self) -> tuple[np.ndarray, np.ndarray]:
        for row in range(self.rows - 1, -1, -1):
            self._fill(row)
        return self._walk(), self.full[0]

    def _fill(self, row: int) -> None:
        tail = self.tail[row] = self._tail(row)
        without = self.without[row] = tail + self.bare[row + 1 : row + 1 + len(tail)]
        self._fill_full(row)
        if row == 0:  # is always full
            self.bare[0] = self.full[0]
            return
        way = self.way[row] = self._way_segments(row)
        np.minimum(self.full[row], (way + without).min(axis=0), out=self.bare[row])
        if self.forced is not None:
            self.bare[row, self.forced[row]] = np.inf
        if self.ways:
            self._fill_holding(row)

    def _fill_full(self, row: int) -> None:
        best = self.without[row]
        if self.ways and self.ages:
            refreshed = self._refreshed(row).min(axis=1)
            best = best.copy()
            np.minimum(best[: len(refreshed)], refreshed, out=best[: len(refreshed)])
        self.after_full[row] = best
        np.add(self.factor[row] * self.cells.full_cost, best.min(axis=0), out=self.full[row])
        if self.forced is not None:
            self.full[row, self.forced[row]] = np.inf

    def _refreshed(self, row: int, heads: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Value of what follows a full row that yields a residual: j reuses, then rows that hold it: (J', W, n)."""
        count = min(len(self.tail[row]), self.ages)
        j = np.arange(count)
        after = self.holding[row + 1 + j, j][..., heads]
        after += (self.factor[row] * self.cells.refresh_cost)[:, heads]
        after += (self.tail[row][:count] + self._hold_residual(row)[:count])[:, None, heads]
        return after

    def _fill_holding(self, row: int) -> None:
        """With a residual of each age and way: it is used, or kept for later, or no longer of use."""
        oldest, tail, without, way = min(self.ages, row), self.tail[row], self.without[row], self.way[row]
        best = self.holding[row, :oldest]
        best[...] = self.bare[row]
        held = self._hold_residual(row)
        carried = tail + held
        residual = self.cells.residual_error[row, :oldest]
        charged = residual + self.factor[row] * self.cells.residual_cost
        option = np.empty_like(charged)
        for j in range(len(tail)):
            lasting = min(oldest, max(self.ages - j - 1, 0))  # ages whose residual still serves after the segment
            young, old = option[:lasting], option[lasting:]
            np.minimum(charged[:lasting], way[j], out=young)
            young += self.holding[row + j + 1, j + 1 : j + 1 + lasting]
            young += carried[j]
            # A residual that is too old afterwards is worth having only for the row itself.
            np.add(charged[lasting:], without[j] + held[j], out=old)
            np.minimum(best, option, out=best)
            charged += residual  # one more reuse inherits the computed row's error
        if self.forced is not None:
            best[..., self.forced[row]] = np.inf

    def _tail(self, row: int) -> np.ndarray:
        """What j = 0.. reuses after `row` add, keeping the output included, the inherited error not: (J + 1, N)."""
        longest = min(self.ages, self.rows - 1 - row)
        tail = self.reuse[row, : longest + 1].copy()
        if self.held_until is not None:
            held = self.held_until[row + 1 : row + 2 + longest] - self.held_until[row]
            held[0] = 0
            tail += held[:, None] * self.output_work
        tail[1:] += self.factor[row] * self.cells.keep_cost
        return tail

    def _hold_residual(self, row: int) -> np.ndarray:
        """Charge for holding a residual through the segment of `row` and j reuses: (J + 1, N)."""
        count = len(self.tail[row])
        if self.held_until is None:
            return np.zeros((count, 1))
        return (self.held_until[row + 1 : row + 1 + count] - self.held_until[row])[:, None] * self.residual_work

    def _way_segments(self, row: int) -> np.ndarray:
        """Best way without residual for `row` and j reuses after it: (J + 1, N)."""
        count = len(self.tail[row])
        if not self.ways:
            return np.full((count, self.heads), np.inf)
        inherited = np.arange(1, count + 1)[:, None, None]
        return (inherited * self.cells.way_error[row] + self._way_work(row)).min(axis=1)

    def _way_work(self, row: int) -> np.ndarray:
        return self.factor[row] * self.cells.way_cost

    def _walk(self) -> np.ndarray:
        methods = np.full((self.rows, self.heads), REUSE, dtype=np.uint8)
        arrives = np.zeros(self.heads, dtype=np.intp)  # row of each head's next segment
        taken_at = np.zeros(self.heads, dtype=np.intp)  # row and way of the residual, way -1 = none
        of_way = np.full(self.heads, -1, dtype=np.intp)
        for row in range(self.rows):
            here = np.flatnonzero(arrives == row)
            of_way[here[row - taken_at[here] > self.ages]] = -1
            age, held = row - taken_at[here], of_way[here]
            value = self.bare[row, here]
            has = np.flatnonzero(held >= 0)
            value[has] = self.holding[row, age[has] - 1, held[has], here[has]]
            # Which option has this value; a tie goes to the one that holds less.
            full = self.full[row, here] <= value
            bare = self.bare[row, here] <= value
            for kind, which in (
                (self._take_full, full),
                (self._take_way, bare & ~full),
                (self._take_holding, ~bare & ~full),
            ):
                heads = here[which]
                if len(heads):
                    method, reuses, way = kind(row, heads, age[which], held[which])
                    methods[row, heads] = method
                    arrives[heads] = row + 1 + reuses
                    taken_at[heads] = np.where(full[which], row, taken_at[heads])
                    of_way[heads] = way
        return methods

    # Each gives, for heads at `row` of whose options this is the best: the method, the reuses after it, and the way
    # of the residual that they hold then, or -1.

    def _take_full(self, row: int, heads, age, held):
        without = self.without[row][:, heads]
        reuses, way = without.argmin(axis=0), np.full(len(heads), -1)
        refreshing = np.flatnonzero(self.after_full[row][:, heads].min(axis=0) < without.min(axis=0))
        if len(refreshing):
            options = self._refreshed(row, heads[refreshing]).reshape(-1, len(refreshing))
            reuses[refreshing], way[refreshing] = np.divmod(options.argmin(axis=0), self.ways)
        return FULL, reuses, way

    def _take_way(self, row: int, heads, age, held):
        reuses = (self.way[row] + self.without[row])[:, heads].argmin(axis=0)
        return WAY + self._best_way(row, heads, reuses), reuses, -1

    def _take_holding(self, row: int, heads, age, held):
        way, j = self.way[row][:, heads], np.arange(len(self.tail[row]))[:, None]
        work = self.factor[row, heads] * self.cells.residual_cost[held, heads]
        residual = (1 + j) * self.cells.residual_error[row, age - 1, held, heads] + work
        lasting = age + j < self.ages
        young = self.holding[row + 1 + j, np.minimum(age + j, self.ages - 1), held, heads]
        following = np.where(lasting, young, self.bare[row + 1 + j, heads])
        carried = (self.tail[row] + self._hold_residual(row))[:, heads] + following
        reuses = (np.minimum(way, residual) + carried).argmin(axis=0)
        at = (reuses, np.arange(len(heads)))
        bare = WAY + self._best_way(row, heads, reuses)
        return np.where(residual[at] < way[at], RESIDUAL + held, bare), reuses, np.where(lasting[at], held, -1)

    def _best_way(self, row: int, heads, reuses) -> np.ndarray:
        return ((1 + reuses) * self.cells.way_error[row][:, heads] + self._way_work(row)[:, heads]).argmin(axis=0)


def _sums_ahead(per_age: np.ndarray, beyond: float = np.inf) -> np.ndarray:
    """(S, A, N) at [row, age - 1] -> (S, A + 1, N): [c, j] = sum over i = 1..j of per_age[c + i, i - 1]; `beyond` past
    the last row.
    """
    rows, ages, heads = per_age.shape
    result = np.full((rows, ages + 1, heads), beyond)
    result[:, 0] = 0
    for j in range(1, min(ages, rows - 1) + 1):
        result[: rows - j, j] = result[: rows - j, j - 1] + per_age[j:, j - 1]
    return result
