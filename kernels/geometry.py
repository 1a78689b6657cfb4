"""Where tokens are and which of them a window joins, in exact integers.

A window is a box of whole token tiles around a query's own tile. Whole tiles because touched then equals computed:
a token-exact window costs its kernels a third to two thirds of the speed that its density promises
(NATTEN's measurements, arXiv 2504.16922), and because a plan stores fractions of the grid, so that a window keeps
its meaning when the resolution changes. DiTFastAttn (arXiv 2406.08552, section 3.1) and DiTFastAttnV2 (arXiv
2503.22796, "arrow attention") use one-dimensional bands of raster order instead; the arrow's rule for text, full
rows and full columns, is kept here for every global token.

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

    grid: tokens along each axis, (h, w) or (t, h, w); (n,) for a plain sequence such as audio.
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


@dataclass(frozen=True)
class Window:
    """The full width of a local box along each axis, as a fraction of the grid in (0, 1]; 1.0 takes the whole axis.

    pooled: whether each tile outside the box takes part as one key, see `pooling`, instead of not at all.
    Raises ValueError for any other fraction.
    """

    extent: tuple[float, ...]
    pooled: bool = False

    def __post_init__(self):
        object.__setattr__(self, "extent", tuple(float(e) for e in self.extent))
        if not self.extent or any(not 0.0 < e <= 1.0 for e in self.extent):
            raise ValueError(f"A window's extent is a fraction in (0, 1] for each axis, not {self.extent}.")
        object.__setattr__(self, "pooled", bool(self.pooled))


def tile_shape(grid: tuple[int, ...]) -> tuple[int, ...]:
    """Tokens along each axis of the tile in which windows are counted on this grid; edge tiles may be smaller.

    64 tokens where the grid is large enough to leave six such tiles along its shorter side, fewer below.
    """
    # Measured with the tiled path on a CPU (tests/benchmarks/bench_tiled.py): 64 x 64 tokens in 8 x 8 tiles take
    # 3 x 3 windows at 54 % of the speed that their density promises, in 4 x 4 tiles at 25 %, since a tile's queries
    # share one read of keys. But 8 x 8 cuts 32 x 32 tokens into four a side, where a 3 x 3 window is 40 % of all
    # pairs and gains 1.3 times; in 4 x 4 tiles it is 15 % with its text and gains 1.7 times.
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


def half_widths(grid: tuple[int, ...], window: Window) -> tuple[int, ...]:
    """How many tiles a window reaches to either side of a query's tile, along each axis.

    floor((extent * tiles - 1) / 2 + 1/2), the odd width nearest to the extent asked for; an axis taken whole
    reaches over all its tiles. Raises ValueError when window and grid differ in rank.
    """
    if len(window.extent) != len(grid):
        raise ValueError(f"A window over {len(window.extent)} axes does not fit a grid of {len(grid)}.")
    # The formula reduces to floor(extent * tiles / 2). The small term keeps a fraction such as 2/49 of 49 tiles, which
    # comes out just under 2 in floating point, on its own side of the step.
    return tuple(
        tiles if extent >= 1.0 else math.floor(extent * tiles / 2 + 1e-9)
        for extent, tiles in zip(window.extent, tile_counts(grid))
    )


def covers_all(grid: tuple[int, ...], window: Window) -> bool:
    """Whether every query's box is the whole grid, so that the window is full attention."""
    return all(half >= tiles - 1 for half, tiles in zip(half_widths(grid, window), tile_counts(grid)))


def box_pairs(layout: Layout, window: Window) -> int:
    """Pairs of an image query and an image key that a window joins, for one head."""
    return math.prod(
        sum((s.q_stop - s.q_start) * (s.k_stop - s.k_start) for s in axis_spans(n, tile, half))
        for n, tile, half in zip(layout.grid, tile_shape(layout.grid), half_widths(layout.grid, window))
    )


def pooled_pairs(layout: Layout, window: Window) -> int:
    """Pairs of image queries and pooled keys: all tiles, since those in a query's box are computed and left out."""
    return layout.image * math.prod(tile_counts(layout.grid)) if pools(layout.grid, window) else 0


def pools(grid: tuple[int, ...], window: Window) -> bool:
    """Whether a window has pooled keys on this grid: one that covers all of it leaves nothing to pool."""
    return window.pooled and not covers_all(grid, window)


def image_pairs(layout: Layout, window: Window) -> int:
    """Pairs of the image rows of one windowed head: their boxes, the global columns and the pooled keys."""
    return box_pairs(layout, window) + layout.image * layout.globals + pooled_pairs(layout, window)


def window_pairs(layout: Layout, window: Window) -> int:
    """Pairs of one windowed head: image rows see their box and the global tokens, global rows see everything."""
    return image_pairs(layout, window) + layout.globals * layout.length


def dense_pairs(layout: Layout) -> int:
    """Pairs of one head in full attention."""
    return layout.length**2


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


def row_mask(layout: Layout, window: Window, rows: torch.Tensor) -> torch.Tensor:
    """Rows of a window's mask: True where the query at a sequence position may see a key.

    rows: (R,) integer sequence positions in [0, length). Returns bool (R, length) on the device of `rows`, built from
    one interval per axis and row, so that sampled rows of a long video cost R * length bytes and nothing more.
    Raises ValueError when rows is not one-dimensional or leaves the sequence.
    """
    is_global = _is_global(layout, rows)
    tiles = [
        torch.arange(n, device=rows.device) // side
        for n, side in zip(layout.grid, tile_shape(layout.grid), strict=True)
    ]
    mask = torch.ones((len(rows), layout.length), dtype=torch.bool, device=rows.device)
    mask[:, layout.prefix : layout.prefix + layout.image] = _boxes(layout, window, rows, tiles) | is_global[:, None]
    return mask


def far_tiles(layout: Layout, window: Window, rows: torch.Tensor) -> torch.Tensor:
    """Which tiles a query at a sequence position sees as one pooled key: bool (R, T), tiles in row-major order.

    rows as for `row_mask`. False everywhere for global rows, and for windows that do not pool.
    """
    is_global = _is_global(layout, rows)
    tiles = [torch.arange(count, device=rows.device) for count in tile_counts(layout.grid)]
    near = _boxes(layout, window, rows, tiles)
    return ~(near | is_global[:, None]) if window.pooled else torch.zeros_like(near)


def _is_global(layout: Layout, rows: torch.Tensor) -> torch.Tensor:
    if rows.dim() != 1 or rows.is_floating_point():
        raise ValueError("Rows are a one-dimensional tensor of sequence positions.")
    if rows.numel() and not 0 <= int(rows.min()) <= int(rows.max()) < layout.length:
        raise ValueError(f"Rows leave the sequence of {layout.length} tokens.")
    return (rows < layout.prefix) | (rows >= layout.prefix + layout.image)


def _boxes(layout: Layout, window: Window, rows: torch.Tensor, tiles: list[torch.Tensor]) -> torch.Tensor:
    """Whether what lies at the given tiles along each axis is in each row's box: (R, product of the axes)."""
    halves = half_widths(layout.grid, window)
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
