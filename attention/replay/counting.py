"""What a run computed and what it left out, counted in FLOPs into the run's record."""

from __future__ import annotations

from ...kernels import Layout, dense_flops
from ..hooks.projections import flops_per_token
from ..hooks.record import RunRecord
from ..hooks.run import Forward, SiteCall


class Counting:
    """Counts one run. `record.steps` gets, for each step, the FLOPs of full attention and those computed instead."""

    def __init__(self, record: RunRecord):
        self._record = record
        self._linears: dict[str, dict[str, int]] = {}  # FLOPs a token by stream, of each site

    def dense(self, forward: Forward, call: SiteCall, batch: int, length: int) -> int:
        """Count and return what full attention takes at a site with (batch, length) tokens."""
        record = self._record
        if call.number == 0:
            record.rows += batch
            record.tokens, record.text_tokens = forward.image_tokens, length - forward.image_tokens
        dense = dense_flops(Layout((length,)), call.site.heads, call.site.head_dim) * batch
        record.steps[forward.step].dense += dense
        return dense

    def computed(self, forward: Forward, flops: int) -> None:
        """So many FLOPs of attention were computed in this forward."""
        self._record.steps[forward.step].kept += flops

    def left_to_host(self, forward: Forward, call: SiteCall, batch: int, length: int) -> None:
        """The host's own attention computed a site in full."""
        self.computed(forward, self.dense(forward, call, batch, length))
        self._record.served("dense")

    def skipped(self, forward: Forward, call: SiteCall, length: int) -> None:
        """A site of `length` tokens was replayed: neither its attention nor its linear layers ran."""
        site = call.site
        self.dense(forward, call, forward.rows, length)
        if site.name not in self._linears:
            self._linears[site.name] = flops_per_token(forward.diffusion_model, site)
        of_image, of_text = self._linears[site.name]["image"], self._linears[site.name]["text"]
        self._record.steps[forward.step].projections_skipped += forward.rows * (
            of_image * forward.image_tokens + of_text * (length - forward.image_tokens)
        )
