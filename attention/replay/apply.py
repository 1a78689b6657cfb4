"""Carrying a plan onto a model."""

from __future__ import annotations

import logging

from ...kernels import Approximation, way_of
from ...plans import Plan, resolve
from ...plans.search import CUSTOM
from ...sentences import CALIBRATE_AGAIN, say
from ..families import window_axes
from ..hooks.listener import RunListener
from ..hooks.model import HostModel, free_memory
from ..hooks.patch import install, listen
from ..hooks.processor import MakeProcessor
from ..hooks.record import RunLog
from . import timeline
from .forecast import StepForecast
from .guard import Guard
from .replay import AUTOMATIC_CACHE_SHARE, Replay

log = logging.getLogger(__name__)


_NOTHING_EXPECTED = say(
    "The guard was off: this plan does not say what error it expects of each layer. Calibrate again."
).cured_by(CALIBRATE_AGAIN)


class PlanRefused(ValueError):
    """A plan that cannot be used on a model; the message says why and what to do."""


def refuse(model_patcher, reason: str, strict: bool, listener: RunListener | None = None):
    """The model without a plan and the reason on it; raises PlanRefused when the user asked for strictness. listener:
    hears of its runs.
    """
    if strict:
        raise PlanRefused(reason)
    log.warning("[DiTFastAttn] %s The image is made with full attention.", reason)
    return listen(model_patcher, RunLog(reason), listener)


def follow(
    model: HostModel,
    plan: Plan,
    level: str,
    *,
    budget_bytes: int = 0,
    strict: bool = True,
    guard: bool = False,
    listener: RunListener | None = None,
):
    """A clone of the model's patcher that follows one level of a plan; see `follower`. listener: hears of its runs."""
    make_processor = follower(model, plan, level, budget_bytes=budget_bytes, strict=strict, guard=guard)
    runs = RunLog(plan=plan, level=plan.level(level))
    return install(model, make_processor, runs, strict=strict, listener=listener)


def follower(
    model: HostModel, plan: Plan, level: str, *, budget_bytes: int = 0, strict: bool = True, guard: bool = False
) -> MakeProcessor:
    """What makes a processor that follows one level of a plan, for every run.

    budget_bytes: most memory for caches, 0 = half of what is free when a run begins. strict: an error during a run
    stops it, instead of full attention from then on. guard: check some queries during the run and compute heads in full
    where a site's error outgrows what the plan expects; a plan that expects nothing leaves the guard off, with a note.
    Raises PlanRefused where the plan is not for this model, PlanError where it has no such level.
    """
    reason = model.why_not(plan)
    if reason is not None:
        raise PlanRefused(reason)
    if level == CUSTOM and CUSTOM not in (one.name for one in plan.levels):
        raise PlanRefused(
            say(
                "The plan has no level 'custom': set keep_work or keep_attention in DiTFastAttn Calibrate, or choose "
                "one of {levels}.",
                levels=", ".join(one.name for one in plan.levels),
            )
        )
    chosen = plan.level(level)
    ways = _ways(plan, model)
    offsets, device = plan.model.offsets, model.patcher.load_device

    def make_processor(run):
        schedule = resolve(plan, chosen, run.positions)
        for sentence in schedule.notes:
            run.record.note(sentence)
        if run.step_cache:
            run.record.note(
                say(
                    "{node} leaves out steps as well: what that changes comes on top of the predicted error.",
                    node=run.step_cache,
                )
            )
        run.record.plan, run.record.level = plan, chosen.name
        sites = model.sites_of(plan)
        laid_out = timeline.build(schedule, ways, offsets, tuple(site.skippable for site in sites))
        run.record.methods = laid_out.map()
        cache_budget = budget_bytes or int(AUTOMATIC_CACHE_SHARE * free_memory(device))
        watch = Guard(chosen.expected_errors, run) if guard and chosen.expected_errors else None
        if guard and watch is None:
            run.record.note(_NOTHING_EXPECTED)
        forecast = StepForecast(schedule.evaluated, schedule.slopes, schedule.corrections, run.sigmas)
        referenced = plan.measurement.reference_tokens
        beside = (plan.measurement.text_tokens + referenced, referenced)
        return Replay(model.family, sites, laid_out, run, cache_budget, strict, beside, forecast, watch)

    return make_processor


def _ways(plan: Plan, model: HostModel) -> tuple[Approximation, ...]:
    """The approximations that a plan's letters refer to. Raises PlanRefused where this version does not know one."""
    axes = window_axes(model.sites, len(plan.measurement.grid))
    try:
        return tuple(way_of(way.kind, dict(way.parameters), axes) for way in plan.ways)
    except ValueError as error:
        raise PlanRefused(
            say(
                "The plan computes heads in a way that this version of the pack does not know ({error}): update "
                "DiTFastAttn, or run DiTFastAttn Calibrate on this model.",
                error=error,
            )
        ) from None
