"""Forecasts of whole model evaluations: what they do to the final latent, and which evaluations to leave to them.

The quantity that is forecast is v = (latent - prediction of the clean picture) / noise level, the direction in which
the sampler moves. With the last two evaluations at the levels a < b (in noise) it goes on in a straight line,

    forecast(s) = v(a) + (v(a) - v(b)) * ratio,   ratio = (level(s) - level(a)) / (level(a) - level(b)),

and the first evaluation after forecasts knows by how much its own forecast would have missed. In proportion to that the
forecasts before it had missed, too, and the latent is off; so the evaluation returns v + correction * (v - forecast),
with one number for each such level that a plan stores.

To first order the final latent errs by the sum of reach(s) * (used v(s) - exact v(s)), where every used v is a known
combination of exact ones. So the error of any pattern follows from the Gram matrix of the v of one dense run, in which
errors that point the same way add up as they do in the latent; so does the best correction of every level.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..schema import MAX_CORRECTION, MAX_ROWS
from ..validation import PlanError, freeze, items, require
from .costs import checked

LEAST_EVALUATED = 2  # noise levels at the beginning, without which there is no direction to go on in
# How the search for patterns goes about it, chosen by hand: on random runs of up to 11 levels its patterns err by no
# more than a few per cent beyond the best of all (tests/plans/test_plans_forecasts.py).
LONGEST = 4  # levels from one evaluation to the next
BEAM = 6  # partial patterns kept for each number of evaluations and place of the last two
BEAM_ROWS = 300  # levels times partial patterns of a kind, at most: bounds the time with very many steps


@dataclass(frozen=True, eq=False)
class Forecasts:
    """What a dense run says about forecasting its evaluations. S noise levels.

    sigmas (S,): the host's noise levels. reach (S,): size in the final latent of a unit error of v at each level. gram
    (S, S): inner products of v at any two levels, over the squared norm of the final latent, so that errors are
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
        """The pattern that evaluates these levels, bool (S,), with the corrections that leave the least error."""
        off, corrections = np.zeros(self.rows), np.zeros(self.rows)
        history: list[int] = []
        for row in range(self.rows):
            if not evaluated[row]:
                off -= self.reach[row] * self._missed(row, history)
            elif history and history[-1] < row - 1:
                missed = self._missed(row, history)
                corrections[row] = self._best_correction(row, off, missed)
                off += self.reach[row] * corrections[row] * missed
            if evaluated[row]:
                history.append(row)
        return Pattern(self, np.array(evaluated, dtype=bool), corrections, off)

    def _missed(self, row: int, history: list[int]) -> np.ndarray:
        """What a forecast of `row` from the last two evaluations lacks, as a combination of exact v: (S,)."""
        last, before = history[-1], history[-2]
        ratio = self._ratio(row, last, before)
        result = np.zeros(self.rows)
        result[[row, last, before]] = 1, -1 - ratio, ratio
        return result

    def _ratio(self, row, last, before):
        return (self.sigmas[row] - self.sigmas[last]) / (self.sigmas[last] - self.sigmas[before])

    def _best_correction(self, row: int, off: np.ndarray, missed: np.ndarray) -> float:
        squared = self.reach[row] * float(missed @ self.gram @ missed)
        best = -float(off @ self.gram @ missed) / squared if squared > 0 else 0.0
        # As a plan keeps it.
        return float(f"{float(np.clip(best, -MAX_CORRECTION, MAX_CORRECTION)):.3g}")

    @cached_property
    def patterns(self) -> tuple[Pattern, ...]:
        """Patterns of fewer and fewer evaluations, from all of them on: for each number the one found with the least
        error, without those that another one beats in both.
        """
        best = [self.pattern(np.ones(self.rows, dtype=bool))]
        for marks in _beam(self):
            found = self.pattern(marks)
            while len(best) > 1 and best[-1].squared_error >= found.squared_error:
                best.pop()
            best.append(found)
        return tuple(best)


@dataclass(frozen=True, eq=False)
class Pattern:
    """Which noise levels are evaluated, bool (S,); the corrections there, (S,); and what is off in the end, (S,): the
    error of the final latent as a combination of exact v.
    """

    forecasts: Forecasts
    evaluated: np.ndarray
    corrections: np.ndarray
    off: np.ndarray

    @cached_property
    def squared_error(self) -> float:
        """Of the final latent, relative."""
        return max(float(self.off @ self.forecasts.gram @ self.off), 0.0)

    @property
    def count(self) -> int:
        """Evaluations."""
        return int(np.count_nonzero(self.evaluated))

    @cached_property
    def influence(self) -> np.ndarray:
        """Factor on the squared error of v at each evaluated level, since forecasts repeat it: (count,), at least 1."""
        reach = self.forecasts.reach[self.evaluated]
        used = reach + self.off[self.evaluated]
        return np.maximum(np.divide(used, reach, out=np.ones_like(reach), where=reach > 0) ** 2, 1.0)

    @property
    def marks(self) -> str:
        """As `Level.evaluated`: empty where every level is evaluated."""
        return "" if self.evaluated.all() else "".join("01"[bit] for bit in self.evaluated.astype(int))


@dataclass
class _Partial:
    """Patterns up to a level, K of them: levels of their last two evaluations, marks (K, S), error in v as `Pattern.off`
    (K, S), its product with the Gram matrix (K, S), and its squared norm.
    """

    last: np.ndarray
    before: np.ndarray
    marks: np.ndarray
    off: np.ndarray
    product: np.ndarray
    squared: np.ndarray


def _beam(forecasts: Forecasts) -> list[np.ndarray]:
    """For each number of evaluations, most first, the marks (S,) of the best pattern found; not that of all of them."""
    rows = forecasts.rows
    if rows <= LEAST_EVALUATED:
        return []
    zero = np.zeros((1, rows))
    marks = np.zeros((1, rows), dtype=bool)
    marks[:, :LEAST_EVALUATED] = True
    now = _Partial(np.array([1]), np.array([0]), marks, zero, zero, np.zeros(1))
    for row in range(LEAST_EVALUATED, rows):
        now = _extended(forecasts, now, row)
    counts = now.marks.sum(axis=1)
    return [
        now.marks[(some := np.flatnonzero(counts == count))[now.squared[some].argmin()]]
        for count in range(rows - 1, LEAST_EVALUATED - 1, -1)
        if np.any(counts == count)
    ]


def _extended(forecasts: Forecasts, now: _Partial, row: int) -> _Partial:
    """Every partial pattern with and without an evaluation at `row`, the best of each kind."""
    gram, reach = forecasts.gram, forecasts.reach[row]
    last, before = now.last, now.before
    ratio = forecasts._ratio(row, last, before)
    at = np.arange(len(last))
    missed = np.zeros_like(now.off)
    missed[:, row] = 1
    missed[at, last] -= 1 + ratio
    missed[at, before] += ratio
    product = gram[row] - (1 + ratio)[:, None] * gram[last] + ratio[:, None] * gram[before]
    along = now.product[:, row] - (1 + ratio) * now.product[at, last] + ratio * now.product[at, before]
    squared = np.maximum(np.einsum("ks,ks->k", product, missed), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        best = -along / squared
    best = np.where((squared > 0) & (last < row - 1), np.nan_to_num(best), 0.0)
    best = np.clip(best, -MAX_CORRECTION * reach, MAX_CORRECTION * reach)
    skips = np.flatnonzero(row - last < LONGEST)
    source = np.concatenate([skips, at])
    factor = np.concatenate([np.full(len(skips), -reach), best])
    evaluates = np.arange(len(source)) >= len(skips)
    value = now.squared[source] + 2 * factor * along[source] + factor**2 * squared[source]
    new_last = np.where(evaluates, row, last[source])
    new_before = np.where(evaluates, last[source], before[source])
    counts = now.marks.sum(axis=1)[source] + evaluates
    rows = len(gram)
    kept = _best_of_each(
        (counts * rows + new_last) * rows + new_before, value, max(1, min(BEAM, BEAM_ROWS // rows))
    )
    source, factor = source[kept], factor[kept]
    marks = now.marks[source]
    marks[:, row] = evaluates[kept]
    return _Partial(
        new_last[kept],
        new_before[kept],
        marks,
        now.off[source] + factor[:, None] * missed[source],
        now.product[source] + factor[:, None] * product[source],
        value[kept],
    )


def _best_of_each(kind: np.ndarray, value: np.ndarray, count: int) -> np.ndarray:
    """Indices of the `count` lowest values of each kind."""
    order = np.lexsort((value, kind))
    first = np.flatnonzero(np.append(True, np.diff(kind[order]) != 0))
    place = np.arange(len(order)) - np.repeat(first, np.diff(np.append(first, len(order))))
    return order[place < count]
