"""The dense sampling run that calibration watches: the `Processor` that observes it, and its count of FLOPs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import Protocol

import comfy.model_management
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from ..kernels import Window
from .gains import Probes
from .host import signal_scale
from .measure import Observer, probe
from .runlog import Stopwatch

AGES = 5
CHECKPOINT = 0.5  # part of the steps after which the trial is compared with the dense run
# Full widths along each axis as fractions of the grid; height × width, and time × height × width.
WINDOWS = {
    2: ((0.1, 0.1), (0.25, 0.25), (0.5, 0.5), (0.25, 1.0), (1.0, 0.25)),
    3: ((0.1, 0.25, 0.25), (1.0, 0.1, 0.1), (0.34, 0.34, 0.34), (1.0, 0.25, 0.25), (0.34, 1.0, 1.0), (1.0, 0.5, 0.5)),
}


class Progress(Protocol):
    """Who wants to know how far a calibration is."""

    def evaluated(self, done: int, expected: int) -> None:
        """`done` of about `expected` model evaluations of this run are over."""


class Watch:
    """The `Processor` of a calibration: computes everything in full, observes, and follows a few known errors."""

    def __init__(self, family, sites, run, cfg: float, progress: Progress | None = None):
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
        self._progress = progress
        self._evaluations = 0
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
        self._count()
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
            self._count()
        finally:
            self._probing = ()

    def _count(self) -> None:
        self._evaluations += 1
        if self._progress is not None:
            expected = len(self.run.positions) + self.probes.count
            self._progress.evaluated(self._evaluations, max(expected, self._evaluations))

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
