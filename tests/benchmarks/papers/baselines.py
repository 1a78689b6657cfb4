"""Both papers' searches to the letter on the demo model, at one size: what each level keeps and how far it errs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import demo_model as demo

from ditfastattn.attention.calibration.measurement import SamplerSettings, measure, solve
from ditfastattn.attention.calibration.papers.search import V1, V2, search
from ditfastattn.attention.hooks.model import HostModel
from ditfastattn.attention.report.statistics import statistics
from ditfastattn.plans import Plan
from ditfastattn.plans.search import KeepAttention
from host.applying import apply_plan
from host.fidelity import relative_error

PROMPT, SEED = 100, 11  # that the searches see
JUDGED = 0, 5  # another, by which plans are judged
# Of each paper's own thresholds some, V2's default first. V1 evaluates the model up to 18 times a step.
ASKED = {V1: (0.1,), V2: (0.2, 1.0)}
PIXELS = 16  # of a token's side


def rows(side: int, steps: int, methods: Sequence[str] = tuple(ASKED), most: int | None = None) -> list[dict]:
    """One row a method and threshold, and one of this pack for each at the attention that it keeps.

    most: so many thresholds of each method. kept: of the judged run; error: of its latent; own_error: on the picture
    that was searched on, for this pack as predicted. seconds_ratio: of a threshold's search, or of watching once for
    all, in dense runs; null where it was interrupted.
    """
    found = [row for method in methods for row in of_papers(method, side, steps, ASKED[method][:most])]
    return found + ours(side, steps, [row["attention_kept"] for row in found])


def of_papers(method: str, side: int, steps: int, thresholds: Sequence[float]) -> list[dict]:
    """The rows of a paper's search."""
    job = _job(PROMPT, SEED, side, steps)
    plan = search(
        HostModel.of(_model(side)), _settings(job), lambda patched: demo.sample(patched, job), method, thresholds
    ).plan
    ratio = plan.measurement.seconds / plan.measurement.dense_seconds / len(plan.levels)
    return _judged(plan, method, thresholds, ratio, side, steps)


def ours(side: int, steps: int, keeps: list[float]) -> list[dict]:
    """The rows of this pack, at fractions of attention that are to be kept."""
    job = _job(PROMPT, SEED, side, steps)
    measured = measure(HostModel.of(_model(side)), _settings(job), lambda patched: demo.sample(patched, job))
    levels = tuple((f"K{number}", KeepAttention(keep)) for number, keep in enumerate(keeps))
    plan = solve(measured, levels=levels).plan
    ratio = plan.measurement.seconds / plan.measurement.dense_seconds
    return _judged(plan, "this pack", keeps, ratio, side, steps)


def _judged(plan: Plan, method: str, thresholds: Sequence[float], ratio: float, side: int, steps: int) -> list[dict]:
    judged, dense = _dense(side, steps)
    made = []
    for level, threshold in zip(plan.levels, thresholds, strict=True):
        patched = apply_plan(_model(side), plan, level.name, strict=True)
        latent = demo.sample(patched, judged)
        kept = statistics(patched, latent)["kept"]
        made.append(
            {
                "method": method,
                "threshold": threshold,
                "tokens": side * side,
                "steps": steps,
                "windows": len(plan.ways),
                **{f"{name}_kept": round(value, 4) for name, value in kept.items()},
                "error": round(relative_error(latent.numpy(), dense.numpy()), 4),
                "own_error": round(level.predicted_error, 4),
                "seconds_ratio": round(ratio, 2),
            }
        )
    return made


@lru_cache(maxsize=1)
def _dense(side: int, steps: int):
    """The picture by which plans are judged, and its latent with full attention."""
    judged = _job(*JUDGED, side, steps)
    return judged, demo.sample(_model(side), judged)


def _model(side: int):
    return demo.model(-(-side // demo.POSITIONS))


def _job(prompt: int, seed: int, side: int, steps: int) -> demo.Job:
    return demo.Job(demo.caption(prompt), seed, steps, size=(PIXELS * side, PIXELS * side))


def _settings(job: demo.Job) -> SamplerSettings:
    return SamplerSettings(job.sampler, job.scheduler, job.steps, job.cfg, job.denoise, job.seed)
