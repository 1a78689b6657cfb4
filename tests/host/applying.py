"""A plan on a model of the host, without the node around it."""

from __future__ import annotations

from ditfastattn.attention.hooks.model import HostModel
from ditfastattn.attention.replay.apply import follow, refuse
from ditfastattn.plans import Plan


def apply_plan(
    model_patcher, plan: Plan, level: str, *, budget_bytes: int = 0, strict: bool = False, guard: bool = False
):
    """A clone of the model that follows one level of a plan, or one without hooks that says why it cannot; arguments as
    in `replay.apply.follow`. strict: raise PlanRefused in place of that.
    """
    try:
        return follow(HostModel.of(model_patcher), plan, level, budget_bytes=budget_bytes, strict=strict, guard=guard)
    except ValueError as error:  # of which a plan's own errors are
        return refuse(model_patcher, str(error), strict)
