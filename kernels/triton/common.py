"""What the attention kernels are made of: finding their work, the online softmax, and attention to pooled keys.

    s = (q k^T * scale + bias) * log2(e);  m = max(m, row maximum of s);  p = 2^(s - m)
    acc = acc * 2^(m_before - m) + p v;  l = l * 2^(m_before - m) + row sum of p;  out = acc / l  (+ residual)

the online softmax of FlashAttention-2 (arXiv 2307.08691), over the pooled keys, which alone have a bias, where a window
has some (see `..pooling`), and over the key blocks that a work list names. Blocks: queries
(BM, D), keys and values (BN, D), accumulators (BM, D) in float32. D is cut into D0 + D1 lanes, of which the last may be
empty: powers of two, as Triton wants them, without padding 72, 80 or 96 to 128.
"""

import triton
import triton.language as tl

LOG2_E = tl.constexpr(1.4426950408889634)
# Lower than any score, yet finite: rows that have seen no key yet keep a weight of 2^0 instead of NaN.
LOWEST = tl.constexpr(-1e30)
# Fields of a query block, of a head and of a part of a launch; see worklist.py.
BLOCK_FIELDS = tl.constexpr(12)
HEAD_FIELDS = tl.constexpr(10)
PART_FIELDS = tl.constexpr(4)
PARTS = tl.constexpr(5)
ADD_RESIDUAL = tl.constexpr(1)
COPY = tl.constexpr(2)
REFRESH = tl.constexpr(3)


@triton.jit
def find_work(parts, heads, batch):
    """(index in the batch, head, the head's record, the query block's record) of this program, the first two int64.

    parts: (PARTS, PART_FIELDS) int32, heads: (n, HEAD_FIELDS) int64, see `worklist.WorkList`.
    """
    # One item's batch is a run of programs: longest first over the whole batch.
    program = tl.program_id(0)
    b = (program % batch).to(tl.int64)
    item = program // batch
    part = (item >= tl.load(parts + PART_FIELDS)).to(tl.int32)
    for i in tl.static_range(2, PARTS):
        part += (item >= tl.load(parts + i * PART_FIELDS)).to(tl.int32)
    part = part * PART_FIELDS
    item -= tl.load(parts + part)
    blocks = tl.load(parts + part + 2)
    record = heads + (tl.load(parts + part + 1) + item // blocks) * HEAD_FIELDS
    block = tl.load(parts + part + 3) + item % blocks
    address = tl.load(record + 2).to(tl.pointer_type(tl.int32))
    return b, tl.load(record + 7), record, address + block * BLOCK_FIELDS


@triton.jit
def dot(a, b, UPCAST: tl.constexpr):
    """(M, K) x (K, N) -> (M, N) float32. UPCAST is for the interpreter, whose bfloat16 products are wrong."""
    if UPCAST:
        return tl.dot(a.to(tl.float32), b.to(tl.float32), input_precision="ieee")
    return tl.dot(a, b, input_precision="ieee")


@triton.jit
def softmax_step(s, row_sum, row_max, factor):
    """One step of the online softmax. s: scores (BM, BN) before `factor`, which is scale * log2(e); row_sum, row_max:
    l and m, (BM,). Returns the weights (BM, BN), what the accumulators are to be multiplied by (BM,), and l and m."""
    new_max = tl.maximum(row_max, tl.max(s, 1) * factor)
    p = tl.exp2(s * factor - new_max[:, None])
    rescale = tl.exp2(row_max - new_max)
    return p, rescale, row_sum * rescale + tl.sum(p, 1), new_max


@triton.jit
def attend_pooled(
    acc0, acc1, row_sum, row_max, q0, q1, k, v, bias, columns, tiles, low, width, scale,
    BN: tl.constexpr, STAGES: tl.constexpr, D0: tl.constexpr, D1: tl.constexpr, D: tl.constexpr, UPCAST: tl.constexpr,
):  # fmt: skip
    """Attend a head's pooled keys, those of the tiles outside each query's box; returns the accumulators, l and m.

    k, v: (tiles, D) contiguous, bias: (tiles,) float32; columns: (tiles,) int32, see `worklist.pooled_columns`. low:
    (BM,) the first column of each query's box, and its width in columns. acc1 may be anything where D1 is 0.
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
        column = tl.load(columns + tile, mask=live, other=0)
        # Columns before the box are large as unsigned numbers.
        in_box = (column[None, :] - low[:, None]).to(tl.uint32, bitcast=True) < width.to(tl.uint32, bitcast=True)
        # The softmax multiplies what it gets by the scale.
        of_tile = tl.load(bias + tile, mask=live, other=float("-inf")) / scale
        s = tl.where(in_box, float("-inf"), s + of_tile[None, :])
        p, rescale, row_sum, row_max = softmax_step(s, row_sum, row_max, scale * LOG2_E)
        p = p.to(v.dtype.element_ty)
        # v0: (BN, D0); v1: (BN, D1)
        v0 = tl.load(v + tile[:, None] * D + d0[None, :], mask=live[:, None], other=0.0)
        acc0 = acc0 * rescale[:, None] + dot(p, v0, UPCAST)
        if D1 > 0:
            v1 = tl.load(v + tile[:, None] * D + d1[None, :], mask=(d1 < D)[None, :] & live[:, None], other=0.0)
            acc1 = acc1 * rescale[:, None] + dot(p, v1, UPCAST)
    return acc0, acc1, row_sum, row_max
