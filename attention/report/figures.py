"""What a run computed as fractions of what full attention would have: of each step, and of all of them."""

from __future__ import annotations

from dataclasses import dataclass

from ...plans import Measurement, steps_of_work
from ...sentences import say
from ..hooks.record import RunRecord, StepCount

_SUMMED = (
    "dense",
    "kept",
    "projections",
    "projections_skipped",
    "items",
    "forecast_items",
    "forecast_projections",
)


@dataclass(frozen=True)
class Work:
    """FLOPs, of full attention at every step and of what was computed instead: attention's matrix products alone, the
    attention modules with their linear layers (what table 2 of DiTFastAttn counts, arXiv 2406.08552), and the whole
    model.

    Linear layers that a model fuses with others than attention's are not counted as a module's. known: False where
    nothing was counted, or not all.
    """

    attention_dense: float = 0.0
    attention_kept: float = 0.0
    module_dense: float = 0.0
    module_kept: float = 0.0
    model_dense: float = 0.0
    model_kept: float = 0.0
    known: bool = True

    @property
    def attention(self) -> float | None:
        """Fraction of attention that was computed; None where it is not known."""
        return self.attention_kept / self.attention_dense if self.known and self.attention_dense else None

    @property
    def module(self) -> float | None:
        """Fraction of the attention modules that was computed; None where it is not known."""
        return self.module_kept / self.module_dense if self.known and self.module_dense else None

    @property
    def model(self) -> float | None:
        """Fraction of the whole model that was computed; None where it is not known."""
        return self.model_kept / self.model_dense if self.known and self.model_dense else None


def work_of_step(step: StepCount, other: float, known: bool = True) -> Work:
    """One step's, or that of several counted as one; other: see `beside_attention`."""
    beside = other * step.items
    # Where an evaluation was forecast nothing of the model ran.
    left_out = step.projections_skipped + other * step.forecast_items
    projected = step.projections - step.projections_skipped - step.forecast_projections
    return Work(
        attention_dense=step.dense,
        attention_kept=step.kept,
        module_dense=step.dense + step.projections,
        module_kept=step.kept + projected,
        model_dense=step.dense + beside,
        model_kept=step.kept + beside - left_out,
        known=known,
    )


def work_of(record: RunRecord, measurement: Measurement) -> Work:
    """A whole run's, as far as it has come. measurement: of its plan."""
    steps, total = record.steps, StepCount(0.0)
    for name in _SUMMED:
        setattr(total, name, sum(getattr(step, name) for step in steps))
    return work_of_step(total, beside_attention(record, measurement), not record.calls_missed)


def beside_attention(record: RunRecord, measurement: Measurement) -> float:
    """FLOPs outside attention of one batch item of one evaluation in a run."""
    # Everything outside attention grows with the tokens; the plan says how much it was where it was measured.
    tokens = record.tokens + record.reference_tokens + record.text_tokens
    return measurement.other_flops * (tokens / measurement.tokens if tokens else 1.0)


def in_steps(kept: float, steps: int) -> str:
    """The fraction of the model's work that a run computes, in steps of the same sampler; empty where that is all."""
    count = steps_of_work(kept, steps)
    return say("That is the work of {count} of {steps} steps.", count=count, steps=steps) if count < steps else ""


def ceiling(record: RunRecord, measurement: Measurement, tokens: int) -> float | None:
    """Least fraction of the model's work that can be left while no step is forecast: all of it but attention.

    tokens: of the picture, as far as it is known before the first step.
    """
    beside = measurement.text_tokens + measurement.reference_tokens
    if record.tokens:
        beside = record.text_tokens + record.reference_tokens
    ratio = ((record.tokens or tokens) + beside) / measurement.tokens
    other, attention = measurement.other_flops * ratio, measurement.attention_flops * ratio**2
    dense = record.attention_flops()[0]
    items = record.batch_items
    if dense and items:
        attention = dense / items
    return other / (other + attention) if other + attention else None
