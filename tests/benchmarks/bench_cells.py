"""Are the weights right? Single (step, layer) cells perturbed one by one, measured against what the table predicts.

    python dev.py bench cells [--threads N]

Everything runs in full but one layer at one step, which takes a window, a reuse, a window with a residual, or shares;
the latent at the end is compared with the dense one. Before the perturbed step the dense run's predictions are played
back. Writes tests/benchmarks/results/cells-cpu.json with the rank correlation.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import bench_transfer as transfer  # noqa: E402
import demo_model as demo  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from comfy.patcher_extension import WrappersMP  # noqa: E402

from ditfastattn.attention.calibration.measurement import SamplerSettings, measure  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.plans import Level, Plan  # noqa: E402
from ditfastattn.plans.search import evaluate  # noqa: E402
from host.applying import apply_plan  # noqa: E402

STEPS = (1, 2, 4, 7, 10, 13, 16, 19)
KINDS = {
    "narrow window": "0",
    "wide window": "2",
    "reuse": "r",
    "narrow window + residual": "A",
    "wide window + residual": "C",
    "sharing": "s",
}


class Played:
    """The dense run, recorded once, and replayed up to a step."""

    def __init__(self, job):
        self.job = job
        self._predictions: list[tuple[float, torch.Tensor]] = []
        patched = demo.model().clone()
        patched.add_wrapper_with_key(WrappersMP.PREDICT_NOISE, "record", self._record)
        self.latent = demo.sample(patched, job)

    def error(self, patched, first: int) -> float:
        """Relative error of the latent when the model runs from step `first` on only."""
        step = iter(range(len(self._predictions)))

        def play(executor, *args, **kwargs):
            number = next(step)
            return self._predictions[number][1] if number < first else executor(*args, **kwargs)

        wrappers = patched.wrappers[WrappersMP.PREDICT_NOISE]
        wrappers_before = dict(wrappers)
        wrappers.clear()
        wrappers["play"] = [play]  # outermost: the pack must not see the steps that are played back
        wrappers.update(wrappers_before)
        return transfer.relative(demo.sample(patched, self.job), self.latent)

    def _record(self, executor, x, timestep, *args, **kwargs):
        result = executor(x, timestep, *args, **kwargs)
        self._predictions.append((float(timestep.flatten()[0]), result.clone()))
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=demo.THREADS)
    options = parser.parse_args()
    demo.model()
    torch.set_num_threads(options.threads)
    job = transfer.HOME
    settings = SamplerSettings(job.sampler, job.scheduler, job.steps, job.cfg, job.denoise, job.seed)
    measured = measure(HostModel.of(demo.model()), settings, lambda patched: demo.sample(patched, job))
    played, rows = Played(job), []
    for step in STEPS:
        for site in range(len(measured.table.sites)):
            for kind, letter in KINDS.items():
                methods, share = cell(measured.table, step, site, letter)
                row = {"step": step, "layer": site, "kind": kind}
                row["predicted"] = predicted(measured.table, methods, share)
                row["measured"] = played.error(patched_with(measured, methods, share), step - 1)
                rows.append(row)
        print(f"step {step} done", flush=True)
    result = summary(rows)
    (HERE / "results" / "cells-cpu.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print({key: value for key, value in result.items() if key != "rows"})


def cell(table, step: int, site: int, letter: str) -> tuple[np.ndarray, np.ndarray]:
    """Methods (S, N) and sharing (S, sites) with one layer at one step changed."""
    methods = np.full((table.rows, table.heads), ord("f"), np.uint8)
    share = np.zeros((table.rows, len(table.sites)), bool)
    if letter == "s":
        share[step, site] = True
    else:
        methods[step, table.site_of_head == site] = ord(letter)
    return methods, share


def predicted(table, methods, share) -> float:
    return math.sqrt(evaluate.errors(table, methods).sum() + np.where(share, table.share_error, 0.0).sum())


def patched_with(measured, methods, share):
    """The model following these methods."""
    paths = tuple(column.tobytes().decode() for column in np.ascontiguousarray(methods.T))
    bits = tuple("".join("01"[bit] for bit in column) for column in share.T.astype(int))
    level = Level("D1", paths, bits, 0.0, 1.0, 1.0, 0)
    table = measured.table
    plan = Plan(measured.model, measured.measurement, table.positions, table.ways, (level,))
    return apply_plan(demo.model(), plan, "D1", strict=True)


def summary(rows: list[dict]) -> dict:
    """Rank correlation, and how far apart predicted and measured are, overall and by kind."""
    from scipy.stats import spearmanr

    def figures(some: list[dict]) -> dict:
        guess, truth = (np.array([row[name] for row in some]) for name in ("predicted", "measured"))
        log = np.log(truth / guess)
        return {
            "cells": len(some),
            "rank_correlation": float(spearmanr(guess, truth).statistic),
            "measured_over_predicted": float(np.exp(log.mean())),
            "typical_factor": float(np.exp(log.std())),
            "within_1.5": float((np.abs(log) < math.log(1.5)).mean()),
        }

    return {
        "command": "python dev.py bench cells",
        "device": f"cpu, torch {torch.__version__}",
        **figures(rows),
        "by_kind": {kind: figures([row for row in rows if row["kind"] == kind]) for kind in KINDS},
        "rows": rows,
    }


if __name__ == "__main__":
    main()
