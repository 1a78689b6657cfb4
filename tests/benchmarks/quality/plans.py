"""The plans that are judged: made once a setting and method, kept in the folder of a run."""

from __future__ import annotations

import ast
import hashlib
import json
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import demo_model as demo
import product_code

from ditfastattn.attention.calibration.measurement import Measured, SamplerSettings, measure, solve
from ditfastattn.attention.calibration.papers import search as searches
from ditfastattn.attention.hooks.model import HostModel
from ditfastattn.plans import Plan, dumps, loads
from ditfastattn.plans.search import LEVELS, KeepAttention, KeepWork

from . import prices
from .methods import ATTENTION_BUDGETS, OURS, THRESHOLDS, V1, V2, WORK_BUDGETS
from .sampling import job_of
from .settings import Setting

PROMPT, SEED = 100, 11  # none of those that are judged
SEARCHES = {V1: searches.V1, V2: searches.V2}


@dataclass(frozen=True)
class Planned:
    """A plan, and what making it took: in dense runs, all six levels together, or a threshold of a paper's search.

    code: `product`, of the code that made it.
    """

    plan: Plan
    calibration_ratio: float
    code: str

    @property
    def source(self) -> str:
        """What rows are made by: the plan and the code that carries it out."""
        return f"{self.plan.id} {self.code}"


@cache
def product() -> str:
    """12 hex digits that name the code of the product and of prices when first asked for, comments aside."""
    digest = hashlib.blake2b(digest_size=6)
    for file in (*product_code.FILES, Path(prices.__file__)):
        digest.update(ast.dump(ast.parse(file.read_text("utf-8"))).encode())
    return digest.hexdigest()


def read(folder: Path, method: str, setting: Setting) -> Planned | None:
    """The plan if it has been made, by whatever code; delete the file to have it made again."""
    file = _file(folder, method, setting)
    if not file.exists():
        return None
    entry = json.loads(file.read_text("utf-8"))
    return Planned(loads(entry["plan"]), entry["calibration_ratio"], entry.get("code", "unknown"))


def make(folder: Path, method: str, setting: Setting) -> Planned:
    """Calibrate, and keep the plan."""
    planned = _ours(setting) if method == OURS else _papers(method, setting)
    entry = {"plan": dumps(planned.plan), "calibration_ratio": planned.calibration_ratio, "code": planned.code}
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
    """The levels that a user gets, those of WORK_BUDGETS and, but for other prices, those of ATTENTION_BUDGETS: all of
    them from one run.
    """
    measured = _measured(job_of(setting, PROMPT, SEED))
    if setting.attention_share is not None:
        measured = replace(measured, table=prices.priced(measured.table, setting.attention_share))
    plan = solve(measured).plan
    stamp = plan.measurement  # before the extra levels, whose solving takes time as well
    extra = [(name, KeepWork(budget)) for name, budget in WORK_BUDGETS.items()]
    if setting.attention_share is None:
        extra += [(name, KeepAttention(budget)) for name, budget in ATTENTION_BUDGETS.items()]
    plan = solve(measured, levels=(*LEVELS, *extra)).plan
    return Planned(plan, stamp.seconds / stamp.dense_seconds, product())


@lru_cache(maxsize=1)
def _measured(job: demo.Job) -> Measured:
    return measure(HostModel.of(demo.model()), _settings(job), lambda patched: demo.sample(patched, job))


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
    return Planned(found.plan, stamp.seconds / stamp.dense_seconds / len(THRESHOLDS[method]), product())
