"""What an Apply node says of itself: one message a state, for the editor's line and for the host's history."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from ...plans import Plan, PlanError, dumps
from ...sentences import payload as said
from ...sentences import say
from ..report.editor import send

log = logging.getLogger(__name__)

EVENT = "ditfastattn.apply"
# States. The first four are of a node whose runs are what it says; the rest say why nothing is compressed.
WATCHING, MADE, IN_USE, NOTHING = "watching", "made", "in use", "nothing to save"
REFUSED, CANCELLED, OFF = "refused", "cancelled", "off"
KEPT_REPORTS = 8  # in the host's history, with the prompt that each is of


@dataclass(frozen=True)
class Figures:
    """Of one run as it was: fractions of the dense run's FLOPs, the relative error of the latent that the level
    predicts, and to how many of its steps the model's FLOPs amount. None where it is not known.
    """

    attention_flops_kept: float | None = None
    model_flops_kept: float | None = None
    predicted_error: float | None = None
    steps_of_work: int | None = None


@dataclass(frozen=True)
class Report:
    """One state. sentence: for people. plan: what the node follows. embed: whether the editor is to keep its text.
    differences: what was calibrated against what is sampled, a sentence each. notes: why a run did not follow its plan
    in all.
    """

    state: str
    sentence: str
    level: str = ""
    plan: Plan | None = None
    embed: bool = False
    figures: Figures = field(default_factory=Figures)
    differences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def beside_notes(self) -> tuple[str, ...]:
        """What a run's document says beside the notes of its record: what its plan was made for, or why it has none."""
        told = self.state in (REFUSED, WATCHING) and self.sentence not in self.notes
        return (*self.differences, *((self.sentence,) if told else ()))

    def payload(self, node: str | None, prompt: str | None) -> dict:
        """JSON-able: node, prompt (ids of the host), state, sentence, level, plan_id, plan (its text where it is to be
        embedded, else ""), figures, levels (name, attention, model, error of each), differences, notes; told: the
        sentence, the differences and the notes again, as `sentences.payload` for other languages.
        """
        levels = () if self.plan is None else self.plan.levels
        return {
            "node": node,
            "prompt": prompt,
            "state": self.state,
            "sentence": self.sentence,
            "level": self.level,
            "plan_id": "" if self.plan is None else self.plan.id,
            "plan": text_of(self.plan) if self.embed and self.plan is not None else "",
            "figures": {
                "attention_flops_kept": self.figures.attention_flops_kept,
                "model_flops_kept": self.figures.model_flops_kept,
                "predicted_error": self.figures.predicted_error,
                "steps_of_work": self.figures.steps_of_work,
            },
            "levels": [
                {
                    "name": one.name,
                    "attention": one.attention_flops_kept,
                    "model": one.model_flops_kept,
                    "error": one.predicted_error,
                }
                for one in levels
            ],
            "differences": list(self.differences),
            "notes": list(self.notes),
            "told": {
                "sentence": said(self.sentence),
                "differences": [said(one) for one in self.differences],
                "notes": [said(one) for one in self.notes],
            },
        }


def text_of(plan: Plan) -> str:
    """A plan's text; empty where it is too long for one."""
    try:
        return dumps(plan)
    except PlanError as error:
        log.warning("[DiTFastAttn] The plan stays in memory alone: %s", error)
        return ""


def tell(payload: dict) -> None:
    """Send a report to the editor; a node that the host knows nothing of has nothing to say."""
    if payload["node"] is not None:
        send(EVENT, payload)


def percent(part: float) -> str:
    """A fraction as people read it."""
    return f"{part:.0%}".replace("%", " %")


def in_use(plan: Plan, level: str, figures: Figures) -> str:
    """What a run followed, and what it saved and errs by as far as that is known."""
    attention, model, error = figures.attention_flops_kept, figures.model_flops_kept, figures.predicted_error
    if attention is None or model is None:
        return say("Plan {id} in use: {level}; it is not known what it saved.", id=plan.id, level=level)
    told = {"id": plan.id, "level": level, "attention": percent(attention), "model": percent(model)}
    if error is None:
        return say(
            "Plan {id} in use: {level}, {attention} of attention and {model} of all work computed; no error is "
            "predicted for a run like this one.",
            **told,
        )
    return say(
        "Plan {id} in use: {level}, {attention} of attention and {model} of all work computed, predicted error "
        "{error}.",
        **told,
        error=f"{error:.2f}",
    )
