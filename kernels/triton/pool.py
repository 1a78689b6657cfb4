"""Pooling on the GPU: one read of q, k and v of the heads whose windows pool, and a few small operations of torch.

    one program for one tile of tokens of one head of one batch item: (TOKENS, LANES) of k, v and q, one after another

It computes what `..pooling.pool` means. A whole tile is in registers at once, so that its variance is the mean of
squared deviations from its mean, and no two large numbers are subtracted. Torch forms the sums over the whole image
from the tiles' sums, in an order that does not change from call to call.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl

from ..geometry import Layout, tile_shape
from ..pooling import Pooled
from .worklist import WorkList


def pool_heads(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, layout: Layout, work: WorkList, scale: float, unit: int
) -> Pooled:
    """The pooled keys of the heads `work.pooled`: k, v (B, n, T, D) and bias (B, n, T), contiguous.

    q, k, v: (B, H, L, D), whose strides of batch, head and token are multiples of `unit` elements.
    """
    batch, _, _, head_dim = q.shape
    heads, tiles = len(work.pooled), len(work.starts) - 1
    means = q.new_empty(2, batch, heads, tiles, head_dim)
    moments = q.new_empty(2, batch, heads, tiles, head_dim, dtype=torch.float32)
    tokens = math.prod(tile_shape(layout.grid))
    pool_kernel[(tiles, heads * batch)](
        q, k, v, *means, *moments, work.pooled, work.slots, work.starts, batch, tiles,
        *(n for x in (q, k, v) for n in (*(s // unit for s in x.stride()[:3]), x.stride(3))),
        TOKENS=max(1 << (tokens - 1).bit_length(), 16), LANES=1 << (head_dim - 1).bit_length(), D=head_dim, UNIT=unit,
        num_warps=4,
    )  # fmt: skip
    variance, squares = moments
    query = squares.sum(dim=2, keepdim=True).mul_(0.5 * scale**2 / layout.image)
    # A sum rather than a product of matrices, whose precision the host may have lowered.
    spread = variance.mul_(query).sum(dim=-1)
    return Pooled(means[0], means[1], torch.minimum(spread, work.log_tokens).add_(work.log_tokens))


@triton.jit(
    do_not_specialize=[
        "batch", "tiles", "q_batch", "q_head", "q_token", "k_batch", "k_head", "k_token", "v_batch", "v_head", "v_token"
    ]
)  # fmt: skip
def pool_kernel(
    q, k, v, pooled_k, pooled_v, variance, squares, chosen, slots, starts, batch, tiles,
    q_batch, q_head, q_token, q_dim, k_batch, k_head, k_token, k_dim, v_batch, v_head, v_token, v_dim,
    TOKENS: tl.constexpr, LANES: tl.constexpr, D: tl.constexpr, UNIT: tl.constexpr,
):  # fmt: skip
    """Grid (tiles, n * batch). For the heads `chosen` (n,) of q, k, v (B, H, L, D) and each tile, whose tokens are
    slots starts[i] to starts[i + 1]: mean key and value, the key's variance, and the sum of squared queries, each
    (B, n, tiles, D) contiguous, the last two in float32. TOKENS, LANES: powers of two that a tile and D fit in."""
    tile = tl.program_id(0)
    b = (tl.program_id(1) % batch).to(tl.int64)
    index = tl.program_id(1) // batch
    head = tl.load(chosen + index).to(tl.int64)
    first = tl.load(starts + tile)
    count = tl.load(starts + tile + 1) - first
    live = tl.arange(0, TOKENS) < count
    token = tl.load(slots + first + tl.arange(0, TOKENS), mask=live, other=0).to(tl.int64)
    d = tl.arange(0, LANES)
    kept = live[:, None] & (d < D)[None, :]
    heads = tl.num_programs(1) // batch
    at = ((b * heads + index) * tiles + tile) * D + d

    k_at = b * k_batch * UNIT + head * k_head * UNIT + token[:, None] * (k_token * UNIT) + d[None, :] * k_dim
    keys = tl.load(k + k_at, mask=kept, other=0.0).to(tl.float32)
    mean = tl.sum(keys, 0) / count
    deviation = tl.where(kept, keys - mean[None, :], 0.0)
    tl.store(pooled_k + at, mean.to(pooled_k.dtype.element_ty), mask=d < D)
    tl.store(variance + at, tl.sum(deviation * deviation, 0) / count, mask=d < D)

    v_at = b * v_batch * UNIT + head * v_head * UNIT + token[:, None] * (v_token * UNIT) + d[None, :] * v_dim
    values = tl.load(v + v_at, mask=kept, other=0.0).to(tl.float32)
    tl.store(pooled_v + at, (tl.sum(values, 0) / count).to(pooled_v.dtype.element_ty), mask=d < D)

    q_at = b * q_batch * UNIT + head * q_head * UNIT + token[:, None] * (q_token * UNIT) + d[None, :] * q_dim
    queries = tl.load(q + q_at, mask=kept, other=0.0).to(tl.float32)
    tl.store(squares + at, tl.sum(queries * queries, 0), mask=d < D)
