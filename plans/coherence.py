"""How errors of successive steps add up.

A window leaves out the same keys at every step, and what it loses there hardly changes from one step to the next: on
the demo model the losses of neighbouring steps have a cosine of 0.96. Such errors add in amplitude, not in power. The
calibration table knows by how much, since it holds squared distances between the same quantity at different steps, and
those give inner products: 2 <a, b> = |a|^2 + |b|^2 - |a - b|^2.

For head h let R(s) be what a window loses at row s, O(s) its exact output. A window's error is -R(s), that of a window
with the residual of row c is R(c) - R(s), and a reuse of row c's output errs by O(c) - O(s), beside what row c erred.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .evaluate import at_age, errors
from .methods import REUSE, is_residual, sources, window_index
from .table import CalibrationTable

PERSISTENCE = 0.5  # part of the other rows at which a head that takes a method is assumed to take it as well
DRIFT_SPACING = 2  # rows between the two drifts whose cosine is taken: as in a head that computes every other row
MOST_DRIFT_COSINE = 0.8
# What adding up over the rows of single heads leaves out: errors of different layers and heads that point the same way.
# On the demo model measured errors are 0.9 (strong levels) to 1.6 (mild ones) times the predictions without it.
BEYOND = 1.2
FORGETTING = 0.95  # factor on the cosine of two rows' window losses for each row beyond the largest age measured


def amplified(table: CalibrationTable, persistence: float = PERSISTENCE) -> CalibrationTable:
    """The table with each cell's error raised by its share of the cross terms that it will probably be part of.

    Windows: with `persistence` of the same window's losses at all other rows. Reuses and residuals: with those of the
    younger ages of the same source, which come before them in any path, exactly; and with `persistence` of the drifts
    from other sources, which point the same way where a head's output moves steadily.
    """
    amplitude = np.sqrt(table.weight)[:, table.site_of_head]  # (S, N)
    return replace(
        table,
        window_error=_amplified_windows(table, amplitude, persistence),
        residual_error=_amplified_ages(table.residual_error, amplitude[..., None], persistence),
        reuse_error=_amplified_ages(table.reuse_error, amplitude, persistence),
        share_error=_amplified_sharing(table, persistence),
    )


def _amplified_windows(table: CalibrationTable, amplitude: np.ndarray, persistence: float) -> np.ndarray:
    result = table.window_error.copy()
    for k in range(len(table.windows)):
        size = np.sqrt(table.window_error[:, :, k])  # of the weighted loss, (S, N)
        cosine = window_cosines(table, amplitude, k)
        usable = np.where(np.isfinite(size), size, 0.0)
        around = np.einsum("stn,tn->sn", cosine, usable) - usable
        with np.errstate(invalid="ignore"):
            raised = result[:, :, k] + persistence * size * np.maximum(around, 0.0)
        result[:, :, k] = np.where(np.isfinite(size), raised, np.inf)
    return result


def window_cosines(table: CalibrationTable, amplitude: np.ndarray, k: int) -> np.ndarray:
    """Cosines between the losses of window k at any two rows: (S, S, N), 1 on the diagonal."""
    rows, ages = table.rows, table.max_age
    loss = _unweighted(table.window_error[:, :, k], amplitude)
    result = np.ones((rows, rows, table.heads))
    last = np.ones((rows, table.heads))  # cosine with the oldest row measured so far
    for lag in range(1, rows):
        if lag <= ages:
            apart = _unweighted(table.residual_error[lag:, :, k, lag - 1], amplitude[lag:])
            one, other = loss[lag:], loss[:-lag]
            with np.errstate(invalid="ignore", divide="ignore"):
                cosine = (one + other - apart) / (2 * np.sqrt(one * other))
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
    apart = _unweighted(error, amplitude[..., None])
    for age in range(2, ages + 1):
        for row in range(age, rows):
            source = row - age
            cross = np.zeros(error.shape[1:-1])
            for younger in range(1, age):
                between = source + younger
                with np.errstate(invalid="ignore"):
                    inner = (
                        apart[row, ..., age - 1] + apart[between, ..., younger - 1] - apart[row, ..., age - younger - 1]
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
        apart = _unweighted(error, amplitude[..., None])
        for row in range(4, rows):
            with np.errstate(invalid="ignore"):
                near = apart[row - 1, ..., 0] + apart[row, ..., 2] - apart[row - 1, ..., 1] - apart[row, ..., 1]
                size = np.sqrt(apart[row, ..., 0] * apart[row - 2, ..., 0])
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


def head_errors(table: CalibrationTable, methods: np.ndarray) -> np.ndarray:
    """Squared error of each head over the whole run, cross terms between rows included: methods (S, N) -> (N,).

    Counted between two windows (of two sizes: with the cosine of the later one in the list), between
    residuals of one window, and between reuses.
    """
    amplitude = np.sqrt(table.weight)[:, table.site_of_head]
    own = errors(table, methods)
    total = own.sum(axis=0) + _window_crossings(table, amplitude, methods)
    residual = is_residual(methods)
    for k in range(len(table.windows)):
        kind = np.where(residual & (window_index(methods) == k), sources(methods)[1], -1)
        total += _source_crossings(table.residual_error[:, :, k], amplitude, kind)
    total += _source_crossings(table.reuse_error, amplitude, np.where(methods == REUSE, sources(methods)[0], -1))
    return np.maximum(total, 0.0)


def sharing_errors(table: CalibrationTable, share: np.ndarray) -> np.ndarray:
    """Squared error that sharing adds at each site, cross terms between rows included: share (S, sites) -> (sites,)."""
    size = np.sqrt(np.where(share, table.share_error, 0.0))
    known = np.isfinite(size)
    size = np.where(known, size, 0.0)
    return np.where(known.all(axis=0), np.einsum("si,sti,ti->i", size, _sharing_cosines(table), size), np.inf)


def predicted_error(table: CalibrationTable, methods: np.ndarray, share: np.ndarray) -> float:
    """Relative error of the final latent that the table predicts: methods (S, N), share (S, sites)."""
    return BEYOND * float(np.sqrt(head_errors(table, methods).sum() + sharing_errors(table, share).sum()))


def _window_crossings(table: CalibrationTable, amplitude: np.ndarray, methods: np.ndarray) -> np.ndarray:
    """Cross terms between rows whose output is a window's, their own or a reused one: (N,)."""
    used = _window_in_effect(methods)
    rows, heads = np.arange(table.rows)[:, None], np.arange(table.heads)
    total = np.zeros(table.heads)
    if (used >= 0).sum() < 2:
        return total
    size = np.sqrt(table.window_error[rows, heads, used.clip(0)])
    size = np.where((used >= 0) & np.isfinite(size), size, 0.0)
    for k in np.unique(used[used >= 0]):
        of_k = np.where(used == k, size, 0.0)
        narrower = np.where((used >= 0) & (used < k), size, 0.0)
        cosine = window_cosines(table, amplitude, k)
        total += np.einsum("sn,stn,tn->n", of_k, cosine, of_k + 2 * narrower) - (of_k**2).sum(axis=0)
    return total


def _window_in_effect(methods: np.ndarray) -> np.ndarray:
    """Window without residual whose loss each cell's output has, through reuses: int (S, N), -1 for none."""
    result = np.full(methods.shape, -1)
    plain = (window_index(methods) >= 0) & ~is_residual(methods)
    for row in range(1, len(methods)):
        result[row] = np.where(
            plain[row], window_index(methods)[row], np.where(methods[row] == REUSE, result[row - 1], -1)
        )
    return result


def _source_crossings(error: np.ndarray, amplitude: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Cross terms between rows s that are served by source rows c: error (S, N, A), source (S, N), -1 for none -> (N,).

    2 <X(c) - X(s), X(c') - X(s')> = |X(c) - X(s')|^2 + |X(s) - X(c')|^2 - |X(c) - X(c')|^2 - |X(s) - X(s')|^2. Between
    rows too far apart for one of these to have been measured, the cosine of drifts falls off geometrically.
    """
    total = np.zeros(error.shape[1])
    some = (source >= 0).sum(axis=0) >= 2
    if not some.any() or not error.shape[-1]:
        return total
    error, amplitude, source = error[:, some], amplitude[:, some], source[:, some]
    rows, heads, ages = error.shape
    apart = _unweighted(error, amplitude[..., None])
    own = np.sqrt(np.array([at_age(error[row], row - source[row]) for row in range(rows)]))
    row, other = (index[:, None] for index in np.tril_indices(rows, -1))  # (pairs, 1) each
    c, e = source[row[:, 0]].clip(0).astype(int), source[other[:, 0]].clip(0).astype(int)  # (pairs, N)

    def distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        lag = np.abs(one - other)
        measured = apart[np.maximum(one, other), np.arange(heads), lag.clip(1, ages) - 1]
        return np.where(lag == 0, 0.0, np.where(lag <= ages, measured, np.nan))

    with np.errstate(invalid="ignore"):
        twice = distance(c, other) + distance(row, e) - distance(c, e) - distance(row, other)
        near = amplitude[row[:, 0]] * amplitude[other[:, 0]] * twice
        fall = drift_cosines(error, amplitude) ** ((row - other) / DRIFT_SPACING)
        far = 2 * own[row[:, 0]] * own[other[:, 0]] * fall
    crossing = np.where(np.isfinite(near), near, far)
    both = (source[row[:, 0]] >= 0) & (source[other[:, 0]] >= 0) & np.isfinite(crossing)
    total[some] = np.where(both, crossing, 0.0).sum(axis=0)
    return total
