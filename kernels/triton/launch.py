"""Hands tensors to a kernel: strides, block sizes, work list; one launch of attention, no synchronisation.

On the paths for Hopper a launch before it puts windowed heads in tile order. Windows that pool the keys that they leave
out have those pooled before it (`pooled`), and on the paths for Hopper attended to. Where Triton splits the program
itself, residuals are formed after it.

    grid = (query blocks of all working heads) * batch

The kernels' tiles are (BM, D) queries against (BN, D) keys, with BM, BN and D's cut from `configs`.
"""

from __future__ import annotations

import contextvars
from functools import lru_cache

import torch

from ..geometry import Layout
from ..head_table import HeadTable
from .configs import HEAD_DIMS, PINGPONG, POINTER, SPECIALIZED, Config, candidates, switch
from .worklist import WorkList, work_list

# Tokens that one program of the ordering kernel copies: 64 rows of 128 lanes are 16 KiB in registers at a time.
ORDER_ROWS = 64
# Pooled keys of a block on the warp-specialised path: an image of 64 x 64 tokens has 64.
FAR_KEYS = 64


def head_wise(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    layout: Layout,
    table: HeadTable,
    out: torch.Tensor,
    *,
    scale: float | None = None,
    cached: torch.Tensor | None = None,
    residual: torch.Tensor | None = None,
    twin: torch.Tensor | None = None,
    config: Config | None = None,
    work: WorkList | None = None,
) -> torch.Tensor | None:
    """Every head of a layer by its own method, in one launch; the meaning of `kernels.head_wise`.

    q, k, v, cached, residual: as there. out: (B, H, L, D) view, written in place.
    twin: (B, H, L, D) view that receives the same bits (the unconditional branch under classifier-free guidance).
    config: block sizes and path; a call that the warp-specialised path cannot serve takes the pointer path whatever it
    says. work: a work list in place of the usual one, made for `config`.
    Returns (B, n_refresh, image, D), `full - window` of the refreshing heads, or None without any. REUSE heads whose
    cached output already is their place in `out` are left alone. Raises ValueError for a head size or a scale that the
    predicate refuses.
    """
    batch, _, _, head_dim = q.shape
    scale = head_dim**-0.5 if scale is None else scale
    if head_dim not in HEAD_DIMS or not scale > 0:
        raise ValueError(f"A head size of {head_dim} with a scale of {scale} is not served.")
    fresh = None
    if table.refresh_heads:
        fresh = q.new_empty(batch, len(table.refresh_heads), layout.image, head_dim)
    # A tensor that the call has not got is never read or written; the output stands in for its address.
    tensors = [q, k, v, out, *(out if x is None else x for x in (twin, cached, residual, fresh))]
    config = served_by(config or device_configs(q.device, head_dim)[0], tensors)
    if work is None:
        skip = (
            frozenset(table.reuse_heads) if twin is None and in_place(out, cached, table.reuse_heads) else frozenset()
        )
        single = config.path != POINTER
        work = work_list(layout, table, config.queries, config.keys, q.device, skip, single)
    if not len(work.items) or not batch:
        return fresh
    start = {POINTER: _start_pointer, SPECIALIZED: _start_specialized, PINGPONG: _start_pingpong}
    with on(q.device):
        start[config.path](
            tensors, layout, work, config, float(scale), has_twin=int(twin is not None), emit=fresh is not None
        )
    return fresh


def served_by(config: Config, tensors: list[torch.Tensor]) -> Config:
    """`config`, or the device's last one, which serves any call, where a path with descriptors cannot: they want rows
    of neighbouring elements that start on 16 bytes, and on the host no axis that repeats itself."""
    aligned = unit_of(tensors) == 8 and all(x.data_ptr() % 16 == 0 for x in tensors[:3])
    distinct = all(step or size == 1 for x in tensors[:3] for step, size in zip(x.stride(), x.shape))
    if config.path == POINTER or aligned and (distinct or config.path == SPECIALIZED):
        return config
    return device_configs(tensors[0].device, tensors[0].shape[3])[-1]


def _start_pointer(tensors, layout, work, config, scale, has_twin, emit):
    from .kernel import attention_kernel

    batch, _, _, head_dim = tensors[0].shape
    unit = unit_of(tensors)
    pooled, pooled_sizes = _pooled(tensors, layout, work, scale, unit)
    strides = [n for x in tensors for n in (*(s // unit for s in x.stride()[:3]), x.stride(3))]
    d0, d1 = HEAD_DIMS[head_dim]
    attention_kernel[(len(work.items) * batch,)](
        *tensors, *pooled, work.items, work.heads, work.slots, work.columns, scale, batch, layout.prefix, layout.image,
        has_twin, *pooled_sizes, *strides, BM=config.queries, BN=config.keys, D0=d0, D1=d1, D=head_dim, UNIT=unit,
        EMIT=emit, POOLED=len(work.pooled) > 0, STAGES=config.pooled_stages(emit), UPCAST=_upcast(tensors[0]),
        WIDE=_wide(tensors), num_warps=config.warps, num_stages=config.stages,
    )  # fmt: skip


def _start_specialized(tensors, layout, work, config, scale, has_twin, emit):
    from .specialized import specialized_kernel

    q = tensors[0]
    batch, _, length, head_dim = q.shape
    strides = [s // 8 for x in tensors[:7] for s in x.stride()[:3]]
    ordered = in_tile_order(tensors[:3], work)
    fresh = tensors[7]
    snapshot = q.new_empty(batch, fresh.shape[1], length, head_dim) if emit else fresh
    d0, d1 = HEAD_DIMS[head_dim]
    pooled = len(work.pooled) > 0
    far = _far(tensors, ordered, layout, work, config, scale) if pooled else (fresh, fresh)
    snapshot_sum = q.new_empty(snapshot.shape[:3], dtype=torch.float32) if emit and pooled else fresh

    def launch():
        import triton

        triton.set_allocator(_scratch(q.device))
        specialized_kernel[(len(work.items) * batch,)](
            *tensors[:7], snapshot, snapshot_sum, *ordered, *far, work.items, work.heads, work.slots, scale, batch,
            length, layout.prefix, layout.image, has_twin, len(work.pooled), *strides,
            ordered[0].stride(0) // 8, ordered[0].stride(1) // 8,
            snapshot.stride(0) // 8, snapshot.stride(1) // 8, BM=config.queries, BN=config.keys, D0=d0, D1=d1,
            D=head_dim, UNIT=8, EMIT=emit, POOLED=pooled, UPCAST=_upcast(q), WIDE=_wide(tensors),
            num_warps=config.warps, num_stages=config.stages,
        )  # fmt: skip

    # Triton keeps its allocator in a context variable: set in a copy of the context, it is gone when the launch is
    # over, and whoever set another one keeps it.
    contextvars.copy_context().run(launch)
    if emit:
        from .specialized import residual_kernel

        out = tensors[3]
        residual_kernel[(-(-layout.image // ORDER_ROWS), len(work.refreshing) * batch)](
            out, snapshot, snapshot_sum, *far, fresh, work.refreshing, work.heads, work.slots, batch, length,
            layout.prefix, layout.image, len(work.pooled),
            *(s // 8 for x in (out, snapshot, fresh) for s in x.stride()[: 3 if x is out else 2]),
            ROWS=ORDER_ROWS, LANES=_lanes(head_dim), D=head_dim, UNIT=8, POOLED=pooled, num_warps=4,
        )  # fmt: skip


def _start_pingpong(tensors, layout, work, config, scale, has_twin, emit):
    from .pingpong import GROUPS, ROWS, pingpong_kernel

    q, _, _, out, twin, cached, residual, fresh = tensors
    if config.queries != GROUPS.value * ROWS.value:
        raise ValueError(f"The {PINGPONG} path has {GROUPS.value * ROWS.value} queries a block, not {config.queries}.")
    batch, _, _, head_dim = q.shape
    ordered = in_tile_order(tensors[:3], work)
    pooled = len(work.pooled) > 0
    far = _far(tensors, ordered, layout, work, config, scale) if pooled else (fresh, fresh)
    strides = [s // 8 for x in (out, twin, cached, residual) for s in x.stride()[:3]]
    d0, d1 = HEAD_DIMS[head_dim]
    rows = (ROWS.value, config.keys, config.keys)
    # Making one takes some microseconds: none twice.
    tiled = _descriptors(ordered, rows, d0, d1)
    sources = tiled if len(work.tiled) in (0, q.shape[1]) else _descriptors(tensors[:3], rows, d0, d1)
    pingpong_kernel[(len(work.items) * batch,)](
        *sources, *tiled, *tensors[3:], *far, work.items,
        work.heads, work.slots, scale, batch, layout.prefix, layout.image, has_twin, len(work.pooled),
        len(work.refreshing), *strides, BN=config.keys, STAGES=config.stages, D0=d0, D1=d1, D=head_dim, UNIT=8,
        EMIT=emit, POOLED=pooled, num_warps=config.warps,
    )  # fmt: skip


def _descriptors(qkv, rows, d0, d1):
    """Descriptors of q, k and v (B, H, L, D) in blocks of so many rows and d0 lanes, then of d1 lanes; where there are
    none of those, the first once more."""
    from triton.experimental.gluon.nvidia.hopper import TensorDescriptor

    # An axis of one element may have any stride, which a descriptor would refuse.
    strides = [[s if size > 1 else x.stride(2) for s, size in zip(x.stride()[:2], x.shape)] for x in qkv]
    parts = [
        [
            TensorDescriptor(x, list(x.shape), [*steps, x.stride(2), 1], [1, 1, n, lanes], _block_layout(lanes))
            for x, steps, n in zip(qkv, strides, rows)
        ]
        for lanes in (d0, d1)
        if lanes
    ]
    return [*parts[0], *parts[-1]]


@lru_cache(maxsize=8)
def _block_layout(lanes: int):
    """How a block of rows of 16-bit lanes lies in shared memory: as a product of warp groups reads it."""
    from triton.experimental.gluon.language import NVMMASharedLayout

    return NVMMASharedLayout(swizzle_byte_width=min(128, 2 * lanes), element_bitwidth=16, rank=4)


def _far(tensors, ordered, layout, work, config, scale):
    """Attention of windowed heads to their pooled keys alone: outputs (B, n, image, D) in tile order, and the log2 of
    each row's sum of weights (B, n, image) in float32.

    Written and read once in whole rows, a third of what tile order itself costs; the products are T / image of those of
    full attention.
    """
    from .specialized import far_kernel

    q = ordered[0]
    batch, _, _, head_dim = q.shape
    d0, d1 = HEAD_DIMS[head_dim]
    pooled, (pools, tiles) = _pooled(tensors, layout, work, scale, 8)
    far = q.new_empty(batch, pools, layout.image, head_dim)
    far_sum = q.new_empty(batch, pools, layout.image, dtype=torch.float32)
    far_kernel[(len(work.far) * batch,)](
        q, *pooled, far, far_sum, work.far, work.heads, scale, batch, layout.image, pools, tiles,
        q.stride(0) // 8, q.stride(1) // 8,
        BM=config.queries, BN=FAR_KEYS, STAGES=2, D0=d0, D1=d1, D=head_dim, UNIT=8, UPCAST=_upcast(q), num_warps=8,
    )  # fmt: skip
    return far, far_sum


def in_tile_order(qkv: list[torch.Tensor], work: WorkList) -> list[torch.Tensor]:
    """Copies of q, k and v with the windowed heads' tokens in tile order, (B, n, L, D) each; themselves without any.

    One read and one write of those heads in whole rows, where the attention itself reads each key once for each block
    of queries: 0.6 GB of traffic for FLUX at 2048 pixels if all of its 24 heads are windowed, 0.13 ms at 4.8 TB/s.
    """
    count = len(work.tiled)
    if not count:
        return qkv
    from .specialized import order_kernel

    q = qkv[0]
    batch, _, length, head_dim = q.shape
    copies = list(q.new_empty(3, batch, count, length, head_dim))
    strides = [s // 8 for x in qkv for s in x.stride()[:3]]
    order_kernel[(-(-length // ORDER_ROWS), count * batch)](
        *qkv, *copies, work.tiled, work.slots, batch, length, *strides,
        copies[0].stride(0) // 8, copies[0].stride(1) // 8,
        ROWS=ORDER_ROWS, LANES=_lanes(head_dim), D=head_dim, UNIT=8, num_warps=4,
    )  # fmt: skip
    return copies


def _pooled(tensors, layout, work, scale, unit):
    """A kernel's pooled k, v and bias, and how many heads and tiles there are; the output stands in for tensors that
    the call has not got."""
    if not len(work.pooled):
        return [tensors[3]] * 3, (0, 0)
    from .pooled import pool_heads

    pooled = pool_heads(*tensors[:3], layout, work, scale, unit)
    return [pooled.k, pooled.v, pooled.bias], pooled.k.shape[1:3]


def _scratch(device: torch.device):
    """Memory for a launch's descriptors, at most 6 * 128 bytes a program, from torch's pool and back to it after."""

    def allocate(size: int, alignment: int, stream) -> torch.Tensor:
        return torch.empty(size, dtype=torch.int8, device=device)

    return allocate


def _lanes(head_dim: int) -> int:
    return 1 << (head_dim - 1).bit_length()


def _upcast(q: torch.Tensor) -> bool:
    return q.device.type == "cpu" and q.dtype is torch.bfloat16


def _wide(tensors: list[torch.Tensor]) -> bool:
    return any(reach_of(x) >= 1 << 31 for x in tensors)


def unit_of(tensors: list[torch.Tensor]) -> int:
    """The unit of the strides of batch, head and token axes: 8 elements where all allow loads of 16 bytes, else 1."""
    whole = all(x.stride(3) == 1 and all(s % 8 == 0 for s in x.stride()[:3]) for x in tensors)
    return 8 if whole else 1


def reach_of(x: torch.Tensor) -> int:
    """Elements from a head's first to its last, (L, D) of a (B, H, L, D) tensor."""
    return (x.shape[2] - 1) * abs(x.stride(2)) + (x.shape[3] - 1) * abs(x.stride(3))


def in_place(out: torch.Tensor, cached: torch.Tensor | None, heads: tuple[int, ...]) -> bool:
    """Whether the cached heads (B, n, L, D) are those heads of `out` themselves, in the same memory."""
    if cached is None or not heads:
        return False
    steps = {b - a for a, b in zip(heads, heads[1:])}
    if len(steps) > 1:
        return False
    view = out[:, heads[0] : heads[-1] + 1 : steps.pop() if steps else 1]
    return cached.data_ptr() == view.data_ptr() and cached.stride() == view.stride() and cached.dtype == out.dtype


def device_configs(device: torch.device, head_dim: int) -> tuple[Config, ...]:
    """The configurations for a device, see `configs.candidates`, of the paths that its Triton and the user allow; a
    CPU, which only the interpreter serves, gets those of an A100."""
    if device.type != "cuda":
        return candidates("cuda", 80, head_dim)
    major, minor = torch.cuda.get_device_capability(device)
    found = candidates("hip" if torch.version.hip else "cuda", 10 * major + minor, head_dim)
    known = {POINTER: True, SPECIALIZED: _allocator_is_local(), PINGPONG: _gluon_is_known()}
    named = known.keys() & switch().split(",") or known.keys()
    return tuple(config for config in found if known[config.path] and config.path in (POINTER, *named))


@lru_cache(maxsize=1)
def _allocator_is_local() -> bool:
    """Whether `triton.set_allocator` sets a context variable (3.5 and later), and not one for the whole process."""
    import triton

    return isinstance(getattr(triton.runtime._allocation, "_allocator", None), contextvars.ContextVar)


@lru_cache(maxsize=1)
def _gluon_is_known() -> bool:
    """Whether Triton is a version for which the tests compile and emulate the Gluon source: Gluon is an experiment, and
    a barrier that changed its meaning would hang the GPU."""
    import triton

    return triton.__version__.startswith("3.6.")


def on(device: torch.device):
    """The device as the current one, for as long as a `with` block."""
    # Triton launches on the current device, which need not be the tensors'.
    return torch.cuda.device(device) if device.type == "cuda" else torch.no_grad()
