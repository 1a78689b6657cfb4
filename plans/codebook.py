"""Fewer distinct profiles, so that the plan's text stays small: levels that share a codebook of them.

Profiles whose removal costs least go first. Then the heads that share a profile get the path that is best for all of
them together, and choose anew, a few times over (Lloyd's algorithm, in which the centre of a group is an exact shortest
path). At last every level picks from the codebook under its own limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from . import evaluate
from .frontier import Point
from .methods import FULL, REUSE, is_residual, kept_outputs, refresh_windows, sources, window_index
from .mixing import Goal, better_of, mixed
from .paths import COSTS, Cells, Prices, best_paths
from .table import CalibrationTable

CANDIDATES = 4096  # profiles considered for the codebook: what a plan may hold
NEAREST = 32  # alternatives remembered per head and level while profiles are removed
REMOVED_PER_ROUND = 0.15
REFITS = 3
DEARER_MEMORY = 8  # doublings of the price of memory before a level is given up as not possible
_NEVER = np.float32(1e30)  # stands for inf, which a matrix product cannot hold


@dataclass(frozen=True, eq=False)
class Choice:
    """A level's solution, its limits and the prices it was found at. Limited are cache bytes, and either squared error
    or, where that is None, the fraction of attention FLOPs.
    """

    point: Point
    price: float
    squared_error: float | None = None
    attention: float | None = None
    cache_bytes: float = np.inf
    memory: np.ndarray | None = None

    @property
    def goal(self) -> Goal:
        """The limit on error or work."""
        return Goal(self.squared_error, self.attention)


@dataclass(frozen=True, eq=False)
class Codebook:
    """The profiles that levels share, (P, S), and each level's heads against them; None where the levels' own are few
    enough already.
    """

    table: CalibrationTable
    profiles: np.ndarray | None = None
    scores: Sequence[_Scores] = ()

    @staticmethod
    def of(table: CalibrationTable, choices: Sequence[Choice], most: int) -> Codebook:
        """At most `most` distinct profiles for all the choices together; what these are limited to does not matter yet.

        most is at least 1; the profile that is full everywhere is always among them.
        """
        profiles, uses = _distinct(choices)
        if len(profiles) <= most:
            return Codebook(table)
        profiles = profiles[_candidates(profiles, uses)]
        scores = _scores(table, choices, profiles)
        kept = _codebook(scores, most)
        profiles, scores = profiles[kept], [score.of_profiles(kept) for score in scores]
        cells = Cells.of(table)
        for _ in range(REFITS):
            profiles = _refitted(table, cells, choices, scores, profiles)
            scores = _scores(table, choices, profiles)
        return Codebook(table, profiles, scores)

    def chosen(self, level: int, choice: Choice) -> Point:
        """The methods of one level, by its number, within the limits of `choice`: those of when the book was made, or
        narrower ones. Unchanged where there were few enough profiles.
        """
        if self.profiles is None:
            return choice.point
        return _chosen_within(self.table, choice, self.scores[level], self.profiles)


@dataclass(frozen=True, eq=False)
class _Scores:
    """One level's heads against profiles: error, and FLOPs with the price of memory, as float32 (N, P)."""

    error: np.ndarray
    flops: np.ndarray
    price: float

    @staticmethod
    def of(table: CalibrationTable, choice: Choice, profiles: np.ndarray, error, passes) -> _Scores:
        flops = _flops(table, choice.point, profiles, passes)
        if choice.memory is not None:
            flops += _held(table, choice.memory, profiles)
        return _Scores(error, flops, max(choice.price, 1e-30))

    def of_profiles(self, some: np.ndarray) -> _Scores:
        return _Scores(self.error[:, some], self.flops[:, some], self.price)

    def best(self, price: float) -> np.ndarray:
        """Best profile of each head at `price`: (N,)."""
        return (self.error / np.float32(price) + self.flops).argmin(axis=1)

    def nearest(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The `count` best profiles of each head, best first, and what each costs in FLOPs: (N, count) each."""
        loss = self.error / np.float32(self.price) + self.flops
        index = np.argpartition(loss, min(count, loss.shape[1]) - 1, axis=1)[:, :count]
        values = np.take_along_axis(loss, index, axis=1)
        order = values.argsort(axis=1)
        return np.take_along_axis(index, order, axis=1), np.take_along_axis(values, order, axis=1)


def _scores(table: CalibrationTable, choices: Sequence[Choice], profiles: np.ndarray) -> list[_Scores]:
    error, passes = _errors(table, profiles), _passes(profiles, len(table.windows))
    return [_Scores.of(table, choice, profiles, error, passes) for choice in choices]


def _distinct(choices: Sequence[Choice]) -> tuple[np.ndarray, np.ndarray]:
    """Distinct profiles of all levels, (P, S) uint8 with the full one first, and how often each is used."""
    rows = choices[0].point.methods.shape[0]
    used = np.concatenate([choice.point.methods.T for choice in choices])
    profiles, counts = np.unique(used, axis=0, return_counts=True)
    full = (profiles == FULL).all(axis=1)
    everything = np.full((1, rows), FULL, dtype=np.uint8)
    return np.concatenate([everything, profiles[~full]]), np.concatenate([[max(counts[full].sum(), 1)], counts[~full]])


def _candidates(profiles: np.ndarray, uses: np.ndarray) -> np.ndarray:
    """Indices of the most used profiles; the full one stays first."""
    order = np.argsort(-uses[1:], kind="stable") + 1
    return np.concatenate([[0], np.sort(order[: CANDIDATES - 1])])


def _errors(table: CalibrationTable, profiles: np.ndarray) -> np.ndarray:
    """Error of every head with every profile: float32 (N, P), about 1e30 where a cell is not available.

    One matrix product: how often each profile incurs each error of the table, times the table.
    """
    methods = profiles.T
    rows, count = methods.shape
    ages, windows = table.max_age, len(table.windows)
    output, full = sources(methods)
    window, corrected, reuse = window_index(methods).astype(np.intp), is_residual(methods), methods == REUSE
    row = np.arange(rows)[:, None]
    age = np.where(reuse, row - output, np.where(corrected, row - full, 1))
    first_kind = np.where(reuse, windows + windows * ages, np.where(corrected, windows + window * ages, window))
    at, which = np.nonzero((methods != FULL) & (age <= max(ages, 1)))
    kinds = np.zeros((rows, windows + windows * ages + ages, count), dtype=np.float32)
    kinds[at, (first_kind + age - 1)[at, which], which] = (1 + _repeats(methods))[at, which]
    beyond = ((reuse | corrected) & (age > ages)).any(axis=0)

    known = np.concatenate(
        [table.window_error, table.residual_error.reshape(rows, table.heads, -1), table.reuse_error], axis=2
    ).transpose(1, 0, 2)
    known = np.where(np.isfinite(known), known, _NEVER).astype(np.float32).reshape(table.heads, -1)
    result = known @ kinds.reshape(-1, count)
    result[:, beyond] = _NEVER
    return result


def _repeats(methods: np.ndarray) -> np.ndarray:
    """How many reuses repeat each cell's output: (S, P)."""
    result = np.zeros(methods.shape, dtype=np.int16)
    following = np.zeros(methods.shape[1], dtype=np.int16)
    for row in range(len(methods) - 1, -1, -1):
        reuse = methods[row] == REUSE
        result[row] = np.where(reuse, 0, following)
        following = np.where(reuse, following + 1, 0)
    return result


def _passes(profiles: np.ndarray, windows: int) -> np.ndarray:
    """Which rows of each profile incur each of COSTS, window by window: float32 (3 + 3 W, S, P)."""
    methods = profiles.T
    computed, corrected, refreshed = window_index(methods), is_residual(methods), refresh_windows(methods)
    kinds = [methods == FULL]
    for which in (np.where(corrected, -1, computed), np.where(corrected, computed, -1), refreshed):
        kinds += [which == k for k in range(windows)]
    return np.stack([*kinds, methods == REUSE, kept_outputs(methods)]).astype(np.float32)


def _flops(table: CalibrationTable, point: Point, profiles: np.ndarray, passes: np.ndarray) -> np.ndarray:
    """FLOPs of every head with every profile under the level's sharing: float32 (N, P), fractions of dense attention.

    A head that computes where its whole site reuses is charged for the projections that the site can then not skip.
    """
    dense = table.full_cost.sum() * table.rows
    cost = (np.column_stack([getattr(table, field) for field in COSTS]) / dense).astype(np.float32)
    counts = (1 - point.share * table.share_saving).T.astype(np.float32) @ passes  # (3 + 3 W, sites, P)
    skipped = (evaluate.skipped_flops(table, point.methods) / dense).T.astype(np.float32)
    unskipped = skipped @ (profiles.T != REUSE).astype(np.float32)
    result = np.empty((table.heads, len(profiles)), dtype=np.float32)
    for site, first in enumerate(table.offsets):
        heads = slice(first, first + table.sites[site].heads)
        result[heads] = cost[heads] @ counts[:, site] + unskipped[site]
    return result


def _held(table: CalibrationTable, memory: np.ndarray, profiles: np.ndarray) -> np.ndarray:
    """Price of the caches that every head would hold with every profile, as FLOPs: float32 (N, P)."""
    output, residual = evaluate.lives(profiles.T)
    priced = np.outer(table.output_bytes, memory @ output) + np.outer(table.residual_bytes, memory @ residual)
    return (priced / (table.output_bytes.sum() or 1.0)).astype(np.float32)


def _codebook(scores: Sequence[_Scores], most: int) -> np.ndarray:
    """Indices of the `most` profiles to keep: those go whose users lose least by taking their next best."""
    alternatives = [score.nearest(NEAREST) for score in scores]
    index = np.concatenate([part for part, _ in alternatives])
    loss = np.concatenate([part for _, part in alternatives]).astype(np.float64)
    alive = np.ones(scores[0].error.shape[1], dtype=bool)
    while alive.sum() > most:
        there = np.where(alive[index], loss, np.inf)
        first, second = _two_best(there)
        cost = np.zeros(len(alive))
        # A head with one alternative left holds on to it.
        regret = np.where(np.isfinite(second[1]), second[1] - first[1], 10 * np.abs(first[1]) + 1)
        has = np.isfinite(first[1])
        np.add.at(cost, index[np.arange(len(index)), first[0]][has], regret[has])
        cost[~alive] = np.inf
        cost[0] = np.inf  # full everywhere
        removable = int(min(alive.sum() - most, max(1, REMOVED_PER_ROUND * alive.sum())))
        alive[np.argsort(cost, kind="stable")[:removable]] = False
    return np.flatnonzero(alive)


def _two_best(values: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Index and value of the least and the second least of each line."""
    lines = np.arange(len(values))
    first = values.argmin(axis=1)
    least = values[lines, first]
    rest = values.copy()
    rest[lines, first] = np.inf
    second = rest.argmin(axis=1)
    return (first, least), (second, rest[lines, second])


def _refitted(
    table: CalibrationTable, cells: Cells, choices, scores: Sequence[_Scores], profiles: np.ndarray
) -> np.ndarray:
    """Each profile replaced by the best path for all heads that prefer it, whose cells add up to one head's."""
    count = len(profiles)
    sums = {name: np.zeros((*values.shape[:-1], count)) for name, values in vars(cells).items()}
    factor, bonus = np.zeros((table.rows, count)), np.zeros((table.rows, count))
    for choice, score in zip(choices, scores, strict=True):
        group = score.best(score.price)
        for name in sums:
            # Errors in FLOPs, at the price of the level that the head belongs to, so that levels can be added.
            weight = 1 / score.price if name in ("window", "residual", "reuse") else 1.0
            _add_groups(sums[name], getattr(cells, name) * weight, group)
        paid = (1 - choice.point.share * table.share_saving)[:, table.site_of_head] * cells.full_cost
        _add_groups(factor, paid, group)
        skipped = evaluate.skipped_flops(table, choice.point.methods)[:, table.site_of_head]
        _add_groups(bonus, skipped / (table.full_cost.sum() * table.rows), group)
    used = sums["full_cost"] > 0
    factor = np.where(used, factor / np.where(used, sums["full_cost"], 1), 1.0)
    methods, _ = best_paths(Cells(**sums), Prices(1.0, _mean_memory(choices), factor, bonus))
    # Unused profiles stay: in the next round they may serve. So does the first, which is full everywhere.
    used[0] = False
    fitted = np.where(used[:, None], methods.T, profiles)
    return np.concatenate([fitted[:1], np.unique(fitted[1:], axis=0)])


def _mean_memory(choices: Sequence[Choice]) -> np.ndarray | None:
    """Price of memory that serves all levels, whose groups are refitted together: (S,)."""
    limited = [choice.memory for choice in choices if choice.memory is not None]
    return sum(limited) / len(choices) if limited else None


def _add_groups(total: np.ndarray, values: np.ndarray, group: np.ndarray) -> None:
    """Add the values (..., N) of each group's members to total (..., groups); group (N,)."""
    order = np.argsort(group, kind="stable")
    present, first = np.unique(group[order], return_index=True)
    total[..., present] += np.add.reduceat(values[..., order], first, axis=-1)


def _chosen_within(table: CalibrationTable, choice: Choice, scores: _Scores, book: np.ndarray) -> Point:
    """The level's heads on profiles of the `book`, within its limits; full everywhere where nothing else is found."""
    point = _chosen(table, choice, scores, book)
    # Fewer profiles may hold more in caches than the memory's price was found for.
    for _ in range(DEARER_MEMORY if choice.memory is not None else 0):
        if point is not None:
            break
        choice = replace(choice, memory=2 * choice.memory)
        (scores,) = _scores(table, [choice], book)
        point = _chosen(table, choice, scores, book)
    return all_full(table) if point is None else point


def _chosen(table: CalibrationTable, choice: Choice, scores: _Scores, book: np.ndarray) -> Point | None:
    """As good as the limits allow at these prices of memory, if they can be met."""

    def at(price: float) -> Point:
        return Point.of(table, book[scores.best(price)].T.copy(), choice.point.share)

    def fits(point: Point) -> bool:
        return goal.met(point) and point.cache_bytes <= choice.cache_bytes

    goal = choice.goal
    # Low prices leave little error, high prices little work: one side of the right price keeps to the limit.
    toward = 0.5 if goal.squared_error is not None else 2.0
    inside, outside = scores.price * toward, scores.price / toward
    within, beyond = at(inside), at(outside)
    while not fits(within):
        if not 1e-30 < inside < 1e30:
            return None
        outside, beyond, inside = inside, within, inside * toward**3
        within = at(inside)
    for _ in range(7):
        middle = (inside * outside) ** 0.5
        point = at(middle)
        if fits(point):
            inside, within = middle, point
        else:
            outside, beyond = middle, point
    between = mixed(table, goal, *((within, beyond) if toward < 1 else (beyond, within)))
    return better_of(goal, within, between) if fits(between) else within


def all_full(table: CalibrationTable) -> Point:
    """Every head computed in full at every row."""
    full = np.full((table.rows, table.heads), FULL, dtype=np.uint8)
    return Point.of(table, full, np.zeros((table.rows, len(table.sites)), dtype=bool))
