"""Carrying a plan onto a model."""

from __future__ import annotations

import logging

from ...kernels import Window
from ...plans import Plan, PlanError, WaySpec, resolve
from ...plans.search import CUSTOM
from ..hooks.model import free_memory, identify
from ..hooks.patch import attach_refusal, install, sites_of
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
        return _patched(model_patcher, plan, level, budget_bytes, strict, guard)
    except (PlanError, PlanRefused, ValueError) as error:
        return refuse(model_patcher, str(error), strict)


def refuse(model_patcher, reason: str, strict: bool):
    """The model without a plan and the reason on it; raises PlanRefused when the user asked for strictness."""
    if strict:
        raise PlanRefused(reason)
    log.warning("[DiTFastAttn] %s The image is made with full attention.", reason)
    return attach_refusal(model_patcher, reason)


def _patched(model_patcher, plan: Plan, level: str, budget_bytes: int, strict: bool, guard: bool):
    family, sites = sites_of(model_patcher)
    if family is None:
        name = type(model_patcher.model.diffusion_model).__name__
        raise PlanRefused(f"{name} is not a model that attention compression covers.")
    reason = plan.why_not(identify(model_patcher, family, sites))
    if reason is not None:
        raise PlanRefused(reason)
    if level == CUSTOM and CUSTOM not in (one.name for one in plan.levels):
        raise PlanRefused(
            "The plan has no level 'custom': set keep_attention in DiTFastAttn Calibrate, or choose one of "
            f"{', '.join(one.name for one in plan.levels)}."
        )
    chosen = plan.level(level)
    windows = tuple(_window(way) for way in plan.ways)
    offsets = plan.model.offsets

    def make_processor(installation, run):
        schedule = resolve(plan, chosen, run.positions)
        for sentence in schedule.notes:
            run.record.note(sentence)
        run.record.info.update(plan=plan.id, level=chosen.name, predicted_error=chosen.predicted_error)
        laid_out = timeline.build(schedule, windows, offsets, tuple(site.skippable for site in sites))
        run.record.methods = laid_out.letters()
        budget = budget_bytes or int(AUTOMATIC_BUDGET * free_memory(model_patcher.load_device))
        watch = Guard(chosen.expected_errors, run) if guard and chosen.expected_errors else None
        if guard and watch is None:
            run.record.note(
                "The guard was off: this plan does not say what error it expects of each layer. Calibrate again."
            )
        return Replay(family, sites, laid_out, run, budget, strict, plan.measurement.text_tokens, watch)

    runs = RunLog(plan=plan, level=chosen)
    return install(model_patcher, make_processor, runs, strict=strict)


def _window(way: WaySpec) -> Window:
    """The kernels' window for a plan's way. Raises PlanRefused for another kind of way."""
    parameters = dict(way.parameters)
    if way.kind != "window" or set(parameters) != {"size", "pooled"}:
        raise PlanRefused(
            f"The plan computes heads by {way.kind!r} in a way that this version of the pack does not know."
        )
    return Window(parameters["size"], parameters["pooled"])
