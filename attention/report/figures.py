"""What a run computed as fractions of what full attention would have: of each step, and of all of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from ...plans import Measurement
from ..hooks.record import RunRecord, StepCount


@dataclass(frozen=True)
class Work:
    """FLOPs, of full attention at every step and of what was computed instead; attention alone, and the whole model."""

    attention_dense: float = 0.0
    attention_kept: float = 0.0
    model_dense: float = 0.0
    model_kept: float = 0.0

    @property
    def attention(self) -> float:
        """Fraction of attention that was computed; 1 where there was none."""
        return self.attention_kept / self.attention_dense if self.attention_dense else 1.0

    @property
    def model(self) -> float:
        """Fraction of the whole model that was computed."""
        return self.model_kept / self.model_dense if self.model_dense else 1.0

    def plus(self, other: Work) -> Work:
        """Of both together."""
        return Work(
            self.attention_dense + other.attention_dense,
            self.attention_kept + other.attention_kept,
            self.model_dense + other.model_dense,
            self.model_kept + other.model_kept,
        )


def work_of_step(step: StepCount, other: float) -> Work:
    """One step's; other: FLOPs beside attention of one batch item, see `beside_attention`."""
    beside = other * step.items
    # Where an evaluation was forecast nothing of the model ran.
    left_out = step.projections_skipped + other * step.forecast_items
    return Work(step.dense, step.kept, step.dense + beside, step.kept + beside - left_out)


def works_of(record: RunRecord, measurement: Measurement) -> list[Work]:
    """Of each step of a run. measurement: of its plan."""
    other = beside_attention(record, measurement)
    return [work_of_step(step, other) for step in record.steps]


def sum_of(works: Iterable[Work]) -> Work:
    """Of all together."""
    return reduce(Work.plus, works, Work())


def work_of(record: RunRecord, measurement: Measurement) -> Work:
    """A whole run's, as far as it has come."""
    return sum_of(works_of(record, measurement))


def beside_attention(record: RunRecord, measurement: Measurement) -> float:
    """FLOPs outside attention of one batch item of one evaluation in a run."""
    # Everything outside attention grows with the tokens; the plan says how much it was where it was measured.
    measured = math.prod(measurement.grid) + measurement.text_tokens
    tokens = record.tokens + record.text_tokens
    return measurement.other_flops * (tokens / measured if tokens else 1.0)


def ceiling(record: RunRecord, measurement: Measurement, tokens: int) -> float | None:
    """Least fraction of the model's work that can be left while no step is forecast: all of it but attention.

    tokens: of the picture, as far as it is known before the first step.
    """
    measured = math.prod(measurement.grid) + measurement.text_tokens
    now = (record.tokens or tokens) + (record.text_tokens or measurement.text_tokens)
    ratio = now / measured if now and measured else 1.0
    other, attention = measurement.other_flops * ratio, measurement.attention_flops * ratio**2
    dense = record.attention_flops()[0]
    items = record.batch_items
    if dense and items:
        attention = dense / items
    return other / (other + attention) if other + attention else None
