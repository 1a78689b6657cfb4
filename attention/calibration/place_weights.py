"""How much of the branches goes into the guided prediction at each place of the picture, and what deviations do there.

Guidance takes cfg of one branch and 1 - cfg of the other, together 1: a deviation of the latent, which all branches
answer alike, is answered once. That holds where all of them cover the picture. The host sets a branch to zero where no
conditioning of it reaches, outside areas and masks and in steps that no range holds, and what is left adds up to
another sum W: 1 - cfg outside a positive's only area. There a deviation is answered W times over. Of one the sampler
keeps a part k and takes a part t of the answer, which has a part a along the deviation and a part b across it
(`course`, without guidance), so that in units of the final latent an evaluation and its step multiply its square with

    (k + W t a)^2 + (W t b)^2.

What errors come to (`propagation.growth`) was found where W is 1, and is multiplied with the ratio to that.
"""

from __future__ import annotations

import numpy as np
import torch

from ...plans.search import Course

MOST_PLACES = 2**10  # of a latent, evenly spread. Chosen by hand
# Of the places: fewer are values of a model that happen to be zero. Chosen by hand.
FEW = 0.01
NEARLY = 1e-3  # that sums of fitted weights may be off 1. Chosen by hand

# A branch's weight, and the places that it covers, bool (places,); None for all of them.
Weighted = tuple[float, torch.Tensor | None]


def covered(output: torch.Tensor) -> torch.Tensor | None:
    """Where a branch's prediction (B, C, ...) is more than the host's zeros: bool (places,); None if everywhere."""
    where = (output != 0).any(dim=1).flatten()[:: _every(output)].cpu()
    return None if float(where.float().mean()) > 1 - FEW else where


def squares(change: torch.Tensor) -> torch.Tensor:
    """Mean squares of a latent (B, C, ...) at its places, (places,)."""
    return change.float().square().mean(dim=1).flatten()[:: _every(change)].cpu()


def _every(latent: torch.Tensor) -> int:
    places = latent.numel() // max(1, latent.shape[1])
    return -(-places // MOST_PLACES) | 1  # odd, so that it does not fall in with the latent's even width


class PlaceWeights:
    """Of one run. Changes nothing where all branches cover the picture at all steps."""

    def __init__(self, steps: int):
        self._steps = steps
        # By step, of the weights: their sums, and those of their squares; numbers where they are the same everywhere.
        self._sums: dict[int, np.ndarray | float] = {}
        self._powers: dict[int, np.ndarray | float] = {}
        self._changes: list[tuple[int, np.ndarray]] = []  # of the prediction, by probes

    @property
    def ordinary(self) -> bool:
        """Whether the weights added up to 1 everywhere and all the time."""
        return all(isinstance(one, float) and abs(one - 1.0) < NEARLY for one in self._sums.values())

    def add(self, step: int, branches: list[Weighted]) -> None:
        """What the evaluation of a step was made of."""
        self._sums[step] = sum((_at(weight, where) for weight, where in branches), 0.0)
        self._powers[step] = sum((_at(weight**2, where) for weight, where in branches), 0.0)

    def probed(self, step: int, change: torch.Tensor) -> None:
        """Known errors at a step changed its prediction by so much: (places,) mean squares."""
        self._changes.append((step, change.double().numpy()))

    def growth(self, alone: Course) -> np.ndarray:
        """(steps,) factors on what squared errors of a step's prediction come to in the final latent. alone: how
        deviations go on without guidance, at all steps.
        """
        result = np.ones(self._steps)
        takes = alone.takes.sum(axis=1)
        later: np.ndarray | float = 1.0  # of the steps after, by place
        for step in reversed(range(self._steps)):
            result[step] = _mean(later, self._errors(step))
            keeps, (along, across) = alone.keeps[step], takes[step] * alone.answers[step]

            def squared(weight, keeps=keeps, along=along, across=across):
                return np.square(keeps + weight * along) + np.square(weight * across)

            later = later * squared(self._sums.get(step, 1.0)) / max(squared(1.0), 1e-12)
        return result

    def answers(self) -> np.ndarray:
        """(steps,) factors on what an evaluation answers to a deviation, in the mean over the picture."""
        result = np.ones(self._steps)
        for step, sums in self._sums.items():
            errors = self._errors(step)
            size = np.sqrt(_mean(np.square(sums), errors))
            result[step] = np.copysign(size, _mean(sums, errors))
        return result

    def _errors(self, step: int) -> np.ndarray | float:
        """How errors of a step's prediction are spread over the places, but for a factor: as the probes', where
        branches went in as they did there.
        """
        power = self._powers.get(step, 1.0)
        result: np.ndarray | float = 0.0
        for at, change in self._changes:
            before = np.broadcast_to(self._powers.get(at, 1.0), change.shape)
            # Where nothing went in then, errors are as large as they were in the mean.
            known = before > 0
            each = change[known].sum() / max(before[known].sum(), 1e-30)
            result = result + power * np.where(known, change / np.where(known, before, 1.0), each)
        return result if np.any(result) else power


def _at(value: float, where: torch.Tensor | None) -> np.ndarray | float:
    return value if where is None else value * where.double().numpy()


def _mean(values: np.ndarray | float, weights: np.ndarray | float) -> float:
    values, weights = np.broadcast_arrays(values, weights)
    total = float(weights.sum())
    return float((values * weights).sum()) / total if total > 0 else float(values.mean())
