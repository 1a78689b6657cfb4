"""Forecasts of whole model evaluations: what they do to the final latent, and which evaluations to leave to them.

The quantity that is forecast is the guided prediction p of the clean picture, which is what the sampler asks for. From
the last two evaluations, a and before it b, it goes on in a straight line in the noise level,

    forecast(s) = p(a) + ratio * (p(a) - p(b)),   ratio = (level(s) - level(a)) / (level(a) - level(b)),

and the first evaluation c after forecasts knows by how much its own forecast would have missed. In proportion to that
the forecasts before it had missed, too, and the latent is off; so this evaluation returns p(c) + correction *
(p(c) - forecast(c)), with one number for each such level that a plan stores.

The direction in which the sampler moves, (latent - p) / level, would do as well with samplers that add no noise: on the
demo model its errors are 1.02 to 1.04 times those of p under euler. Under euler_ancestral they are ten times as large.

All that happens from one evaluation to the next is a *gap*. To first order it leaves in the final latent the sum of
reach(s) * (used p(s) - exact p(s)), where every used p is a known combination of exact ones: its size follows from the
Gram matrix of the p of one dense run, and so does the best correction. Errors within a gap add up as vectors. Those of
different gaps add up in squares, because the steps between turn an error away from what it was: on the demo model the
error that a single early forecast leaves in the final latent has a cosine of only -0.1 to -0.3 with what it put in. 13
patterns of 10 to 17 of 20 evaluations, sampled there with forecasts of the direction for 3 other pictures than the one
that was measured, erred by 0.75 to 1.4 times the prediction in the mean over the pictures, 0.96 times in the mean over
all; single pictures by 0.3 to 2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..schema import MAX_CORRECTION, MAX_ROWS
from ..validation import PlanError, freeze, items, require
from .costs import checked

LEAST_EVALUATED = 2  # noise levels at the beginning, without which there is no direction to go on in
LONGEST = 4  # levels from one evaluation to the next, at most; chosen by hand


@dataclass(frozen=True, eq=False)
class Forecasts:
    """What a dense run says about forecasting its evaluations. S noise levels.

    sigmas (S,): the host's noise levels. reach (S,): size in the final latent of a unit error of p at each level. gram
    (S, S): inner products of p at any two levels, over the squared norm of the final latent, so that errors are
    relative to it. Arrays are float64 and read-only. Raises PlanError when a shape or a value is wrong.
    """

    sigmas: np.ndarray
    reach: np.ndarray
    gram: np.ndarray

    def __post_init__(self):
        rows = len(items(list(np.ravel(self.sigmas)), 1, MAX_ROWS, "noise levels of a calibration"))
        for field in ("sigmas", "reach"):
            freeze(self, **{field: checked(getattr(self, field), (rows,), f"{field} of forecasts")})
        gram = np.array(self.gram, dtype=np.float64)
        good = gram.shape == (rows, rows) and bool(np.isfinite(gram).all()) and bool(np.all(np.diag(gram) >= 0))
        require(good, "The calibration's inner products of evaluations must be finite, one for each two noise levels.")
        require(bool(np.all(np.diff(self.sigmas) < 0)), "The calibration's noise levels must descend.")
        gram = (gram + gram.T) / 2
        gram.flags.writeable = False
        freeze(self, gram=gram)

    @property
    def rows(self) -> int:
        """S."""
        return len(self.sigmas)

    def scaled(self, factor: float) -> Forecasts:
        """The same with all squared errors times `factor`."""
        return replace(self, gram=self.gram * factor)

    def averaged(self, other: Forecasts, part: float) -> Forecasts:
        """The mean with `other`, of which `part` (0..1) is this one's weight. Raises PlanError if levels differ."""
        if self.rows != other.rows or not np.allclose(self.sigmas, other.sigmas, rtol=1e-4):
            raise PlanError("The calibration runs do not belong together: their noise levels differ.")
        return replace(
            self,
            reach=part * self.reach + (1 - part) * other.reach,
            gram=part * self.gram + (1 - part) * other.gram,
        )

    def pattern(self, evaluated: np.ndarray) -> Pattern:
        """The pattern that evaluates these levels, bool (S,), the first two among them, with the best corrections."""
        used, corrections, squared = self.reach.copy(), np.zeros(self.rows), 0.0
        at = np.flatnonzero(evaluated)
        for before, last, row in zip(at, at[1:], np.append(at[2:], self.rows)):
            if row - last > 1:
                gap = self._gap(before, last, row)
                used[gap.rows] += gap.off
                squared += gap.squared
                if row < self.rows:
                    corrections[row] = gap.correction
        return Pattern(self, np.array(evaluated, dtype=bool), corrections, used, squared)

    def _gap(self, before: int, last: int, row: int) -> _Gap:
        """Everything between `last` and `row` (S where no evaluation follows) is forecast, and corrected at `row`."""
        rows = np.array([before, *range(last, min(row + 1, self.rows))])
        ratio = (self.sigmas[rows[2:]] - self.sigmas[last]) / (self.sigmas[last] - self.sigmas[before])
        missed = np.concatenate([ratio[:, None], -1 - ratio[:, None], np.eye(len(ratio))], axis=1)
        gram = self.gram[np.ix_(rows, rows)]
        forecasts = row - last - 1
        off = -self.reach[rows[2:]][:forecasts] @ missed[:forecasts]
        correction = 0.0
        if row < self.rows:
            towards = self.reach[row] * missed[-1]
            squared = float(towards @ gram @ towards)
            best = -float(off @ gram @ towards) / squared if squared > 0 else 0.0
            # As a plan keeps it.
            correction = float(f"{float(np.clip(best, -MAX_CORRECTION, MAX_CORRECTION)):.3g}")
            off = off + correction * towards
        return _Gap(rows, correction, off, max(float(off @ gram @ off), 0.0))

    @cached_property
    def patterns(self) -> tuple[Pattern, ...]:
        """Patterns of fewer and fewer evaluations, from all of them on: for each number the one of least error with at
        most LONGEST levels from one to the next, without those that another one beats in both.
        """
        best: list[Pattern] = []
        for marks in self._best_marks():
            found = self.pattern(marks)
            while len(best) > 1 and best[-1].squared_error >= found.squared_error:
                best.pop()
            best.append(found)
        return tuple(best)

    def _best_marks(self) -> list[np.ndarray]:
        """For each number of evaluations, most first, the marks (S,) of the pattern of least error: shortest paths.

        A state is the last two evaluations, `last` and `last - back`; value[count, last, back] is the least error of
        the gaps up to `last`.
        """
        rows = self.rows
        if rows <= LEAST_EVALUATED:
            return [np.ones(rows, dtype=bool)]
        value = np.full((rows + 1, rows, LONGEST + 1), np.inf)
        came_from = np.zeros((rows + 1, rows, LONGEST + 1), dtype=np.intp)  # `back` of the state before
        value[LEAST_EVALUATED, LEAST_EVALUATED - 1, 1] = 0.0
        ends = []
        for last in range(LEAST_EVALUATED - 1, rows):
            for back in range(1, min(LONGEST, last) + 1):
                here = value[:, last, back]
                if not np.isfinite(here).any():
                    continue
                for row in range(last + 1, min(last + LONGEST, rows) + 1):
                    error = self._gap(last - back, last, row).squared if row - last > 1 else 0.0
                    if row == rows:
                        ends.append((here + error, last, back))
                        continue
                    reached = value[1:, row, row - last]
                    better = here[:-1] + error < reached
                    reached[better] = (here[:-1] + error)[better]
                    came_from[1:, row, row - last][better] = back
        result = []
        for count in range(rows, LEAST_EVALUATED - 1, -1):
            squared, last, back = min(((error[count], last, back) for error, last, back in ends))
            if np.isfinite(squared):
                result.append(self._walked(came_from, count, last, back))
        return result

    def _walked(self, came_from: np.ndarray, count: int, last: int, back: int) -> np.ndarray:
        marks = np.zeros(self.rows, dtype=bool)
        marks[:LEAST_EVALUATED] = True
        while last >= LEAST_EVALUATED:
            marks[last] = True
            count, last, back = count - 1, last - back, came_from[count, last, back]
        return marks


@dataclass(frozen=True, eq=False)
class _Gap:
    """What the forecasts between two evaluations do. rows: noise levels that take part. off: error of the final latent
    as a combination of their exact p; squared: its squared norm.
    """

    rows: np.ndarray
    correction: float
    off: np.ndarray
    squared: float


@dataclass(frozen=True, eq=False)
class Pattern:
    """Which noise levels are evaluated, bool (S,); the corrections there, (S,); how much of each exact p reaches the
    final latent, (S,); and the squared error of the final latent, relative.
    """

    forecasts: Forecasts
    evaluated: np.ndarray
    corrections: np.ndarray
    used: np.ndarray
    squared_error: float

    @cached_property
    def influence(self) -> np.ndarray:
        """Factor on the squared error of p at each evaluated level, since forecasts repeat it: (count,), at least 1."""
        reach, used = self.forecasts.reach[self.evaluated], self.used[self.evaluated]
        return np.maximum(np.divide(used, reach, out=np.ones_like(reach), where=reach > 0) ** 2, 1.0)

    @property
    def count(self) -> int:
        """Evaluations."""
        return int(np.count_nonzero(self.evaluated))

    @property
    def marks(self) -> str:
        """As `Level.evaluated`: empty where every level is evaluated."""
        return "" if self.evaluated.all() else "".join("01"[bit] for bit in self.evaluated.astype(int))
