"""The two back ends of this folder, as `kernels.backends` lists them: the Hopper kernel and the one for every GPU."""

from __future__ import annotations

import torch

from ..geometry import Layout
from ..head_table import HeadTable
from .configs import PINGPONG, POINTER, Config, refreshes
from .devices import device_configs, is_hopper
from .int8.trial import int8_trial
from .launch import head_wise
from .operands import why_no_descriptors
from .trial import trial_of, trials_of_16_bits
from .why_not import why_not
from .worklist import pooled_heads


def pointer_why_not(q, k, v, layout: Layout, table: HeadTable, out, *, scale, cached, residual) -> str | None:
    """See `why_not.why_not`: the pointer path has no other conditions."""
    return why_not(q, k, v, layout, table, scale=scale)


def hopper_why_not(q, k, v, layout: Layout, table: HeadTable, out, *, scale, cached, residual) -> str | None:
    """As for the pointer path; besides, the GPU must be Hopper, its trial have chosen this path, and a descriptor be
    able to describe the tensors."""
    if not is_hopper(q.device):
        return "The Hopper kernel runs on GPUs of compute capability 9.0 only."
    refusal = why_not(q, k, v, layout, table, scale=scale)
    if refusal is not None:
        return refusal
    if choice(q, layout, table).path != PINGPONG:
        return "The Hopper kernel is switched off, or the trial on this GPU chose the pointer kernel."
    return why_no_descriptors([x for x in (q, k, v, out, cached, residual) if x is not None])


def pointer_head_wise(q, k, v, layout: Layout, table: HeadTable, out, *, scale, cached, residual, dense):
    """See `launch.head_wise`; `dense` is not called. Ask only where `pointer_why_not` gives None."""
    config = choice(q, layout, table)
    if config.path != POINTER:
        config = device_configs(q.device, q.shape[3])[-1]
    return head_wise(q, k, v, layout, table, out, config=config, scale=scale, cached=cached, residual=residual)


def hopper_head_wise(q, k, v, layout: Layout, table: HeadTable, out, *, scale, cached, residual, dense):
    """See `launch.head_wise`; `dense` is not called. Ask only where `hopper_why_not` gives None."""
    config = choice(q, layout, table)
    return head_wise(q, k, v, layout, table, out, config=config, scale=scale, cached=cached, residual=residual)


def choice(q: torch.Tensor, layout: Layout, table: HeadTable) -> Config:
    """The configuration that won the trial of q's device, dtype and head size, or the device's last one where the
    winner is not made for the table's residual updates. Ask only where `why_not` gives None."""
    last = device_configs(q.device, q.shape[3])[-1]
    best = trial_of(q.device, q.dtype, q.shape[3], bool(pooled_heads(layout, table))).config or last
    return last if table.refresh_heads and not refreshes(best, last) else best


def trials() -> int:
    """How many trials this process has made: a run during which it grows took longer than the next one will."""
    return trials_of_16_bits() + int8_trial.cache_info().currsize
