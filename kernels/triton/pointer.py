"""The kernel for every GPU: one program for one block of queries of one head of one batch item, keys by their address.

Key blocks come in two passes of two loops, clean ones without any mask and masked ones: first those of the window,
then, on a residual update (called refresh throughout), the rest. Between the passes the accumulator is the window's
output, so that a residual costs a store and a load. Pooled keys come before the window's, in a loop of their own; full
attention has none, so that the second pass of such an update starts again from zero and takes all keys.

Tokens get their tile order in these loads, a slot's position being read from a table. That is 4 bytes beside the 4 * D
bytes of a key and its value, in whole rows, and it needs neither a copy of q, k and v at each call nor a change to the
model's own order of tokens. Whether one of those would be faster has not been measured.
"""

import triton
import triton.language as tl

from .common import ADD_RESIDUAL, COPY, LOG2_E, LOWEST, REFRESH, attend_pooled, dot, find_work, softmax_step

# Fields of a masked key block; see worklist.py.
MASKED_FIELDS = tl.constexpr(5)


@triton.jit
def _attend(
    acc0, acc1, row_sum, row_max, q0, q1, k, v, k_token, v_token, slots, entries, first, last, low, span,
    factor, MASKED: tl.constexpr, BN: tl.constexpr, D0: tl.constexpr, D1: tl.constexpr, D: tl.constexpr,
    UNIT: tl.constexpr, UPCAST: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Attend the key blocks `first` to `last` of a list; returns the accumulators (BM, D0), (BM, D1), l and m (BM,)."""
    lane = tl.arange(0, BN)
    d0 = tl.arange(0, D0)
    d1 = D0 + tl.arange(0, max(D1, 16))
    if not MASKED:
        # A clean block's tokens are read one block ahead and carried over. Read in the same round, they would take the
        # pipeline's stages for themselves, and keys and values would wait with one buffer less.
        ahead = tl.load(slots + tl.load(entries + first) + lane)
    for i in tl.range(first, last):
        if MASKED:
            entry = entries + i * MASKED_FIELDS
            start = tl.load(entry)
            live = lane < tl.load(entry + 1)
            offset = tl.load(entry + 2) + lane
            tile = tl.load(entry + 3)
            invert = tl.load(entry + 4)
            token = tl.load(slots + start + lane, mask=live, other=0)
        else:
            token = ahead
            ahead = tl.load(slots + tl.load(entries + tl.minimum(i + 1, last - 1)) + lane)
        if WIDE:
            token = token.to(tl.int64)
        k_rows = k + token[None, :] * (k_token * UNIT)
        v_rows = v + token[:, None] * (v_token * UNIT)

        # k0: (D0, BN); k1: (D1, BN)
        if MASKED:
            k0 = tl.load(k_rows + d0[:, None], mask=live[None, :], other=0.0)
        else:
            k0 = tl.load(k_rows + d0[:, None])
        s = dot(q0, k0, UPCAST)
        if D1 > 0:
            if MASKED:
                k1 = tl.load(k_rows + d1[:, None], mask=(d1 < D)[:, None] & live[None, :], other=0.0)
            else:
                k1 = tl.load(k_rows + d1[:, None], mask=(d1 < D)[:, None], other=0.0)
            s += dot(q1, k1, UPCAST)
        if MASKED:
            # One subtraction and one comparison a score: what lies before the window is large as an unsigned number.
            at = offset[None, :] - (low * tile)[:, None]
            inside = at.to(tl.uint32, bitcast=True) < (span * tile).to(tl.uint32, bitcast=True)
            s = tl.where((inside != (invert != 0)) & live[None, :], s, float("-inf"))

        p, rescale, row_sum, row_max = softmax_step(s, row_sum, row_max, factor)
        p = p.to(v.dtype.element_ty)

        # v0: (BN, D0); v1: (BN, D1)
        if MASKED:
            v0 = tl.load(v_rows + d0[None, :], mask=live[:, None], other=0.0)
        else:
            v0 = tl.load(v_rows + d0[None, :])
        acc0 = acc0 * rescale[:, None] + dot(p, v0, UPCAST)
        if D1 > 0:
            if MASKED:
                v1 = tl.load(v_rows + d1[None, :], mask=(d1 < D)[None, :] & live[:, None], other=0.0)
            else:
                v1 = tl.load(v_rows + d1[None, :], mask=(d1 < D)[None, :], other=0.0)
            acc1 = acc1 * rescale[:, None] + dot(p, v1, UPCAST)
    return acc0, acc1, row_sum, row_max


@triton.jit(
    do_not_specialize=[
        "batch", "prefix", "image", "pools", "tiles", "q_batch", "q_head", "q_token",
        "k_batch", "k_head", "k_token", "v_batch", "v_head", "v_token", "o_batch", "o_head", "o_token", "c_batch",
        "c_head", "c_token", "r_batch", "r_head", "r_token", "f_batch", "f_head", "f_token",
    ]
)  # fmt: skip
def attention_kernel(
    q, k, v, out, cached, residual, fresh, pooled, pooled_bias, parts, heads, slots, columns, scale,
    batch, prefix, image, pools, tiles,
    q_batch, q_head, q_token, k_batch, k_head, k_token, v_batch, v_head, v_token,
    o_batch, o_head, o_token, c_batch, c_head, c_token,
    r_batch, r_head, r_token, f_batch, f_head, f_token,
    BM: tl.constexpr, BN: tl.constexpr, D0: tl.constexpr, D1: tl.constexpr, D: tl.constexpr, UNIT: tl.constexpr,
    EMIT: tl.constexpr, POOLED: tl.constexpr, STAGES: tl.constexpr, UPCAST: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Grid (items * batch,), see `WorkList`. q, k, v, out: (B, H, L, D); cached: (B, n, L, D); residual, fresh:
    (B, n, image, D); pooled: keys and values (2, B, pools, tiles, D) and pooled_bias: (B, pools, tiles) float32,
    contiguous.

    Rows are of D neighbouring elements; strides of the batch, head and token axes are in units of UNIT elements, so
    that with UNIT = 8 the compiler knows that rows start on 16 bytes. EMIT: whether some head updates its residual.
    POOLED: whether some window pools. STAGES: of the loop over pooled keys. WIDE: whether an offset inside one head
    leaves 32 bits. Reads and writes nothing but what the work names.
    """
    b, head, record, block = find_work(parts, heads, batch)
    role = tl.load(record)
    index = tl.load(record + 1)
    clean = tl.load(record + 3).to(tl.pointer_type(tl.int32))
    masked = tl.load(record + 4).to(tl.pointer_type(tl.int32))

    lane = tl.arange(0, BM)
    live = lane < tl.load(block + 1)
    half = tl.load(block + 2)
    at = tl.load(block) + lane
    tokens = tl.load(slots + at, mask=live, other=0)
    if WIDE:
        tokens = tokens.to(tl.int64)
    column = tl.load(columns + at, mask=live, other=0)
    low = column - half
    span = 2 * half + 1

    q += b * q_batch * UNIT + head * q_head * UNIT
    k += b * k_batch * UNIT + head * k_head * UNIT
    v += b * v_batch * UNIT + head * v_head * UNIT
    d0 = tl.arange(0, D0)
    d1 = D0 + tl.arange(0, max(D1, 16))
    # A copied head's queries may be anything, poison included: they are not read.
    wanted = live & (role != COPY)
    q_rows = q + tokens[:, None] * (q_token * UNIT)
    # q0: (BM, D0); q1: (BM, D1)
    q0 = tl.load(q_rows + d0[None, :], mask=wanted[:, None], other=0.0)
    acc0 = tl.zeros([BM, D0], tl.float32)
    row_sum = tl.zeros([BM], tl.float32)
    row_max = tl.zeros([BM], tl.float32) + LOWEST
    if D1 > 0:
        q1 = tl.load(q_rows + d1[None, :], mask=wanted[:, None] & (d1 < D)[None, :], other=0.0)
        acc1 = tl.zeros([BM, D1], tl.float32)
    else:
        q1 = q0
        acc1 = row_sum
    factor = scale * LOG2_E

    if POOLED:
        pool = tl.load(record + 5)
        tile_row = tl.load(block + 3)
        visited = tl.where((pool >= 0) & (tile_row >= 0), tiles, 0)
        tile_columns = tl.load(record + 6).to(tl.pointer_type(tl.int32)) + tile_row * tiles
        p_at = (b * pools + pool) * tiles
        pooled_v = pooled + batch.to(tl.int64) * pools * tiles * D
        acc0, acc1, row_sum, row_max = attend_pooled(
            acc0, acc1, row_sum, row_max, q0, q1, pooled + p_at * D, pooled_v + p_at * D, pooled_bias + p_at,
            tile_columns, visited, low, span, scale, BN, STAGES, D0, D1, D, UPCAST,
        )  # fmt: skip
    acc0, acc1, row_sum, row_max = _attend(
        acc0, acc1, row_sum, row_max, q0, q1, k, v, k_token, v_token, slots, clean,
        tl.load(block + 4), tl.load(block + 5), low, span, factor, False, BN, D0, D1, D, UNIT, UPCAST, WIDE,
    )  # fmt: skip
    acc0, acc1, row_sum, row_max = _attend(
        acc0, acc1, row_sum, row_max, q0, q1, k, v, k_token, v_token, slots, masked,
        tl.load(block + 6), tl.load(block + 7), low, span, factor, True, BN, D0, D1, D, UNIT, UPCAST, WIDE,
    )  # fmt: skip

    images = tokens - prefix
    is_image = (images >= 0) & (images < image)
    if EMIT:
        # The window's output, rounded as any output is, is kept in the residual's own memory until the full one is
        # there.
        fresh += b * f_batch * UNIT + index * f_head * UNIT
        f_rows = fresh + images[:, None] * (f_token * UNIT)
        emitting = (live & is_image & (role == REFRESH))[:, None]
        inverse = 1.0 / tl.where(row_sum > 0, row_sum, 1.0)
        local = (acc0 * inverse[:, None]).to(fresh.dtype.element_ty)
        tl.store(f_rows + d0[None, :], local, mask=emitting)
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
            acc0, acc1, row_sum, row_max, q0, q1, k, v, k_token, v_token, slots, clean,
            tl.load(block + 8), tl.load(block + 9), low, span, factor, False, BN, D0, D1, D, UNIT, UPCAST, WIDE,
        )  # fmt: skip
        acc0, acc1, row_sum, row_max = _attend(
            acc0, acc1, row_sum, row_max, q0, q1, k, v, k_token, v_token, slots, masked,
            tl.load(block + 10), tl.load(block + 11), low, span, factor, True, BN, D0, D1, D, UNIT, UPCAST, WIDE,
        )  # fmt: skip
        # What one thread stored above another may load below.
        tl.debug_barrier()

    out += b * o_batch * UNIT + head * o_head * UNIT
    cached += b * c_batch * UNIT + index * c_head * UNIT
    residual += b * r_batch * UNIT + index * r_head * UNIT
    inverse = 1.0 / tl.where(row_sum > 0, row_sum, 1.0)
    store_part(
        acc0 * inverse[:, None], out, cached, residual, fresh, tokens, images, d0, live, is_image, role,
        o_token, c_token, r_token, f_token, D, UNIT, EMIT,
    )  # fmt: skip
    if D1 > 0:
        store_part(
            acc1 * inverse[:, None], out, cached, residual, fresh, tokens, images, d1, live, is_image, role,
            o_token, c_token, r_token, f_token, D, UNIT, EMIT,
        )  # fmt: skip


@triton.jit
def store_part(
    value, out, cached, residual, fresh, tokens, images, d, live, is_image, role,
    o_token, c_token, r_token, f_token,
    D: tl.constexpr, UNIT: tl.constexpr, EMIT: tl.constexpr,
):  # fmt: skip
    """The epilogue: store one part (BM, lanes) of the output, with what the head's role adds. Predicates instead of
    branches: an access that is predicated off moves no byte."""
    kept = (d < D)[None, :] & live[:, None]
    image = kept & is_image[:, None]
    r_at = residual + images[:, None] * (r_token * UNIT) + d[None, :]
    value += tl.load(r_at, mask=image & (role == ADD_RESIDUAL), other=0.0).to(tl.float32)
    c_at = cached + tokens[:, None] * (c_token * UNIT) + d[None, :]
    copied = tl.load(c_at, mask=kept & (role == COPY), other=0.0)
    result = tl.where(role == COPY, copied, value.to(out.dtype.element_ty))
    tl.store(out + tokens[:, None] * (o_token * UNIT) + d[None, :], result, mask=kept)
    if EMIT:
        f_at = fresh + images[:, None] * (f_token * UNIT) + d[None, :]
        emitting = image & (role == REFRESH)
        local = tl.load(f_at, mask=emitting, other=0.0).to(tl.float32)
        tl.store(f_at, (value - local).to(fresh.dtype.element_ty), mask=emitting)
