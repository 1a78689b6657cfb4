"""The papers' systems at their true dimensions, as what their attention and all else costs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ditfastattn.kernels import FULL, Band, HeadTable, Layout, flops
from ditfastattn.plans import Site
from ditfastattn.plans.search import FLOPS, Costs


@dataclass(frozen=True)
class System:
    """A model at one size.

    grid: image tokens of one sequence along each axis. text: tokens in the same sequence. sequences: of one batch item,
    frames that attend apart. branches: of guidance. linears: weights a token of a layer outside attention's own four
    projections, in squares of the width. beside: multiply-adds of a layer and batch item that neither `linears` nor
    this attention has (cross-attention, temporal attention).
    """

    name: str
    layers: int
    heads: int
    head_dim: int
    grid: tuple[int, int]
    text: int = 0
    sequences: int = 1
    branches: int = 2
    linears: float = 8
    beside: int = 0

    @property
    def width(self) -> int:
        return self.heads * self.head_dim

    @property
    def layout(self) -> Layout:
        return Layout(self.grid, suffix=self.text)

    @property
    def tokens(self) -> int:
        """Of a batch item, all sequences."""
        return self.layout.length * self.sequences

    def costs(self, bands: tuple[Band, ...]) -> Costs:
        """As calibration counts them, of one evaluation."""
        items = self.sequences * self.branches

        def of_head(way) -> float:
            return float(flops(self.layout, HeadTable.uniform(1, way), self.head_dim) * items)

        heads = self.layers * self.heads
        ways = np.tile([of_head(band) for band in bands], (heads, 1))
        update = np.tile([4.0 * self.head_dim * band.image_pairs(self.layout) * items for band in bands], (heads, 1))
        projection = 2.0 * 4 * self.width**2 * self.tokens * self.branches
        beside = 2.0 * (self.linears * self.width**2 * self.tokens + self.beside) * self.branches
        zeros = np.zeros(heads)
        return Costs(
            sites=tuple(Site(f"layer.{number}", self.heads) for number in range(self.layers)),
            unit=FLOPS,
            full=np.full(heads, of_head(FULL)),
            way=ways,
            residual=ways,
            refresh=update,
            reuse=zeros,
            keep=zeros,
            projection=np.full(self.layers, projection),
            share_saving=np.full(self.layers, 0.5 * self.layout.image / self.layout.length * (self.branches == 2)),
            other=self.layers * (projection + beside),
            output_bytes=zeros,
            residual_bytes=zeros,
        )


def _cross(tokens: int, text: int, width: int) -> int:
    """Multiply-adds of a layer of cross-attention: keys and values of the text, and both products."""
    return 2 * text * width**2 + 2 * tokens * text * width


def _pixart(name: str, side: int) -> System:
    beside = _cross(side * side, 300, 1152)
    return System(name, 28, 16, 72, (side, side), linears=10, beside=beside)


def _open_sora(name: str, grid: tuple[int, int], frames: int) -> System:
    """STDiT2: spatial attention is the one that is compressed; beside it temporal and cross-attention."""
    tokens, width = math.prod(grid) * frames, 1152
    temporal = 2 * tokens * frames * width
    return System(name, 28, 16, 72, grid, sequences=frames, linears=14, beside=_cross(tokens, 200, width) + temporal)


def _flux(name: str, side: int) -> System:
    return System(name, 57, 24, 128, (side, side), text=512, branches=1)


SYSTEMS = {
    system.name: system
    for system in (
        System("DiT-XL/2-512", 28, 16, 72, (32, 32)),
        _pixart("PixArt-Sigma 1K", 64),
        _pixart("PixArt-Sigma 2K", 128),
        _open_sora("Open-Sora 1.1 240p", (15, 27), 16),
        System("SD3 1K", 24, 24, 64, (64, 64), text=333),
        _flux("FLUX 1K", 64),
        _flux("FLUX 2K", 128),
    )
}
