"""The latents that one sampling run goes through, recorded beside it."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from comfy.patcher_extension import WrappersMP

from ..hooks.patch import attached
from ..hooks.run import SamplerCall

MOST_BYTES = 512 * 2**20  # of latents that are kept of one run
_KEY = "ditfastattn_trajectory"


class Trajectory:
    """The latents of one sampling run, on the CPU.

    steps: step -> latent at which the model was first evaluated at the step's noise level, as the sampler scales it;
    where MOST_BYTES allows no more, of every n-th step. final: what the sampler returned, None before it did. Each is
    flat, float32; parts of a nested latent follow one another. record: `RunRecord` of the run if the model had hooks.
    """

    def __init__(self):
        self.steps: dict[int, torch.Tensor] = {}
        self.final: torch.Tensor | None = None
        self.record = None
        self._sigmas: list[float] = []

    def sample(self, patched, sample: Callable) -> torch.Tensor:
        """What `sample(model)` returns over a clone of the model that is listened to; the given model is left alone."""
        heard = patched.clone()
        heard.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, _KEY, self._outer_sample)
        heard.add_wrapper_with_key(WrappersMP.PREDICT_NOISE, _KEY, self._predict_noise)
        latent = sample(heard)
        self.final = flat(latent)
        runs = getattr(attached(heard), "runs", None)
        self.record = runs.latest() if runs is not None else None
        return latent

    def _outer_sample(self, executor, *args, **kwargs):
        self._sigmas = list(SamplerCall.of(args, kwargs).sigmas)
        return executor(*args, **kwargs)

    def _predict_noise(self, executor, x, timestep, *args, **kwargs):
        step = self._step(float(timestep.flatten()[0]))
        if step is not None and step not in self.steps:
            every = math.ceil(x.numel() * 4 * len(self._sigmas) / MOST_BYTES)
            if step % every == 0:
                self.steps[step] = flat(x)
        return executor(x, timestep, *args, **kwargs)

    def _step(self, sigma: float) -> int | None:
        """The step at a noise level; None between steps, where some samplers evaluate the model too."""
        near = [step for step, level in enumerate(self._sigmas) if math.isclose(level, sigma, rel_tol=1e-5)]
        return near[0] if near else None


def flat(latent) -> torch.Tensor:
    """All values of a latent, nested or not, as one float32 tensor of its own on the CPU."""
    parts = latent.tensors if getattr(latent, "is_nested", False) else [latent]
    # The sampler may go on writing into its tensor: cat copies, also where nothing has to be converted.
    return torch.cat([part.detach().float().reshape(-1).cpu() for part in parts])
