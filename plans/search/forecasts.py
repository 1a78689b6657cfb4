"""Forecasts of whole model evaluations: what they do to the final latent, and which evaluations to leave to them.

The quantity that is forecast is the guided prediction p of the clean picture, which is what the sampler asks for. From
the last two evaluations, a and before it b, a straight line in the noise level would go on by

    line(s) = ratio * (p(a) - p(b)),   ratio = (level(s) - level(a)) / (level(a) - level(b)),

and a forecast goes a part of it, forecast(s) = p(a) + slope * line(s). After one evaluation there is no line yet, and
the forecast is p(a). The first evaluation c after forecasts knows how the run went on, and makes up for what they
missed: it returns p(c) + correction * (p(c) - p(a)) + slope * line(c). A plan stores the slope of every such level and
the correction of those that are evaluated.

A full straight line overshoots, since p bends; and what overshoots changes the latents of the next evaluations, which
no correction undoes. On the demo model, 20 steps of euler, 4 pictures that the numbers do not come from, errors with
14, 10 and 7 evaluations were 0.021, 0.056 and 0.25 on full lines with the correction alone, and 0.020, 0.045 and 0.12
as it is done here.

The direction in which the sampler moves, (latent - p) / level, would do as well with samplers that add no noise: on the
demo model its errors are 1.02 to 1.04 times those of p under euler. Under euler_ancestral they are ten times as large.
A forecast of the difference between the branches alone, which saves the unconditional half of an evaluation, is not in
the best choice of evaluations there (6 pictures, 40 to 85 % of the work): to forecast both errs less at equal work. Nor
do three evaluations say more than two: errors with 14, 10, 8 and 7 evaluations change by less than 4 %.

All that happens from one evaluation to the next is a *gap* (`gaps` says what it errs by, and finds its numbers). Which
evaluations to make is searched with errors that are independent from gap to gap, and with those that `deviation` finds
where a run is followed (`patterns`). A plan promises the larger of the two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...sentences import say
from ..level import MAX_ROWS
from ..validation import PlanError, freeze, items, require
from .costs import checked
from .deviation import Course, directions
from .gaps import Gaps
from .patterns import best_patterns

# Of the squared amplitude of an error that is followed. Chosen by hand on the demo model: with 8 steps at CFG 1, levels
# that keep 2 to 7 evaluations erred by 0.96 to 1.47 times their prediction in the mean of 8 pictures, and by up to 2.0
# times without; with 20 steps at CFG 4 by 0.84 to 1.28 times in the mean of 16.
FOLLOWED = 0.7
AT_ONCE = 64  # patterns that are followed together, so that they stay in the processor's cache


@dataclass(frozen=True, eq=False)
class Forecasts:
    """What a dense run says about forecasting its evaluations. S noise levels.

    sigmas (S,): the host's noise levels. reach (S,): size in the final latent of a unit error of p at each level. gram
    (S, S): inner products of p at any two levels, over the squared norm of the final latent, so that errors are
    relative to it. course: how deviations of the latent go on. factor: on squared errors, where a run showed that they
    are other than what is found here. Arrays are float64 and read-only. Raises PlanError when a shape or a value is
    wrong.
    """

    sigmas: np.ndarray
    reach: np.ndarray
    gram: np.ndarray
    course: Course
    factor: float = 1.0

    def __post_init__(self):
        rows = len(items(list(np.ravel(self.sigmas)), 1, MAX_ROWS, "noise levels of a calibration"))
        for name in ("sigmas", "reach"):
            freeze(self, **{name: checked(getattr(self, name), (rows,), f"{name} of forecasts")})
        gram = np.array(self.gram, dtype=np.float64)
        good = gram.shape == (rows, rows) and bool(np.isfinite(gram).all()) and bool(np.all(np.diag(gram) >= 0))
        require(good, "The calibration's inner products of evaluations must be finite, one for each two noise levels.")
        require(bool(np.all(np.diff(self.sigmas) < 0)), "The calibration's noise levels must descend.")
        checked(np.abs(self.course.keeps), (rows,), "course of forecasts")
        gram = (gram + gram.T) / 2
        gram.flags.writeable = False
        freeze(self, gram=gram)

    @property
    def rows(self) -> int:
        """S."""
        return len(self.sigmas)

    def scaled(self, factor: float) -> Forecasts:
        """The same with all squared errors times `factor`."""
        return replace(self, factor=factor * self.factor)

    def averaged(self, other: Forecasts, part: float) -> Forecasts:
        """The mean with `other`, of which `part` (0..1) is this one's weight. Raises PlanError if levels differ."""
        if self.rows != other.rows or not np.allclose(self.sigmas, other.sigmas, rtol=1e-4):
            raise PlanError(say("The calibration runs do not belong together: their noise levels differ."))
        return replace(
            self,
            reach=part * self.reach + (1 - part) * other.reach,
            gram=part * self.gram + (1 - part) * other.gram,
            course=self.course.averaged(other.course, part),
            factor=part * self.factor + (1 - part) * other.factor,
        )

    def pattern(self, evaluated: np.ndarray) -> Pattern:
        """The pattern that evaluates these levels, bool (S,), the first among them, with the best numbers for it."""
        used, apart = self.reach.copy(), 0.0
        slopes, corrections = np.zeros(self.rows), np.zeros(self.rows)
        at = np.flatnonzero(evaluated)
        for before, last, row in zip(np.insert(at[:-1], 0, at[0]), at, np.append(at[1:], self.rows)):
            if row - last > 1:
                gap = self._gaps.between(int(before), int(last), int(row))
                used[gap.rows] += gap.off
                apart += gap.squared
                slopes[last + 1 : row + 1] = gap.slopes
                if row < self.rows:
                    corrections[row] = gap.correction
        return Pattern(self, np.array(evaluated, dtype=bool), slopes, corrections, used, apart)

    def squared_errors(self, patterns: list[Pattern]) -> np.ndarray:
        """Of the final latent, relative to it, (N,)."""
        columns = (
            np.stack([getattr(one, name) for one in patterns]) for name in ("evaluated", "slopes", "corrections")
        )
        chunks = zip(*(np.array_split(column, -(-len(patterns) // AT_ONCE)) for column in columns))
        found = [self.course.final_deviations(self.sigmas, self._exact, *chunk) for chunk in chunks]
        return self.factor * np.concatenate(found) ** 2

    @cached_property
    def patterns(self) -> tuple[Pattern, ...]:
        """Those worth choosing from, of fewer and fewer evaluations, from all of them on; see `best_patterns`."""
        return best_patterns(self, self._gaps)

    @cached_property
    def _gaps(self) -> Gaps:
        return Gaps(self.sigmas, self.reach, self.gram)

    @cached_property
    def _exact(self) -> np.ndarray:
        return directions(self.gram)


@dataclass(frozen=True, eq=False)
class Pattern:
    """Which noise levels are evaluated, bool (S,); their slopes and corrections, (S,) each; and how much of each exact
    p reaches the final latent, (S,). apart: squared error, were gaps independent. known: the
    squared error, where it has been found.
    """

    forecasts: Forecasts
    evaluated: np.ndarray
    slopes: np.ndarray
    corrections: np.ndarray
    used: np.ndarray
    apart: float
    known: float | None = None

    @cached_property
    def squared_error(self) -> float:
        """Of the final latent, relative to it: what following the run finds, but no less than gaps would leave if they
        were independent. A pattern is the best of many for one picture, whose gaps happen to cancel each other.

        On the demo model (20 steps of euler, CFG 4, 16 pictures) 17 and 14 evaluations erred by 1.49 and 1.42 times
        what following alone promised, and by 1.28 and 1.07 times this; fewer evaluations by 0.88 to 1.13.
        """
        if self.evaluated.all():
            return 0.0
        return max(self._followed, self.forecasts.factor * self.apart)

    @cached_property
    def _followed(self) -> float:
        """The squared error that is found by following the run."""
        return float(self.forecasts.squared_errors([self])[0]) if self.known is None else self.known

    @cached_property
    def influence(self) -> np.ndarray:
        """Factor on the squared error of p at each evaluated level, since forecasts repeat it: (count,), at least 1.

        Of two estimates the larger. By the first order of what a run uses of each p an error gets an amplitude in the
        final latent. It counts as it is and not squared, since errors of windows and reuse at many evaluations are much
        alike, and what forecasts repeat of one they leave out of another; but half of the square where it is above 2.
        That fits runs with 6 to 12 of 20 evaluations at CFG 4 (0.7 to 1.25 times, 8 solutions on 3 pictures). Where few
        are left, or without guidance, errors are not alike, and evaluations answer to them: there FOLLOWED of the
        square of the amplitude that a small error has when it is followed through the run.
        """
        reach = self.forecasts.reach[self.evaluated]

        def over_reach(amplitude: np.ndarray) -> np.ndarray:
            return np.divide(np.abs(amplitude), reach, out=np.ones_like(reach), where=reach > 0)

        first_order = over_reach(self.used[self.evaluated])
        course = self.forecasts.course
        followed = over_reach(course.amplitudes(self.forecasts.sigmas, self.evaluated, self.slopes, self.corrections))
        estimates = (first_order, first_order**2 / 2, FOLLOWED * followed**2)
        return np.maximum(np.max(estimates, axis=0), 1.0)

    @property
    def judged(self) -> float:
        """What patterns of as many evaluations are compared by. Gaps whose errors cancel in the run that was seen do so
        less in others, so that what they would leave if they were independent counts as much.
        """
        return self._followed + self.forecasts.factor * self.apart

    @property
    def count(self) -> int:
        """Evaluations."""
        return int(np.count_nonzero(self.evaluated))

    @property
    def marks(self) -> str:
        """As `Level.evaluated`: empty where every level is evaluated."""
        return "" if self.evaluated.all() else "".join("01"[bit] for bit in self.evaluated.astype(int))
