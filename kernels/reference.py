"""The truth: every way written the obvious way, with whole masks in memory.

Tests hold all other back ends against it in float64. It is the last in the list of back ends, which it never reaches as
long as the tiled one serves every call.
"""

from __future__ import annotations

import torch

from .done import Done
from .geometry import Layout
from .head_table import HeadTable


def head_wise(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    layout: Layout,
    table: HeadTable,
    *,
    scale: float | None = None,
    cached: torch.Tensor | None = None,
    residual: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The meaning of `kernels.head_wise`, one head at a time, each by its way's own `reference`.

    Shapes as there. Returns (out, residual): (B, H, L, D) and (B, n_refresh, locals, D), or None without residual
    updates.
    """
    local = layout.local
    cached_heads = iter(() if cached is None else cached.unbind(1))
    residual_heads = iter(() if residual is None else residual.unbind(1))
    outputs, fresh = [], []
    for head, (way, approximation) in enumerate(zip(table.ways, table.refresh)):
        qkv = (q[:, head], k[:, head], v[:, head])
        outputs.append(next(cached_heads) if way.reads == "output" else way.reference(*qkv, layout, scale))
        if way.reads == "residual":
            outputs[-1][:, local] += next(residual_heads)
        if approximation is not None:
            fresh.append((outputs[-1] - approximation.reference(*qkv, layout, scale))[:, local])
    return torch.stack(outputs, dim=1), torch.stack(fresh, dim=1) if fresh else None


def serve(q, k, v, layout: Layout, table: HeadTable, out, *, dense=None, **options) -> Done:
    """`head_wise` as a back end, see `backends.Backend`; FULL heads are computed here, whatever `dense` is."""
    result, fresh = head_wise(q, k, v, layout, table, **options)
    out.copy_(result)
    return Done(fresh, left=False)


def why_not(*_args, **_options) -> None:
    """Nothing keeps it from a call that `dispatch.why_not` lets pass."""
