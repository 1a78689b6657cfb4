"""Wall time of the steps of one sampling run, without asking any device to wait."""

from __future__ import annotations

from .record import RunRecord, Stopwatch


class StepClock:
    """A step lasts from its first evaluation to the first of another step, whatever the sampler does in between.

    Sampling begins with the first evaluation, so that loading a model is in no step. Steps that a sampler comes back to
    last as long as all their parts together.
    """

    def __init__(self, record: RunRecord):
        self._record = record
        self._now = Stopwatch()
        self._step: int | None = None
        self._since = 0.0
        self._overhead = 0.0

    def arrive(self, step: int, overhead: float = 0.0) -> int | None:
        """The model is about to be evaluated at a step; the one that this ends, if any.

        overhead: seconds so far, of the whole run, that a plain run would not have taken.
        """
        left = self._step
        if left == step:
            return None
        self._read(overhead)
        self._step = step
        self._record.finished = max(self._record.finished, step)
        return left

    def finish(self, overhead: float = 0.0, after: bool = False) -> None:
        """Nothing of the picture is left to do. after: what came as overhead since the last call is no step's."""
        self._read(overhead, after)

    def _read(self, overhead: float, after: bool = False) -> None:
        now, extra = self._now(), max(0.0, overhead - self._overhead)
        if self._step is not None:
            passed, step = now - self._since, self._record.steps[self._step]
            self._record.sampling_seconds += passed
            step.seconds += max(0.0, passed - extra) if after else passed
            step.overhead += 0.0 if after else extra
        self._since, self._overhead = now, max(overhead, self._overhead)
