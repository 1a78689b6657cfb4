"""Verification: one level of a fresh plan sampled with the seed that was measured, and compared with the dense run.

A level predicts a relative error of the final latent. Where sampling shows another one, the errors of the whole table
are scaled by what was found, the plan is solved again, and the level is tried again, a few times at most.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from ...plans import Plan, steps_of_work
from ...plans.search import Solved
from ...sentences import say, together
from ..hooks.model import HostModel
from ..hooks.patch import remove
from ..hooks.record import Stopwatch
from ..replay.apply import follow
from ..report.document import VERIFY
from ..report.live import Reported
from .measurement import Measured
from .progress import Meter
from .trajectory import Trajectory, flat

log = logging.getLogger(__name__)

FACTOR = 1.25  # times its prediction that a level's error may be
MOST_CAUTION = 1.6  # times an error may lie below its prediction: beyond, the level wastes speed
RETRIES = 2
IDENTICAL_DB = 120.0  # PSNR of equal latents, since JSON knows no infinity


@dataclass(frozen=True)
class Attempt:
    """One sampled level against the dense run.

    predicted: its predicted error. error: relative error of the final latent, the norm of the difference over the dense
    one's. psnr_db: of the final latent, with the range (largest - smallest value) of the dense one as its peak.
    step_errors: step -> relative error of the latent that goes into the step. notes: why the run did not follow the
    plan in all.
    """

    predicted: float
    error: float
    psnr_db: float
    step_errors: dict[int, float]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FewerSteps:
    """What a level's work buys without a plan: `steps` of the `of` that were measured, with full attention. error:
    relative, of the final latent against the measured run's.
    """

    steps: int
    of: int
    error: float


@dataclass(frozen=True)
class Verification:
    """What verifying a level gave. solved: the plan, with all levels corrected. correction: factor on predicted errors
    (not squared) that the plan's have over the measured table's. seconds: of the sampling and solving. fewer: None
    where no smaller number of steps could be sampled.
    """

    level: str
    solved: Solved
    attempts: tuple[Attempt, ...]
    correction: float
    seconds: float
    fewer: FewerSteps | None = None

    @property
    def error(self) -> float:
        """Relative error of the level as it was sampled last."""
        return self.attempts[-1].error

    @property
    def predicted(self) -> float:
        """Relative error that the level of the corrected plan predicts."""
        return self.solved.plan.level(self.level).predicted_error

    @property
    def met(self) -> bool:
        """Whether the error stays within `FACTOR` times the prediction."""
        return self.error <= FACTOR * self.predicted

    @property
    def sentence(self) -> str:
        """The outcome, for the user."""
        found = say(
            "{level} checked: relative error {error} where {predicted} is predicted (PSNR of the latent {psnr} dB), "
            "attempt {count}.",
            level=self.level,
            error=f"{self.error:.3f}",
            predicted=f"{self.predicted:.3f}",
            psnr=f"{self.attempts[-1].psnr_db:.1f}",
            count=len(self.attempts),
        )
        outcome = say("As predicted.") if self.met else say("The prediction is not met: choose a milder level.")
        return together(found, outcome, self._beside)

    @property
    def _beside(self) -> str:
        if self.fewer is None:
            return ""
        return say(
            "{steps} of {of} steps, the same work, err by {error}.",
            steps=self.fewer.steps,
            of=self.fewer.of,
            error=f"{self.fewer.error:.3f}",
        )

    @property
    def figures(self) -> dict:
        """JSON-able: level, predicted_error, latent_relative_error, psnr_db, met, factor, correction, seconds, attempts
        (of each predicted_error, latent_relative_error, psnr_db, step_errors as [step, error] pairs, notes),
        fewer_steps (steps, of, latent_relative_error; None where none were sampled).
        """
        fewer = self.fewer
        return {
            "level": self.level,
            "predicted_error": self.predicted,
            "latent_relative_error": self.error,
            "psnr_db": self.attempts[-1].psnr_db,
            "met": self.met,
            "factor": FACTOR,
            "correction": self.correction,
            "seconds": self.seconds,
            "attempts": [
                {
                    "predicted_error": attempt.predicted,
                    "latent_relative_error": attempt.error,
                    "psnr_db": attempt.psnr_db,
                    "step_errors": [list(pair) for pair in sorted(attempt.step_errors.items())],
                    "notes": list(attempt.notes),
                }
                for attempt in self.attempts
            ],
            "fewer_steps": None
            if fewer is None
            else {"steps": fewer.steps, "of": fewer.of, "latent_relative_error": fewer.error},
        }


def verify(
    model: HostModel,
    measured: Measured,
    solve: Callable[[Measured], Solved],
    level: str,
    sample: Callable,
    dense: Trajectory,
    progress: Meter | None = None,
    fewer: Callable[[int], Callable] | None = None,
) -> Verification:
    """Sample a level of `solve(measured)` and correct the measurement until the level errs as it predicts.

    sample(model) -> latent: as in `calibrate.measure`, with the seed of `dense`; a `dense` that was not sampled yet is
    sampled first. An error above FACTOR times the prediction or below it by MOST_CAUTION scales the table and solves
    anew, at most RETRIES times; the scale holds for all levels. A level that comes out the same is not sampled again.
    fewer(steps): `sample` with fewer steps, which then samples as many as the level's work amounts to, for comparison;
    None where the steps are not to be had otherwise.
    The model is left as it was. Raises what sampling raises, and PlanRefused if the plan cannot be carried out.
    """
    watch = Stopwatch()
    if dense.final is None:
        if progress is not None:
            progress.reserve(2)
            progress.begin_part(f"sampling with full attention again, to check {level}")
        dense.sample(remove(model.patcher), sample)
        if progress is not None:
            progress.end_part()
    attempts: list[Attempt] = []
    correction, solved = 1.0, solve(measured)
    while True:
        if progress is not None:
            progress.begin_part(f"checking {level}, attempt {len(attempts) + 1}")
        attempts.append(_attempt(model, solved.plan, level, sample, dense))
        if progress is not None:
            progress.end_part()
        ratio = _ratio(attempts[-1])
        if ratio is None or len(attempts) > RETRIES:
            break
        if len(attempts) > 1 and (ratio > 1) != (correction > 1):
            # What errs in a level that is too strong need not err in the milder one that followed: meet half-way.
            ratio = math.sqrt(ratio)
        correction *= ratio
        before, solved = solved, solve(measured.scaled(correction**2))
        if _same(before.plan, solved.plan, level):
            break
    beside = None if fewer is None else _fewer_steps(model, solved.plan, level, fewer, dense, progress)
    result = Verification(level, solved, tuple(attempts), correction, watch(), beside)
    log.info("[DiTFastAttn] %s", result.sentence)
    return result


def _attempt(model: HostModel, plan: Plan, level: str, sample: Callable, dense: Trajectory) -> Attempt:
    run = Trajectory()
    run.sample(follow(model, plan, level, listener=Reported(model.patcher, VERIFY)), sample)
    return Attempt(
        predicted=plan.level(level).predicted_error,
        error=relative_error(run.final, dense.final),
        psnr_db=psnr_db(run.final, dense.final),
        step_errors={
            step: relative_error(latent, dense.steps[step]) for step, latent in run.steps.items() if step in dense.steps
        },
        notes=tuple(run.record.notes) if run.record is not None else (),
    )


def _fewer_steps(
    model: HostModel, plan: Plan, level: str, fewer: Callable, dense: Trajectory, progress: Meter | None
) -> FewerSteps | None:
    of = plan.measurement.steps
    steps = steps_of_work(plan.level(level).model_flops_kept, of)
    if steps == of:
        return None
    if progress is not None:
        progress.begin_part(f"sampling {steps} of {of} steps, to compare {level} with")
    latent = flat(fewer(steps)(remove(model.patcher)))
    if progress is not None:
        progress.end_part()
    return FewerSteps(steps, of, relative_error(latent, dense.final))


def _ratio(attempt: Attempt) -> float | None:
    """Measured over predicted error where the table has to be corrected by it; None where it is good as it is."""
    if attempt.predicted <= 0 or attempt.error <= 0:
        return None
    ratio = attempt.error / attempt.predicted
    # A run that computed more than was planned, for want of memory, says nothing about how mild the plan is.
    too_mild = ratio < 1 / MOST_CAUTION and not attempt.notes
    return ratio if ratio > FACTOR or too_mild else None


def _same(one: Plan, other: Plan, level: str) -> bool:
    """Whether a level says the same in two plans of one measurement, prediction apart."""
    shared = one.level(level).share == other.level(level).share
    return shared and bool((one.table(level) == other.table(level)).all())


def relative_error(latent: torch.Tensor, dense: torch.Tensor) -> float:
    """The norm of the difference over the norm of the dense latent; 0 where both are zero."""
    difference, norm = float((latent - dense).norm()), float(dense.norm())
    return difference / norm if norm else float(difference > 0)


def psnr_db(latent: torch.Tensor, dense: torch.Tensor) -> float:
    """Peak signal-to-noise ratio of a latent in dB, its peak the range of the dense one; at most IDENTICAL_DB."""
    error, peak = float((latent - dense).square().mean()), max(float(dense.max() - dense.min()), 1e-30)
    return min(IDENTICAL_DB, 10 * math.log10(peak**2 / error)) if error else IDENTICAL_DB
