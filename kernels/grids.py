"""Grids of tokens: their tiles, and those beside the image's in one sequence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch

from .spans import Spans


@dataclass(frozen=True)
class Reference:
    """A further grid in a sequence: a reference picture, or frames that a model is shown beside those it makes.

    grid: tokens along each axis, as many axes as the image's. start: sequence position of its first token. place: grids
    of one place and one size stand at the same positions, token by token; the image is at place 0. A window that joins
    two places of the image joins them in the pictures that stand there as well; grids that stand elsewhere are seen
    whole. Raises ValueError for a grid or a start that cannot be.
    """

    grid: tuple[int, ...]
    start: int
    place: int = 0

    def __post_init__(self):
        object.__setattr__(self, "grid", checked_grid(self.grid))
        if not is_count(self.start) or self.start < 0:
            raise ValueError(f"A grid starts at a position of the sequence, not at {self.start}.")

    @property
    def stop(self) -> int:
        """One past its last token's position."""
        return self.start + math.prod(self.grid)


@dataclass(frozen=True)
class Group:
    """Grids of one size whose tokens stand at the same positions, of which a box sees the same part.

    grid: of each. starts: sequence positions of their first tokens, in rising order. They are worked on as one grid
    with an axis of pictures in front, `shape`, which every box takes whole, in tiles of `tile`.
    """

    grid: tuple[int, ...]
    starts: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """(pictures, *grid)."""
        return (len(self.starts), *self.grid)

    @property
    def tile(self) -> tuple[int, ...]:
        """Tokens along each axis of a tile: of one picture."""
        return (1, *tile_shape(self.grid))

    @property
    def tiles(self) -> int:
        """Number of tiles in all its pictures."""
        return len(self.starts) * math.prod(tile_counts(self.grid))

    @property
    def tokens(self) -> int:
        """Number of tokens in all its pictures."""
        return math.prod(self.shape)

    @property
    def spans(self) -> Spans:
        """Where its tokens are."""
        size = math.prod(self.grid)
        return tuple((start, start + size) for start in self.starts)

    def of(self, x: torch.Tensor) -> torch.Tensor:
        """Its tokens of (B, H, L, ...): (B, H, *shape, ...), a view where its pictures are evenly spaced."""
        size = math.prod(self.grid)
        steps = {later - start for start, later in pairwise(self.starts)}
        if len(steps) > 1:
            pictures = torch.stack([x[:, :, start:stop] for start, stop in self.spans], dim=2)
        elif steps:
            pictures = x[:, :, self.starts[0] : self.starts[-1] + size].unfold(2, size, steps.pop()).movedim(-1, 3)
        else:
            pictures = x[:, :, self.starts[0] : self.starts[0] + size].unsqueeze(2)
        return pictures.unflatten(3, self.grid)

    def put(self, x: torch.Tensor, value: torch.Tensor) -> None:
        """Write (B, H, *shape, D) to its tokens of x (B, H, L, D); nothing is done where `value` is what `of` gave of x
        and a view of it."""
        for (start, stop), picture in zip(self.spans, value.unbind(2), strict=True):
            target = x[:, :, start:stop]
            picture = picture.flatten(2, 1 + len(self.grid))
            if picture.data_ptr() != target.data_ptr():
                target.copy_(picture)

    def moved(self, offset: int) -> Group:
        """The same group in a sequence whose first token is this one's `offset`."""
        return Group(self.grid, tuple(start - offset for start in self.starts))


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


def checked_grid(grid) -> tuple[int, ...]:
    """A grid as a tuple. Raises ValueError for what is not one to three positive integers."""
    grid = tuple(grid)
    if not 1 <= len(grid) <= 3 or any(not is_count(n) or n < 1 for n in grid):
        raise ValueError(f"A grid is one to three positive integers, not {grid}.")
    return grid


def is_count(value) -> bool:
    """Whether a value is an integer, and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)
