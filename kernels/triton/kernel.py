"""The kernel: one program for one block of queries of one head of one batch row.

    s = q k^T * scale * log2(e);  m = max(m, row max of s);  p = 2^(s - m)
    acc = acc * 2^(m_before - m) + p v;  l likewise;  out = acc / l  (+ residual)

the online softmax of FlashAttention-2 (arXiv 2307.08691), over the key blocks that a work list names. Tiles: queries
(BM, D), keys (D, BN), values (BN, D), accumulators (BM, D) in float32. D is cut into D0 + D1 lanes, of which the last
may be empty: powers of two, as Triton wants them, without padding 72, 80 or 96 to 128.

Key blocks come in two passes of two loops, clean ones without any mask and masked ones: first those of the window,
then, on a refresh, the rest. Between the passes the accumulator is the window's output, so that a residual costs a
store and a load.

Tokens get their tile order in these loads, a slot's position being read from a table. That is 4 bytes beside the 4 * D
bytes of a key and its value, in whole rows, and it needs neither a copy of q, k and v at each call nor a say in the
model's own order of tokens. Whether one of those would be faster has not been measured.
"""

import triton
import triton.language as tl

LOG2_E = tl.constexpr(1.4426950408889634)
# Lower than any score, yet finite: rows that have met no key yet keep a weight of 2^0 instead of NaN.
LOWEST = tl.constexpr(-1e30)
# Fields of a masked key block, of a query block and of a head; see worklist.py.
MASKED_FIELDS = tl.constexpr(5)
BLOCK_FIELDS = tl.constexpr(12)
BLOCK_BITS = tl.constexpr(21)
BLOCK_MASK = tl.constexpr((1 << 21) - 1)
HEAD_FIELDS = tl.constexpr(5)
ADD_RESIDUAL = tl.constexpr(1)
COPY = tl.constexpr(2)
REFRESH = tl.constexpr(3)


@triton.jit
def _dot(a, b, UPCAST: tl.constexpr):
    # (M, K) x (K, N) -> (M, N) float32. UPCAST is for the interpreter, whose bfloat16 products are wrong.
    if UPCAST:
        return tl.dot(a.to(tl.float32), b.to(tl.float32), input_precision="ieee")
    return tl.dot(a, b, input_precision="ieee")


@triton.jit
def _attend(
    acc0, acc1, total, top, q0, q1, k, v, k_token, k_dim, v_token, v_dim, slots, entries, first, last, low, high,
    factor, MASKED: tl.constexpr, BN: tl.constexpr, D0: tl.constexpr, D1: tl.constexpr, D: tl.constexpr,
    UNIT: tl.constexpr, UPCAST: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Meet the key blocks `first` to `last` of a list; returns the accumulators (BM, D0), (BM, D1), l and m (BM,)."""
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
            k0 = tl.load(k_rows + d0[:, None] * k_dim, mask=live[None, :], other=0.0)
        else:
            k0 = tl.load(k_rows + d0[:, None] * k_dim)
        s = _dot(q0, k0, UPCAST)
        if D1 > 0:
            if MASKED:
                k1 = tl.load(k_rows + d1[:, None] * k_dim, mask=(d1 < D)[:, None] & live[None, :], other=0.0)
            else:
                k1 = tl.load(k_rows + d1[:, None] * k_dim, mask=(d1 < D)[:, None], other=0.0)
            s += _dot(q1, k1, UPCAST)
        if MASKED:
            inside = (offset[None, :] >= low[:, None] * tile) & (offset[None, :] < high[:, None] * tile)
            s = tl.where((inside != (invert != 0)) & live[None, :], s, float("-inf"))

        peak = tl.maximum(top, tl.max(s, 1) * factor)
        p = tl.exp2(s * factor - peak[:, None])
        shrink = tl.exp2(top - peak)
        total = total * shrink + tl.sum(p, 1)
        top = peak
        p = p.to(v.dtype.element_ty)

        # v0: (BN, D0); v1: (BN, D1)
        if MASKED:
            v0 = tl.load(v_rows + d0[None, :] * v_dim, mask=live[:, None], other=0.0)
        else:
            v0 = tl.load(v_rows + d0[None, :] * v_dim)
        acc0 = acc0 * shrink[:, None] + _dot(p, v0, UPCAST)
        if D1 > 0:
            if MASKED:
                v1 = tl.load(v_rows + d1[None, :] * v_dim, mask=(d1 < D)[None, :] & live[:, None], other=0.0)
            else:
                v1 = tl.load(v_rows + d1[None, :] * v_dim, mask=(d1 < D)[None, :], other=0.0)
            acc1 = acc1 * shrink[:, None] + _dot(p, v1, UPCAST)
    return acc0, acc1, total, top


@triton.jit
def _finish(
    value, out, twin, cached, residual, fresh, tokens, images, d, live, is_image, duty, has_twin,
    o_token, o_dim, t_token, t_dim, c_token, c_dim, r_token, r_dim, f_token, f_dim,
    D: tl.constexpr, UNIT: tl.constexpr, EMIT: tl.constexpr,
):  # fmt: skip
    """Store one part (BM, lanes) of the output, with what the head's duty adds. Predicates instead of branches: a
    predicated-off access moves no byte."""
    kept = (d < D)[None, :] & live[:, None]
    image = kept & is_image[:, None]
    r_at = residual + images[:, None] * (r_token * UNIT) + d[None, :] * r_dim
    value += tl.load(r_at, mask=image & (duty == ADD_RESIDUAL), other=0.0).to(tl.float32)
    c_at = cached + tokens[:, None] * (c_token * UNIT) + d[None, :] * c_dim
    copied = tl.load(c_at, mask=kept & (duty == COPY), other=0.0)
    result = tl.where(duty == COPY, copied, value.to(out.dtype.element_ty))
    tl.store(out + tokens[:, None] * (o_token * UNIT) + d[None, :] * o_dim, result, mask=kept)
    tl.store(twin + tokens[:, None] * (t_token * UNIT) + d[None, :] * t_dim, result, mask=kept & (has_twin != 0))
    if EMIT:
        f_at = fresh + images[:, None] * (f_token * UNIT) + d[None, :] * f_dim
        emitting = image & (duty == REFRESH)
        local = tl.load(f_at, mask=emitting, other=0.0).to(tl.float32)
        tl.store(f_at, (value - local).to(fresh.dtype.element_ty), mask=emitting)


@triton.jit(
    do_not_specialize=[
        "batch", "prefix", "image", "has_twin", "q_batch", "q_head", "q_token", "k_batch", "k_head", "k_token",
        "v_batch", "v_head", "v_token", "o_batch", "o_head", "o_token", "t_batch", "t_head", "t_token",
        "c_batch", "c_head", "c_token", "r_batch", "r_head", "r_token", "f_batch", "f_head", "f_token",
    ]
)  # fmt: skip
def attention_kernel(
    q, k, v, out, twin, cached, residual, fresh, items, heads, slots, columns, scale, batch, prefix, image, has_twin,
    q_batch, q_head, q_token, q_dim, k_batch, k_head, k_token, k_dim, v_batch, v_head, v_token, v_dim,
    o_batch, o_head, o_token, o_dim, t_batch, t_head, t_token, t_dim, c_batch, c_head, c_token, c_dim,
    r_batch, r_head, r_token, r_dim, f_batch, f_head, f_token, f_dim,
    BM: tl.constexpr, BN: tl.constexpr, D0: tl.constexpr, D1: tl.constexpr, D: tl.constexpr, UNIT: tl.constexpr,
    EMIT: tl.constexpr, UPCAST: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Grid (items * batch,). q, k, v, out, twin: (B, H, L, D); cached: (B, n, L, D); residual, fresh: (B, n, image, D).

    Strides of the batch, head and token axes are in units of UNIT elements, so that with UNIT = 8 the compiler knows
    that rows start on 16 bytes. EMIT: whether some head refreshes. WIDE: whether an offset inside one head leaves 32
    bits. Reads and writes nothing but what the work names.
    """
    # One item's batch rows are neighbours: longest first over the whole batch.
    program = tl.program_id(0)
    row = (program % batch).to(tl.int64)
    item = tl.load(items + program // batch)
    head = item >> BLOCK_BITS
    record = heads + head * HEAD_FIELDS
    duty = tl.load(record)
    place = tl.load(record + 1)
    blocks = tl.load(record + 2).to(tl.pointer_type(tl.int32))
    clean = tl.load(record + 3).to(tl.pointer_type(tl.int32))
    masked = tl.load(record + 4).to(tl.pointer_type(tl.int32))
    head = head.to(tl.int64)

    block = blocks + (item & BLOCK_MASK) * BLOCK_FIELDS
    lane = tl.arange(0, BM)
    live = lane < tl.load(block + 1)
    half = tl.load(block + 2)
    at = tl.load(block) + lane
    tokens = tl.load(slots + at, mask=live, other=0)
    if WIDE:
        tokens = tokens.to(tl.int64)
    column = tl.load(columns + at, mask=live, other=0)
    low = column - half
    high = column + half + 1

    q += row * q_batch * UNIT + head * q_head * UNIT
    k += row * k_batch * UNIT + head * k_head * UNIT
    v += row * v_batch * UNIT + head * v_head * UNIT
    d0 = tl.arange(0, D0)
    d1 = D0 + tl.arange(0, max(D1, 16))
    # A copied head's queries may be anything, poison included: they are not read.
    wanted = live & (duty != COPY)
    q_rows = q + tokens[:, None] * (q_token * UNIT)
    # q0: (BM, D0); q1: (BM, D1)
    q0 = tl.load(q_rows + d0[None, :] * q_dim, mask=wanted[:, None], other=0.0)
    acc0 = tl.zeros([BM, D0], tl.float32)
    total = tl.zeros([BM], tl.float32)
    top = tl.zeros([BM], tl.float32) + LOWEST
    if D1 > 0:
        q1 = tl.load(q_rows + d1[None, :] * q_dim, mask=wanted[:, None] & (d1 < D)[None, :], other=0.0)
        acc1 = tl.zeros([BM, D1], tl.float32)
    else:
        q1 = q0
        acc1 = total
    factor = scale * LOG2_E

    acc0, acc1, total, top = _attend(
        acc0, acc1, total, top, q0, q1, k, v, k_token, k_dim, v_token, v_dim, slots, clean,
        tl.load(block + 4), tl.load(block + 5), low, high, factor, False, BN, D0, D1, D, UNIT, UPCAST, WIDE,
    )  # fmt: skip
    acc0, acc1, total, top = _attend(
        acc0, acc1, total, top, q0, q1, k, v, k_token, k_dim, v_token, v_dim, slots, masked,
        tl.load(block + 6), tl.load(block + 7), low, high, factor, True, BN, D0, D1, D, UNIT, UPCAST, WIDE,
    )  # fmt: skip

    images = tokens - prefix
    is_image = (images >= 0) & (images < image)
    if EMIT:
        # The window's output, rounded as any output is, waits in the residual's own memory.
        fresh += row * f_batch * UNIT + place * f_head * UNIT
        f_rows = fresh + images[:, None] * (f_token * UNIT)
        emitting = (live & is_image & (duty == REFRESH))[:, None]
        inverse = 1.0 / tl.where(total > 0, total, 1.0)
        local = (acc0 * inverse[:, None]).to(fresh.dtype.element_ty)
        tl.store(f_rows + d0[None, :] * f_dim, local, mask=emitting)
        if D1 > 0:
            local = (acc1 * inverse[:, None]).to(fresh.dtype.element_ty)
            tl.store(f_rows + d1[None, :] * f_dim, local, mask=emitting & (d1 < D)[None, :])
        acc0, acc1, total, top = _attend(
            acc0, acc1, total, top, q0, q1, k, v, k_token, k_dim, v_token, v_dim, slots, clean,
            tl.load(block + 8), tl.load(block + 9), low, high, factor, False, BN, D0, D1, D, UNIT, UPCAST, WIDE,
        )  # fmt: skip
        acc0, acc1, total, top = _attend(
            acc0, acc1, total, top, q0, q1, k, v, k_token, k_dim, v_token, v_dim, slots, masked,
            tl.load(block + 10), tl.load(block + 11), low, high, factor, True, BN, D0, D1, D, UNIT, UPCAST, WIDE,
        )  # fmt: skip
        # What one thread stored above another may load below.
        tl.debug_barrier()

    out += row * o_batch * UNIT + head * o_head * UNIT
    twin += row * t_batch * UNIT + head * t_head * UNIT
    cached += row * c_batch * UNIT + place * c_head * UNIT
    residual += row * r_batch * UNIT + place * r_head * UNIT
    inverse = 1.0 / tl.where(total > 0, total, 1.0)
    _finish(
        acc0 * inverse[:, None], out, twin, cached, residual, fresh, tokens, images, d0, live, is_image, duty, has_twin,
        o_token, o_dim, t_token, t_dim, c_token, c_dim, r_token, r_dim, f_token, f_dim, D, UNIT, EMIT,
    )  # fmt: skip
    if D1 > 0:
        _finish(
            acc1 * inverse[:, None], out, twin, cached, residual, fresh, tokens, images, d1, live, is_image, duty,
            has_twin, o_token, o_dim, t_token, t_dim, c_token, c_dim, r_token, r_dim, f_token, f_dim, D, UNIT, EMIT,
        )  # fmt: skip
