"""One key and one value for each tile of tokens: what a window keeps of the keys that it leaves out.

A softmax that leaves keys out gives their weight to those that stay, in the same way at every step, and the errors of
all steps add up. A pooled window lets each tile outside its box take part as one key instead: the mean of the tile's
keys, with the mean of its values. n keys of logits x_i have the weight n * mean(exp(x_i)), and a single key with their
mean logit has exp(mean(x_i)); to make the two equal, this much is added to the pooled key's logit (its bias):

    ln n + min(s^2 / 2 * sum over d of var(k_d) * mean(q_d^2), ln n).

The first term is that of merged tokens (Token Merging, arXiv 2210.09461, section 3, "proportional attention"). The
second is half the variance of the logits in the tile, for a query whose components are independent and have the mean
square of the image's queries: exp of a normal variable has the mean exp(mean + variance / 2). For n samples that holds
while variance / 2 <= ln n; beyond, a few largest samples make up the sum, which then grows more slowly than this (the
transition of the random energy model, B. Derrida, Phys. Rev. B 24, 2613, 1981, at n = 2^N states). The term is
therefore held at its value there, ln n.

The work is linear in the tokens: each key is read once, where attention reads it once for every block of queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch

from .geometry import Layout, tile_counts, tile_shape
from .grids import Group

SPLIT = 4096  # tokens whose squares are in memory at a time


@dataclass(frozen=True)
class Pooled:
    """The tiles of the grids, group after group, each in row-major order. k, v: (B, H, T, D) in the dtype of the keys.
    bias: (B, H, T), added to q k^T * scale; float32, or float64 for keys in float64."""

    k: torch.Tensor
    v: torch.Tensor
    bias: torch.Tensor


def pool(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, layout: Layout, scale: float | None = None) -> Pooled:
    """Pool the tokens of all grids of k and v, tile by tile.

    q, k, v: (B, H, L, D) of any strides, L = layout.length; scale: factor on q k^T, D ** -0.5 by default. Needs memory
    for the tiles, not for another copy of the tokens.
    """
    parts = [pool_group(q, k, v, group, scale) for group in layout.groups]
    if len(parts) == 1:
        return parts[0]
    return Pooled(*(torch.cat([getattr(one, name) for one in parts], dim=2) for name in ("k", "v", "bias")))


def pool_group(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, group: Group, scale: float | None = None) -> Pooled:
    """The same of one group of grids, for its own queries."""
    exact = torch.float64 if k.dtype is torch.float64 else torch.float32
    scale = k.shape[-1] ** -0.5 if scale is None else scale
    pictures = len(group.starts)
    counts = tile_tokens(group.grid).repeat(pictures).to(k.device, exact)
    keys, values = group.of(k), group.of(v)
    k_mean = _per_tile(keys, group.grid, exact) / counts[:, None]
    v_mean = _per_tile(values, group.grid, exact) / counts[:, None]
    k_square = _per_tile(keys, group.grid, exact, squared=True) / counts[:, None]
    q_square = sum(
        part.to(exact).square().sum(dim=2)
        for start, stop in group.spans
        for part in q[:, :, start:stop].split(SPLIT, dim=2)
    )
    variance = (k_square - k_mean.square()).clamp_min(0.0)
    spread = 0.5 * scale**2 * (variance @ (q_square / group.tokens).unsqueeze(-1)).squeeze(-1)
    log_counts = counts.log()
    return Pooled(k_mean.to(k.dtype), v_mean.to(v.dtype), log_counts + torch.minimum(spread, log_counts))


@lru_cache(maxsize=64)
def tile_tokens(grid: tuple[int, ...]) -> torch.Tensor:
    """How many tokens each tile holds, (T,) int64 in row-major order; edge tiles may hold fewer."""
    tokens = torch.ones(1, dtype=torch.int64)
    for n, side, tiles in zip(grid, tile_shape(grid), tile_counts(grid)):
        along = torch.full((tiles,), side)
        along[-1] = n - side * (tiles - 1)
        tokens = (tokens[:, None] * along).flatten()
    return tokens


def _per_tile(x: torch.Tensor, grid: tuple[int, ...], dtype: torch.dtype, squared: bool = False) -> torch.Tensor:
    """Sums of x, or of its squares, over each tile: (B, H, pictures, *grid, D) -> (B, H, T, D)."""
    for axis in reversed(range(len(grid))):
        side, at = tile_shape(grid)[axis], axis + 3
        whole = x.shape[at] // side * side
        parts = [_sum(x.narrow(at, 0, whole).unflatten(at, (-1, side)), at + 1, dtype, squared)] if whole else []
        if whole < x.shape[at]:
            parts.append(_sum(x.narrow(at, whole, x.shape[at] - whole), at, dtype, squared).unsqueeze(at))
        x = torch.cat(parts, dim=at) if len(parts) > 1 else parts[0]
        squared = False
    return x.flatten(2, 2 + len(grid))


def _sum(x: torch.Tensor, axis: int, dtype: torch.dtype, squared: bool) -> torch.Tensor:
    # Slice by slice, whose rows are contiguous: on a CPU torch's own reduction of an axis that is not the last takes 20
    # times as long.
    total = x.select(axis, 0).to(dtype)
    total = total.square() if squared else total.clone()
    for index in range(1, x.shape[axis]):
        part = x.select(axis, index).to(dtype)
        total = total.addcmul_(part, part) if squared else total.add_(part)
    return total
