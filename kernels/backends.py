"""The back ends of `dispatch.head_wise`, in order of preference: the first that can serve a call does.

A new back end is a file with `why_not` and `head_wise` and one line in `BACKENDS`. Tests hold all of them against the
last, `reference`, which says what the others mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import reference, tiled_heads
from .done import Done
from .head_table import HeadTable
from .triton import backend as triton
from .triton.configs import INT8, NAMES, PINGPONG, POINTER
from .triton.int8 import backend as int8

FUSED, TILED = "fused", "tiled"


@dataclass(frozen=True)
class Backend:
    """One back end. name: for programs. path: under which a run's report counts the calls that it serves. label: how
    the report says so, as the end of "12 calls ...". gpu: whether it is asked for tensors on a GPU alone, so that a
    CPU's report names no refusals.

    why_not(q, k, v, layout, table, out, *, scale, cached, residual) -> one sentence, or None where it can serve.
    head_wise(q, k, v, layout, table, out, *, scale, cached, residual, dense) -> what it did; writes the layer into
    `out`. Arguments as for `dispatch.head_wise`, none left out.
    prepare(q, layout, tables, dense) -> the tables that it does not serve; see `dispatch.prepare`. None where there is
    nothing to do.
    """

    name: str
    path: str
    label: str
    why_not: Callable[..., str | None]
    head_wise: Callable[..., Done]
    gpu: bool = True
    prepare: Callable[..., list[HeadTable]] | None = None


BACKENDS = (
    Backend(
        NAMES[INT8],
        FUSED,
        "by the fused Triton kernel",
        int8.int8_why_not,
        int8.int8_head_wise,
        prepare=int8.prepare,
    ),  # fmt: skip
    Backend(NAMES[PINGPONG], FUSED, "by the fused Triton kernel", triton.hopper_why_not, triton.hopper_head_wise),
    Backend(
        NAMES[POINTER],
        FUSED,
        "by the fused Triton kernel",
        triton.pointer_why_not,
        triton.pointer_head_wise,
        prepare=triton.prepare,
    ),  # fmt: skip
    Backend("tiled", TILED, "as tiled torch attention", tiled_heads.why_not, tiled_heads.head_wise, gpu=False),
    Backend("reference", "reference", "by the plain reference", reference.why_not, reference.serve, gpu=False),
)
