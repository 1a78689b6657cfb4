"""Calibration: one dense sampling run of the user's model, watched, and the plan that follows from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone

import comfy.model_management
import comfyui_version
import numpy as np
import torch
from comfy.patcher_extension import WrappersMP
from torch.utils.flop_counter import FlopCounterMode

from ..kernels import HeadTable, Method, Window, dense_flops, flops
from ..plans import CalibrationTable, Measurement, Plan, solve_levels
from ..plans import Site as PlanSite
from ..plans.evaluate import row_errors
from ..version import VERSION
from .apply import apply_plan
from .gains import Probes, growth, reach
from .host import identify, signal_scale
from .install import KEY, install, sites_of
from .measure import Observer, probe
from .runlog import RunLog, Stopwatch

AGES = 5
VERIFIED = ("trial", 0.3)  # name and predicted error of the level that is sampled to learn how far errors add up
CHECKPOINT = 0.5  # part of the steps after which the trial is compared with the dense run
MOST_CORRECTION = 10.0
# Full widths along each axis as fractions of the grid; height × width, and time × height × width.
WINDOWS = {
    2: ((0.1, 0.1), (0.25, 0.25), (0.5, 0.5), (0.25, 1.0), (1.0, 0.25)),
    3: ((0.1, 0.25, 0.25), (1.0, 0.1, 0.1), (0.34, 0.34, 0.34), (1.0, 0.25, 0.25), (0.34, 1.0, 1.0), (1.0, 0.5, 0.5)),
}


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


class _Watch:
    """The `Processor` of a calibration: computes everything in full, observes, and follows a few known errors."""

    def __init__(self, family, sites, run, cfg: float):
        self.family = family
        self.sites = sites
        self.run = run
        self.windows: tuple[Window, ...] = ()
        self.observer: Observer | None = None
        self.probes: Probes | None = None
        self.work = _Work()
        self.overhead = 0.0
        self.latent_power = 0.0
        self.checkpoint = min(len(run.positions) - 1, round(CHECKPOINT * len(run.positions)))
        self.latent: torch.Tensor | None = None
        self.dtype = self.device = ""
        self.diffusion_model = None
        self.signal: np.ndarray | None = None
        self._cfg = cfg
        self._done: set[int] = set()
        self._observing = False
        self._probing: tuple[int, ...] = ()

    def announce(self, noise_shape, model) -> int:
        """Choose the windows for the rank of the grid; the samples are small and need no announcement."""
        self.diffusion_model = model.model.diffusion_model
        self.signal = signal_scale(model.get_model_object("model_sampling"), self.run.sigmas)
        rank = len(self.family.grid(self.diffusion_model, tuple(noise_shape)))
        self.windows = tuple(Window(extent) for extent in WINDOWS[rank])
        self.observer = Observer(self.sites, self.run, self.windows, AGES, self._cfg)
        self.probes = Probes(len(self.sites), len(self.run.positions))
        return 0

    def evaluate(self, predict: Callable[[], torch.Tensor], x: torch.Tensor, sigma: float) -> torch.Tensor:
        """A model evaluation, measured when it is the step's first, and followed by the probes due at this step."""
        self._observing = self.run.nearest(sigma) not in self._done
        output = self.work.count(predict)
        self.latent_power = float(output.float().pow(2).mean())
        if not self._observing:
            return output
        step = self.run.step
        self._done.add(step)
        if step == self.checkpoint:
            self.latent = x.clone()
        self._observing = False
        with self._extra_time(x.device):
            self.observer.finish(step)
            for group in self.probes.due(step):
                self._probe(predict, output, step, group)
        return output

    def _probe(self, predict, output: torch.Tensor, step: int, group: int) -> None:
        """Repeat the evaluation with a group of sites erring, and note how much the prediction changes."""
        comfy.model_management.throw_exception_if_processing_interrupted()
        self._probing = self.probes.sites(group)
        try:
            self.probes.add(group, step, float((predict() - output).float().pow(2).mean()))
        finally:
            self._probing = ()

    def plain(self, forward, call, rows, length) -> bool:
        """Never: every attention is watched."""
        return False

    def open(self, forward, call) -> None:
        """Nothing is skipped."""

    def attend(self, forward, call, attention) -> torch.Tensor:
        """The host's own attention, or the known error of a probe."""
        if call.number in self._probing:
            layout = forward.layout(call.site, attention.q.shape[2], attention.options)
            if layout is not None and not attention.obstacle:
                return probe(attention, layout, self.windows[self.probes.window])
        with self.work.apart(call.number, forward.rows):
            output = attention.host()
            if self._observing:
                with self._extra_time(attention.q.device):
                    self.observer.observe(forward, call, attention, output)
        self.dtype, self.device = str(attention.q.dtype).removeprefix("torch."), str(attention.q.device)
        return output

    def leave(self, forward, call, stream, output) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Free the samples; the figures stay."""
        if self.observer is not None:
            self.observer.close()

    @contextmanager
    def _extra_time(self, device: torch.device):
        """Adds the time spent inside to `overhead`: what a plain run would not have done."""
        _wait(device)
        watch = Stopwatch()
        try:
            yield
        finally:
            _wait(device)
            self.overhead += watch()


class _Work:
    """FLOPs of one batch row of the model outside attention, counted by torch in the first evaluation."""

    def __init__(self):
        self.other_flops = 0
        self._counter: FlopCounterMode | None = None
        self._counted = False
        self._inside = 0
        self._rows: dict[int, int] = {}

    def count(self, predict):
        if self._counted:
            return predict()
        self._counted = True
        self._counter = FlopCounterMode(display=False)
        try:
            with self._counter:
                output = predict()
            rows = max(self._rows.values(), default=1)
            self.other_flops = max(0, self._counter.get_total_flops() - self._inside) // rows
            return output
        finally:
            self._counter = None

    @contextmanager
    def apart(self, number: int, rows: int):
        """What runs inside is attention, or ours: not counted. number, rows: site and rows of this forward."""
        before = self._counter.get_total_flops() if self._counter else 0
        yield
        if self._counter:
            self._inside += self._counter.get_total_flops() - before
            self._rows[number] = self._rows.get(number, 0) + rows


def _wait(device: torch.device) -> None:
    """Let a GPU finish, so that a time means something. Only calibration waits, never a user's run."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def calibrate(model_patcher, settings: SamplerSettings, sample: Callable, *, verify: bool = True) -> Calibration:
    """Measure one dense run and solve the plan's levels.

    sample(model) → latent: runs the user's sampler once over a patched clone of the model, as KSampler would. The model
    given is left as it was. verify: sample one level as well, and correct the predicted errors by what it
    showed. Raises ValueError for a model that no family covers, CalibrationError when nothing was measured.
    """
    family, sites = sites_of(model_patcher)
    watch: list[_Watch] = []

    def make_processor(installation, run):
        watch.append(_Watch(family, sites, run, run.record.info["cfg"]))
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

    def measurement() -> Measurement:
        return _measurement(seen, settings, whole(), dense_seconds)

    if verify:
        trial = solve_levels(table, identity, measurement(), levels=(VERIFIED,))
        table = _scaled(table, _correction(model_patcher, trial, table, seen, sample) ** 2)
    plan = solve_levels(table, identity, measurement())
    attention, other = plan.measurement.attention_flops, plan.measurement.other_flops
    return Calibration(plan, whole(), dense_seconds, attention / (attention + other))


class _Reached(Exception):
    """The trial run has come to the checkpoint; `latent` is what the sampler holds there."""

    def __init__(self, latent: torch.Tensor):
        super().__init__()
        self.latent = latent


def _correction(model_patcher, trial: Plan, table: CalibrationTable, seen: _Watch, sample: Callable) -> float:
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


def _expected_power(trial: Plan, table: CalibrationTable, seen: _Watch) -> float:
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


def _measurement(seen: _Watch, settings: SamplerSettings, seconds: float, dense_seconds: float) -> Measurement:
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
        seconds=seconds,
        dense_seconds=dense_seconds,
        attention_flops=attention_flops,
        other_flops=seen.work.other_flops,
    )


def _table(seen: _Watch, sites) -> CalibrationTable:
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


def _costs(seen: _Watch, number: int, site, branches: int) -> dict:
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
