"""What a warp group of `pingpong` does with its accumulators: join pooled keys, add or form a residual, store.

A refresh sets its window's output aside in the residual's own memory, in the middle of its keys, and takes it from the
full output in the end: the threads that wrote it read it, since both happen in the layout of the accumulators.
"""

from triton.experimental import gluon
from triton.experimental.gluon import language as gl

from . import parts, specialized

find_work = gluon.jit(parts.find_work.fn)
log_sum = gluon.jit(specialized.log_sum.fn)
ADD_RESIDUAL = gl.constexpr(parts.ADD_RESIDUAL.value)
COPY = gl.constexpr(parts.COPY.value)
REFRESH = gl.constexpr(parts.REFRESH.value)
# Groups of four warps, and queries of each: the rows of one matrix instruction. A third group leaves each of them 160
# registers, and at head size 64 then 480 bytes spill.
GROUPS = gl.constexpr(2)
ROWS = gl.constexpr(64)


@gluon.jit
def set_aside(
    acc0, acc1, total, top, output, group: gl.constexpr, lanes0: gl.constexpr, lanes1: gl.constexpr, D1: gl.constexpr,
    kind: gl.constexpr,
):  # fmt: skip
    """Store a window's output (ROWS, D), without pooled keys and rounded as any output is, where the residual will be.

    acc0, acc1: accumulators before the division. total, top: l and m, (ROWS,). output: the kernel's tensors, sizes and
    strides. kind: D, UNIT, EMIT, POOLED.
    """
    POOLED: gl.constexpr = kind[3]
    by_row: gl.constexpr = total.type.layout
    if POOLED:
        # How much more the window weighs than its pooled keys, in place of what these weigh. Four threads share a row:
        # the loop's barriers make it known to them, since after a window with pooled keys every key follows.
        rows, joined = _far_rows(output, group, by_row)
        apart = gl.load(output[0][6] + rows, mask=joined, other=0.0)
        gl.store(output[0][6] + rows, log_sum(total, top) - apart, mask=joined)
    inverse = 1.0 / gl.where(total > 0, total, 1.0)
    _put_aside(acc0, inverse, output, group, lanes0, 0, kind)
    if D1 > 0:
        _put_aside(acc1, inverse, output, group, lanes1, acc0.shape[1], kind)


@gluon.jit
def join_pooled(
    acc0, acc1, total, top, output, group: gl.constexpr, lanes0: gl.constexpr, lanes1: gl.constexpr, D1: gl.constexpr,
    kind: gl.constexpr,
):  # fmt: skip
    """The accumulators and l with the share of pooled keys, whose own output `specialized.far_kernel` left; on a
    refresh, whose output has none, without, and their weight (ROWS,) in what was set aside. Arguments as there."""
    by_row: gl.constexpr = total.type.layout
    tensors, sizes, strides = output
    row, head, record, block = find_work(tensors[7], tensors[8], sizes[0])
    rows, joined = _far_rows(output, group, by_row)
    if gl.load(record) == REFRESH:
        excess = gl.load(tensors[6] + rows, mask=joined, other=float("inf"))
        weight = 1.0 / (1.0 + gl.exp2(excess))
    else:
        apart = gl.load(tensors[6] + rows, mask=joined, other=float("-inf"))
        peak = gl.maximum(top, apart)
        shrink = gl.exp2(top - peak)
        weight = gl.exp2(apart - peak)
        total = total * shrink + weight
        acc0 = _blended(acc0, shrink, weight, output, group, lanes0, 0, kind)
        if D1 > 0:
            acc1 = _blended(acc1, shrink, weight, output, group, lanes1, acc0.shape[1], kind)
    return acc0, acc1, total, weight


@gluon.jit
def store_output(
    acc0, acc1, total, weight, output, tiles, group: gl.constexpr, lanes0: gl.constexpr, lanes1: gl.constexpr,
    D1: gl.constexpr, kind: gl.constexpr,
):  # fmt: skip
    """Store a group's output, with what the head's duty adds. Arguments as for `set_aside`; weight: of `join_pooled`.
    tiles: shared memory, in whose first and fourth tensors this group's queries lie, which it needs no more."""
    inverse = 1.0 / gl.where(total > 0, total, 1.0)
    _store(acc0, inverse, weight, output, tiles[0].index(group), group, lanes0, 0, kind)
    if D1 > 0:
        _store(acc1, inverse, weight, output, tiles[3].index(group), group, lanes1, acc0.shape[1], kind)


@gluon.jit
def _work(output, group: gl.constexpr):
    """Where a group's queries are: batch row, head, the head's record, the block's, the first slot, and how many rows
    count, none or fewer where the block ends before them."""
    tensors, sizes, strides = output
    row, head, record, block = find_work(tensors[7], tensors[8], sizes[0])
    return row, head, record, block, gl.load(block) + group * ROWS, gl.load(block + 1) - group * ROWS


@gluon.jit
def _step(stride, UNIT: gl.constexpr):
    """A stride or another size, int64. They have no sign: extending it would take a register for each."""
    return stride.to(gl.uint32).to(gl.int64) * UNIT


@gluon.jit
def _tokens(output, record, slot, lane, count):
    """The sequence position of slots, int64: themselves, unless the head is in tile order."""
    tensors, sizes, strides = output
    ordered = gl.load(record + 4) >= 0
    looked_up = gl.load(tensors[9] + slot + lane, mask=(lane < count) & ordered, other=0)
    return (looked_up + gl.where(ordered, 0, slot + lane)).to(gl.int64)


@gluon.jit
def _far_rows(output, group: gl.constexpr, layout: gl.constexpr):
    """Where a group's rows are in `specialized.far_kernel`'s output, and which have one: text sees no pooled keys."""
    tensors, sizes, strides = output
    batch, prefix, image, has_twin, pools, refreshing = sizes
    row, head, record, block, slot, count = _work(output, group)
    pooled = gl.load(record + 5)
    lane = gl.arange(0, ROWS, layout)
    joined = (lane < count) & (pooled >= 0) & (gl.load(block + 8) >= 0)
    return (row * _step(pools, 1) + pooled) * _step(image, 1) + slot + lane, joined


@gluon.jit
def _far(output, group: gl.constexpr, lanes: gl.constexpr, width: gl.constexpr, first: gl.constexpr, D: gl.constexpr):
    """A group's attention to pooled keys alone, (ROWS, width) float32, 0 without any."""
    tensors, sizes, strides = output
    rows, joined = _far_rows(output, group, gl.SliceLayout(1, lanes))
    d = first + gl.arange(0, width, gl.SliceLayout(0, lanes))
    kept = joined[:, None] & (d < D)[None, :]
    return gl.load(tensors[5] + rows[:, None] * D + d[None, :], mask=kept, other=0.0).to(gl.float32)


@gluon.jit
def _blended(
    acc, shrink, weight, output, group: gl.constexpr, lanes: gl.constexpr, first: gl.constexpr, kind: gl.constexpr
):
    by_row: gl.constexpr = gl.SliceLayout(1, lanes)
    far = _far(output, group, lanes, acc.shape[1], first, kind[0])
    return acc * gl.convert_layout(shrink, by_row)[:, None] + far * gl.convert_layout(weight, by_row)[:, None]


@gluon.jit
def _image_rows(output, group: gl.constexpr, lanes: gl.constexpr):
    """A group's batch row, the place of its head among those that do the same, its rows in the image, and which of them
    are image rows."""
    tensors, sizes, strides = output
    batch, prefix, image, has_twin, pools, refreshing = sizes
    row, head, record, block, slot, count = _work(output, group)
    lane = gl.arange(0, ROWS, gl.SliceLayout(1, lanes))
    images = _tokens(output, record, slot, lane, count) - _step(prefix, 1)
    return row, gl.load(record + 1), images, (lane < count) & (images >= 0) & (images < _step(image, 1))


@gluon.jit
def _fresh_rows(
    output, group: gl.constexpr, lanes: gl.constexpr, width: gl.constexpr, first: gl.constexpr, D: gl.constexpr
):
    """Addresses (ROWS, width) in the residual that a refresh leaves, and which of them are there."""
    tensors, sizes, strides = output
    batch, prefix, image, has_twin, pools, refreshing = sizes
    row, place, images, kept = _image_rows(output, group, lanes)
    d = first + gl.arange(0, width, gl.SliceLayout(0, lanes))
    at = ((row * _step(refreshing, 1) + place) * _step(image, 1) + images)[:, None] * D + d[None, :]
    return tensors[4] + at, kept[:, None] & (d < D)[None, :]


@gluon.jit
def _residual(
    output, group: gl.constexpr, lanes: gl.constexpr, width: gl.constexpr, first: gl.constexpr, D: gl.constexpr,
    UNIT: gl.constexpr,
):  # fmt: skip
    """The cached residual of a group's image rows, (ROWS, width) float32, 0 elsewhere."""
    tensors, sizes, strides = output
    row, place, images, kept = _image_rows(output, group, lanes)
    d = first + gl.arange(0, width, gl.SliceLayout(0, lanes))
    residual = tensors[3] + row * _step(strides[9], UNIT) + place * _step(strides[10], UNIT)
    rows = residual + images[:, None] * _step(strides[11], UNIT) + d[None, :]
    return gl.load(rows, mask=kept[:, None] & (d < D)[None, :], other=0.0).to(gl.float32)


@gluon.jit
def _put_aside(acc, inverse, output, group: gl.constexpr, lanes: gl.constexpr, first: gl.constexpr, kind: gl.constexpr):
    tensors, sizes, strides = output
    rows, kept = _fresh_rows(output, group, lanes, acc.shape[1], first, kind[0])
    value = acc * gl.convert_layout(inverse, gl.SliceLayout(1, lanes))[:, None]
    gl.store(rows, value.to(tensors[4].dtype.element_ty), mask=kept)


@gluon.jit
def _store(
    acc, inverse, weight, output, queries, group: gl.constexpr, lanes: gl.constexpr, first: gl.constexpr,
    kind: gl.constexpr,
):  # fmt: skip
    """Store one part (ROWS, lanes) of the output, with what the head's duty adds."""
    tensors, sizes, strides = output
    out, twin, cached, residual, fresh, far, far_sum, items, heads, slots = tensors
    batch, prefix, image, has_twin, pools, refreshing = sizes
    D: gl.constexpr = kind[0]
    UNIT: gl.constexpr = kind[1]
    EMIT: gl.constexpr = kind[2]
    POOLED: gl.constexpr = kind[3]
    WIDTH: gl.constexpr = acc.shape[1]
    element: gl.constexpr = out.dtype.element_ty
    # 16 bytes a thread, neighbours along a row.
    coalesced: gl.constexpr = gl.BlockedLayout([1, 8], [256 // WIDTH, WIDTH // 8], [4, 1], [1, 0])
    row, head, record, block, slot, count = _work(output, group)
    duty = gl.load(record)
    lane = gl.arange(0, ROWS, gl.SliceLayout(1, coalesced))
    d = first + gl.arange(0, WIDTH, gl.SliceLayout(0, coalesced))
    tokens = _tokens(output, record, slot, lane, count)[:, None]
    kept = (lane < count)[:, None] & (d < D)[None, :]

    acc = acc * gl.convert_layout(inverse, gl.SliceLayout(1, lanes))[:, None]
    if duty == ADD_RESIDUAL:
        acc += _residual(output, group, lanes, WIDTH, first, D, UNIT)
    if EMIT:
        if duty == REFRESH:
            rows, there = _fresh_rows(output, group, lanes, WIDTH, first, D)
            local = gl.load(rows, mask=there, other=0.0).to(gl.float32)
            if POOLED:
                share = gl.convert_layout(weight, gl.SliceLayout(1, lanes))[:, None]
                local += share * (_far(output, group, lanes, WIDTH, first, D) - local)
            gl.store(rows, (acc - local).to(element), mask=there)
    # By way of shared memory: the accumulators' layout scatters a row among threads.
    staged = queries.reshape([ROWS, WIDTH])
    staged.store(acc.to(element))
    value = staged.load(coalesced)
    if duty == COPY:
        cached += row * _step(strides[6], UNIT) + gl.load(record + 1) * _step(strides[7], UNIT)
        value = gl.load(cached + tokens * _step(strides[8], UNIT) + d[None, :], mask=kept, other=0.0)
    out += row * _step(strides[0], UNIT) + head * _step(strides[1], UNIT)
    gl.store(out + tokens * _step(strides[2], UNIT) + d[None, :], value, mask=kept)
    if has_twin != 0:
        twin += row * _step(strides[3], UNIT) + head * _step(strides[4], UNIT)
        gl.store(twin + tokens * _step(strides[5], UNIT) + d[None, :], value, mask=kept)
