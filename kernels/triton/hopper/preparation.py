"""What goes before the Hopper kernel: tokens of windowed heads in tile order, and attention to pooled keys alone.

A descriptor fetches neighbouring rows, so that queries, keys and values of windowed heads are put in tile order once a
call (`order_kernel`); full heads need no order and are read where they are. Pooled keys are attended in a launch of
their own (`attend_pooled_kernel`), whose softmax the kernel merges with its own by the log of each one's sum.
"""

import triton
import triton.language as tl

from ..common import LOWEST, attend_pooled, find_work


@triton.jit(
    do_not_specialize=[
        "batch", "length", "q_batch", "q_head", "q_token", "k_batch", "k_head", "k_token", "v_batch", "v_head",
        "v_token", "x_batch", "x_head",
    ]
)  # fmt: skip
def order_kernel(
    q, k, v, q_tiled, k_tiled, v_tiled, chosen, slots, batch, length, q_batch, q_head, q_token, k_batch, k_head,
    k_token, v_batch, v_head, v_token, x_batch, x_head,
    ROWS: tl.constexpr, LANES: tl.constexpr, D: tl.constexpr, UNIT: tl.constexpr,
):  # fmt: skip
    """Grid (blocks of ROWS slots * n * batch,). Copies the heads `chosen` (n,) of q, k and v (B, H, L, D) into
    (B, n, L, D) with the tokens in tile order. LANES: D rounded up to a power of two."""
    # One axis: the others of a grid end at 65,535.
    blocks = tl.cdiv(length, ROWS)
    pair = tl.program_id(0) // blocks
    at = tl.program_id(0) % blocks * ROWS + tl.arange(0, ROWS)
    live = at < length
    token = tl.load(slots + at, mask=live, other=0).to(tl.int64)
    lane = tl.arange(0, LANES)
    kept = live[:, None] & (lane < D)[None, :]
    b = (pair % batch).to(tl.int64)
    index = pair // batch
    head = tl.load(chosen + index).to(tl.int64)
    x_at = b * x_batch * UNIT + index.to(tl.int64) * x_head * UNIT + at.to(tl.int64)[:, None] * D + lane[None, :]
    q_at = b * q_batch * UNIT + head * q_head * UNIT + token[:, None] * (q_token * UNIT) + lane[None, :]
    tl.store(q_tiled + x_at, tl.load(q + q_at, mask=kept, other=0.0), mask=kept)
    k_at = b * k_batch * UNIT + head * k_head * UNIT + token[:, None] * (k_token * UNIT) + lane[None, :]
    tl.store(k_tiled + x_at, tl.load(k + k_at, mask=kept, other=0.0), mask=kept)
    v_at = b * v_batch * UNIT + head * v_head * UNIT + token[:, None] * (v_token * UNIT) + lane[None, :]
    tl.store(v_tiled + x_at, tl.load(v + v_at, mask=kept, other=0.0), mask=kept)


@triton.jit
def log_sum(row_sum, row_max):
    """log2 of the sum of 2^s over the keys of each row, -inf where it has seen none; l and m: (BM,)."""
    return tl.where(row_sum > 0, row_max + tl.log2(row_sum), float("-inf"))


@triton.jit(do_not_specialize=["batch", "image", "pools", "tiles", "x_batch", "x_head"])
def attend_pooled_kernel(
    q_tiled, pooled, pooled_bias, pooled_out, pooled_sum, parts, heads, scale, batch, image, pools, tiles,
    x_batch, x_head, BM: tl.constexpr, BN: tl.constexpr, STAGES: tl.constexpr, D0: tl.constexpr, D1: tl.constexpr,
    D: tl.constexpr, UNIT: tl.constexpr, UPCAST: tl.constexpr,
):  # fmt: skip
    """Grid (items * batch,). Attention to pooled keys alone, for query blocks of image tokens: pooled_out
    (B, pools, image, D) and pooled_sum (B, pools, image) float32, the `log_sum` of each row, both contiguous and in
    tile order.

    q_tiled: (B, n, L, D), of `order_kernel`; pooled: keys and values (2, B, pools, tiles, D) and pooled_bias: (B,
    pools, tiles) float32, contiguous.
    """
    b, head, record, block = find_work(parts, heads, batch)
    pool = tl.load(record + 5)
    columns = tl.load(record + 6).to(tl.pointer_type(tl.int32)) + tl.load(block + 8) * tiles
    lane = tl.arange(0, BM)
    live = lane < tl.load(block + 1)
    slots = tl.load(block) + lane
    half = tl.load(block + 2)
    low = tl.load(block + 3) - half + lane // tl.load(block + 6)

    q_tiled += b * x_batch * UNIT + tl.load(record + 4) * x_head * UNIT
    q_rows = q_tiled + slots.to(tl.int64)[:, None] * D
    d0 = tl.arange(0, D0)
    d1 = D0 + tl.arange(0, max(D1, 16))
    q0 = tl.load(q_rows + d0[None, :], mask=live[:, None], other=0.0)
    acc0 = tl.zeros([BM, D0], tl.float32)
    row_sum = tl.zeros([BM], tl.float32)
    row_max = tl.zeros([BM], tl.float32) + LOWEST
    if D1 > 0:
        q1 = tl.load(q_rows + d1[None, :], mask=live[:, None] & (d1 < D)[None, :], other=0.0)
        acc1 = tl.zeros([BM, D1], tl.float32)
    else:
        q1 = q0
        acc1 = row_sum
    p_at = (b * pools + pool) * tiles
    pooled_v = pooled + batch.to(tl.int64) * pools * tiles * D
    acc0, acc1, row_sum, row_max = attend_pooled(
        acc0, acc1, row_sum, row_max, q0, q1, pooled + p_at * D, pooled_v + p_at * D, pooled_bias + p_at, columns,
        tiles, low, 2 * half + 1, scale, BN, STAGES, D0, D1, D, UPCAST,
    )  # fmt: skip

    rows = (b * pools + pool) * image + slots
    tl.store(pooled_sum + rows, log_sum(row_sum, row_max), mask=live)
    inverse = 1.0 / tl.where(row_sum > 0, row_sum, 1.0)
    out_rows = pooled_out + rows[:, None] * D
    tl.store(out_rows + d0[None, :], (acc0 * inverse[:, None]).to(pooled_out.dtype.element_ty), mask=live[:, None])
    if D1 > 0:
        value = (acc1 * inverse[:, None]).to(pooled_out.dtype.element_ty)
        tl.store(out_rows + d1[None, :], value, mask=live[:, None] & (d1 < D)[None, :])
