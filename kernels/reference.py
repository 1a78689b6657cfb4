"""The truth: every method written the obvious way, with the whole mask in memory. For tests and small sizes."""

from __future__ import annotations

from itertools import product

import torch

from .geometry import Layout, Window, half_widths, tile_shape
from .methods import HeadTable, Method


def attention(q, k, v, mask=None, scale=None):
    """softmax(q k^T * scale) v in the dtype of the inputs; float64 inputs give the reference that tests compare with.

    q: (..., M, D); k, v: (..., N, D); mask: bool, broadcastable to (..., M, N), True where a pair takes part.
    scale defaults to D ** -0.5. Returns (..., M, D).
    """
    scores = q @ k.transpose(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return torch.softmax(scores, dim=-1) @ v


def window_mask(layout: Layout, window: Window) -> torch.Tensor:
    """bool (length, length): True where a query (row) may see a key (column).

    Written from the definition, token by token, and so apart from the arithmetic that it is there to prove.
    """
    tile = tile_shape(layout.grid)
    halves = half_widths(layout.grid, window)
    coordinates = torch.tensor(list(product(*map(range, layout.grid))))
    tiles = coordinates // torch.tensor(tile)
    distance = (tiles[:, None, :] - tiles[None, :, :]).abs()
    box = (distance <= torch.tensor(halves)).all(dim=-1)

    mask = torch.ones(layout.length, layout.length, dtype=torch.bool)
    image = slice(layout.prefix, layout.prefix + layout.image)
    mask[image, image] = box
    return mask


def head_wise(q, k, v, layout: Layout, table: HeadTable, *, scale=None, cached=None, residual=None):
    """The meaning of `kernels.head_wise`, one head at a time with full masks.

    Shapes as there. Returns (out, residual): (B, H, L, D) and (B, n_refresh, image, D), or None without refreshes.
    """
    image = slice(layout.prefix, layout.prefix + layout.image)
    cached_heads = iter(() if cached is None else cached.unbind(1))
    residual_heads = iter(() if residual is None else residual.unbind(1))
    outputs, fresh = [], []
    for head, method in enumerate(table.methods):
        qkv = (q[:, head], k[:, head], v[:, head])
        if method is Method.REUSE:
            outputs.append(next(cached_heads))
            continue
        if method is Method.FULL:
            outputs.append(attention(*qkv, scale=scale))
        else:
            outputs.append(attention(*qkv, window_mask(layout, table.windows[head]), scale))
        if method is Method.WINDOW_RESIDUAL:
            outputs[-1][:, image] += next(residual_heads)
        if table.refresh[head]:
            local = attention(*qkv, window_mask(layout, table.windows[head]), scale)
            fresh.append((outputs[-1] - local)[:, image])
    return torch.stack(outputs, dim=1), torch.stack(fresh, dim=1) if fresh else None
