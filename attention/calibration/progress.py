"""How far a calibration is, shown under its node: one bar over all runs, and a line with the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import comfy.model_management
import comfy.utils

from ..report.editor import send_text

UNITS = 1000  # of the bar: fixed, because how many evaluations there are shows only on the way
TEXT_INTERVAL = 0.25  # seconds between two texts


class Progress(Protocol):
    """Who wants to know how far a calibration is."""

    def evaluated(self, done: int, expected: int) -> None:
        """`done` of about `expected` model evaluations of this run are over."""

    def counted(self, attention_flops: float, other_flops: float) -> None:
        """What one evaluation of one batch item takes, in attention matmuls and in everything else; told once a run."""


class Meter:
    """Progress over several parts (runs that are measured, or searched in); see `Progress`.

    say(text): shows the text. bar: whether to have the node's bar; the sampler of a user's own run has it already.
    """

    def __init__(self, say: Callable[[str], None] | None = None, bar: bool = True):
        self._say = say or send_text
        self._bar = comfy.utils.ProgressBar(UNITS) if bar else None
        self._lengths: tuple[float, ...] = (1.0,)
        self._ended = 0
        self._known = 0
        self._reserved = 0
        self._doing = ""
        self._shown = 0
        self._within = 0.0
        self._done, self._likely = 0, 0.0
        self._place = ""
        self._ceiling = self._remark = ""
        self._start: tuple[float, float] | None = None
        self._said = -TEXT_INTERVAL

    def expect(self, lengths: Sequence[float], known: int = 0, remark: str = "") -> None:
        """There are parts to do of these lengths, in any unit, beside `known` ones that are known already. remark: a
        sentence to show all along.
        """
        self._lengths, self._known, self._remark = tuple(lengths) or (1.0,), known, remark

    def reserve(self, parts: int) -> None:
        """So many parts, each as long as a run, will probably follow with `begin_part`."""
        self._reserved = parts

    def begin_part(self, text: str) -> None:
        """Another part as long as a run begins, after all that were expected; text: what it does."""
        self._lengths = (*self._lengths[: self._ended], 1.0)
        self._reserved = max(0, self._reserved - 1)
        self._doing = text

    def evaluated(self, done: int, expected: int) -> None:
        """`done` of about `expected` model evaluations of this part are over. Raises if the user pressed Cancel."""
        self._done = done
        # A sampler may evaluate several times a step: what came so far tells how many there will be.
        self._advance(done / max(1, expected, self._likely))

    def counted(self, attention_flops: float, other_flops: float) -> None:
        """What one evaluation takes, in attention and in everything else."""
        self._ceiling = ceiling_text(attention_flops, other_flops)

    def sampled(self, step: int, steps: int, preview=None) -> None:
        """The sampler is through `step` of `steps`; preview: of the picture, as the host's bar takes it."""
        self._place, self._likely = f"step {step} of {steps}", self._done * steps / step
        self._advance(step / steps, preview)

    def end_part(self) -> None:
        """A part is complete."""
        self._ended += 1
        self._within, self._likely, self._place, self._doing = 0.0, 0.0, "", ""
        self._advance(0.0)

    def finish(self, text: str) -> None:
        """All is done; the text stays under the node."""
        self._say("\n".join(line for line in (text, self._ceiling) if line))

    def _advance(self, within: float, preview=None) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        self._within = max(self._within, min(within, 1.0))
        fraction = self._fraction()
        # One bar for all runs, in place of the sampler's own, which would start anew with each. A part that was not
        # expected lowers the fraction that is done: the bar then waits where it is instead of going back.
        self._shown = max(self._shown, round(fraction * UNITS))
        if self._bar is not None:
            self._bar.update_absolute(self._shown, UNITS, preview)
        now = time.perf_counter()
        if self._start is None:
            self._start = (now, fraction)
        if now - self._said >= TEXT_INTERVAL and self._ended < len(self._lengths):
            self._said = now
            self._say(self._text(now, fraction))

    def _fraction(self) -> float:
        ended = sum(self._lengths[: self._ended])
        now = self._lengths[self._ended] * self._within if self._ended < len(self._lengths) else 0.0
        return min(1.0, (ended + now) / (sum(self._lengths) + self._reserved))

    def _text(self, now: float, fraction: float) -> str:
        start, done_then = self._start
        line = [self._doing or f"Run {self._known + self._ended + 1} of {self._known + len(self._lengths)}"]
        if self._place:
            line.append(self._place)
        if fraction > done_then:
            left = (now - start) / (fraction - done_then) * (1 - fraction)
            line.append(f"about {duration(left)} left")
        lines = [", ".join(line), self._ceiling, self._remark]
        return "\n".join(text for text in lines if text)


def ceiling_text(attention_flops: float, other_flops: float) -> str:
    """How much compressing attention can win, as a sentence; empty where nothing is known of it. Steps that are left
    out save all of their work, so that a plan with such steps may go beyond it.
    """
    if not attention_flops or not other_flops:
        return ""
    whole = attention_flops + other_flops
    part, most = attention_flops / whole, whole / other_flops
    return (
        f"Attention is {part:.0%} of the work at this size: compressing it alone makes at most {most:.2f}x faster; "
        "leaving out steps can go beyond."
    )


def duration(seconds: float) -> str:
    """A time as people say it: 12 s, 3 min, 2.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
