"""FLOPs of single heads as the back end computes them that is going to serve them, before it does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch

from .flops import head_flops
from .geometry import Layout
from .head_table import HeadTable
from .triton.backend import expected
from .triton.configs import PINGPONG, Config
from .triton.worklist import Kind, computed_pairs
from .ways import FULL, Approximation, Band, Residual, Way


@dataclass(frozen=True)
class Counter:
    """blocks: the configuration of the fused kernel, which computes whole blocks of queries and keys; None where
    windows are computed to the pair, as in plain torch."""

    blocks: Config | None = None

    @staticmethod
    def of(device: torch.device, dtype: torch.dtype, head_dim: int) -> Counter:
        """Of calls on a device: by the winner of its trial, or before that by the first that will be tried."""
        return Counter(expected(device, dtype, head_dim))

    def head(self, layout: Layout, way: Way, head_dim: int) -> int:
        """One head by a way, for one batch item. Heads in full attention are the caller's own: all pairs."""
        approximation = way.way if isinstance(way, Residual) else way
        if not isinstance(approximation, Approximation) or approximation.is_full(layout):
            return head_flops(layout, way, head_dim)
        if self._to_the_pair(layout, approximation):
            return head_flops(layout, way, head_dim)
        # Padding is taken out before; its own rows attend what is left to the pair.
        beside = (layout.length - layout.keys) * layout.keys
        return 4 * head_dim * (beside + _pairs(self.blocks, layout.without_padding(), way, None))

    def update(self, layout: Layout, way: Approximation, head_dim: int) -> int:
        """What a head in full attention takes more if it updates the residual of a way."""
        if self._to_the_pair(layout, way):
            return 4 * head_dim * way.image_pairs(layout)
        layout = layout.without_padding()
        return 4 * head_dim * max(0, _pairs(self.blocks, layout, FULL, way) - FULL.pairs(layout))

    def _to_the_pair(self, layout: Layout, way: Approximation) -> bool:
        """Whether the fused kernel, which has windows over one grid and on Hopper no bands, does not serve a way."""
        if self.blocks is None or layout.references:
            return True
        return isinstance(way, Band) and self.blocks.path == PINGPONG

    def scratch(self, table: HeadTable, head_dim: int) -> int:
        """Elements a token that one call with a table needs besides its own tensors, at most: full heads that are
        gathered for the caller's attention, and what the Hopper kernel puts in tile order."""
        if self.blocks is None or table.all_full or table.all_reuse:
            return 0
        full = len(table.full_heads) - len(table.refresh_heads)
        windowed = len(table) - full - len(table.reuse_heads)
        ordered = 4 * windowed if self.blocks.path == PINGPONG else 0
        return max(4 * full, ordered) * head_dim


@lru_cache(maxsize=1024)
def _pairs(blocks: Config, layout: Layout, way: Way, updated: Approximation | None) -> int:
    # Lists are laid out in memory alone, whatever the device.
    kind = Kind(layout, blocks.queries, blocks.keys, torch.device("cpu"), blocks.path == PINGPONG)
    return computed_pairs(kind, way, updated)
