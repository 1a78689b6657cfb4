"""One picture by one method: sampled through the host, timed, and compared with the dense run."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import demo_model as demo
import torch
from comfy.patcher_extension import WrapperExecutor, WrappersMP, get_all_wrappers
from comfy_extras.nodes_easycache import EasyCacheNode, LazyCacheNode

from ditfastattn.attention.report.statistics import statistics
from ditfastattn.plans import Plan
from host.applying import apply_plan

from .forecast import Forecaster
from .methods import EASY, FEWER, FORECAST, LAZY
from .rows import Picture
from .settings import Setting

CACHES = {EASY: EasyCacheNode, LAZY: LazyCacheNode}
START, END, VERBOSE = 0.15, 0.95, False  # the defaults of the host's two nodes


def job_of(setting: Setting, prompt: int, seed: int) -> demo.Job:
    return demo.Job(
        demo.caption(prompt), seed, setting.steps, setting.cfg, setting.sampler, setting.scheduler, setting.size
    )


class Clock:
    """Seconds of sampling. One thread: the processor's, which do not count what else the machine does; more threads:
    the wall's, because threads that wait for each other use the processor, too.
    """

    def __init__(self, threads: int):
        self.kind = "processor seconds, one thread" if threads == 1 else f"wall seconds, {threads} threads"
        self.now = time.process_time if threads == 1 else time.perf_counter


class Counter:
    """A wrapper inside all others, around what is really computed: batch items that go through the model."""

    def __init__(self):
        self.items = 0

    def __call__(self, executor, x, *args, **kwargs):
        self.items += x.shape[0]
        return executor(x, *args, **kwargs)


@dataclass(frozen=True)
class Dense:
    """The dense run of a picture. items: batch items that went through the model."""

    job: demo.Job
    result: demo.Result
    items: int
    seconds: float


def dense_run(picture: Picture, clock: Clock) -> Dense:
    job = job_of(picture.setting, picture.prompt, picture.seed)
    latent, items, seconds = _counted(demo.model().clone(), job, clock)
    return Dense(job, demo.result_of(latent), items, seconds)


def without_plan(method: str, value, dense: Dense, clock: Clock) -> dict:
    """The figures of a row of a method that leaves out whole evaluations. value: see `methods.levels`."""
    model, job = demo.model().clone(), dense.job
    if method == FEWER:
        job = replace(job, steps=value)
    elif method in CACHES:
        model = CACHES[method].execute(model, value, START, END, VERBOSE).result[0]
    elif method == FORECAST:
        model.add_wrapper_with_key(WrappersMP.PREDICT_NOISE, "forecast", Forecaster(value))
    latent, items, seconds = _counted(model, job, clock)
    kept = items / dense.items
    return {
        "model_flops_kept": kept,
        "attention_flops_kept": kept,
        "seconds_ratio": seconds / dense.seconds,
        **demo.figures(demo.result_of(latent), dense.result),
    }


def with_plan(plan: Plan, level: str, dense: Dense, clock: Clock) -> dict:
    """The figures of a row of one level of a plan, work as Attention Stats says."""
    patched = apply_plan(demo.model(), plan, level, strict=True)
    begin = clock.now()
    latent = demo.sample(patched, dense.job)
    seconds = clock.now() - begin
    stats = statistics(patched, latent)
    return {
        "model_flops_kept": stats["kept"]["model"],
        "attention_flops_kept": stats["kept"]["attention"],
        "seconds_ratio": seconds / dense.seconds,
        **demo.figures(demo.result_of(latent), dense.result),
        "predicted_error": stats["plan"]["error"],
    }


def _counted(model, job: demo.Job, clock: Clock) -> tuple[torch.Tensor, int, float]:
    """The latent, the batch items computed and the seconds of a run."""
    counter = Counter()
    _run_wrappers(model)
    model.add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, "count", counter)
    begin = clock.now()
    latent = demo.sample(model, job)
    return latent, counter.items, clock.now() - begin


def _run_wrappers(model) -> None:
    """Have the diffusion model run its wrappers, as the host has most others do, but not SD3 (0.30.0).

    Without it EasyCache, a wrapper of this kind, changes nothing there. It adds to its input in place: harmless where
    the host has just cast that to half precision, but in float32 the host goes on with the same tensor, so it gets a
    copy.
    """
    forward = model.get_model_object("diffusion_model.forward")

    def wrapped(x, *args, transformer_options, **kwargs):
        wrappers = get_all_wrappers(WrappersMP.DIFFUSION_MODEL, transformer_options)
        executor = WrapperExecutor.new_executor(forward, wrappers)
        return executor.execute(x.clone(), *args, transformer_options=transformer_options, **kwargs)

    model.add_object_patch("diffusion_model.forward", wrapped)
