"""Who wants to hear of sampling runs: when one begins, after each of its steps, and when it is over."""

from __future__ import annotations

from .processor import Processor
from .run import SamplingRun


class RunListener:
    """Hears of the runs of one patched model; nothing that goes wrong in it reaches the run.

    processor: of the run, None where it has none.
    """

    def began(self, run: SamplingRun, processor: Processor | None) -> None:
        """A run is about to begin."""

    def stepped(self, run: SamplingRun, processor: Processor | None) -> None:
        """The sampler has left the step that the run was at."""

    def ended(self, run: SamplingRun, processor: Processor | None) -> None:
        """A run is over, however it ended (`run.record.state` says how), and its processor is closed."""
