"""A fixed schedule of evaluations that are forecast instead of made: the simplest cache of whole steps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """From evaluation `first` on (counted from 0), the first `forecast` of every `of` evaluations are forecast."""

    first: int
    forecast: int
    of: int

    def __str__(self):
        return f"{self.forecast} of {self.of} from {self.first}"

    def is_forecast(self, evaluation: int) -> bool:
        return evaluation >= self.first and (evaluation - self.first) % self.of < self.forecast

    def forecasts(self, evaluations: int) -> tuple[int, ...]:
        """Which of a run's evaluations are forecast."""
        return tuple(number for number in range(evaluations) if self.is_forecast(number))


# Chosen so that 20 evaluations keep 0.85, 0.70, 0.65, 0.60, 0.55, 0.45 and 0.35 of the work.
SCHEDULES = (
    Schedule(6, 1, 5),
    Schedule(4, 1, 3),
    Schedule(6, 1, 2),
    Schedule(4, 1, 2),
    Schedule(2, 1, 2),
    Schedule(4, 2, 3),
    Schedule(3, 3, 4),
)


def distinct_schedules(evaluations: int) -> list[Schedule]:
    """Those of SCHEDULES that forecast something in a run of that many evaluations, one for each set of forecasts."""
    by_forecasts: dict[tuple[int, ...], Schedule] = {}
    for schedule in SCHEDULES:
        by_forecasts.setdefault(schedule.forecasts(evaluations), schedule)
    return [schedule for forecasts, schedule in by_forecasts.items() if forecasts]


class Forecaster:
    """A wrapper for one run of a sampler that evaluates the model once a step (PREDICT_NOISE of the host).

    The velocity v = (x - denoised) / sigma is extrapolated linearly in sigma from the last two evaluations made.
    """

    def __init__(self, schedule: Schedule):
        self._schedule = schedule
        self._evaluations = 0
        self._made: list[tuple] = []  # (sigma, v) of the last two evaluations made

    def __call__(self, executor, x, timestep, *args, **kwargs):
        sigma = float(timestep.flatten()[0])
        forecast = self._schedule.is_forecast(self._evaluations)
        self._evaluations += 1
        if forecast and len(self._made) == 2:
            return x - sigma * extrapolated(*self._made, sigma)
        denoised = executor(x, timestep, *args, **kwargs)
        self._made = [*self._made[-1:], (sigma, (x - denoised) / sigma)]
        return denoised


def extrapolated(older: tuple, newer: tuple, sigma: float):
    """The value at sigma on the line through two (sigma, value) points."""
    (sigma0, value0), (sigma1, value1) = older, newer
    return value1 + (value1 - value0) * ((sigma - sigma1) / (sigma1 - sigma0))
