"""The attention of the INT8 path: the pointer path's programs and work lists, over keys and values of its own making.

    s = (q8 k8^T) * (scale of the query's row * scale of the key's row * scale * log2(e));  p = 2^(s - m)
    acc = acc * 2^(m_before - m) + p v,  p and v and the products' sums over one block of keys in float16

and the rest as in `..pointer`, `..common`. Queries, keys and values lie in tile order (see `preparation`), so that a
block of keys is a run of rows. Sums over blocks are in float32: one of float16 holds 64 products, each of at most
2^LARGEST_BITS.
"""

import triton
import triton.language as tl

from ..common import COPY, LOG2_E, LOWEST, REFRESH, find_work
from ..pointer import MASKED_FIELDS, store_part


@triton.jit
def _dot8(q0, q1, k, rows, live, MASKED: tl.constexpr, K0: tl.constexpr, K1: tl.constexpr):
    """q0 (BM, K0) and q1 (BM, K1) times the keys `rows` (BN,) of k: (BM, BN) float32, exact up to 2^24."""
    to = k + rows[None, :] * (K0 + K1)
    d0 = tl.arange(0, K0)
    if MASKED:
        k0 = tl.load(to + d0[:, None], mask=live[None, :], other=0)
    else:
        k0 = tl.load(to + d0[:, None])
    s = tl.dot(q0, k0, out_dtype=tl.int32)
    if K1 > 0:
        d1 = K0 + tl.arange(0, K1)
        if MASKED:
            k1 = tl.load(to + d1[:, None], mask=live[None, :], other=0)
        else:
            k1 = tl.load(to + d1[:, None])
        s = tl.dot(q1, k1, acc=s, out_dtype=tl.int32)
    return s.to(tl.float32)


@triton.jit
def _add(
    acc0, acc1, p, rescale, v, rows, live, MASKED: tl.constexpr, D0: tl.constexpr, D1: tl.constexpr,
    SUM: tl.constexpr,
):  # fmt: skip
    """Rescale the accumulators and add weights p (BM, BN) times the values `rows` (BN,) of v, summed up in SUM."""
    to = v + rows[:, None] * (D0 + D1)
    d0 = tl.arange(0, D0)
    if MASKED:
        v0 = tl.load(to + d0[None, :], mask=live[:, None], other=0.0)
    else:
        v0 = tl.load(to + d0[None, :])
    acc0 = acc0 * rescale[:, None] + tl.dot(p, v0, out_dtype=SUM).to(tl.float32)
    if D1 > 0:
        d1 = D0 + tl.arange(0, D1)
        if MASKED:
            v1 = tl.load(to + d1[None, :], mask=live[:, None], other=0.0)
        else:
            v1 = tl.load(to + d1[None, :])
        acc1 = acc1 * rescale[:, None] + tl.dot(p, v1, out_dtype=SUM).to(tl.float32)
    return acc0, acc1


@triton.jit
def _attend(
    acc0, acc1, row_sum, row_max, q0, q1, k, k_scale, v, entries, first, last, low, span, factor,
    MASKED: tl.constexpr, BN: tl.constexpr, K0: tl.constexpr, K1: tl.constexpr, D0: tl.constexpr, D1: tl.constexpr,
    SUM: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Attend the key blocks `first` to `last` of a list; returns the accumulators (BM, D0), (BM, D1), l and m (BM,)."""
    lane = tl.arange(0, BN)
    for i in tl.range(first, last):
        live = lane < BN
        if MASKED:
            entry = entries + i * MASKED_FIELDS
            rows = tl.load(entry) + lane
            live = lane < tl.load(entry + 1)
            offset = tl.load(entry + 2) + lane
            tile = tl.load(entry + 3)
            invert = tl.load(entry + 4)
            key = tl.load(k_scale + rows, mask=live, other=0.0)
        else:
            rows = tl.load(entries + i) + lane
            key = tl.load(k_scale + rows)
        if WIDE:
            rows = rows.to(tl.int64)
        s = _dot8(q0, q1, k, rows, live, MASKED, K0, K1) * key[None, :]
        if MASKED:
            # One subtraction and one comparison a score: what lies before the window is large as an unsigned number.
            at = offset[None, :] - (low * tile)[:, None]
            inside = at.to(tl.uint32, bitcast=True) < (span * tile).to(tl.uint32, bitcast=True)
            s = tl.where((inside != (invert != 0)) & live[None, :], s, float("-inf"))
        new_max = tl.maximum(row_max, tl.max(s, 1) * factor)
        p = tl.exp2(s * factor[:, None] - new_max[:, None])
        rescale = tl.exp2(row_max - new_max)
        row_sum = row_sum * rescale + tl.sum(p, 1)
        row_max = new_max
        acc0, acc1 = _add(acc0, acc1, p.to(tl.float16), rescale, v, rows, live, MASKED, D0, D1, SUM)
    return acc0, acc1, row_sum, row_max


@triton.jit
def _attend_pooled(
    acc0, acc1, row_sum, row_max, q0, q1, k, k_scale, v, bias, columns, tiles, low, span, factor,
    BN: tl.constexpr, STAGES: tl.constexpr, K0: tl.constexpr, K1: tl.constexpr, D0: tl.constexpr, D1: tl.constexpr,
    SUM: tl.constexpr,
):  # fmt: skip
    """Attend a head's pooled keys, those of the tiles outside each query's box; see `common.attend_pooled`."""
    lane = tl.arange(0, BN)
    for start in tl.range(0, tiles, BN, num_stages=STAGES):
        tile = start + lane
        live = tile < tiles
        key = tl.load(k_scale + tile, mask=live, other=0.0)
        of_tile = tl.load(bias + tile, mask=live, other=float("-inf")) * LOG2_E
        column = tl.load(columns + tile, mask=live, other=0)
        s = _dot8(q0, q1, k, tile, live, True, K0, K1) * key[None, :]
        s = s * factor[:, None] + of_tile[None, :]
        in_box = (column[None, :] - low[:, None]).to(tl.uint32, bitcast=True) < span.to(tl.uint32, bitcast=True)
        s = tl.where(in_box, float("-inf"), s)
        new_max = tl.maximum(row_max, tl.max(s, 1))
        p = tl.exp2(s - new_max[:, None])
        rescale = tl.exp2(row_max - new_max)
        row_sum = row_sum * rescale + tl.sum(p, 1)
        row_max = new_max
        acc0, acc1 = _add(acc0, acc1, p.to(tl.float16), rescale, v, tile, live, True, D0, D1, SUM)
    return acc0, acc1, row_sum, row_max


@triton.jit(
    do_not_specialize=[
        "batch", "attending", "length", "prefix", "image", "pools", "tiles", "o_batch", "o_head", "o_token", "c_batch",
        "c_head", "c_token", "r_batch", "r_head", "r_token", "f_batch", "f_head", "f_token",
    ]
)  # fmt: skip
def int8_kernel(
    q8, k8, v16, q_scale, k_scale, v_scale, pooled_k, pooled_v, pooled_scale, pooled_bias, out, cached, residual,
    fresh, parts, heads, slots, columns, scale, batch, attending, length, prefix, image, pools, tiles,
    o_batch, o_head, o_token, c_batch, c_head, c_token, r_batch, r_head, r_token, f_batch, f_head, f_token,
    BM: tl.constexpr, BN: tl.constexpr, K0: tl.constexpr, K1: tl.constexpr, D0: tl.constexpr, D1: tl.constexpr,
    D: tl.constexpr, UNIT: tl.constexpr, EMIT: tl.constexpr, POOLED: tl.constexpr, STAGES: tl.constexpr,
    SHORT: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Grid (items * batch,). q8, k8, v16, q_scale, k_scale, v_scale: of `preparation.quantise_kernel`, of the
    `attending` heads that come first in `heads`; pooled_k, pooled_v, pooled_scale likewise (B, pools, tiles, ...),
    pooled_bias (B, pools, tiles) float32. out, cached, residual, fresh and everything else as for
    `pointer.attention_kernel`.

    K0 + K1: lanes of keys; D0 + D1: of values. SHORT: whether a block's products with values are summed up in float16.
    """
    b, head, record, block = find_work(parts, heads, batch)
    role = tl.load(record)
    index = tl.load(record + 1)
    clean = tl.load(record + 3).to(tl.pointer_type(tl.int32))
    masked = tl.load(record + 4).to(tl.pointer_type(tl.int32))
    SUM: tl.constexpr = tl.float16 if SHORT else tl.float32

    lane = tl.arange(0, BM)
    live = lane < tl.load(block + 1)
    half = tl.load(block + 2)
    at = tl.load(block) + lane
    # Where nothing is spilled either way is up to the assembler: read early at head size 128, late at the others.
    if D == 128:
        tokens = tl.load(slots + at, mask=live, other=0)
    low = tl.load(columns + at, mask=live, other=0) - half
    span = 2 * half + 1

    # A copied head has no place among the others, and nothing of it is read.
    of_head = b * attending + tl.load(record + 8)
    wanted = live & (role != COPY)
    q_rows = q8 + (of_head * length + at)[:, None] * (K0 + K1)
    q0 = tl.load(q_rows + tl.arange(0, K0)[None, :], mask=wanted[:, None], other=0)
    q1 = q0
    if K1 > 0:
        q1 = tl.load(q_rows + K0 + tl.arange(0, K1)[None, :], mask=wanted[:, None], other=0)
    factor = tl.load(q_scale + of_head * length + at, mask=wanted, other=1.0) * (scale * LOG2_E)
    k8 += of_head * length * (K0 + K1)
    k_scale += of_head * length
    v16 += of_head * length * (D0 + D1)
    acc0 = tl.zeros([BM, D0], tl.float32)
    row_sum = tl.zeros([BM], tl.float32)
    row_max = tl.zeros([BM], tl.float32) + LOWEST
    if D1 > 0:
        acc1 = tl.zeros([BM, D1], tl.float32)
    else:
        acc1 = row_sum

    if POOLED:
        pooled = tl.load(record + 5)
        tile_row = tl.load(block + 3)
        visited = tl.where((pooled >= 0) & (tile_row >= 0), tiles, 0)
        tile_columns = tl.load(record + 6).to(tl.pointer_type(tl.int32)) + tile_row * tiles
        p_at = (b * pools + pooled) * tiles
        acc0, acc1, row_sum, row_max = _attend_pooled(
            acc0, acc1, row_sum, row_max, q0, q1, pooled_k + p_at * (K0 + K1), pooled_scale + p_at,
            pooled_v + p_at * (D0 + D1), pooled_bias + p_at, tile_columns, visited, low, span, factor,
            BN, STAGES, K0, K1, D0, D1, SUM,
        )  # fmt: skip
    acc0, acc1, row_sum, row_max = _attend(
        acc0, acc1, row_sum, row_max, q0, q1, k8, k_scale, v16, clean, tl.load(block + 4), tl.load(block + 5), low,
        span, factor, False, BN, K0, K1, D0, D1, SUM, WIDE,
    )  # fmt: skip
    acc0, acc1, row_sum, row_max = _attend(
        acc0, acc1, row_sum, row_max, q0, q1, k8, k_scale, v16, masked, tl.load(block + 6), tl.load(block + 7), low,
        span, factor, True, BN, K0, K1, D0, D1, SUM, WIDE,
    )  # fmt: skip

    unit = tl.load(v_scale + of_head, mask=role != COPY, other=1.0)
    if D != 128:
        tokens = tl.load(slots + at, mask=live, other=0)
    if WIDE:
        tokens = tokens.to(tl.int64)
    d0 = tl.arange(0, D0)
    d1 = D0 + tl.arange(0, max(D1, 16))
    images = tokens - prefix
    is_image = (images >= 0) & (images < image)
    if EMIT:
        # As on the pointer path: the window's output is kept in the residual's own memory until the full one is there.
        fresh += b * f_batch * UNIT + index * f_head * UNIT
        f_rows = fresh + images[:, None] * (f_token * UNIT)
        emitting = (live & is_image & (role == REFRESH))[:, None]
        inverse = unit / tl.where(row_sum > 0, row_sum, 1.0)
        local = (acc0 * inverse[:, None]).to(fresh.dtype.element_ty)
        tl.store(f_rows + d0[None, :], local, mask=emitting & (d0 < D)[None, :])
        if D1 > 0:
            local = (acc1 * inverse[:, None]).to(fresh.dtype.element_ty)
            tl.store(f_rows + d1[None, :], local, mask=emitting & (d1 < D)[None, :])
        if POOLED:
            restart = (visited > 0) & (role == REFRESH)
            acc0 = tl.where(restart, 0.0, acc0)
            acc1 = tl.where(restart, 0.0, acc1)
            row_sum = tl.where(restart, 0.0, row_sum)
            row_max = tl.where(restart, LOWEST, row_max)
        acc0, acc1, row_sum, row_max = _attend(
            acc0, acc1, row_sum, row_max, q0, q1, k8, k_scale, v16, clean, tl.load(block + 8), tl.load(block + 9),
            low, span, factor, False, BN, K0, K1, D0, D1, SUM, WIDE,
        )  # fmt: skip
        acc0, acc1, row_sum, row_max = _attend(
            acc0, acc1, row_sum, row_max, q0, q1, k8, k_scale, v16, masked, tl.load(block + 10),
            tl.load(block + 11), low, span, factor, True, BN, K0, K1, D0, D1, SUM, WIDE,
        )  # fmt: skip
        # What one thread stored above another may load below.
        tl.debug_barrier()

    out += b * o_batch * UNIT + head * o_head * UNIT
    cached += b * c_batch * UNIT + index * c_head * UNIT
    residual += b * r_batch * UNIT + index * r_head * UNIT
    inverse = unit / tl.where(row_sum > 0, row_sum, 1.0)
    store_part(
        acc0 * inverse[:, None], out, cached, residual, fresh, tokens, images, d0, live, is_image, role,
        o_token, c_token, r_token, f_token, D, UNIT, EMIT,
    )  # fmt: skip
    if D1 > 0:
        store_part(
            acc1 * inverse[:, None], out, cached, residual, fresh, tokens, images, d1, live, is_image, role,
            o_token, c_token, r_token, f_token, D, UNIT, EMIT,
        )  # fmt: skip
