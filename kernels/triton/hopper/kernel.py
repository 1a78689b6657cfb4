# mypy: disable-error-code="assignment"
"""The kernel for Hopper, scheduled by hand in Gluon: one warp fetches, two warp groups take turns at multiplying.

As in FlashAttention-3 (arXiv 2407.08608, section 3), a group asks for the scores of the next keys before it multiplies
the last ones' weights with their values, and while it takes exponents another group has the matrix unit, in turns that
barriers hand on ("ping-pong"):

    group 0   q k1, p0 v0 | softmax 1 ........ | q k2, p1 v1 | softmax 2 ........
    group 1   softmax 0 ..| q k1, p0 v0 | softmax 1 ........ | q k2, p1 v1 | ....

`preparation` goes before it. Its one loop over `records` masks only the key blocks that need it, copied heads take no
product, and a residual update needs no launch after it: see `epilogue`. Descriptors are made on the host; the kernel
asks for no memory.

    queries (ROWS, D) a group, keys and values (BN, D) in a ring of STAGES, accumulators (ROWS, D) in float32

with D cut into D0 + D1 lanes as everywhere. tests/kernels/gluon_emulator.py runs this source on a CPU, with the order
of groups, copies and products drawn at random.
"""

from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia.hopper import (
    mbarrier,
    tma,
    warpgroup_mma,
    warpgroup_mma_wait,
)

from .. import common
from .epilogue import GROUPS, ROWS, find_work, merge_pooled, store_output, store_window

softmax_step = gluon.jit(common.softmax_step.fn)
LOG2_E = gl.constexpr(common.LOG2_E.value)
LOWEST = gl.constexpr(common.LOWEST.value)
REFRESH = gl.constexpr(common.REFRESH.value)
# Fields of a key block, see `records`: first slot, slots that count, offset of the first in its tile row, and slots of
# a tile (0: all queries see all, negative: a query sees what is outside its window).
RECORD_FIELDS = gl.constexpr(4)
# Wider than any window, in slots.
EVERYTHING = gl.constexpr(1 << 30)
# Slots that one comparison can speak for: the largest tile has so many, and blocks begin where tiles do.
HALF = gl.constexpr(64)


@gluon.jit(
    do_not_specialize=[
        "batch", "prefix", "image", "pools", "refreshing", "o_batch", "o_head", "o_token", "c_batch", "c_head",
        "c_token", "r_batch", "r_head", "r_token",
    ]
)  # fmt: skip
def pingpong_kernel(
    q0, k0, v0, q1, k1, v1, q0_tiled, k0_tiled, v0_tiled, q1_tiled, k1_tiled, v1_tiled, out, cached, residual, fresh,
    pooled_out, pooled_sum, parts, heads, slots, scale, batch, prefix, image, pools, refreshing,
    o_batch, o_head, o_token, c_batch, c_head, c_token, r_batch, r_head, r_token,
    BN: gl.constexpr, STAGES: gl.constexpr, D0: gl.constexpr, D1: gl.constexpr, D: gl.constexpr, UNIT: gl.constexpr,
    EMIT: gl.constexpr, POOLED: gl.constexpr,
):  # fmt: skip
    """Grid (items * batch,). As `pointer.attention_kernel`, for query blocks of GROUPS * ROWS and rows of D
    neighbouring elements, addresses and strides of tokens being multiples of 16 bytes; fresh (B, n, image, D)
    contiguous, with refreshing = n. pooled_out, pooled_sum: of `preparation.attend_pooled_kernel`.

    q0, k0, v0: descriptors of q, k and v (B, H, L, D) in blocks of (1, 1, ROWS, D0), (1, 1, BN, D0) and (1, 1, BN, D0).
    q1, k1, v1: likewise of D1 lanes, or anything where D1 is 0. Those of the copies in tile order, (B, n, L, D), are
    called tiled.
    """
    element: gl.constexpr = out.dtype.element_ty
    sources = (q0, k0, v0)
    sources_tiled = (q0_tiled, k0_tiled, v0_tiled)
    q_tiles = gl.allocate_shared_memory(element, [GROUPS, 1, 1, ROWS, D0], q0.layout)
    k_tiles = gl.allocate_shared_memory(element, [STAGES, 1, 1, BN, D0], k0.layout)
    v_tiles = gl.allocate_shared_memory(element, [STAGES, 1, 1, BN, D0], v0.layout)
    tiles = (q_tiles, k_tiles, v_tiles)
    if D1 > 0:
        sources = (q0, k0, v0, q1, k1, v1)
        sources_tiled = (q0_tiled, k0_tiled, v0_tiled, q1_tiled, k1_tiled, v1_tiled)
        q_rest = gl.allocate_shared_memory(element, [GROUPS, 1, 1, ROWS, D1], q1.layout)
        k_rest = gl.allocate_shared_memory(element, [STAGES, 1, 1, BN, D1], k1.layout)
        v_rest = gl.allocate_shared_memory(element, [STAGES, 1, 1, BN, D1], v1.layout)
        tiles = (q_tiles, k_tiles, v_tiles, q_rest, k_rest, v_rest)

    # Ready: filled by a copy. Free: every group has read it. Turn: a group may issue products.
    q_ready = gl.allocate_shared_memory(gl.int64, [1], mbarrier.MBarrierLayout())
    k_ready = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    v_ready = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    k_free = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    v_free = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    turn = gl.allocate_shared_memory(gl.int64, [GROUPS, 1], mbarrier.MBarrierLayout())
    mbarrier.init(q_ready, count=1)
    for stage in gl.static_range(STAGES):
        mbarrier.init(k_ready.index(stage), count=1)
        mbarrier.init(v_ready.index(stage), count=1)
        mbarrier.init(k_free.index(stage), count=GROUPS)
        mbarrier.init(v_free.index(stage), count=GROUPS)
    for group in gl.static_range(GROUPS):
        mbarrier.init(turn.index(group), count=1)
    signals = (q_ready, k_ready, v_ready, k_free, v_free, turn)

    shape: gl.constexpr = (BN, STAGES, D0, D1)
    fetched = (sources, sources_tiled, tiles, signals, parts, heads, batch)
    tensors = (out, cached, residual, fresh, pooled_out, pooled_sum, parts, heads, slots)
    sizes = (batch, prefix, image, pools, refreshing)
    strides = (o_batch, o_head, o_token, c_batch, c_head, c_token, r_batch, r_head, r_token)
    # What the epilogue needs, handed on as arguments: computed here, it would take registers all through the loop.
    output = (tensors, sizes, strides)
    kind: gl.constexpr = (D, UNIT, EMIT, POOLED)
    gl.warp_specialize(
        [
            (_group, (tiles, signals, scale, output, 0, shape, kind)),
            (_group, (tiles, signals, scale, output, 1, shape, kind)),
            (_fetch, (fetched, shape)),
        ],
        [4, 1],
        [240, 24],
    )


@gluon.jit
def _fetch(fetched, shape: gl.constexpr):
    """One warp: bring the queries once, and keys and values into the ring as it becomes free."""
    sources, sources_tiled, tiles, signals, parts, heads, batch = fetched
    b, head, record, block = find_work(parts, heads, batch)
    records = gl.load(record + 3).to(gl.pointer_type(gl.int32))
    tiled = gl.load(record + 4)
    b = b.to(gl.int32)
    if tiled >= 0:
        _fetch_from(sources_tiled, b, tiled.to(gl.int32), block, records, tiles, signals, shape)
    else:
        _fetch_from(sources, b, head.to(gl.int32), block, records, tiles, signals, shape)


@gluon.jit
def _fetch_from(sources, b, head, block, records, tiles, signals, shape: gl.constexpr):
    q_ready, k_ready, v_ready, k_free, v_free, turn = signals
    STAGES: gl.constexpr = shape[1]
    D0: gl.constexpr = shape[2]
    D1: gl.constexpr = shape[3]
    BYTES: gl.constexpr = 2 * (D0 + D1)
    first = gl.load(block + 4)
    last = gl.load(block + 5)
    if first < last:
        slot = gl.load(block)
        mbarrier.expect(q_ready, GROUPS * ROWS * BYTES)
        for group in gl.static_range(GROUPS):
            at = slot + group * ROWS
            tma.async_copy_global_to_shared(sources[0], [b, head, at, 0], q_ready, tiles[0].index(group))
            if D1 > 0:
                tma.async_copy_global_to_shared(sources[3], [b, head, at, D0], q_ready, tiles[3].index(group))
    for i in range(first, last):
        start = gl.load(records + i * RECORD_FIELDS)
        n = i - first
        stage = n % STAGES
        # The ring is free at first: the phase before a barrier's first counts as over.
        free = (n // STAGES & 1) ^ 1
        _fetch_block(1, sources, b, head, start, k_free.index(stage), free, k_ready.index(stage), tiles, stage, shape)
        _fetch_block(2, sources, b, head, start, v_free.index(stage), free, v_ready.index(stage), tiles, stage, shape)


@gluon.jit
def _fetch_block(which: gl.constexpr, sources, b, head, start, room, free, ready, tiles, stage, shape: gl.constexpr):
    """Ask for a block of keys (1) or values (2) as soon as the barrier `room` says that its stage is free."""
    BN: gl.constexpr = shape[0]
    D0: gl.constexpr = shape[2]
    D1: gl.constexpr = shape[3]
    BYTES: gl.constexpr = 2 * (D0 + D1)
    mbarrier.wait(room, free)
    mbarrier.expect(ready, BN * BYTES)
    tma.async_copy_global_to_shared(sources[which], [b, head, start, 0], ready, tiles[which].index(stage))
    if D1 > 0:
        at = [b, head, start, D0]
        tma.async_copy_global_to_shared(sources[which + 3], at, ready, tiles[which + 3].index(stage))


@gluon.jit
def _group(tiles, signals, scale, output, group: gl.constexpr, shape: gl.constexpr, kind: gl.constexpr):
    """One warp group: ROWS queries of the block, from their first scores to their output."""
    q_ready, k_ready, v_ready, k_free, v_free, turn = signals
    tensors, sizes, strides = output
    BN: gl.constexpr = shape[0]
    STAGES: gl.constexpr = shape[1]
    D0: gl.constexpr = shape[2]
    D1: gl.constexpr = shape[3]
    EMIT: gl.constexpr = kind[2]
    POOLED: gl.constexpr = kind[3]
    element: gl.constexpr = tensors[0].dtype.element_ty
    scores: gl.constexpr = gl.NVMMADistributedLayout([3, 0], [4, 1], [16, BN, 16])
    lanes0: gl.constexpr = gl.NVMMADistributedLayout([3, 0], [4, 1], [16, D0, 16])
    lanes1: gl.constexpr = gl.NVMMADistributedLayout([3, 0], [4, 1], [16, max(D1, 16), 16])
    weights: gl.constexpr = gl.DotOperandLayout(0, lanes0, 2)
    by_row: gl.constexpr = gl.SliceLayout(1, scores)

    b, head, record, block = find_work(tensors[6], tensors[7], sizes[0])
    records = gl.load(record + 3).to(gl.pointer_type(gl.int32))
    first = gl.load(block + 4)
    last = gl.load(block + 5)
    acc0 = gl.zeros([ROWS, D0], gl.float32, lanes0)
    # Without a second part the first stands in for it, so that it takes no register.
    acc1 = acc0
    if D1 > 0:
        acc1 = gl.zeros([ROWS, D1], gl.float32, lanes1)
    row_sum = gl.zeros([ROWS], gl.float32, by_row)
    row_max = gl.full([ROWS], LOWEST, gl.float32, by_row)
    weight = row_sum
    if first < last:
        factor = scale * LOG2_E
        # The record with whose values the window's output is complete, or one that never comes.
        window_end = last
        if EMIT:
            window_end = gl.load(block + 7)
            window_end = gl.where((gl.load(record) == REFRESH) & (window_end >= 0), window_end, last)

        column = gl.load(block + 3) + (gl.arange(0, ROWS, by_row) + group * ROWS) // gl.load(block + 6)
        count, offset, tile = _record(records, first)
        mbarrier.wait(q_ready, 0)
        mbarrier.wait(k_ready.index(0), 0)
        _wait_turn(turn, group, 0)
        s = _issue_scores(tiles, group, 0, scores, shape)
        _pass_turn(turn, group)
        s = warpgroup_mma_wait(0, [s])
        mbarrier.arrive(k_free.index(0), count=1)
        s = _masked(s, count, offset, tile, block, column, BN, scores)
        p, rescale, row_sum, row_max = softmax_step(s, row_sum, row_max, factor)
        p = gl.convert_layout(p.to(element), weights)
        mbarrier.wait(k_ready.index(1 % STAGES), 1 // STAGES, pred=first + 1 < last)
        for i in range(first + 1, last):
            n = i - first
            stage = n % STAGES
            before = (n - 1) % STAGES
            count, offset, tile = _record(records, i)
            mbarrier.wait(v_ready.index(before), (n - 1) // STAGES & 1)
            _wait_turn(turn, group, n)
            s = _issue_scores(tiles, group, stage, scores, shape)
            pending0, pending1 = _issue_values(p, acc0, acc1, tiles, before, shape)
            _pass_turn(turn, group)
            s = warpgroup_mma_wait(1 if D1 == 0 else 2, [s])
            mbarrier.arrive(k_free.index(stage), count=1)
            sum_before = row_sum
            max_before = row_max
            s = _masked(s, count, offset, tile, block, column, BN, scores)
            new_p, rescale, row_sum, row_max = softmax_step(s, row_sum, row_max, factor)
            # Predicated, that is behind a branch: in one block with them, the assembler would move this wait before the
            # exponents.
            mbarrier.wait(k_ready.index((n + 1) % STAGES), (n + 1) // STAGES & 1, pred=i + 1 < last)
            acc0, acc1 = _wait_values(pending0, pending1, p, D1)
            mbarrier.arrive(v_free.index(before), count=1)
            # Rounded only now: the matrix unit reads the last weights from their registers until its products are done.
            p = gl.convert_layout(new_p.to(element), weights)
            if EMIT:
                if i - 1 == window_end:
                    store_window(acc0, acc1, sum_before, max_before, output, group, lanes0, lanes1, D1, kind)
            acc0 = acc0 * gl.convert_layout(rescale, gl.SliceLayout(1, lanes0))[:, None]
            if D1 > 0:
                acc1 = acc1 * gl.convert_layout(rescale, gl.SliceLayout(1, lanes1))[:, None]
        n = last - first - 1
        mbarrier.wait(v_ready.index(n % STAGES), n // STAGES & 1)
        pending0, pending1 = _issue_values(p, acc0, acc1, tiles, n % STAGES, shape)
        acc0, acc1 = _wait_values(pending0, pending1, p, D1)
        if EMIT:
            if last - 1 == window_end:
                store_window(acc0, acc1, row_sum, row_max, output, group, lanes0, lanes1, D1, kind)
        if POOLED and EMIT:
            acc0, acc1, row_sum, weight = merge_pooled(
                acc0, acc1, row_sum, row_max, output, group, lanes0, lanes1, D1, kind
            )
    # Without residual updates the merge is here and not in the branch above, and with them it is there: the other way
    # round either spills registers. Copied heads, which skip the branch, have no pooled keys to merge.
    if POOLED and not EMIT:
        acc0, acc1, row_sum, weight = merge_pooled(
            acc0, acc1, row_sum, row_max, output, group, lanes0, lanes1, D1, kind
        )
    store_output(acc0, acc1, row_sum, weight, output, tiles, group, lanes0, lanes1, D1, kind)


@gluon.jit
def _wait_turn(turn, group: gl.constexpr, n):
    # Group 0 has the first turn without waiting; from then on a barrier's phases alternate.
    mbarrier.wait(turn.index(group), (n & 1) ^ (1 if group == 0 else 0))


@gluon.jit
def _pass_turn(turn, group: gl.constexpr):
    mbarrier.arrive(turn.index((group + 1) % GROUPS), count=1)


@gluon.jit
def _issue_scores(tiles, group: gl.constexpr, stage, scores: gl.constexpr, shape: gl.constexpr):
    """Scores (ROWS, BN) of the keys in a stage, issued to the matrix unit and not waited for."""
    BN: gl.constexpr = shape[0]
    D0: gl.constexpr = shape[2]
    D1: gl.constexpr = shape[3]
    q = tiles[0].index(group).reshape([ROWS, D0])
    k = tiles[1].index(stage).reshape([BN, D0])
    s = warpgroup_mma(q, k.permute((1, 0)), gl.zeros([ROWS, BN], gl.float32, scores), use_acc=False, is_async=True)
    if D1 > 0:
        q = tiles[3].index(group).reshape([ROWS, D1])
        k = tiles[4].index(stage).reshape([BN, D1])
        s = warpgroup_mma(q, k.permute((1, 0)), s, is_async=True)
    return s


@gluon.jit
def _issue_values(p, acc0, acc1, tiles, stage, shape: gl.constexpr):
    """The accumulators plus weights times the values in a stage, issued and not waited for."""
    BN: gl.constexpr = shape[0]
    D0: gl.constexpr = shape[2]
    D1: gl.constexpr = shape[3]
    pending0 = warpgroup_mma(p, tiles[2].index(stage).reshape([BN, D0]), acc0, is_async=True)
    pending1 = pending0
    if D1 > 0:
        pending1 = warpgroup_mma(p, tiles[5].index(stage).reshape([BN, D1]), acc1, is_async=True)
    return pending0, pending1


@gluon.jit
def _wait_values(pending0, pending1, p, D1: gl.constexpr):
    """The accumulators when every product is complete; p: the weights, kept in their registers until then."""
    if D1 > 0:
        acc0, acc1, p = warpgroup_mma_wait(0, [pending0, pending1, p])
    else:
        acc0, p = warpgroup_mma_wait(0, [pending0, p])
        acc1 = acc0
    return acc0, acc1


@gluon.jit
def _record(records, i):
    """What a record says besides its first row; see `records`."""
    entry = records + i * RECORD_FIELDS
    return gl.load(entry + 1), gl.load(entry + 2), gl.load(entry + 3)


@gluon.jit
def _masked(s, count, offset, tile, block, column, BN: gl.constexpr, scores: gl.constexpr):
    """The scores of a record's keys, -inf where a query does not see one; a whole block that all see is left alone.
    column: (ROWS,) the tile of each query along the last axis."""
    if (tile != 0) | (count < BN):
        half = gl.load(block + 2)
        low = column - half
        span = 2 * half + 1
        # One unsigned comparison: a negative width, as an unsigned number, lets through what lies before the window and
        # behind it.
        lane = gl.arange(0, BN, gl.SliceLayout(0, scores))
        begin = low * gl.abs(tile) + gl.where(tile < 0, -span * tile, 0)
        width = gl.where(tile == 0, EVERYTHING, span * tile).to(gl.uint32, bitcast=True)
        if ((tile | offset | count) & (HALF - 1)) == 0:
            # Each half lies in one tile, whose keys a query sees or does not: one comparison for each half and row.
            row_at = offset - begin
            first = (row_at.to(gl.uint32, bitcast=True) < width) & (count > 0)
            second = ((row_at + HALF).to(gl.uint32, bitcast=True) < width) & (count > HALF)
            s = gl.where(gl.where((lane < HALF)[None, :], first[:, None], second[:, None]), s, float("-inf"))
        else:
            at = (offset + lane)[None, :] - begin[:, None]
            inside = (at.to(gl.uint32, bitcast=True) < width) & (lane < count)[None, :]
            s = gl.where(inside, s, float("-inf"))
    return s
