"""The 0/1 programme that DiTFastAttnV2 solves for each layer and step (arXiv 2503.22796, section 3.3)."""

from __future__ import annotations

import numpy as np

UNITS = 2000  # parts into which the limit is cut; every error is rounded up to whole parts


def best_choice(error: np.ndarray, gain: np.ndarray, limit: float) -> np.ndarray:
    """One option for each head, of largest total gain, whose errors sum to at most `limit`: (heads,) indices.

    error, gain (heads, options); option 0 must be free of error. Exact but for errors rounded up to limit / UNITS.
    """
    heads, options = error.shape
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = np.ceil(error / limit * UNITS - 1e-9) if limit > 0 else np.where(error <= 0, 0.0, np.inf)
    parts = np.where(np.isfinite(parts) & (parts <= UNITS), parts, UNITS + 1).astype(int)
    value = np.zeros(UNITS + 1)  # best gain of the heads so far within each number of parts
    taken = np.zeros((heads, UNITS + 1), dtype=int)
    for head in range(heads):
        best = np.full(UNITS + 1, -np.inf)
        for option in range(options):
            part = parts[head, option]
            if part > UNITS:
                continue
            here = np.full(UNITS + 1, -np.inf)
            here[part:] = value[: UNITS + 1 - part] + gain[head, option]
            better = here > best
            best[better], taken[head, better] = here[better], option
        value = best
    chosen, room = np.zeros(heads, dtype=int), UNITS
    for head in range(heads - 1, -1, -1):
        chosen[head] = taken[head, room]
        room -= parts[head, chosen[head]]
    return chosen
