"""What a warp group of `kernel` does with its accumulators: merge pooled keys, add or form a residual, store.

On a residual update (refresh) the window's output is stored in the residual's own memory in the middle of the keys, and
subtracted from the full output at the end: the threads that wrote it read it, since both happen in the layout of the
accumulators.
"""

from triton.experimental import gluon
from triton.experimental.gluon import language as gl

from .. import common
from . import preparation

find_work = gluon.jit(common.find_work.fn)
log_sum = gluon.jit(preparation.log_sum.fn)
ADD_RESIDUAL = gl.constexpr(common.ADD_RESIDUAL.value)
COPY = gl.constexpr(common.COPY.value)
REFRESH = gl.constexpr(common.REFRESH.value)
# Groups of four warps, and queries of each: the rows of one matrix instruction. A third group leaves each of them 160
# registers, and at head size 64 then 480 bytes spill.
GROUPS = gl.constexpr(2)
ROWS = gl.constexpr(64)


@gluon.jit
def store_window(
    acc0, acc1, row_sum, row_max, output, group: gl.constexpr, lanes0: gl.constexpr, lanes1: gl.constexpr,
    D1: gl.constexpr, kind: gl.constexpr,
):  # fmt: skip
    """Store a window's output (ROWS, D), without pooled keys and rounded as any output is, where the residual will be.

    acc0, acc1: accumulators before the division. row_sum, row_max: l and m, (ROWS,). output: the kernel's tensors,
    sizes and strides. kind: D, UNIT, EMIT, POOLED.
    """
    POOLED: gl.constexpr = kind[3]
    by_row: gl.constexpr = row_sum.type.layout
    if POOLED:
        # log2 of the window's sum over that of its pooled keys is stored over the latter. Four threads share a row:
        # the loop's barriers make the store visible to them, since after a window with pooled keys every key follows.
        rows, merged = _pooled_rows(output, group, by_row)
        pooled_sum = gl.load(output[0][5] + rows, mask=merged, other=0.0)
        gl.store(output[0][5] + rows, log_sum(row_sum, row_max) - pooled_sum, mask=merged)
    inverse = 1.0 / gl.where(row_sum > 0, row_sum, 1.0)
    _store_window_part(acc0, inverse, output, group, lanes0, 0, kind)
    if D1 > 0:
        _store_window_part(acc1, inverse, output, group, lanes1, acc0.shape[1], kind)


@gluon.jit
def merge_pooled(
    acc0, acc1, row_sum, row_max, output, group: gl.constexpr, lanes0: gl.constexpr, lanes1: gl.constexpr,
    D1: gl.constexpr, kind: gl.constexpr,
):  # fmt: skip
    """The accumulators and l with the share of pooled keys, whose own output `preparation.attend_pooled_kernel` left;
    on a residual update, whose full output has none, without it; and the weight (ROWS,) of pooled keys, on an update
    that in the stored window. Arguments as for `store_window`."""
    by_row: gl.constexpr = row_sum.type.layout
    tensors, sizes, strides = output
    b, head, record, block = find_work(tensors[6], tensors[7], sizes[0])
    rows, merged = _pooled_rows(output, group, by_row)
    if gl.load(record) == REFRESH:
        log_ratio = gl.load(tensors[5] + rows, mask=merged, other=float("inf"))
        weight = 1.0 / (1.0 + gl.exp2(log_ratio))
    else:
        pooled_sum = gl.load(tensors[5] + rows, mask=merged, other=float("-inf"))
        new_max = gl.maximum(row_max, pooled_sum)
        rescale = gl.exp2(row_max - new_max)
        weight = gl.exp2(pooled_sum - new_max)
        row_sum = row_sum * rescale + weight
        acc0 = _merged(acc0, rescale, weight, output, group, lanes0, 0, kind)
        if D1 > 0:
            acc1 = _merged(acc1, rescale, weight, output, group, lanes1, acc0.shape[1], kind)
    return acc0, acc1, row_sum, weight


@gluon.jit
def store_output(
    acc0, acc1, row_sum, weight, output, tiles, group: gl.constexpr, lanes0: gl.constexpr, lanes1: gl.constexpr,
    D1: gl.constexpr, kind: gl.constexpr,
):  # fmt: skip
    """Store a group's output, with what the head's role adds. Arguments as for `store_window`; weight: of
    `merge_pooled`. tiles: shared memory, whose first and fourth tensors hold this group's queries, which are no longer
    needed."""
    inverse = 1.0 / gl.where(row_sum > 0, row_sum, 1.0)
    _store(acc0, inverse, weight, output, tiles[0].index(group), group, lanes0, 0, kind)
    if D1 > 0:
        _store(acc1, inverse, weight, output, tiles[3].index(group), group, lanes1, acc0.shape[1], kind)


@gluon.jit
def _work(output, group: gl.constexpr):
    """Where a group's queries are: index in the batch, head, the head's record, the block's, the first slot, and how
    many of its ROWS count, none or fewer where the block ends before them."""
    tensors, sizes, strides = output
    b, head, record, block = find_work(tensors[6], tensors[7], sizes[0])
    return b, head, record, block, gl.load(block) + group * ROWS, gl.load(block + 1) - group * ROWS


@gluon.jit
def _step(stride, UNIT: gl.constexpr):
    """A stride or another size, int64. None is negative: extending a sign would take a register for each."""
    return stride.to(gl.uint32).to(gl.int64) * UNIT


@gluon.jit
def _tokens(output, record, slot, lane, count):
    """The sequence position of slots, int64: themselves, unless the head is in tile order."""
    tensors, sizes, strides = output
    ordered = gl.load(record + 4) >= 0
    looked_up = gl.load(tensors[8] + slot + lane, mask=(lane < count) & ordered, other=0)
    return (looked_up + gl.where(ordered, 0, slot + lane)).to(gl.int64)


@gluon.jit
def _pooled_rows(output, group: gl.constexpr, layout: gl.constexpr):
    """Where a group's rows are in `preparation.attend_pooled_kernel`'s output, and which have one: text sees no pooled
    keys."""
    tensors, sizes, strides = output
    batch, prefix, image, pools, refreshing = sizes
    b, head, record, block, slot, count = _work(output, group)
    pooled = gl.load(record + 5)
    lane = gl.arange(0, ROWS, layout)
    merged = (lane < count) & (pooled >= 0) & (gl.load(block + 8) >= 0)
    return (b * _step(pools, 1) + pooled) * _step(image, 1) + slot + lane, merged


@gluon.jit
def _pooled_out(
    output, group: gl.constexpr, lanes: gl.constexpr, width: gl.constexpr, first: gl.constexpr, D: gl.constexpr
):
    """A group's attention to pooled keys alone, (ROWS, width) float32, 0 without any."""
    tensors, sizes, strides = output
    rows, merged = _pooled_rows(output, group, gl.SliceLayout(1, lanes))
    d = first + gl.arange(0, width, gl.SliceLayout(0, lanes))
    kept = merged[:, None] & (d < D)[None, :]
    return gl.load(tensors[4] + rows[:, None] * D + d[None, :], mask=kept, other=0.0).to(gl.float32)


@gluon.jit
def _merged(
    acc, rescale, weight, output, group: gl.constexpr, lanes: gl.constexpr, first: gl.constexpr, kind: gl.constexpr
):
    by_row: gl.constexpr = gl.SliceLayout(1, lanes)
    pooled = _pooled_out(output, group, lanes, acc.shape[1], first, kind[0])
    return acc * gl.convert_layout(rescale, by_row)[:, None] + pooled * gl.convert_layout(weight, by_row)[:, None]


@gluon.jit
def _image_rows(output, group: gl.constexpr, lanes: gl.constexpr):
    """A group's index in the batch, the index of its head among those of the same role, its rows in the image, and
    which of them are image rows."""
    tensors, sizes, strides = output
    batch, prefix, image, pools, refreshing = sizes
    b, head, record, block, slot, count = _work(output, group)
    lane = gl.arange(0, ROWS, gl.SliceLayout(1, lanes))
    images = _tokens(output, record, slot, lane, count) - _step(prefix, 1)
    return b, gl.load(record + 1), images, (lane < count) & (images >= 0) & (images < _step(image, 1))


@gluon.jit
def _fresh_rows(
    output, group: gl.constexpr, lanes: gl.constexpr, width: gl.constexpr, first: gl.constexpr, D: gl.constexpr
):
    """Addresses (ROWS, width) in the residual that an update leaves, and which of them exist."""
    tensors, sizes, strides = output
    batch, prefix, image, pools, refreshing = sizes
    b, index, images, kept = _image_rows(output, group, lanes)
    d = first + gl.arange(0, width, gl.SliceLayout(0, lanes))
    at = ((b * _step(refreshing, 1) + index) * _step(image, 1) + images)[:, None] * D + d[None, :]
    return tensors[3] + at, kept[:, None] & (d < D)[None, :]


@gluon.jit
def _residual(
    output, group: gl.constexpr, lanes: gl.constexpr, width: gl.constexpr, first: gl.constexpr, D: gl.constexpr,
    UNIT: gl.constexpr,
):  # fmt: skip
    """The cached residual of a group's image rows, (ROWS, width) float32, 0 elsewhere."""
    tensors, sizes, strides = output
    b, index, images, kept = _image_rows(output, group, lanes)
    d = first + gl.arange(0, width, gl.SliceLayout(0, lanes))
    residual = tensors[2] + b * _step(strides[6], UNIT) + index * _step(strides[7], UNIT)
    rows = residual + images[:, None] * _step(strides[8], UNIT) + d[None, :]
    return gl.load(rows, mask=kept[:, None] & (d < D)[None, :], other=0.0).to(gl.float32)


@gluon.jit
def _store_window_part(
    acc, inverse, output, group: gl.constexpr, lanes: gl.constexpr, first: gl.constexpr, kind: gl.constexpr
):
    tensors, sizes, strides = output
    rows, kept = _fresh_rows(output, group, lanes, acc.shape[1], first, kind[0])
    value = acc * gl.convert_layout(inverse, gl.SliceLayout(1, lanes))[:, None]
    gl.store(rows, value.to(tensors[3].dtype.element_ty), mask=kept)


@gluon.jit
def _store(
    acc, inverse, weight, output, queries, group: gl.constexpr, lanes: gl.constexpr, first: gl.constexpr,
    kind: gl.constexpr,
):  # fmt: skip
    """Store one part (ROWS, lanes) of the output, with what the head's role adds."""
    tensors, sizes, strides = output
    out, cached, residual, fresh, pooled_out, pooled_sum, parts, heads, slots = tensors
    batch, prefix, image, pools, refreshing = sizes
    D: gl.constexpr = kind[0]
    UNIT: gl.constexpr = kind[1]
    EMIT: gl.constexpr = kind[2]
    POOLED: gl.constexpr = kind[3]
    WIDTH: gl.constexpr = acc.shape[1]
    element: gl.constexpr = out.dtype.element_ty
    # 16 bytes a thread, neighbours along a row.
    coalesced: gl.constexpr = gl.BlockedLayout([1, 8], [256 // WIDTH, WIDTH // 8], [4, 1], [1, 0])
    b, head, record, block, slot, count = _work(output, group)
    role = gl.load(record)
    lane = gl.arange(0, ROWS, gl.SliceLayout(1, coalesced))
    d = first + gl.arange(0, WIDTH, gl.SliceLayout(0, coalesced))
    tokens = _tokens(output, record, slot, lane, count)[:, None]
    kept = (lane < count)[:, None] & (d < D)[None, :]

    acc = acc * gl.convert_layout(inverse, gl.SliceLayout(1, lanes))[:, None]
    if role == ADD_RESIDUAL:
        acc += _residual(output, group, lanes, WIDTH, first, D, UNIT)
    if EMIT:
        if role == REFRESH:
            rows, exist = _fresh_rows(output, group, lanes, WIDTH, first, D)
            local = gl.load(rows, mask=exist, other=0.0).to(gl.float32)
            if POOLED:
                share = gl.convert_layout(weight, gl.SliceLayout(1, lanes))[:, None]
                local += share * (_pooled_out(output, group, lanes, WIDTH, first, D) - local)
            gl.store(rows, (acc - local).to(element), mask=exist)
    # Through shared memory: the accumulators' layout scatters a row among threads.
    staged = queries.reshape([ROWS, WIDTH])
    staged.store(acc.to(element))
    value = staged.load(coalesced)
    if role == COPY:
        cached += b * _step(strides[3], UNIT) + gl.load(record + 1) * _step(strides[4], UNIT)
        value = gl.load(cached + tokens * _step(strides[5], UNIT) + d[None, :], mask=kept, other=0.0)
    out += b * _step(strides[0], UNIT) + head * _step(strides[1], UNIT)
    gl.store(out + tokens * _step(strides[2], UNIT) + d[None, :], value, mask=kept)
