"""The INT8 path as a back end: it serves layers of which everything that is computed may be computed in INT8."""

from __future__ import annotations

from functools import lru_cache

import torch

from ...geometry import Layout
from ...head_table import HeadTable
from ...ways import FULL, Int8, Residual
from ..configs import INT8, PINGPONG, POINTER, switch
from ..launch import head_wise
from ..operands import unit_of
from ..trial import NotNow
from ..why_not import DTYPES, about_call, about_device, switched_off
from ..worklist import pooled_heads
from .configs import KEY_LANES, SERVED, int8_candidates
from .trial import int8_trial


def int8_why_not(q, k, v, layout: Layout, table: HeadTable, out, *, scale, cached, residual) -> str | None:
    """One sentence why the INT8 kernel cannot serve a call, or None where it can. Never raises."""
    if not in_int8(table):
        return "Nothing of the layer, or not all that is computed of it, is planned in INT8."
    return (
        about_call(q, k, v, layout, table, scale)
        or switched_off()
        or about_device(q.device)
        or _about_int8(q.device)
        or _about_rows([x for x in (q, k, v, out, cached, residual) if x is not None])
        or _fault(q, layout, table)
    )


def int8_head_wise(q, k, v, layout: Layout, table: HeadTable, out, *, scale, cached, residual, dense):
    """See `launch.head_wise`. Heads in full attention that update no residual are attended by `dense`: they are to be
    exact. Ask only where `int8_why_not` gives None."""
    found = int8_trial(q.device, q.dtype, q.shape[3], bool(pooled_heads(layout, table)))
    config = int8_candidates(80, q.shape[3])[-1] if table.refresh_heads else found.config
    full = [head for head in table.full_heads if table.refresh[head] is None]
    if full:
        out[:, full] = dense(q[:, full], k[:, full], v[:, full])
    return head_wise(
        q, k, v, layout, table, out, config=config, scale=scale, cached=cached, residual=residual,
        leave=frozenset(full),
    )  # fmt: skip


def computes_int8(device: torch.device, dtype: torch.dtype, head_dim: int) -> bool:
    """Whether a device has an INT8 kernel for attention of this kind, that passed its trial. Tried here, if it was not
    before; no moment to try is a no."""
    if device.type != "cuda" or dtype not in DTYPES or head_dim not in KEY_LANES:
        return False
    if switched_off() or about_device(device) or _about_int8(device):
        return False
    try:
        return int8_trial(device, dtype, head_dim, True).reason is None
    except NotNow:
        return False


@lru_cache(maxsize=4096)
def in_int8(table: HeadTable) -> bool:
    """Whether some head is planned in INT8 and none in an approximation that is not: those are computed in one launch,
    and what is planned in 16 bits may not be computed in less."""
    found = [way.way if isinstance(way, Residual) else way for way in table.ways]
    found += [updated for updated in table.refresh if updated is not None]
    computed = [way for way in found if way != FULL and way.reads is None]
    return bool(computed) and all(isinstance(way, Int8) for way in computed)


def _about_int8(device: torch.device) -> str | None:
    if torch.version.hip is not None or _capability(device) not in SERVED:
        return "The INT8 kernel is for NVIDIA GPUs of compute capability 8.0, 8.6, 8.9 and 12."
    named = {POINTER, PINGPONG, INT8} & set(switch().split(","))
    return "The INT8 kernel is switched off." if named and INT8 not in named else None


def _capability(device: torch.device) -> int:
    major, minor = torch.cuda.get_device_capability(device)
    return 10 * major + minor


def _about_rows(tensors: list[torch.Tensor]) -> str | None:
    if unit_of(tensors) == 8 and all(x.data_ptr() % 16 == 0 for x in tensors):
        return None
    return "The INT8 kernel needs rows of neighbouring elements that start on 16 bytes."


def _fault(q: torch.Tensor, layout: Layout, table: HeadTable) -> str | None:
    try:
        return int8_trial(q.device, q.dtype, q.shape[3], bool(pooled_heads(layout, table))).reason
    except NotNow as moment:
        return str(moment)
