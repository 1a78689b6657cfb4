"""The kernel for Hopper: one group of warps fetches keys and values, two groups multiply.

Triton splits the program so by itself (`warp_specialize`), where it is written as its compiler can take it. What breaks
the split, often without a word, was found by compiling (asserted in tests/test_kernels_triton_compiled.py):

    4 warps, descriptors made in the kernel, queries from a descriptor too, one loop over the keys, no branch in it or
    behind it that yields a tensor, and no row of numbers from memory inside it

Hence one list of key blocks, all of them masked, and a row's tile is counted from the block's first instead of looked
up. A branch around a store alone is allowed: on a refresh the window's output is set aside in the middle of the keys,
in tile order, and `residual_kernel` forms full - window of it afterwards. Read back by this kernel, it might lie with
another thread than the one that wrote it.

Pooled keys are met in a launch before (`far_kernel`), whose softmax joins this one's behind the loop, by the log of
each one's sum: Triton 3.6 fails to compile a second loop in front of the specialised one ("PassManager::run failed" in
its warp specialisation), and a bias in that loop would be a row of numbers from memory. A refresh, whose full attention
has no pooled keys, joins them in `residual_kernel`.

A descriptor fetches neighbouring rows, so that queries, keys and values of windowed heads are put in tile order once a
call (`order_kernel`); full heads need no order and are read where they lie. It fetches whole blocks: lanes that do not
count weigh zero, but NaN among them spreads, as it does in dense attention; blocks that are not listed are not read.

Head sizes that are no power of two are cut in two parts of lanes, each with descriptors of its own. Filled up to 128
lanes with zeros by the descriptor, 72 would take 78 % more products than needed and the shared memory of 128.
"""

import triton
import triton.language as tl

from .parts import HEAD_FIELDS, LOG2_E, LOWEST, REFRESH, dot, find_work, finish, meet_pooled, weigh

# Fields of a key block: first row, rows that count, offset of the first in its row of tiles, tile (0: all see all,
# negative: who sees a lane in the window does not see it here).
RECORD_FIELDS = tl.constexpr(4)
FAR = tl.constexpr(1 << 30)


@triton.jit(
    do_not_specialize=[
        "batch", "length", "prefix", "image", "has_twin", "pools", "q_batch", "q_head", "q_token", "k_batch", "k_head",
        "k_token", "v_batch", "v_head", "v_token", "o_batch", "o_head", "o_token", "t_batch", "t_head", "t_token",
        "c_batch", "c_head", "c_token", "r_batch", "r_head", "r_token", "x_batch", "x_head", "s_batch", "s_head",
    ]
)  # fmt: skip
def specialized_kernel(
    q, k, v, out, twin, cached, residual, snapshot, snapshot_sum, q_tiled, k_tiled, v_tiled, far, far_sum, items, heads,
    slots, scale, batch, length, prefix, image, has_twin, pools, q_batch, q_head, q_token, k_batch, k_head, k_token,
    v_batch, v_head, v_token, o_batch, o_head, o_token, t_batch, t_head, t_token, c_batch, c_head, c_token, r_batch,
    r_head, r_token, x_batch, x_head, s_batch, s_head,
    BM: tl.constexpr, BN: tl.constexpr, D0: tl.constexpr, D1: tl.constexpr, D: tl.constexpr, UNIT: tl.constexpr,
    EMIT: tl.constexpr, POOLED: tl.constexpr, UPCAST: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Grid (items * batch,). As `kernel.attention_kernel`, for rows of D neighbouring elements.

    q_tiled, k_tiled, v_tiled: (B, n, L, D) contiguous, of strides x_batch and x_head: windowed heads in tile order.
    Addresses and the strides of tokens are multiples of 16 bytes.
    snapshot: (B, n, L, D) contiguous, of strides s_batch and s_head: receives refreshing heads' windows in tile order,
    without pooled keys. POOLED: whether some window pools; then snapshot_sum: (B, n, L) float32, their `log_sum`, and
    far, far_sum: of `far_kernel`.
    """
    row, head, record, block = find_work(items, heads, batch)
    duty = tl.load(record)
    place = tl.load(record + 1)
    records = tl.load(record + 3).to(tl.pointer_type(tl.int32))
    tiled = tl.load(record + 4)
    ordered = tiled >= 0
    slot = tl.load(block)

    # Either the caller's tensor or the copy in tile order, by address: a branch would be one too many.
    x_at = row * x_batch * UNIT + tiled * x_head * UNIT
    q_at = _either(ordered, q_tiled, q) + tl.where(ordered, x_at, row * q_batch * UNIT + head * q_head * UNIT)
    k_at = _either(ordered, k_tiled, k) + tl.where(ordered, x_at, row * k_batch * UNIT + head * k_head * UNIT)
    v_at = _either(ordered, v_tiled, v) + tl.where(ordered, x_at, row * v_batch * UNIT + head * v_head * UNIT)
    q_row = tl.where(ordered, D, q_token * UNIT).to(tl.int64)
    k_row = tl.where(ordered, D, k_token * UNIT).to(tl.int64)
    v_row = tl.where(ordered, D, v_token * UNIT).to(tl.int64)
    # Rows behind the last are read as zeros, and so are lanes behind D.
    q0 = tl.make_tensor_descriptor(q_at, [length, D], [q_row, 1], [BM, D0]).load([slot, 0])
    k0_rows = tl.make_tensor_descriptor(k_at, [length, D], [k_row, 1], [BN, D0])
    v0_rows = tl.make_tensor_descriptor(v_at, [length, D], [v_row, 1], [BN, D0])
    acc0 = tl.zeros([BM, D0], tl.float32)
    if D1 > 0:
        q1 = tl.make_tensor_descriptor(q_at, [length, D], [q_row, 1], [BM, D1]).load([slot, D0])
        k1_rows = tl.make_tensor_descriptor(k_at, [length, D], [k_row, 1], [BN, D1])
        v1_rows = tl.make_tensor_descriptor(v_at, [length, D], [v_row, 1], [BN, D1])
        acc1 = tl.zeros([BM, D1], tl.float32)
    total = tl.zeros([BM], tl.float32)
    top = tl.zeros([BM], tl.float32) + LOWEST
    factor = scale * LOG2_E

    lane = tl.arange(0, BN)
    half = tl.load(block + 2)
    span = 2 * half + 1
    row_lane = tl.arange(0, BM)
    low = tl.load(block + 3) - half + row_lane // tl.load(block + 6)
    if EMIT:
        edge = tl.where(duty == REFRESH, tl.load(block + 7), -1)
        aside = tl.load(block + 1)
        # A row's number alone, of which both addresses are made where they are needed: registers are full in the loop.
        s_row = (row * s_batch + place * s_head) * UNIT // D + slot
    for i in tl.range(tl.load(block + 4), tl.load(block + 5), warp_specialize=True):
        entry = records + i * RECORD_FIELDS
        start = tl.load(entry)
        count = tl.load(entry + 1)
        offset = tl.load(entry + 2)
        tile = tl.load(entry + 3)
        # k0: (BN, D0); k1: (BN, D1)
        k0 = k0_rows.load([start, 0])
        s = dot(q0, k0.T, UPCAST)
        if D1 > 0:
            k1 = k1_rows.load([start, D0])
            s += dot(q1, k1.T, UPCAST)
        # Whether all see all or a row's window ends inside: one subtraction and one unsigned comparison a score.
        first = low * tl.abs(tile) + tl.where(tile < 0, -span * tile, 0)
        at = tl.where(lane < count, offset + lane, FAR)[None, :] - first[:, None]
        # As an unsigned number, what a negative width lacks to 2^32: the lanes before the window and behind it.
        width = tl.where(tile == 0, BN, span * tile)
        inside = at.to(tl.uint32, bitcast=True) < width.to(tl.uint32, bitcast=True)
        if EMIT:
            inside = inside & (lane < count)[None, :]
        s = tl.where(inside, s, float("-inf"))
        p, shrink, total, top = weigh(s, total, top, factor)
        p = p.to(v.dtype.element_ty)
        # v0: (BN, D0); v1: (BN, D1)
        v0 = v0_rows.load([start, 0])
        acc0 = acc0 * shrink[:, None] + dot(p, v0, UPCAST)
        if D1 > 0:
            v1 = v1_rows.load([start, D0])
            acc1 = acc1 * shrink[:, None] + dot(p, v1, UPCAST)
        if EMIT:
            if i == edge:
                inverse = 1.0 / tl.where(total > 0, total, 1.0)
                s_rows = snapshot + (s_row + row_lane)[:, None] * D
                kept = (row_lane < aside)[:, None]
                local = (acc0 * inverse[:, None]).to(snapshot.dtype.element_ty)
                tl.store(s_rows + tl.arange(0, D0)[None, :], local, mask=kept)
                if D1 > 0:
                    d1 = D0 + tl.arange(0, D1)
                    local = (acc1 * inverse[:, None]).to(snapshot.dtype.element_ty)
                    tl.store(s_rows + d1[None, :], local, mask=kept & (d1 < D)[None, :])
                if POOLED:
                    tl.store(snapshot_sum + s_row + row_lane, log_sum(total, top), mask=row_lane < aside)

    live = row_lane < tl.load(block + 1)
    d0 = tl.arange(0, D0)
    if POOLED:
        # Its work is found again and not kept: registers are full in the loop, and two refreshing binaries would spill.
        far_row, _, far_record, far_block = find_work(items, heads, batch)
        pooled = tl.load(far_record + 5)
        joined = live & (pooled >= 0) & (tl.load(far_block + 8) >= 0) & (tl.load(far_record) != REFRESH)
        far_at = (far_row * pools + pooled) * image + slot + row_lane
        apart = tl.load(far_sum + far_at, mask=joined, other=float("-inf"))
        peak = tl.maximum(top, apart)
        shrink = tl.exp2(top - peak)
        weight = tl.exp2(apart - peak)
        total = total * shrink + weight
        far_rows = far + far_at[:, None] * D
        far0 = tl.load(far_rows + d0[None, :], mask=joined[:, None], other=0.0).to(tl.float32)
        acc0 = acc0 * shrink[:, None] + far0 * weight[:, None]
        if D1 > 0:
            f1 = D0 + tl.arange(0, D1)
            far1 = tl.load(far_rows + f1[None, :], mask=joined[:, None] & (f1 < D)[None, :], other=0.0).to(tl.float32)
            acc1 = acc1 * shrink[:, None] + far1 * weight[:, None]
    tokens = tl.load(slots + slot + row_lane, mask=live & ordered, other=0) + tl.where(ordered, 0, slot + row_lane)
    if WIDE:
        tokens = tokens.to(tl.int64)
    images = tokens - prefix
    is_image = (images >= 0) & (images < image)
    out += row * o_batch * UNIT + head * o_head * UNIT
    twin += row * t_batch * UNIT + head * t_head * UNIT
    cached += row * c_batch * UNIT + place * c_head * UNIT
    residual += row * r_batch * UNIT + place * r_head * UNIT
    d0 = tl.arange(0, D0)
    inverse = 1.0 / tl.where(total > 0, total, 1.0)
    finish(
        acc0 * inverse[:, None], out, twin, cached, residual, residual, tokens, images, d0, live, is_image, duty,
        has_twin, o_token, 1, t_token, 1, c_token, 1, r_token, 1, 0, 1, D, UNIT, False,
    )  # fmt: skip
    if D1 > 0:
        d1 = D0 + tl.arange(0, D1)
        finish(
            acc1 * inverse[:, None], out, twin, cached, residual, residual, tokens, images, d1, live, is_image, duty,
            has_twin, o_token, 1, t_token, 1, c_token, 1, r_token, 1, 0, 1, D, UNIT, False,
        )  # fmt: skip


@triton.jit
def log_sum(total, top):
    """log2 of the sum of 2^s of each row, -inf where it has met no key."""
    return tl.where(total > 0, top + tl.log2(total), float("-inf"))


@triton.jit(do_not_specialize=["batch", "image", "pools", "tiles", "x_batch", "x_head"])
def far_kernel(
    q_tiled, pooled_k, pooled_v, pooled_bias, far, far_sum, items, heads, scale, batch, image, pools, tiles, x_batch,
    x_head, BM: tl.constexpr, BN: tl.constexpr, STAGES: tl.constexpr, D0: tl.constexpr, D1: tl.constexpr,
    D: tl.constexpr, UNIT: tl.constexpr, UPCAST: tl.constexpr,
):  # fmt: skip
    """Grid (items * batch,). Attention to pooled keys alone, for query blocks of image tokens: far (B, pools, image, D)
    and far_sum (B, pools, image) float32, the `log_sum` of each row, both contiguous and in tile order.

    q_tiled: (B, n, L, D), as for `specialized_kernel`; pooled_k, pooled_v: (B, pools, tiles, D) and pooled_bias:
    (B, pools, tiles) float32, contiguous.
    """
    row, head, record, block = find_work(items, heads, batch)
    pooled = tl.load(record + 5)
    places = tl.load(record + 6).to(tl.pointer_type(tl.int32)) + tl.load(block + 8) * tiles
    lane = tl.arange(0, BM)
    live = lane < tl.load(block + 1)
    slots = tl.load(block) + lane
    half = tl.load(block + 2)
    low = tl.load(block + 3) - half + lane // tl.load(block + 6)

    q_tiled += row * x_batch * UNIT + tl.load(record + 4) * x_head * UNIT
    q_rows = q_tiled + slots.to(tl.int64)[:, None] * D
    d0 = tl.arange(0, D0)
    d1 = D0 + tl.arange(0, max(D1, 16))
    q0 = tl.load(q_rows + d0[None, :], mask=live[:, None], other=0.0)
    acc0 = tl.zeros([BM, D0], tl.float32)
    total = tl.zeros([BM], tl.float32)
    top = tl.zeros([BM], tl.float32) + LOWEST
    if D1 > 0:
        q1 = tl.load(q_rows + d1[None, :], mask=live[:, None] & (d1 < D)[None, :], other=0.0)
        acc1 = tl.zeros([BM, D1], tl.float32)
    else:
        q1 = q0
        acc1 = total
    p_at = (row * pools + pooled) * tiles
    acc0, acc1, total, top = meet_pooled(
        acc0, acc1, total, top, q0, q1, pooled_k + p_at * D, pooled_v + p_at * D, pooled_bias + p_at, places, tiles,
        low, 2 * half + 1, scale, BN, STAGES, D0, D1, D, UPCAST,
    )  # fmt: skip

    far_at = (row * pools + pooled) * image + slots
    tl.store(far_sum + far_at, log_sum(total, top), mask=live)
    inverse = 1.0 / tl.where(total > 0, total, 1.0)
    far_rows = far + far_at[:, None] * D
    tl.store(far_rows + d0[None, :], (acc0 * inverse[:, None]).to(far.dtype.element_ty), mask=live[:, None])
    if D1 > 0:
        value = (acc1 * inverse[:, None]).to(far.dtype.element_ty)
        tl.store(far_rows + d1[None, :], value, mask=live[:, None] & (d1 < D)[None, :])


@triton.jit
def _either(condition, a, b):
    """The address a or b, as pointers of b's type."""
    return tl.where(condition, a.to(tl.int64), b.to(tl.int64)).to(b.dtype)


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
    """Grid (blocks of ROWS slots, n * batch). Copies the heads `chosen` (n,) of q, k and v (B, H, L, D) into
    (B, n, L, D) with the tokens in tile order. LANES: D rounded up to a power of two."""
    at = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    live = at < length
    token = tl.load(slots + at, mask=live, other=0).to(tl.int64)
    lane = tl.arange(0, LANES)
    kept = live[:, None] & (lane < D)[None, :]
    row = (tl.program_id(1) % batch).to(tl.int64)
    place = tl.program_id(1) // batch
    head = tl.load(chosen + place).to(tl.int64)
    x_at = row * x_batch * UNIT + place.to(tl.int64) * x_head * UNIT + at.to(tl.int64)[:, None] * D + lane[None, :]
    q_at = row * q_batch * UNIT + head * q_head * UNIT + token[:, None] * (q_token * UNIT) + lane[None, :]
    tl.store(q_tiled + x_at, tl.load(q + q_at, mask=kept, other=0.0), mask=kept)
    k_at = row * k_batch * UNIT + head * k_head * UNIT + token[:, None] * (k_token * UNIT) + lane[None, :]
    tl.store(k_tiled + x_at, tl.load(k + k_at, mask=kept, other=0.0), mask=kept)
    v_at = row * v_batch * UNIT + head * v_head * UNIT + token[:, None] * (v_token * UNIT) + lane[None, :]
    tl.store(v_tiled + x_at, tl.load(v + v_at, mask=kept, other=0.0), mask=kept)


@triton.jit(
    do_not_specialize=[
        "batch", "length", "prefix", "image", "pools", "o_batch", "o_head", "o_token", "s_batch", "s_head", "f_batch",
        "f_head",
    ]
)  # fmt: skip
def residual_kernel(
    out, snapshot, snapshot_sum, far, far_sum, fresh, chosen, heads, slots, batch, length, prefix, image, pools,
    o_batch, o_head, o_token, s_batch, s_head, f_batch, f_head,
    ROWS: tl.constexpr, LANES: tl.constexpr, D: tl.constexpr, UNIT: tl.constexpr, POOLED: tl.constexpr,
):  # fmt: skip
    """Grid (blocks of ROWS slots, n * batch). fresh (B, n, image, D) = out (B, H, L, D) of the heads `chosen` (n,)
    minus snapshot (B, n, L, D), which is in tile order and, where the head's window pools, joined with `far` by the
    sums of both; all but `out` contiguous."""
    slot = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    live = slot < image
    token = tl.load(slots + slot, mask=live, other=0).to(tl.int64)
    lane = tl.arange(0, LANES)
    kept = live[:, None] & (lane < D)[None, :]
    row = (tl.program_id(1) % batch).to(tl.int64)
    place = (tl.program_id(1) // batch).to(tl.int64)
    head = tl.load(chosen + place).to(tl.int64)
    o_at = row * o_batch * UNIT + head * o_head * UNIT + token[:, None] * (o_token * UNIT) + lane[None, :]
    s_at = row * s_batch * UNIT + place * s_head * UNIT + slot.to(tl.int64)[:, None] * D + lane[None, :]
    f_at = row * f_batch * UNIT + place * f_head * UNIT + (token - prefix)[:, None] * D + lane[None, :]
    full = tl.load(out + o_at, mask=kept, other=0.0).to(tl.float32)
    local = tl.load(snapshot + s_at, mask=kept, other=0.0).to(tl.float32)
    if POOLED:
        pooled = tl.load(heads + head * HEAD_FIELDS + 5)
        joined = live & (pooled >= 0)
        far_at = (row * pools + pooled) * image + slot
        apart = tl.load(far_sum + far_at, mask=joined, other=float("-inf"))
        within = tl.load(
            snapshot_sum + (row * (tl.num_programs(1) // batch) + place) * length + slot, mask=live, other=0.0
        )
        # Nothing far away: 1 / (1 + 2^inf).
        weight = 1.0 / (1.0 + tl.exp2(within - apart))
        far_rows = tl.load(far + far_at[:, None] * D + lane[None, :], mask=kept & joined[:, None], other=0.0)
        local += weight[:, None] * (far_rows.to(tl.float32) - local)
    tl.store(fresh + f_at, (full - local).to(fresh.dtype.element_ty), mask=kept)
