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

    flops: error per dense run of attention. memory (S,): for each row, FLOPs (fraction of dense attention) per all
    heads' outputs held. factor (S, N): what of a row's cost is to be paid (sharing). bonus (S, N): FLOPs given back for
    each reuse. forced (S, N) bool: rows that must reuse. None stands for 0, 1, 0 and False.
    """

    flops: float
    memory: np.ndarray | None = None
    factor: np.ndarray | None = None
    bonus: np.ndarray | None = None
    forced: np.ndarray | None = None

    def of_heads(self, heads: np.ndarray | slice) -> Prices:
        """The prices of some heads only."""
        some = (None if field is None else field[:, heads] for field in (self.factor, self.bonus, self.forced))
        return Prices(self.flops, self.memory, *some)


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
        memory = np.zeros(self.rows) if prices.memory is None else prices.flops * prices.memory
        self.held_until = np.concatenate(([0.0], np.cumsum(memory)))  # price of holding a unit in all rows before c
        paid = self.factor * cells.reuse_cost - (0.0 if prices.bonus is None else prices.flops * prices.bonus)
        self.reuse = cells.reuse + _sums_ahead(np.repeat(paid[:, None], self.ages, axis=1), beyond=0.0)
        # Value of the rows from c on: without a residual, and with one of age r = 1..A (index r - 1) for window w.
        self.bare = np.zeros((self.rows + 1, self.heads))
        self.holding = np.zeros((self.rows + 1, self.ages, self.windows, self.heads))
        self.full = np.zeros((self.rows, self.heads))

    def solve(self) -> tuple[np.ndarray, np.ndarray]:
        for row in range(self.rows - 1, 0, -1):
            self._fill(row)
        self._fill_full(0)
        return self._walk(), self.full[0]

    def _fill(self, row: int) -> None:
        self._fill_full(row)
        tail, window = self._tail(row), self._window_segments(row)
        following = self.bare[row + 1 : row + 1 + len(tail)]
        self.bare[row] = np.minimum(self.full[row], (window + tail + following).min(axis=0))
        if self.forced is not None:
            self.bare[row, self.forced[row]] = np.inf
        if self.windows:
            self._fill_holding(row, tail, window, following)

    def _fill_full(self, row: int) -> None:
        tail = self._tail(row)
        after = self.bare[row + 1 : row + 1 + len(tail)].copy()
        for j in range(min(len(tail), self.ages)):
            if self.windows:
                refreshed = self._refresh_price(row) + self.holding[row + 1 + j, j] + self._hold_residual(row, j)
                np.minimum(after[j], refreshed.min(axis=0), out=after[j])
        self.full[row] = self.factor[row] * self.cells.full_cost + (tail + after).min(axis=0)
        if self.forced is not None:
            self.full[row, self.forced[row]] = np.inf

    def _fill_holding(self, row: int, tail, window, following) -> None:
        oldest = min(self.ages, row)
        best = np.broadcast_to(self.bare[row], (oldest, self.windows, self.heads)).copy()
        residual = self.cells.residual[row, :oldest]
        priced = residual + self.factor[row] * self.cells.residual_cost
        option = np.empty_like(priced)
        for j in range(len(tail)):
            lasting = min(oldest, max(self.ages - j - 1, 0))  # ages whose residual still serves after the segment
            np.minimum(priced, window[j], out=option)
            option += tail[j] + self._hold_residual(row, j)
            option[:lasting] += self.holding[row + j + 1, j + 1 : j + 1 + lasting]
            option[lasting:] += following[j]
            np.minimum(best, option, out=best)
            priced += residual  # one more reuse inherits the computed row's error
        if self.forced is not None:
            best[..., self.forced[row]] = np.inf
        self.holding[row, :oldest] = best

    def _tail(self, row: int) -> np.ndarray:
        """What j = 0.. reuses after `row` add, keeping the output included, the inherited error not: (J + 1, N)."""
        longest = min(self.ages, self.rows - 1 - row)
        held = self.held_until[row + 1 : row + 2 + longest] - self.held_until[row]
        held[0] = 0
        tail = self.reuse[row, : longest + 1] + held[:, None] * self.cells.output_bytes
        tail[1:] += self.factor[row] * self.cells.keep_cost
        return tail

    def _hold_residual(self, row: int, j: int) -> np.ndarray:
        """Price of holding a residual through the segment that begins at `row`: (N,)."""
        return (self.held_until[row + j + 1] - self.held_until[row]) * self.cells.residual_bytes

    def _window_segments(self, row: int) -> np.ndarray:
        """Best window without residual for `row` and j reuses after it: (J + 1, N)."""
        count = min(self.ages, self.rows - 1 - row) + 1
        if not self.windows:
            return np.full((count, self.heads), np.inf)
        inherited = np.arange(1, count + 1)[:, None, None]
        return (inherited * self.cells.window[row] + self._window_price(row)).min(axis=1)

    def _window_price(self, row: int) -> np.ndarray:
        return self.factor[row] * self.cells.window_cost

    def _refresh_price(self, row: int) -> np.ndarray:
        return self.factor[row] * self.cells.refresh_cost

    def _walk(self) -> np.ndarray:
        methods = np.full((self.rows, self.heads), REUSE, dtype=np.uint8)
        arrives = np.zeros(self.heads, dtype=np.intp)  # row of each head's next segment
        taken_at = np.full(self.heads, -1, dtype=np.intp)  # row and window of the residual, -1 = none
        of_window = np.full(self.heads, -1, dtype=np.intp)
        for row in range(self.rows):
            here = np.flatnonzero(arrives == row)
            if len(here):
                method, reuses, kept, refreshed = self._choose(row, here, taken_at[here], of_window[here])
                methods[row, here] = method
                arrives[here] = row + 1 + reuses
                taken_at[here] = np.where(refreshed >= 0, row, np.where(kept, taken_at[here], -1))
                of_window[here] = np.where(refreshed >= 0, refreshed, np.where(kept, of_window[here], -1))
        return methods

    def _choose(self, row: int, here, taken_at, of_window):
        """The segment that the heads `here` take at `row`: method, reuses after it, residual kept?, refresh or -1."""
        tail = self._tail(row)[:, here]
        following = self.bare[row + 1 : row + 1 + len(tail)][:, here]
        window = np.full(tail.shape, np.inf) if row == 0 else self._window_segments(row)[:, here]
        kept = self._values_if_kept(row, here, taken_at, of_window, len(tail))
        residual = self._residual_segments(row, here, taken_at, of_window, len(tail))
        at = np.arange(len(here))

        # In this order a tie goes to the option that holds less.
        options = np.stack([window + tail + following, window + tail + kept, residual + tail + kept])
        flat = options.reshape(-1, len(here)).argmin(axis=0)
        kind, reuses = flat // len(tail), flat % len(tail)
        value = options[kind, reuses, at]
        of_best_window = self._best_window(row, here, reuses)
        method = np.where(kind == 2, RESIDUAL + of_window, WINDOW + of_best_window)

        is_full = self.full[row, here] <= value
        full_reuses, refreshed = self._choose_after_full(row, here, tail, following)
        return (
            np.where(is_full, FULL, method),
            np.where(is_full, full_reuses, reuses),
            ~is_full & (kind > 0),
            np.where(is_full, refreshed, -1),
        )

    def _values_if_kept(self, row: int, here, taken_at, of_window, count: int) -> np.ndarray:
        """Value after the segment for heads that keep their residual: (J + 1, n); too old is like none."""
        result = np.full((count, len(here)), np.inf)
        has = np.flatnonzero(taken_at >= 0)
        for j in range(count):
            age = row + j + 1 - taken_at[has]
            fresh = age <= self.ages
            young, old = has[fresh], has[~fresh]
            result[j, young] = self.holding[row + j + 1, age[fresh] - 1, of_window[young], here[young]]
            result[j, old] = self.bare[row + j + 1, here[old]]
            result[j, has] += self._hold_residual(row, j)[here[has]]
        return result

    def _residual_segments(self, row: int, here, taken_at, of_window, count: int) -> np.ndarray:
        """Price and inherited error of computing with the residual: (J + 1, n), inf where there is none."""
        result = np.full((count, len(here)), np.inf)
        has = np.flatnonzero((taken_at >= 0) & (row - taken_at <= self.ages))
        heads, windows = here[has], of_window[has]
        error = self.cells.residual[row, row - taken_at[has] - 1, windows, heads]
        price = self.factor[row, heads] * self.cells.residual_cost[windows, heads]
        result[:, has] = np.arange(1, count + 1)[:, None] * error + price
        return result

    def _best_window(self, row: int, here, reuses) -> np.ndarray:
        if not self.windows:
            return np.zeros(len(here), dtype=np.intp)
        return ((1 + reuses) * self.cells.window[row][:, here] + self._window_price(row)[:, here]).argmin(axis=0)

    def _choose_after_full(self, row: int, here, tail, following) -> tuple[np.ndarray, np.ndarray]:
        """Reuses after a full row, and the window whose residual it yields or -1."""
        options = [tail + following]
        for w in range(self.windows):
            option = np.full(tail.shape, np.inf)
            for j in range(min(len(tail), self.ages)):
                following_refresh = self.holding[row + 1 + j, j, w, here] + self._hold_residual(row, j)[here]
                option[j] = tail[j] + self._refresh_price(row)[w, here] + following_refresh
            options.append(option)
        flat = np.stack(options).reshape(-1, len(here)).argmin(axis=0)
        return flat % len(tail), flat // len(tail) - 1


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
