"""Where tokens are, the tiles that they form, and boxes of tiles around a query, in exact integers.

Everything is separable: a box is a product of intervals, so pair counts, masks and work lists are built one axis at
a time and never need an (L, L) array.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch


@dataclass(frozen=True)
class Layout:
    """The order of tokens in one attention call.

    `prefix` global tokens, then prod(grid) image or video tokens in row-major order, then `suffix` global tokens.
    Global tokens (text, registers, reference images, padding) attend everything and are attended by everything.

    grid: tokens along each axis, (h, w) or (t, h, w); (n,) for a sequence without axes such as audio.
    Raises ValueError for a grid that is not one to three positive integers, or a negative prefix or suffix.
    """

    grid: tuple[int, ...]
    prefix: int = 0
    suffix: int = 0

    def __post_init__(self):
        object.__setattr__(self, "grid", tuple(self.grid))
        if not 1 <= len(self.grid) <= 3 or any(not _is_count(n) or n < 1 for n in self.grid):
            raise ValueError(f"A grid is one to three positive integers, not {self.grid}.")
        if any(not _is_count(n) or n < 0 for n in (self.prefix, self.suffix)):
            raise ValueError(f"Global token counts are whole and >= 0, not {self.prefix} and {self.suffix}.")

    @property
    def image(self) -> int:
        """Number of image or video tokens."""
        return math.prod(self.grid)

    @property
    def globals(self) -> int:
        """Number of global tokens, before and after the image."""
        return self.prefix + self.suffix

    @property
    def length(self) -> int:
        """Number of tokens in the sequence."""
        return self.prefix + self.image + self.suffix


def tile_shape(grid: tuple[int, ...]) -> tuple[int, ...]:
    """Tokens along each axis of the tile in which windows are counted on this grid; edge tiles may be smaller.

    64 tokens where the grid is large enough to leave six such tiles along its shorter side, fewer below.
    """
    # Measured with the tiled path on a CPU (python dev.py bench tiled): 64 x 64 tokens in 8 x 8 tiles take 3 x 3
    # windows at 54 % of the speed to be expected from their density, in 4 x 4 tiles at 25 %, since a tile's queries
    # share one read of keys. But 8 x 8 cuts 32 x 32 tokens into four a side, where a 3 x 3 window is 40 % of all
    # pairs and gains 1.3 times; in 4 x 4 tiles it is 15 % with its text and gains 1.7 times.
    tile: tuple[int, ...]
    if len(grid) == 1:
        tile = (64,)
    elif len(grid) == 2:
        tile = (8, 8) if min(grid) >= 48 else (4, 4)
    elif grid[0] == 1:
        tile = (1, *tile_shape(grid[1:]))
    else:
        # (2, 4, 4) and (4, 4, 4) are equally fast for equal boxes; a short clip needs the finer steps in time.
        tile = (4 if grid[0] >= 12 else 2, 4, 4)
    return tuple(min(side, n) for side, n in zip(tile, grid))


def tile_counts(grid: tuple[int, ...]) -> tuple[int, ...]:
    """Number of tiles along each axis, counting a ragged last tile."""
    return tuple(-(-n // s) for n, s in zip(grid, tile_shape(grid)))


def box_pairs(layout: Layout, halves: tuple[int, ...]) -> int:
    """Pairs of an image query and an image key that boxes of `halves` tiles to either side join, for one head."""
    return math.prod(
        sum((s.q_stop - s.q_start) * (s.k_stop - s.k_start) for s in axis_spans(n, tile, half))
        for n, tile, half in zip(layout.grid, tile_shape(layout.grid), halves)
    )


@dataclass(frozen=True)
class Span:
    """Along one axis: queries [q_start, q_stop) all see keys [k_start, k_stop)."""

    q_start: int
    q_stop: int
    k_start: int
    k_stop: int


@lru_cache(maxsize=512)
def axis_spans(n: int, tile: int, half: int) -> tuple[Span, ...]:
    """The clipped box of every tile along an axis of n tokens; neighbours with the same box become one span.

    Merging changes no pair: near the edges, and for wide windows, several tiles are clipped to the same keys.
    """
    spans: list[Span] = []
    tiles = -(-n // tile)
    for t in range(tiles):
        q_stop = min((t + 1) * tile, n)
        k_start, k_stop = max(t - half, 0) * tile, min((t + half + 1) * tile, n)
        if spans and (spans[-1].k_start, spans[-1].k_stop) == (k_start, k_stop):
            spans[-1] = Span(spans[-1].q_start, q_stop, k_start, k_stop)
        else:
            spans.append(Span(t * tile, q_stop, k_start, k_stop))
    return tuple(spans)


def is_global(layout: Layout, rows: torch.Tensor) -> torch.Tensor:
    """Which sequence positions (R,) hold global tokens: bool (R,).

    Raises ValueError when `rows` is not a one-dimensional tensor of integers or leaves the sequence.
    """
    if rows.dim() != 1 or rows.is_floating_point():
        raise ValueError("Rows are a one-dimensional tensor of sequence positions.")
    if rows.numel() and not 0 <= int(rows.min()) <= int(rows.max()) < layout.length:
        raise ValueError(f"Rows leave the sequence of {layout.length} tokens.")
    return (rows < layout.prefix) | (rows >= layout.prefix + layout.image)


def boxes(layout: Layout, halves: tuple[int, ...], rows: torch.Tensor, tiles: list[torch.Tensor]) -> torch.Tensor:
    """Whether each point of a grid of tiles lies in each row's box: bool (R, product of the axes), row-major.

    rows: (R,) sequence positions of image tokens; global ones give some box that means nothing. halves: tiles that a
    box reaches to either side of its own. tiles: for each axis of the grid the tile numbers of the points, 1-D.
    """
    rest = (rows - layout.prefix).clamp(0, layout.image - 1)
    box = torch.ones((len(rows), 1), dtype=torch.bool, device=rows.device)
    for n, side, half, along in reversed(list(zip(layout.grid, tile_shape(layout.grid), halves, tiles))):
        query_tile = rest % n // side
        rest = rest // n
        near = (along - query_tile[:, None]).abs() <= half
        box = (near[:, :, None] & box[:, None, :]).flatten(1)
    return box


def _is_count(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
