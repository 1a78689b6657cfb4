"""Windowed attention out of plain SDPA calls, for every device and dtype that torch serves.

The work goes by bands. All boxes of a tile row (the tiles that differ in the last axis of the grid alone) take their
keys from the same band of tokens, so that this band of keys and values is copied once, with the last axis outermost,
and every box along the band is a contiguous slice of the copy. Bands of equal size, of all heads, go through SDPA
together. No mask of pairs is built and no pair outside a box is computed, so the result is exact and the time falls
with the density of the window.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import torch
from torch.nn.functional import scaled_dot_product_attention

from .geometry import Layout, Span, axis_spans
from .grids import Group
from .pooling import Pooled, pool_group
from .spans import Spans, take

MIB = 1 << 20


def full_attention(q, k, v, scale=None):
    """Torch's SDPA. q: (B, H, M, D), k and v: (B, H, N, D); returns (B, H, M, D) in the dtype of q.

    scale: factor on q k^T, D ** -0.5 for None. On a CPU float16 is computed in float32.
    """
    dtype = q.dtype
    if compute_dtype(q) is not dtype:
        q, k, v = q.float(), k.float(), v.float()
    return scaled_dot_product_attention(q, k, v, scale=scale).to(dtype)


def box_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    layout: Layout,
    group: Group,
    halves: tuple[int, ...],
    pooled: bool,
    scale: float | None,
    out: torch.Tensor,
) -> None:
    """Write the attention of a group's tokens to boxes of tiles around them into `out`.

    q, k, v: (B, H, L, D) of any strides, L = layout.length; group: one of the layout's; halves: tiles that a box
    reaches to either side of a query's own, along each axis of a grid; scale: D ** -0.5 for None; out: (B, H,
    layout.locals, D) of any strides. Tokens see their box in every picture of the group and all that stands outside of
    it, global tokens (arrow attention, arXiv 2503.22796) and other grids, and with `pooled` each tile of the group
    outside the box as one key (see `pooling`); other rows are left alone. Copies of keys and values stay within
    `band_bytes`, or within one band where that is more.
    """
    shape, tile = group.shape, group.tile
    *across, along = zip(shape, tile, (len(group.starts), *halves))
    spans = axis_spans(*along)
    place = group.moved(layout.local.start)
    q_grid, k_grid, v_grid, out_grid = group.of(q), group.of(k), group.of(v), place.of(out)
    of_tiles = pool_group(q, k, v, group, scale) if pooled else None
    copy = _BandCopy(k, v, layout.outside(group), of_tiles)
    tokens_at_a_time = band_bytes(q.device) // (2 * copy.dtype.itemsize * q.shape[3])

    for runs in product(*(axis_runs(*axis) for axis in across)):
        q_bands, out_bands = (bands(x, [run.queries for run in runs]) for x in (q_grid, out_grid))
        k_bands, v_bands = (bands(x, [run.keys for run in runs]) for x in (k_grid, v_grid))
        counts = q_bands.shape[: 2 + len(runs)]
        tokens = copy.room + math.prod(k_bands.shape[len(counts) : -1])
        rows = math.prod(run.queries.length for run in runs)
        for block in blocks(counts, tokens_at_a_time // tokens):
            copy.load(k_bands[block], v_bands[block], block)
            far = _FarTiles(shape, tile, runs, block, of_tiles) if of_tiles is not None else None
            queries, target = q_bands[block], out_bands[block]
            flat = queries.to(copy.dtype).reshape(*copy.batch, -1, queries.shape[-1])
            for span in spans:
                queries_of = flat[:, :, span.q_start * rows : span.q_stop * rows]
                keys, values = copy.box(span)
                mask = None if far is None else far.mask(span, keys)
                result = scaled_dot_product_attention(queries_of, keys, values, attn_mask=mask, scale=scale)
                columns = target.narrow(len(counts), span.q_start, span.q_stop - span.q_start)
                columns.copy_(result.view(columns.shape))
    place.put(out, out_grid)


def compute_dtype(x) -> torch.dtype:
    """The dtype SDPA runs in. A CPU without float16 arithmetic takes 2.5 times as long as in float32: it is widened."""
    return torch.float32 if x.device.type == "cpu" and x.dtype is torch.float16 else x.dtype


def band_bytes(device: torch.device) -> int:
    """How many bytes of keys and values may be copied at a time."""
    if device.type != "cpu":
        return 256 * MIB
    return min(4 * torch.get_num_threads(), 64) * MIB


@dataclass(frozen=True)
class Progression:
    """`count` intervals of `length` tokens along an axis, the first at `start`, each `step` after the last."""

    start: int
    step: int
    length: int
    count: int


@dataclass(frozen=True)
class Run:
    """Query tiles along one axis, evenly spaced, whose boxes are evenly spaced and of equal length too."""

    queries: Progression
    keys: Progression


@lru_cache(maxsize=512)
def axis_runs(n: int, tile: int, half: int) -> tuple[Run, ...]:
    """The spans of an axis, collected by size into runs that a strided view can address.

    Spans of one size are evenly spaced: they are a tile and its mirror image at the other edge, or neighbours
    between the edges. An axis takes `half + 1` runs, and a few more when its last tile is ragged.
    """
    by_size: dict[tuple[int, int], list[Span]] = {}
    for span in axis_spans(n, tile, half):
        by_size.setdefault((span.q_stop - span.q_start, span.k_stop - span.k_start), []).append(span)
    return tuple(
        Run(
            _progression([span.q_start for span in spans], queries),
            _progression([span.k_start for span in spans], keys),
        )
        for (queries, keys), spans in by_size.items()
    )


def bands(grid, progressions: list[Progression]):
    """A view of the products of intervals across the grid's first axes, each with the whole last axis.

    grid: (B, H, *axes, D), one progression for every axis but the last.
    Returns (B, H, *counts, last, *lengths, D); bands may overlap.
    """
    view = grid
    for axis, p in enumerate(progressions, start=2):
        reach = p.step * (p.count - 1) + p.length
        view = view.narrow(axis, p.start, reach).unfold(axis, p.length, p.step)
    return view.movedim(3 + len(progressions), -1)


def blocks(shape: tuple[int, ...], most: int) -> Iterator[tuple[slice, ...]]:
    """Slices that cut an array of `shape` into blocks of at most `most` elements (at least one), last axes whole."""
    sizes = [1] * len(shape)
    left = max(most, 1)
    for axis in reversed(range(len(shape))):
        # In equal parts: six bands in blocks of at most five go as three and three, not as five and one.
        sizes[axis] = math.ceil(shape[axis] / math.ceil(shape[axis] / left))
        left //= sizes[axis]
    for starts in product(*(range(0, n, size) for n, size in zip(shape, sizes))):
        yield tuple(slice(start, start + size) for start, size in zip(starts, sizes))


class _BandCopy:
    """A block of bands of keys and values, from which each box is read together with what all boxes see.

    SDPA wants all of it in one piece: pooled keys, what stands outside the group, the box's tokens. Boxes move along
    the band in one direction only, so what all see is written just before each box, over columns that no later box
    needs; in front of the first column there is room for it.
    """

    def __init__(self, k, v, outside: Spans, pooled: Pooled | None):
        self.dtype = compute_dtype(k)
        self.batch = (0, 0)  # batch items times heads, bands: the leading axes of every box
        of_tiles = ([], []) if pooled is None else ([pooled.k], [pooled.v])
        self._for_all = torch.stack(
            [torch.cat((*tiles, take(x, outside)), dim=2) for x, tiles in zip((k, v), of_tiles, strict=True)]
        )
        self.room = self._for_all.shape[3]
        # Kept from block to block: fresh memory costs more in page faults than the copy into it.
        self._memory = torch.empty(0, dtype=self.dtype, device=k.device)

    def load(self, k_boxes, v_boxes, block: tuple[slice, ...]) -> None:
        """Copy one block of bands, (b, h, *counts, last, *lengths, D), of the batch items and heads in `block`."""
        leading = k_boxes.shape[: len(block)]
        last, *lengths, head_dim = k_boxes.shape[len(block) :]
        self.batch = (leading[0] * leading[1], math.prod(leading[2:]))
        self._per_column = math.prod(lengths)
        shape = (2, *self.batch, self.room + last * self._per_column, head_dim)
        if self._memory.numel() < math.prod(shape):
            self._memory = self._memory.new_empty(math.prod(shape))
        self._tokens = self._memory[: math.prod(shape)].view(shape)
        for tokens, boxes in zip(self._tokens, (k_boxes, v_boxes)):
            tokens[:, :, self.room :].view(boxes.shape).copy_(boxes)
        first, second = block[:2]
        self._block_for_all = self._for_all[:, first, second].flatten(1, 2).unsqueeze(2)
        self._written_at = None

    def box(self, span: Span):
        """Keys and values, each (b * h, bands, room + box, D); spans must come in rising order."""
        start, stop = span.k_start * self._per_column, self.room + span.k_stop * self._per_column
        if self.room and self._written_at != start:
            self._tokens[..., start : start + self.room, :] = self._block_for_all
            self._written_at = start
        return self._tokens[..., start:stop, :].unbind()


class _FarTiles:
    """What is added to the logits in a block of bands: the bias of pooled keys, and -inf for those in a query's box."""

    def __init__(self, shape, tile, runs: tuple[Run, ...], block: tuple[slice, ...], pooled: Pooled):
        device = pooled.bias.device
        *across, self._last = (-(-n // side) for n, side in zip(shape, tile))
        self._side = tile[-1]
        self._bias = pooled.bias[block[:2]].flatten(0, 1)  # (b * h, T)
        # Tiles of the band's own boxes across the grid: (bands, tiles of all axes but the last).
        self._near = torch.ones((1, 1), dtype=torch.bool, device=device)
        for run, some, count, side in zip(runs, block[2:], across, tile):
            first = (run.keys.start + run.keys.step * torch.arange(run.keys.count, device=device)[some]) // side
            tiles = torch.arange(count, device=device)
            near = (tiles >= first[:, None]) & (tiles < first[:, None] - (-run.keys.length // side))
            self._near = (self._near[:, None, :, None] & near[None, :, None, :]).flatten(2).flatten(0, 1)

    def mask(self, span: Span, keys: torch.Tensor) -> torch.Tensor:
        """(b * h, bands, 1, keys) in the dtype of `keys` (b * h, bands, keys, D), whose first are the pooled ones."""
        tiles = torch.arange(self._last, device=keys.device)
        along = (tiles >= span.k_start // self._side) & (tiles < -(-span.k_stop // self._side))
        near = (self._near[:, :, None] & along).flatten(1)  # (bands, T)
        mask = keys.new_zeros(*keys.shape[:2], 1, keys.shape[2])
        mask[:, :, 0, : near.shape[1]] = self._bias[:, None].masked_fill(near, -torch.inf)
        return mask


def _progression(starts: list[int], length: int) -> Progression:
    # A single interval has no step, and unfold wants one.
    step = starts[1] - starts[0] if len(starts) > 1 else 1
    return Progression(starts[0], step, length, len(starts))
