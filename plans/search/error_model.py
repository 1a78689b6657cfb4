"""How errors of successive noise levels add up.

An approximation leaves out the same keys at every noise level (row), and what it loses there hardly changes from one
row to the next: on the demo model the losses of neighbouring rows have a cosine of 0.96. Such errors add in amplitude,
not in power. The calibration table knows by how much, since it holds squared distances between the same quantity at
different rows, and those give inner products: 2 <a, b> = |a|^2 + |b|^2 - |a - b|^2.

For head h let R(s) be what a way loses at row s (exact output - the way's output), O(s) its exact output. The way's
error is -R(s), that of the way with the residual of row c is R(c) - R(s), and a reuse of row c's output errs by
O(c) - O(s), beside what row c erred.

Two estimates come from that. `Predictor` gives the error of methods that are known: this is what a plan promises.
`amplified` raises single cells by what they will probably add up to, because the search must take cells as additive.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from ..letters import FULL, REUSE, is_residual, sources, way_index
from .evaluate import at_age, errors
from .table import CalibrationTable

# Chosen by hand for version 0.1.0 from runs of the demo model (tests/host/demo_model: 4 layers of 4 heads, 512 x 512,
# 20 steps); no command fits them anew. To compare other values there, `python dev.py bench quality`
# samples every level with seeds that were not calibrated on, and writes `prediction` (measured over predicted error,
# level by level) and `at_equal_error` (work kept); `python dev.py bench cells` does the like for single cells, where
# only the table counts. Nothing was compared on another model.
#
# Part of the other rows at which a head that takes a method is assumed to take it as well. Only the search goes by it,
# not the prediction: a value that is far off costs work at equal error.
PERSISTENCE = 0.5
# Bound on the cosine of two drifts. Near 1 the geometric series over all rows that `amplified` charges grows without
# bound.
MOST_DRIFT_COSINE = 0.8
# Factor on the cosine of two rows' losses for each row beyond the largest age that was measured.
FORGETTING = 0.95
# What adding up over the rows of single heads leaves out: errors of different layers and heads that point the same way.
# Without it measured errors were 0.9 (strong levels) to 1.6 (mild levels) times the predictions. It is a factor on all
# predictions: the mean of `prediction` is what to multiply it with.
BEYOND = 1.2
# Not fitted: rows between the two drifts whose cosine is taken, as in a head that computes every other row.
DRIFT_SPACING = 2


def amplified(table: CalibrationTable, persistence: float = PERSISTENCE) -> CalibrationTable:
    """The table with each cell's error raised by its share of the cross terms that it will probably be part of.

    Ways without residual: with `persistence` (0..1) of the same way's losses at all other rows. Reuses and residuals:
    with those of the younger ages of the same source, which come before them in any path, exactly; and with
    `persistence` of the drifts from other sources, which point the same way where a head's output moves steadily.
    """
    amplitude = np.sqrt(table.weight)[:, table.site_of_head]  # (S, N)
    return replace(
        table,
        way_error=_amplified_ways(table, amplitude, persistence),
        residual_error=_amplified_ages(table.residual_error, amplitude[..., None], persistence),
        reuse_error=_amplified_ages(table.reuse_error, amplitude, persistence),
        share_error=_amplified_sharing(table, persistence),
    )


def _amplified_ways(table: CalibrationTable, amplitude: np.ndarray, persistence: float) -> np.ndarray:
    result = table.way_error.copy()
    for k in range(len(table.ways)):
        size = np.sqrt(table.way_error[:, :, k])  # of the weighted loss, (S, N)
        cosine = way_cosines(table, amplitude, k)
        usable = np.where(np.isfinite(size), size, 0.0)
        around = np.einsum("stn,tn->sn", cosine, usable) - usable
        with np.errstate(invalid="ignore"):
            raised = result[:, :, k] + persistence * size * np.maximum(around, 0.0)
        result[:, :, k] = np.where(np.isfinite(size), raised, np.inf)
    return result


def way_cosines(table: CalibrationTable, amplitude: np.ndarray, k: int) -> np.ndarray:
    """Cosines between the losses of way k at any two rows: (S, S, N), 1 on the diagonal.

    amplitude (S, N): square root of each head's weight.
    """
    rows, ages = table.rows, table.max_age
    loss = _unweighted(table.way_error[:, :, k], amplitude)
    result = np.ones((rows, rows, table.heads))
    last = np.ones((rows, table.heads))  # cosine with the oldest row measured so far
    for lag in range(1, rows):
        if lag <= ages:
            squared = _unweighted(table.residual_error[lag:, :, k, lag - 1], amplitude[lag:])
            one, other = loss[lag:], loss[:-lag]
            with np.errstate(invalid="ignore", divide="ignore"):
                cosine = (one + other - squared) / (2 * np.sqrt(one * other))
            cosine = np.where(np.isfinite(cosine), np.clip(cosine, -1, 1), last[lag:])
        else:
            cosine = FORGETTING * last[lag:]
        last[lag:] = cosine
        at = np.arange(lag, rows)
        result[at, at - lag] = result[at - lag, at] = cosine
    return result


def _amplified_sharing(table: CalibrationTable, persistence: float) -> np.ndarray:
    size = np.sqrt(np.where(np.isfinite(table.share_error), table.share_error, 0.0))
    around = np.einsum("sti,ti->si", _sharing_cosines(table), size) - size
    return table.share_error + persistence * size * around


def _sharing_cosines(table: CalibrationTable) -> np.ndarray:
    """Cosines between the errors of sharing at any two rows, (S, S, sites): products of those of neighbours."""
    rows = table.rows
    result = np.ones((rows, rows, len(table.sites)))
    for row in range(rows):
        for other in range(row - 1, -1, -1):
            cosine = result[row, other + 1] * table.share_cosine[other + 1]
            result[row, other] = result[other, row] = cosine
    return result


def _amplified_ages(error: np.ndarray, amplitude: np.ndarray, persistence: float) -> np.ndarray:
    """error (S, N, ..., A) of X(c) - X(s) at [s, ..., s - c - 1], weighted with amplitude (S, N, ...) squared."""
    cosine = drift_cosines(error, amplitude)
    steady = 1 + 2 * persistence * cosine / (1 - cosine)
    result = error.copy()
    rows, ages = error.shape[0], error.shape[-1]
    squared = _unweighted(error, amplitude[..., None])
    for age in range(2, ages + 1):
        for row in range(age, rows):
            source = row - age
            cross = np.zeros(error.shape[1:-1])
            for younger in range(1, age):
                between = source + younger
                with np.errstate(invalid="ignore"):
                    inner = (
                        squared[row, ..., age - 1]
                        + squared[between, ..., younger - 1]
                        - squared[row, ..., age - younger - 1]
                    )
                    cross = cross + amplitude[between] * inner
            with np.errstate(invalid="ignore"):
                result[row, ..., age - 1] += amplitude[row] * np.maximum(cross, 0.0)
    return np.where(np.isfinite(error), np.where(np.isfinite(result), result, error), np.inf) * steady[..., None]


def drift_cosines(error: np.ndarray, amplitude: np.ndarray) -> np.ndarray:
    """Mean cosine between X(s - 1) - X(s) and X(s - 3) - X(s - 2), weighted as the errors are: (N, ...) within 0..0.8.

    error, amplitude: as for `_amplified_ages`. 0 where ages up to 3 were not measured.
    """
    rows, ages = error.shape[0], error.shape[-1]
    inner, norms = np.zeros(error.shape[1:-1]), np.zeros(error.shape[1:-1])
    if ages > DRIFT_SPACING:
        squared = _unweighted(error, amplitude[..., None])
        for row in range(4, rows):
            with np.errstate(invalid="ignore"):
                near = squared[row - 1, ..., 0] + squared[row, ..., 2] - squared[row - 1, ..., 1] - squared[row, ..., 1]
                size = np.sqrt(squared[row, ..., 0] * squared[row - 2, ..., 0])
            known = np.isfinite(near) & np.isfinite(size)
            weight = amplitude[row] * amplitude[row - 2]
            inner += weight * np.where(known, near, 0.0) / 2
            norms += weight * np.where(known, size, 0.0)
    cosine = np.divide(inner, norms, out=np.zeros_like(inner), where=norms > 0)
    return np.clip(cosine, 0.0, MOST_DRIFT_COSINE)


def _unweighted(error: np.ndarray, amplitude: np.ndarray) -> np.ndarray:
    """Squared distances before they were weighted; nan at rows that weigh nothing, where none is known."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(amplitude > 0, error / amplitude**2, np.nan)


class Predictor:
    """The errors of many solutions of one table. What the table says of pairs of rows is worked out once; and since
    solutions of neighbouring multipliers have most heads' methods in common, so are each head's errors.
    """

    def __init__(self, table: CalibrationTable):
        self.table = table
        self._amplitude = np.sqrt(table.weight)[:, table.site_of_head]
        self._pairs = np.tril_indices(table.rows, -1)  # each two rows, the later one first
        self._way_cosines: dict[int, np.ndarray] = {}  # of each way used so far: (pairs, N)
        self._known: dict[tuple[int, bytes], float] = {}  # by head and methods

    def predicted_error(self, methods: np.ndarray, share: np.ndarray) -> float:
        """Relative error of the final latent that the table predicts: methods (S, N), share (S, sites)."""
        return BEYOND * float(np.sqrt(self.head_errors(methods).sum() + self.sharing_errors(share).sum()))

    def head_errors(self, methods: np.ndarray) -> np.ndarray:
        """Squared error of each head over the whole run, cross terms between rows included: methods (S, N) -> (N,).

        Counted between two ways without residual (of two ways: with the cosine of the later one in the list), between
        residuals of one way, and between reuses.
        """
        asked = [(head, column.tobytes()) for head, column in enumerate(np.ascontiguousarray(methods.T))]
        new = np.array([one not in self._known for one in asked])
        if new.any():
            found = self._crossed(np.where(new, methods, FULL))
            self._known.update((asked[head], found[head]) for head in np.flatnonzero(new))
        return np.array([self._known[one] for one in asked])

    def sharing_errors(self, share: np.ndarray) -> np.ndarray:
        """Squared error that sharing adds at each site, cross terms between rows included: share (S, sites) ->
        (sites,).
        """
        size = np.sqrt(np.where(share, self.table.share_error, 0.0))
        known = np.isfinite(size)
        size = np.where(known, size, 0.0)
        squared = np.einsum("si,sti,ti->i", size, self._sharing_cosines, size)
        return np.where(known.all(axis=0), squared, np.inf)

    def _crossed(self, methods: np.ndarray) -> np.ndarray:
        own = errors(self.table, methods).sum(axis=0)
        return np.maximum(own + self._way_crossings(methods) + self._source_crossings(methods), 0.0)

    def _way_crossings(self, methods: np.ndarray) -> np.ndarray:
        """Cross terms between rows whose output is a way's without residual, their own or a reused one: (N,)."""
        used = _way_in_effect(methods)
        later, earlier = self._pairs
        pair, head = np.nonzero((used[later] >= 0) & (used[earlier] >= 0))
        later, earlier = later[pair], earlier[pair]
        one, other = used[later, head], used[earlier, head]
        product = self.table.way_error[later, head, one] * self.table.way_error[earlier, head, other]
        size = np.sqrt(np.where(np.isfinite(product), product, 0.0))
        cosine = np.zeros(len(pair))
        larger = np.maximum(one, other)
        for k in np.unique(larger):
            of_k = larger == k
            cosine[of_k] = self._cosines_of(k)[pair[of_k], head[of_k]]
        return np.bincount(head, 2 * cosine * size, self.table.heads)

    def _cosines_of(self, k: int) -> np.ndarray:
        if k not in self._way_cosines:
            self._way_cosines[k] = way_cosines(self.table, self._amplitude, k)[self._pairs]
        return self._way_cosines[k]

    def _source_crossings(self, methods: np.ndarray) -> np.ndarray:
        """Cross terms between rows s that are served by source rows c, by residuals of one way or by reuse: (N,).

        2 <X(c) - X(s), X(c') - X(s')> = |X(c) - X(s')|^2 + |X(s) - X(c')|^2 - |X(c) - X(c')|^2 - |X(s) - X(s')|^2.
        Between rows too far apart for one of these to have been measured, the cosine of drifts falls off geometrically.
        """
        table, amplitude = self.table, self._amplitude
        if not table.max_age:
            return np.zeros(table.heads)
        reuse, residual = methods == REUSE, is_residual(methods)
        kind = np.where(reuse, len(table.ways), np.where(residual, way_index(methods), -1))
        source = np.where(reuse, *sources(methods))
        later, earlier = self._pairs
        pair, head = np.nonzero((kind[later] >= 0) & (kind[later] == kind[earlier]))
        later, earlier = later[pair], earlier[pair]
        kind = kind[later, head]
        c, e = source[later, head], source[earlier, head]

        def distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
            lag = np.abs(one - other)
            measured = self._distances[np.maximum(one, other), head, kind, lag.clip(1, table.max_age) - 1]
            return np.where(lag == 0, 0.0, np.where(lag <= table.max_age, measured, np.nan))

        def own(row: np.ndarray, source: np.ndarray, some: np.ndarray) -> np.ndarray:
            squared = self._by_source[row[some], head[some], kind[some]]
            return np.sqrt(at_age(squared, (row - source)[some]))

        with np.errstate(invalid="ignore"):
            twice = distance(c, earlier) + distance(later, e) - distance(c, e) - distance(later, earlier)
            crossing = amplitude[later, head] * amplitude[earlier, head] * twice
            unknown = ~np.isfinite(crossing)
            fall = self._drift_cosines[head[unknown], kind[unknown]] ** ((later - earlier)[unknown] / DRIFT_SPACING)
            crossing[unknown] = 2 * own(later, c, unknown) * own(earlier, e, unknown) * fall
        return np.bincount(head, np.where(np.isfinite(crossing), crossing, 0.0), table.heads)

    @cached_property
    def _by_source(self) -> np.ndarray:
        """Errors of residuals, way by way, and of reuse: (S, N, W + 1, A)."""
        return np.concatenate([self.table.residual_error, self.table.reuse_error[:, :, None]], axis=2)

    @cached_property
    def _distances(self) -> np.ndarray:
        return _unweighted(self._by_source, self._amplitude[..., None, None])

    @cached_property
    def _drift_cosines(self) -> np.ndarray:
        return drift_cosines(self._by_source, self._amplitude[..., None])

    @cached_property
    def _sharing_cosines(self) -> np.ndarray:
        return _sharing_cosines(self.table)


def _way_in_effect(methods: np.ndarray) -> np.ndarray:
    """Way without residual whose loss each cell's output has, through reuses: int16 (S, N), -1 for none."""
    result = np.full(methods.shape, -1, dtype=np.int16)
    reuse, way = methods == REUSE, np.where(is_residual(methods), -1, way_index(methods))
    for row in range(1, len(methods)):
        result[row] = np.where(reuse[row], result[row - 1], way[row])
    return result
