"""Which evaluations of the model to make: for each number of them the pattern that errs least.

It is searched in two steps. With the errors of gaps added up in squares, the best choice of each number of evaluations
is a shortest path. From there on single evaluations are moved as long as the sum of two squared errors falls: of that
one, and of the one that `deviation` finds, which knows what evaluations answer to what forecasts have changed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .gaps import Gaps

if TYPE_CHECKING:
    from .forecasts import Forecasts, Pattern

LONGEST = 6  # levels from one evaluation to the next, at most; chosen by hand
MOVES = 4  # of an evaluation to the next level, at most; chosen by hand
MOVED_ROWS = 60  # of longer runs the shortest paths are taken as they are: moves would take many seconds
WORTH = 0.99  # of the squared error, that a move has to come below


def best_patterns(forecasts: Forecasts, gaps: Gaps) -> tuple[Pattern, ...]:
    """Patterns of fewer and fewer evaluations, from all of them on: for each number the one of least error that was
    found with at most LONGEST levels from one to the next, without those that another one beats in both.
    """
    best: list[Pattern] = []
    for found in _moved(forecasts, _best_marks(gaps)):
        while len(best) > 1 and best[-1].squared_error >= found.squared_error:
            best.pop()
        best.append(found)
    return tuple(best)


def _moved(forecasts: Forecasts, starts: list[np.ndarray]) -> list[Pattern]:
    """For each number of evaluations a pattern, most evaluations first. It begins with the better of that in
    `starts` and of the one before without one of its evaluations; then evaluations are moved to the next level one
    by one as long as that makes it better.
    """
    if forecasts.rows > MOVED_ROWS:
        return _least(forecasts, [[one] for one in starts])
    fewer = [[], *(_without_one(more) for more in starts[:-1])]
    best = _least(forecasts, [[one, *others] for one, others in zip(starts, fewer)])
    falling = list(range(len(best)))
    for _ in range(MOVES):
        groups = {number: _neighbours(best[number].evaluated) for number in falling}
        groups = {number: group for number, group in groups.items() if group}
        falling = []
        for number, found in zip(groups, _least(forecasts, list(groups.values()))):
            if found.judged < WORTH * best[number].judged:
                best[number] = found
                falling.append(number)
    return best


def _least(forecasts: Forecasts, groups: list[list[np.ndarray]]) -> list[Pattern]:
    """The pattern of least error of each group of marks; all are followed at once, which takes little longer."""
    patterns = [[forecasts.pattern(marks) for marks in group] for group in groups]
    if not patterns:
        return []
    errors = iter(np.split(forecasts.squared_errors(sum(patterns, [])), np.cumsum([len(one) for one in patterns])[:-1]))
    return [_best_judged(group, next(errors)) for group in patterns]


def _best_judged(patterns: list[Pattern], squared_errors: np.ndarray) -> Pattern:
    """The best of some patterns with these errors, which need not be found once more."""
    known = [replace(one, known=float(error)) for one, error in zip(patterns, squared_errors)]
    return min(known, key=lambda one: one.judged)


def _best_marks(gaps: Gaps) -> list[np.ndarray]:
    """For each number of evaluations, most first, the marks (S,) of the pattern of least error: shortest paths.

    A state is the last two evaluations, `last` and `last - back` (0: `last` is the first); value[count, last, back]
    is the least error of the gaps up to `last`.
    """
    rows = gaps.rows
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
                error = gaps.between(last - back, last, row).squared if row - last > 1 else 0.0
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
            result.append(_walked(rows, came_from, count, last, back))
    return result


def _walked(rows: int, came_from: np.ndarray, count: int, last: int, back: int) -> np.ndarray:
    marks = np.zeros(rows, dtype=bool)
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
