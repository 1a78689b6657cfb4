"""Forecasts of whole model evaluations, as `plans.search.forecasts` explains them, on the tensors of one run.

Only the guided prediction of the clean picture is replaced, where the sampler asks for it: previews, callbacks and
masks go on around it, and nothing of the model runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

KEPT_LATENTS = 3  # of a run's latent in float32: two predictions and a correction
_SAME = 1e-6  # relative difference of noise levels that count as one


class StepForecast:
    """Of one run. evaluated, corrections: see `plans.RunSchedule`. sigmas: the noise level of each step.

    A forecast knows its noise level and not its count, so that samplers may evaluate the model as often as they like:
    an evaluation is forecast if its step is, and if it lies not much farther below the last two real ones than it would
    with one evaluation a step. Everything else is computed.
    """

    def __init__(self, evaluated: np.ndarray, corrections: np.ndarray, sigmas: Sequence[float]):
        self._evaluated = evaluated
        self._corrections = corrections
        self._reach, self._ratio = _limits(evaluated, np.asarray(sigmas, dtype=float))
        # Noise level and prediction of the last evaluations at different levels, the newest last.
        self._history: list[tuple[float, torch.Tensor]] = []
        self._correction: torch.Tensor | None = None  # at the level of the newest
        self._forecast_since = False

    @staticmethod
    def nowhere(steps: int) -> StepForecast:
        """Of a run that evaluates all its steps."""
        return StepForecast(np.ones(steps, dtype=bool), np.zeros(steps), np.zeros(steps))

    @property
    def active(self) -> bool:
        """Whether any step is forecast at all."""
        return not bool(self._evaluated.all())

    def planned(self, step: int) -> bool:
        """Whether a step is to be forecast."""
        return not bool(self._evaluated[step])

    def prediction(self, x: torch.Tensor, sigma: float, step: int) -> torch.Tensor | None:
        """The prediction of the clean picture at latent x and noise level sigma; None where it has to be computed."""
        if not self.planned(step) or len(self._history) < 2 or not self._alike(x):
            return None
        (before, _), (last, _) = self._history
        distance = last - sigma
        if not 0 < distance <= self._reach[step] or distance > self._ratio[step] * (before - last):
            return None
        self._forecast_since = True
        return self._extrapolated(sigma).to(x.dtype)

    def evaluated(self, x: torch.Tensor, sigma: float, step: int, output: torch.Tensor) -> torch.Tensor:
        """What the sampler gets for a computed prediction `output` at x: itself, or corrected for forecasts before."""
        if not self.active or getattr(x, "is_nested", False) or output.shape != x.shape:
            self.close()
            return output
        if not self._alike(x) or (self._history and sigma > self._history[-1][0] * (1 + _SAME)):
            self.close()
        prediction = output.detach().to(torch.float32, copy=True)
        if self._history and math.isclose(sigma, self._history[-1][0], rel_tol=_SAME):
            self._history.pop()
        else:
            self._correction = None
            factor = float(self._corrections[step])
            if factor and self._forecast_since and len(self._history) == 2:
                self._correction = factor * (prediction - self._extrapolated(sigma))
        self._history = [*self._history[-1:], (sigma, prediction)]
        self._forecast_since = False
        if self._correction is None:
            return output
        return (output.float() + self._correction).to(output.dtype)

    def close(self) -> None:
        """Free every tensor."""
        self._history.clear()
        self._correction = None
        self._forecast_since = False

    def _alike(self, x: torch.Tensor) -> bool:
        """Whether the history is of latents like x."""
        if getattr(x, "is_nested", False):
            return False
        return all(kept.shape == x.shape and kept.device == x.device for _, kept in self._history)

    def _extrapolated(self, sigma: float) -> torch.Tensor:
        (before, older), (last, newer) = self._history
        return newer + (newer - older) * ((sigma - last) / (last - before))


def _limits(evaluated: np.ndarray, sigmas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each step, how far below the last evaluation a forecast may lie, and that over the distance of the two
    evaluations that it stands on; 0 at steps that are evaluated.
    """
    reach, ratio = np.zeros(len(sigmas)), np.zeros(len(sigmas))
    ahead = sigmas - np.append(sigmas[1:], 0.0)
    for step in np.flatnonzero(~evaluated):
        before, last = np.flatnonzero(evaluated[:step])[-2:]
        distance = sigmas[last] - sigmas[step]
        reach[step] = distance + abs(ahead[step]) / 2
        ratio[step] = distance / max(sigmas[before] - sigmas[last], 1e-12) + 0.5
    return reach, ratio
