"""A pattern's clean and masked key blocks as one list of records, for the Hopper kernel's one loop."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ...geometry import Layout
from ..pattern import Pattern
from ..tile_order import tile_order


@lru_cache(maxsize=64)
def records_of(chosen: Pattern, layout: Layout, keys: int) -> tuple[np.ndarray, np.ndarray]:
    """A pattern for a kernel that has one loop over the keys and computes the columns of its queries.

    blocks: (n, BLOCK_FIELDS) int32: first slot, count, half, column of the first slot, first and last + 1 record, slots
    of a tile in the block's tile row, the window's last record (-1 for global queries), number of the tile row (-1
    likewise); a query's column is the first slot's plus its distance from it in tiles.
    records: (r, 4) int32: start, count, offset, tile. Lane j < count takes part as in a masked block; tile 0: for all,
    negative: inverted. The window's records come before the rest.
    """
    rows = tile_order(layout).rows
    blocks, records, length = np.zeros_like(chosen.blocks), [], 0
    found: dict[tuple[int, ...], tuple[int, int, int]] = {}
    for block, (start, count, half, number, *ranges) in zip(blocks, chosen.blocks.tolist()):
        key = tuple(ranges)
        if key not in found:
            window, rest = (_records(chosen, part, keys) for part in (ranges[:4], ranges[4:]))
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


def _records(chosen: Pattern, ranges: list[int], keys: int) -> np.ndarray:
    """(r, 4) the clean and the masked blocks of their two ranges as one kind."""
    first, last, first_masked, last_masked = ranges
    clean, masked = chosen.clean[first:last], chosen.masked[first_masked:last_masked]
    whole = np.zeros((len(clean), 4), dtype=np.int32)
    whole[:, 0], whole[:, 1] = clean, keys
    either = masked[:, :4].copy()
    either[:, 3] = np.where(masked[:, 4] != 0, -masked[:, 3], masked[:, 3])
    return np.concatenate((whole, either))
