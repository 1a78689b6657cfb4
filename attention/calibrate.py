"""Calibration: one dense sampling run of the user's model, watched, and the plan that follows from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone

import comfyui_version
import numpy as np
import torch
from comfy.patcher_extension import WrappersMP

from ..kernels import HeadTable, Method, Window, dense_flops, flops
from ..plans import LEVELS, CalibrationTable, Measurement, ModelIdentity, Plan, solve_levels
from ..plans import Site as PlanSite
from ..plans.evaluate import row_errors
from ..version import VERSION
from .apply import apply_plan
from .gains import growth, reach
from .host import identify
from .install import KEY, install, sites_of
from .runlog import RunLog, Stopwatch
from .watch import Progress, Watch

VERIFIED = ("trial", 0.3)  # name and predicted error of the level that is sampled to learn how far errors add up
MOST_CORRECTION = 10.0


@dataclass(frozen=True)
class SamplerSettings:
    """The sampler as the user set it up for the node."""

    name: str
    scheduler: str
    steps: int
    cfg: float
    denoise: float
    seed: int


@dataclass(frozen=True)
class Measured:
    """What one watched run showed, or several: all that plans of any budget are solved from. Holds no tensors.

    seconds, dense_seconds: of the measuring, and of the dense runs inside it, all runs together.
    """

    table: CalibrationTable
    model: ModelIdentity
    measurement: Measurement
    seconds: float
    dense_seconds: float

    def merged(self, other: Measured) -> Measured:
        """The mean over the runs of both (prompts, seeds). Raises PlanError if they do not belong together."""
        ours, theirs = self.measurement, other.measurement
        return Measured(
            self.table.merged(other.table),
            self.model,
            replace(
                ours,
                seeds=tuple(dict.fromkeys((*ours.seeds, *theirs.seeds))),
                prompts=ours.prompts + theirs.prompts,
            ),
            self.seconds + other.seconds,
            self.dense_seconds + other.dense_seconds,
        )


@dataclass(frozen=True)
class Calibration:
    """A plan and what measuring it took: the whole calibration, and the dense run inside it, in seconds."""

    plan: Plan
    seconds: float
    dense_seconds: float
    attention_share: float

    @property
    def ratio(self) -> float:
        """Calibration time as a multiple of one dense run."""
        return self.seconds / self.dense_seconds if self.dense_seconds else math.nan


class CalibrationError(RuntimeError):
    """Nothing could be measured; the message says why."""


def measure(
    model_patcher, settings: SamplerSettings, sample: Callable, *, progress: Progress | None = None
) -> Measured:
    """Watch one dense run of the model.

    sample(model) → latent: runs the user's sampler once over a patched clone of the model, as KSampler would. The model
    given is left as it was. progress: told of every model evaluation. Raises ValueError for a model that no family
    covers, CalibrationError when nothing was measured.
    """
    family, sites = sites_of(model_patcher)
    watch: list[Watch] = []

    def make_processor(installation, run):
        watch.append(Watch(family, sites, run, run.record.info["cfg"], progress))
        return watch[-1]

    whole = Stopwatch()
    sample(install(model_patcher, make_processor, RunLog()))
    if not watch or not watch[-1].observer or not watch[-1].observer.layouts:
        raise CalibrationError(
            "The sampling run ended without one attention call that can be compressed: nothing was measured."
        )
    seen = watch[-1]
    dense_seconds = whole() - seen.overhead
    table = _table(seen, sites)
    identity = identify(model_patcher, family, sites)
    measurement = _measurement(seen, settings)
    trial = solve_levels(table, identity, measurement, levels=(VERIFIED,))
    table = _scaled(table, _correction(model_patcher, trial, table, seen, sample) ** 2)
    return Measured(table, identity, measurement, whole(), dense_seconds)


def plan_of(measured: Measured, *, levels=LEVELS, max_cache_bytes: int | None = None) -> Plan:
    """The plan of a measurement: one level per (name, predicted error), caches within a limit if one is given."""
    watch = Stopwatch()
    plan = solve_levels(
        measured.table, measured.model, measured.measurement, levels=levels, max_cache_bytes=max_cache_bytes
    )
    seconds = measured.seconds + watch()
    stamp = replace(plan.measurement, seconds=seconds, dense_seconds=measured.dense_seconds)
    return replace(plan, measurement=stamp)


def calibrate(model_patcher, settings: SamplerSettings, sample: Callable) -> Calibration:
    """Measure one dense run and solve the plan's levels; see `measure`."""
    whole = Stopwatch()
    measured = measure(model_patcher, settings, sample)
    plan = plan_of(measured)
    attention, other = plan.measurement.attention_flops, plan.measurement.other_flops
    return Calibration(plan, whole(), measured.dense_seconds, attention / (attention + other))


class _Reached(Exception):
    """The trial run has come to the checkpoint; `latent` is what the sampler holds there."""

    def __init__(self, latent: torch.Tensor):
        super().__init__()
        self.latent = latent


def _correction(model_patcher, trial: Plan, table: CalibrationTable, seen: Watch, sample: Callable) -> float:
    """How many times larger the error of a trial level comes out than predicted; 1 where nothing was predicted.

    Errors of different steps are added as if they were independent. They are not: a window errs alike at every step.
    By how much that adds up is a property of model and sampler, nearly the same for mild and strong levels (a factor of
    2.2 ± 0.3 over all six levels of the demo model). So one strong level, which is quick to sample, tells it for all,
    and its run ends at the checkpoint, where the latent is compared with the dense run's.
    """
    checkpoint = seen.run.sigmas[seen.checkpoint]
    patched = apply_plan(model_patcher, trial, trial.levels[0].name, strict=True)

    def stop(executor, x, timestep, *args, **kwargs):
        if float(timestep.flatten()[0]) <= checkpoint * (1 + 1e-4):
            raise _Reached(x)
        return executor(x, timestep, *args, **kwargs)

    patched.add_wrapper_with_key(WrappersMP.PREDICT_NOISE, f"{KEY}.checkpoint", stop)
    try:
        sample(patched)
        return 1.0
    except _Reached as reached:
        measured = float((reached.latent - seen.latent).float().pow(2).mean())
    expected = _expected_power(trial, table, seen)
    if not (measured > 0 and expected > 0 and math.isfinite(measured)):
        return 1.0
    return min(MOST_CORRECTION, max(1 / MOST_CORRECTION, math.sqrt(measured / expected)))


def _expected_power(trial: Plan, table: CalibrationTable, seen: Watch) -> float:
    """Mean squared deviation of the latent at the checkpoint that the table predicts for the trial level."""
    level = trial.levels[0]
    rows = row_errors(table, trial.table(level), trial.share(level))
    before = np.array(table.positions) > seen.run.positions[seen.checkpoint] + 1e-9
    at_the_end = float(rows[before].sum()) * seen.latent_power
    # What deviates at the checkpoint is still to grow on its way to the end.
    return at_the_end / growth(seen.signal[seen.checkpoint])


def _scaled(table: CalibrationTable, factor: float) -> CalibrationTable:
    """The table with every squared error multiplied."""
    names = ("window_error", "residual_error", "reuse_error", "share_error")
    return replace(table, **{name: getattr(table, name) * factor for name in names})


def _measurement(seen: Watch, settings: SamplerSettings) -> Measurement:
    layouts = seen.observer.layouts
    layout = next(iter(layouts.values()))
    attention_flops = sum(
        dense_flops(layout, seen.sites[number].heads, seen.sites[number].head_dim) for number, layout in layouts.items()
    )
    return Measurement(
        grid=layout.grid,
        text_tokens=layout.globals,
        sampler=settings.name,
        scheduler=settings.scheduler,
        steps=settings.steps,
        cfg=settings.cfg,
        denoise=settings.denoise,
        seeds=(settings.seed,),
        prompts=1,
        dtype=seen.dtype,
        device=seen.device,
        host_version=comfyui_version.__version__,
        pack_version=VERSION,
        created=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        seconds=0.0,
        dense_seconds=0.0,
        attention_flops=attention_flops,
        other_flops=seen.work.other_flops,
    )


def _table(seen: Watch, sites) -> CalibrationTable:
    """Errors weighted by what they do to the final latent, and costs, for the solver."""
    observer, run = seen.observer, seen.run
    keep = _descending(run.positions)
    records = observer.records
    put_in = np.stack([record.window[:, :, seen.probes.window].sum(axis=1) for record in records], axis=1)
    weight = (
        seen.probes.gains(put_in) * reach(np.array(run.sigmas), seen.signal)[:, None] / max(seen.latent_power, 1e-12)
    )
    heads = [site.heads for site in sites]
    per_head = np.repeat(weight, heads, axis=1)[keep]

    def errors(name: str) -> np.ndarray:
        measured = np.concatenate([getattr(record, name) for record in records], axis=1)[keep]
        return measured * per_head.reshape(*per_head.shape, *(1,) * (measured.ndim - 2))

    branches = max(1, len(observer.branches))
    costs = [_costs(seen, number, site, branches) for number, site in enumerate(sites)]
    return CalibrationTable(
        positions=tuple(run.positions[step] for step in keep),
        sites=tuple(PlanSite(site.name, site.heads) for site in sites),
        windows=tuple(window.extent for window in seen.windows),
        window_error=errors("window"),
        residual_error=errors("residual"),
        reuse_error=errors("reuse"),
        share_error=np.stack([record.share for record in records], axis=1)[keep] * weight[keep],
        full_cost=np.repeat([cost["full"] for cost in costs], heads),
        window_cost=np.repeat([cost["windows"] for cost in costs], heads, axis=0),
        projection_cost=np.array([cost["projections"] for cost in costs], float),
        share_saving=np.array([cost["share"] for cost in costs], float),
        other_cost=float(seen.work.other_flops * branches),
        output_bytes=np.repeat([cost["output_bytes"] for cost in costs], heads),
        residual_bytes=np.repeat([cost["residual_bytes"] for cost in costs], heads),
    )


def _costs(seen: Watch, number: int, site, branches: int) -> dict:
    """FLOPs and bytes of one head (projections: of the site) in one evaluation, all branches together."""
    layout = seen.observer.layouts[number]
    element = torch.empty((), dtype=getattr(torch, seen.dtype)).element_size()

    def cost(method: Method, window: Window | None = None) -> float:
        return float(flops(layout, HeadTable.uniform(1, method, window), site.head_dim) * branches)

    diffusion_model = seen.diffusion_model
    linears = 0
    for path, stream in site.linears if site.skippable else ():
        layer = diffusion_model.get_submodule(path)
        linears += 2 * layer.in_features * layer.out_features * (layout.image if stream == "image" else layout.globals)
    return {
        "full": cost(Method.FULL),
        "windows": [cost(Method.WINDOW, window) for window in seen.windows],
        "projections": linears * branches,
        "share": 0.5 * layout.image / layout.length if branches == 2 else 0.0,
        "output_bytes": layout.length * site.head_dim * element * branches,
        "residual_bytes": layout.image * site.head_dim * element * branches,
    }


def _descending(positions) -> list[int]:
    """Steps whose position lies below every earlier one, which a plan's rows must."""
    keep: list[int] = []
    for step, position in enumerate(positions):
        if not keep or position < positions[keep[-1]] - 1e-6:
            keep.append(step)
    return keep
