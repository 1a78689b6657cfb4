"""The work of one attention call as a GPU kernel reads it: a record for each head, and in which order blocks are taken.

The lists of a window are held once for each (layout, window), whatever the tables that use it. What is left of a table
is a record for each of its heads and the order of its parts:

    updating heads, whole heads, the windowed heads' global queries, their image queries, copied heads

in falling order of work, so that the longest start first and short ones fill the gaps that they leave. Heads of a part
have equally many query blocks: a program finds its own by a division, and no list of blocks is ever made. Such a table
takes some hundred bytes. `prepare` makes all of a run at once and brings them over in one copy.

Pooled keys need no list: image queries pass over all of them and leave out their own box, by a table of columns for
each tile row (see `pooled_columns`). A list of those outside the box would name a block of its own, mostly empty, for
each tile row that the box crosses.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import torch

from ..geometry import Layout, tile_counts
from ..head_table import HeadTable
from ..ways import FULL, REUSE, Approximation, Residual, Way, Window
from .hopper.records import records_of
from .pattern import Pattern, check, copies, pattern
from .tile_order import tile_order
from .units import Scratch

# A head's role: what it does with its blocks, besides attending. REFRESH is a residual update.
PLAIN, ADD_RESIDUAL, COPY, REFRESH = range(4)
# What heads have in common whose query blocks are cut alike, in falling order of work.
UPDATING, WHOLE, WINDOWED, COPIED = range(4)
# Numbers of a part, and parts; of a head. See `WorkList`.
PART_FIELDS, PARTS = 4, 5
HEAD_FIELDS = 10
# Where a part begins that a launch does not have.
NEVER = (1 << 31) - 1
# The largest key block of any configuration.
LARGEST_KEYS = 128
# Pooled keys of a block in the launch before the Hopper kernel: an image of 64 x 64 tokens has 64.
POOLED_KEYS = 64
# The column of a tile in no tile row that a query's box crosses.
NO_COLUMN = 1 << 30
# Tables whose work is kept: those of a few runs of a large model, 4 KiB each.
MOST_TABLES = 8192


class Kind(NamedTuple):
    """For which kernel and tokens work is laid out. queries, keys: tokens of a block. one_list: for the Hopper kernel
    (see `hopper.records`), which attends pooled keys in a launch of their own. int8: for the kernel in INT8, in which
    windows that cover all of the grid are no full attention."""

    layout: Layout
    queries: int
    keys: int
    device: torch.device
    one_list: bool = False
    int8: bool = False


@dataclass(frozen=True)
class WorkList:
    """A table's work on a device.

    parts: (PARTS, PART_FIELDS) int32: its first item, the first of its heads, items of each of them, and the first of
    their query blocks. heads: (n, HEAD_FIELDS) int64, a record for each head that works: its role, its index among the
    heads of that role, the addresses of its pattern's blocks, clean and masked lists, its index in `pooled` or -1, the
    address of its window's `pooled_columns`, its number, its place in this list, and 0; with one list the fourth field
    is the address of its records and the fifth its index in `tiled` or -1. attending: how many of them are not copied,
    which stand before those that are. items: of all parts, programs for each item of the batch.

    slots: (L or more,) int32 and columns: (L,) int32, see `tile_order`. starts: (T + 1,) int32, the first slot of each
    tile, and the last's end. log_tokens: (T,) float32, ln of each tile's tokens. pooled: (n,) int64, heads whose
    windows pool; pooled_parts, pooled_items: as above, the query blocks that see pooled keys. tiled: (n,) int64, with
    one list heads that need their tokens in tile order. left: heads that are left to somebody else, and left_index, the
    same as (n,) int64; evenly: the same as a slice, where that is possible. `held` keeps the addressed memory alive.
    scratch: where the pooled keys of a call are. pairs: of queries and keys that are computed for one item of the
    batch, those of heads that are left to somebody else included.
    """

    parts: torch.Tensor
    heads: torch.Tensor
    attending: int
    items: int
    slots: torch.Tensor
    columns: torch.Tensor
    starts: torch.Tensor
    log_tokens: torch.Tensor
    pooled: torch.Tensor
    pooled_parts: torch.Tensor
    pooled_items: int
    tiled: torch.Tensor
    left: tuple[int, ...]
    left_index: torch.Tensor
    held: tuple[object, ...]
    pairs: int
    evenly: slice | None
    scratch: Scratch

    @cached_property
    def pools(self) -> int:
        """How many heads' windows pool."""
        return self.pooled.shape[0]

    @cached_property
    def tiles(self) -> int:
        """How many tiles the image has."""
        return self.log_tokens.shape[0]


class _Entry(NamedTuple):
    """What a head by one way comes to: its part and role, the work of all its blocks, how many it has and how many of
    them have a box, whether its window pools and its tokens must be in tile order, addresses, what they address, and
    the pairs that are computed."""

    part: int
    role: int
    cost: int
    blocks: int
    boxed: int
    pools: bool
    tiled: bool
    addresses: tuple[int, ...]
    columns: int
    held: object
    pairs: int


class Shelf:
    """All work of one kind that is kept."""

    def __init__(self, kind: Kind):
        self.kind = kind
        self._entries: dict[tuple[Way, Approximation | None], _Entry] = {}
        self._works: OrderedDict[tuple[HeadTable, bool, bool], WorkList] = OrderedDict()
        self.scratch = Scratch()

    def find(self, table: HeadTable, leave_full: bool = False, skip_copies: bool = False) -> WorkList | None:
        """The work of a table if it is there."""
        return self._works.get((table, leave_full, skip_copies))

    def work(self, table: HeadTable, leave_full: bool = False, skip_copies: bool = False) -> WorkList:
        """The work of a table, made now if it is not there. leave_full: whether heads in full attention are somebody
        else's; skip_copies: whether those that are copied are.

        Whoever captures it in a CUDA graph keeps the returned object. Raises ValueError as `check` does.
        """
        found = self._works.get((table, leave_full, skip_copies))
        if found is None:
            self.prepare([table], leave_full, skip_copies)
            found = self._works[table, leave_full, skip_copies]
        return found

    def prepare(self, tables: Iterable[HeadTable], leave_full: bool = False, skip_copies: bool = False) -> None:
        """Make the work of all of these tables, in one copy to the device."""
        made, missing = [], []
        for table in dict.fromkeys(tables):
            key = (table, leave_full, skip_copies)
            known = self._works.pop(key, None)
            if known is not None:
                # Under the new key: what is found by the asking table itself is found without comparing its heads.
                self._works[key] = known
            else:
                missing.append(key)
                made.append(self._laid_out(table, leave_full, skip_copies))
        sizes = [len(section) for one in made for section in one.sections]
        words = [word for one in made for section in one.sections for word in section]
        if words:
            stored = iter(_stored(np.array(words, dtype=np.int64), self.kind.device).split(sizes))
        for key, one in zip(missing, made):
            self._works[key] = one.work(self.kind, stored, self.scratch)
        while len(self._works) > MOST_TABLES:
            self._works.popitem(last=False)

    def _laid_out(self, table: HeadTable, leave_full: bool, skip_copies: bool) -> _LaidOut:
        heads, left = [], []
        indices, pairs = [0, 0, 0, 0], 0
        for head, key in enumerate(zip(table.ways, table.refresh)):
            entry = self._entries.get(key)
            if entry is None:
                entry = self._entries[key] = _entry(self.kind, *key)
            index = indices[entry.role]
            indices[entry.role] += 1
            # A window that covers all of the grid counts as one of them, unless it is there for its precision.
            whole = key[0] == FULL if self.kind.int8 else entry.part == WHOLE
            if leave_full and whole and entry.role == PLAIN:
                left.append(head)
                pairs += self.kind.layout.length**2
            elif not (skip_copies and entry.part == COPIED):
                pairs += entry.pairs
                heads.append((entry.part, not entry.pools, -entry.cost, head, index, entry))
        heads.sort(key=lambda one: one[:4])
        records: list[int] = []
        pooled: list[int] = []
        tiled: list[int] = []
        held: list[object] = []
        for _, _, _, head, index, entry in heads:
            third = entry.addresses[2]
            if self.kind.one_list:
                third = len(tiled) if entry.tiled else -1
            records += (entry.role, index, *entry.addresses[:2], third, len(pooled) if entry.pools else -1)
            records += (entry.columns, head, len(held), 0)
            if entry.pools:
                pooled.append(head)
            if entry.tiled:
                tiled.append(head)
            held.append(entry.held)
        attending = sum(one[0] != COPIED for one in heads)
        parts, items = _parts([one[5] for one in heads])
        pooled_parts, pooled_items = _pooled_parts([one[5] for one in heads])
        numbers = (pooled, tiled, left)
        sections = [_packed(parts), _packed(pooled_parts), records, *(x + [0] * (len(x) % 2) for x in numbers)]
        counts = [len(x) for x in numbers]
        return _LaidOut(sections, attending, items, pooled_items, counts, tuple(left), tuple(held), pairs)


class _LaidOut(NamedTuple):
    """A table's work before it is on the device. sections: of even length, so that each begins on 16 bytes, for which
    the kernels are compiled."""

    sections: list[list[int]]
    attending: int
    items: int
    pooled_items: int
    counts: list[int]
    left: tuple[int, ...]
    held: tuple[object, ...]
    pairs: int

    def work(self, kind: Kind, stored, scratch: Scratch) -> WorkList:
        parts, pooled_parts, heads, *numbers = (next(stored) for _ in self.sections)
        pooled, tiled, left = (x[:count] if count % 2 else x for x, count in zip(numbers, self.counts))
        slots, columns, starts, log_tokens = _stored_order(kind.layout, kind.device)
        return WorkList(
            parts.view(torch.int32), heads, self.attending, self.items, slots, columns, starts, log_tokens, pooled,
            pooled_parts.view(torch.int32), self.pooled_items, tiled, self.left, left, self.held, self.pairs,
            _slice(self.left), scratch,
        )  # fmt: skip


def _slice(heads: tuple[int, ...]) -> slice | None:
    """Evenly spaced heads as a slice, None where they are not."""
    steps = {b - a for a, b in zip(heads, heads[1:])} or {1}
    return slice(heads[0], heads[-1] + 1, *steps) if heads and len(steps) == 1 else None


@lru_cache(maxsize=32)
def shelf_of(kind: Kind) -> Shelf:
    """The shelf of a kind."""
    return Shelf(kind)


def window_of(way: Way, updated: Approximation | None) -> Window | None:
    """The window that a head computes, for its output or beside it, or None."""
    found = updated or (way.way if isinstance(way, Residual) else way)
    return found if isinstance(found, Window) else None


@lru_cache(maxsize=MOST_TABLES)
def pools(layout: Layout, table: HeadTable) -> bool:
    """Whether a window with pooled keys is computed for any head."""
    ways = (*table.approximation_groups(), *table.refresh_groups())
    return any(way.pools(layout) for way in ways if isinstance(way, Window))


@lru_cache(maxsize=64)
def pooled_columns(layout: Layout, window: Window) -> np.ndarray:
    """What tells a pooled key's tile from a query's box: (tile rows, T) int32. For the queries of each tile row and for
    each tile its column, if their boxes cross the tile's own tile row, else a column that no box reaches.
    """
    *across, columns = tile_counts(layout.grid)
    crossed = np.ones((1, 1), dtype=bool)
    for count, reach in zip(across, window.half_widths(layout.grid)):
        tiles = np.arange(count)
        near = abs(tiles[:, None] - tiles) <= reach
        crossed = (crossed[:, None, :, None] & near[:, None, :]).reshape(len(crossed) * count, -1)
    found = np.where(crossed[:, :, None], np.arange(columns), NO_COLUMN)
    return found.reshape(len(crossed), -1).astype(np.int32)


def pattern_of(kind: Kind, way: Way, updated: Approximation | None) -> Pattern:
    """The query blocks of a head by a way, and with which keys they are joined; `updated`: by a residual update."""
    if way == REUSE:
        return copies(kind.layout, kind.queries)
    window = window_of(way, updated)
    if window is not None and updated is None and window.is_full(kind.layout):
        window = None
    elif window is not None and kind.one_list:
        window = replace(window, pooled=False)
    return pattern(kind.layout, window, updated is not None, kind.queries, kind.keys)


def computed_pairs(kind: Kind, way: Way, updated: Approximation | None) -> int:
    """Pairs of queries and keys that one head's blocks compute: masked ones, and those beyond the end of a block or of
    the sequence, are computed like others."""
    chosen, window = pattern_of(kind, way, updated), window_of(way, updated)
    pairs = chosen.key_blocks * kind.queries * kind.keys
    if kind.one_list and window is not None and window.pools(kind.layout):
        tiles = math.prod(tile_counts(kind.layout.grid))
        pairs += chosen.boxed * kind.queries * -(-tiles // POOLED_KEYS) * POOLED_KEYS
    return pairs


def _entry(kind: Kind, way: Way, updated: Approximation | None) -> _Entry:
    chosen, window = pattern_of(kind, way, updated), window_of(way, updated)
    check(chosen, kind.layout.length, kind.queries, kind.keys)
    role = PLAIN
    if way == REUSE:
        part, role = COPIED, COPY
    elif updated is not None:
        part, role = UPDATING, REFRESH
    else:
        part = WINDOWED if chosen.tiled else WHOLE
        role = ADD_RESIDUAL if isinstance(way, Residual) else PLAIN
    pooled = window is not None and window.pools(kind.layout)
    columns = _stored_columns(kind.layout, window, kind.device) if pooled else None
    lists = _stored_records(chosen, kind) if kind.one_list else _stored_pattern(chosen, kind.device)
    addresses = (*(x.data_ptr() for x in lists), 0)[:3]
    return _Entry(
        part, role, int(chosen.cost.sum()), len(chosen.blocks), chosen.boxed, pooled, kind.one_list and chosen.tiled,
        addresses, 0 if columns is None else columns.data_ptr(), (lists, columns), computed_pairs(kind, way, updated),
    )  # fmt: skip


def _parts(entries: list[_Entry]) -> tuple[list[int], int]:
    """The parts of heads in their order, and how many items they have."""
    first, found = 0, []
    for part in (UPDATING, WHOLE, WINDOWED, COPIED):
        some = [entry for entry in entries if entry.part == part]
        if some:
            blocks, boxed = some[0].blocks, some[0].boxed
            cuts = [(boxed, blocks - boxed), (0, boxed)] if part == WINDOWED else [(0, blocks)]
            found += [(first, len(some), start, count) for start, count in cuts if count]
        first += len(some)
    return _numbered(found)


def _pooled_parts(entries: list[_Entry]) -> tuple[list[int], int]:
    """The same of the query blocks that see pooled keys; heads that have some come first in their part."""
    first, found = 0, []
    for part in (UPDATING, WHOLE, WINDOWED):
        some = [entry for entry in entries if entry.part == part]
        pooled = sum(entry.pools for entry in some)
        if pooled:
            found.append((first, pooled, 0, some[0].boxed))
        first += len(some)
    return _numbered(found)


def _numbered(parts: list[tuple[int, int, int, int]]) -> tuple[list[int], int]:
    """(first head, heads, first block, blocks) of each part as the numbers of `WorkList`, and the sum of items."""
    numbers: list[int] = []
    items = 0
    for first, heads, start, count in parts:
        numbers += (items, first, count, start)
        items += heads * count
    return numbers + (PARTS - len(parts)) * [NEVER, 0, 1, 0], items


def _packed(numbers: list[int]) -> list[int]:
    """Numbers of 32 bits, two in each of 64."""
    return np.array(numbers, dtype=np.int32).view(np.int64).tolist()


def _stored(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """An array on a device. A copy out of pinned memory does not wait for what the device is doing."""
    found = torch.from_numpy(array)
    return found.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else found.to(device)


@lru_cache(maxsize=64)
def _stored_pattern(chosen: Pattern, device: torch.device) -> tuple[torch.Tensor, ...]:
    return _stored_together((chosen.blocks, chosen.clean, chosen.masked), device)


@lru_cache(maxsize=64)
def _stored_records(chosen: Pattern, kind: Kind) -> tuple[torch.Tensor, ...]:
    return _stored_together(records_of(chosen, kind.layout, kind.keys), kind.device)


@lru_cache(maxsize=64)
def _stored_columns(layout: Layout, window: Window, device: torch.device) -> torch.Tensor:
    return _stored(pooled_columns(layout, window), device)


@lru_cache(maxsize=32)
def _stored_order(layout: Layout, device: torch.device) -> tuple[torch.Tensor, ...]:
    order = tile_order(layout)
    columns = np.arange(tile_counts(layout.grid)[-1])
    starts = np.concatenate([row.start + row.tile * columns for row in order.rows] + [[layout.image]])
    # The kernel looks one clean block ahead, even where there is none: a block's length must be there to read.
    slots = np.pad(order.slots, (0, max(LARGEST_KEYS - layout.length, 0)))
    log_tokens = np.log(np.diff(starts)).astype(np.float32)
    *whole, logs = _stored_together((slots, order.columns, starts, log_tokens.view(np.int32)), device)
    return *whole, logs.view(torch.float32)


def _stored_together(arrays: Iterable[np.ndarray], device: torch.device) -> tuple[torch.Tensor, ...]:
    """Arrays of 32 bits in one copy, flat, each beginning on 16 bytes."""
    flat = [np.asarray(x, dtype=np.int32).reshape(-1) for x in arrays]
    padded = [np.pad(x, (0, -len(x) % 4)) for x in flat]
    stored = _stored(np.concatenate(padded), device).split([len(x) for x in padded])
    return tuple(x[: len(one)] for x, one in zip(stored, flat))
