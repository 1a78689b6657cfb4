"""What evaluations answer to a latent that forecasts have moved, and how well that predicts the final error.

    python dev.py bench answers [--pictures N] [--fit]

Runs of the demo model with the best patterns of fewer evaluations are sampled beside the dense run, and compared with
it at every evaluation after forecasts. Writes tests/benchmarks/results/answers-cpu.json: the answers along a deviation
and across it by noise, which are the table in `attention/calibration/course.py`, and the final error of every run over
the predicted one. --fit looks for the three constants of `plans/search/deviation.py` on a grid, by the same runs.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import demo_model as demo  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from comfy.patcher_extension import WrappersMP  # noqa: E402

from ditfastattn.attention.calibration.course import NOISE  # noqa: E402
from ditfastattn.attention.calibration.measurement import SamplerSettings, measure  # noqa: E402
from ditfastattn.attention.calibration.propagation import growth  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.replay.forecast import StepForecast  # noqa: E402
from ditfastattn.plans.search import deviation  # noqa: E402
from ditfastattn.plans.search.forecasts import Pattern  # noqa: E402

FIRST_CAPTION = 200  # beyond those that `bench quality` judges by
RUNS = {
    "20 steps, CFG 4": (demo.Job("", 0), (14, 11, 9, 7, 6, 5, 4)),
    "20 steps, CFG 1": (demo.Job("", 0, cfg=1.0), (14, 11, 9, 7, 6, 5, 4)),
    "12 steps, CFG 4": (demo.Job("", 0, steps=12), (10, 8, 7, 6, 5, 4)),
    "8 steps, CFG 1": (demo.Job("", 0, steps=8, cfg=1.0), (7, 6, 5, 4, 3)),
    "4 steps, CFG 1": (demo.Job("", 0, steps=4, cfg=1.0), (3, 2)),
    "20 steps, CFG 4, dpmpp_2m": (demo.Job("", 0, sampler="dpmpp_2m"), (14, 11, 9, 7, 6)),
}
SMALL = 0.002  # of the final latent: a deviation below says little of answers
GRID = {"PICTURE": (0.6, 0.7, 0.8), "NEW": (0.15, 0.3, 0.5, 0.7), "LARGEST": (0.45, 0.6, 0.8, 1.1)}


@dataclass
class Sampled:
    """A run with a pattern of evaluations. answers: (noise, along, across) of evaluations after forecasts."""

    run: str
    pattern: Pattern
    error: float
    answers: list[tuple[float, float, float]]


class Recorder:
    """Latents and predictions of one run by its noise levels, which may be forecast."""

    def __init__(self, forecast: StepForecast | None = None):
        self.forecast = forecast
        self.latents: list[torch.Tensor] = []
        self.predictions: list[torch.Tensor] = []

    def sample(self, job: demo.Job) -> torch.Tensor:
        patched = demo.model().clone()
        patched.add_wrapper_with_key(WrappersMP.PREDICT_NOISE, "record", self._predict)
        return demo.sample(patched, job)

    def _predict(self, executor, x, timestep, *args, **kwargs):
        sigma, step = float(timestep.flatten()[0]), len(self.latents)
        self.latents.append(x.flatten().clone())
        forecast = None if self.forecast is None else self.forecast.prediction(x, sigma, step)
        prediction = executor(x, timestep, *args, **kwargs) if forecast is None else forecast
        self.predictions.append(prediction.flatten().clone())
        if self.forecast is None or forecast is not None:
            return prediction
        return self.forecast.evaluated(x, sigma, step, prediction)


def sampled(name: str, job: demo.Job, counts: tuple[int, ...]) -> list[Sampled]:
    settings = SamplerSettings(job.sampler, job.scheduler, job.steps, job.cfg, job.denoise, job.seed)
    measured = measure(HostModel.of(demo.model()), settings, lambda patched: demo.sample(patched, job))
    forecasts, dense = measured.table.forecasts, Recorder()
    final = dense.sample(job)
    scale = np.sqrt(growth(1 - forecasts.sigmas, np.ones(len(forecasts.sigmas))))
    result = []
    for pattern in forecasts.patterns:
        if pattern.count not in counts:
            continue
        run = Recorder(StepForecast(pattern.evaluated, pattern.slopes, pattern.corrections, list(forecasts.sigmas)))
        error = float((run.sample(job) - final).norm() / final.norm())
        answers = []
        for step in np.flatnonzero(pattern.evaluated[1:] & ~pattern.evaluated[:-1]) + 1:
            moved = float(scale[step]) * (run.latents[step] - dense.latents[step])
            answer, size = run.predictions[step] - dense.predictions[step], float(moved.norm())
            if size > SMALL * float(final.norm()):
                along = float(answer @ moved) / size**2
                across = max((float(answer.norm()) / size) ** 2 - along**2, 0.0) ** 0.5
                answers.append((float(forecasts.sigmas[step]), along, across))
        result.append(Sampled(name, pattern, error, answers))
    return result


def euler(cfg: float) -> list[demo.Job]:
    return [job for job, _ in RUNS.values() if job.sampler == "euler" and job.cfg == cfg]


def table(runs: list[Sampled]) -> list[dict]:
    """Means of answers (across: of squares) around the levels of noise that the product's table has."""
    found = [one for run in runs for one in run.answers]
    rows = []
    for noise in NOISE:
        near = np.array([one[1:] for one in found if abs(one[0] - noise) <= 0.025])
        if len(near):
            along, across = near[:, 0].mean(), np.sqrt(np.square(near[:, 1]).mean())
            rows.append({"noise": noise, "answers": len(near), "along": float(along), "across": float(across)})
    return rows


def ratios(runs: list[Sampled]) -> np.ndarray:
    return np.array([run.error / run.pattern.squared_error**0.5 for run in runs])


def fitted(runs: list[Sampled]) -> dict:
    """The constants of the grid that predict errors best, by the mean square of the logarithm of `ratios`."""
    before = {name: getattr(deviation, name) for name in GRID}
    found = []
    try:
        for values in itertools.product(*GRID.values()):
            for name, value in zip(GRID, values):
                setattr(deviation, name, value)
            anew = [replace(run, pattern=replace(run.pattern, known=None)) for run in runs]
            found.append((float(np.sqrt(np.mean(np.log(ratios(anew)) ** 2))), dict(zip(GRID, values))))
    finally:
        for name, value in before.items():
            setattr(deviation, name, value)
    least = min(found, key=lambda one: one[0])
    return {"constants": least[1], "typical_factor": float(np.exp(least[0]))}


def summary(runs: list[Sampled], pictures: int, fit: bool) -> dict:
    by_run = {}
    for name in RUNS:
        some = [run for run in runs if run.run == name]
        by_count = {}
        for count in sorted({run.pattern.count for run in some}, reverse=True):
            over = ratios([run for run in some if run.pattern.count == count])
            by_count[str(count)] = {
                "error_over_predicted": float(np.exp(np.log(over).mean())), "least": float(over.min()),
                "most": float(over.max()),
            }  # fmt: skip
        by_run[name] = by_count
    over = np.log(ratios(runs))
    return {
        "command": f"python dev.py bench answers --pictures {pictures}" + (" --fit" if fit else ""),
        "device": f"cpu, torch {torch.__version__}",
        "runs": len(runs),
        "typical_factor": float(np.exp(np.sqrt((over**2).mean()))),
        "within_1.5": float((np.abs(over) < np.log(1.5)).mean()),
        **({"fit": fitted(runs)} if fit else {}),
        "answers": {
            f"CFG {cfg:g}": table([run for run in runs if RUNS[run.run][0] in euler(cfg)]) for cfg in (1.0, 4.0)
        },
        "by_run": by_run,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=4)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--threads", type=int, default=demo.THREADS)
    options = parser.parse_args()
    demo.model()
    torch.set_num_threads(options.threads)
    runs: list[Sampled] = []
    for number in range(options.pictures):
        for name, (job, counts) in RUNS.items():
            picture = replace(job, caption=demo.caption(FIRST_CAPTION + number), seed=1200 + number)
            runs += sampled(name, picture, counts)
        print(f"picture {number + 1} of {options.pictures} done", flush=True)
    result = summary(runs, options.pictures, options.fit)
    (HERE / "results" / "answers-cpu.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print({name: value for name, value in result.items() if name not in ("answers", "by_run")})


if __name__ == "__main__":
    main()
