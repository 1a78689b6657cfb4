"""Pooling on the GPU: one read of q, k and v of the heads whose windows pool, and a small launch over the tiles' means.

    one program for one tile of tokens of one head of one batch item: (TOKENS, LANES) of k, v and q, one after another
    one program for some tiles of one head of one batch item: (TILES, LANES) of variances and sums

It computes what `..pooling.pool` means. A whole tile is in registers at once, so that its variance is the mean of
squared deviations from its mean, and no two large numbers are subtracted. The sums over the whole image are formed from
the tiles' sums, by each program anew and in an order that does not change from call to call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl

from .units import UNIT

if TYPE_CHECKING:
    from .launch import Call, Ready

# Tiles that one program of the second launch reads at a time: 64 rows of 128 lanes are 32 KiB in registers.
TILES = 64


def pool_heads(tensors: tuple[torch.Tensor, ...], ready: Ready, call: Call) -> tuple[torch.Tensor, torch.Tensor]:
    """The pooled keys of the heads whose windows pool, contiguous: k and v (2, B, n, T, D), and bias (B, n, T) in
    float32, each the beginning of a flat and longer tensor.

    tensors: q, k and v first, (B, H, L, D) with rows of neighbouring elements, whose other strides are multiples of
    UNIT elements.
    """
    q, k, v = tensors[:3]
    work, tiles, head_dim, (tokens, lanes) = ready.work, ready.tiles, ready.head_dim, ready.pooling
    pairs = call.batch * ready.pools
    # Moments come behind the bias.
    rows = pairs * tiles
    room = (rows + 15) // 16 * 16
    size = 2 * rows * head_dim
    means, bias = work.scratch.take(size, room + size, q)
    # Numbers for the compiler as well go by their place: names would cost as much as all the rest.
    pool_kernel[(rows,)](
        q, k, v, means, bias, work.pooled, work.slots, work.starts, call.batch, ready.pools, tiles, room,
        *call.qkv_steps, tokens, lanes, head_dim, UNIT, num_warps=4,
    )  # fmt: skip
    factor = call.half_square / ready.image
    bias_kernel[(-(-tiles // TILES) * pairs,)](
        bias, work.log_tokens, factor, pairs, tiles, room, TILES, lanes, head_dim, num_warps=4
    )
    return means, bias


@triton.jit(
    do_not_specialize=[
        "batch", "heads", "tiles", "q_batch", "q_head", "q_token", "k_batch", "k_head", "k_token", "v_batch", "v_head",
        "v_token",
    ]
)  # fmt: skip
def pool_kernel(
    q, k, v, means, bias, chosen, slots, starts, batch, heads, tiles, room,
    q_batch, q_head, q_token, k_batch, k_head, k_token, v_batch, v_head, v_token,
    TOKENS: tl.constexpr, LANES: tl.constexpr, D: tl.constexpr, UNIT: tl.constexpr,
):  # fmt: skip
    """Grid (tiles * heads * batch,). For the heads `chosen` (heads,) of q, k, v (B, H, L, D) and each tile, whose
    tokens are slots starts[i] to starts[i + 1]: mean key and value, means (2, B, heads, tiles, D); behind the first
    `room` of bias, (2, B, heads, tiles, D) in float32, the key's variance and the sum of squared queries. TOKENS,
    LANES: powers of two that a tile and D fit in."""
    # One axis: the others of a grid end at 65,535.
    tile = tl.program_id(0) % tiles
    pair = tl.program_id(0) // tiles
    b = (pair % batch).to(tl.int64)
    index = pair // batch
    head = tl.load(chosen + index).to(tl.int64)
    first = tl.load(starts + tile)
    count = tl.load(starts + tile + 1) - first
    live = tl.arange(0, TOKENS) < count
    token = tl.load(slots + first + tl.arange(0, TOKENS), mask=live, other=0).to(tl.int64)
    d = tl.arange(0, LANES)
    kept = live[:, None] & (d < D)[None, :]
    at = ((b * heads + index) * tiles + tile) * D + d
    half = (batch * heads).to(tl.int64) * tiles * D
    variance = bias + room
    squares = variance + half

    k_at = b * k_batch * UNIT + head * k_head * UNIT + token[:, None] * (k_token * UNIT) + d[None, :]
    keys = tl.load(k + k_at, mask=kept, other=0.0).to(tl.float32)
    mean = tl.sum(keys, 0) / count
    deviation = tl.where(kept, keys - mean[None, :], 0.0)
    tl.store(means + at, mean.to(means.dtype.element_ty), mask=d < D)
    tl.store(variance + at, tl.sum(deviation * deviation, 0) / count, mask=d < D)

    v_at = b * v_batch * UNIT + head * v_head * UNIT + token[:, None] * (v_token * UNIT) + d[None, :]
    values = tl.load(v + v_at, mask=kept, other=0.0).to(tl.float32)
    tl.store(means + half + at, (tl.sum(values, 0) / count).to(means.dtype.element_ty), mask=d < D)

    q_at = b * q_batch * UNIT + head * q_head * UNIT + token[:, None] * (q_token * UNIT) + d[None, :]
    queries = tl.load(q + q_at, mask=kept, other=0.0).to(tl.float32)
    tl.store(squares + at, tl.sum(queries * queries, 0), mask=d < D)


@triton.jit(do_not_specialize=["pairs", "tiles"])
def bias_kernel(
    bias, log_tokens, factor, pairs, tiles, room, TILES: tl.constexpr, LANES: tl.constexpr, D: tl.constexpr
):
    """Grid (blocks of TILES tiles * pairs,). bias (pairs, tiles) float32: ln n + min(factor * sum over d of the keys'
    variance times the image's sum of squared queries, ln n). Behind its first `room`: what `pool_kernel` left, (2,
    pairs, tiles, D). log_tokens: (tiles,) float32, ln n."""
    blocks = tl.cdiv(tiles, TILES)
    pair = (tl.program_id(0) // blocks).to(tl.int64)
    own = tl.program_id(0) % blocks * TILES + tl.arange(0, TILES)
    d = tl.arange(0, LANES)
    variance = bias + room + pair * tiles * D
    squares = variance + pairs.to(tl.int64) * tiles * D
    # Every program sums all tiles of its head: a few hundred KiB at most, out of the cache.
    query = tl.zeros([LANES], tl.float32)
    for start in tl.range(0, tiles, TILES):
        tile = start + tl.arange(0, TILES)
        kept = (tile < tiles)[:, None] & (d < D)[None, :]
        query += tl.sum(tl.load(squares + tile[:, None] * D + d[None, :], mask=kept, other=0.0), 0)
    kept = (own < tiles)[:, None] & (d < D)[None, :]
    spread = tl.sum(tl.load(variance + own[:, None] * D + d[None, :], mask=kept, other=0.0) * query[None, :], 1)
    log_count = tl.load(log_tokens + own, mask=own < tiles, other=0.0)
    spread = tl.minimum(spread * factor, log_count, propagate_nan=tl.PropagateNan.ALL)
    tl.store(bias + pair * tiles + own, spread + log_count, mask=own < tiles)
