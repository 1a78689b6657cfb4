"""What a gap of forecasts between two evaluations does to the final latent, and the numbers that make it err least.

To first order a gap leaves in the final latent the sum of reach(s) * (used p(s) - exact p(s)), where every used p is a
known combination of exact ones (see `forecasts`): its size follows from the Gram matrix of the p of one dense run, and
so do the best slopes and corrections.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..level import MAX_CORRECTION

# Part of the way from a straight line to the slope that fits the measured run best. Chosen by hand: on the 4 pictures
# that `forecasts` speaks of 0.7 to 1 differ by less than a tenth.
TRUST = 0.75
# Parts that stay in the final latent: of what a gap leaves to first order, and of what forecasts had missed before it
# was made up for, since the evaluation that corrects was made off the way. Chosen by hand on the demo model, 20 steps
# of euler.
REMAINS = 0.85
STAYS = 0.25
NEARLY_NOTHING = 1e-9  # of the squared size of what corrections add: below, two of them cannot be told apart


@dataclass(frozen=True, eq=False)
class Gap:
    """What the forecasts between two evaluations do. rows: noise levels that take part. slopes: of the forecasts, and
    of the evaluation after them. off: error of the final latent to first order, as a combination of the exact p at
    rows; squared: the squared error to expect.
    """

    rows: np.ndarray
    slopes: np.ndarray
    correction: float
    off: np.ndarray
    squared: float


class Gaps:
    """The gaps of one dense run, each found once. sigmas, reach, gram: see `Forecasts`."""

    def __init__(self, sigmas: np.ndarray, reach: np.ndarray, gram: np.ndarray):
        self._sigmas = sigmas
        self._reach = reach
        self._gram = gram
        self._known: dict[tuple[int, int, int], Gap] = {}

    @property
    def rows(self) -> int:
        """Noise levels."""
        return len(self._sigmas)

    def between(self, before: int, last: int, row: int) -> Gap:
        """Everything between `last` and `row` (S where no evaluation follows) is forecast, and corrected at `row`.

        before: the evaluation before `last`, or `last` where there is none.
        """
        key = (before, last, row)
        if key not in self._known:
            self._known[key] = self._found(*key)
        return self._known[key]

    def _found(self, before: int, last: int, row: int) -> Gap:
        rows = np.array([before, *range(last, min(row + 1, self.rows))])
        gram, exact, forecasts = self._gram[np.ix_(rows, rows)], np.eye(len(rows)), row - last - 1
        # Vectors are combinations of the exact p at `rows`.
        lines = self._ratios(before, last, rows[2:])[:, None] * (exact[1] - exact[0])
        ahead = exact[2:] - exact[1]
        slopes = [_slope(line, step, gram) for line, step in zip(lines[:forecasts], ahead)]
        missed = np.array(slopes)[:, None] * lines[:forecasts] - ahead[:forecasts]
        off = self._reach[rows[2:]][:forecasts] @ missed
        squared, correction = STAYS**2 * float(off @ gram @ off), 0.0
        if row < self.rows:
            added = self._reach[row] * np.stack([ahead[-1], lines[-1]])
            correction, slope = (_as_kept(number) for number in _best(added, off, gram))
            slopes.append(slope)
            off = off + np.array([correction, slope]) @ added
        # Nothing comes after the last level that could undo anything.
        squared = squared + REMAINS**2 * float(off @ gram @ off) if row < self.rows else float(off @ gram @ off)
        if before == last:
            rows, off = rows[1:], off[1:]
        return Gap(rows, np.array(slopes), correction, off, max(squared, 0.0))

    def _ratios(self, before: int, last: int, rows: np.ndarray) -> np.ndarray:
        """How far beyond `last` levels lie, over the distance of the two evaluations; 0 if they are one."""
        if before == last:
            return np.zeros(len(rows))
        return (self._sigmas[rows] - self._sigmas[last]) / (self._sigmas[last] - self._sigmas[before])


def _slope(line: np.ndarray, ahead: np.ndarray, gram: np.ndarray) -> float:
    """The part of a line that a forecast goes, as a plan keeps it. ahead: how the prediction really went on."""
    along = float(line @ gram @ line)
    fitting = float(ahead @ gram @ line) / along if along > 0 else 1.0
    return _as_kept(1 + TRUST * (fitting - 1))


def _best(added: np.ndarray, off: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """The two numbers with which `added` (2, V) takes most of `off` (V,) away."""
    products = added @ gram @ added.T
    products[np.diag_indices(2)] += NEARLY_NOTHING * np.trace(products) + np.finfo(float).tiny
    return np.linalg.solve(products, -(added @ gram @ off))


def _as_kept(number: float) -> float:
    return float(f"{float(np.clip(number, -MAX_CORRECTION, MAX_CORRECTION)):.3g}")
