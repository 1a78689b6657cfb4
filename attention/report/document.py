"""The run document: all that the panel, the Attention Stats node and its texts show of one sampling run, as JSON.

Figures of different kinds never mix: fractions are in 0..1, per cent only in `done`, seconds, milliseconds and bytes
are named as such. What is not known is None. Text for people is what `sentences.payload` makes of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ...kernels import FULL as FULL_WAY
from ...kernels import Int8, Residual, Window
from ...plans import Measurement, Plan
from ...sentences import Sentence, payload, say
from ..hooks.record import FORECAST, RunRecord
from .dense_times import Dense
from .figures import Work, beside_attention, ceiling, work_of, work_of_step
from .store import VERSION

# What a run was. The last two are of runs that followed no plan and made none.
PLAN, WATCH, CALIBRATE, VERIFY, FULL, REFUSED = "plan", "watch", "calibrate", "verify", "full", "refused"
COMPRESSED = (PLAN, VERIFY)
FULL_LETTER = FULL_WAY.letter


@dataclass(frozen=True)
class Subject:
    """What a run is of: who asked for it, and the model. node, prompt: ids of the host, None outside of it. layers,
    heads: names and head counts of the sites, empty where no family covers the model.
    """

    node: str | None = None
    prompt: str | None = None
    family: str = ""
    parameters: int = 0
    device: str = ""
    sites: tuple[str, ...] = ()
    heads: tuple[int, ...] = ()


def document(
    record: RunRecord,
    subject: Subject,
    kind: str,
    *,
    planned: Sequence[tuple[float, float]] = (),
    head_map: Sequence[str] = (),
    tokens: int | None = None,
    cache_limit: int | None = None,
    dense: Dense | None = None,
    made: Plan | None = None,
    made_level: str = "",
    notes: Sequence[str] = (),
) -> dict:
    """The document of a run, at its start or later.

    planned: (attention, model) of each step, see `Processor.planned`; empty where all is computed. head_map: see
    `Processor.head_map`. tokens: of the picture, as long as no forward has told. made, made_level: the plan
    that a watched run made, and what its node is set to. notes: beside those of the record.
    """
    plan = record.plan or made
    measurement = None if plan is None else plan.measurement
    work = work_of(record, measurement) if kind in COMPRESSED and record.attention_flops()[0] else None
    methods = record.methods or [FULL_LETTER * len(subject.sites)] * len(record.steps)
    return {
        "v": VERSION,
        "id": record.id,
        "prompt": subject.prompt,
        "node": subject.node,
        "started": round(record.started, 3),
        "kind": kind,
        "model": {
            "family": subject.family,
            "parameters": subject.parameters,
            "layers": len(subject.sites),
            "heads": max(subject.heads, default=0),
            "tokens": record.tokens or tokens,
            "reference_tokens": record.reference_tokens
            if record.tokens
            else made and made.measurement.reference_tokens,
            "text_tokens": record.text_tokens if record.tokens else made and made.measurement.text_tokens,
        },
        "device": subject.device,
        "batch": record.batch,
        "sampler": {
            "sampler": record.sampler,
            "scheduler": record.scheduler or None,
            "steps": len(record.steps),
            "cfg": record.cfg if math.isfinite(record.cfg) else None,
            "seed": record.seed,
        },
        "plan": None if plan is None else plan_of(plan, record.level or made_level, promises=record.promises),
        "levels": [] if plan is None else levels_of(plan),
        "steps": _steps(record, planned),
        **progress(record, kind, measurement, dense, cache_limit),
        "ceiling": None if measurement is None else ceiling(record, measurement, tokens or 0),
        "sites": list(subject.sites),
        "heads": list(subject.heads),
        "map": list(methods),
        "head_map": list(head_map) or [f"{FULL_LETTER}{sum(subject.heads)}"] * len(record.steps),
        "windows": {} if plan is None or not record.methods else _windows(plan),
        "notes": [payload(note) for note in (*record.notes, *notes)],
        "backends": {"fused": 0, "tiled": 0, "dense": 0, "copied": 0, **record.calls},
        "full_heads": {"host": 0, "kernel": 0, **record.full_heads},
        "flops": None
        if work is None or not work.known
        else {
            "attention": [work.attention_dense, work.attention_kept],
            "model": [work.model_dense, work.model_kept],
        },
        "guard": asdict(record.guard) if record.guard else None,
        "not_fused": [payload(sentence) for sentence in record.refusals],
    }


def progress(
    record: RunRecord,
    kind: str,
    measurement: Measurement | None,
    dense: Dense | None,
    cache_limit: int | None = None,
    before: Sequence[list[int]] = (),
) -> dict:
    """What of a document changes with every step. before: its `done` when it was made last, of which all but the newest
    stand: so that a step of a long run takes no longer than one of a short run.
    """
    counted = kind in COMPRESSED and measurement is not None
    kept = _kept(record, work_of(record, measurement)) if counted else (1.0, 1.0)
    other = beside_attention(record, measurement) if counted else 0.0
    known = before[: max(0, len(before) - 2)]
    return {
        "state": record.state,
        "done": [
            *known,
            *(
                _done(step, work_of_step(step, other) if counted else None)
                for step in record.steps[len(known) : record.finished]
            ),
        ],
        "kept": dict(zip(("attention", "model"), kept, strict=True)),
        "seconds": round(record.sampling_seconds, 4),
        "cache": {"bytes": record.cache_bytes, "limit": cache_limit},
        **how_fast(record, kind, dense),
    }


def how_fast(record: RunRecord, kind: str, dense: Dense | None) -> dict:
    """What full attention would take, and how many times faster a run is that leaves something out."""
    seconds, finished = record.sampling_seconds, record.finished
    found = dense.speed(seconds, finished, len(record.steps)) if dense and kind in COMPRESSED else None
    return {
        "dense": None
        if dense is None
        else {"seconds": round(dense.seconds, 4), "source": dense.source, "how": payload(dense.how)},
        "speed": None if found is None else {"times": round(found[0], 4), "source": found[1]},
    }


def _kept(record: RunRecord, work: Work) -> tuple[float | None, float | None]:
    """(attention, model) as fractions of full attention: all while nothing is over yet, None where it is not known."""
    if not record.finished and record.state == "running":
        return 1.0, 1.0
    return tuple(None if one is None else round(one, 6) for one in (work.attention, work.model))


def _done(step, work: Work | None) -> list[int]:
    """[attention, model, milliseconds]: per cent of what full attention computes; zeros where nothing was evaluated."""
    milliseconds = round(1000 * step.seconds)
    if work is None:
        return [100, 100, milliseconds] if step.seconds else [0, 0, 0]
    if not work.attention_dense:
        return [0, 0, milliseconds]
    return [round(100 * work.attention), round(100 * work.model), milliseconds]


def _steps(record: RunRecord, planned: Sequence[tuple[float, float]]) -> list[dict]:
    unknown = [(0.0, 0.0) if row.startswith(FORECAST) else (1.0, 1.0) for row in record.methods]
    fractions = planned or unknown or [(1.0, 1.0)] * len(record.steps)
    return [
        {
            "position": round(step.position, 4),
            "attention": round(attention, 4),
            "model": round(model, 4),
            "forecast": int(model == 0.0),
        }
        for step, (attention, model) in zip(record.steps, fractions, strict=True)
    ]


def plan_of(plan: Plan, name: str, verified: float | None = None, promises: bool = True) -> dict:
    """A plan and what one level of it promises; nothing where it has no such level. verified: its error as sampled.
    promises: whether the error is to be expected of the run at hand.
    """
    level = next((one for one in plan.levels if one.name == name), None)
    return {
        "id": plan.id,
        "level": level and level.name,
        "error": level.predicted_error if level and promises else None,
        "attention": level and level.attention_flops_kept,
        "model": level and level.model_flops_kept,
        "verified": verified,
    }


def forecast_steps(document: dict) -> int:
    """How many of a run's finished steps were forecast, as they came and not as they were planned."""
    return sum(row.startswith(FORECAST) for row in document["map"][: len(document["done"])])


def levels_of(plan: Plan) -> list[dict]:
    """The curve of a plan's levels."""
    return [
        {
            "name": level.name,
            "attention": level.attention_flops_kept,
            "model": level.model_flops_kept,
            "error": level.predicted_error,
            "cache_bytes": level.cache_bytes,
        }
        for level in plan.levels
    ]


def _windows(plan: Plan) -> dict:
    """By the letter of a way, what the plan's windows are, a text each."""
    told: dict[str, list] = {Window.kind: [], Int8.kind: []}
    for way in plan.ways:
        size = dict(way.parameters).get("size")
        if way.kind in told and size is not None:
            pooled = dict(way.parameters).get("pooled", False)
            told[way.kind].append(payload(_window(size, pooled, way.kind == Int8.kind)))
    windows, eight = told[Window.kind], told[Int8.kind]
    found = {Window.letter: windows, Int8.letter: eight, Residual.letter: windows + eight}
    return {letter: some for letter, some in found.items() if some}


def _window(size: Sequence[float], pooled: bool, int8: bool) -> Sentence:
    """One window in words."""
    extent = " x ".join(f"{fraction:g}" for fraction in size)
    if not int8:
        if pooled:
            return say("{extent} of the picture, the rest pooled", extent=extent)
        return say("{extent} of the picture", extent=extent)
    if all(fraction == 1 for fraction in size):
        return say("all of the picture, in INT8")
    if pooled:
        return say("{extent} of the picture, the rest pooled, in INT8", extent=extent)
    return say("{extent} of the picture, in INT8", extent=extent)
