"""A plan away from home: the same level on other steps, samplers, sizes and prompts, beside a plan made right there.

    python dev.py bench transfer [--prompts N] [--level D3] [--threads N]

One plan is calibrated at 20 steps (for other sizes: at 448 x 448 pixels); each case samples it and a plan calibrated in
that very case, on prompts and seeds that neither saw, against the case's own dense latent. Writes
tests/benchmarks/results/transfer-cpu.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import demo_model as demo  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from ditfastattn.attention.calibration.measurement import SamplerSettings, measure, solve  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from host.applying import apply_plan  # noqa: E402

HOME = demo.Job(demo.caption(100), seed=11)
SMALL = replace(HOME, size=(448, 448))
# name: (where the plan that is moved was made, what the case changes)
CASES = {
    "28 steps": (HOME, {"steps": 28}),
    "2.04 times the tokens (448 to 640 pixels)": (SMALL, {"size": (640, 640)}),
    "12 steps": (HOME, {"steps": 12}),
    "DPM++ 2M, Karras": (HOME, {"sampler": "dpmpp_2m", "scheduler": "karras"}),
    "beta schedule": (HOME, {"scheduler": "beta"}),
    "image to image, denoise 0.6": (HOME, {"denoise": 0.6}),
    "another aspect ratio (384 x 640)": (HOME, {"size": (384, 640)}),
    "16 more text tokens": (HOME, {"extra_tokens": 16}),
    "Heun, two evaluations a step": (HOME, {"sampler": "heun"}),
    "50 steps": (HOME, {"steps": 50}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=3)
    parser.add_argument("--level", default="D3")
    parser.add_argument("--threads", type=int, default=demo.THREADS)
    options = parser.parse_args()
    demo.model()
    torch.set_num_threads(options.threads)
    plans: dict = {}
    rows = []
    for name, (home, change) in CASES.items():
        rows.append(case(name, home, replace(home, **change), plans, options))
        write(rows, options)
        print(
            f"{name}: moved {rows[-1]['moved']['error']:.4f}, made there {rows[-1]['native']['error']:.4f}, "
            f"ratio {rows[-1]['ratio']:.2f}",
            flush=True,
        )


def case(name: str, home, job, plans: dict, options) -> dict:
    """One case's errors, of the moved plan and of its own."""
    if home not in plans:
        plans[home] = plan_at(home)
    both = {"moved": plans[home], "native": plan_at(job)}
    jobs = [replace(job, caption=demo.caption(number), seed=5 + number) for number in range(options.prompts)]
    dense = [demo.sample(demo.model(), one) for one in jobs]
    entry: dict = {"case": name}
    for kind, plan in both.items():
        patched = apply_plan(demo.model(), plan, options.level, strict=True)
        errors = [relative(demo.sample(patched, one), full) for one, full in zip(jobs, dense, strict=True)]
        record = attached(patched).runs.latest()
        full, kept = record.attention_flops()
        entry[kind] = {
            "error": float(np.mean(errors)),
            "errors": errors,
            "attention_flops_kept": kept / full,
            "notes": record.notes,
        }
    return {**entry, "ratio": entry["moved"]["error"] / entry["native"]["error"]}


def plan_at(job):
    settings = SamplerSettings(job.sampler, job.scheduler, job.steps, job.cfg, job.denoise, job.seed)
    measured = measure(HostModel.of(demo.model()), settings, lambda patched: demo.sample(patched, job))
    return solve(measured).plan


def relative(latent: torch.Tensor, dense: torch.Tensor) -> float:
    return float((latent - dense).float().norm() / dense.float().norm())


def write(rows: list[dict], options) -> None:
    """After every case, so that a stopped run keeps what it has."""
    result = {
        "command": "python dev.py bench transfer",
        "device": f"cpu, torch {torch.__version__}",
        "level": options.level,
        "prompts": options.prompts,
        "cases": rows,
    }
    (HERE / "results" / "transfer-cpu.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
