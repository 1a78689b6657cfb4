"""Attention arithmetic on tensors: what compressed attention means, and the paths that compute it.

Knows no host, no model and no plan. `geometry` says which tokens a window joins, `methods` what each head does,
`reference` what the right answer is, `tiled`, `triton` and `dispatch` how it is computed.
"""

from .dispatch import Outcome, dense_flops, flops, head_wise, why_not, why_not_fused
from .geometry import Layout, Window, dense_pairs, far_tiles, half_widths, row_mask, tile_shape, window_pairs
from .methods import HeadTable, Method
from .pooling import Pooled, pool

__all__ = [
    "HeadTable",
    "Layout",
    "Method",
    "Outcome",
    "Pooled",
    "Window",
    "dense_flops",
    "dense_pairs",
    "far_tiles",
    "flops",
    "half_widths",
    "head_wise",
    "pool",
    "row_mask",
    "tile_shape",
    "why_not",
    "why_not_fused",
    "window_pairs",
]
