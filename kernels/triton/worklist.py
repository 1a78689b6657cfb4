"""The work of one attention call as a GPU kernel reads it: items, head records, and the lists that they point to.

The lists of a window are held once for each (layout, window), whatever the tables that use it; a table is one int32 for
each query block of each head, in falling order of work, so that the longest start first and short ones fill the gaps
that they leave. All of it is kept in caches of bounded length.

Pooled keys need no list: image queries pass over all of them and leave out their own box, by a table of columns for
each tile row (see `pooled_columns`). A list of those outside the box would name a block of its own, mostly empty, for
each tile row that the box crosses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from ..geometry import Layout, tile_counts
from ..head_table import HeadTable
from ..ways import REUSE, Approximation, Residual, Way, Window
from .hopper.records import records_of
from .pattern import Pattern, check, copies, pattern
from .tile_order import tile_order

# An item is head << BLOCK_BITS | block.
BLOCK_BITS = 21
MOST_HEADS = 1 << (31 - BLOCK_BITS)
# A head's role: what it does with its blocks, besides attending. REFRESH is a residual update.
PLAIN, ADD_RESIDUAL, COPY, REFRESH = range(4)
# The largest key block of any configuration.
LARGEST_KEYS = 128
# The column of a tile in no tile row that a query's box crosses.
NO_COLUMN = 1 << 30


def head_patterns(
    layout: Layout, table: HeadTable, queries: int, keys: int, one_list: bool = False
) -> list[tuple[Pattern, int, int]]:
    """For each head: its pattern, its role besides attending, and its index among the heads of that role.

    one_list: for the Hopper kernel, which attends pooled keys in a launch of their own.
    """
    indices = {
        ADD_RESIDUAL: {head: i for i, head in enumerate(table.residual_heads)},
        COPY: {head: i for i, head in enumerate(table.reuse_heads)},
        REFRESH: {head: i for i, head in enumerate(table.refresh_heads)},
    }
    chosen = []
    for head, (way, updated) in enumerate(zip(table.ways, table.refresh)):
        if way == REUSE:
            chosen.append((copies(layout, queries), COPY, indices[COPY][head]))
            continue
        role = ADD_RESIDUAL if isinstance(way, Residual) else REFRESH if updated else PLAIN
        window = window_of(way, updated)
        if window is not None and updated is None and window.is_full(layout):
            window = None
        elif window is not None and one_list:
            window = replace(window, pooled=False)
        refresh = updated is not None
        chosen.append((pattern(layout, window, refresh, queries, keys), role, indices.get(role, {}).get(head, 0)))
    return chosen


def window_of(way: Way, updated: Approximation | None) -> Window | None:
    """The window that a head computes, for its output or beside it, or None."""
    found = updated or (way.way if isinstance(way, Residual) else way)
    return found if isinstance(found, Window) else None


@lru_cache(maxsize=256)
def pooled_heads(layout: Layout, table: HeadTable) -> tuple[int, ...]:
    """The heads for which a window with pooled keys is computed."""
    windows = enumerate(map(window_of, table.ways, table.refresh))
    return tuple(head for head, window in windows if window is not None and window.pools(layout))


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


def pooled_items(patterns: list[tuple[Pattern, int, int]], pooled: tuple[int, ...]) -> np.ndarray:
    """(n,) int32 items of the blocks that see pooled keys; all cost the same."""
    blocks = [(head, np.flatnonzero(patterns[head][0].blocks[:, 3] >= 0)) for head in pooled]
    items = [(head << BLOCK_BITS) + of_head for head, of_head in blocks]
    return np.concatenate([np.zeros(0, dtype=np.int64), *items]).astype(np.int32)


@dataclass(frozen=True)
class WorkList:
    """A table's work on a device.

    items: (n,) int32, see `items_of`. heads: (H, 7) int64, a record for each head: its role, its index among the heads
    of that role, the addresses of its pattern's blocks, clean and masked lists, its index in `pooled` or -1, and the
    address of its window's `pooled_columns`; with one list the fourth field is the address of its records and the fifth
    its index in `tiled` or -1. slots: (L or more,) int32 and columns: (L,) int32, see `tile_order`. starts: (T + 1,)
    int32, the first slot of each tile, and the last's end. log_tokens: (T,) float32, ln of each tile's tokens. pooled:
    (n,) int32, heads whose windows pool. With one list alone, else empty: tiled: (n,) int32, heads that need their
    tokens in tile order; pooled_items: (n,) int32, items of the blocks that see pooled keys. `held` keeps the addressed
    memory alive.
    """

    items: torch.Tensor
    heads: torch.Tensor
    slots: torch.Tensor
    columns: torch.Tensor
    starts: torch.Tensor
    log_tokens: torch.Tensor
    pooled: torch.Tensor
    tiled: torch.Tensor
    pooled_items: torch.Tensor
    held: tuple[tuple[torch.Tensor, ...], ...]


@lru_cache(maxsize=256)
def work_list(
    layout: Layout,
    table: HeadTable,
    queries: int,
    keys: int,
    device: torch.device,
    skip: frozenset[int] = frozenset(),
    one_list: bool = False,
) -> WorkList:
    """The work of a table, on a device. one_list: for the Hopper kernel (see `hopper.records`).

    Whoever captures it in a CUDA graph keeps the returned object. Raises ValueError as `check` does.
    """
    patterns = head_patterns(layout, table, queries, keys, one_list)
    for chosen, _, _ in patterns:
        check(chosen, layout.length, queries, keys)
    tiled = [head for head, (chosen, _, _) in enumerate(patterns) if one_list and chosen.tiled]
    pooled = pooled_heads(layout, table)
    heads, held = [], []
    for head, (chosen, role, index) in enumerate(patterns):
        lists = _stored_records(chosen, layout, keys, device) if one_list else _stored(chosen, device)
        record = [role, index, *(x.data_ptr() for x in lists)]
        if one_list:
            record.append(tiled.index(head) if head in tiled else -1)
        window = window_of(table.ways[head], table.refresh[head])
        if window is not None and head in pooled:
            lists = (*lists, _stored_columns(layout, window, device))
            record += [pooled.index(head), lists[-1].data_ptr()]
        else:
            record += [-1, 0]
        held.append(lists)
        heads.append(record)
    slots, columns, starts, log_tokens = _stored_order(layout, device)
    return WorkList(
        items=torch.from_numpy(items_of(patterns, skip)).to(device),
        heads=torch.tensor(heads, dtype=torch.int64, device=device),
        slots=slots,
        columns=columns,
        starts=starts,
        log_tokens=log_tokens,
        pooled=torch.tensor(pooled, dtype=torch.int32, device=device),
        tiled=torch.tensor(tiled, dtype=torch.int32, device=device),
        pooled_items=torch.from_numpy(pooled_items(patterns, pooled if one_list else ())).to(device),
        held=tuple(held),
    )


@lru_cache(maxsize=64)
def _stored(chosen: Pattern, device: torch.device) -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(x).to(device) for x in (chosen.blocks, chosen.clean, chosen.masked))


@lru_cache(maxsize=64)
def _stored_records(chosen: Pattern, layout: Layout, keys: int, device: torch.device) -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(x).to(device) for x in records_of(chosen, layout, keys))


@lru_cache(maxsize=64)
def _stored_columns(layout: Layout, window: Window, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(pooled_columns(layout, window)).to(device)


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
