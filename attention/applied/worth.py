"""Whether a plan saves anything worth having, and what there is to say where it does not."""

from __future__ import annotations

from ...plans import Plan
from ...sentences import say, together
from .message import percent

WORTH = 0.03  # of the model's work that the strongest level must save for a plan to be worth following. Chosen by hand


def worthless(plan: Plan) -> bool:
    """Whether not even the strongest level saves anything worth having."""
    return min(level.model_flops_kept for level in plan.levels) > 1.0 - WORTH


def nothing(plan: Plan) -> str:
    """Why there is nothing to save, and what else would save something."""
    stamp = plan.measurement
    whole = stamp.attention_flops + stamp.other_flops
    part = stamp.attention_flops / whole if whole else 0.0
    why = say(
        "Attention is {part} of the work at this size, and leaving out steps costs more than it brings.",
        part=percent(part),
    )
    fewer = ""
    if stamp.steps > 1:
        saved = percent(1 / stamp.steps)
        fewer = say("One step fewer of {steps} would save {saved}.", steps=stamp.steps, saved=saved)
    return together(say("Nothing to save."), why, fewer, say("For a larger picture, set calibrate to 'again'."))
