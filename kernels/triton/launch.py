"""Hands tensors to a kernel: strides, block sizes, work list; one launch of attention, no synchronisation.

Windows that pool the keys that they leave out have those pooled in a launch before it (`pool`). The Hopper path has
launches of its own before it (`hopper.launch`).

    grid = (query blocks of all working heads) * batch

The kernels' blocks are (BM, D) queries against (BN, D) keys, with BM, BN and D's cut from `configs`.
"""

from __future__ import annotations

import torch

from ..geometry import Layout
from ..head_table import HeadTable
from .configs import HEAD_DIMS, INT8, PINGPONG, Config
from .devices import on
from .hopper import launch as hopper
from .int8 import launch as int8
from .operands import in_place, is_wide, pooled_keys, unit_of, upcast
from .worklist import WorkList, work_list


def head_wise(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    layout: Layout,
    table: HeadTable,
    out: torch.Tensor,
    *,
    config: Config,
    scale: float | None = None,
    cached: torch.Tensor | None = None,
    residual: torch.Tensor | None = None,
    leave: frozenset[int] = frozenset(),
) -> torch.Tensor | None:
    """Every head of a layer in its own way, in one launch; the meaning of `kernels.head_wise`.

    q, k, v, cached, residual: as there. out: (B, H, L, D) view, written in place. config: block sizes and path, of
    which the Hopper path needs what `operands.why_no_descriptors` asks for. leave: heads that somebody else computes.
    Returns (B, n_refresh, image, D), `full - window` of the heads that update their residual, or None without any.
    REUSE heads whose cached output already is their part of `out` are left alone. Raises ValueError for a head size or
    a scale that `why_not` refuses.
    """
    batch, _, _, head_dim = q.shape
    scale = head_dim**-0.5 if scale is None else scale
    if head_dim not in HEAD_DIMS or not scale > 0:
        raise ValueError(f"A head size of {head_dim} with a scale of {scale} is not served.")
    fresh = None
    if table.refresh_heads:
        fresh = q.new_empty(batch, len(table.refresh_heads), layout.image, head_dim)
    # A tensor that this call does without is never read or written; the output stands in for its address.
    tensors = [q, k, v, out, *(out if x is None else x for x in (cached, residual, fresh))]
    skip = leave | (frozenset(table.reuse_heads) if in_place(out, cached, table.reuse_heads) else frozenset())
    on_hopper = config.path == PINGPONG
    work = work_list(layout, table, config.queries, config.keys, q.device, skip, on_hopper)
    if len(work.items) and batch:
        start = {PINGPONG: hopper.start, INT8: int8.start}.get(config.path, _start)
        with on(q.device):
            start(tensors, layout, work, config, float(scale), emit=fresh is not None)
    return fresh


def _start(
    tensors: list[torch.Tensor], layout: Layout, work: WorkList, config: Config, scale: float, emit: bool
) -> None:
    """Launch the pointer kernel. tensors: q, k, v, out, cached, residual, fresh; emit: whether there are updates."""
    from .pointer import attention_kernel

    batch, _, _, head_dim = tensors[0].shape
    unit = unit_of(tensors)
    pooled = pooled_keys(tensors, layout, work, scale, unit)
    # As above, the output stands in for what this call does without.
    of_tiles = [tensors[3]] * 3 if pooled is None else [pooled.k, pooled.v, pooled.bias]
    pools, tiles = (0, 0) if pooled is None else pooled.k.shape[1:3]
    strides = [n for x in tensors for n in (*(s // unit for s in x.stride()[:3]), x.stride(3))]
    d0, d1 = HEAD_DIMS[head_dim]
    attention_kernel[(len(work.items) * batch,)](
        *tensors, *of_tiles, work.items, work.heads, work.slots, work.columns, scale, batch, layout.prefix,
        layout.image, pools, tiles, *strides, BM=config.queries, BN=config.keys, D0=d0, D1=d1, D=head_dim, UNIT=unit,
        EMIT=emit, POOLED=pooled is not None, STAGES=config.pooled_stages, UPCAST=upcast(tensors[0]),
        WIDE=is_wide(tensors), num_warps=config.warps, num_stages=config.stages,
    )  # fmt: skip
