"""What of each branch is in the guided prediction of one evaluation: errors are combined as the branches are.

Where the host's own guider combines two branches by one scale this is known: cfg of the conditional one and 1 - cfg of
the other. Everywhere else (three conditionings, a second model, perpendicular negatives, functions that change the
prediction) the evaluation itself shows it: its result is fitted by the predictions that it was made of.
"""

from __future__ import annotations

import torch

from ..hooks.forward import COND, UNCOND
from ..hooks.guidance import GuidanceKind
from .place_weights import Weighted, covered

MOST_VALUES = 2**16  # of each prediction that a fit looks at, evenly spread. Chosen by hand
# Squared part of a prediction that a fit may leave unexplained for its weights to be how branches went in. Chosen by
# hand: float32 leaves 1e-13 of it.
EXPLAINED = 1e-4

# A branch of an evaluation: (number of the pass over the conditionings, index in it).
Part = tuple[int, int]


class Guidance:
    """Of one evaluation at a time. kind: of the run's guider."""

    def __init__(self, kind: GuidanceKind):
        self._kind = kind
        self._predictions: dict[Part, torch.Tensor] = {}
        self._covered: dict[Part, torch.Tensor | None] = {}

    def begin(self) -> None:
        """Another evaluation begins."""
        self._predictions.clear()
        self._covered.clear()

    def add(self, number: int, outputs: list[torch.Tensor]) -> None:
        """The predictions of one pass, by index."""
        self._covered |= {(number, index): covered(output) for index, output in enumerate(outputs)}
        if not self._kind.plain:
            # The guider may write into them, and does its own work with them in their own precision.
            self._predictions |= {(number, index): _sampled(output) for index, output in enumerate(outputs)}

    def weights(self, parts: list[Part], guided: torch.Tensor, others: bool = False) -> dict[Part, float]:
        """How much of each of the branches `parts` is in the evaluation's result. others: there were more of them."""
        known = {COND: self._kind.cfg, UNCOND: 1.0 - self._kind.cfg}
        if self._kind.plain:
            # Also of a lone one: to the host, a branch without a conditioning at this step is a prediction of zero.
            return {part: known.get(part[1], 0.0) for part in parts}
        fitted, _ = self._fitted(_sampled(guided))
        if fitted is not None and all(part in fitted for part in parts):
            return {part: fitted[part] for part in parts}
        if len(parts) == 1 and not others:
            return {parts[0]: 1.0}
        return {part: known.get(part[1], 0.0) for part in parts}

    def by_place(self, guided: torch.Tensor) -> list[Weighted]:
        """The weights of all branches of the evaluation, and where they are; none where it is not known."""
        if self._kind.plain:
            weights = {(0, COND): self._kind.cfg, (0, UNCOND): 1.0 - self._kind.cfg}
        else:
            fitted, unexplained = self._fitted(_sampled(guided))
            weights = fitted if fitted is not None and unexplained < EXPLAINED else {}
        return [(weight, self._covered.get(part)) for part, weight in weights.items() if weight]

    def _fitted(self, guided: torch.Tensor) -> tuple[dict[Part, float] | None, float]:
        """Least squares, and the squared part that is left over; None where the predictions are not of the result's
        shape, as parts of it are not.
        """
        known = {part: one for part, one in self._predictions.items() if one.shape == guided.shape and bool(one.any())}
        if not known or not all(bool(one.isfinite().all()) for one in (guided, *known.values())):
            return None, 1.0
        matrix = torch.stack(list(known.values()), dim=1)
        # Of equal predictions each takes an equal part.
        found = torch.linalg.lstsq(matrix, guided[:, None], driver="gelsd").solution[:, 0]
        left = float((guided - matrix @ found).square().sum()) / max(float(guided.square().sum()), 1e-30)
        return dict(zip(known, found.tolist(), strict=True)), left


def _sampled(tensor: torch.Tensor) -> torch.Tensor:
    every = -(-tensor.numel() // MOST_VALUES) | 1  # odd, so that it does not fall in with the latent's even width
    return tensor.detach().reshape(-1)[::every].float().cpu().double()  # not every device has double precision
