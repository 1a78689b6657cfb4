"""What a run computed and what it left out, counted in FLOPs into the run's record."""

from __future__ import annotations

from collections.abc import Mapping

from ...kernels import Layout, dense_flops
from ..families import ALL, JOINT
from ..hooks.projections import flops_per_token
from ..hooks.record import RunRecord
from ..hooks.run import Forward, SiteCall


class Counting:
    """Counts one run. `record.steps` gets, for each step, the FLOPs of full attention and those computed instead."""

    def __init__(self, record: RunRecord):
        self._record = record
        self._linears: dict[str, dict[str, int]] = {}  # FLOPs a token by stream, of each site
        self._evaluation = (0, 0)  # dense attention FLOPs and batch items of the last evaluation
        self._before = (0, 0)  # ... of all before it

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

    def _totals(self) -> tuple[int, int]:
        return self._record.attention_flops()[0], self._record.batch_items

    def dense(self, forward: Forward, call: SiteCall, batch: int, length: int) -> int:
        """Count and return what full attention takes at a site with (batch, length) tokens."""
        record = self._record
        if call.number == 0 and call.ordinal == 0:
            record.steps[forward.step].items += batch
        if call.number == 0 or call.site.scope == JOINT:
            self._note_tokens(forward, call, length)
        dense = dense_flops(Layout((length,)), call.site.heads, call.site.head_dim) * batch
        record.steps[forward.step].dense += dense
        return dense

    def _note_tokens(self, forward: Forward, call: SiteCall, length: int) -> None:
        record = self._record
        if length < record.tokens + record.reference_tokens + record.text_tokens:
            return
        layout = forward.layout(call.site, length, call.options)
        record.tokens = forward.image_tokens
        record.references = () if layout is None else tuple(one.grid for one in layout.references)
        record.text_tokens = length - record.tokens - record.reference_tokens

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
