"""The back ends of `dispatch.head_wise`, in order of preference: the first that can serve a call does.

A new back end is a file with `why_not` and `head_wise` and one line in `BACKENDS`. Tests hold all of them against the
last, `reference`, which says what the others mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from . import reference, tiled_heads
from .triton import backend as triton
from .triton.int8 import backend as int8

FUSED, TILED = "fused", "tiled"


@dataclass(frozen=True)
class Backend:
    """One back end. name: for programs. path: under which a run's report counts the calls that it serves. label: how
    the report says so, as the end of "12 calls ...". gpu: whether it is asked for tensors on a GPU alone, so that a
    CPU's report names no refusals.

    why_not(q, k, v, layout, table, out, *, scale, cached, residual) -> one sentence, or None where it can serve.
    head_wise(q, k, v, layout, table, out, *, scale, cached, residual, dense) -> the residuals of the updating heads or
    None; writes the layer into `out`. Arguments as for `dispatch.head_wise`, none left out.
    """

    name: str
    path: str
    label: str
    why_not: Callable[..., str | None]
    head_wise: Callable[..., torch.Tensor | None]
    gpu: bool = True


BACKENDS = (
    Backend("triton_int8", FUSED, "by the fused Triton kernel in INT8", int8.int8_why_not, int8.int8_head_wise),
    Backend("triton_hopper", FUSED, "by the fused Triton kernel", triton.hopper_why_not, triton.hopper_head_wise),
    Backend("triton_pointer", FUSED, "by the fused Triton kernel", triton.pointer_why_not, triton.pointer_head_wise),
    Backend("tiled", TILED, "as tiled torch attention", tiled_heads.why_not, tiled_heads.head_wise, gpu=False),
    Backend("reference", "reference", "by the plain reference", reference.why_not, reference.serve, gpu=False),
)
