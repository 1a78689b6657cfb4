"""Windowed attention out of plain SDPA calls, for every device and dtype that torch serves.

Query tiles whose boxes have the same size are batched: their queries and their boxes of keys and values are copied
out with strided views, and one SDPA call serves them all. No mask is built and no pair outside a box is computed, so
the result is exact and the time falls with the density of the window.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import torch
from torch.nn.functional import scaled_dot_product_attention

from .geometry import Layout, Span, Window, axis_spans, half_widths, tile_shape

MIB = 1 << 20


def full_attention(q, k, v, scale=None):
    """Torch's SDPA. q: (B, H, M, D), k and v: (B, H, N, D); returns (B, H, M, D) in the dtype of q."""
    dtype = q.dtype
    if _computes_in(q) is not dtype:
        q, k, v = q.float(), k.float(), v.float()
    return scaled_dot_product_attention(q, k, v, scale=scale).to(dtype)


def window_attention(q, k, v, layout: Layout, window: Window, out, scale=None) -> None:
    """Write the windowed attention of the image rows into `out`.

    q, k, v: (B, H, L, D) of any strides, L = layout.length; out: (B, H, layout.image, D) of any strides.
    Image rows see their box of tiles and every global token (arrow attention, arXiv 2503.22796); global rows are
    not computed here. Keys and values are gathered in blocks, never more than `gather_bytes` of them at a time.
    """
    image = slice(layout.prefix, layout.prefix + layout.image)
    q_grid, k_grid, v_grid = (x[:, :, image].unflatten(2, layout.grid) for x in (q, k, v))
    out_grid = out.unflatten(2, layout.grid)
    dtype = _computes_in(q)
    budget = gather_bytes(q.device) // (2 * dtype.itemsize * q.shape[3])
    scratch = _Scratch(q.device, dtype)

    for group in tile_groups(layout.grid, half_widths(layout.grid, window)):
        queries = _boxes(q_grid, [run.queries for run in group])
        keys, values = (_boxes(x, [run.keys for run in group]) for x in (k_grid, v_grid))
        target = _boxes(out_grid, [run.queries for run in group])
        rows = math.prod(run.queries.length for run in group)
        columns = math.prod(run.keys.length for run in group) + layout.globals
        tiles = queries.shape[: 2 + len(group)]

        for block in blocks(tiles, budget // columns):
            part = queries[block]
            shape = (part.shape[0] * part.shape[1], math.prod(part.shape[2 : len(tiles)]))
            result = scaled_dot_product_attention(
                part.reshape(*shape, rows, -1).to(dtype),
                scratch.gather(0, keys[block], k[block[:2]], layout, columns).view(*shape, columns, -1),
                scratch.gather(1, values[block], v[block[:2]], layout, columns).view(*shape, columns, -1),
                scale=scale,
            )
            target[block].copy_(result.view(part.shape))


def gather_bytes(device: torch.device) -> int:
    """How many bytes of keys and values one block of tiles may gather."""
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


def tile_groups(grid: tuple[int, ...], halves: tuple[int, ...]) -> Iterator[tuple[Run, ...]]:
    """The work list of a window: products of one run for each axis, together covering every image query once."""
    return product(*(axis_runs(n, t, h) for n, t, h in zip(grid, tile_shape(grid), halves)))


@lru_cache(maxsize=512)
def axis_runs(n: int, tile: int, half: int) -> tuple[Run, ...]:
    """The spans of an axis, collected into runs that a strided view can address.

    The first and the last tile are clipped alike and make one run of two, the tiles between make another, so an
    axis takes `half + 1` runs and a few more when its last tile is ragged.
    """
    by_size: dict[tuple[int, int], list[list[Span]]] = {}
    for span in axis_spans(n, tile, half):
        runs = by_size.setdefault((span.q_stop - span.q_start, span.k_stop - span.k_start), [])
        if runs and _continues(runs[-1], span):
            runs[-1].append(span)
        else:
            runs.append([span])
    return tuple(_as_run(run) for runs in by_size.values() for run in runs)


def blocks(shape: tuple[int, ...], most: int) -> Iterator[tuple[slice, ...]]:
    """Slices that cut an array of `shape` into blocks of at most `most` elements (at least one), last axes whole."""
    sizes = []
    left = max(most, 1)
    for n in reversed(shape):
        size = min(n, left)
        # Equal parts: a budget of five for six tiles takes three and three, not five and one.
        size = -(-n // -(-n // size))
        sizes.append(size)
        left //= size
        left = max(left, 1) if size == n else 1
    steps = [range(0, n, size) for n, size in zip(shape, reversed(sizes))]
    for starts in product(*steps):
        yield tuple(slice(start, start + size) for start, size in zip(starts, reversed(sizes)))


class _Scratch:
    """Two buffers, for keys and for values, that grow to the largest block and serve all of them.

    Fresh memory for every block would cost more in page faults than the copy into it.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype):
        self._buffers = [torch.empty(0, device=device, dtype=dtype) for _ in range(2)]

    def gather(self, which: int, boxes, sequence, layout: Layout, columns: int):
        """Copy global tokens and boxes side by side: (B, H, *tiles, columns, D).

        boxes: (B, H, *tiles, *box, D); sequence: (B, H, L, D), of which only the global tokens are read.
        """
        axes = len(layout.grid)
        tiles, head_dim = boxes.shape[: 2 + axes], boxes.shape[-1]
        size = math.prod(tiles) * columns * head_dim
        if self._buffers[which].numel() < size:
            self._buffers[which] = self._buffers[which].new_empty(size)
        buffer = self._buffers[which][:size].view(*tiles, columns, head_dim)
        first, last = layout.prefix, columns - layout.suffix
        over_tiles = (slice(None), slice(None), *[None] * axes)
        buffer[..., first:last, :].unflatten(-2, boxes.shape[2 + axes : -1]).copy_(boxes)
        if layout.prefix:
            buffer[..., :first, :] = sequence[:, :, :first][over_tiles]
        if layout.suffix:
            buffer[..., last:, :] = sequence[:, :, -layout.suffix :][over_tiles]
        return buffer


def _boxes(grid, progressions: list[Progression]):
    """A view (B, H, *count, *length, D) of the intervals' products in grid: (B, H, *axes, D). Boxes may overlap."""
    view = grid
    for axis, p in enumerate(progressions, start=2):
        reach = p.step * (p.count - 1) + p.length
        view = view.narrow(axis, p.start, reach).unfold(axis, p.length, p.step)
    return view.movedim(2 + len(progressions), -1)


def _continues(run: list[Span], span: Span) -> bool:
    if len(run) == 1:
        return True
    return (
        span.q_start - run[-1].q_start == run[1].q_start - run[0].q_start
        and span.k_start - run[-1].k_start == run[1].k_start - run[0].k_start
    )


def _as_run(run: list[Span]) -> Run:
    first, second = run[0], run[min(1, len(run) - 1)]
    # A single interval has no step, and unfold wants one.
    return Run(
        Progression(first.q_start, max(second.q_start - first.q_start, 1), first.q_stop - first.q_start, len(run)),
        Progression(first.k_start, max(second.k_start - first.k_start, 1), first.k_stop - first.k_start, len(run)),
    )


def _computes_in(x) -> torch.dtype:
    """float16 SDPA on a CPU runs 2.5 times slower than float32, so half precision is widened there."""
    return torch.float32 if x.device.type == "cpu" and x.dtype is torch.float16 else x.dtype
