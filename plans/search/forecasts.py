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

All that happens from one evaluation to the next is a *gap*. To first order it leaves in the final latent the sum of
reach(s) * (used p(s) - exact p(s)), where every used p is a known combination of exact ones: its size follows from the
Gram matrix of the p of one dense run, and so do the best slopes and corrections. Which evaluations to make is searched
in two steps. With the errors of gaps added up in squares, the best choice of each number of evaluations is a shortest
path. From there on single evaluations are moved as long as the sum of two squared errors falls: of that one, and of
the one that `deviation` finds, which knows what evaluations answer to what forecasts have changed. A plan promises the
larger of the two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...sentences import say
from ..level import MAX_CORRECTION, MAX_ROWS
from ..validation import PlanError, freeze, items, require
from .costs import checked
from .deviation import Course, directions

LONGEST = 6  # levels from one evaluation to the next, at most; chosen by hand
# Part of the way from a straight line to the slope that fits the measured run best. Chosen by hand: on the 4 pictures
# above 0.7 to 1 differ by less than a tenth.
TRUST = 0.75
# Parts that stay in the final latent: of what a gap leaves to first order, and of what forecasts had missed before it
# was made up for, since the evaluation that corrects was made off the way. Chosen by hand on the demo model, 20 steps
# of euler.
REMAINS = 0.85
STAYS = 0.25
# Of the squared amplitude of an error that is followed. Chosen by hand on the demo model: with 8 steps at CFG 1, levels
# that keep 2 to 7 evaluations erred by 0.96 to 1.47 times their prediction in the mean of 8 pictures, and by up to 2.0
# times without; with 20 steps at CFG 4 by 0.84 to 1.28 times in the mean of 16.
FOLLOWED = 0.7
MOVES = 4  # of an evaluation to the next level, at most; chosen by hand
AT_ONCE = 64  # patterns that are followed together, so that they stay in the processor's cache
MOVED_ROWS = 60  # of longer runs the shortest paths are taken as they are: moves would take many seconds
WORTH = 0.99  # of the squared error, that a move has to come below
NEARLY_NOTHING = 1e-9  # of the squared size of what corrections add: below, two of them cannot be told apart


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
                gap = self._gap(int(before), int(last), int(row))
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
    def _exact(self) -> np.ndarray:
        return directions(self.gram)

    @cached_property
    def _known_gaps(self) -> dict[tuple[int, int, int], _Gap]:
        return {}

    def _gap(self, before: int, last: int, row: int) -> _Gap:
        key = (before, last, row)
        if key not in self._known_gaps:
            self._known_gaps[key] = self._found_gap(*key)
        return self._known_gaps[key]

    def _found_gap(self, before: int, last: int, row: int) -> _Gap:
        """Everything between `last` and `row` (S where no evaluation follows) is forecast, and corrected at `row`.

        before: the evaluation before `last`, or `last` where there is none.
        """
        rows = np.array([before, *range(last, min(row + 1, self.rows))])
        gram, exact, forecasts = self.gram[np.ix_(rows, rows)], np.eye(len(rows)), row - last - 1
        # Vectors are combinations of the exact p at `rows`.
        lines = self._ratios(before, last, rows[2:])[:, None] * (exact[1] - exact[0])
        ahead = exact[2:] - exact[1]
        slopes = [_slope(line, step, gram) for line, step in zip(lines[:forecasts], ahead)]
        missed = np.array(slopes)[:, None] * lines[:forecasts] - ahead[:forecasts]
        off = self.reach[rows[2:]][:forecasts] @ missed
        squared, correction = STAYS**2 * float(off @ gram @ off), 0.0
        if row < self.rows:
            added = self.reach[row] * np.stack([ahead[-1], lines[-1]])
            correction, slope = (_as_kept(number) for number in _best(added, off, gram))
            slopes.append(slope)
            off = off + np.array([correction, slope]) @ added
        # Nothing comes after the last level that could undo anything.
        squared = squared + REMAINS**2 * float(off @ gram @ off) if row < self.rows else float(off @ gram @ off)
        if before == last:
            rows, off = rows[1:], off[1:]
        return _Gap(rows, np.array(slopes), correction, off, max(squared, 0.0))

    def _ratios(self, before: int, last: int, rows: np.ndarray) -> np.ndarray:
        """How far beyond `last` levels lie, over the distance of the two evaluations; 0 if they are one."""
        if before == last:
            return np.zeros(len(rows))
        return (self.sigmas[rows] - self.sigmas[last]) / (self.sigmas[last] - self.sigmas[before])

    @cached_property
    def patterns(self) -> tuple[Pattern, ...]:
        """Patterns of fewer and fewer evaluations, from all of them on: for each number the one of least error that was
        found with at most LONGEST levels from one to the next, without those that another one beats in both.
        """
        best: list[Pattern] = []
        for found in self._moved(self._best_marks()):
            while len(best) > 1 and best[-1].squared_error >= found.squared_error:
                best.pop()
            best.append(found)
        return tuple(best)

    def _moved(self, starts: list[np.ndarray]) -> list[Pattern]:
        """For each number of evaluations a pattern, most evaluations first. It begins with the better of that in
        `starts` and of the one before without one of its evaluations; then evaluations are moved to the next level one
        by one as long as that makes it better.
        """
        if self.rows > MOVED_ROWS:
            return self._least([[one] for one in starts])
        fewer = [[], *(_without_one(more) for more in starts[:-1])]
        best = self._least([[one, *others] for one, others in zip(starts, fewer)])
        falling = list(range(len(best)))
        for _ in range(MOVES):
            groups = {number: _neighbours(best[number].evaluated) for number in falling}
            groups = {number: group for number, group in groups.items() if group}
            falling = []
            for number, found in zip(groups, self._least(list(groups.values()))):
                if found.judged < WORTH * best[number].judged:
                    best[number] = found
                    falling.append(number)
        return best

    def _least(self, groups: list[list[np.ndarray]]) -> list[Pattern]:
        """The pattern of least error of each group of marks; all are followed at once, which takes little longer."""
        patterns = [[self.pattern(marks) for marks in group] for group in groups]
        if not patterns:
            return []
        errors = iter(np.split(self.squared_errors(sum(patterns, [])), np.cumsum([len(one) for one in patterns])[:-1]))
        return [_best_judged(group, next(errors)) for group in patterns]

    def _best_marks(self) -> list[np.ndarray]:
        """For each number of evaluations, most first, the marks (S,) of the pattern of least error: shortest paths.

        A state is the last two evaluations, `last` and `last - back` (0: `last` is the first); value[count, last, back]
        is the least error of the gaps up to `last`.
        """
        rows = self.rows
        value = np.full((rows + 1, rows, LONGEST + 1), np.inf)
        came_from = np.zeros((rows + 1, rows, LONGEST + 1), dtype=np.intp)  # `back` of the state before
        value[1, 0, 0] = 0.0
        ends = []
        for last in range(rows):
            for back in range(1, min(LONGEST, last) + 1) if last else (0,):
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
        for count in range(rows, 0, -1):
            squared, last, back = min(((error[count], last, back) for error, last, back in ends))
            if np.isfinite(squared):
                result.append(self._walked(came_from, count, last, back))
        return result

    def _walked(self, came_from: np.ndarray, count: int, last: int, back: int) -> np.ndarray:
        marks = np.zeros(self.rows, dtype=bool)
        marks[0] = True
        while last:
            marks[last] = True
            count, last, back = count - 1, last - back, came_from[count, last, back]
        return marks


def _neighbours(evaluated: np.ndarray) -> list[np.ndarray]:
    """The marks with one evaluation, but not the first, at the level before or after it."""
    result = []
    for row in np.flatnonzero(evaluated)[1:]:
        for other in (row - 1, row + 1):
            if other < len(evaluated) and not evaluated[other]:
                marks = evaluated.copy()
                marks[[row, other]] = False, True
                if _near_enough(marks):
                    result.append(marks)
    return result


def _best_judged(patterns: list[Pattern], squared_errors: np.ndarray) -> Pattern:
    """The best of some patterns with these errors, which need not be found once more."""
    known = [replace(one, known=float(error)) for one, error in zip(patterns, squared_errors)]
    return min(known, key=lambda one: one.judged)


def _without_one(evaluated: np.ndarray) -> list[np.ndarray]:
    """The marks without one of the evaluations, but not the first."""
    result = []
    for row in np.flatnonzero(evaluated)[1:]:
        marks = evaluated.copy()
        marks[row] = False
        result.append(marks)
    return [marks for marks in result if _near_enough(marks)]


def _near_enough(evaluated: np.ndarray) -> bool:
    return int(np.diff(np.append(np.flatnonzero(evaluated), len(evaluated))).max()) <= LONGEST


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


@dataclass(frozen=True, eq=False)
class _Gap:
    """What the forecasts between two evaluations do. rows: noise levels that take part. slopes: of the forecasts, and
    of the evaluation after them. off: error of the final latent to first order, as a combination of the exact p at
    rows; squared: the squared error to expect.
    """

    rows: np.ndarray
    slopes: np.ndarray
    correction: float
    off: np.ndarray
    squared: float


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
