"""Carrying a plan onto a model."""

from __future__ import annotations

import logging

from ...kernels import Window
from ...plans import CUSTOM, Plan, PlanError, resolve
from ..hooks.model import HostModel, free_memory
from ..hooks.patch import attach_refusal, install
from ..hooks.record import RunLog
from . import timeline
from .guard import Guard
from .replay import AUTOMATIC_BUDGET, Replay

log = logging.getLogger(__name__)


class PlanRefused(ValueError):
    """A plan that cannot be used on a model; the message says why and what to do."""


def apply_plan(
    model_patcher, plan: Plan, level: str, *, budget_bytes: int = 0, strict: bool = False, guard: bool = False
):
    """A clone of the model that follows one level of a plan.

    budget_bytes: most memory for caches, 0 = half of what is free when a run begins. strict: raise PlanRefused instead
    of falling back to full attention, now and during the run. Without it a model that the plan does not fit comes back
    unpatched, with the reason attached for the statistics node. guard: check some rows during the run and compute heads
    in full where a site's error outgrows the plan's promise; a plan without promises leaves the guard off, with a note.
    """
    try:
        return follow(HostModel.of(model_patcher), plan, level, budget_bytes=budget_bytes, strict=strict, guard=guard)
    except (PlanError, PlanRefused, ValueError) as error:
        return refuse(model_patcher, str(error), strict)


def refuse(model_patcher, reason: str, strict: bool):
    """The model without a plan and the reason on it; raises PlanRefused when the user asked for strictness."""
    if strict:
        raise PlanRefused(reason)
    log.warning("[DiTFastAttn] %s The image is made with full attention.", reason)
    return attach_refusal(model_patcher, reason)


def follow(
    model: HostModel, plan: Plan, level: str, *, budget_bytes: int = 0, strict: bool = True, guard: bool = False
):
    """A clone of the model's patcher that follows one level of a plan; arguments as in `apply_plan`.

    Raises PlanRefused where the plan is not for this model, PlanError where it has no such level.
    """
    reason = plan.why_not(model.identity)
    if reason is not None:
        raise PlanRefused(reason)
    if level == CUSTOM and CUSTOM not in (one.name for one in plan.levels):
        raise PlanRefused(
            "The plan has no level 'custom': set keep_attention in DiTFastAttn Calibrate, or choose one of "
            f"{', '.join(one.name for one in plan.levels)}."
        )
    chosen = plan.level(level)
    pooled = plan.pooled or (False,) * len(plan.windows)
    windows = tuple(Window(*window) for window in zip(plan.windows, pooled, strict=True))
    offsets, device = plan.model.offsets, model.patcher.load_device

    def make_processor(installation, run):
        schedule = resolve(plan, chosen, run.positions)
        for sentence in schedule.notes:
            run.record.note(sentence)
        run.record.info.update(plan=plan.id, level=chosen.name, predicted_error=chosen.predicted_error)
        laid_out = timeline.build(schedule, windows, offsets, tuple(site.skippable for site in model.sites))
        run.record.methods = laid_out.letters()
        budget = budget_bytes or int(AUTOMATIC_BUDGET * free_memory(device))
        watch = Guard(chosen.promises, run) if guard and chosen.promises else None
        if guard and watch is None:
            run.record.note(
                "The guard was off: this plan does not say what error it expects of each layer. Calibrate again."
            )
        return Replay(model.family, model.sites, laid_out, run, budget, strict, plan.measurement.text_tokens, watch)

    runs = RunLog(plan=plan, level=chosen)
    return install(model, make_processor, runs, strict=strict)
