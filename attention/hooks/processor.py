"""What happens at a model's sites during a sampling run: the base class of whatever follows a plan or watches."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch

from .call import AttentionCall
from .forward import Forward, SiteCall
from .run import SamplingRun


class Processor:
    """Decides what each site computes. One is made for every sampling run and dropped after it.

    This class computes everything in full through the host and keeps nothing; others override what they change. One
    that sets `call.skip` in `open` also overrides `replay`. overhead: seconds so far that a plain run would not have
    taken. in_full: whether all else takes as long as without the pack.
    """

    overhead: float = 0.0
    in_full: ClassVar[bool] = False

    def planned(self, shape: tuple[int, ...]) -> list[tuple[float, float]]:
        """For each step, the fractions of attention and of the whole model that are to be computed for a latent of this
        shape; empty where all is.
        """
        return []

    def head_map(self) -> list[str]:
        """For each step, the letters of the heads of all sites, see `RunRecord.methods`; empty where all are full."""
        return []

    def announce(self, noise_shape, model) -> int:
        """Bytes that the run will hold besides the model's own, for the host's memory estimate.

        noise_shape: of the latent, (B, C, [T,] H, W). model: the host's patcher that is about to be loaded.
        """
        return 0

    def evaluate(self, predict: Callable[..., torch.Tensor], x: torch.Tensor, sigma: float) -> torch.Tensor:
        """Run one model evaluation at latent x and noise level sigma; `predict()` does it, as often as it is called,
        and `predict(latent)` at another latent.
        """
        return predict()

    def predicted(self, number: int, outputs: list[torch.Tensor]) -> None:
        """The evaluation's pass `number` gave each conditioning's own prediction, by the index of its branch."""

    def sampled(self, samples: torch.Tensor) -> None:
        """The sampler is through and gives `samples`; the model can still be evaluated, nothing of the picture can
        change any more.
        """

    def leaves_to_host(self, forward: Forward, call: SiteCall, batch: int, length: int) -> bool:
        """Whether the host's own attention does all there is to do at a site with (batch, length) tokens; `attend` is
        not called then.
        """
        return False

    def open(self, forward: Forward, call: SiteCall) -> None:
        """A tracked site begins; may set `call.skip` to leave projections and attention out."""

    def aside(self, forward: Forward, call: SiteCall, batch: int, length: int) -> None:
        """The host computes a site with (batch, length) tokens in full that is not for this class to decide on."""

    def attend(self, forward: Forward, call: SiteCall, attention: AttentionCall) -> torch.Tensor:
        """The site's attention output in the host's format."""
        return attention.host()

    def skipped(self, forward: Forward, call: SiteCall, attention: AttentionCall) -> torch.Tensor:
        """What stands in for the attention output of a skipped site, which nobody reads."""
        return attention.blank()

    def leave(self, forward: Forward, call: SiteCall, stream: int, output: torch.Tensor) -> None:
        """An output projection of the site, or its module, returned `output`, (batch, tokens, channels)."""

    def replay(self, forward: Forward, call: SiteCall, stream: int) -> torch.Tensor:
        """The kept projected output of a skipped site, (batch, tokens, channels)."""
        raise RuntimeError(f"{type(self).__name__} skipped {call.site.name} and has no output to replay.")

    def close(self) -> None:
        """The run is over, in whatever way: free every tensor."""


MakeProcessor = Callable[[SamplingRun], Processor]
