"""Where tokens are, the tiles that they form, and boxes of tiles around a query, in exact integers.

Everything is separable: a box is a product of intervals, so pair counts, masks and work lists are built one axis at
a time and never need an (L, L) array.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from itertools import pairwise

import torch

from .grids import Group, Reference, checked_grid, is_count, tile_shape
from .grids import tile_counts as tile_counts
from .spans import Spans, before, joined, rest


@dataclass(frozen=True)
class Layout:
    """The order of tokens in one attention call.

    `prefix` tokens, then prod(grid) image or video tokens in row-major order, then `suffix` tokens. Of those before and
    after the image some may have grids of their own, `references`, likewise row-major; the others are global (text,
    registers): they attend everything and are attended by everything, but for `padding`, spans of positions
    [start, stop) of global tokens that nobody attends, as if they were not there. Padding attends like other tokens.

    `ahead` more keys, which have no queries, come before those of the sequence, and every token attends them: there is
    nothing but heads in full and reused ones then.

    grid: tokens along each axis, (h, w) or (t, h, w); (n,) for a sequence without axes such as audio.
    Raises ValueError for a grid that is not one to three positive integers, a negative prefix or suffix, references of
    other axes or in another one's tokens, and padding that is not global or lies between two grids.
    """

    grid: tuple[int, ...]
    prefix: int = 0
    suffix: int = 0
    references: tuple[Reference, ...] = ()
    padding: Spans = ()
    ahead: int = 0

    def __post_init__(self):
        object.__setattr__(self, "grid", checked_grid(self.grid))
        if any(not is_count(n) or n < 0 for n in (self.prefix, self.suffix)):
            raise ValueError(f"Global token counts are whole and >= 0, not {self.prefix} and {self.suffix}.")
        object.__setattr__(self, "references", tuple(sorted(self.references, key=lambda one: one.start)))
        object.__setattr__(self, "padding", joined(self.padding))
        if any(len(one.grid) != len(self.grid) for one in self.references):
            raise ValueError(f"References have as many axes as the image, {len(self.grid)}.")
        taken = self._grid_spans
        if any(one[1] > other[0] for one, other in pairwise(taken)) or taken[-1][1] > self.length:
            raise ValueError("References take tokens of the image or of one another, or leave the sequence.")
        local = self.local
        if any(start < local.stop and stop > local.start or stop > self.length for start, stop in self.padding):
            raise ValueError("Padding stands before or after all grids.")
        if not is_count(self.ahead) or self.ahead < 0 or (self.ahead and (self.padding or self.references)):
            raise ValueError("Keys without queries stand before a sequence without padding and references.")

    @property
    def image(self) -> int:
        """Number of image or video tokens."""
        return math.prod(self.grid)

    @property
    def length(self) -> int:
        """Number of tokens in the sequence."""
        return self.prefix + self.image + self.suffix

    @property
    def referenced(self) -> int:
        """Number of the references' tokens."""
        return sum(math.prod(one.grid) for one in self.references)

    @property
    def globals(self) -> int:
        """Number of tokens without a grid."""
        return self.prefix + self.suffix - self.referenced

    @property
    def keys(self) -> int:
        """Number of tokens that are attended: all but padding."""
        return self.ahead + self.length - sum(stop - start for start, stop in self.padding)

    @cached_property
    def local(self) -> slice:
        """From the first token of a grid to the last: the rows that windows decide about. Global tokens in between
        are attended in full."""
        return slice(self._grid_spans[0][0], self._grid_spans[-1][1])

    @property
    def locals(self) -> int:
        """Number of tokens in `local`; the image's where there are no references."""
        return self.local.stop - self.local.start

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The grids by what one box covers: those of one place and size together. The image's comes first."""
        found: dict[tuple, list[int]] = {(self.grid, 0): [self.prefix]}
        for one in self.references:
            found.setdefault((one.grid, one.place), []).append(one.start)
        return tuple(Group(grid, tuple(sorted(starts))) for (grid, _), starts in found.items())

    @cached_property
    def global_spans(self) -> Spans:
        """Where tokens without a grid are, padding among them."""
        return rest(self._grid_spans, self.length)

    @cached_property
    def attended(self) -> Spans:
        """Where tokens are that are attended, counted from the first key: all but padding."""
        return rest(self.padding, self.ahead + self.length)

    def outside(self, group: Group) -> Spans:
        """What every token of a group attends: all that is neither of the group nor padding."""
        return rest(joined((*group.spans, *self.padding)), self.length)

    def without_padding(self) -> Layout:
        """The layout of the sequence that is left where padding is taken out."""
        gone = partial(before, self.padding)
        references = tuple(replace(one, start=one.start - gone(one.start)) for one in self.references)
        prefix = self.prefix - gone(self.prefix)
        return Layout(self.grid, prefix, self.keys - prefix - self.image, references)

    def without_grids(self) -> Layout:
        """The same sequence for ways to which the grids do not matter."""
        return Layout(self.grid, self.prefix, self.suffix, (), self.padding, self.ahead)

    @cached_property
    def _grid_spans(self) -> Spans:
        image = (self.prefix, self.prefix + self.image)
        return tuple(sorted((image, *((one.start, one.stop) for one in self.references))))


def box_pairs(grid: tuple[int, ...], halves: tuple[int, ...]) -> int:
    """Pairs of tokens of one grid that boxes of `halves` tiles to either side join, for one head."""
    return math.prod(
        sum((s.q_stop - s.q_start) * (s.k_stop - s.k_start) for s in axis_spans(n, tile, half))
        for n, tile, half in zip(grid, tile_shape(grid), halves)
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
    found = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
    for start, stop in layout.global_spans:
        found |= (rows >= start) & (rows < stop)
    return found


def number_in(group: Group, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Which sequence positions (R,) are a group's, bool (R,), and which tokens of a grid they are; 0 for others."""
    inside, number = torch.zeros_like(rows, dtype=torch.bool), torch.zeros_like(rows)
    for start, stop in group.spans:
        here = (rows >= start) & (rows < stop)
        inside |= here
        number = torch.where(here, rows - start, number)
    return inside, number


def boxes(grid: tuple[int, ...], halves: tuple[int, ...], number: torch.Tensor, tiles: list[torch.Tensor]):
    """Whether each point of a grid of tiles lies in each token's box: bool (R, product of the axes), row-major.

    number: (R,) tokens of the grid. halves: tiles that a box reaches to either side of its own. tiles: for each axis
    the tile numbers of the points, 1-D.
    """
    box = torch.ones((len(number), 1), dtype=torch.bool, device=number.device)
    for n, side, half, along in reversed(list(zip(grid, tile_shape(grid), halves, tiles))):
        query_tile = number % n // side
        number = number // n
        near = (along - query_tile[:, None]).abs() <= half
        box = (near[:, :, None] & box[:, None, :]).flatten(1)
    return box
