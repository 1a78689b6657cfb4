"""How a run's latent deviates from that of the dense run, step by step, and what is left in the final latent.

A prediction of the clean picture that is wrong moves the latent away from where the dense run had it, and every later
evaluation sees that and answers. To first order an evaluation answers to a deviation D with J D. J is not known, but
what it does to deviations is much the same for all of them, at a noise level and a guidance scale: its answer has a
part along D and a part across it (`Course.answers`). Across means that some directions of a deviation are taken for
picture, and come back enlarged, and others for noise, and come back as nothing: the same ones at every level. So a
deviation is followed as two, which are answered differently, and counts as the mean of both. What is across but not
the same at every level is one new direction at every evaluation. An answer to a large deviation is bounded, since the
model goes on showing some clean picture.

All deviations are in units of the final latent: as large as they would be there if every later evaluation answered with
the same. They are combinations of the exact predictions of the dense run, whose Gram matrix is known, and of the new
directions, so that a run with forecasts is followed without the model, in a millisecond.

On the demo model, 7 pictures, euler at 20, 12, 8 and 4 steps with CFG 4 or 1, DPM++ 2M and euler_ancestral, the final
errors of 2 to 14 evaluations were 0.83 to 1.18 times, in the mean of a setting and number, what is found here for the
same picture, and 97 of 100 runs within 1.5 times. The answers and the three constants come from the same pictures,
euler alone (`python dev.py bench answers --fit`); `python dev.py bench quality` judges by others.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from ..level import MAX_ROWS
from ..validation import freeze, items, require

# Fitted together on the demo model (`python dev.py bench answers --fit`) by the least error of predictions:
PICTURE = 0.7  # of a deviation's directions, the part that is taken for picture
NEW = 0.5  # of the squared answer across a deviation, the part that is in new directions every time
LARGEST = 0.6  # answer of an evaluation, in norms of the final latent, that large deviations tend to
SMALL = 1e-6  # error that is followed on its own, in norms of the final latent: no answer to it is bounded
NEGLIGIBLE = 1e-8  # of the largest eigenvalue of a Gram matrix: directions with less are left out


@dataclass(frozen=True, eq=False)
class Course:
    """How deviations go on in a run. S noise levels, T terms.

    takes (S, T): of the prediction at a level, and of those of the levels before, what goes into the next latent; may
    be negative. keeps (S,): part of a deviation of the latent that the next one still has, without any answer. answers
    (S, 2): size of an evaluation's answer along a deviation and across it, over the deviation. Raises PlanError when a
    shape or a value is wrong.
    """

    takes: np.ndarray
    keeps: np.ndarray
    answers: np.ndarray

    def __post_init__(self):
        rows = len(items(list(np.ravel(self.keeps)), 1, MAX_ROWS, "noise levels of a calibration"))
        shapes = {"takes": (rows, *np.shape(self.takes)[1:2]), "keeps": (rows,), "answers": (rows, 2)}
        for name, shape in shapes.items():
            array = np.array(getattr(self, name), dtype=np.float64)
            require(
                array.shape == shape,
                "The calibration's {what} has shape {found}, expected {expected}.",
                what=f"{name} of a run",
                found=f"{array.shape}",
                expected=f"{shape}",
            )
            finite = bool(np.isfinite(array).all())
            require(finite, "The calibration's {what} must be finite.", what=f"{name} of a run")
            array.flags.writeable = False
            freeze(self, **{name: array})

    def averaged(self, other: Course, part: float) -> Course:
        """The mean with `other`, of which `part` (0..1) is this one's weight."""
        mean = {}
        for field in fields(self):
            ours, theirs = getattr(self, field.name), getattr(other, field.name)
            if ours.shape != theirs.shape:
                terms = max(ours.shape[1], theirs.shape[1])
                ours, theirs = (np.pad(one, ((0, 0), (0, terms - one.shape[1]))) for one in (ours, theirs))
            mean[field.name] = part * ours + (1 - part) * theirs
        return replace(self, **mean)

    def final_deviations(
        self,
        sigmas: np.ndarray,
        exact: np.ndarray,
        evaluated: np.ndarray,
        slopes: np.ndarray,
        corrections: np.ndarray,
    ) -> np.ndarray:
        """Norms (N,) of what N runs deviate by in the end.

        sigmas (S,). exact (S, R): the dense run's predictions, in any orthonormal basis. evaluated (N, S), bool, the
        first level of each among them. slopes, corrections (N, S): see `forecasts`.
        """
        follow = _Followed(self, evaluated.shape[0], exact.shape[1])
        for row in range(len(self.keeps)):
            here = np.zeros(follow.size)
            here[: exact.shape[1]] = exact[row]
            follow.step(row, sigmas, here, evaluated[:, row], slopes[:, row], corrections[:, row])
        return _norm(follow.deviation)

    def amplitudes(
        self, sigmas: np.ndarray, evaluated: np.ndarray, slopes: np.ndarray, corrections: np.ndarray
    ) -> np.ndarray:
        """Norms (count,) of what the final latent of one run deviates by, over a small error in what the model predicts
        at one of the evaluated levels, for each of these.

        sigmas, evaluated (bool), slopes, corrections (S,): as in `final_deviations`.
        """
        rows = np.flatnonzero(evaluated)
        follow, error = _Followed(self, len(rows), 1), np.zeros((len(rows), 1, 1 + len(self.keeps)))
        for row in range(len(self.keeps)):
            error[:, 0, 0] = SMALL * (rows == row)
            evaluate, slope, correction = (np.full(len(rows), some[row]) for some in (evaluated, slopes, corrections))
            follow.step(row, sigmas, np.zeros(follow.size), evaluate, slope, correction, error)
        return _norm(follow.deviation) / SMALL


class _Followed:
    """N runs on their way. Deviations are (N, 2, size): for directions that are taken for picture, and others."""

    def __init__(self, course: Course, count: int, exact: int):
        rows = len(course.keeps)
        self.course = course
        self.size = exact + rows
        self._new = exact  # from here on the new directions of answers
        self.deviation = np.zeros((count, 2, self.size))
        self._older, self._newer = np.zeros((2, count, 2, self.size))
        self._levels = np.full((2, count), np.nan)  # of the two
        self._forecast_since = np.zeros(count, dtype=bool)
        self._off: list[np.ndarray] = []  # used minus exact predictions, the newest first
        along, across = course.answers.T
        same, new = across * np.sqrt(1 - NEW), across * np.sqrt(NEW)
        odds = np.sqrt((1 - PICTURE) / PICTURE)
        self._gains = np.stack([along + same * odds, along - same / odds], axis=1)  # (S, 2)
        self._new_gain = new

    def step(self, row: int, sigmas, exact, evaluated, slopes, corrections, error: np.ndarray | float = 0.0) -> None:
        computed = exact + self._answer(row) + error
        older, newer = self._levels
        with np.errstate(invalid="ignore"):
            ratio = np.nan_to_num((sigmas[row] - newer) / (newer - older))
        line = (slopes * ratio)[:, None, None] * (self._newer - self._older)
        made_up = corrections[:, None, None] * (computed - self._newer) + line
        since = self._forecast_since[:, None, None]
        marks = evaluated[:, None, None]
        used = np.where(marks, computed + np.where(since, made_up, 0.0), self._newer + line)
        self._older = np.where(marks, self._newer, self._older)
        self._newer = np.where(marks, computed, self._newer)
        self._levels = np.where(evaluated, np.stack([newer, np.full_like(newer, sigmas[row])]), self._levels)
        self._forecast_since = ~evaluated
        takes = self.course.takes[row]
        self._off = [used - exact, *self._off[: len(takes) - 1]]
        self.deviation = self.course.keeps[row] * self.deviation
        for take, off in zip(takes, self._off):
            if take:
                self.deviation = self.deviation + take * off

    def _answer(self, row: int) -> np.ndarray:
        answer = self._gains[row][:, None] * self.deviation
        answer[:, :, self._new + row] += (self._new_gain[row] * _norm(self.deviation))[:, None]
        return answer / np.sqrt(1 + (_norm(answer) / LARGEST) ** 2)[:, None, None]


def _norm(deviation: np.ndarray) -> np.ndarray:
    squared = np.einsum("nbi,nbi->nb", deviation, deviation)
    return np.sqrt(PICTURE * squared[:, 0] + (1 - PICTURE) * squared[:, 1])


def directions(gram: np.ndarray) -> np.ndarray:
    """Vectors (S, R) whose inner products are `gram` (S, S), in as few coordinates as it takes."""
    values, vectors = np.linalg.eigh(gram)
    kept = values > max(NEGLIGIBLE * values[-1], 0.0)
    return vectors[:, kept] * np.sqrt(values[kept])
