"""The truth: every method written the obvious way, with the whole mask in memory. For tests and small sizes."""

from __future__ import annotations

import math
from itertools import product

import torch

from .geometry import Layout, Window, half_widths, tile_shape
from .methods import HeadTable, Method


def attention(q, k, v, mask=None, scale=None, bias=None):
    """softmax(q k^T * scale + bias) v in the dtype of the inputs; float64 inputs give the reference that tests compare
    with.

    q: (..., M, D); k, v: (..., N, D); mask: bool, broadcastable to (..., M, N), True where a pair takes part; bias:
    broadcastable to (..., M, N). scale defaults to D ** -0.5. Returns (..., M, D).
    """
    scores = q @ k.transpose(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if bias is not None:
        scores = scores + bias
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return torch.softmax(scores, dim=-1) @ v


def window_mask(layout: Layout, window: Window) -> torch.Tensor:
    """bool (length, length): True where a query (row) may see a key (column).

    Written from the definition, token by token, and so apart from the arithmetic that it is there to prove.
    """
    halves = half_widths(layout.grid, window)
    tiles = _tiles_of_tokens(layout)
    distance = (tiles[:, None, :] - tiles[None, :, :]).abs()
    box = (distance <= torch.tensor(halves)).all(dim=-1)

    mask = torch.ones(layout.length, layout.length, dtype=torch.bool)
    image = slice(layout.prefix, layout.prefix + layout.image)
    mask[image, image] = box
    return mask


def window_attention(q, k, v, layout: Layout, window: Window, scale=None):
    """Attention of a whole sequence through a window, its pooled keys included (see `pooling`).

    q, k, v: (..., L, D). Returns (..., L, D).
    """
    mask = window_mask(layout, window)
    if not window.pooled:
        return attention(q, k, v, mask, scale)
    image = slice(layout.prefix, layout.prefix + layout.image)
    tiles = _tiles_of_tokens(layout)
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    mean_square = q[..., image, :].square().mean(dim=-2)
    keys, values, biases, far = [k], [v], [torch.zeros(*k.shape[:-1], dtype=k.dtype)], [mask]
    for tile in tiles.unique(dim=0):
        inside = (tiles == tile).all(dim=-1)
        members, n = k[..., image, :][..., inside, :], int(inside.sum())
        spread = 0.5 * scale**2 * (members.var(dim=-2, correction=0) * mean_square).sum(dim=-1)
        keys.append(members.mean(dim=-2, keepdim=True))
        values.append(v[..., image, :][..., inside, :].mean(dim=-2, keepdim=True))
        biases.append(math.log(n) + spread.clamp(max=math.log(n))[..., None])
        # Seen as one key by the image rows that do not see its tokens.
        a_token = layout.prefix + int(inside.nonzero()[0])
        far.append(~mask[:, a_token : a_token + 1])
    bias = torch.cat(biases, dim=-1).unsqueeze(-2)
    return attention(q, torch.cat(keys, dim=-2), torch.cat(values, dim=-2), torch.cat(far, dim=-1), scale, bias)


def _tiles_of_tokens(layout: Layout) -> torch.Tensor:
    """The tile of each image token, by its place along each axis: (image, axes)."""
    coordinates = torch.tensor(list(product(*map(range, layout.grid))))
    return coordinates // torch.tensor(tile_shape(layout.grid))


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
            outputs.append(window_attention(*qkv, layout, table.windows[head], scale))
        if method is Method.WINDOW_RESIDUAL:
            outputs[-1][:, image] += next(residual_heads)
        if table.refresh[head]:
            local = window_attention(*qkv, layout, table.windows[head], scale)
            fresh.append((outputs[-1] - local)[:, image])
    return torch.stack(outputs, dim=1), torch.stack(fresh, dim=1) if fresh else None
