"""Attention arithmetic on tensors: what compressed attention means, and the back ends that compute it.

Knows no host, no model and no plan. `ways` holds one record for each way to compute a head, `head_table` says which
head takes which, `geometry` where tokens are, `dispatch` and `backends` who computes a layer, `reference` what the
right answer is. Whoever needs attention imports it from here.
"""

from .backends import BACKENDS
from .counting import Counter
from .dispatch import Outcome, head_wise, prepare, why_not
from .flops import dense_flops, flops
from .geometry import Layout
from .grids import Reference
from .head_table import HeadTable
from .pooling import Pooled, pool
from .spans import take
from .tiled import full_attention
from .tiled_heads import global_rows
from .triton.backend import trials
from .triton.int8.backend import computes_int8
from .triton.known import release
from .triton.verdicts import VERDICTS
from .ways import FULL, REUSE, WAYS, Approximation, Int8, Residual, Way, Window, approximations, way_of

__all__ = [
    "BACKENDS",
    "FULL",
    "REUSE",
    "VERDICTS",
    "WAYS",
    "Approximation",
    "Counter",
    "HeadTable",
    "Int8",
    "Layout",
    "Outcome",
    "Pooled",
    "Reference",
    "Residual",
    "Way",
    "Window",
    "approximations",
    "computes_int8",
    "dense_flops",
    "flops",
    "full_attention",
    "global_rows",
    "head_wise",
    "pool",
    "prepare",
    "release",
    "take",
    "trials",
    "way_of",
    "why_not",
]
