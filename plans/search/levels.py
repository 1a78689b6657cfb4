"""The quality levels that a plan offers, and making them from one calibration.

A level has two scopes: which evaluations of the whole model are left to a forecast (`forecasts`), and how the heads are
computed at the others (`price_search`). Both errors, which are of different origin, add up in squares. For a few
patterns of evaluations the heads are solved for what the pattern leaves of the goal, and the best of all is taken; that
everything is evaluated is always among them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...sentences import say
from .. import codec
from ..letters import FULL, REUSE
from ..level import Level
from ..measurement import Measurement
from ..model_identity import ModelIdentity
from ..schema import Plan
from ..validation import PlanError
from . import evaluate
from .costs import FLOPS
from .error_model import Predictor, amplified
from .forecasts import Forecasts, Pattern
from .price_search import Search, Solution, kept
from .relaxation import Point
from .table import CalibrationTable

# Name and predicted relative error of the final latent, mild to strong. Chosen by hand; `python dev.py bench quality`
# says what each does to the demo model's pictures (PSNR, SSIM).
LEVELS: tuple[tuple[str, float], ...] = (
    ("D1", 0.03),
    ("D2", 0.06),
    ("D3", 0.10),
    ("D4", 0.15),
    ("D5", 0.22),
    ("D6", 0.30),
)

CUSTOM = "custom"  # the level of a user's own budget, beside D1 to D6

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
# A model with more heads than twice these has its patterns compared by so many, of layers spread over all of it; and
# one that evaluates everything is solved in full where that keeps at most so many times the least work.
SAMPLED_HEADS = 96
NEAR_THE_BEST = 1.1


@dataclass(frozen=True)
class KeepAttention:
    """A level's goal: the least predicted error that keeps at most this fraction (0..1) of the attention FLOPs."""

    fraction: float


@dataclass(frozen=True)
class KeepWork:
    """A level's goal: the least predicted error that keeps at most this fraction (0..1) of the whole model's FLOPs."""

    fraction: float


@dataclass(frozen=True)
class Solved:
    """A plan and what is known of it beside.

    gap: level -> fraction of the dense model's work (FLOPs, or milliseconds where they are the price) by which it may
    at most be above the best plan that evaluates the model at the same noise levels (weak duality). notes: one sentence
    for each level that is not as it was asked for. milliseconds: what attention is predicted to take in one model
    evaluation, for "dense" and for each level; None where no time was measured.
    """

    plan: Plan
    gap: dict[str, float]
    notes: tuple[str, ...]
    milliseconds: dict[str, float] | None = None


@dataclass(frozen=True)
class _Found:
    """A level's methods: name, the largest predicted error or the budget, the evaluations, and the solution
    at these.
    """

    name: str
    goal: float | KeepAttention | KeepWork
    scope: _Scope
    solution: Solution

    @property
    def model_kept(self) -> float:
        """Fraction of the dense run's work."""
        return self.scope.part * self.solution.model_kept


class _Scope:
    """What is solved for one pattern of evaluations; None = all of them, of a table that knows no forecasts.

    table: of the evaluated noise levels. part: of the noise levels, that are evaluated.
    """

    def __init__(self, whole: CalibrationTable, pattern: Pattern | None):
        self.pattern = pattern
        self.whole = whole
        self.table = whole if pattern is None or not pattern.marks else whole.evaluated_at(pattern)
        self.part = self.table.rows / whole.rows
        self.squared_error = 0.0 if pattern is None else pattern.squared_error
        self.predictor = Predictor(self.table)
        self._searches: dict[str, Search] = {}

    def search(self, unit: str) -> Search:
        """For work in a unit of `costs.UNITS`."""
        if unit not in self._searches:
            self._searches[unit] = Search(amplified(self.table).in_unit(unit))
        return self._searches[unit]

    def predicted_error(self, methods: np.ndarray, share: np.ndarray) -> float:
        """Of the final latent, forecasts included."""
        return math.hypot(self.predictor.predicted_error(methods, share), math.sqrt(self.squared_error))

    def over_all_levels(self, texts: tuple[str, ...], otherwise: str) -> tuple[str, ...]:
        """Texts of one letter an evaluated noise level, as such of all levels, with `otherwise` at the rest."""
        if self.pattern is None or not self.pattern.marks:
            return texts
        evaluated = self.pattern.evaluated.tolist()
        spread = []
        for text in texts:
            letters = iter(text)
            spread.append("".join(next(letters) if here else otherwise for here in evaluated))
        return tuple(spread)


class _Scopes:
    """The patterns of evaluations of one calibration, most evaluations first, solved when they are asked for.

    sample: the same of some of the layers, and the part of the heads that these have; None in a small model.
    """

    def __init__(self, table: CalibrationTable):
        self._table = table
        # Too few levels for a direction to go on in, or none known: all are evaluated.
        known: Forecasts | None = table.forecasts
        self.patterns: tuple[Pattern | None, ...] = (None,) if known is None else known.patterns
        self._made: dict[int, _Scope] = {}
        self.sample: tuple[_Scopes, float] | None = None
        if len(self.patterns) > 1 and table.heads > 2 * SAMPLED_HEADS:
            every = -(-table.heads // SAMPLED_HEADS)
            some = table.of_sites(range(every // 2, len(table.sites), every))
            self.sample = _Scopes(some), some.heads / table.heads

    def __getitem__(self, number: int) -> _Scope:
        if number not in self._made:
            self._made[number] = _Scope(self._table, self.patterns[number])
        return self._made[number]

    def within(self, squared_error: float) -> int:
        """How many patterns, from the one that evaluates everything on, err by no more than this."""
        return max(1, sum(one is None or one.squared_error <= squared_error for one in self.patterns))

    def of_part(self, part: float) -> int:
        """Number of the pattern that evaluates about this part of the noise levels."""
        parts = [1.0 if one is None else one.count / self._table.rows for one in self.patterns]
        return min(range(len(parts)), key=lambda number: abs(parts[number] - part))


def solve_plan(
    table: CalibrationTable,
    model: ModelIdentity,
    measurement: Measurement,
    *,
    levels: Sequence[tuple[str, float | KeepAttention | KeepWork]] = LEVELS,
    max_cache_bytes: int | None = None,
    price: str = FLOPS,
) -> Solved:
    """A plan with one level per (name, goal), where a goal is the largest predicted relative error of the final latent
    or a budget, `KeepAttention` or `KeepWork`. Of levels with an error for a goal, which must ascend, a stronger one
    never costs more than a milder one. Where the plan's text would become too long, the strongest of them are left out,
    with a note.

    price: unit of the work that the levels with an error for a goal save, `FLOPS` or `MILLISECONDS`; budgets are of
    FLOPs at either. The plan's figures count FLOPs at either. max_cache_bytes: most bytes of live caches, of any level.
    Raises PlanError if the table and the model do not have the same layers, or if the table lacks the milliseconds that
    are asked for.
    """
    if table.sites != model.sites:
        raise PlanError(say("The calibration does not have the layers of the connected model: calibrate again."))
    units = {name: price if isinstance(goal, float | int) else FLOPS for name, goal in levels}
    table.in_unit(price)  # raises where it was not measured
    scopes = _Scopes(table)
    found = _descending([_best(scopes, name, goal, units[name], max_cache_bytes) for name, goal in levels])
    notes = [say("{level}: {note}", level=one.name, note=one.solution.note) for one in found if one.solution.note]
    made = [_level(one) for one in found]
    plan, left_out = _short_enough(Plan(model, measurement, table.positions, table.ways, tuple(made)), found)
    found = [one for one in found if one.name not in left_out]
    if left_out:
        notes.append(say("The plan has no level {levels}: its text would be too long.", levels=" / ".join(left_out)))
    gap = {one.name: one.scope.part * one.solution.gap for one in found}
    return Solved(plan, gap, tuple(notes), _milliseconds(table, found))


def _best(
    scopes: _Scopes, name: str, goal: float | KeepAttention | KeepWork, unit: str, max_cache_bytes: int | None
) -> _Found:
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


def _best_for(
    scopes: _Scopes, name: str, goal: float | KeepAttention, unit: str, max_cache_bytes: int | None
) -> _Found:
    """The best level that was found for a goal: of the pattern that a search over patterns ends at, and of the one that
    evaluates everything.

    In a large model the search over patterns goes by some of the layers, and whether everything has to be evaluated is
    then only tried in full where it comes near to the best there.
    """

    def solved(some: _Scopes, number: int, share: float = 1.0) -> _Found:
        scope = some[number]
        limit = None if max_cache_bytes is None else math.ceil(share * max_cache_bytes)
        return _Found(name, goal, scope, _within_goal(scope, goal, unit, limit, share))

    if scopes.sample is None:
        tried = _downwards(scopes, goal, lambda number: solved(scopes, number))
        return min(tried.values(), key=_value)
    sample, part = scopes.sample
    tried = _downwards(scopes, goal, lambda number: solved(sample, number, part))
    best = min(tried, key=lambda number: _value(tried[number]))
    near = isinstance(goal, KeepAttention) or tried[0].model_kept <= NEAR_THE_BEST * tried[best].model_kept
    return min((solved(scopes, number) for number in ({best, 0} if near else {best})), key=_value)


def _value(found: _Found) -> tuple:
    """What a level is the better for the smaller it is."""
    if not isinstance(found.goal, KeepAttention):
        return (found.model_kept,)
    point = found.solution.point
    return (not found.solution.reached, found.scope.predicted_error(point.methods, point.share))


def _downwards(scopes: _Scopes, goal: float | KeepAttention, solved: Callable[[int], _Found]) -> dict[int, _Found]:
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
    scope: _Scope, goal: float | KeepAttention, unit: str, max_cache_bytes: int | None, share: float = 1.0
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


def _descending(found: list[_Found]) -> list[_Found]:
    """A level that came out with more work than a milder one takes over the milder one's methods."""
    result: list[_Found] = []
    milder: _Found | None = None
    for one in found:
        if isinstance(one.goal, float | int):
            if milder is None or one.model_kept <= milder.model_kept:
                milder = one
            one = replace(one, scope=milder.scope, solution=milder.solution)
        result.append(one)
    return result


def _level(found: _Found) -> Level:
    """The level of these methods, with its figures in the table's FLOPs, whatever the search went by."""
    methods, share, scope = found.solution.point.methods, found.solution.point.share, found.scope
    point = Point.of(scope.table, methods, share)
    attention, model = kept(scope.table, point)
    return Level(
        name=found.name,
        paths=scope.over_all_levels(found.solution.paths, chr(REUSE)),
        share=scope.over_all_levels(found.solution.share, "0"),
        predicted_error=scope.predicted_error(methods, share),
        attention_flops_kept=scope.part * attention,
        model_flops_kept=scope.part * model,
        cache_bytes=math.ceil(point.cache_bytes),
        expected_errors=expected_errors(scope.table, methods, share),
        evaluated="" if scope.pattern is None else scope.pattern.marks,
        slopes=() if scope.pattern is None else tuple(scope.pattern.slopes),
        corrections=() if scope.pattern is None else tuple(scope.pattern.corrections),
    )


def _short_enough(plan: Plan, found: list[_Found]) -> tuple[Plan, list[str]]:
    """The plan without as many of its strongest levels as its text is too long for, and their names.

    A level of a budget stays, because it was asked for, and so does one level in any case.
    """
    left_out: list[str] = []
    for one in reversed(found):
        if codec.length(plan) <= codec.MAX_TEXT or len(plan.levels) == 1:
            break
        if isinstance(one.goal, float | int):
            left_out.insert(0, one.name)
            plan = replace(plan, levels=tuple(level for level in plan.levels if level.name != one.name))
    return plan, left_out


def _milliseconds(table: CalibrationTable, found: list[_Found]) -> dict[str, float] | None:
    """Attention of one model evaluation."""
    costs = table.milliseconds
    if costs is None:
        return None
    points = {one.name: one.solution.point for one in found}
    per_level = {
        name: float(evaluate.attention_work(costs, point.methods, point.share).sum()) / table.rows
        for name, point in points.items()
    }
    return {"dense": float(costs.full.sum()), **per_level}


def expected_errors(table: CalibrationTable, methods: np.ndarray, share: np.ndarray) -> tuple[float, ...]:
    """Expected relative error of each site's output where it is compressed (`Level.expected_errors`); 0 where it never
    is.

    methods (S, N), share (S, sites). Rows at which a whole site is skipped count only where there are no others: its
    output is then not computed at all. Empty if the energy of a compressed site's output was not measured.
    """
    head_errors = evaluate.errors(replace(table, reuse_error=table.reuse_error / table.reuse_gain), methods)
    squared = np.add.reduceat(head_errors, table.offsets, axis=1) + np.where(share, table.share_error, 0.0)
    compressed = np.logical_or.reduceat(methods != FULL, table.offsets, axis=1) | share
    computed = compressed & ~np.logical_and.reduceat(methods == REUSE, table.offsets, axis=1)
    counted = np.where(computed.any(axis=0), computed, compressed)
    error, energy = (np.where(counted, part, 0.0).sum(axis=0) for part in (squared, table.output_energy))
    if np.any((energy <= 0) & counted.any(axis=0)):
        return ()
    return tuple(np.sqrt(np.divide(error, energy, out=np.zeros_like(error), where=energy > 0)).tolist())
