"""Apply Compression Plan: what each sampling run through a node's model does, chosen when the run begins.

A run follows the plan that the node was given, or the one that an earlier run of the node made. Where there is none it
is watched: it is computed in full, and its plan is there for the next one. The choice is not made when the node is
executed, because the host executes a node once for many runs.
"""

from __future__ import annotations

import logging
import math

from ...plans import Plan, PlanError, Refusal, steps_of_work
from ...plans.search import CUSTOM
from ...sentences import CALIBRATE_AGAIN, Sentence, clause, say, together
from ..calibration.measurement import CalibrationError, descending, measured_by, solve
from ..calibration.progress import Meter
from ..calibration.watch import Watch
from ..hooks.listener import RunListener
from ..hooks.model import HostModel, NotCovered
from ..hooks.patch import attached, install, listen
from ..hooks.processor import Processor
from ..hooks.record import RunLog, Stopwatch
from ..hooks.run import SamplingRun
from ..replay.apply import PlanRefused, follower, refuse
from ..replay.full import InFull
from ..report.document import FULL, PLAN, WATCH
from ..report.document import REFUSED as RUN_REFUSED
from ..report.editor import executing
from ..report.figures import in_steps, work_of
from ..report.live import Live
from .choice import Asked, PlanChoice
from .comparison import differences, settings_of
from .kept import KEPT, NEVER, Kept
from .message import (
    CANCELLED,
    IN_USE,
    KEPT_REPORTS,
    MADE,
    NOTHING,
    OFF,
    REFUSED,
    WATCHING,
    Figures,
    Report,
    in_use,
    percent,
    tell,
    text_of,
)
from .worth import nothing, worthless

log = logging.getLogger(__name__)

LEAST_STEPS = 2  # that a run must have to be measured: with one there is nothing to compare it with

_OFF = say("Off: full attention at every step.")
_IN_FULL = say("The picture is made with full attention.")
_NEXT_WATCHED = say("The next run is watched.")


def apply(patcher, asked: Asked):
    """(the model to hand on, reports of the node to show in history, a list that goes on growing with each run).

    The model comes back as it is at level off, and without hooks where nothing can be done, with the reason attached.
    Raises PlanRefused in place of that when the user asked for strictness.
    """
    applied = Applied(patcher, asked)
    return applied.install(), applied.history


class Applied(RunListener):
    """One Apply node on one model. history: its reports as payloads, the newest last."""

    def __init__(self, patcher, asked: Asked):
        self.history: list[dict] = []
        self._patcher = patcher
        self._asked = asked
        self._model: HostModel | None = None
        self._kept = Kept()
        self._choice = PlanChoice(patcher, asked, self._kept)
        self._meter: Meter | None = None
        self._whole = Stopwatch()
        self._why = ""
        self._live = Live(patcher, asked.node)
        self._in_full: tuple[str, Sentence] | None = None  # kind and reason of every run, where none is compressed

    def install(self):
        """The model with the node's hooks on, or as it came."""
        asked = self._asked
        try:
            self._model = HostModel.of(self._patcher)
        except NotCovered as error:
            return self._heard(FULL, _OFF) if asked.level == OFF else self._refused(str(error))
        fingerprint = self._model.identity.fingerprint
        key = None if asked.node is None else (asked.metadata.workflow_id, asked.node, fingerprint)
        self._kept = KEPT.of(key)
        self._kept.ask(asked.calibrate)
        self._choice = PlanChoice(self._patcher, asked, self._kept)
        if asked.level == OFF:
            self._say(Report(OFF, _OFF, OFF))
            return self._heard(FULL, _OFF)
        found = self._choice.choose()
        if isinstance(found, Refusal):
            unusable = bool(asked.text.strip()) or asked.linked is not None
            if asked.calibrate == NEVER or (asked.strict and unusable):
                return self._refused(found.reason)
        plan = self._choice.current()
        try:
            if plan is not None:
                follower(self._model, plan, asked.level)
            elif asked.level == CUSTOM:
                raise PlanRefused(
                    say(
                        "The level 'custom' is a budget that DiTFastAttn Calibrate plans for: connect one with "
                        "keep_work or keep_attention set, or choose one of the other levels."
                    )
                )
        except (PlanError, PlanRefused, ValueError) as error:
            return self._refused(str(error))
        if plan is None:
            reason = found.reason if isinstance(found, Refusal) and unusable else ""
            self._say(Report(WATCHING, _watching(reason), asked.level))
        runs = RunLog(plan=plan, level=None if plan is None else plan.level(asked.level))
        return install(self._model, self.begin, runs, strict=asked.strict, listener=self)

    # -- a run -----------------------------------------------------------------------------------------------------

    def begin(self, run: SamplingRun) -> Processor:
        """What the run does."""
        asked, plan = self._asked, self._choice.current()
        self._why = _not_finite(run)
        if self._why:
            return InFull(run)
        if plan is not None:
            if worthless(plan):
                run.record.note(nothing(plan))
                return InFull(run)
            make = follower(
                self._model, plan, asked.level, budget_bytes=asked.budget_bytes, strict=asked.strict, guard=asked.guard
            )
            return make(run)
        if len(descending(run.positions)) < LEAST_STEPS:
            self._why = say(
                "A run of one step is too short to be measured: it takes {least} or more.", least=LEAST_STEPS
            )
            return InFull(run)
        if self._kept.hopeless:
            self._why = say(
                "Runs could not be measured ({why}), and are no longer watched. {remedy}",
                why=self._kept.failure,
                remedy=_REMEDY,
            ).cured_by(CALIBRATE_AGAIN)
            return InFull(run)
        self._whole, self._meter = Stopwatch(), Meter(bar=False)
        self._meter.begin_part("Watching this run to make its plan")
        return Watch(HostModel.of(run.patcher), run, self._meter, own=True)

    def began(self, run: SamplingRun, processor: Processor | None) -> None:
        """See `RunListener`."""
        kind, notes = self._kind(run, processor)
        self._live.begin(run, processor, kind, notes)

    def stepped(self, run: SamplingRun, processor: Processor | None) -> None:
        """See `RunListener`."""
        self._live.step(run)

    def ended(self, run: SamplingRun, processor: Processor | None) -> None:
        """See `RunListener`."""
        if self._in_full is not None:
            self._live.end(run, processor, notes=self._kind(run, processor)[1])
            return
        report = None
        try:
            report = self._report(run, processor)
            self._say(report)
        finally:
            made = report.plan if report is not None and isinstance(processor, Watch) else None
            told = () if report is None else report.beside_notes
            self._live.end(run, processor, made, self._asked.level, told)

    def _kind(self, run: SamplingRun, processor: Processor | None) -> tuple[str, tuple[str, ...]]:
        """(what a run is, why)."""
        if self._in_full is not None:
            kind, reason = self._in_full
            return kind, (reason,) if kind == RUN_REFUSED else ()
        if isinstance(processor, Watch):
            return WATCH, ()
        if processor is not None and not isinstance(processor, InFull):
            return PLAN, ()
        refused = processor is None or (self._why and (self._choice.current() is not None or self._kept.hopeless))
        return RUN_REFUSED if refused else FULL, (self._why,) if self._why else ()

    def _report(self, run: SamplingRun, processor: Processor | None) -> Report:
        level, plan, done = self._asked.level, run.record.plan, run.record.state == "done"
        notes = tuple(run.record.notes)
        if isinstance(processor, Watch):
            return self._watched(run, processor) if done else Report(CANCELLED, _CANCELLED, level, notes=notes)
        if self._why:
            following = self._choice.current()
            if following is not None or self._kept.hopeless:
                return Report(REFUSED, together(self._why, _WAS_IN_FULL), level, following)
            return Report(WATCHING, together(self._why, _NEXT_WATCHED), level, notes=notes)
        if plan is None:
            plan = self._choice.current()
            if plan is None or not worthless(plan):
                return Report(REFUSED, notes[0] if notes else _WAS_IN_FULL, level, plan)
            self._write(plan)
            return Report(NOTHING, nothing(plan), level, plan, self._choice.is_new(plan), Figures(1.0, 1.0, 0.0))
        if not done:
            return Report(CANCELLED, say("The run was cancelled."), level, plan, notes=notes)
        self._write(plan)
        chosen = plan.level(level)
        work, steps = work_of(run.record, plan.measurement), len(run.positions)
        error = chosen.predicted_error if run.record.promises else None
        fewer = None if work.model is None else steps_of_work(work.model, steps)
        figures = Figures(work.attention, work.model, error, fewer)
        found = differences(plan, run, HostModel.of(run.patcher).identity)
        sentence = together(in_use(plan, level, figures), "" if work.model is None else in_steps(work.model, steps))
        return Report(IN_USE, sentence, level, plan, self._choice.is_new(plan), figures, tuple(found), notes)

    def _watched(self, run: SamplingRun, seen: Watch) -> Report:
        """The plan of a run that was watched to its end."""
        level, notes = self._asked.level, tuple(run.record.notes)
        if seen.failure is None and not seen.other_flops:
            seen.failure = say("no attention call that can be compressed was seen, or the run was too short.")
        if seen.failure is None:
            try:
                measured = measured_by(seen, HostModel.of(run.patcher), settings_of(run), self._whole)
                plan = solve(measured).plan
            except (CalibrationError, PlanError) as error:
                seen.failure = str(error)
        if seen.failure is not None:
            why = clause(seen.failure)
            self._kept.failed(why)
            if self._kept.hopeless:
                told = say("Nothing was measured again: {why}. {remedy}", why=why, remedy=_REMEDY)
                return Report(REFUSED, told.cured_by(CALIBRATE_AGAIN), level, notes=notes)
            told = say("Nothing was measured: {why}.", why=why)
            return Report(WATCHING, together(told, _NEXT_WATCHED), level, notes=notes)
        self._kept.plan, self._kept.due, self._kept.failures = plan, False, 0
        self._write(plan)
        stamp = plan.measurement
        self._meter.counted(stamp.attention_flops, stamp.other_flops)
        self._meter.finish(say("Watched: the plan for the runs to come is made."))
        figures = Figures(1.0, 1.0, None)
        if worthless(plan):
            return Report(NOTHING, nothing(plan), level, plan, True, figures, notes=notes)
        chosen = plan.level(level)
        made = say(
            "Plan {id} made in this run. From now on {level}: {attention} of attention and {model} of all work "
            "computed, predicted error {error}.",
            id=plan.id,
            level=level,
            attention=percent(chosen.attention_flops_kept),
            model=percent(chosen.model_flops_kept),
            error=f"{chosen.predicted_error:.2f}",
        )
        sentence = together(made, in_steps(chosen.model_flops_kept, stamp.steps))
        return Report(MADE, sentence, level, plan, True, figures, notes=notes)

    # -- what is said and written ----------------------------------------------------------------------------------

    def _refused(self, reason: str):
        told = reason if "full attention" in reason else together(reason, _IN_FULL)
        self._say(Report(REFUSED, told, self._asked.level))
        self._in_full = RUN_REFUSED, told
        return refuse(self._patcher, reason, self._asked.strict, self)

    def _heard(self, kind: str, why: Sentence):
        """The model as it came, whose runs are heard of; those of another node of the pack are told by that one."""
        if attached(self._patcher) is not None:
            return self._patcher
        self._in_full = kind, why
        return listen(self._patcher, RunLog(), self)

    def _say(self, report: Report) -> None:
        model = "" if self._model is None else self._model.identity.fingerprint
        payload = {**report.payload(self._asked.node, executing()[0]), "model": model}
        self.history.append({**payload, "plan": ""})
        del self.history[:-KEPT_REPORTS]
        log.info("[DiTFastAttn] %s", report.sentence)
        tell(payload)

    def _write(self, plan: Plan) -> None:
        """Into the prompt and the workflow of the picture that is being made."""
        text = text_of(plan)
        if self._asked.node is not None and text:
            self._asked.metadata.current().write(self._asked.node, text)


_REMEDY = say("To have one more run watched, set calibrate to 'again'; bypass the node to be rid of this line.")
_CANCELLED = say("The run did not finish, so nothing was measured and nothing is kept. The next run is watched.")
_WAS_IN_FULL = say("The run was made with full attention.")


def _watching(reason: str) -> str:
    told = say("The next run is watched: its picture is the full one, and every run after it is compressed.")
    return together(reason, told)


def _not_finite(run: SamplingRun) -> str:
    """What of a run's settings is no number, as a sentence; empty where all are."""
    if not math.isfinite(run.guidance.cfg):
        return say("The CFG is not a finite number ({cfg}): set it to another.", cfg=run.guidance.cfg)
    wrong = next((sigma for sigma in (*run.sigmas, run.end) if not math.isfinite(sigma)), None)
    if wrong is None:
        return ""
    return say("The noise levels (sigmas) hold {level}, which is no finite number.", level=wrong)
