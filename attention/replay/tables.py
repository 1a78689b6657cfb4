"""The planned way of each head, where it can be carried out; full attention where it cannot."""

from __future__ import annotations

import torch

from ...kernels import FULL, REUSE, HeadTable, Layout, Residual
from .caches import BranchCache
from .timeline import SiteStep


def reads_caches(table: HeadTable) -> bool:
    """Whether any head needs what an earlier step kept."""
    return bool(table.reuse_heads or table.residual_heads)


def feasible(entry: SiteStep, layout: Layout | None, cache: BranchCache, q: torch.Tensor) -> HeadTable:
    """The table of a site at a step with every way replaced by full attention that cannot be carried out.

    layout: None where the tokens do not fit the grid, so that there are no windows; nor are there any of more axes than
    its grid has. cache: of the branch, whose queries
    q (B, H, L, D) tell batch, dtype and device; a tensor that is missing, stale or of another kind counts as lost.
    """
    table = entry.table
    groups = {*table.approximation_groups(), *table.refresh_groups()}
    unfit = groups
    if layout is not None:  # what a way makes of references is the kernels' to say
        unfit = {way for way in groups if not layout.references and way.why_not(layout) is not None}
    if not unfit and layout is not None and not reads_caches(table):
        return table
    ways, refresh = list(table.ways), list(table.refresh)
    complete = layout is not None and not unfit
    for head, way in enumerate(table.ways):
        if way == REUSE:
            lost = not cache.outputs.fresh(head, entry.source[head], q, q.shape[2])
        elif isinstance(way, Residual):
            lost = way.way in unfit or not cache.residuals.fresh(head, entry.residual_source[head], q, layout.locals)
        else:
            lost = way in unfit
        if lost:
            complete = False
            ways[head] = FULL
            refresh[head] = way.way if isinstance(way, Residual) else None
        if refresh[head] in unfit:
            refresh[head] = None
    # The table itself where nothing is lost: what kernels have prepared for it is found by it.
    return table if complete else HeadTable(tuple(ways), tuple(refresh))
