"""What the model predicts of the clean picture at each step of a dense run: what forecasts of evaluations go by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ...plans.search import Course, Forecasts
from .propagation import MOST_TERMS, euler_shares

# Values of a latent that are kept of each step, evenly spread where it has more: inner products of so many are exact to
# a few per mille. Chosen by hand: 4 MiB a step.
MOST_VALUES = 2**20
MOST_OFF = 4.0  # times Euler's share, each way: beyond, the fit is not believed. Chosen by hand
# Squared part of a latent that a fit may leave unexplained to count as the sampler's own formula. Chosen by hand:
# float32 leaves 1e-13 of it, the noise that a stochastic sampler adds 1e-3 and more.
FORMULA = 1e-8
FITTED_VALUES = 2**14  # of a latent, which four factors at most are fitted to


class Predictions:
    """The guided predictions of one run, float32 on the CPU."""

    def __init__(self):
        self._of_step: dict[int, torch.Tensor] = {}
        self._gram: dict[tuple[int, int], float] = {}  # mean products at two steps, kept when the tensors are gone
        self._latent: tuple[int, torch.Tensor] | None = None  # that went into the newest step
        self._shares: dict[int, np.ndarray] = {}

    def add(self, step: int, x: torch.Tensor, output: torch.Tensor) -> None:
        """The evaluation of a step at latent x predicted the clean picture `output`. Nested latents are left out."""
        if getattr(output, "is_nested", False):
            return
        every = -(-output.numel() // MOST_VALUES) | 1  # odd, so that it does not fall in with the latent's even width
        latent, prediction = (one.reshape(-1)[::every].float().cpu().clone() for one in (x, output))
        if self._latent is not None and self._latent[0] == step - 1 and self._latent[1].shape == latent.shape:
            earlier = [self._of_step.get(step - back) for back in range(1, MOST_TERMS + 1)]
            self._shares[step - 1] = _shares(self._latent[1], earlier, latent)
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
        """(steps, terms) part of each step's prediction, and of those of the steps before, that the sampler took into
        the next latent, as the run shows it.

        An Euler step takes 1 - sigma' / sigma of its own prediction and nothing of others; one that adds noise takes
        more, as it goes further down first; multi-step samplers go on in the direction of earlier ones. Where nothing
        was seen, or far less or more than Euler's share, it is Euler's.
        """
        result = euler_shares(sigmas)
        for step, shares in self._shares.items():
            euler = result[step, 0]
            if euler / MOST_OFF <= shares.sum() <= euler * MOST_OFF:
                result[step] = shares
        return result

    def forecasts(
        self, steps: Sequence[int], sigmas: np.ndarray, reach: np.ndarray, course: Course, latent_power: float
    ) -> Forecasts | None:
        """What leaving out evaluations at `steps` does, of a run with these noise levels and reach at all steps (see
        `plans.search.Forecasts`); None where not every step is known. course: at `steps`. latent_power: mean square of
        the final latent.
        """
        gram = np.array([[self._gram.get((one, other), np.nan) for other in steps] for one in steps])
        levels = sigmas[list(steps)]
        if not np.isfinite(gram).all() or not np.all(np.diff(levels) < 0):
            return None
        return Forecasts(levels, reach[list(steps)], gram / max(latent_power, 1e-12), course)


def _shares(latent: torch.Tensor, predictions: list[torch.Tensor | None], following: torch.Tensor) -> np.ndarray:
    """(terms,) factors of the predictions, the newest first, in the best fit of the following latent by the latent and
    them: of as few as make a formula of it, or of the newest alone where none do.
    """
    result = np.zeros(MOST_TERMS)
    for terms in range(1, MOST_TERMS + 1):
        if any(one is None or one.shape != latent.shape for one in predictions[:terms]):
            break
        factors, unexplained = _fit([latent, *predictions[:terms]], following)
        if terms == 1 or unexplained < FORMULA:
            result[:terms] = factors[1:]
        if unexplained < FORMULA:
            break
    return result


def _fit(known: list[torch.Tensor], wanted: torch.Tensor) -> tuple[np.ndarray, float]:
    """Factors of the best fit of `wanted` by the tensors, and the squared part of it that is left over."""
    every = -(-wanted.numel() // FITTED_VALUES) | 1
    basis, wanted = torch.stack([one[::every] for one in known]).double(), wanted[::every].double()
    scale = basis.norm(dim=1, keepdim=True).clamp_min(1e-30)
    factors = torch.linalg.lstsq((basis / scale).T, wanted[:, None], driver="gelsd").solution[:, 0] / scale[:, 0]
    left = wanted - factors @ basis
    return factors.numpy(), float(left @ left) / max(float(wanted @ wanted), 1e-30)


def _mean_product(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.dot(one, other)) / one.numel()
