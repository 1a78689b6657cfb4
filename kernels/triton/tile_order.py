"""Tile order: image tokens tile after tile (row-major over tiles, row-major inside), then the global tokens.

Tiles that are neighbours along the last axis are neighbours in it, so a window's box is one run of slots for each tile
row that it crosses, whatever the rank of the grid and however ragged its edges. A tile row is the tiles that differ in
the last axis alone. Bands take the image in its own order instead, each token a tile (`raster_order`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np

from ..geometry import Layout, tile_counts, tile_shape


@dataclass(frozen=True)
class TileOrder:
    """slots: (L,) int32, the sequence position of each slot. columns: (L,) int32, each slot's tile along the last axis
    (0 for global tokens). rows: the tile rows in order."""

    slots: np.ndarray
    columns: np.ndarray
    rows: tuple[TileRow, ...]


@dataclass(frozen=True)
class TileRow:
    """Slots [start, stop) hold one tile row; `at`: its tile along every axis but the last; tile: slots of each of
    its tiles, of which the last may be cut short."""

    at: tuple[int, ...]
    start: int
    stop: int
    tile: int


@lru_cache(maxsize=32)
def raster_order(layout: Layout) -> TileOrder:
    """The image tokens as they stand, in one row of tiles of one token, then the global tokens."""
    end = layout.prefix + layout.image
    slots = np.concatenate((np.arange(layout.prefix, end), np.arange(layout.prefix), np.arange(end, layout.length)))
    columns = np.concatenate((np.arange(layout.image), np.zeros(layout.globals, dtype=np.int64)))
    return TileOrder(slots.astype(np.int32), columns.astype(np.int32), (TileRow((), 0, layout.image, 1),))


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
