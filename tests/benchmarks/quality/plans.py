"""The plans that are judged: made once a setting and method, kept in the folder of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import demo_model as demo

from ditfastattn.attention.calibration.measurement import SamplerSettings, measure, solve
from ditfastattn.attention.calibration.papers import search as searches
from ditfastattn.attention.hooks.model import HostModel
from ditfastattn.plans import Plan, dumps, loads
from ditfastattn.plans.search import LEVELS, KeepAttention

from .methods import ATTENTION_BUDGETS, OURS, THRESHOLDS, V1, V2
from .sampling import job_of
from .settings import Setting

PROMPT, SEED = 100, 11  # none of those that are judged
SEARCHES = {V1: searches.V1, V2: searches.V2}


@dataclass(frozen=True)
class Planned:
    """A plan, and what making it took: in dense runs, all six levels together, or a threshold of a paper's search."""

    plan: Plan
    calibration_ratio: float


def read(folder: Path, method: str, setting: Setting) -> Planned | None:
    """The plan if it has been made; delete the file to have it made again."""
    file = _file(folder, method, setting)
    if not file.exists():
        return None
    entry = json.loads(file.read_text("utf-8"))
    plan = loads(entry["plan"])
    return Planned(plan, entry["calibration_ratio"])


def make(folder: Path, method: str, setting: Setting) -> Planned:
    """Calibrate, and keep the plan."""
    planned = _ours(setting) if method == OURS else _papers(method, setting)
    entry = {"plan": dumps(planned.plan), "calibration_ratio": planned.calibration_ratio}
    file = _file(folder, method, setting)
    unfinished = file.with_suffix(".part")
    unfinished.write_text(json.dumps(entry), "utf-8")
    unfinished.replace(file)
    return planned


def _file(folder: Path, method: str, setting: Setting) -> Path:
    return folder / f"plan-{setting.name}-{method}.json"


def _settings(job: demo.Job) -> SamplerSettings:
    return SamplerSettings(job.sampler, job.scheduler, job.steps, job.cfg, job.denoise, job.seed)


def _ours(setting: Setting) -> Planned:
    """One run; the levels that a user gets, and those of ATTENTION_BUDGETS, from the one table."""
    job = job_of(setting, PROMPT, SEED)
    measured = measure(HostModel.of(demo.model()), _settings(job), lambda patched: demo.sample(patched, job))
    stamp = solve(measured).plan.measurement  # before the extra levels, whose solving takes time as well
    extra = tuple((name, KeepAttention(budget)) for name, budget in ATTENTION_BUDGETS.items())
    return Planned(solve(measured, levels=(*LEVELS, *extra)).plan, stamp.seconds / stamp.dense_seconds)


def _papers(method: str, setting: Setting) -> Planned:
    job = job_of(setting, PROMPT, SEED)
    found = searches.search(
        HostModel.of(demo.model()),
        _settings(job),
        lambda patched: demo.sample(patched, job),
        SEARCHES[method],
        thresholds=THRESHOLDS[method],
    )
    stamp = found.plan.measurement
    return Planned(found.plan, stamp.seconds / stamp.dense_seconds / len(THRESHOLDS[method]))
