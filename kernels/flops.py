"""Attention-matmul FLOPs of a head table: a pair takes part in q k^T and in p v, two FLOPs for each multiply-add."""

from __future__ import annotations

from .geometry import Layout
from .head_table import HeadTable
from .ways import FULL


def flops(layout: Layout, table: HeadTable, head_dim: int) -> int:
    """FLOPs that `head_wise` computes for one batch item: 4 * head_dim for each pair.

    Windows count as computed: whole tiles, clipped at the edges, global rows and columns included. A residual update
    counts the full pass and the approximation's image rows; a reused head counts nothing.
    """
    pairs = sum(way.pairs(layout) for way in table.ways)
    pairs += sum(way.image_pairs(layout) for way in table.refresh if way is not None)
    return 4 * head_dim * pairs


def dense_flops(layout: Layout, heads: int, head_dim: int) -> int:
    """FLOPs of full attention in every head, for one batch item."""
    return 4 * head_dim * heads * FULL.pairs(layout)
