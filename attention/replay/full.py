"""A run that follows no plan, computed by the host alone, of which only the work is counted."""

from __future__ import annotations

from ..hooks.forward import Forward, SiteCall
from ..hooks.processor import Processor
from ..hooks.run import SamplingRun
from .counting import Counting


class InFull(Processor):
    """Everything in full, bit for bit as without the pack."""

    in_full = True

    def __init__(self, run: SamplingRun):
        self._count = Counting(run)

    def aside(self, forward: Forward, call: SiteCall, batch: int, length: int) -> None:
        """See `Processor.aside`."""
        self._count.left_to_host(forward, call, batch, length)

    def leaves_to_host(self, forward: Forward, call: SiteCall, batch: int, length: int) -> bool:
        """Always."""
        self._count.left_to_host(forward, call, batch, length)
        return True
