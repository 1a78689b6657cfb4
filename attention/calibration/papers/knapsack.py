"""The 0/1 programme that DiTFastAttnV2 solves for each layer and step (arXiv 2503.22796, section 3.3), exactly.

Heads are taken one after another; of the sums of error and gain so far only those stay that no other sum beats in both
(S. Martello and P. Toth, Knapsack Problems, 1990, section 2.6), and of these only those that can still reach what a
Lagrangian relaxation has found already.
"""

from __future__ import annotations

import numpy as np

HALVINGS = 60  # of the interval in which the multiplier lies
ROUNDING = 1e-9  # relative: sums of the same numbers in another order


def best_choice(error: np.ndarray, gain: np.ndarray, limit: float) -> np.ndarray:
    """One option for each head, of largest total gain, whose errors sum to at most `limit`: (heads,) indices.

    error, gain (heads, options); option 0 must be free of error. An error that is no finite number rules its option
    out.
    """
    allowed = np.isfinite(error) & (np.nan_to_num(error, nan=np.inf) <= limit)
    error, gain = np.where(allowed, error, 0.0), np.where(allowed, gain, -np.inf)
    multiplier, reached = _relaxed(error, gain, limit)
    # What the heads from each on can add at most to gain - multiplier * error.
    rest = np.append(np.cumsum((gain - multiplier * error).max(axis=1)[::-1])[::-1], 0.0)
    least = reached - ROUNDING * (1 + abs(reached))
    errors, gains = np.zeros(1), np.zeros(1)
    steps = []
    for head in range(len(error)):
        total_error = (errors[:, None] + error[head]).ravel()
        total_gain = (gains[:, None] + gain[head]).ravel()
        bound = total_gain + multiplier * (limit - total_error) + rest[head + 1]
        open_ = np.flatnonzero((total_error <= limit * (1 + ROUNDING)) & (bound >= least))
        order = open_[np.lexsort((-total_gain[open_], total_error[open_]))]
        best = np.maximum.accumulate(total_gain[order])
        order = order[np.append(True, best[1:] > best[:-1])[: len(order)]]
        errors, gains = total_error[order], total_gain[order]
        steps.append(np.divmod(order, error.shape[1]))
    chosen, at = np.zeros(len(error), dtype=int), int(gains.argmax())
    for head in range(len(error) - 1, -1, -1):
        before, option = steps[head]
        chosen[head], at = option[at], before[at]
    return chosen


def _relaxed(error: np.ndarray, gain: np.ndarray, limit: float) -> tuple[float, float]:
    """The multiplier at which the heads' own best options just stay within the limit, and their total gain."""

    def at(multiplier: float) -> tuple[float, float]:
        best = (gain - multiplier * error).argmax(axis=1)[:, None]
        return float(np.take_along_axis(error, best, 1).sum()), float(np.take_along_axis(gain, best, 1).sum())

    if at(0.0)[0] <= limit:
        return 0.0, at(0.0)[1]
    low, high = 0.0, 1.0
    while at(high)[0] > limit:
        low, high = high, 2 * high
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if at(middle)[0] <= limit else (middle, high)
    return high, at(high)[1]
