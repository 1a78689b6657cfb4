"""Telling the editor of runs while they go on: a document at the start and at the end, a small message every step."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from ...plans import Plan
from ...sentences import payload
from ..families import find_family
from ..hooks.listener import RunListener
from ..hooks.model import HostModel, NotCovered, device_name, model_name, parameter_count
from ..hooks.noise import schedule_name
from ..hooks.processor import Processor
from ..hooks.record import RunRecord
from ..hooks.run import SamplingRun
from .dense_times import DENSE_TIMES, Dense, from_full_steps
from .document import (
    CALIBRATE,
    COMPRESSED,
    FULL,
    REFUSED,
    WATCH,
    Subject,
    document,
    how_fast,
    levels_of,
    plan_of,
    progress,
)
from .editor import executing, send
from .store import RUNS, VERSION

log = logging.getLogger(__name__)
_T = TypeVar("_T")

RUN, STEP = "ditfastattn.run", "ditfastattn.step"
# Steps in one message, so that it stays below 2 KB: with more of them, the last ones.
MOST_STEPS = 80
MOST_NAMED = 256  # steps of a schedule that is looked up by name: it takes 2 ms there, and 0.3 s with 1,000 steps
_IN_FULL = (WATCH, CALIBRATE, FULL, REFUSED)


class Live:
    """The runs of one node through one model, one at a time."""

    def __init__(self, patcher, node: str | None):
        self._subject = subject_of(patcher, node)
        self._kind = FULL
        self._known: Dense | None = None  # of a run like this one, before it
        self._dense: Dense | None = None
        self._planned: list[tuple[float, float]] = []
        self._rest: dict = {}

    def begin(self, run: SamplingRun, processor: Processor | None, kind: str, notes: Sequence[str] = ()) -> None:
        """A run begins; kind: one of `document`'s."""
        self._kind = kind
        sites = getattr(processor, "sites", None)
        if sites:  # of a model that no record covers they are known only now
            names, heads = tuple(site.name for site in sites), tuple(site.heads for site in sites)
            self._subject = replace(self._subject, sites=names, heads=heads)
        self._subject = replace(self._subject, prompt=executing()[0])
        if len(run.sigmas) <= MOST_NAMED:
            sampling = run.patcher.get_model_object("model_sampling")
            run.record.scheduler = schedule_name(sampling, (*run.sigmas, run.end))
        self._dense = self._known = DENSE_TIMES.of(run.workload) if kind in COMPRESSED else None
        self._planned = _or_unknown(lambda: processor.planned(run.shape), []) if kind in COMPRESSED else []
        tokens = _or_unknown(lambda: _tokens(run), None)
        self._rest = {"tokens": tokens, "cache_limit": getattr(processor, "cache_limit", None)}
        self._publish(run, processor, notes=notes)

    def step(self, run: SamplingRun) -> None:
        """A step is over."""
        record = run.record
        if record.document is None:
            return
        measurement, done = record.plan and record.plan.measurement, record.document["done"]
        changed = progress(record, self._kind, measurement, self._dense, self._rest["cache_limit"], done)
        if self._known is None and self._kind in COMPRESSED:
            self._dense = from_full_steps(changed["done"], len(record.steps))
            changed |= how_fast(record, self._kind, self._dense)
        record.document = {**record.document, **changed}
        RUNS.put(record.document)
        send(STEP, step_message(record, self._subject, changed))

    def end(
        self, run: SamplingRun, processor: Processor | None, made: Plan | None = None, level: str = "", notes=()
    ) -> None:
        """A run is over; made, level: the plan that follows from it, and what its node is set to. notes: beside those
        of its record.
        """
        if self._kind in _IN_FULL and (processor is None or processor.in_full):
            seconds = DENSE_TIMES.saw(run.workload, run.record)
            self._dense = DENSE_TIMES.of(run.workload) if seconds else None
        self._publish(run, processor, made=made, made_level=level, notes=notes)

    def _publish(self, run: SamplingRun, processor: Processor | None, **more) -> None:
        run.record.document = document(
            run.record,
            self._subject,
            self._kind,
            planned=self._planned,
            head_map=processor.head_map() if processor and self._kind in COMPRESSED else (),
            dense=self._dense,
            **self._rest,
            **more,
        )
        RUNS.put(run.record.document)
        send(RUN, run.record.document)


def step_message(record: RunRecord, subject: Subject, changed: dict) -> dict:
    """What is sent after a step; changed: see `document.progress`."""
    first = max(0, len(changed["done"]) - MOST_STEPS)
    return {
        **changed,
        "v": VERSION,
        "id": record.id,
        "prompt": subject.prompt,
        "node": subject.node,
        "step": record.finished,
        "from": first,
        "done": changed["done"][first:],
    }


def solved_into(plan: Plan, level: str, verified: float | None, notes: Sequence[str]) -> None:
    """A calibration is over: the document of its last run gets the plan. level, verified: what was checked, and its
    error; "" and None where nothing was. notes: how it went.
    """
    prompt, node = executing()
    for known in reversed(RUNS.all()):
        if node is not None and (known["prompt"], known["node"]) == (prompt, node):
            told = {"plan": plan_of(plan, level, verified), "levels": levels_of(plan)}
            changed = {**known, **told, "notes": [*known["notes"], *map(payload, notes)]}
            RUNS.put(changed)
            send(RUN, changed)
            return


class Reported(RunListener):
    """Tells of all runs of a model as of one kind."""

    def __init__(self, patcher, kind: str):
        self._live = Live(patcher, executing()[1])
        self._kind = kind

    def began(self, run, processor) -> None:
        """See `RunListener`."""
        self._live.begin(run, processor, self._kind)

    def stepped(self, run, processor) -> None:
        """See `RunListener`."""
        self._live.step(run)

    def ended(self, run, processor) -> None:
        """See `RunListener`."""
        self._live.end(run, processor)


def subject_of(patcher, node: str | None = None) -> Subject:
    """Who a run of a model is told of, and what the model is."""
    try:
        model = HostModel.of(patcher)
        family, sites = model.family.name, model.sites
    except NotCovered:
        family, sites = model_name(patcher), ()
    return Subject(
        node=node,
        family=family,
        parameters=parameter_count(patcher),
        device=device_name(patcher.load_device),
        sites=tuple(site.name for site in sites),
        heads=tuple(site.heads for site in sites),
    )


def _or_unknown(ask: Callable[[], _T], unknown: _T) -> _T:
    """The answer, or that it is not known: a latent of a kind that the family cannot tell the grid of."""
    try:
        return ask()
    except Exception as error:
        log.debug("[DiTFastAttn] Not known before the first step: %s", error)
        return unknown


def _tokens(run: SamplingRun) -> int | None:
    """Of the picture, as the family of the model cuts it up."""
    network = run.patcher.model.diffusion_model
    family = find_family(network)
    return None if family is None else math.prod(family.grid(network, run.shape))
