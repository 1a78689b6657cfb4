"""The two back ends of this folder, as `kernels.backends` lists them: the Hopper kernel and the one for every GPU."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from ...sentences import say
from ..done import Done
from ..geometry import Layout
from ..head_table import HeadTable
from . import known, trial
from .configs import HEAD_DIMS, PINGPONG, POINTER, Config, refreshes
from .devices import device_configs, is_hopper
from .full_heads import leaves_full
from .int8 import trial as int8
from .launch import head_wise, shelf
from .operands import is_wide, why_no_descriptors, why_unaligned
from .trial import known_trial, trial_of
from .why_not import DTYPES, about_device, switched_off, why_not
from .worklist import has_bands, pools


def pointer_why_not(q, k, v, layout: Layout, table: HeadTable, out, *, scale, cached, residual) -> str | None:
    """See `why_not.why_not`; besides, rows must start on 16 bytes."""
    refusal = why_not(q, k, v, layout, table, scale=scale)
    return why_unaligned([x for x in (q, k, v, out, cached, residual) if x is not None]) if refusal is None else refusal


def hopper_why_not(q, k, v, layout: Layout, table: HeadTable, out, *, scale, cached, residual) -> str | None:
    """As for the pointer path; besides, the GPU must be Hopper, its trial have chosen this path, and a descriptor be
    able to describe the tensors."""
    if not is_hopper(q.device):
        return say("The Hopper kernel runs on GPUs of compute capability 9.0 only.")
    refusal = pointer_why_not(q, k, v, layout, table, out, scale=scale, cached=cached, residual=residual)
    if refusal is not None:
        return refusal
    if has_bands(table):
        return say("The Hopper kernel has no bands; the pointer kernel has.")
    if choice(q, layout, table).path != PINGPONG:
        return say("The Hopper kernel is switched off, or the trial on this GPU chose the pointer kernel.")
    return why_no_descriptors([q, k, v])


def pointer_head_wise(q, k, v, layout: Layout, table: HeadTable, out, *, dense, **options):
    """See `launch.head_wise`. Ask only where `pointer_why_not` gives None."""
    config = choice(q, layout, table, is_wide([q, k, v]))
    if config.path != POINTER:
        config = device_configs(q.device, q.shape[3])[-1]
    return _serve(q, k, v, layout, table, out, config, dense, options)


def hopper_head_wise(q, k, v, layout: Layout, table: HeadTable, out, *, dense, **options):
    """See `launch.head_wise`. Ask only where `hopper_why_not` gives None."""
    return _serve(q, k, v, layout, table, out, choice(q, layout, table), dense, options)


def _serve(q, k, v, layout, table, out, config, dense, options):
    leaves = bool(table.full_heads) and leaves_full(q.device, q.dtype, q.shape[3], config, dense)
    chosen = known.Choice(config, leaves, shelf(layout, table, config, q.device))
    fresh = head_wise(q, k, v, layout, table, out, config=config, dense=dense if leaves else None, **options)
    known.remember(q, k, v, layout, table, out, choice=chosen, scale=options["scale"], dense=dense)
    return Done(fresh, leaves, chosen.shelf.work(table, leaves).pairs)


def choice(q: torch.Tensor, layout: Layout, table: HeadTable, wide: bool = False) -> Config:
    """The configuration that won the trial of q's device, dtype and head size, or the device's last one where the
    winner is not made for the table's residual updates or bands. Ask only where `why_not` gives None."""
    best = trial_of(q.device, q.dtype, q.shape[3], pools(layout, table), wide).config
    bands = has_bands(table)
    if best is not None and not table.refresh_heads and not (bands and best.path != POINTER):
        return best
    last = device_configs(q.device, q.shape[3], wide)[-1]
    if best is None or (bands and best.path != POINTER):
        return last
    return best if refreshes(best, last) else last


def expected(device: torch.device, dtype: torch.dtype, head_dim: int) -> Config | None:
    """The configuration that is going to serve windows on a device: the winner of its trial, or before that the first
    that will be tried; None where none will. Makes no trial."""
    if dtype not in DTYPES or head_dim not in HEAD_DIMS or switched_off() or about_device(device):
        return None
    found = known_trial(device, dtype, head_dim)
    if found is None:
        return device_configs(device, head_dim)[0]
    return None if found.reason else found.config


def prepare(q: torch.Tensor, layout: Layout, tables: Iterable[HeadTable], dense) -> list[HeadTable]:
    """Lay out the work of all these tables for calls like the one of q, in one copy to the device for each
    configuration that serves them; returns those that none does."""
    wide = is_wide([q])
    others: list[HeadTable] = []
    found: list[tuple[HeadTable, known.Choice]] = []
    # By what a choice depends on: a run has thousands of tables, and a few choices.
    chosen: dict[tuple[bool, ...], known.Choice] = {}
    for table in dict.fromkeys(tables):
        if why_not(q, q, q, layout, table) is not None:
            others.append(table)
            continue
        kind = pools(layout, table), has_bands(table), bool(table.refresh_heads), bool(table.full_heads)
        if kind not in chosen:
            config = choice(q, layout, table, wide)
            leaves = bool(table.full_heads) and leaves_full(q.device, q.dtype, q.shape[3], config, dense)
            chosen[kind] = known.Choice(config, leaves, shelf(layout, table, config, q.device))
        found.append((table, chosen[kind]))
    known.lay_out(q, layout, found, wide, dense)
    return others


def trials() -> int:
    """How many trials this process has made: a run during which it grows took longer than the next one will."""
    return trial.count() + int8.count()
