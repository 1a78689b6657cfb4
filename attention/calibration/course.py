"""How deviations of the latent go on in a run like the watched one (`plans.search.Course`): what the sampler does is
seen in the run, what the model answers is taken from a table.

The table was measured on the demo model (`python dev.py bench answers`): what evaluations after forecasts, with euler
at 4 to 20 steps, answered to how far their latent was from the dense run's, in the mean over 7 pictures and 2 to 14
evaluations; the ends were chosen by hand. Single pictures differ by half of an answer at high noise.
Without guidance a model follows a deviation the more the less noise there is. Guidance adds a multiple of what the
caption changes in that; at high noise, where a caption says more than the latent, that turns a deviation around.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...plans.search import Course
from .propagation import growth

# Noise in the latent, of 1: see `noise.signal_scale`; and answers there, at CFG 1 and at CFG 4.
NOISE = (0.0, 0.15, 0.25, 0.35, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
ALONG = (
    (1.0, 0.94, 0.9, 0.92, 0.93, 0.88, 0.87, 0.8, 0.73, 0.68, 0.63, 0.52, 0.47, 0.38, 0.2, 0.05),
    (1.0, 0.85, 0.83, 0.68, 0.7, 0.61, 0.57, 0.42, 0.4, 0.29, 0.12, -0.18, -0.58, -0.91, -0.87, -0.5),
)
ACROSS = (
    (0.3, 0.34, 0.47, 0.55, 0.59, 0.62, 0.64, 0.61, 0.58, 0.58, 0.55, 0.51, 0.46, 0.41, 0.3, 0.15),
    (0.3, 0.4, 0.45, 0.52, 0.64, 0.7, 0.74, 0.74, 0.74, 0.82, 0.93, 1.01, 1.32, 1.53, 1.48, 1.2),
)
SCALES = (1.0, 4.0)
MOST_GUIDANCE = 8.0  # scale of guidance that the two are continued to. Chosen by hand


def course(
    shares: np.ndarray, signal: np.ndarray, scale: np.ndarray, guidance: float, steps: Sequence[int] | None = None
) -> Course:
    """Of a run's `steps` (all, if None). shares (steps, terms): see `propagation.reach`; signal, scale (steps + 1,):
    see `noise.signal_scale`; guidance: the scale, 1 without.

    A deviation that every prediction goes along with stays what it is, in proportion to the picture in the latent. That
    says what the sampler keeps of one: 1 less what goes into the next latent of predictions, over the picture in it.
    """
    grown = np.sqrt(growth(signal, scale))
    takes = shares * grown[1:, None]
    picture = signal * scale
    with np.errstate(divide="ignore", invalid="ignore"):
        keeps = (picture[1:] - shares.sum(axis=1)) / picture[:-1] * grown[1:] / grown[:-1]
    # Where the latent is all noise nothing can deviate yet.
    keeps = np.clip(np.where(picture[:-1] > 0, keeps, 0.0), 0.0, None)
    answers = _answers(1.0 - signal[:-1], guidance)
    if steps is None or len(steps) == len(shares):
        return Course(takes, keeps, answers)
    # Steps in between belong to the one before them: what all of them take is not known one by one.
    some = list(steps)
    taken = np.add.reduceat(shares.sum(axis=1) * grown[1:], some)
    return Course(taken[:, None], np.clip(1 - taken, 0.0, None), answers[some])


def _answers(noise: np.ndarray, guidance: float) -> np.ndarray:
    """(levels, 2): along a deviation, and across it."""
    part = (min(guidance, MOST_GUIDANCE) - SCALES[0]) / (SCALES[1] - SCALES[0])
    columns = []
    for unguided, guided in (ALONG, ACROSS):
        low, high = (np.interp(noise, NOISE, values) for values in (unguided, guided))
        columns.append(low + part * (high - low))
    return np.stack(columns, axis=1)
