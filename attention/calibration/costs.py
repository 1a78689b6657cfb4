"""FLOPs and bytes of attention sites, from the layout of their tokens."""

from __future__ import annotations

import torch

from ...kernels import HeadTable, Layout, Method, Window, dense_flops, flops
from ..hooks.projections import flops_per_token


def attention_flops(layouts: dict[int, Layout], sites) -> int:
    """FLOPs of one batch row in the dense attention of one model evaluation; layouts: by number of the site."""
    return sum(dense_flops(layout, sites[number].heads, sites[number].head_dim) for number, layout in layouts.items())


def site_costs(layout: Layout, site, windows: tuple[Window, ...], diffusion_model, dtype: str, branches: int) -> dict:
    """FLOPs and bytes of one head (projections: of the site) in one evaluation, all branches together.

    dtype: name of the torch type of q, k and v.
    """
    element = torch.empty((), dtype=getattr(torch, dtype)).element_size()

    def cost(method: Method, window: Window | None = None) -> float:
        return float(flops(layout, HeadTable.uniform(1, method, window), site.head_dim) * branches)

    linears = flops_per_token(diffusion_model, site) if site.skippable else {"image": 0, "text": 0}
    projections = linears["image"] * layout.image + linears["text"] * layout.globals
    return {
        "full": cost(Method.FULL),
        "windows": [cost(Method.WINDOW, window) for window in windows],
        "projections": projections * branches,
        "share": 0.5 * layout.image / layout.length if branches == 2 else 0.0,
        "output_bytes": layout.length * site.head_dim * element * branches,
        "residual_bytes": layout.image * site.head_dim * element * branches,
    }
