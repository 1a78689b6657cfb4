"""Starts the Hopper kernel: tokens in tile order, attention to pooled keys, then the kernel, on one stream."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import torch

from ..configs import PINGPONG, lanes
from ..operands import upcast
from ..units import UNIT, Strides, lanes_of
from ..worklist import POOLED_KEYS, WorkList

if TYPE_CHECKING:
    from ..launch import Call, Ready

# Tokens that one program of the ordering kernel copies: 64 rows of 128 lanes are 16 KiB in registers at a time.
ORDER_ROWS = 64


def start(tensors: tuple[torch.Tensor, ...], ready: Ready, call: Call, steps: Strides) -> None:
    """Launch all of it. tensors: q, k, v, out, cached, residual, fresh, as `operands.why_no_descriptors` wants them;
    steps: their strides in units. Raises ValueError for a configuration of another number of queries."""
    from .kernel import GROUPS, ROWS, pingpong_kernel

    q, k, v, _, _, _, fresh = tensors
    work, config, head_dim, pooled = ready.work, ready.config, ready.head_dim, ready.pooled
    if config.queries != GROUPS.value * ROWS.value:
        raise ValueError(f"The {PINGPONG} path has {GROUPS.value * ROWS.value} queries a block, not {config.queries}.")
    ordered = in_tile_order([q, k, v], work)
    of_pooled = _attend_pooled(q, k, v, ordered[0], ready, call) if pooled else (fresh, fresh)
    d0, d1 = lanes(head_dim, config.queries)
    rows = (ROWS.value, config.keys, config.keys)
    # Making a descriptor takes some microseconds: none is made twice.
    tiled = _descriptors(ordered, rows, d0, d1)
    sources = tiled if len(work.tiled) in (0, q.shape[1]) else _descriptors([q, k, v], rows, d0, d1)
    pingpong_kernel[(work.items * call.batch,)](
        *sources, *tiled, *tensors[3:], *of_pooled, work.parts, work.heads, work.slots, call.scale, call.batch,
        ready.prefix, ready.image, len(work.pooled), fresh.shape[1], *steps[9:18], BN=config.keys,
        STAGES=config.stages, D0=d0, D1=d1, D=head_dim, UNIT=UNIT, EMIT=ready.updates > 0, POOLED=pooled,
        num_warps=config.warps,
    )  # fmt: skip


def in_tile_order(qkv: list[torch.Tensor], work: WorkList) -> list[torch.Tensor]:
    """Copies of q, k and v with the windowed heads' tokens in tile order, (B, n, L, D) each; themselves without any.

    One read and one write of those heads in whole rows, where the attention itself reads each key once for each block
    of queries: 0.6 GB of traffic for FLUX at 2048 pixels if all of its 24 heads are windowed, 0.13 ms at 4.8 TB/s.
    """
    count = len(work.tiled)
    if not count:
        return qkv
    from .preparation import order_kernel

    q = qkv[0]
    batch, _, length, head_dim = q.shape
    copies = list(work.scratch.pieces("tile order", ((q.dtype, (batch, count, length, head_dim)),) * 3, q))
    strides = [s // UNIT for x in qkv for s in x.stride()[:3]]
    order_kernel[(-(-length // ORDER_ROWS) * count * batch,)](
        *qkv, *copies, work.tiled, work.slots, batch, length, *strides,
        copies[0].stride(0) // UNIT, copies[0].stride(1) // UNIT,
        ROWS=ORDER_ROWS, LANES=lanes_of(head_dim), D=head_dim, UNIT=UNIT, num_warps=4,
    )  # fmt: skip
    return copies


def _attend_pooled(q, k, v, ordered, ready: Ready, call: Call):
    """Attention of windowed heads, whose queries in tile order are `ordered`, to their pooled keys alone: outputs (B,
    n, image, D) in tile order, and the log2 of each row's sum of weights (B, n, image) in float32.

    Written and read once in whole rows, a third of what tile order itself costs; the products are T / image of those of
    full attention.
    """
    from .preparation import attend_pooled_kernel

    work, pools, head_dim = ready.work, ready.pools, ready.head_dim
    d0, d1 = lanes(head_dim, ready.config.queries)
    pooled, bias = ready.pool((q, k, v), ready, call)
    rows = (call.batch, pools, ready.image)
    shapes = (ordered.dtype, (*rows, head_dim)), (torch.float32, rows)
    out, log_sum = work.scratch.pieces("pooled", shapes, q)
    attend_pooled_kernel[(work.pooled_items * call.batch,)](
        ordered, pooled, bias, out, log_sum, work.pooled_parts, work.heads, call.scale, call.batch, ready.image,
        pools, ready.tiles, ordered.stride(0) // UNIT, ordered.stride(1) // UNIT, BM=ready.config.queries,
        BN=POOLED_KEYS, STAGES=2, D0=d0, D1=d1, D=head_dim, UNIT=UNIT, UPCAST=upcast(q), num_warps=8,
    )  # fmt: skip
    return out, log_sum


def _descriptors(qkv, rows, d0, d1):
    """Descriptors of q, k and v (B, H, L, D) in blocks of so many rows and d0 lanes, then of d1 lanes; where there are
    none of those, the first once more."""
    from triton.experimental.gluon.nvidia.hopper import TensorDescriptor

    # An axis of one element may have any stride, which a descriptor would refuse.
    strides = [[s if size > 1 else x.stride(2) for s, size in zip(x.stride()[:2], x.shape)] for x in qkv]
    parts = [
        [
            TensorDescriptor(x, list(x.shape), [*steps, x.stride(2), 1], [1, 1, n, width], block_layout(width))
            for x, steps, n in zip(qkv, strides, rows)
        ]
        for width in (d0, d1)
        if width
    ]
    return [*parts[0], *parts[-1]]


@lru_cache(maxsize=8)
def block_layout(width: int):
    """The layout in shared memory of a block of rows of `width` 16-bit lanes: as a product of warp groups reads it."""
    from triton.experimental.gluon.language import NVMMASharedLayout

    return NVMMASharedLayout(swizzle_byte_width=min(128, 2 * width), element_bitwidth=16, rank=4)
