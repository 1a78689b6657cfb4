"""The planned way of each head, where it can be carried out; full attention where it cannot."""

from __future__ import annotations

import torch

from ...kernels import HeadTable, Layout, Method
from .caches import BranchCache
from .timeline import SiteStep


def reads_caches(table: HeadTable) -> bool:
    """Whether any head needs what an earlier step kept."""
    return bool(table.reuse_heads or table.residual_heads)


def feasible(entry: SiteStep, layout: Layout | None, cache: BranchCache, q: torch.Tensor) -> HeadTable:
    """The table of a site at a step with every way replaced by full attention that cannot be carried out.

    layout: None where the tokens do not fit the grid, so that there are no windows. cache: of the branch, whose queries
    q (B, H, L, D) tell batch, dtype and device; a tensor that is missing, stale or of another kind counts as lost.
    """
    table = entry.table
    if layout is not None and not reads_caches(table):
        return table
    length = q.shape[2]
    methods, windows, refresh = list(table.methods), list(table.windows), list(table.refresh)
    for head, method in enumerate(table.methods):
        if method == Method.REUSE:
            lost = not cache.outputs.fresh(head, entry.source[head], q, length)
        elif method == Method.WINDOW_RESIDUAL:
            lost = layout is None or not cache.residuals.fresh(head, entry.residual_source[head], q, layout.image)
        else:
            lost = layout is None and method == Method.WINDOW
        if lost:
            methods[head] = Method.FULL
            refresh[head] = method == Method.WINDOW_RESIDUAL and layout is not None
        if layout is None:
            windows[head], refresh[head] = None, False
    return HeadTable(tuple(methods), tuple(windows), tuple(refresh))
