"""What the model predicts of the clean picture at each step of a dense run: what forecasts of evaluations go by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ...plans.search import Forecasts

# Values of a latent that are kept of each step, evenly spread where it has more: inner products of so many are exact to
# a few per mille. Chosen by hand: 4 MiB a step.
MOST_VALUES = 2**20


class Predictions:
    """The guided predictions of one run, float32 on the CPU."""

    def __init__(self):
        self._of_step: dict[int, torch.Tensor] = {}
        self._gram: dict[tuple[int, int], float] = {}  # mean products at two steps, kept when the tensors are gone

    def add(self, step: int, output: torch.Tensor) -> None:
        """The evaluation of a step predicted the clean picture `output`. Nested latents are left out."""
        if getattr(output, "is_nested", False):
            return
        every = -(-output.numel() // MOST_VALUES) | 1  # odd, so that it does not fall in with the latent's even width
        prediction = output.reshape(-1)[::every].float().cpu().clone()
        for other, kept in self._of_step.items():
            if kept.shape == prediction.shape:
                self._gram[other, step] = self._gram[step, other] = _mean_product(kept, prediction)
        self._gram[step, step] = _mean_product(prediction, prediction)
        self._of_step[step] = prediction

    def close(self) -> None:
        """Free the tensors; the products stay."""
        self._of_step.clear()

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


def _mean_product(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.dot(one, other)) / one.numel()
