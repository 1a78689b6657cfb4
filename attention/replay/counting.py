"""What a run computed and what it left out, counted in FLOPs into the run's record."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ...kernels import Layout, dense_flops
from ..families import ALL
from ..hooks.projections import flops_per_token
from ..hooks.run import Forward, SamplingRun, SiteCall


class Counting:
    """Counts one run. `record.steps` gets, for each step, the FLOPs of full attention and those computed instead."""

    def __init__(self, run: SamplingRun):
        self._record = run.record
        self._shape = run.shape
        self._whole = 0  # tokens of the run's latent
        self._linears: dict[str, dict[str, int]] = {}  # FLOPs a token by stream, of each site
        self._evaluation = (0, 0.0)  # dense attention FLOPs and batch items of the last evaluation
        self._before = (0, 0.0)  # ... of all before it

    def begin_evaluation(self) -> None:
        """The model is evaluated."""
        self._before = self._totals()

    def end_evaluation(self) -> None:
        """The evaluation is over: one that is forecast would have been like it."""
        now = self._totals()
        self._evaluation = (now[0] - self._before[0], now[1] - self._before[1])

    def forecast(self, step: int) -> None:
        """An evaluation was forecast: as much as the last one computed was left out, attention and all else."""
        dense, items = self._evaluation
        count = self._record.steps[step]
        count.forecast += 1
        count.dense += dense
        count.items += items
        count.forecast_items += items

    def _totals(self) -> tuple[int, float]:
        return self._record.attention_flops()[0], self._record.batch_items

    def dense(self, forward: Forward, call: SiteCall, batch: int, length: int) -> int:
        """Count and return what full attention takes at a site with (batch, length) tokens."""
        if length > forward.length:
            self._went_through(forward, call, batch, length)
        dense = dense_flops(Layout((length,)), call.site.heads, call.site.head_dim) * batch
        self._record.steps[forward.step].dense += dense
        return dense

    def _went_through(self, forward: Forward, call: SiteCall, batch: int, length: int) -> None:
        """A forward turns out to be of so many tokens: all that the model computes beside attention grows with them."""
        record = self._record
        self._whole = self._whole or math.prod(forward.family.grid(forward.diffusion_model, self._shape))
        beside = max(0, length - forward.image_tokens)
        share = length / (self._whole + beside)
        record.steps[forward.step].items += batch * (share - forward.share)
        forward.length, forward.share = length, share
        if not record.tokens or beside >= record.text_tokens + record.reference_tokens:
            layout = forward.layout(call.site, length, call.options)
            record.tokens = self._whole
            record.references = () if layout is None else tuple(one.grid for one in layout.references)
            record.text_tokens = max(0, beside - record.reference_tokens)

    def computed(self, forward: Forward, flops: int) -> None:
        """So many FLOPs of attention were computed in this forward."""
        self._record.steps[forward.step].kept += flops

    def left_to_host(self, forward: Forward, call: SiteCall, batch: int, length: int) -> None:
        """The host's own attention computed a site in full."""
        self.computed(forward, self.dense(forward, call, batch, length))
        self._record.served("dense")

    def skipped(self, forward: Forward, call: SiteCall, tokens: Mapping[str, int]) -> None:
        """A site was replayed: neither its attention nor its linear layers ran. tokens: of each stream."""
        site = call.site
        self.dense(forward, call, forward.batch, tokens[ALL])
        if site.name not in self._linears:
            self._linears[site.name] = flops_per_token(forward.diffusion_model, site)
        flops = sum(each * tokens[stream] for stream, each in self._linears[site.name].items())
        self._record.steps[forward.step].projections_skipped += forward.batch * flops
