"""Attention with INT8 scores in float64, its rounding written out plainly: what the INT8 kernel is held against."""

import math

import torch

from ditfastattn.kernels import FULL, Residual, Window, pool
from ditfastattn.kernels.ways.window import window_mask

# A head's size: the lanes of each rotated part, as in the kernel's description.
PARTS = {64: (64,), 72: (64, 32), 80: (64, 32), 96: (64, 32), 128: (128,)}
# Of a head's output, in the root of the mean square: from exact attention, and from this file's own rounding, from
# which the kernel may differ by its weights and values in float16 and by integers that lie between two.
EXACT, ROUNDED = 0.012, 0.004


def hadamard(size):
    """Sylvester's construction, orthonormal."""
    matrix = torch.ones(1, 1, dtype=torch.float64)
    while len(matrix) < size:
        matrix = torch.cat((torch.cat((matrix, matrix), 1), torch.cat((matrix, -matrix), 1)))
    return matrix / math.sqrt(size)


def rounded(x):
    """Rows x (..., D) of float64, rotated part by part and rounded to 255 steps: (..., lanes)."""
    turned, start = [], 0
    for lanes in PARTS[x.shape[-1]]:
        part = x[..., start : start + lanes]
        padded = torch.zeros(*x.shape[:-1], lanes, dtype=x.dtype)
        padded[..., : part.shape[-1]] = part
        turned.append(padded @ hadamard(lanes))
        start += lanes
    turned = torch.cat(turned, dim=-1)
    largest = turned.abs().amax(dim=-1, keepdim=True)
    step = torch.where(largest > 0, largest, 1.0) / 127
    return (turned / step).round() * step


def attended(q, k, v, layout, way, scale=None, rounds=True):
    """One head, (B, L, D) in float64, by full attention or a window. rounds: INT8 scores, else exact ones."""
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    mask = torch.ones(layout.length, layout.length, dtype=torch.bool)
    mean = k.mean(dim=1, keepdim=True)
    keys, values, bias = k - mean, v, torch.zeros(len(q), 1, layout.length, dtype=q.dtype)
    if way != FULL:
        mask = window_mask(layout, way)
        if way.pools(layout):
            pooled = pool(q[:, None], k[:, None], v[:, None], layout, scale)
            keys = torch.cat((keys, pooled.k[:, 0] - mean), dim=1)
            values = torch.cat((values, pooled.v[:, 0]), dim=1)
            bias = torch.cat((bias, pooled.bias), dim=2)
            mask = torch.cat((mask, way.far_tiles(layout, torch.arange(layout.length))), dim=1)
    queries = q
    if rounds:
        queries, keys = rounded(q), rounded(keys)
    scores = queries @ keys.transpose(1, 2) * scale + bias
    return torch.softmax(scores.masked_fill(~mask, -torch.inf), dim=-1) @ values


def layer(q, k, v, layout, table, *, scale=None, cached=None, residual=None, rounds=True):
    """(out, residuals of the updating heads) of a table, in float64; the meaning of `kernels.reference.head_wise`."""
    image = slice(layout.prefix, layout.prefix + layout.image)
    kept = iter(() if cached is None else cached.double().unbind(1))
    left = iter(() if residual is None else residual.double().unbind(1))
    out, fresh = [], []
    for head, (way, updated) in enumerate(zip(table.ways, table.refresh)):
        tensors = [x[:, head].double() for x in (q, k, v)]
        local = way.way if isinstance(way, Residual) else way
        if way.reads == "output":
            out.append(next(kept))
        else:
            out.append(attended(*tensors, layout, local, scale, rounds))
        if way.reads == "residual":
            out[-1][:, image] += next(left)
        if updated is not None:
            fresh.append((out[-1] - attended(*tensors, layout, updated, scale, rounds))[:, image])
    return torch.stack(out, dim=1), torch.stack(fresh, dim=1) if fresh else None


def error(found, wanted, of=None):
    """The largest error of any head (B, n, ...) relative to the mean square of `of`, which is `wanted` by default."""
    of = wanted if of is None else of
    size = of.double().flatten(2).norm(dim=2).amax(dim=(0, 1)) if of is not wanted else wanted.flatten(2).norm(dim=2)
    return float(((found.double() - wanted).flatten(2).norm(dim=2) / size).max())


def offset_keys(k, largest=4.0, seed=5):
    """Keys with an offset in each channel, as models have them."""
    generator = torch.Generator().manual_seed(seed)
    return k + (torch.randn(1, k.shape[1], 1, k.shape[3], generator=generator) * largest).to(k.dtype)


WINDOWS = (Window((0.4, 0.3)), Window((0.7, 0.5)))
