"""The two sampling runs of an A/B, and their seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import comfy.model_management
import comfy.samplers
import torch
from comfy.patcher_extension import WrappersMP

from ...kernels import trials
from ...sentences import say
from ..calibration.progress import Meter
from ..calibration.watch import Watch
from ..hooks.patch import attached, remove
from ..hooks.record import RunRecord, Stopwatch
from ..hooks.sampling import noise_levels, sample_once

_KEY = "ditfastattn_compare"
FULL, PLAN = "full", "plan"


@dataclass(frozen=True)
class Run:
    """One sampling run. kind: FULL or PLAN. samples: its latent. seconds: from the first step to the last, without
    loading, and without measuring where the run was watched. record: what it did, None where nothing was on the model.
    """

    kind: str
    samples: torch.Tensor
    seconds: float
    watched: bool = False
    record: RunRecord | None = None


@dataclass(frozen=True)
class Pair:
    """Both runs in the order in which they were sampled; only the full one where there is nothing to compare it with,
    and why. again: whether the plan's run was sampled twice, because the first had kernels to compile.
    """

    runs: tuple[Run, ...]
    why_not: str = ""
    again: bool = False

    def of(self, kind: str) -> Run:
        """The run of a kind; the full one where there is no other."""
        return next((run for run in self.runs if run.kind == kind), self.runs[0])


def sample_pair(model_patcher, settings, setup, noise=None) -> Pair:
    """Sample what a model of Apply Compression Plan follows, and the same in full, over clones that are let go.

    settings, setup, noise: as in `hooks.sampling.sample_once`. A model without a plan has one made: its first run is
    watched then and counts as the full one, which it is bit for bit. Where nothing is followed there is one run.
    """
    meter = Meter(say=lambda text: None)
    meter.reserve(2)
    installation = attached(model_patcher)
    follows = installation is not None and not installation.only_listens
    dense = remove(model_patcher)

    def run(patcher, kind: str) -> Run:
        meter.begin_part("")
        done = _timed(patcher, kind, lambda heard: sample_once(heard, settings, setup, meter, noise))
        meter.end_part()
        return done

    _warm_up(dense, settings, setup, noise)
    if not follows:
        return Pair((run(dense, FULL),), _why_not(installation))
    before = trials()
    first = run(model_patcher, PLAN)
    full = replace(first, kind=FULL)  # which it is where it was watched, or where nothing was followed
    if not first.watched and _plan_of(first) is None:
        return Pair((full,), _NOTHING)
    plan = run(model_patcher, PLAN) if first.watched else first
    if _plan_of(plan) is None:
        return Pair((full,), _NOTHING)
    again = trials() != before
    if again:
        plan = run(model_patcher, PLAN)
    return Pair((full, plan) if first.watched else (plan, run(dense, FULL)), again=again)


_NOTHING = say("Nothing to compare: this run followed no plan, and Apply Compression Plan says why.")


def _why_not(found) -> str:
    if found is not None and found.runs.refusal:
        return say("Nothing to compare: {why}", why=found.runs.refusal)
    return say(
        "Nothing to compare: this model follows no plan. Put Apply Compression Plan between the model and this node, "
        "with a level other than off."
    )


def _plan_of(run: Run):
    return None if run.record is None else run.record.plan


def _warm_up(patcher, settings, setup, noise) -> None:
    """One step that is not counted: what is loaded, allocated and chosen once must not fall on the first run."""
    short = noise_levels(patcher, settings, setup)[:2]
    one = replace(setup, sigmas=short, sampler=comfy.samplers.sampler_object("euler"))
    sample_once(patcher, settings, one, _Silent(), noise)


class _Silent:
    """In the place of a bar: shows nothing, and heeds Cancel."""

    def sampled(self, step: int, steps: int, preview=None) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()


def _timed(patcher, kind: str, sample: Callable) -> Run:
    heard, clock = patcher.clone(), _Clock(attached(patcher), patcher.load_device)
    heard.add_wrapper_with_key(WrappersMP.SAMPLER_SAMPLE, _KEY, clock.sampler_sample)
    runs = getattr(attached(patcher), "runs", None)
    before = None if runs is None else runs.latest()
    samples = sample(heard).to(comfy.model_management.intermediate_device())
    record = None if runs is None else runs.latest()
    return Run(kind, samples, clock.seconds, clock.watched, None if record is before else record)


class _Clock:
    """Times a sampler's loop over the steps: models are loaded before it, and pictures decoded after it."""

    def __init__(self, installation, device: torch.device):
        self.seconds = 0.0
        self.watched = False
        self._installation = installation
        self._device = device

    def sampler_sample(self, executor, *args, **kwargs):
        self._wait()
        watch = Stopwatch()
        samples = executor(*args, **kwargs)
        self._wait()
        self.seconds = watch()
        processor = getattr(self._installation, "processor", None)
        if isinstance(processor, Watch):
            self.watched = True
            self.seconds = max(0.0, self.seconds - processor.overhead)
        return samples

    def _wait(self) -> None:
        """Let the device finish, so that a time means something."""
        comfy.model_management.synchronize()
        if self._device.type == "mps":
            torch.mps.synchronize()
