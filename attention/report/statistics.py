"""What the Attention Stats node knows of the run that made a latent: its document, or why there is none."""

from __future__ import annotations

from ...sentences import payload, say
from ..hooks.patch import attached
from ..hooks.record import RunLog, RunRecord, latent_digest
from .document import FULL, PLAN, REFUSED, document
from .live import subject_of
from .store import VERSION

NO_RUN = "none"  # in the place of a run's state
_NO_NODE = say("No compression plan is applied to this model: connect the model that Apply Compression Plan puts out.")
_NOT_SAMPLED = say("The model has not been sampled yet: connect the latent of the sampler.")


def statistics(model_patcher, samples=None) -> dict:
    """The document (see `report.document`) of the run that made a latent, or of the last one, on a model that went
    through the pack. Where there is no such run, its state is NO_RUN and its notes say why.
    """
    found = attached(model_patcher)
    record = None if found is None else found.runs.latest(latent_digest(samples))
    if record is not None:
        refusal = found.runs.refusal
        kind = REFUSED if refusal else PLAN if record.plan else FULL
        told = (refusal,) if refusal else ()
        return record.document or document(record, subject_of(model_patcher), kind, notes=told)
    if found is None:
        why = _NO_NODE
    else:
        why = found.runs.refusal or _NOT_SAMPLED
    runs = RunLog() if found is None else found.runs
    level = "" if runs.level is None else runs.level.name
    empty = document(RunRecord([]), subject_of(model_patcher), FULL, made=runs.plan, made_level=level)
    return {**empty, "v": VERSION, "id": "", "started": None, "state": NO_RUN, "notes": [payload(why)]}
