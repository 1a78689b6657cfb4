"""How long a run takes, told beforehand and corrected as it goes: work in dense runs of the setting `home`."""

from __future__ import annotations

from .forecast import Schedule
from .methods import ATTENTION_BUDGETS, EASY, FEWER, LAZY, OURS, THRESHOLDS, V1, V2, WORK_BUDGETS
from .settings import Setting

# Measured on one thread of a shared CPU, to a tenth: a picture decoded and compared, at the size of `home`.
DECODED = 0.35
# Of dense runs: a calibration, and a threshold of either paper's search (quality-cpu.json, calibration_ratio).
CALIBRATION, V1_SEARCH, V2_SEARCH = 1.4, 12.0, 2.0
# Of a dense run: the mean over a method's levels, on one picture of the setting `home`.
RUN = {OURS: 0.5, V1: 0.8, V2: 0.8, EASY: 0.6, LAZY: 0.65}


def calibration(setting: Setting, method: str) -> float:
    if method == OURS:
        return setting.dense_cost * CALIBRATION
    return setting.dense_cost * len(THRESHOLDS[method]) * (V1_SEARCH if method == V1 else V2_SEARCH)


def rows(setting: Setting, entries: list[tuple[str, str, object]]) -> float:
    """Of a picture's rows, (method, level, value) each, and of the dense run that they are compared with."""
    runs = 1.0 + sum(_run(setting, method, value) for method, _, value in entries)
    return setting.dense_cost * runs + DECODED * setting.relative_size * (1 + len(entries))


def _run(setting: Setting, method: str, value) -> float:
    if method == FEWER:
        return value / setting.steps
    if isinstance(value, Schedule):
        return 1 - len(value.forecasts(setting.steps)) / setting.steps
    return RUN[method]


def expected_levels(setting: Setting, method: str) -> tuple[str, ...]:
    """The levels that a plan will have, as far as is known before it is made."""
    count = 6 if method == OURS else len(THRESHOLDS[method])
    names = tuple(f"D{number + 1}" for number in range(count))
    if method != OURS:
        return names
    return (*names, *WORK_BUDGETS, *(ATTENTION_BUDGETS if setting.attention_share is None else ()))


class Pace:
    """Wall seconds for the work of a dense run, so far."""

    def __init__(self):
        self._work = self._seconds = 0.0

    def did(self, work: float, seconds: float) -> None:
        self._work += work
        self._seconds += seconds

    def hours(self, work: float) -> float:
        return work * self._seconds / self._work / 3600 if self._work else float("nan")
