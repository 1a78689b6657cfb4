"""The best level for one goal: over the patterns of evaluations, and over what is left of the goal for the heads."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from ...sentences import say
from .goals import KeepAttention, KeepWork
from .price_search import Solution
from .scopes import Scope, Scopes

# How the search's own limit is moved until the error of the error model agrees with the goal. Not fitted to a model:
# more rounds, or values nearer to 1, come nearer to the goal and take longer.
ROUNDS = 4  # searches for one level, at most
NEAR_ENOUGH = 0.95  # part of a level's error that is enough to use
AIM = 0.98  # part of the goal that the next search aims for
# A budget of work is met by trying errors between these two, a number of times: each halves the logarithm of what is
# between, down to 3 % of the error.
LEAST_ERROR, MOST_ERROR, HALVINGS = 1e-3, 2.0, 8
STRIDES = (1, -1, 2)  # patterns from the best one so far at which a better one is looked for
# Where the search over patterns starts: part of a squared goal that forecasts have used up, and evaluations for the
# attention to keep. Seen in levels of the demo model; they change only how long it takes.
LIKELY_SHARE = 0.8
LIKELY_PART = 1.3
# Where everything being evaluated keeps at most so many times the least work of a sample of the heads, it is solved in
# full as well.
NEAR_THE_BEST = 1.1


@dataclass(frozen=True)
class Found:
    """A level's methods: name, the largest predicted error or the budget, the evaluations, and the solution
    at these.
    """

    name: str
    goal: float | KeepAttention | KeepWork
    scope: Scope
    solution: Solution

    @property
    def model_kept(self) -> float:
        """Fraction of the dense run's work."""
        return self.scope.part * self.solution.model_kept


def best_level(
    scopes: Scopes, name: str, goal: float | KeepAttention | KeepWork, unit: str, max_cache_bytes: int | None
) -> Found:
    """The best level that was found for a goal."""
    if not isinstance(goal, KeepWork):
        return _best_for(scopes, name, goal, unit, max_cache_bytes)
    dense = _best_for(scopes, name, 0.0, unit, max_cache_bytes)
    if dense.model_kept <= goal.fraction:
        return replace(dense, goal=goal)
    low, high, met = math.log(LEAST_ERROR), math.log(MOST_ERROR), False
    found = _best_for(scopes, name, MOST_ERROR, unit, max_cache_bytes)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        tried = _best_for(scopes, name, math.exp(middle), unit, max_cache_bytes)
        if tried.model_kept <= goal.fraction:
            high, found, met = middle, tried, True
        else:
            low = middle
    reached = met or found.model_kept <= goal.fraction
    left = f"{found.model_kept:.0%}"
    note = "" if reached else say("The strongest compression measured still keeps {part} of the work.", part=left)
    return replace(found, goal=goal, solution=replace(found.solution, reached=reached, note=note))


def _best_for(scopes: Scopes, name: str, goal: float | KeepAttention, unit: str, max_cache_bytes: int | None) -> Found:
    """The best level that was found for a goal: of the pattern that a search over patterns ends at, and of the one that
    evaluates everything.

    In a large model the search over patterns goes by some of the layers, and whether everything has to be evaluated is
    then only tried in full where it comes near to the best there.
    """

    def solved(some: Scopes, number: int, share: float = 1.0) -> Found:
        scope = some[number]
        limit = None if max_cache_bytes is None else math.ceil(share * max_cache_bytes)
        return Found(name, goal, scope, _within_goal(scope, goal, unit, limit, share))

    if scopes.sample is None:
        tried = _downwards(scopes, goal, lambda number: solved(scopes, number))
        return min(tried.values(), key=_value)
    sample, part = scopes.sample
    tried = _downwards(scopes, goal, lambda number: solved(sample, number, part))
    best = min(tried, key=lambda number: _value(tried[number]))
    near = isinstance(goal, KeepAttention) or tried[0].model_kept <= NEAR_THE_BEST * tried[best].model_kept
    return min((solved(scopes, number) for number in ({best, 0} if near else {best})), key=_value)


def _value(found: Found) -> tuple:
    """What a level is the better for the smaller it is."""
    if not isinstance(found.goal, KeepAttention):
        return (found.model_kept,)
    point = found.solution.point
    return (not found.solution.reached, found.scope.predicted_error(point.methods, point.share))


def _downwards(scopes: Scopes, goal: float | KeepAttention, solved: Callable[[int], Found]) -> dict[int, Found]:
    """Levels by number of their pattern, that of all evaluations among them.

    With fewer evaluations the work outside attention falls and less of the goal is left for the heads, so that the work
    has one minimum but for small bumps: from a likely start it is followed downwards as long as one of the patterns
    STRIDES further is better.
    """
    if isinstance(goal, KeepAttention):
        count = len(scopes.patterns)
        start = scopes.of_part(LIKELY_PART * goal.fraction)
    else:
        count = scopes.within(goal**2)
        start = scopes.within(LIKELY_SHARE * goal**2) - 1
    tried = {0: solved(0)}

    def better(number: int, than: int) -> bool:
        if not 0 <= number < count:
            return False
        if number not in tried:
            tried[number] = solved(number)
        return _value(tried[number]) < _value(tried[than])

    best: int | None = start
    if start not in tried:
        tried[start] = solved(start)
    while best is not None:
        best = next((best + stride for stride in STRIDES if better(best + stride, best)), None)
    return tried


def _within_goal(
    scope: Scope, goal: float | KeepAttention, unit: str, max_cache_bytes: int | None, share: float = 1.0
) -> Solution:
    """The solution whose error, with what its noise levels add up to, comes up to the goal but not over it. share: of
    the model's heads that the scope has, which may have as much of the squared error that forecasts leave.

    The search adds cells as `error_model.amplified` guesses that they will add up; what a solution's really do is known
    once it is there. The search's own limit is moved until the two agree.
    """
    search = scope.search(unit)
    if isinstance(goal, KeepAttention):
        return search.solve(keep_attention=goal.fraction / scope.part, max_cache_bytes=max_cache_bytes)
    goal = math.sqrt(share * max(goal**2 - scope.squared_error, 0.0))  # what forecasts leave to the heads
    asked, best = goal, None
    for _ in range(ROUNDS):
        found = search.solve(target_error=asked, max_cache_bytes=max_cache_bytes)
        error = scope.predictor.predicted_error(found.point.methods, found.point.share)
        if error <= goal and (best is None or found.model_kept < best.model_kept):
            best = found
        if NEAR_ENOUGH * goal <= error <= goal or not found.reached or error == 0:
            break
        asked *= AIM * goal / error
    return best if best is not None else search.solve(target_error=0.0, max_cache_bytes=max_cache_bytes)
