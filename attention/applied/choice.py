"""What the user set on an Apply node, and which plan its runs follow by that."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...plans import Plan, Refusal, loads
from ...sentences import CALIBRATE_AGAIN, say
from ..hooks.model import HostModel, NotCovered
from .kept import AGAIN, WHEN_NEEDED, Kept
from .metadata import Metadata

_NO_PLAN = say(
    "Apply Compression Plan has no plan and must not make one: set calibrate to 'when needed', connect DiTFastAttn "
    "Calibrate, or paste a plan into the node."
).cured_by(CALIBRATE_AGAIN)


@dataclass(frozen=True)
class Asked:
    """What the user set on the node, and who it is. text: the embedded plan. linked: what came by link, None where
    nothing did. node: its execution id, None outside of the host. metadata: of the prompt that executed it.
    """

    level: str
    text: str = ""
    linked: Plan | Refusal | None = None
    calibrate: str = WHEN_NEEDED
    budget_bytes: int = 0
    strict: bool = False
    guard: bool = False
    node: str | None = None
    metadata: Metadata = field(default_factory=Metadata)


def needs_link(patcher, text: str, calibrate: str) -> bool:
    """Whether a linked plan has to be asked for: the embedded one does not fit, or the user wants another; never for a
    model that no plan is for.
    """
    try:
        return isinstance(_fitting(patcher, loads(text)), Refusal) or calibrate == AGAIN
    except NotCovered:
        return False


class PlanChoice:
    """Which plan the runs of one node on one model follow. kept: what is known of both from earlier runs, as it is when
    a run begins.
    """

    def __init__(self, patcher, asked: Asked, kept: Kept):
        self._patcher = patcher
        self._asked = asked
        self._kept = kept
        self._given: Plan | None = None
        self._embedded: Plan | None = None
        self._linked = False

    def choose(self) -> Plan | Refusal:
        """The embedded or the linked plan: the one that fits, and if both do the embedded one, unless the user wants
        another.
        """
        found = self._found()
        if not isinstance(found, Refusal):
            self._given = found
        return found

    def _found(self) -> Plan | Refusal:
        asked = self._asked
        embedded = _fitting(self._patcher, loads(asked.text)) if asked.text.strip() else Refusal(_NO_PLAN)
        self._embedded = None if isinstance(embedded, Refusal) else embedded
        if asked.linked is None:
            return embedded
        linked = _fitting(self._patcher, asked.linked)
        if isinstance(embedded, Refusal) or (asked.calibrate == AGAIN and not isinstance(linked, Refusal)):
            self._linked = not isinstance(linked, Refusal)
            return linked
        return embedded

    def current(self) -> Plan | None:
        """What a run that begins now follows; None where it is to be watched."""
        if self._kept.due and not self._linked:
            return None
        if self._asked.calibrate == AGAIN and not self._linked:
            return self._kept.plan or self._given
        return self._given or self._kept.plan

    def is_new(self, plan: Plan) -> bool:
        """Whether a plan is another one than the node was executed with, so that the editor is to keep it."""
        return self._embedded is None or self._embedded.id != plan.id


def _fitting(patcher, plan: Plan | Refusal) -> Plan | Refusal:
    """The plan, if it is one and for this model. Raises NotCovered where none can be."""
    model = HostModel.of(patcher)
    if isinstance(plan, Refusal):
        return plan
    reason = model.why_not(plan)
    return plan if reason is None else Refusal(reason)
