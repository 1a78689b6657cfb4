"""Attention-matmul FLOPs of a head table: a pair takes part in q k^T and in p v, two FLOPs for each multiply-add."""

from __future__ import annotations

from functools import lru_cache

from .geometry import Layout
from .head_table import HeadTable
from .ways import FULL, Way


@lru_cache(maxsize=8192)
def flops(layout: Layout, table: HeadTable, head_dim: int) -> int:
    """FLOPs that `head_wise` computes for one batch item: 4 * head_dim for each pair.

    Windows count as computed: whole tiles, clipped at the edges, global rows and columns included, padding left out. A
    residual update counts the full pass and the approximation's own rows; a reused head counts nothing.
    """
    pairs = sum(_pairs(way, layout) for way in table.ways)
    for way, heads in table.refresh_groups().items():
        pairs += len(heads) * way.image_pairs(layout)
    return 4 * head_dim * pairs


def head_flops(layout: Layout, way: Way, head_dim: int) -> int:
    """FLOPs of one head by a way, for one batch item; without the update of a residual."""
    return 4 * head_dim * _pairs(way, layout)


def dense_flops(layout: Layout, heads: int, head_dim: int) -> int:
    """FLOPs of full attention in every head, for one batch item."""
    return 4 * head_dim * heads * FULL.pairs(layout)


@lru_cache(maxsize=512)
def _pairs(way: Way, layout: Layout) -> int:
    return way.pairs(layout)
