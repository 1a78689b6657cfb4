"""Windows: image queries see a box of tiles around their own, every global token, and perhaps the rest pooled.

A window is a box of whole token tiles around a query's own tile. Whole tiles because touched then equals computed:
a token-exact window costs its kernels a third to two thirds of the speed to be expected from its density
(NATTEN's measurements, arXiv 2504.16922), and because a plan stores fractions of the grid, so that a window keeps
its meaning when the resolution changes. The papers' windows are one-dimensional bands of raster order instead, see
`band`; the rule of arrow attention for text (arXiv 2503.22796), full rows and full columns, is kept here for every
global token.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import torch

from ..exact import attention
from ..geometry import Layout, box_pairs, boxes, is_global, number_in, tile_counts, tile_shape
from ..tiled import box_attention
from .base import Approximation, Colour

# Full widths that calibration scores, as fractions of the grid: height × width, and time × height × width. Chosen by
# hand on the demo model, with `python dev.py bench quality`; one of half the picture made no difference to plans.
EXTENTS = {
    2: ((0.1, 0.1), (0.25, 0.25), (0.25, 1.0), (1.0, 0.25)),
    3: ((0.1, 0.25, 0.25), (1.0, 0.1, 0.1), (0.34, 0.34, 0.34), (1.0, 0.25, 0.25), (0.34, 1.0, 1.0), (1.0, 0.5, 0.5)),
}


@dataclass(frozen=True)
class Window(Approximation):
    """extent: the full width of a local box along each axis, as a fraction of the grid in (0, 1]; 1.0 takes the axis.

    pooled: whether each tile outside the box takes part as one key, see `..pooling`, instead of not at all.
    Raises ValueError for any other fraction.
    """

    kind: ClassVar[str] = "window"
    name: ClassVar[str] = "window"
    letter: ClassVar[str] = "w"
    colour: ClassVar[Colour] = (243, 178, 51)
    mark: ClassVar[Colour] = (70, 44, 0)
    hatch: ClassVar[str] = "rising"

    extent: tuple[float, ...]
    pooled: bool = False

    def __post_init__(self):
        object.__setattr__(self, "extent", tuple(float(e) for e in self.extent))
        if not self.extent or any(not 0.0 < e <= 1.0 for e in self.extent):
            raise ValueError(f"A window's extent is a fraction in (0, 1] for each axis, not {self.extent}.")
        object.__setattr__(self, "pooled", bool(self.pooled))

    def parameters(self) -> dict[str, Any]:
        """size: the extent; pooled: as it is."""
        return {"size": list(self.extent), "pooled": self.pooled}

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any], axes: int) -> Window:
        """The window of `size`, one fraction for each of `axes`, and `pooled`, which may be left out."""
        size, pooled = parameters.get("size"), parameters.get("pooled", False)
        if set(parameters) - {"size", "pooled"} or not isinstance(pooled, bool):
            raise ValueError(f"A window has a size and may be pooled, true or false, not {dict(parameters)}.")
        if isinstance(size, list | tuple) and len(size) == axes and all(type(one) in (int, float) for one in size):
            return cls(tuple(size), pooled)
        raise ValueError(f"A window's size is a list of {axes} fractions of the grid, not {size}.")

    @classmethod
    def candidates(cls, axes: int) -> tuple[Window, ...]:
        """Pooled windows of the widths in EXTENTS."""
        return tuple(cls(extent, pooled=True) for extent in EXTENTS.get(axes, ()))

    def why_not(self, layout: Layout) -> str | None:
        """Only a window of as many axes as the grids have means anything."""
        if len(self.extent) != len(layout.grid):
            return f"A window has {len(self.extent)} axes and the grid {len(layout.grid)}."
        return None

    def half_widths(self, grid: tuple[int, ...]) -> tuple[int, ...]:
        """How many tiles the box reaches to either side of a query's tile, along each axis.

        floor((extent * tiles - 1) / 2 + 1/2), the odd width nearest to the extent asked for; an axis taken whole
        reaches over all its tiles. Raises ValueError when window and grid differ in rank.
        """
        if len(self.extent) != len(grid):
            raise ValueError(f"A window over {len(self.extent)} axes does not fit a grid of {len(grid)}.")
        # The formula reduces to floor(extent * tiles / 2). The small term keeps a fraction such as 2/49 of 49 tiles,
        # which comes out just under 2 in floating point, on its own side of the step.
        return tuple(
            tiles if extent >= 1.0 else math.floor(extent * tiles / 2 + 1e-9)
            for extent, tiles in zip(self.extent, tile_counts(grid))
        )

    def is_full(self, layout: Layout) -> bool:
        """Whether every query's box is all of its grid."""
        return all(self._covers(group.grid) for group in layout.groups)

    def pools(self, layout: Layout) -> bool:
        """Whether there are pooled keys: a window that covers all of each grid leaves nothing to pool."""
        return self.pooled and not self.is_full(layout)

    def image_pairs(self, layout: Layout) -> int:
        """The boxes, in every picture of a group, what stands outside of it, and each of its queries with every pooled
        key: those of tiles in the query's own box are computed and left out."""
        pairs = 0
        for group in layout.groups:
            pairs += len(group.starts) ** 2 * box_pairs(group.grid, self.half_widths(group.grid))
            pooled = group.tiles if self._pools(group.grid) else 0
            pairs += group.tokens * (sum(stop - start for start, stop in layout.outside(group)) + pooled)
        return pairs

    def attend(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        layout: Layout,
        scale: float | None,
        out: torch.Tensor,
    ) -> None:
        """See `Approximation.attend`; `tiled.box_attention` computes no pair outside the boxes."""
        for group in layout.groups:
            halves = self.half_widths(group.grid)
            box_attention(q, k, v, layout, group, halves, self._pools(group.grid), scale, out)

    def row_mask(self, layout: Layout, rows: torch.Tensor) -> torch.Tensor:
        """Rows of the mask, built from one interval per axis and row, so that sampled rows of a long video cost
        R * length bytes and nothing more. Shapes and errors as for `Approximation.row_mask`."""
        is_global(layout, rows)  # for its errors
        mask = torch.ones((len(rows), layout.length), dtype=torch.bool, device=rows.device)
        for group in layout.groups:
            inside, number = number_in(group, rows)
            tiles = [
                torch.arange(n, device=rows.device) // side
                for n, side in zip(group.grid, tile_shape(group.grid), strict=True)
            ]
            seen = boxes(group.grid, self.half_widths(group.grid), number, tiles) | ~inside[:, None]
            for start, stop in group.spans:
                mask[:, start:stop] = seen
        for start, stop in layout.padding:
            mask[:, start:stop] = False
        return mask

    def far_tiles(self, layout: Layout, rows: torch.Tensor) -> torch.Tensor:
        """The tiles outside each row's box, where the window pools. False everywhere for global rows."""
        found = []
        for group in layout.groups:
            inside, number = number_in(group, rows)
            tiles = [torch.arange(count, device=rows.device) for count in tile_counts(group.grid)]
            near = boxes(group.grid, self.half_widths(group.grid), number, tiles)
            far = ~near & inside[:, None] if self.pooled else torch.zeros_like(near)
            found.append(far.repeat(1, len(group.starts)))
        return torch.cat(found, dim=1)

    def _covers(self, grid: tuple[int, ...]) -> bool:
        return all(half >= tiles - 1 for half, tiles in zip(self.half_widths(grid), tile_counts(grid)))

    def _pools(self, grid: tuple[int, ...]) -> bool:
        return self.pooled and not self._covers(grid)

    def reference(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, layout: Layout, scale: float | None = None
    ) -> torch.Tensor:
        """The whole mask in memory, pooled keys beside the others; q, k, v: (..., L, D). Returns (..., L, D)."""
        mask = window_mask(layout, self)
        if not self.pooled:
            return attention(q, k, v, mask, scale)
        scale = q.shape[-1] ** -0.5 if scale is None else scale
        keys, values, biases, masks = [k], [v], [torch.zeros(*k.shape[:-1], dtype=k.dtype)], [mask]
        place, tile_of = _places_and_tiles(layout)
        for number in place[place >= 0].unique():
            own = place == number  # of one place and size: these rows do not see each other's far tiles
            mean_square = q[..., own, :].square().mean(dim=-2)
            for tile in tile_of[own].unique(dim=0):
                inside = own & (tile_of == tile).all(dim=-1)
                members, n = k[..., inside, :], int(inside.sum())
                spread = 0.5 * scale**2 * (members.var(dim=-2, correction=0) * mean_square).sum(dim=-1)
                keys.append(members.mean(dim=-2, keepdim=True))
                values.append(v[..., inside, :].mean(dim=-2, keepdim=True))
                biases.append(math.log(n) + spread.clamp(max=math.log(n))[..., None])
                # Seen as one key by the rows of its own place that do not see its tokens.
                a_token = int(inside.nonzero()[0])
                masks.append(own[:, None] & ~mask[:, a_token : a_token + 1])
        bias = torch.cat(biases, dim=-1).unsqueeze(-2)
        return attention(q, torch.cat(keys, dim=-2), torch.cat(values, dim=-2), torch.cat(masks, dim=-1), scale, bias)


def window_mask(layout: Layout, window: Window) -> torch.Tensor:
    """bool (length, length): True where a query (row) may see a key (column), pooled keys left aside.

    Written from the definition, token by token, and so independent of the arithmetic that it is there to prove.
    """
    place, tile = _places_and_tiles(layout)
    mask = (place[:, None] != place[None, :]) | (place[:, None] < 0)
    for grid, number in _numbered_places(layout).items():
        halves = torch.tensor(window.half_widths(grid[0]))
        near = ((tile[:, None, 1:] - tile[None, :, 1:]).abs() <= halves).all(dim=-1)
        mask |= (place[:, None] == number) & (place[None, :] == number) & near
    for start, stop in layout.padding:
        mask[:, start:stop] = False
    return mask


def _numbered_places(layout: Layout) -> dict[tuple, int]:
    """A number for every (grid, place) that tokens stand at."""
    all_places = [(layout.grid, 0), *((one.grid, one.place) for one in layout.references)]
    return {place: number for number, place in enumerate(dict.fromkeys(all_places))}


def _places_and_tiles(layout: Layout) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each token the number of its place, -1 for global ones, (length,); and its tile, by the start of its picture
    and then along each axis of the grid, (length, 1 + axes)."""
    place = torch.full((layout.length,), -1)
    tile = torch.zeros((layout.length, 1 + len(layout.grid)), dtype=torch.int64)
    numbers = _numbered_places(layout)
    pictures = [(layout.grid, 0, layout.prefix), *((one.grid, one.place, one.start) for one in layout.references)]
    for grid, number, start in pictures:
        for token, at in enumerate(product(*map(range, grid))):
            place[start + token] = numbers[grid, number]
            tile[start + token] = torch.tensor((start, *(x // side for x, side in zip(at, tile_shape(grid)))))
    return place, tile
