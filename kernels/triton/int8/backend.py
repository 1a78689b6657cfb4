"""The INT8 path as a back end: it serves layers of which everything that is computed may be computed in INT8."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import torch

from ....sentences import say
from ...done import Done
from ...geometry import Layout
from ...head_table import HeadTable
from ...ways import FULL, Int8, Residual
from .. import known
from ..attempt import NotNow
from ..configs import INT8, PINGPONG, POINTER, Config, switch
from ..launch import head_wise, shelf
from ..operands import is_wide, why_unaligned
from ..why_not import DTYPES, about_device, about_shapes, about_table, switched_off
from ..worklist import MOST_TABLES, pools
from .configs import KEY_LANES, SERVED, capability_of, int8_configs
from .trial import int8_trial, known_int8_trial


def int8_why_not(q, k, v, layout: Layout, table: HeadTable, out, *, scale, cached, residual) -> str | None:
    """One sentence why the INT8 kernel cannot serve a call, or None where it can. Never raises."""
    if not in_int8(table):
        return say("Nothing of the layer, or not all that is computed of it, is planned in INT8.")
    return (
        about_table(layout, table)
        or about_shapes(q.shape, k.shape, v.shape, (q.dtype, k.dtype, v.dtype), scale)
        or switched_off()
        or about_device(q.device)
        or _about_int8(q.device)
        or why_unaligned([x for x in (q, k, v, out, cached, residual) if x is not None])
        or _fault(q, layout, table, is_wide([q, k, v]))
    )


def int8_head_wise(q, k, v, layout: Layout, table: HeadTable, out, *, dense, **options) -> Done:
    """See `launch.head_wise`. Heads in full attention that update no residual are attended by `dense`: they are to be
    exact. Ask only where `int8_why_not` gives None."""
    choice = _choice(q, layout, table, is_wide([q, k, v]))
    fresh = head_wise(q, k, v, layout, table, out, config=choice.config, dense=dense, **options)
    known.remember(q, k, v, layout, table, out, choice=choice, scale=options["scale"], dense=dense)
    work = choice.shelf.work(table, choice.leaves)
    return Done(fresh, bool(work.left), work.pairs)


def prepare(q: torch.Tensor, layout: Layout, tables: Iterable[HeadTable], dense) -> list[HeadTable]:
    """Lay out the work of those of the tables that this path serves, see `..backend.prepare`; returns the others."""
    wide = is_wide([q])
    others: list[HeadTable] = []
    found: list[tuple[HeadTable, known.Choice]] = []
    for table in dict.fromkeys(tables):
        if int8_why_not(q, q, q, layout, table, None, scale=None, cached=None, residual=None) is None:
            found.append((table, _choice(q, layout, table, wide)))
        else:
            others.append(table)
    known.lay_out(q, layout, found, wide, dense)
    return others


def _choice(q: torch.Tensor, layout: Layout, table: HeadTable, wide: bool) -> known.Choice:
    """How a table is served, by the winner of the trial, or the device's last configuration for residual updates."""
    pooled = pools(layout, table)
    config = int8_trial(q.device, q.dtype, q.shape[3], pooled, wide).config
    if table.refresh_heads or config is None:
        config = int8_configs(q.device, q.shape[3], pooled, wide)[-1]
    return known.Choice(config, True, shelf(layout, table, config, q.device))


def computes_int8(device: torch.device, dtype: torch.dtype, head_dim: int) -> bool:
    """Whether a device has an INT8 kernel for attention of this kind, that passed its trial. Tried here, if it was not
    before; no moment to try is a no."""
    if _about_kind(device, dtype, head_dim):
        return False
    try:
        return int8_trial(device, dtype, head_dim, True).reason is None
    except NotNow:
        return False


def expected(device: torch.device, dtype: torch.dtype, head_dim: int) -> Config | None:
    """The configuration that is going to serve INT8 on a device, see `..backend.expected`."""
    if _about_kind(device, dtype, head_dim):
        return None
    found = known_int8_trial(device, dtype, head_dim)
    if found is None:
        return int8_configs(device, head_dim, True, False)[0]
    return None if found.reason else found.config


@lru_cache(maxsize=MOST_TABLES)
def in_int8(table: HeadTable) -> bool:
    """Whether some head is planned in INT8 and none in an approximation that is not: those are computed in one launch,
    and what is planned in 16 bits may not be computed in less."""
    found = [way.way if isinstance(way, Residual) else way for way in table.ways]
    found += [updated for updated in table.refresh if updated is not None]
    computed = [way for way in found if way != FULL and way.reads is None]
    return bool(computed) and all(isinstance(way, Int8) for way in computed)


def _about_kind(device: torch.device, dtype: torch.dtype, head_dim: int) -> bool:
    """Whether there is no INT8 kernel for attention of this kind."""
    if device.type != "cuda" or dtype not in DTYPES or head_dim not in KEY_LANES:
        return True
    return bool(switched_off() or about_device(device) or _about_int8(device))


def _about_int8(device: torch.device) -> str | None:
    if capability_of(device) not in SERVED:
        return say("The INT8 kernel is for NVIDIA GPUs of compute capability 8.0, 8.6, 8.9 and 12.")
    named = {POINTER, PINGPONG, INT8} & set(switch().split(","))
    return say("The INT8 kernel is switched off.") if named and INT8 not in named else None


def _fault(q: torch.Tensor, layout: Layout, table: HeadTable, wide: bool) -> str | None:
    try:
        return int8_trial(q.device, q.dtype, q.shape[3], pools(layout, table), wide).reason
    except NotNow as moment:
        return str(moment)
