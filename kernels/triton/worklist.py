"""Which block of queries meets which blocks of keys, precomputed for a layout and a head table.

Tokens get a tile order: image tokens tile after tile (row-major over tiles, row-major inside), then the global tokens.
Tiles that are neighbours along the last axis are neighbours in it, so a window's box is one run of slots for each row
of tiles that it crosses, whatever the rank of the grid and however ragged its edges. Runs are cut into blocks of
`keys` slots:

    clean block   every query of the block sees every key: a start, nothing else
    masked block  start, count, offset, tile, invert: lane j < count takes part when
                  (column - half) * tile <= offset + j < (column + half + 1) * tile, or does not (invert);
                  tile = 0 with invert joins all `count` lanes

where `column` is the query's tile along the last axis. A kernel with one loop takes both kinds of block as one list of
four numbers each (see `one_list`). A query block is up to `queries` slots of neighbouring tiles in
one row of tiles; where those have different boxes, the box of all is visited and the two ends of it are masked.

The lists of a window are held once for each (layout, window), whatever the tables that use it; a table is one int32 for
each query block of each head, in falling order of work, so that the longest start first and short ones fill the gaps
that they leave. All of it is kept in caches of bounded length, and nothing of it is made anew from step to step.

Pooled keys need no list: image queries pass over all of them and leave out their own box, by a table of columns for
each row of tiles (see `far_places`). A list of those outside the box would name a block of its own, mostly empty, for
each row of tiles that the box crosses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

import numpy as np
import torch

from ..geometry import Layout, tile_counts, tile_shape
from ..head_table import HeadTable
from ..ways import REUSE, Residual, Way, Window

# An item is head << BLOCK_BITS | block.
BLOCK_BITS = 21
MOST_HEADS = 1 << (31 - BLOCK_BITS)
# What a head does with its blocks, besides attending.
PLAIN, ADD_RESIDUAL, COPY, REFRESH = range(4)
# Columns of a block record; the last eight are four ranges: clean and masked blocks of the window, then of the rest.
BLOCK_FIELDS = 12
LARGEST_KEYS = 128
MASKED_FIELDS = 5
# The column of a tile in no row of tiles that a query's box crosses.
FAR = 1 << 30
# Work of a query block that does not grow with its keys (loading queries, storing outputs), in key blocks.
FIXED_COST = 2


@dataclass(frozen=True)
class TileOrder:
    """slots: (L,) int32, the sequence position of each slot. columns: (L,) int32, each slot's tile along the last axis
    (0 for global tokens). rows: the rows of tiles in order."""

    slots: np.ndarray
    columns: np.ndarray
    rows: tuple[TileRow, ...]


@dataclass(frozen=True)
class TileRow:
    """Slots [start, stop) hold one row of tiles; `at`: its tile along every axis but the last; tile: slots of each of
    its tiles, of which the last may be cut short."""

    at: tuple[int, ...]
    start: int
    stop: int
    tile: int


@lru_cache(maxsize=32)
def tile_order(layout: Layout) -> TileOrder:
    """The tile order of a layout."""
    sides = tile_shape(layout.grid)
    coordinates = np.indices(layout.grid, dtype=np.int32).reshape(len(layout.grid), -1)
    tiles = [c // side for c, side in zip(coordinates, sides)]
    inside = [c % side for c, side in zip(coordinates, sides)]
    image = np.lexsort((*reversed(inside), *reversed(tiles)))
    end = layout.prefix + layout.image
    slots = np.concatenate((image + layout.prefix, np.arange(layout.prefix), np.arange(end, layout.length)))
    columns = np.concatenate((tiles[-1][image], np.zeros(layout.globals, dtype=np.int32)))

    rows, start = [], 0
    for at in product(*(range(n) for n in tile_counts(layout.grid)[:-1])):
        height = 1
        for index, side, n in zip(at, sides, layout.grid):
            height *= min((index + 1) * side, n) - index * side
        stop = start + height * layout.grid[-1]
        rows.append(TileRow(at, start, stop, height * sides[-1]))
        start = stop
    return TileOrder(slots.astype(np.int32), columns.astype(np.int32), tuple(rows))


@dataclass(frozen=True, eq=False)
class Pattern:
    """The query blocks of one kind of head, as the kernel reads them.

    blocks: (n, BLOCK_FIELDS) int32: first slot, count, half, number of the row of tiles (-1 where queries have no box),
    and four ranges into `clean` and `masked`. clean: (c,) int32. masked: (m, MASKED_FIELDS) int32. cost: (n,) key
    blocks of each query block, pooled ones included. tiled: whether slots must be in tile order; a pattern that visits
    everything or nothing is as good in the sequence's own.
    """

    blocks: np.ndarray
    clean: np.ndarray
    masked: np.ndarray
    cost: np.ndarray
    tiled: bool


class _Builder:
    """Collects the records of a pattern."""

    def __init__(self, keys: int):
        self.keys = keys
        self.blocks: list[list[int]] = []
        self.clean: list[np.ndarray] = []
        self.masked: list[tuple[int, ...]] = []
        self.clean_length = 0

    def range_of(self, runs: list[tuple[int, int]], masked: list[tuple[int, ...]], clean: list[int] = ()) -> list[int]:
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
        return Pattern(blocks, clean, masked, cost.astype(np.int64) + FIXED_COST, tiled)


def _full_blocks(builder: _Builder, first: int, layout: Layout, queries: int) -> None:
    """Query blocks over the slots from `first` on, each with every key."""
    if first >= layout.length:
        return
    everything = builder.range_of([(0, layout.length)], [])
    for start in range(first, layout.length, queries):
        builder.block(start, min(start + queries, layout.length), 0, -1, everything, [0, 0, 0, 0])


@lru_cache(maxsize=64)
def pattern(layout: Layout, window: Window | None, refresh: bool, queries: int, keys: int) -> Pattern:
    """Query blocks of `queries` slots against key blocks of `keys` slots.

    window None is full attention. With `refresh` the keys outside the window follow in the rest ranges, so that the
    window's output lies ready in the middle of a full pass; after a window with pooled keys, which full attention has
    not, all keys follow, for a kernel that begins anew with them. Global queries always see every key.
    """
    builder = _Builder(keys)
    if window is None:
        _full_blocks(builder, 0, layout, queries)
        return builder.pattern()
    order = tile_order(layout)
    *across, half = window.half_widths(layout.grid)
    columns = tile_counts(layout.grid)[-1]
    outside = [(layout.image, layout.length)] if layout.globals else []
    pooled = len(order.rows) * columns if window.pools(layout) else 0
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
    """Slots of a row of tiles that any query of columns first..last sees."""
    low, high = max(first - half, 0), min(last + half + 1, columns)
    return row.start + low * row.tile, min(row.start + high * row.tile, row.stop)


def _box(near, first, last, half, columns, keys):
    """The box of the query columns first..last over the rows of tiles `near`.

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
def _copies(layout: Layout, queries: int) -> Pattern:
    """Query blocks without any key, for heads that are copied."""
    builder = _Builder(1)
    for start in range(0, layout.length, queries):
        builder.block(start, min(start + queries, layout.length), 0, -1, [0, 0, 0, 0], [0, 0, 0, 0])
    return builder.pattern()


@lru_cache(maxsize=64)
def one_list(chosen: Pattern, layout: Layout, keys: int) -> tuple[np.ndarray, np.ndarray]:
    """A pattern for a kernel that has one loop over the keys and looks up no column.

    blocks: (n, BLOCK_FIELDS) int32: first slot, count, half, column of the first slot, first and last + 1 record, slots
    of a tile in the block's row of tiles, the window's last record (-1 for global queries), number of the row of tiles
    (-1 likewise); a query's column is counted on from the first.
    records: (r, 4) int32: start, count, offset, tile. Lane j < count takes part as in a masked block; tile 0: for all,
    negative: inverted. The window's records come before the rest.
    """
    rows = tile_order(layout).rows
    blocks, records, found, length = np.zeros_like(chosen.blocks), [], {}, 0
    for block, (start, count, half, number, *ranges) in zip(blocks, chosen.blocks.tolist()):
        key = tuple(ranges)
        if key not in found:
            window, rest = (_records(chosen, *part, keys) for part in (key[:4], key[4:]))
            records += [window, rest]
            found[key] = length, length + len(window) + len(rest), length + len(window) - 1
            length = found[key][1]
        (first, last, edge), column, tile = found[key], 0, 1
        if number >= 0:
            row = rows[number]
            column, tile = (start - row.start) // row.tile, row.tile
        else:
            edge = -1
        block[:9] = start, count, half, column, first, last, tile, edge, number
    # One record more than is used: an empty array has no address.
    return blocks, np.concatenate((*records, np.zeros((1, 4), dtype=np.int32))).astype(np.int32)


def head_patterns(
    layout: Layout, table: HeadTable, queries: int, keys: int, single: bool = False
) -> list[tuple[Pattern, int, int]]:
    """For each head: its pattern, what it does besides attending, and its place among the heads that do so.

    single: for a kernel with one list, which meets pooled keys in a launch of their own.
    """
    places = {
        ADD_RESIDUAL: {head: i for i, head in enumerate(table.residual_heads)},
        COPY: {head: i for i, head in enumerate(table.reuse_heads)},
        REFRESH: {head: i for i, head in enumerate(table.refresh_heads)},
    }
    chosen = []
    for head, (way, updated) in enumerate(zip(table.ways, table.refresh)):
        if way == REUSE:
            chosen.append((_copies(layout, queries), COPY, places[COPY][head]))
            continue
        duty = ADD_RESIDUAL if isinstance(way, Residual) else REFRESH if updated else PLAIN
        window = window_of(way, updated)
        if window is not None and updated is None and window.is_full(layout):
            window = None
        elif window is not None and single:
            window = replace(window, pooled=False)
        refresh = updated is not None
        chosen.append((pattern(layout, window, refresh, queries, keys), duty, places.get(duty, {}).get(head, 0)))
    return chosen


def window_of(way: Way, updated: Window | None) -> Window | None:
    """The window that a head computes, for its output or beside it, or None."""
    if updated is not None:
        return updated
    way = way.way if isinstance(way, Residual) else way
    return way if isinstance(way, Window) else None


@lru_cache(maxsize=256)
def pooled_heads(layout: Layout, table: HeadTable) -> tuple[int, ...]:
    """The heads for which a window with pooled keys is computed."""
    groups = (*table.approximation_groups().items(), *table.refresh_groups().items())
    return tuple(sorted(head for window, heads in groups if window.pools(layout) for head in heads))


@lru_cache(maxsize=64)
def far_places(layout: Layout, window: Window) -> np.ndarray:
    """What places a pooled key beside a query's box: (rows of tiles, T) int32, for each row of tiles and each tile the
    tile's column where the boxes of the row's queries cross its row of tiles, and a column beyond all others elsewhere.
    """
    *across, columns = tile_counts(layout.grid)
    crossed = np.ones((1, 1), dtype=bool)
    for count, reach in zip(across, window.half_widths(layout.grid)):
        tiles = np.arange(count)
        near = abs(tiles[:, None] - tiles) <= reach
        crossed = (crossed[:, None, :, None] & near[:, None, :]).reshape(len(crossed) * count, -1)
    places = np.where(crossed[:, :, None], np.arange(columns), FAR)
    return places.reshape(len(crossed), -1).astype(np.int32)


def items_of(patterns: list[tuple[Pattern, int, int]], skip: frozenset[int]) -> np.ndarray:
    """(n,) int32 items head << BLOCK_BITS | block, in falling order of work; `skip`: heads that get none.

    Equal work stays together by head, whose keys and values neighbouring programs then share in the cache.
    """
    items = [(head << BLOCK_BITS) + np.arange(len(p.blocks)) for head, (p, _, _) in enumerate(patterns)]
    cost = [p.cost for p, _, _ in patterns]
    kept = [head for head in range(len(patterns)) if head not in skip]
    if not kept:
        return np.zeros(0, dtype=np.int32)
    order = np.argsort(-np.concatenate([cost[h] for h in kept]), kind="stable")
    return np.concatenate([items[h] for h in kept])[order].astype(np.int32)


def far_items(patterns: list[tuple[Pattern, int, int]], pooled: tuple[int, ...]) -> np.ndarray:
    """(n,) int32 items of the blocks that see pooled keys; all cost the same."""
    blocks = [(head, np.flatnonzero(patterns[head][0].blocks[:, 3] >= 0)) for head in pooled]
    items = [(head << BLOCK_BITS) + of_head for head, of_head in blocks]
    return np.concatenate([np.zeros(0, dtype=np.int64), *items]).astype(np.int32)


def _records(chosen: Pattern, first: int, last: int, first_masked: int, last_masked: int, keys: int) -> np.ndarray:
    """(r, 4) the clean and masked blocks of two ranges as one kind."""
    clean, masked = chosen.clean[first:last], chosen.masked[first_masked:last_masked]
    whole = np.zeros((len(clean), 4), dtype=np.int32)
    whole[:, 0], whole[:, 1] = clean, keys
    either = masked[:, :4].copy()
    either[:, 3] = np.where(masked[:, 4] != 0, -masked[:, 3], masked[:, 3])
    return np.concatenate((whole, either))


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


@dataclass(frozen=True)
class WorkList:
    """A table's work on a device. items: (n,) int32. heads: (H, 7) int64: duty, place, the addresses of the pattern's
    blocks, clean and masked lists, place in `pooled` or -1, and the address of the window's `far_places`. With one list
    the fourth is the address of its records and the fifth the place in `tiled`, or -1.
    slots: (L or more,) int32. columns: (L,) int32. starts: (T + 1,) int32, the first slot of each tile, and the last's
    end. log_tokens: (T,) float32, ln of each tile's tokens. Heads, int32: tiled, that need their tokens in tile order
    (with one list); refreshing; pooled, whose windows pool. far: items of their blocks (with one list). `held` keeps
    the addressed memory alive."""

    items: torch.Tensor
    heads: torch.Tensor
    slots: torch.Tensor
    columns: torch.Tensor
    starts: torch.Tensor
    log_tokens: torch.Tensor
    tiled: torch.Tensor
    refreshing: torch.Tensor
    pooled: torch.Tensor
    far: torch.Tensor
    held: tuple[tuple[torch.Tensor, ...], ...]


@lru_cache(maxsize=256)
def work_list(
    layout: Layout,
    table: HeadTable,
    queries: int,
    keys: int,
    device: torch.device,
    skip: frozenset[int] = frozenset(),
    single: bool = False,
) -> WorkList:
    """The work of a table, on a device. single: with one list (see `one_list`).

    Whoever captures it in a CUDA graph keeps the returned object. Raises ValueError as `check` does.
    """
    patterns = head_patterns(layout, table, queries, keys, single)
    for chosen, _, _ in patterns:
        check(chosen, layout.length, queries, keys)
    tiled = [head for head, (chosen, _, _) in enumerate(patterns) if single and chosen.tiled]
    pooled = pooled_heads(layout, table)
    heads, held = [], []
    for head, (chosen, duty, place) in enumerate(patterns):
        lists = _stored_one(chosen, layout, keys, device) if single else _stored(chosen, device)
        record = [duty, place, *(x.data_ptr() for x in lists)]
        if single:
            record.append(tiled.index(head) if head in tiled else -1)
        if head in pooled:
            places = _stored_places(layout, window_of(table.ways[head], table.refresh[head]), device)
            lists = (*lists, places)
            record += [pooled.index(head), places.data_ptr()]
        else:
            record += [-1, 0]
        held.append(lists)
        heads.append(record)
    return WorkList(
        torch.from_numpy(items_of(patterns, skip)).to(device),
        torch.tensor(heads, dtype=torch.int64, device=device),
        *_stored_order(layout, device),
        torch.tensor(tiled, dtype=torch.int32, device=device),
        torch.tensor(table.refresh_heads, dtype=torch.int32, device=device),
        torch.tensor(pooled, dtype=torch.int32, device=device),
        torch.from_numpy(far_items(patterns, pooled if single else ())).to(device),
        tuple(held),
    )


@lru_cache(maxsize=64)
def _stored(chosen: Pattern, device: torch.device) -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(x).to(device) for x in (chosen.blocks, chosen.clean, chosen.masked))


@lru_cache(maxsize=64)
def _stored_one(chosen: Pattern, layout: Layout, keys: int, device: torch.device) -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(x).to(device) for x in one_list(chosen, layout, keys))


@lru_cache(maxsize=64)
def _stored_places(layout: Layout, window: Window, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(far_places(layout, window)).to(device)


@lru_cache(maxsize=32)
def _stored_order(layout: Layout, device: torch.device) -> tuple[torch.Tensor, ...]:
    order = tile_order(layout)
    columns = np.arange(tile_counts(layout.grid)[-1])
    starts = np.concatenate([row.start + row.tile * columns for row in order.rows] + [[layout.image]])
    # The kernel looks one clean block ahead, even where there is none: a block's length must be there to read.
    slots = np.pad(order.slots, (0, max(LARGEST_KEYS - layout.length, 0)))
    log_tokens = np.log(np.diff(starts)).astype(np.float32)
    arrays = (slots, order.columns, starts.astype(np.int32), log_tokens)
    return tuple(torch.from_numpy(x).to(device) for x in arrays)
