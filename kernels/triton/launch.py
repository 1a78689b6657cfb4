"""Hands tensors to a kernel: strides, block sizes, work list; one launch of attention, no synchronisation.

Windows that pool the keys that they leave out have those pooled in launches before it (`pool`). The Hopper path has
launches of its own before it (`hopper.launch`). Heads in full attention may be left to somebody else's.

    grid = (query blocks of all working heads) * batch

The kernels' blocks are (BM, D) queries against (BN, D) keys, with BM, BN and D's cut from `configs`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import ModuleType

import torch

from ..done import Done
from ..geometry import Layout
from ..head_table import HeadTable
from .configs import HEAD_DIMS, INT8, PINGPONG, Config, lanes
from .devices import on
from .hopper import launch as hopper
from .int8 import launch as int8
from .operands import in_place, pooled_keys, upcast
from .units import UNIT, units
from .worklist import Kind, Shelf, WorkList, shelf_of

_STARTS = {PINGPONG: hopper.start, INT8: int8.start}


def shelf(layout: Layout, config: Config, device: torch.device) -> Shelf:
    """Where the work of calls with a configuration is kept."""
    return shelf_of(kind_of(layout, config, device))


def kind_of(layout: Layout, config: Config, device: torch.device) -> Kind:
    """What work for a configuration is laid out for."""
    return Kind(layout, config.queries, config.keys, device, config.path == PINGPONG, config.path == INT8)


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
    dense: Callable[..., torch.Tensor] | None = None,
) -> torch.Tensor | None:
    """Every head of a layer in its own way, in one launch; the meaning of `kernels.head_wise`.

    q, k, v, cached, residual: as there; rows as `operands.why_unaligned` wants them. out: (B, H, L, D) view, written in
    place. config: block sizes and path, of which the Hopper path needs what `operands.why_no_descriptors` asks for.
    dense: attends the heads in full attention that update no residual, all in one call, if it is given.
    Returns (B, n_refresh, image, D), `full - window` of the heads that update their residual, or None without any.
    REUSE heads whose cached output already is their part of `out` are left alone. Raises ValueError for a head size or
    a scale that `why_not` refuses.
    """
    batch, _, _, head_dim = q.shape
    scale = head_dim**-0.5 if scale is None else float(scale)
    if head_dim not in HEAD_DIMS or not scale > 0:
        raise ValueError(f"A head size of {head_dim} with a scale of {scale} is not served.")
    place = shelf(layout, config, q.device)
    steps = units(q.stride(), k.stride(), v.stride(), out.stride())
    size = batch, head_dim
    return served(q, k, v, layout, table, out, config, place, scale, cached, residual, dense, size, steps).residual


def served(
    q, k, v, layout: Layout, table: HeadTable, out, config: Config, place: Shelf, scale, cached, residual, dense,
    size: tuple[int, int], steps: tuple[int, ...],
) -> Done:  # fmt: skip
    """As `head_wise`, for a call of which all is known: `place` holds the work of its configuration. size: (B, D);
    steps: strides of q, k, v and out, as `units` says them."""
    batch, head_dim = size
    fresh = None
    if table.refresh_heads:
        shape = (batch, len(table.refresh_heads), layout.image, head_dim)
        fresh = torch.empty(shape, dtype=q.dtype, device=q.device)
    # A tensor that this call does without is never read or written; the output stands in for its address.
    stand_in = [out if x is None else x for x in (cached, residual, fresh)]
    skip = cached is not None and in_place(out, cached, table.reuse_heads)
    work = place.work(table, dense is not None, skip)
    if work.left:
        _leave(q, k, v, out, work, dense)
    if work.items and batch:
        start = _STARTS.get(config.path, _start)
        with on(q.device):
            start([q, k, v, out, *stand_in], layout, work, config, scale, size, steps, fresh is not None)
    return Done(fresh, bool(work.left), work.pairs)


def _leave(q, k, v, out, work: WorkList, dense) -> None:
    """The heads `work.left` by `dense`, in one call: views where they are evenly spaced, else gathered."""
    if work.evenly is not None:
        some = work.evenly
        put(out[:, some], dense(q[:, some], k[:, some], v[:, some]))
    else:
        index = work.left_index
        scatter(out, index, dense(gather(q, index), gather(k, index), gather(v, index)))


def put(target: torch.Tensor, value: torch.Tensor) -> None:
    """Copy a tensor into another."""
    target.copy_(value)


def gather(x: torch.Tensor, heads: torch.Tensor) -> torch.Tensor:
    """Some heads of (B, H, L, D), by a tensor of their numbers on its device."""
    return x.index_select(1, heads)


def scatter(out: torch.Tensor, heads: torch.Tensor, value: torch.Tensor) -> None:
    """Write them back."""
    out.index_copy_(1, heads, value)


def _start(
    tensors: list[torch.Tensor],
    layout: Layout,
    work: WorkList,
    config: Config,
    scale: float,
    size: tuple[int, int],
    steps: tuple[int, ...],
    emit: bool,
) -> None:
    """Launch the pointer kernel. tensors: q, k, v, out, cached, residual, fresh; size, steps: see `served`; emit:
    whether there are updates."""
    _, _, _, out, cached, residual, fresh = tensors
    batch, head_dim = size
    # As above, the output stands in for what this call does without.
    pooled = bias = out
    pools = tiles = 0
    if work.pooled_items:
        pooled, bias = pooled_keys(tensors, layout, work, scale, size, steps)
        pools, tiles = work.pools, work.tiles
    _pointer().attention_kernel[(work.items * batch,)](
        *tensors, pooled, bias, work.parts, work.heads, work.slots, work.columns, scale, batch,
        layout.prefix, layout.image, pools, tiles, *steps, *units(cached.stride(), residual.stride(), fresh.stride()),
        **_constants(config, head_dim, emit, pools > 0, upcast(out)),
    )  # fmt: skip


@lru_cache(maxsize=256)
def _constants(config: Config, head_dim: int, emit: bool, pooled: bool, upcast: bool) -> dict[str, object]:
    """What the pointer kernel is compiled for."""
    d0, d1 = lanes(head_dim, config.queries)
    return {
        "BM": config.queries, "BN": config.keys, "D0": d0, "D1": d1, "D": head_dim, "UNIT": UNIT, "EMIT": emit,
        "POOLED": pooled, "STAGES": config.pooled_stages, "UPCAST": upcast, "WIDE": config.wide,
        "num_warps": config.warps, "num_stages": config.stages,
    }  # fmt: skip


@lru_cache(maxsize=1)
def _pointer() -> ModuleType:
    # Triton may not be there; and an import statement takes a microsecond at each call.
    from . import pointer

    return pointer
