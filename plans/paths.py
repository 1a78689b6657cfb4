"""The cheapest path of every head over the rows, for given prices: an exact shortest path, all heads at once.

A path is a chain of segments: a row that computes (full, window k, or window k + residual), then j >= 0 rows that reuse
its output. A segment's error is (1 + j) times that of its computed row, which every reuse inherits, plus that of the
reuses themselves; keeping the output for them and reading it cost in the segment, too. Between segments only the
residual matters: which window it is for and how old it is, or that there is none. So the state is small, and a refresh
is paid for exactly where a path will read it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .methods import FULL, RESIDUAL, REUSE, WINDOW
from .table import CalibrationTable

COSTS = ("full_cost", "window_cost", "residual_cost", "refresh_cost", "reuse_cost", "keep_cost")


@dataclass(frozen=True, eq=False)
class Cells:
    """A calibration laid out for the search: heads last, costs as fractions of the dense run's attention FLOPs.

    window (S, W, N), residual (S, A, W, N); reuse (S, A + 1, N): sum of the errors of the j reuses that follow row s;
    full_cost, reuse_cost, keep_cost (N,), window_cost, residual_cost, refresh_cost (W, N); output_bytes, residual_bytes
    (N,) as fractions of all heads' outputs.
    """

    window: np.ndarray
    residual: np.ndarray
    reuse: np.ndarray
    full_cost: np.ndarray
    window_cost: np.ndarray
    residual_cost: np.ndarray
    refresh_cost: np.ndarray
    reuse_cost: np.ndarray
    keep_cost: np.ndarray
    output_bytes: np.ndarray
    residual_bytes: np.ndarray

    @staticmethod
    def of(table: CalibrationTable) -> Cells:
        """The cells of a calibration table."""
        dense = table.full_cost.sum() * table.rows or 1.0
        size = table.output_bytes.sum() or 1.0
        return Cells(
            window=np.ascontiguousarray(table.window_error.transpose(0, 2, 1)),
            residual=np.ascontiguousarray(table.residual_error.transpose(0, 3, 2, 1)),
            reuse=_sums_ahead(table.reuse_error.transpose(0, 2, 1)),
            **{field: np.ascontiguousarray(getattr(table, field).T) / dense for field in COSTS},
            output_bytes=table.output_bytes / size,
            residual_bytes=table.residual_bytes / size,
        )

    def of_heads(self, heads: np.ndarray | slice) -> Cells:
        """The cells of some heads only."""
        return Cells(**{field: np.ascontiguousarray(values[..., heads]) for field, values in vars(self).items()})


@dataclass(frozen=True, eq=False)
class Prices:
    """What a path pays beside its error.

    flops: error per dense run of attention, for all heads or for each (N,). memory (S,): for each row, FLOPs (fraction
    of dense attention) per all heads' outputs held. factor (S, N): what of a row's cost is to be paid (sharing). bonus
    (S, N): FLOPs given back for each reuse. forced (S, N) bool: rows that must reuse. None stands for 0, 1, 0 and
    False.
    """

    flops: float | np.ndarray
    memory: np.ndarray | None = None
    factor: np.ndarray | None = None
    bonus: np.ndarray | None = None
    forced: np.ndarray | None = None

    def of_heads(self, heads: np.ndarray | slice) -> Prices:
        """The prices of some heads only."""
        some = (None if field is None else field[:, heads] for field in (self.factor, self.bonus, self.forced))
        return Prices(self.flops[heads] if np.ndim(self.flops) else self.flops, self.memory, *some)


# Heads per block: bounds the memory of the states (about 20 MB at 28 rows, 8 ages, 4 windows).
BLOCK = 2048


def best_paths(cells: Cells, prices: Prices) -> tuple[np.ndarray, np.ndarray]:
    """Best path per head: methods uint8 (S, N), and its error + price (N,), inf where no path obeys `forced`."""

    heads = len(cells.full_cost)
    blocks = [slice(start, min(start + BLOCK, heads)) for start in range(0, heads, BLOCK)]
    solved = [_Block(cells.of_heads(block), prices.of_heads(block)).solve() for block in blocks]
    return np.concatenate([methods for methods, _ in solved], axis=1), np.concatenate([value for _, value in solved])


class _Block:
    """Values of all states of some heads: filled from the last row to the first, walked the other way."""

    def __init__(self, cells: Cells, prices: Prices):
        self.cells = cells
        self.rows, self.windows, self.heads = cells.window.shape
        self.ages = cells.residual.shape[1]
        ones = np.ones((self.rows, self.heads))
        self.factor = prices.flops * (ones if prices.factor is None else prices.factor)
        self.forced = prices.forced
        # What holding a unit in all rows before c takes, and a head's price of it; None where memory is free.
        self.held_until = None if prices.memory is None else np.concatenate(([0.0], np.cumsum(prices.memory)))
        self.output_price = prices.flops * cells.output_bytes
        self.residual_price = prices.flops * cells.residual_bytes
        paid = self.factor * cells.reuse_cost - (0.0 if prices.bonus is None else prices.flops * prices.bonus)
        self.reuse = cells.reuse + _sums_ahead(np.repeat(paid[:, None], self.ages, axis=1), beyond=0.0)
        # Value of the rows from c on: without a residual, and with one of age r = 1..A (index r - 1) for window w.
        self.bare = np.zeros((self.rows + 1, self.heads))
        self.holding = np.zeros((self.rows + 1, self.ages, self.windows, self.heads))
        self.full = np.zeros((self.rows, self.heads))
        # By row, for the walk; of j = 0.. reuses after the row, (J + 1, N) each: what they add (see `_tail`), the same
        # with the value of the rows that follow without a residual, the least of that and of following with one, and
        # the best window without a residual at the row itself.
        self.tail: list = [None] * self.rows
        self.without: list = [None] * self.rows
        self.after_full: list = [None] * self.rows
        self.window: list = [None] * self.rows

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
        window = self.window[row] = self._window_segments(row)
        np.minimum(self.full[row], (window + without).min(axis=0), out=self.bare[row])
        if self.forced is not None:
            self.bare[row, self.forced[row]] = np.inf
        if self.windows:
            self._fill_holding(row)

    def _fill_full(self, row: int) -> None:
        best = self.without[row]
        if self.windows and self.ages:
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
        """With a residual of each age and window: it is used, or kept for later, or no longer of use."""
        oldest, tail, without, window = min(self.ages, row), self.tail[row], self.without[row], self.window[row]
        best = self.holding[row, :oldest]
        best[...] = self.bare[row]
        held = self._hold_residual(row)
        carried = tail + held
        residual = self.cells.residual[row, :oldest]
        priced = residual + self.factor[row] * self.cells.residual_cost
        option = np.empty_like(priced)
        for j in range(len(tail)):
            lasting = min(oldest, max(self.ages - j - 1, 0))  # ages whose residual still serves after the segment
            young, old = option[:lasting], option[lasting:]
            np.minimum(priced[:lasting], window[j], out=young)
            young += self.holding[row + j + 1, j + 1 : j + 1 + lasting]
            young += carried[j]
            # A residual that is too old afterwards is worth having only for the row itself.
            np.add(priced[lasting:], without[j] + held[j], out=old)
            np.minimum(best, option, out=best)
            priced += residual  # one more reuse inherits the computed row's error
        if self.forced is not None:
            best[..., self.forced[row]] = np.inf

    def _tail(self, row: int) -> np.ndarray:
        """What j = 0.. reuses after `row` add, keeping the output included, the inherited error not: (J + 1, N)."""
        longest = min(self.ages, self.rows - 1 - row)
        tail = self.reuse[row, : longest + 1].copy()
        if self.held_until is not None:
            held = self.held_until[row + 1 : row + 2 + longest] - self.held_until[row]
            held[0] = 0
            tail += held[:, None] * self.output_price
        tail[1:] += self.factor[row] * self.cells.keep_cost
        return tail

    def _hold_residual(self, row: int) -> np.ndarray:
        """Price of holding a residual through the segment of `row` and j reuses: (J + 1, N)."""
        count = len(self.tail[row])
        if self.held_until is None:
            return np.zeros((count, 1))
        return (self.held_until[row + 1 : row + 1 + count] - self.held_until[row])[:, None] * self.residual_price

    def _window_segments(self, row: int) -> np.ndarray:
        """Best window without residual for `row` and j reuses after it: (J + 1, N)."""
        count = len(self.tail[row])
        if not self.windows:
            return np.full((count, self.heads), np.inf)
        inherited = np.arange(1, count + 1)[:, None, None]
        return (inherited * self.cells.window[row] + self._window_price(row)).min(axis=1)

    def _window_price(self, row: int) -> np.ndarray:
        return self.factor[row] * self.cells.window_cost

    def _walk(self) -> np.ndarray:
        methods = np.full((self.rows, self.heads), REUSE, dtype=np.uint8)
        arrives = np.zeros(self.heads, dtype=np.intp)  # row of each head's next segment
        taken_at = np.zeros(self.heads, dtype=np.intp)  # row and window of the residual, window -1 = none
        of_window = np.full(self.heads, -1, dtype=np.intp)
        for row in range(self.rows):
            here = np.flatnonzero(arrives == row)
            of_window[here[row - taken_at[here] > self.ages]] = -1
            age, held = row - taken_at[here], of_window[here]
            value = self.bare[row, here]
            has = np.flatnonzero(held >= 0)
            value[has] = self.holding[row, age[has] - 1, held[has], here[has]]
            # Which option has this value; a tie goes to the one that holds less.
            full = self.full[row, here] <= value
            bare = self.bare[row, here] <= value
            for kind, which in (
                (self._take_full, full),
                (self._take_window, bare & ~full),
                (self._take_holding, ~bare & ~full),
            ):
                heads = here[which]
                if len(heads):
                    method, reuses, window = kind(row, heads, age[which], held[which])
                    methods[row, heads] = method
                    arrives[heads] = row + 1 + reuses
                    taken_at[heads] = np.where(full[which], row, taken_at[heads])
                    of_window[heads] = window
        return methods

    # Each gives, for heads at `row` of whose options this is the best: the method, the reuses after it, and the window
    # of the residual that they hold then, or -1.

    def _take_full(self, row: int, heads, age, held):
        without = self.without[row][:, heads]
        reuses, window = without.argmin(axis=0), np.full(len(heads), -1)
        refreshing = np.flatnonzero(self.after_full[row][:, heads].min(axis=0) < without.min(axis=0))
        if len(refreshing):
            options = self._refreshed(row, heads[refreshing]).reshape(-1, len(refreshing))
            reuses[refreshing], window[refreshing] = np.divmod(options.argmin(axis=0), self.windows)
        return FULL, reuses, window

    def _take_window(self, row: int, heads, age, held):
        reuses = (self.window[row] + self.without[row])[:, heads].argmin(axis=0)
        return WINDOW + self._best_window(row, heads, reuses), reuses, -1

    def _take_holding(self, row: int, heads, age, held):
        window, j = self.window[row][:, heads], np.arange(len(self.tail[row]))[:, None]
        price = self.factor[row, heads] * self.cells.residual_cost[held, heads]
        residual = (1 + j) * self.cells.residual[row, age - 1, held, heads] + price
        lasting = age + j < self.ages
        young = self.holding[row + 1 + j, np.minimum(age + j, self.ages - 1), held, heads]
        following = np.where(lasting, young, self.bare[row + 1 + j, heads])
        carried = (self.tail[row] + self._hold_residual(row))[:, heads] + following
        reuses = (np.minimum(window, residual) + carried).argmin(axis=0)
        at = (reuses, np.arange(len(heads)))
        plain = WINDOW + self._best_window(row, heads, reuses)
        return np.where(residual[at] < window[at], RESIDUAL + held, plain), reuses, np.where(lasting[at], held, -1)

    def _best_window(self, row: int, heads, reuses) -> np.ndarray:
        return ((1 + reuses) * self.cells.window[row][:, heads] + self._window_price(row)[:, heads]).argmin(axis=0)


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
