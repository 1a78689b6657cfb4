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
from typing import NamedTuple

import torch

from ..geometry import Layout
from ..head_table import HeadTable
from .configs import HEAD_DIMS, INT8, NAMES, PINGPONG, Config, lanes
from .hopper import launch as hopper
from .int8 import launch as int8
from .operands import in_place, pooling, upcast
from .units import UNIT, Strides, block_of_tile, units
from .worklist import Kind, Shelf, WorkList, has_bands, shelf_of

_STARTS = {PINGPONG: hopper.start, INT8: int8.start}


def shelf(layout: Layout, table: HeadTable, config: Config, device: torch.device) -> Shelf:
    """Where the work of a table is kept, for calls with a configuration."""
    return shelf_of(kind_of(layout, config, device, has_bands(table)))


def kind_of(layout: Layout, config: Config, device: torch.device, bands: bool = False) -> Kind:
    """What work for a configuration is laid out for. bands: in tables with bands."""
    path = config.path
    return Kind(layout, config.queries, config.keys, device, path == PINGPONG, path == INT8, bands)


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
    place = shelf(layout, table, config, q.device)
    ready = Ready(layout, table, config, dense is not None, place, head_dim, upcast(q))
    beside = [None if x is None else units(x.stride()) for x in (cached, residual)]
    return served(q, k, v, out, ready, call_of(q, k, v, out, scale), cached, residual, dense, *beside)


class Call(NamedTuple):
    """What is known of a call's q, k, v and out but their addresses. scale: on q k^T; half_square: half of its square.
    steps: strides, as `units` says them; qkv_steps, out_steps: of some alone. gpu: the number of the GPU to launch on;
    None for any other device."""

    batch: int
    scale: float
    half_square: float
    steps: Strides
    qkv_steps: Strides
    out_steps: Strides
    gpu: int | None


def call_of(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, out: torch.Tensor, scale: float) -> Call:
    """What is known of calls with tensors like these."""
    steps = units(q.stride(), k.stride(), v.stride(), out.stride())
    gpu = q.device.index if q.device.type == "cuda" else None
    return Call(q.shape[0], scale, 0.5 * scale**2, steps, steps[:9], steps[9:], gpu)


class Ready:
    """How calls with a table are served, and what of their launches no tensor changes: made before a run, so that a
    call looks nothing up.

    leaves: whether full heads are left to the caller; place: where the work is kept. leaving: whether heads are
    left; left: the same, None where the table has no full heads. updates, reused, residuals: numbers of heads.
    """

    __slots__ = (
        "config", "constants", "head_dim", "image", "items", "layout", "leaves", "leaving", "left", "lists", "name",
        "options", "pairs", "place", "pool", "pooled", "pooling", "pools", "prefix", "residuals", "reused", "scratch",
        "start", "table", "tiles", "updates", "work",
    )  # fmt: skip

    def __init__(
        self, layout: Layout, table: HeadTable, config: Config, leaves: bool, place: Shelf, head_dim: int,
        upcast: bool, skip_copies: bool = False,
    ):  # fmt: skip
        self.layout, self.table, self.config, self.leaves, self.place = layout, table, config, leaves, place
        self.prefix, self.image, self.head_dim = layout.prefix, layout.image, head_dim
        self.updates, self.reused = len(table.refresh_heads), len(table.reuse_heads)
        self.residuals = len(table.residual_heads)
        self.work = work = place.work(table, leaves, skip_copies)
        # Windows that cover all of the grid are left as full heads are.
        self.leaving, self.pairs = bool(work.left), work.pairs
        self.left = self.leaving if table.full_heads else None
        self.lists = work.parts, work.heads, work.slots, work.columns
        self.pooled = work.pooled_items > 0
        self.pools, self.tiles = (work.pools, work.tiles) if self.pooled else (0, 0)
        self.pooling = block_of_tile(layout.grid, head_dim)
        if self.pooled:
            self.pool: Callable[..., tuple[torch.Tensor, torch.Tensor]] = pooling()
        self.items, self.scratch = work.items, place.scratch
        self.name = NAMES[config.path]
        self.start = _STARTS.get(config.path, _start)
        self.constants, self.options = _constants(config, head_dim, self.updates > 0, self.pooled, upcast)

    def without_copies(self) -> Ready:
        """The same for a call whose reused heads are in their place already."""
        return Ready(
            self.layout, self.table, self.config, self.leaves, self.place, self.head_dim, bool(self.constants[-2]), True
        )


def served(
    q, k, v, out, ready: Ready, call: Call, cached, residual, dense, cached_steps: Strides | None,
    residual_steps: Strides | None,
) -> torch.Tensor | None:  # fmt: skip
    """As `head_wise`, for a call of which all is known; `dense` may be given where no head is left to it. The steps:
    strides of `cached` and `residual` in units, None where there are none."""
    out_steps = call.out_steps
    # A tensor that this call does without is never read or written; the output stands in for its address.
    if cached is None or cached_steps is None:
        cached, cached_steps = out, out_steps
    elif cached_steps[2] == out_steps[2] and in_place(out, cached, ready.table.reuse_heads):
        ready = ready.without_copies()
    if residual is None or residual_steps is None:
        residual, residual_steps = out, out_steps
    if ready.updates:
        fresh, fresh_steps = ready.scratch.updates((call.batch, ready.updates, ready.image, ready.head_dim), q)
    else:
        fresh, fresh_steps = out, out_steps
    if ready.leaving:
        _leave(q, k, v, out, ready.work, dense)
    if ready.items and call.batch:
        tensors = q, k, v, out, cached, residual, fresh
        steps = (*call.steps, *cached_steps, *residual_steps, *fresh_steps)
        # Triton launches on the current device, which need not be the tensors'.
        if call.gpu is None or call.gpu == torch.cuda.current_device():
            ready.start(tensors, ready, call, steps)
        else:
            with torch.cuda.device(call.gpu):
                ready.start(tensors, ready, call, steps)
    return fresh if ready.updates else None


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


def _start(tensors: tuple[torch.Tensor, ...], ready: Ready, call: Call, steps: Strides) -> None:
    """Launch the pointer kernel. tensors: q, k, v, out, cached, residual, fresh; steps: their strides in units."""
    # As above, the output stands in for what this call does without.
    pooled = bias = tensors[3]
    if ready.pooled:
        pooled, bias = ready.pool(tensors, ready, call)
    # Numbers for the compiler as well go by their place: names would cost as much as all the rest.
    _pointer().attention_kernel[(ready.items * call.batch,)](
        *tensors, pooled, bias, *ready.lists, call.scale, call.batch, ready.prefix, ready.image, ready.pools,
        ready.tiles, *steps, *ready.constants, **ready.options,
    )  # fmt: skip


@lru_cache(maxsize=256)
def _constants(
    config: Config, head_dim: int, emit: bool, pooled: bool, upcast: bool
) -> tuple[tuple[int, ...], dict[str, int]]:
    """What the pointer kernel is compiled for, from BM to WIDE in its order, and Triton's own options."""
    d0, d1 = lanes(head_dim, config.queries)
    numbers = (
        config.queries, config.keys, d0, d1, head_dim, UNIT, emit, pooled, config.pooled_stages, upcast, config.wide
    )  # fmt: skip
    return numbers, {"num_warps": config.warps, "num_stages": config.stages}


@lru_cache(maxsize=1)
def _pointer() -> ModuleType:
    # Triton may not be there; and an import statement takes a microsecond at each call.
    from . import pointer

    return pointer
