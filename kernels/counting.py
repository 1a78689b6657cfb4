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
from .triton.int8 import backend as int8
from .triton.int8.launch import bytes_of_token
from .triton.launch import kind_of
from .triton.worklist import computed_pairs
from .ways import FULL, Approximation, Band, Int8, Residual, Way


@dataclass(frozen=True)
class Counter:
    """blocks: the configuration of the fused kernel, which computes whole blocks of queries and keys; None where
    windows are computed to the pair, as in plain torch. eight: that of the kernel in INT8, None where windows planned
    in INT8 are computed as others are."""

    blocks: Config | None = None
    eight: Config | None = None

    @staticmethod
    def of(device: torch.device, dtype: torch.dtype, head_dim: int) -> Counter:
        """Of calls on a device: by the winner of its trial, or before that by the first that will be tried."""
        return Counter(expected(device, dtype, head_dim), int8.expected(device, dtype, head_dim))

    def head(self, layout: Layout, way: Way, head_dim: int) -> int:
        """One head by a way, for one batch item. Heads in full attention are the caller's own: all pairs."""
        approximation = way.way if isinstance(way, Residual) else way
        if not isinstance(approximation, Approximation) or approximation.is_full(layout):
            return head_flops(layout, way, head_dim)
        blocks = self._blocks(approximation)
        if blocks is None or _to_the_pair(blocks, layout, approximation):
            return head_flops(layout, way, head_dim)
        # Padding is taken out before; its own rows attend what is left to the pair.
        beside = (layout.length - layout.keys) * layout.keys
        return 4 * head_dim * (beside + _pairs(blocks, layout.without_padding(), way, None))

    def update(self, layout: Layout, way: Approximation, head_dim: int) -> int:
        """What a head in full attention takes more if it updates the residual of a way."""
        blocks = self._blocks(way)
        if blocks is None or _to_the_pair(blocks, layout, way):
            return 4 * head_dim * way.image_pairs(layout)
        layout = layout.without_padding()
        return 4 * head_dim * max(0, _pairs(blocks, layout, FULL, way) - FULL.pairs(layout))

    def scratch(self, table: HeadTable, head_dim: int) -> int:
        """Elements a token that one call with a table needs besides its own tensors, at most: full heads that are
        gathered for the caller's attention, or what the Hopper kernel puts in tile order, or what that in INT8 rounds;
        and the residuals that it updates."""
        if self.blocks is None or table.all_full or table.all_reuse:
            return 0
        full = len(table.full_heads) - len(table.refresh_heads)
        windowed = len(table) - full - len(table.reuse_heads)
        ordered = 4 * windowed * head_dim if self.blocks.path == PINGPONG else 0
        if self.eight is not None and int8.in_int8(table):
            # Of elements of 2 bytes, the least that the kernels take.
            ordered = windowed * bytes_of_token(head_dim) // 2
        return max(4 * full * head_dim, ordered) + len(table.refresh_heads) * head_dim

    def _blocks(self, way: Way) -> Config | None:
        """The configuration that computes an approximation."""
        return self.eight if isinstance(way, Int8) and self.eight is not None else self.blocks


@lru_cache(maxsize=1024)
def _pairs(blocks: Config, layout: Layout, way: Way, updated: Approximation | None) -> int:
    # Lists are laid out in memory alone, whatever the device.
    return computed_pairs(kind_of(layout, blocks, torch.device("cpu")), way, updated)


def _to_the_pair(blocks: Config, layout: Layout, way: Approximation) -> bool:
    """Whether the fused kernel, which has windows over one grid and on Hopper no bands, does not serve a way."""
    return bool(layout.references) or (isinstance(way, Band) and blocks.path == PINGPONG)
