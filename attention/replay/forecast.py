"""Forecasts of whole model evaluations, as `plans.search.forecasts` explains them, on the tensors of one run.

Only the guided prediction of the clean picture is replaced, where the sampler asks for it: previews, callbacks and
masks go on around it, and nothing of the model runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

KEPT_LATENTS = 3  # of a run's latent in float32: two predictions and what an evaluation adds
_SAME = 1e-6  # relative difference of noise levels that count as one


class StepForecast:
    """Of one run. evaluated, slopes, corrections: see `plans.RunSchedule`. sigmas: the noise level of each step.

    A forecast knows its noise level and not its count, so that samplers may evaluate the model as often as they like:
    an evaluation is forecast if its step is, and if it lies not much farther below the last two real ones than it would
    with one evaluation a step. Everything else is computed.
    """

    def __init__(self, evaluated: np.ndarray, slopes: np.ndarray, corrections: np.ndarray, sigmas: Sequence[float]):
        self._evaluated = evaluated
        self._slopes = slopes
        self._corrections = corrections
        self._sources, self._reach, self._ratio = _limits(evaluated, np.asarray(sigmas, dtype=float))
        # Noise level and prediction of the last evaluations at different levels, the newest last.
        self._history: list[tuple[float, torch.Tensor]] = []
        self._added: torch.Tensor | None = None  # to the newest, to make up for forecasts before it
        self._forecast_since = False

    @staticmethod
    def nowhere(steps: int) -> StepForecast:
        """Of a run that evaluates all its steps."""
        return StepForecast(np.ones(steps, dtype=bool), np.zeros(steps), np.zeros(steps), np.zeros(steps))

    @property
    def active(self) -> bool:
        """Whether any step is forecast at all."""
        return not bool(self._evaluated.all())

    def planned(self, step: int) -> bool:
        """Whether a step is to be forecast."""
        return not bool(self._evaluated[step])

    def prediction(self, x: torch.Tensor, sigma: float, step: int) -> torch.Tensor | None:
        """The prediction of the clean picture at latent x and noise level sigma; None where it has to be computed."""
        if not self.planned(step) or len(self._history) < self._sources[step] or not self._alike(x):
            return None
        last = self._history[-1][0]
        before = self._history[0][0] if len(self._history) > 1 else math.inf
        distance = last - sigma
        if not 0 < distance <= self._reach[step] or distance > self._ratio[step] * (before - last):
            return None
        self._forecast_since = True
        newest = self._history[-1][1]
        return (newest + float(self._slopes[step]) * self._line(sigma)).to(x.dtype)

    def evaluated(self, x: torch.Tensor, sigma: float, step: int, output: torch.Tensor) -> torch.Tensor:
        """What the sampler gets for a computed prediction `output` at x: itself, or more to make up for forecasts."""
        if not self.active or getattr(x, "is_nested", False) or output.shape != x.shape:
            self.close()
            return output
        if not self._alike(x) or (self._history and sigma > self._history[-1][0] * (1 + _SAME)):
            self.close()
        prediction = output.detach().to(torch.float32, copy=True)
        if self._history and math.isclose(sigma, self._history[-1][0], rel_tol=_SAME):
            self._history.pop()
        else:
            self._added = self._made_up(prediction, sigma, step)
        self._history = [*self._history[-1:], (sigma, prediction)]
        self._forecast_since = False
        if self._added is None:
            return output
        return (output.float() + self._added).to(output.dtype)

    def close(self) -> None:
        """Free every tensor."""
        self._history.clear()
        self._added = None
        self._forecast_since = False

    def _made_up(self, prediction: torch.Tensor, sigma: float, step: int) -> torch.Tensor | None:
        slope, correction = float(self._slopes[step]), float(self._corrections[step])
        if self.planned(step) or not self._forecast_since or not (slope or correction):
            return None
        return correction * (prediction - self._history[-1][1]) + slope * self._line(sigma)

    def _alike(self, x: torch.Tensor) -> bool:
        """Whether the history is of latents like x."""
        if getattr(x, "is_nested", False):
            return False
        return all(kept.shape == x.shape and kept.device == x.device for _, kept in self._history)

    def _line(self, sigma: float) -> torch.Tensor | float:
        """What a straight line through the last two evaluations goes on by."""
        if len(self._history) < 2:
            return 0.0
        (before, older), (last, newer) = self._history
        return (newer - older) * ((sigma - last) / (last - before))


def _limits(evaluated: np.ndarray, sigmas: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each step, on how many evaluations its forecast stands, how far below the last one it may lie, and that over
    the distance of the two; 0 at steps that are evaluated, and infinite for the distance of one evaluation from itself.
    """
    sources, reach, ratio = np.zeros(len(sigmas), dtype=int), np.zeros(len(sigmas)), np.zeros(len(sigmas))
    ahead = sigmas - np.append(sigmas[1:], 0.0)
    for step in np.flatnonzero(~evaluated):
        earlier = np.flatnonzero(evaluated[:step])[-2:]
        last = earlier[-1]
        distance = sigmas[last] - sigmas[step]
        sources[step] = len(earlier)
        reach[step] = distance + abs(ahead[step]) / 2
        apart = sigmas[earlier[0]] - sigmas[last]
        ratio[step] = distance / max(apart, 1e-12) + 0.5 if len(earlier) > 1 else math.inf
    return sources, reach, ratio
