"""FLOPs and bytes of attention sites, from the layout of their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from ...kernels import FULL, Approximation, Counter, Way
from ...plans import Site as PlanSite
from ...plans.search import FLOPS, Costs
from ..hooks.layouts import SiteLayout
from ..hooks.projections import flops_per_token
from .dense_run import DenseRun


def costs_of(run: DenseRun, ways: Sequence[Approximation]) -> Costs:
    """What each way costs in FLOPs in one evaluation, all branches together, at the sites of a run that is over.

    A site that did not attend is taken to have the layout of another, along the same axes if there is one.
    """
    branches = max(1, len(run.branches))
    element = torch.empty((), dtype=getattr(torch, run.dtype)).element_size()
    alike = {run.sites[number].axes: number for number in run.layouts}
    other = next(iter(run.layouts))
    seen = [n if n in run.layouts else alike.get(site.axes, other) for n, site in enumerate(run.sites)]
    layouts = [run.layouts[number] for number in seen]
    both = list(zip(run.sites, layouts, strict=True))
    # Sequences of all branches.
    sequences = np.array([branches * run.folds[number] for number in seen], float)

    device, dtype = run.run.patcher.load_device, getattr(torch, run.dtype)
    counters = [Counter.of(device, dtype, site.head_dim) for site in run.sites]

    def of_head(way: Way, update: bool = False) -> np.ndarray:
        """Of a way, or of what it adds to full attention where it updates a residual; full attention where the way is
        none for a site.
        """
        each = []
        for counter, (site, layout) in zip(counters, both, strict=True):
            fits = way == FULL or layout.references or way.why_not(layout) is None
            if update:
                each.append(counter.update(layout, way, site.head_dim) if fits else 0)
            else:  # where all heads are full the host attends padding as well
                of_site = layout if fits and way != FULL else replace(layout, padding=())
                each.append(counter.head(of_site, way if fits else FULL, site.head_dim))
        return per_head(sequences * np.array(each, float))

    def per_head(of_sites: np.ndarray) -> np.ndarray:
        return np.repeat(of_sites, [site.heads for site in run.sites])

    tokens, local = (np.array([getattr(layout, name) for layout in layouts], float) for name in ("length", "locals"))
    entry = sequences * [site.head_dim * element for site in run.sites]  # bytes of a token of all sequences
    full = of_head(FULL)
    by_way, updates = (
        np.stack([of_head(way, update) for way in ways], axis=1) if ways else np.zeros((len(full), 0))
        for update in (False, True)
    )
    return Costs(
        sites=tuple(PlanSite(site.name, site.heads) for site in run.sites),
        unit=FLOPS,
        full=full,
        way=by_way,
        # Adding a kept residual joins no pair.
        residual=by_way,
        refresh=updates,
        # Copies are no FLOPs.
        reuse=np.zeros(len(full)),
        keep=np.zeros(len(full)),
        projection=sequences * [_projections(run.diffusion_model, *one) for one in both],
        share_saving=0.5 * local / tokens if branches == 2 else np.zeros(len(both)),
        other=float(run.other_flops * branches),
        output_bytes=per_head(tokens * entry),
        residual_bytes=per_head(local * entry),
    )


def _projections(diffusion_model, site, layout: SiteLayout) -> int:
    """FLOPs of the linear layers that a skipped site leaves out, for one sequence."""
    if not site.skippable:
        return 0
    return sum(flops * layout.streams[stream] for stream, flops in flops_per_token(diffusion_model, site).items())
