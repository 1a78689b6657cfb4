"""What both kernels are made of: finding their work, the online softmax, and storing a block of the output.

    s = (q k^T * scale + bias) * log2(e);  m = max(m, row max of s);  p = 2^(s - m)
    acc = acc * 2^(m_before - m) + p v;  l likewise;  out = acc / l  (+ residual)

the online softmax of FlashAttention-2 (arXiv 2307.08691), over the pooled keys, which alone have a bias, where a window
has some (see `..pooling`), and over the key blocks that a work list names. Tiles: queries
(BM, D), keys and values (BN, D), accumulators (BM, D) in float32. D is cut into D0 + D1 lanes, of which the last may be
empty: powers of two, as Triton wants them, without padding 72, 80 or 96 to 128.
"""

import triton
import triton.language as tl

LOG2_E = tl.constexpr(1.4426950408889634)
# Lower than any score, yet finite: rows that have met no key yet keep a weight of 2^0 instead of NaN.
LOWEST = tl.constexpr(-1e30)
# Fields of a query block and of a head; see worklist.py.
BLOCK_FIELDS = tl.constexpr(12)
BLOCK_BITS = tl.constexpr(21)
BLOCK_MASK = tl.constexpr((1 << 21) - 1)
HEAD_FIELDS = tl.constexpr(7)
ADD_RESIDUAL = tl.constexpr(1)
COPY = tl.constexpr(2)
REFRESH = tl.constexpr(3)


@triton.jit
def find_work(items, heads, batch):
    """(batch row, head, the head's record, the query block's record) of this program, rows and heads as int64."""
    # One item's batch rows are neighbours: longest first over the whole batch.
    program = tl.program_id(0)
    row = (program % batch).to(tl.int64)
    item = tl.load(items + program // batch)
    head = item >> BLOCK_BITS
    record = heads + head * HEAD_FIELDS
    blocks = tl.load(record + 2).to(tl.pointer_type(tl.int32))
    return row, head.to(tl.int64), record, blocks + (item & BLOCK_MASK) * BLOCK_FIELDS


@triton.jit
def dot(a, b, UPCAST: tl.constexpr):
    """(M, K) x (K, N) -> (M, N) float32. UPCAST is for the interpreter, whose bfloat16 products are wrong."""
    if UPCAST:
        return tl.dot(a.to(tl.float32), b.to(tl.float32), input_precision="ieee")
    return tl.dot(a, b, input_precision="ieee")


@triton.jit
def weigh(s, total, top, factor):
    """From scores (BM, BN): weights (BM, BN), and the factor for what was there before, l and m, each (BM,)."""
    peak = tl.maximum(top, tl.max(s, 1) * factor)
    p = tl.exp2(s * factor - peak[:, None])
    shrink = tl.exp2(top - peak)
    return p, shrink, total * shrink + tl.sum(p, 1), peak


@triton.jit
def meet_pooled(
    acc0, acc1, total, top, q0, q1, k, v, bias, places, tiles, low, width, scale,
    BN: tl.constexpr, STAGES: tl.constexpr, D0: tl.constexpr, D1: tl.constexpr, D: tl.constexpr, UPCAST: tl.constexpr,
):  # fmt: skip
    """Meet a head's pooled keys, those of the tiles outside each query's box; returns the accumulators, l and m.

    k, v: (tiles, D) contiguous, bias: (tiles,) float32; places: (tiles,) int32, see `worklist.far_places`. low: (BM,)
    the first column of each query's box, and its width in columns. acc1 may be anything where D1 is 0.
    """
    lane = tl.arange(0, BN)
    d0 = tl.arange(0, D0)
    d1 = D0 + tl.arange(0, max(D1, 16))
    for start in tl.range(0, tiles, BN, num_stages=STAGES):
        tile = start + lane
        live = tile < tiles
        # k0: (D0, BN); k1: (D1, BN)
        k0 = tl.load(k + tile[None, :] * D + d0[:, None], mask=live[None, :], other=0.0)
        s = dot(q0, k0, UPCAST)
        if D1 > 0:
            k1 = tl.load(k + tile[None, :] * D + d1[:, None], mask=(d1 < D)[:, None] & live[None, :], other=0.0)
            s += dot(q1, k1, UPCAST)
        column = tl.load(places + tile, mask=live, other=0)
        # Columns before the box are large as unsigned numbers.
        near = (column[None, :] - low[:, None]).to(tl.uint32, bitcast=True) < width.to(tl.uint32, bitcast=True)
        # The softmax multiplies what it gets by the scale.
        s = tl.where(near, float("-inf"), s + (tl.load(bias + tile, mask=live, other=float("-inf")) / scale)[None, :])
        p, shrink, total, top = weigh(s, total, top, scale * LOG2_E)
        p = p.to(v.dtype.element_ty)
        # v0: (BN, D0); v1: (BN, D1)
        v0 = tl.load(v + tile[:, None] * D + d0[None, :], mask=live[:, None], other=0.0)
        acc0 = acc0 * shrink[:, None] + dot(p, v0, UPCAST)
        if D1 > 0:
            v1 = tl.load(v + tile[:, None] * D + d1[None, :], mask=(d1 < D)[None, :] & live[:, None], other=0.0)
            acc1 = acc1 * shrink[:, None] + dot(p, v1, UPCAST)
    return acc0, acc1, total, top


@triton.jit
def finish(
    value, out, twin, cached, residual, fresh, tokens, images, d, live, is_image, duty, has_twin,
    o_token, o_dim, t_token, t_dim, c_token, c_dim, r_token, r_dim, f_token, f_dim,
    D: tl.constexpr, UNIT: tl.constexpr, EMIT: tl.constexpr,
):  # fmt: skip
    """Store one part (BM, lanes) of the output, with what the head's duty adds. Predicates instead of branches: a
    predicated-off access moves no byte, and a branch here makes Triton 3.6 drop warp specialisation without a word."""
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
