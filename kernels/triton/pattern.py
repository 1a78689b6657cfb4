"""Which block of queries visits which blocks of keys, precomputed for a layout and a window.

Runs of slots (see `tile_order`) are cut into blocks of `keys` slots:

    clean block   every query of the block sees every key: a start, nothing else
    masked block  start, count, offset, tile, invert: lane j < count takes part when
                  (column - half) * tile <= offset + j < (column + half + 1) * tile, or does not (invert);
                  tile = 0 with invert joins all `count` lanes

where `column` is the query's tile along the last axis. A query block is up to `queries` slots of neighbouring tiles in
one tile row; where those have different boxes, the smallest run that holds all of them is visited and its two ends are
masked. A band is the box of tiles of one token in a grid of one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..geometry import Layout, tile_counts
from ..ways import Band, Window
from .tile_order import TileRow, raster_order, tile_order

# Columns of a block record; the last eight are four ranges: clean and masked blocks of the window, then of the rest.
BLOCK_FIELDS = 12
MASKED_FIELDS = 5
# Work of a query block that does not grow with its keys (loading queries, storing outputs), in key blocks.
FIXED_COST = 2


@dataclass(frozen=True, eq=False)
class Pattern:
    """The query blocks of one kind of head, as the kernel reads them.

    blocks: (n, BLOCK_FIELDS) int32: first slot, count, half, number of the tile row (-1 where queries have no box),
    and four ranges into `clean` and `masked`; those with a box come first, in falling order of work. clean: (c,) int32.
    masked: (m, MASKED_FIELDS) int32. cost: (n,) key blocks of each query block, pooled ones included. tiled: whether
    slots must be in tile order; a pattern that visits everything or nothing is as fast in the sequence's own order.
    """

    blocks: np.ndarray
    clean: np.ndarray
    masked: np.ndarray
    cost: np.ndarray
    tiled: bool

    @property
    def boxed(self) -> int:
        """How many query blocks have a box."""
        return int((self.blocks[:, 3] >= 0).sum())

    @property
    def key_blocks(self) -> int:
        """Key blocks of all query blocks together, pooled ones included."""
        return int(self.cost.sum()) - FIXED_COST * len(self.cost)


class _Builder:
    """Collects the records of a pattern."""

    def __init__(self, keys: int):
        self.keys = keys
        self.blocks: list[list[int]] = []
        self.clean: list[np.ndarray] = []
        self.masked: list[tuple[int, ...]] = []
        self.clean_length = 0

    def range_of(
        self, runs: list[tuple[int, int]], masked: list[tuple[int, ...]], clean: Sequence[int] = ()
    ) -> list[int]:
        """Append unrestricted runs [start, stop), masked records and clean starts; returns the two ranges they take."""
        first, first_masked = self.clean_length, len(self.masked)
        starts = [np.asarray(clean, dtype=np.int32)]
        for start, stop in runs:
            whole = (stop - start) // self.keys
            starts.append(start + self.keys * np.arange(whole, dtype=np.int32))
            if left := (stop - start) % self.keys:
                self.masked.append((stop - left, left, 0, 0, 1))
        self.masked.extend(masked)
        self.clean.extend(starts)
        self.clean_length += sum(map(len, starts))
        return [first, self.clean_length, first_masked, len(self.masked)]

    def block(self, start: int, stop: int, half: int, row: int, window: list[int], rest: list[int]) -> None:
        self.blocks.append([start, stop - start, half, row, *window, *rest])

    def pattern(self, tiled: bool = False, pooled: int = 0) -> Pattern:
        """pooled: how many pooled keys a query with a box passes over."""
        blocks = np.array(self.blocks, dtype=np.int32).reshape(-1, BLOCK_FIELDS)
        clean = np.concatenate((*self.clean, np.zeros(1, dtype=np.int32))).astype(np.int32)
        # One record more than is used: an empty array has no address.
        masked = np.array([*self.masked, (0,) * MASKED_FIELDS], dtype=np.int32)
        cost = blocks[:, 5::2].sum(axis=1) - blocks[:, 4::2].sum(axis=1)
        cost += (blocks[:, 3] >= 0) * -(-pooled // self.keys)
        order = np.lexsort((-cost, blocks[:, 3] < 0))
        return Pattern(blocks[order], clean, masked, cost[order].astype(np.int64) + FIXED_COST, tiled)


def _full_blocks(builder: _Builder, first: int, layout: Layout, queries: int) -> None:
    """Query blocks over the slots from `first` on, each with every key."""
    if first >= layout.length:
        return
    everything = builder.range_of([(0, layout.length)], [])
    for start in range(first, layout.length, queries):
        builder.block(start, min(start + queries, layout.length), 0, -1, everything, [0, 0, 0, 0])


@lru_cache(maxsize=64)
def pattern(layout: Layout, window: Window | Band | None, refresh: bool, queries: int, keys: int) -> Pattern:
    """Query blocks of `queries` slots against key blocks of `keys` slots.

    window None is full attention. With `refresh` (a residual update) the keys outside the window follow in the rest
    ranges, so that the window's output is there in the middle of a full pass; after a window with pooled keys, which
    full attention has not, all keys follow, for a kernel that starts again with them. Global queries always see every
    key.
    """
    builder = _Builder(keys)
    if window is None:
        _full_blocks(builder, 0, layout, queries)
        return builder.pattern()
    across: list[int] = []
    if isinstance(window, Band):
        order, half, columns, pools = raster_order(layout), window.reach(layout), layout.image, False
    else:
        order, columns, pools = tile_order(layout), tile_counts(layout.grid)[-1], window.pools(layout)
        *across, half = window.half_widths(layout.grid)
    outside = [(layout.image, layout.length)] if layout.globals else []
    pooled = len(order.rows) * columns if pools else 0
    everything = builder.range_of([(0, layout.length)], []) if refresh and pooled else None
    for number, row in enumerate(order.rows):
        near = [
            other for other in order.rows if all(abs(a - b) <= reach for a, b, reach in zip(row.at, other.at, across))
        ]
        group = max(queries // row.tile, 1)
        for column in range(0, columns, group):
            last = min(column + group, columns) - 1
            runs, clean, masked, inverted = _box(near, column, last, half, columns, keys)
            window_range = builder.range_of(_merged(runs + outside), masked, clean)
            rest_range = everything or [0, 0, 0, 0]
            if refresh and not pooled:
                spans = [_hull(other, column, last, half, columns) for other in near]
                rest_range = builder.range_of(_gaps(spans, layout.image), inverted)
            start = row.start + column * row.tile
            stop = min(row.start + (last + 1) * row.tile, row.stop)
            builder.block(start, stop, half, number, window_range, rest_range)
    _full_blocks(builder, layout.image, layout, queries)
    return builder.pattern(tiled=True, pooled=pooled)


def _hull(row: TileRow, first: int, last: int, half: int, columns: int) -> tuple[int, int]:
    """Slots of a tile row that any query of columns first..last sees."""
    low, high = max(first - half, 0), min(last + half + 1, columns)
    return row.start + low * row.tile, min(row.start + high * row.tile, row.stop)


def _box(near, first, last, half, columns, keys):
    """The box of the query columns first..last over the tile rows `near`.

    Returns unrestricted runs, clean starts, masked records, and the same records inverted where some query is left out.
    """
    # Tiles that all of the queries see.
    low, high = max(last - half, 0), min(first + half + 1, columns)
    runs, clean, masked, inverted = [], [], [], []
    for row in near:
        start, stop = _hull(row, first, last, half, columns)
        common = (row.start + low * row.tile, min(row.start + high * row.tile, row.stop))
        if common == (start, stop):
            runs.append((start, stop))
            continue
        for at in range(start, stop, keys):
            count = min(keys, stop - at)
            if common[0] <= at and at + count <= common[1]:
                if count == keys:
                    clean.append(at)
                else:
                    masked.append((at, count, 0, 0, 1))
            else:
                masked.append((at, count, at - row.start, row.tile, 0))
                inverted.append((at, count, at - row.start, row.tile, 1))
    return runs, clean, masked, inverted


def _merged(runs):
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(runs):
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], stop)
        else:
            merged.append((start, stop))
    return merged


def _gaps(spans, end):
    """The runs of [0, end) between rising spans."""
    gaps, at = [], 0
    for start, stop in [*spans, (end, end)]:
        if start > at:
            gaps.append((at, start))
        at = stop
    return gaps


@lru_cache(maxsize=32)
def copies(layout: Layout, queries: int) -> Pattern:
    """Query blocks without any key, for heads that are copied."""
    builder = _Builder(1)
    for start in range(0, layout.length, queries):
        builder.block(start, min(start + queries, layout.length), 0, -1, [0, 0, 0, 0], [0, 0, 0, 0])
    return builder.pattern()


def check(chosen: Pattern, length: int, queries: int, keys: int) -> None:
    """Raise ValueError where a pattern leaves its sequence or its lists: a GPU that follows it there fails for good."""
    start, count = chosen.blocks[:, 0], chosen.blocks[:, 1]
    ranges = chosen.blocks[:, 4:].reshape(len(start), -1, 2)
    ends = np.array([len(chosen.clean) - 1, len(chosen.masked) - 1] * (ranges.shape[1] // 2))
    first, taking = chosen.masked[:, 0], chosen.masked[:, 1]
    inside = (
        (start >= 0) & (count > 0) & (count <= queries) & (start + count <= length),
        (ranges[..., 0] >= 0) & (ranges[..., 0] <= ranges[..., 1]) & (ranges[..., 1] <= ends),
        (chosen.clean[:-1] >= 0) & (chosen.clean[:-1] + keys <= length),
        (first >= 0) & (taking >= 0) & (taking <= keys) & (first + taking <= length),
    )
    if not all(x.all() for x in inside):
        raise ValueError("The work list of the Triton kernel leaves its bounds.")
