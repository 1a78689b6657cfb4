"""What a run computed and what it left out, counted in FLOPs into the run's record."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ...kernels import Layout, dense_flops
from ..families import ALL, Site
from ..hooks.forward import Forward, SiteCall
from ..hooks.layouts import SiteLayout
from ..hooks.projections import flops_per_token
from ..hooks.run import SamplingRun


class Counting:
    """Counts one run. `record.steps` gets, for each step, the FLOPs of full attention and those computed instead."""

    def __init__(self, run: SamplingRun):
        self._record = run.record
        self._shape = run.shape
        self._whole = 0  # tokens of the run's latent
        self._linears: dict[str, dict[str, int]] = {}  # FLOPs a token by stream, of each site
        self._projections: dict[tuple, int] = {}  # of each site, by how many tokens there are
        # Of the last evaluation, and of all before it: dense attention FLOPs, those of projections, and batch items.
        self._evaluation: tuple[int, int, float] = (0, 0, 0.0)
        self._before: tuple[int, int, float] = (0, 0, 0.0)

    def begin_evaluation(self) -> None:
        """The model is evaluated."""
        self._before = self._totals()

    def end_evaluation(self) -> None:
        """The evaluation is over: one that is forecast would have been like it."""
        now = self._totals()
        self._evaluation = tuple(after - before for after, before in zip(now, self._before, strict=True))

    def forecast(self, step: int) -> None:
        """An evaluation was forecast: as much as the last one computed was left out, attention and all else."""
        dense, projections, items = self._evaluation
        count = self._record.steps[step]
        count.forecast += 1
        count.dense += dense
        count.projections += projections
        count.forecast_projections += projections
        count.items += items
        count.forecast_items += items

    def _totals(self) -> tuple[int, int, float]:
        steps = self._record.steps
        return sum(step.dense for step in steps), sum(step.projections for step in steps), self._record.batch_items

    def dense(self, forward: Forward, call: SiteCall, batch: int, length: int) -> int:
        """Count and return what full attention takes at a site with (batch, length) tokens."""
        if length * forward.fold(call.site) > forward.length:
            self._went_through(forward, call, batch, length)
        dense = dense_flops(Layout((length,), ahead=forward.ahead), call.site.heads, call.site.head_dim) * batch
        count = self._record.steps[forward.step]
        count.dense += dense
        count.projections += batch * self._projected(forward, call, length)
        return dense

    def _went_through(self, forward: Forward, call: SiteCall, batch: int, length: int) -> None:
        """A forward turns out to be of so many tokens: all that the model computes beside attention grows with them."""
        record, fold = self._record, forward.fold(call.site)
        self._whole = self._whole or math.prod(forward.family.grid(forward.diffusion_model, self._shape))
        beside = max(0, length * fold - forward.image_tokens)
        share = length * fold / (self._whole + beside)
        record.steps[forward.step].items += batch // fold * (share - forward.share)
        forward.length, forward.share = length * fold, share
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
        batch = forward.sequences(call.site)
        self.dense(forward, call, batch, tokens[ALL])
        flops = self._linear(forward, call.site, tokens)
        self._record.steps[forward.step].projections_skipped += batch * flops

    def _projected(self, forward: Forward, call: SiteCall, length: int) -> int:
        """FLOPs of the linear layers around a site for one batch item; the split into streams is looked up once."""
        key = (call.site.name, length, forward.image_tokens)
        if key not in self._projections:
            layout = forward.layout(call.site, length, call.options) or SiteLayout((max(1, length),))
            self._projections[key] = self._linear(forward, call.site, layout.streams)
        return self._projections[key]

    def _linear(self, forward: Forward, site: Site, tokens: Mapping[str, int]) -> int:
        if site.name not in self._linears:
            self._linears[site.name] = flops_per_token(forward.diffusion_model, site)
        return sum(each * tokens[stream] for stream, each in self._linears[site.name].items())
