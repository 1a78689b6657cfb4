"""What the model predicts of the clean picture at each step of a dense run: what forecasts of evaluations go by."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from ...plans.search import Forecasts
from .propagation import euler_shares

# Values of a latent that are kept of each step, evenly spread where it has more: inner products of so many are exact to
# a few per mille. Chosen by hand: 4 MiB a step.
MOST_VALUES = 2**20
MOST_OFF = 4.0  # times Euler's share, each way: beyond, the fit is not believed. Chosen by hand


class Predictions:
    """The guided predictions of one run, float32 on the CPU."""

    def __init__(self):
        self._of_step: dict[int, torch.Tensor] = {}
        self._gram: dict[tuple[int, int], float] = {}  # mean products at two steps, kept when the tensors are gone
        self._latent: tuple[int, torch.Tensor] | None = None  # that went into the newest step
        self._shares: dict[int, float] = {}

    def add(self, step: int, x: torch.Tensor, output: torch.Tensor) -> None:
        """The evaluation of a step at latent x predicted the clean picture `output`. Nested latents are left out."""
        if getattr(output, "is_nested", False):
            return
        every = -(-output.numel() // MOST_VALUES) | 1  # odd, so that it does not fall in with the latent's even width
        latent, prediction = (one.reshape(-1)[::every].float().cpu().clone() for one in (x, output))
        if self._latent is not None and self._latent[0] == step - 1 and self._latent[1].shape == latent.shape:
            self._shares[step - 1] = _share(self._latent[1], self._of_step[step - 1], latent)
        self._latent = step, latent
        for other, kept in self._of_step.items():
            if kept.shape == prediction.shape:
                self._gram[other, step] = self._gram[step, other] = _mean_product(kept, prediction)
        self._gram[step, step] = _mean_product(prediction, prediction)
        self._of_step[step] = prediction

    def close(self) -> None:
        """Free the tensors; the products stay."""
        self._of_step.clear()
        self._latent = None

    def shares(self, sigmas: np.ndarray) -> np.ndarray:
        """(steps,) part of each step's prediction that the sampler took into the next latent, as the run shows it.

        An Euler step takes 1 - sigma' / sigma; one that adds noise takes more, as it goes further down first. Where
        nothing was seen, or far less or more than Euler's share, it is Euler's.
        """
        result = euler_shares(sigmas)
        for step, share in self._shares.items():
            if result[step] / MOST_OFF <= share <= result[step] * MOST_OFF:
                result[step] = share
        return result

    def forecasts(
        self, steps: Sequence[int], sigmas: np.ndarray, reach: np.ndarray, latent_power: float
    ) -> Forecasts | None:
        """What leaving out evaluations at `steps` does, of a run with these noise levels and reach at all steps (see
        `plans.search.Forecasts`); None where not every step is known. latent_power: mean square of the final latent.
        """
        gram = np.array([[self._gram.get((one, other), np.nan) for other in steps] for one in steps])
        levels = sigmas[list(steps)]
        if not np.isfinite(gram).all() or not np.all(np.diff(levels) < 0):
            return None
        return Forecasts(levels, reach[list(steps)], gram / max(latent_power, 1e-12))


def _share(latent: torch.Tensor, prediction: torch.Tensor, following: torch.Tensor) -> float:
    """b of the best fit following = a * latent + b * prediction; nan where these two cannot be told apart."""
    known = torch.stack([latent, prediction]).double()
    gram, along = known @ known.T, known @ following.double()
    determinant = float(gram[0, 0] * gram[1, 1] - gram[0, 1] ** 2)
    if not determinant > 1e-9 * float(gram[0, 0] * gram[1, 1]):
        return math.nan
    return float(gram[0, 0] * along[1] - gram[0, 1] * along[0]) / determinant


def _mean_product(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.dot(one, other)) / one.numel()
