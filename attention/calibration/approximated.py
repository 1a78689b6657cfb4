"""One attention call with all of its heads computed in one way, as a known error."""

from __future__ import annotations

import torch

from ...kernels import Approximation, HeadTable, head_wise
from ..hooks.call import AttentionCall


def approximated(attention: AttentionCall, way: Approximation) -> torch.Tensor:
    """The attention output, in the host's format, with every head computed in one way: a known error to follow."""
    output, heads = attention.buffer()
    table = HeadTable.uniform(heads.shape[1], way)
    for items, layout in attention.parts(slice(0, heads.shape[0])):
        q, k, v = (tensor[items] for tensor in (attention.q, attention.k, attention.v))
        head_wise(q, k, v, layout, table, scale=attention.scale, dense=attention.dense, out=heads[items])
    return output
