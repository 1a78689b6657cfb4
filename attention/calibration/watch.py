"""The dense sampling run that calibration watches: every cheaper way is scored beside it, and a few errors followed.

Nothing of the picture depends on any of it: what the sampler gets is the host's own, the model is evaluated again only
when the sampler is through, and random numbers are put back.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

import comfy.model_management
import numpy as np
import torch

from ...kernels import Approximation, Int8, Window, approximations, computes_int8
from ...sentences import say
from ..families import window_axes
from ..hooks.layouts import SiteLayout
from ..hooks.model import HostModel
from ..hooks.noise import signal_scale
from ..hooks.record import Stopwatch
from ..hooks.run import SamplingRun
from .approximated import approximated
from .dense_run import DenseRun
from .guidance import Guidance, Part
from .observer import HISTORY_BYTES, Observer
from .place_weights import PlaceWeights, squares
from .predictions import Predictions
from .progress import Progress
from .propagation import LEAST_PROBES, REUSED, Probe, Probes
from .queries import IMAGE_QUERIES, REFERENCE_QUERIES
from .timing import Timing, wait

log = logging.getLogger(__name__)

AGES = 5  # steps back at which reuse and residuals are scored; plans keep nothing for longer
# A user's own run is to take at most 0.3 of itself longer, on the demo model with its 1024 tokens too, of which each
# sampled query is a larger part than of a real picture's.
OWN_QUERIES = 32
OWN_PROBES = 0.1
OWN_TWO_FROM = 8  # steps; a shorter run has one probe


@dataclass
class _Again:
    """An evaluation to repeat: `predict(latent)`, its latent, and what it gave."""

    step: int
    predict: Callable[..., torch.Tensor]
    latent: torch.Tensor
    output: torch.Tensor


class NotFinite(ArithmeticError):
    """The model gave values that are no numbers; the message says where."""


class Watch(DenseRun):
    """The run of a calibration: computes everything in full, observes, and follows a few known errors.

    own: the run is the user's: its evaluations are not counted by torch, since a compiled model is left uncompiled for
    that, and an error while measuring ends the measuring and not the run. failure: that error, as a sentence. obstacle:
    to compressing an attention call, where there was one. left: layouts and folds of the sites that had one, and the
    branches there. int8: whether the device has an INT8 kernel that serves the model.
    """

    def __init__(
        self,
        model: HostModel,
        run: SamplingRun,
        progress: Progress | None = None,
        timed: bool = False,
        own: bool = False,
    ):
        super().__init__(model, run, progress)
        self.ways: tuple[Approximation, ...] = ()
        self.int8 = False
        self.observer: Observer | None = None
        self.probes: Probes | None = None
        self.timing: Timing | None = None
        self.evaluation_seconds: list[float] = []  # of the observed evaluations, without what was measured in them
        self.overhead = 0.0
        self.latent_power = 0.0
        self.failure: str | None = None
        self.obstacle: str | None = None
        self.left: tuple[dict[int, SiteLayout], dict[int, int], set[Part]] = {}, {}, set()
        self.predictions = Predictions()
        self.place_weights = PlaceWeights(len(run.positions))
        self.signal: np.ndarray | None = None
        self._own = own
        self._guidance = Guidance(run.guidance)
        self._again: _Again | None = None
        self._timed = timed
        self._measuring_times = False
        self._done: set[int] = set()
        self._observing = False
        self._probe: Probe | None = None
        self._erring: tuple[int, ...] = ()
        self._before: dict[tuple, torch.Tensor] = {}  # outputs of the step before the probes

    def announce(self, noise_shape, model) -> int:
        """Choose what to score by the axes of the grid."""
        levels = (*self.run.sigmas, self.run.end)
        self.signal = signal_scale(model.get_model_object("model_sampling"), levels)
        grid = self.family.grid(self.diffusion_model, self.run.picture_shape(noise_shape))
        axes = window_axes(self.sites, len(grid))
        self.ways = timed = approximations(axes) if self.family.windowed else ()
        dtype, head_dim = model.model.get_dtype_inference(), self.sites[0].head_dim
        self.int8 = self.family.windowed and computes_int8(model.load_device, dtype, head_dim)
        # A user's own run takes no longer for what its device does not have.
        if self.family.windowed and (self.int8 or not self._own):
            self.ways += (Int8.whole(axes),)
        if self.int8:
            timed = tuple(Int8.of(way) if isinstance(way, Window) else way for way in self.ways)
        queries = OWN_QUERIES if self._own else IMAGE_QUERIES
        of_sites = [self.ways if site.rank(len(grid)) == axes else () for site in self.sites]
        self.observer = Observer(self.sites, self.run, of_sites, AGES, queries)
        self.layouts, self.folds = self.observer.layouts, self.observer.folds
        self.branches = self.observer.branches
        self.probes = self._probes()
        self.timing = Timing(self.sites, timed) if self._timed else None
        return self._held(noise_shape, model)

    def _probes(self) -> Probes:
        sites, steps = len(self.sites), len(self.run.positions)
        windows = bool(self.ways)
        if not self._own:
            return Probes(sites, steps, windows=windows)
        return Probes(sites, steps, OWN_PROBES, LEAST_PROBES if steps >= OWN_TWO_FROM else 1, windows)

    def _held(self, noise_shape, model) -> int:
        """Most bytes that are held during the run: samples of the last steps, and all outputs of one step."""
        network, shape = self.diffusion_model, self.run.picture_shape(noise_shape)
        tokens = math.prod(self.family.grid(network, shape))
        element = torch.empty((), dtype=model.model.get_dtype_inference()).element_size()
        channels = sum(site.heads * site.head_dim for site in self.sites)
        outputs = 2 * noise_shape[0] * tokens * channels * element
        samples = 4 * channels * (IMAGE_QUERIES + REFERENCE_QUERIES) * (len(self.ways) + 1) * (AGES + 2)
        return min(outputs, HISTORY_BYTES) + min(samples, HISTORY_BYTES)

    def evaluate(self, predict: Callable[..., torch.Tensor], x: torch.Tensor, sigma: float) -> torch.Tensor:
        """A model evaluation, measured when it is the step's first."""
        if self.observer is None:
            return predict()  # a guider that prepares its models in a way of its own: nothing is known of the run
        self._observing = self.failure is None and self.run.nearest(sigma) not in self._done
        self._begin_timing()
        self._guidance.begin()
        before, seconds = self.overhead, Stopwatch()
        output = predict() if self._own else self.work.count(predict)
        if self._observing:
            self.evaluation_seconds.append(seconds() - (self.overhead - before))
        self.evaluated(self._expected())
        if self.failure is not None:
            return output
        step, observing, self._observing = self.run.step, self._observing, False
        with self._extra_time(x.device):
            self.latent_power = float(output.float().pow(2).mean())
            if not observing:
                return output
            self._done.add(step)
            if not math.isfinite(self.latent_power):
                raise NotFinite(
                    say(
                        "The model's output was not finite (NaN or infinite) at step {step} of {steps}, so there "
                        "is nothing to measure: try another precision, CFG or sampler.",
                        step=step + 1,
                        steps=len(self.run.positions),
                    )
                )
            self.predictions.add(step, x, output)
            self.observer.finish(step, self._guidance, output)
            if branches := self._guidance.by_place(output):
                self.place_weights.add(step, branches)
            if self.probes.due(step):
                self._again = _Again(step, predict, x.clone(), output.clone())
        return output

    def predicted(self, number: int, outputs: list[torch.Tensor]) -> None:
        """Branches are combined as these are in the evaluation's result."""
        if self._observing and outputs:
            with self._extra_time(outputs[0].device):
                self._guidance.add(number, outputs)

    def sampled(self, samples: torch.Tensor) -> None:
        """Make the probes."""
        if len(self.branches) > 1 and not self.run.guidance.shares:
            self.run.record.note(say("The guider combines its branches in a way of its own, so none serves another."))
        again, self._again = self._again, None
        if again is None or self.failure is not None:
            return
        device = again.latent.device
        with self._extra_time(device), torch.random.fork_rng([device] if device.type == "cuda" else []):
            for due in self.probes.due(again.step):
                self._make(due, again)
        self._before.clear()

    def _expected(self) -> int:
        """Evaluations of the whole run, as the part of the steps that is over tells."""
        steps = len(self.run.positions)
        return round((self.evaluations + 1) * steps / (self.run.step + 1)) + len(self.probes.list)

    def _begin_timing(self) -> None:
        """Times are measured in the third observed evaluation, or the last: the first ones load, warm up and count."""
        steps = len(self.run.positions)
        due = self._observing and len(self._done) == min(2, steps - 1)
        self._measuring_times = due and self.timing is not None
        if self._measuring_times:
            self.timing.begin(steps * min(self.evaluation_seconds, default=0.0))

    def _make(self, due: Probe, again: _Again) -> None:
        """Repeat the evaluation with some sites erring, and note how much the prediction changes."""
        comfy.model_management.throw_exception_if_processing_interrupted()
        kept = tuple(sorted({number for number, *_ in self._before}))
        sites = kept if due.kind == REUSED else self.probes.sites(due.group)
        if not sites:
            return
        self._probe, self._erring = due, sites
        try:
            # The sampler may write into what it is given, and another pack's wrapper into what it gets.
            output = self.work.count(lambda: again.predict(again.latent.clone()))
            change = (output - again.output).float()
            self.probes.add(due, sites, float(change.pow(2).mean()))
            self.place_weights.probed(again.step, squares(change))
        finally:
            self._probe, self._erring = None, ()
        self.evaluated(self.evaluations + 1)

    def attend(self, forward, call, attention) -> torch.Tensor:
        """The host's own attention, or the known error of a probe."""
        if call.number in self._erring:
            with self.work.excluded(call, forward.batch):
                erring = self._known_error(forward, call, attention)
            if erring is not None:
                return erring
        with self.work.excluded(call, forward.batch):
            output = attention.host()
            if self._observing:
                with self._extra_time(attention.q.device):
                    self.observer.observe(forward, call, attention, output)
                    if forward.step == self.probes.step - 1:
                        self._keep(forward, call, output)
                    if self._measuring_times:
                        self.timing.measure(forward, call, attention)
        if attention.obstacle:
            self.obstacle = attention.obstacle
            layouts, folds, branches = self.left
            layouts[call.number] = SiteLayout(call.site.grid(forward.grid))
            folds[call.number] = forward.fold(call.site)
            branches.update((forward.number, branch.index) for branch in forward.branches)
        self.note_tensors(attention)
        return output

    def _known_error(self, forward, call, attention) -> torch.Tensor | None:
        """What a probe puts in the place of a site's output."""
        if self._probe.kind == REUSED:
            before = self._before.get(_key(forward, call))
            # A step may have other tokens than the one before: reference pictures that are cached after the first.
            same = before is not None and before.dtype == attention.q.dtype and before.numel() == attention.q.numel()
            return before if same else None
        ways = self.observer.ways[call.number]
        if attention.layout is None or attention.obstacle or not ways:
            return None
        return approximated(attention, ways[self.probes.way])

    def _keep(self, forward, call, output: torch.Tensor) -> None:
        """Keep a site's output for the probe of reuse: of all sites, or of every n-th where memory allows no more."""
        whole = output.nbytes * len(self.sites) * max(1, 2 // max(1, len(forward.branches)))
        if call.number % -(-whole // HISTORY_BYTES) == 0:
            self._before[_key(forward, call)] = output.clone()

    def close(self) -> None:
        """Free the samples; the figures stay."""
        self._before.clear()
        self._guidance.begin()
        self._again = None
        self.predictions.close()
        if self.observer is not None:
            self.observer.close()

    @contextmanager
    def _extra_time(self, device: torch.device):
        """Adds the time spent inside to `overhead`: what a plain run would not have done. An error inside a run of the
        user's own ends the measuring.
        """
        wait(device)
        watch = Stopwatch()
        try:
            yield
        except Exception as error:
            if not self._own or type(error).__name__ == "InterruptProcessingException":
                raise
            self.failure = str(error) or type(error).__name__
            self._observing = False
            log.warning("[DiTFastAttn] The run could not be measured: %s", error, exc_info=True)
            self.close()
        finally:
            wait(device)
            self.overhead += watch()


def _key(forward, call) -> tuple:
    """One call of a site in one forward: (site number, how often before, its branches)."""
    return (call.number, call.ordinal, *(branch.key for branch in forward.branches))
