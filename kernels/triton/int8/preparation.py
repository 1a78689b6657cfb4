"""Queries, keys and values of the INT8 path, put in tile order and rounded in one pass each.

    statistics   one program for one of PARTS stretches of tokens of one head: sums of keys, and the largest |value|
    quantise     one program for ROWS slots of one head: (ROWS, D) of q, k and v, one after another

What is written is what `...int8.quantised` says: a row's scale and its integers after a Hadamard rotation. Keys lose
their mean first, which moves all of a row's scores alike and so no softmax; where all keys of a head lie on one side of
a channel, that mean is most of what 8 bits would have to hold. Values are divided by a power of two so that none is
larger than LARGEST: their products with weights of at most 1 can then be summed over a block of keys in float16
whatever the model's values are, and no second kernel has to stand by for large ones.
"""

import triton
import triton.language as tl

from ..common import HEAD_FIELDS

# Stretches of tokens whose sums are formed apart: enough programs to fill a GPU, few enough sums to read for each.
PARTS = tl.constexpr(16)
# log2 of the largest value, so that 128 of them with weights of 1 sum up to 2^15, of at most 65,504 in float16.
LARGEST_BITS = tl.constexpr(8)


@triton.jit
def value_scale(peak):
    """The power of two by which a head's values are divided, so that the largest is at most 2^LARGEST_BITS; made from
    the bits of that one's exponent, and no smaller than 2^-100."""
    exponent = (peak.to(tl.int32, bitcast=True) >> 23) - 127
    exponent = tl.maximum(exponent + 1 - LARGEST_BITS, -100)
    return ((exponent + 127) << 23).to(tl.float32, bitcast=True)


@triton.jit
def _hadamard(N: tl.constexpr):
    """The Hadamard matrix of Sylvester's construction, (N, N) of 1 and -1 in float16, N at most 128."""
    bits = tl.arange(0, N)[:, None] & tl.arange(0, N)[None, :]
    bits = bits ^ (bits >> 4)
    bits = bits ^ (bits >> 2)
    bits = bits ^ (bits >> 1)
    return (1 - 2 * (bits & 1)).to(tl.float16)


@triton.jit
def _rounded(x):
    """To the nearest integer, halves away from zero."""
    return (x + tl.where(x >= 0, 0.5, -0.5)).to(tl.int8)


@triton.jit
def _quantised(x0, x1, K0: tl.constexpr, K1: tl.constexpr):
    """Rows x0 (ROWS, K0) and x1 (ROWS, K1) in float32, rotated, as INT8 with one scale for each row. x1 may be anything
    where K1 is 0. A row that holds what is no number gets such a scale."""
    top = tl.max(tl.abs(x0), 1)
    # Not a number where any of the row is not finite, which integers cannot say.
    flaw = tl.sum(x0 - x0, 1)
    if K1 > 0:
        top = tl.maximum(top, tl.max(tl.abs(x1), 1))
        flaw += tl.sum(x1 - x1, 1)
    top = tl.where(top > 0, top, 1.0)
    inverse = (1.0 / top)[:, None]
    y0 = tl.dot((x0 * inverse).to(tl.float16), _hadamard(K0)) * (K0**-0.5)
    peak = tl.max(tl.abs(y0), 1)
    if K1 > 0:
        y1 = tl.dot((x1 * inverse).to(tl.float16), _hadamard(K1)) * (K1**-0.5)
        peak = tl.maximum(peak, tl.max(tl.abs(y1), 1))
    peak = tl.where(peak > 0, peak, 1.0)
    inverse = (127.0 / peak)[:, None]
    n0 = _rounded(y0 * inverse)
    if K1 > 0:
        n1 = _rounded(y1 * inverse)
    else:
        n1 = n0
    return n0, n1, top * peak * (1.0 / 127.0) + flaw


@triton.jit
def _put(x, scales, at, rows, x0, x1, live, K0: tl.constexpr, K1: tl.constexpr):
    """Store quantised rows at x + rows * (K0 + K1), and their scales."""
    n0, n1, scale = _quantised(x0, x1, K0, K1)
    tl.store(scales + rows, scale, mask=live)
    to = x + rows[:, None] * (K0 + K1)
    tl.store(to + tl.arange(0, K0)[None, :], n0, mask=live[:, None])
    if K1 > 0:
        tl.store(to + K0 + tl.arange(0, K1)[None, :], n1, mask=live[:, None])


@triton.jit(
    do_not_specialize=["batch", "all_heads", "length", "k_batch", "k_head", "k_token", "v_batch", "v_head", "v_token"]
)
def statistics_kernel(
    k, v, heads, sums, peaks, batch, all_heads, length, k_batch, k_head, k_token, v_batch, v_head, v_token,
    ROWS: tl.constexpr, LANES: tl.constexpr, D: tl.constexpr, UNIT: tl.constexpr,
):  # fmt: skip
    """Grid (PARTS * n * batch,). k, v: (B, H, L, D). For each of the first n heads of a work list: sums (B, H, PARTS,
    LANES) float32 of its keys and peaks (B, H, PARTS) float32, its largest |value|, over one stretch of tokens each."""
    part = tl.program_id(0) % PARTS
    pair = tl.program_id(0) // PARTS
    b = (pair % batch).to(tl.int64)
    head = tl.load(heads + (pair // batch) * HEAD_FIELDS + 7)
    of_head = b * all_heads + head
    span = tl.cdiv(tl.cdiv(length, PARTS), ROWS) * ROWS
    lane = tl.arange(0, LANES)
    total = tl.zeros([LANES], tl.float32)
    peak = tl.zeros([ROWS], tl.float32)
    k += b * k_batch * UNIT + head * k_head * UNIT
    v += b * v_batch * UNIT + head * v_head * UNIT
    for start in tl.range(part * span, tl.minimum(part * span + span, length), ROWS):
        token = (start + tl.arange(0, ROWS)).to(tl.int64)
        kept = (token < length)[:, None] & (lane < D)[None, :]
        keys = tl.load(k + token[:, None] * (k_token * UNIT) + lane[None, :], mask=kept, other=0.0)
        values = tl.load(v + token[:, None] * (v_token * UNIT) + lane[None, :], mask=kept, other=0.0)
        total += tl.sum(keys.to(tl.float32), 0)
        peak = tl.maximum(peak, tl.max(tl.abs(values.to(tl.float32)), 1))
    tl.store(sums + (of_head * PARTS + part) * LANES + lane, total)
    tl.store(peaks + of_head * PARTS + part, tl.max(peak, 0))


@triton.jit
def _mean(sums, of_head, first, length, lanes: tl.constexpr, LANES: tl.constexpr):
    """The mean key of a head, lanes `first` to `first + lanes`: (lanes,) float32."""
    at = tl.arange(0, PARTS)[:, None] * LANES + first + tl.arange(0, lanes)[None, :]
    return tl.sum(tl.load(sums + of_head * PARTS * LANES + at), 0) / length


@triton.jit(
    do_not_specialize=[
        "batch", "all_heads", "length", "rows", "q_batch", "q_head", "q_token", "k_batch", "k_head", "k_token",
        "v_batch", "v_head", "v_token",
    ]
)  # fmt: skip
def quantise_kernel(
    q, k, v, q8, k8, v16, q_scale, k_scale, v_scale, sums, peaks, heads, slots, batch, all_heads, length, rows,
    q_batch, q_head, q_token, k_batch, k_head, k_token, v_batch, v_head, v_token,
    ROWS: tl.constexpr, K0: tl.constexpr, K1: tl.constexpr, V: tl.constexpr, LANES: tl.constexpr, D: tl.constexpr,
    UNIT: tl.constexpr, POOLED: tl.constexpr,
):  # fmt: skip
    """Grid (blocks of ROWS rows * n * batch,). q, k, v: (B, H, rows, D), of sequences of `length` tokens. Of the first
    n heads of a work list, in its order: writes q8 and k8 (B, n, rows, K0 + K1) int8, v16 (B, n, rows, V) float16 with
    zeros from lane D on, and the scales q_scale and k_scale (B, n, rows) and v_scale (B, n) float32, all contiguous,
    rows in the order of `slots`.

    POOLED: of pooled keys and values (B, n, rows, D) instead, which come in order and without queries, and of which
    `heads` holds the heads' numbers alone; v_scale is left as it is. sums, peaks: of `statistics_kernel`, of all_heads
    heads. LANES: a power of two that D fits in.
    """
    blocks = tl.cdiv(rows, ROWS)
    pair = tl.program_id(0) // blocks
    b = (pair % batch).to(tl.int64)
    index = (pair // batch).to(tl.int64)
    count = tl.num_programs(0) // blocks // batch
    at = tl.program_id(0) % blocks * ROWS + tl.arange(0, ROWS)
    live = at < rows
    to = (b * count + index) * rows + at
    lane = tl.arange(0, LANES)
    kept = live[:, None] & (lane < D)[None, :]
    d0 = tl.arange(0, K0)
    d1 = K0 + tl.arange(0, max(K1, 16))
    kept0 = live[:, None] & (d0 < D)[None, :]
    kept1 = live[:, None] & (d1 < D)[None, :]
    if POOLED:
        of_head = b * all_heads + tl.load(heads + index)
        source = index
        token = at.to(tl.int64)
    else:
        source = tl.load(heads + index * HEAD_FIELDS + 7)
        of_head = b * all_heads + source
        token = tl.load(slots + at, mask=live, other=0).to(tl.int64)
        q_rows = q + b * q_batch * UNIT + source * q_head * UNIT + token[:, None] * (q_token * UNIT)
        x0 = tl.load(q_rows + d0[None, :], mask=kept0, other=0.0).to(tl.float32)
        x1 = x0
        if K1 > 0:
            x1 = tl.load(q_rows + d1[None, :], mask=kept1, other=0.0).to(tl.float32)
        _put(q8, q_scale, at, to, x0, x1, live, K0, K1)

    k_rows = k + b * k_batch * UNIT + source * k_head * UNIT + token[:, None] * (k_token * UNIT)
    x0 = tl.load(k_rows + d0[None, :], mask=kept0, other=0.0).to(tl.float32)
    x0 -= _mean(sums, of_head, 0, length, K0, LANES)[None, :]
    x1 = x0
    if K1 > 0:
        x1 = tl.load(k_rows + d1[None, :], mask=kept1, other=0.0).to(tl.float32)
        x1 -= _mean(sums, of_head, K0, length, K1, LANES)[None, :]
    _put(k8, k_scale, at, to, x0, x1, live, K0, K1)

    scale = value_scale(tl.max(tl.load(peaks + of_head * PARTS + tl.arange(0, PARTS)), 0))
    if not POOLED:
        tl.store(v_scale + b * count + index, scale)
    v_at = b * v_batch * UNIT + source * v_head * UNIT + token[:, None] * (v_token * UNIT) + lane[None, :]
    values = tl.load(v + v_at, mask=kept, other=0.0).to(tl.float32) * (1.0 / scale)
    tl.store(v16 + to[:, None] * V + lane[None, :], values.to(tl.float16), mask=live[:, None] & (lane < V)[None, :])
