"""How long a run would have taken with full attention: measured where one like it was seen, else estimated, or unknown.

A watched run, and any run in full through the pack's node, tells what a dense run takes; what watching adds does not
count.
"""

from __future__ import annotations

import statistics
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...sentences import Sentence, say
from ..hooks.record import RunRecord

if TYPE_CHECKING:
    from ..hooks.workload import Workload

MEASURED, ESTIMATED = "measured", "estimated"
SEEN = say("Measured in this session, in a run like this one.")
MOST_WORKLOADS = 32
# Per cent of a step's work that it may differ from all of it by and count as computed in full. Chosen by hand.
NEARLY = 2


@dataclass(frozen=True)
class Dense:
    """seconds: of sampling with full attention. source: MEASURED or ESTIMATED. how: what they come from."""

    seconds: float
    source: str
    how: Sentence

    def speed(self, seconds: float, done: int, steps: int) -> tuple[float, str] | None:
        """How many times faster a run is that took so many seconds for the first `done` of its steps."""
        if not seconds or not done or not steps:
            return None
        return self.seconds * done / steps / seconds, self.source


class DenseTimes:
    """Seconds of dense runs by workload; those that were not seen for the longest time make room."""

    def __init__(self, most: int = MOST_WORKLOADS):
        self._most = most
        self._seconds: OrderedDict[Workload, float] = OrderedDict()

    def saw(self, workload: Workload | None, record: RunRecord) -> float | None:
        """A run in full is over: what such a run takes.

        The first step of a process loads and compiles: it counts at most as the others do, so that no run looks faster
        for it.
        """
        seconds = [max(0.0, step.seconds - step.overhead) for step in record.steps if step.seconds]
        if workload is None or record.state != "done" or len(seconds) < 2:
            return None
        plain = sum(seconds) - max(0.0, seconds[0] - statistics.median(seconds[1:]))
        if plain <= 0:
            return None
        known = self._seconds.pop(workload, plain)
        # The quicker one was less disturbed by whatever else the machine did.
        self._seconds[workload] = min(known, plain)
        while len(self._seconds) > self._most:
            self._seconds.popitem(last=False)
        return self._seconds[workload]

    def of(self, workload: Workload | None) -> Dense | None:
        """Of a run like this, or of the same with another number of steps; None where none was seen."""
        if workload is None:
            return None
        if workload in self._seconds:
            return Dense(self._seconds[workload], MEASURED, SEEN)
        for known, seconds in reversed(self._seconds.items()):
            if known.with_steps(workload.steps) == workload:
                how = say("From a run with full attention of {steps} steps in this session.", steps=known.steps)
                return Dense(seconds * workload.steps / known.steps, ESTIMATED, how)
        return None

    def clear(self) -> None:
        """Forget everything."""
        self._seconds.clear()


DENSE_TIMES = DenseTimes()


def from_full_steps(done: Sequence[Sequence[int]], steps: int) -> Dense | None:
    """By the steps of a run that were computed in full; None where there are none but the first, which also warms up.

    done: of the steps that are over, see `document`. steps: of the whole run.
    """
    full = [
        milliseconds
        for attention, model, milliseconds in done[1:]
        if abs(attention - 100) <= NEARLY and model >= 100 - NEARLY
    ]
    if not full:
        return None
    how = say("From {count} of this run's steps that were computed in full.", count=len(full))
    return Dense(statistics.median(full) / 1000 * steps, ESTIMATED, how)
