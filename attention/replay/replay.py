"""A plan being carried out: what becomes of each evaluation and of each site, and of what goes wrong on the way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import torch

from ...kernels import FULL, Counter, release
from ...sentences import clause, say
from ..families import ALL, JOINT, Family, Site
from ..hooks.call import AttentionCall
from ..hooks.forward import Forward, SiteCall
from ..hooks.processor import Processor
from ..hooks.run import SamplingRun
from . import planned
from .caches import RunCaches
from .computing import Computing
from .counting import Counting
from .forecast import KEPT_LATENTS, StepForecast
from .guard import Guard
from .sharing import Sharing
from .timeline import Timeline

# Share of the memory that is free when a run begins which its caches may take if the user names no budget.
AUTOMATIC_CACHE_SHARE = 0.5

_OUT_OF_MEMORY = say("Memory ran out, so the caches were dropped and the rest of the run was computed in full.")
_T = TypeVar("_T")


class Replay(Processor):
    """Follows a plan. A missing or stale cache means: compute.

    timeline: the plan on this run. cache_limit: most bytes the caches may take. strict: an error stops the run instead
    of falling back to full attention. beside: tokens beside the picture's, and how many of them are references', that
    the plan was measured with, for the announced memory.
    forecast: of the steps at which the model is not evaluated, None where all are. guard: looks at what is computed and
    asks for heads in full, if there is one.
    """

    def __init__(
        self,
        family: Family,
        sites: tuple[Site, ...],
        timeline: Timeline,
        run: SamplingRun,
        cache_limit: int,
        strict: bool,
        beside: tuple[int, int],
        forecast: StepForecast | None = None,
        guard: Guard | None = None,
    ):
        self.family = family
        self.sites = sites
        self.timeline = timeline
        self.run = run
        self.strict = strict
        self.guard = guard
        self._forecast = forecast or StepForecast.nowhere(len(run.positions))
        self.cache_limit = cache_limit
        self._beside = beside
        self._caches = RunCaches(timeline, cache_limit, run.record)
        self._sharing = Sharing(run, self._caches)
        self._computing = Computing(sites, timeline, self._caches, self._sharing, run.record)
        self._count = Counting(run)
        self._disabled = False
        self._in_full: set[int] = set()  # steps that are so whatever the timeline says

    # -- the run ---------------------------------------------------------------------------------------------------

    def announce(self, noise_shape, model) -> int:
        """Bytes of all caches of this run: heads that are ever read again × tokens × head size, of every branch; what
        forecasts keep; and what the kernels need in the layer that needs most.
        """
        network, shape = model.model.diffusion_model, self.run.picture_shape(noise_shape)
        image = math.prod(self.family.grid(network, shape))
        dtype = model.model.get_dtype_inference()
        element = torch.empty((), dtype=dtype).element_size()
        # Of the picture, and of text and references, in all branches together.
        image *= sum(part for part, _ in self.run.branches)
        beside, references = (count * sum(many for _, many in self.run.branches) for count in self._beside)
        total = 0.0
        for number, site in enumerate(self.sites):
            tokens = image + beside * (site.scope == JOINT)
            local = image + references * (site.scope == JOINT)
            heads = len(self.timeline.output_heads[number]) + site.heads * self.timeline.keeps_projected[number]
            total += (heads * tokens + len(self.timeline.residual_heads[number]) * local) * site.head_dim
        history = KEPT_LATENTS * 4 * math.prod(noise_shape) if self._forecast.active else 0
        scratch = math.ceil(self._scratch(dtype) * (image + beside)) * element * noise_shape[0]
        return min(math.ceil(total) * element * noise_shape[0], self.cache_limit) + history + scratch

    def _scratch(self, dtype: torch.dtype) -> int:
        """Elements a token that one attention call needs besides its own tensors and caches, at most."""
        found = 0
        for number, site in enumerate(self.sites):
            counter = Counter.of(self.run.patcher.load_device, dtype, site.head_dim)
            if counter.blocks is not None:
                tables = self.timeline.tables([number])
                found = max((found, *(counter.scratch(table, site.head_dim) for table in tables)))
        return found

    def evaluate(self, predict, x, sigma: float):
        """One model evaluation, as the sampler asked for it, or its forecast."""
        step = self.run.step
        if not self._disabled:
            forecast = self._forecast.prediction(x, sigma, step)
            if forecast is not None:
                self._count.forecast(step)
                return forecast
        if self._forecast.planned(step):
            self._fill(step, step + 1)
        try:
            self._count.begin_evaluation()
            output = predict()
            self._count.end_evaluation()
            self._promote(self._guarded(lambda guard: guard.verdict(self.run.step), {}))
            return output if self._disabled else self._forecast.evaluated(x, sigma, step, output)
        finally:
            self._sharing.clear()
            if self.guard is not None:
                self.guard.forget()

    def close(self) -> None:
        """Free every tensor."""
        self._caches.close()
        release()
        self._forecast.close()
        self._sharing.clear()
        if self.guard is not None:
            self.guard.close()

    def _fill(self, first: int, end: int) -> None:
        """These steps are computed in full."""
        for step in range(first, end):
            self._in_full.add(step)
            self.run.record.methods[step] = FULL.letter * len(self.sites)

    def _give_up(self, sentence: str) -> None:
        """The rest of the run is computed in full."""
        self.run.record.note(sentence)
        self._disabled = True
        self._fill(self.run.step + 1, len(self.run.record.methods))

    def _drop_caches(self, sentence: str) -> None:
        self._caches.drop(sentence)
        self._sharing.clear()

    def _promote(self, heads: dict[int, tuple[int, ...]]) -> None:
        """From the next evaluation on, compute some heads (by number of their site) in full."""
        if not heads:
            return
        later = self.run.step + 1
        self.timeline = self.timeline.promoted(heads)
        self._computing.follow(self.timeline)
        self.run.record.methods[later:] = self.timeline.map()[later:]
        # A site that was skipped whole kept one projected output; now its other heads are kept one by one.
        self._caches.follow(self.timeline)

    def _guarded(self, ask: Callable[[Guard], _T], otherwise: _T) -> _T:
        """The guard's answer; it must not be the reason that a run fails."""
        if self.guard is None:
            return otherwise
        try:
            return ask(self.guard)
        except Exception as error:
            if self.strict or type(error).__name__ == "InterruptProcessingException":
                raise
            self.run.record.note(
                say("The guard could not check a layer ({error}) and was off from then on.", error=error)
            )
            self.guard.close()
            self.guard = None
            return otherwise

    def planned(self, shape: tuple[int, ...]) -> list[tuple[float, float]]:
        """See `Processor.planned`."""
        model = self.run.patcher.model.diffusion_model
        grid, plan = self.family.grid(model, shape), self.run.record.plan
        shares = self.run.shares_guidance
        patcher = self.run.patcher
        of_calls = patcher.load_device, patcher.model.get_dtype_inference()
        return planned.fractions(self.timeline, self.sites, model, grid, plan.measurement, shares, *of_calls)

    def head_map(self) -> list[str]:
        """See `Processor.head_map`; after the run, what was carried out."""
        return planned.head_map(self.timeline, self._in_full)

    # -- a site ----------------------------------------------------------------------------------------------------

    def aside(self, forward: Forward, call: SiteCall, batch: int, length: int) -> None:
        """See `Processor.aside`."""
        self._count.left_to_host(forward, call, batch, length)

    def leaves_to_host(self, forward: Forward, call: SiteCall, batch: int, length: int) -> bool:
        """Whether the host's own code does all there is to do at this site; what it does is counted here then."""
        if not (self._disabled or self.timeline.at(forward.step, call.number).dense):
            return False
        self._count.left_to_host(forward, call, batch, length)
        return True

    def open(self, forward: Forward, call: SiteCall) -> None:
        """Skip the site when the plan reuses all of it and every branch kept every stream's projected output."""
        entry = self.timeline.at(forward.step, call.number)
        if self._disabled or not entry.skips or forward.attention_patched:
            return
        kept = [
            [self._caches.of(branch, call).projected(stream, entry.projected_source) for branch in forward.branches]
            for stream in range(call.site.outputs)
        ]
        call.skip = all(one is not None for stream in kept for one in stream)
        if call.skip and call.site.module:
            tokens = self._caches.of(forward.branches[0], call).tokens
            call.length = tokens[ALL]
            self._count.skipped(forward, call, tokens)

    def replay(self, forward: Forward, call: SiteCall, stream: int) -> torch.Tensor:
        """The kept output of one stream, all branches: (rows, tokens, C)."""
        entry = self.timeline.at(forward.step, call.number)
        kept = [self._caches.of(branch, call).projected(stream, entry.projected_source) for branch in forward.branches]
        return torch.cat(kept)

    def skipped(self, forward: Forward, call: SiteCall, attention: AttentionCall) -> torch.Tensor:
        """A skipped site's attention: a blank that nobody reads."""
        self._count.skipped(forward, call, forward.tokens(call))
        return attention.blank()

    def leave(self, forward: Forward, call: SiteCall, stream: int, output: torch.Tensor) -> None:
        """Keep a projected output that the next step will replay."""
        entry = self.timeline.at(forward.step, call.number)
        if (
            self._disabled
            or not (entry.keep_projected or entry.skips)
            or output.shape[0] != forward.sequences(call.site)
        ):
            return
        tokens = forward.tokens(call)
        for branch in forward.branches:
            of_branch = output[forward.rows(branch, call.site)]
            self._caches.of(branch, call).write_projected(stream, of_branch, forward.step, tokens)

    def attend(self, forward: Forward, call: SiteCall, attention: AttentionCall) -> torch.Tensor:
        """The site's attention by the plan, in the host's format."""
        entry = self.timeline.at(forward.step, call.number)
        batch, length = attention.q.shape[0], attention.q.shape[2]
        reason = self._why_full(forward, call, attention)
        if reason is not None or (entry.dense and not entry.skips):
            if reason:
                self.run.record.note(say("{layer} ran in full: {reason}.", layer=call.site.name, reason=reason))
            self._count.left_to_host(forward, call, batch, length)
            return attention.host()
        dense = self._count.dense(forward, call, batch, length)
        try:
            output, computed = self._computing.attend(forward, call, attention, entry)
        except torch.cuda.OutOfMemoryError:
            self._drop_caches(_OUT_OF_MEMORY)
            self._give_up(_OUT_OF_MEMORY)
            output, computed = attention.host(), dense
        except Exception as error:
            if self.strict or type(error).__name__ == "InterruptProcessingException":
                raise
            self._give_up(
                say(
                    "{layer} could not be compressed ({reason}); the rest of the run was computed in full.",
                    layer=call.site.name,
                    reason=clause(error),
                )
            )
            output, computed = attention.host(), dense
        if not self._disabled:
            computed += self._guarded(lambda guard: guard.look(forward, call, attention, output, entry), 0)
        self._count.computed(forward, computed)
        return output

    def _why_full(self, forward: Forward, call: SiteCall, attention: AttentionCall) -> str | None:
        """Why a call is left to the host whatever the plan says: "" where the user has been told already."""
        if self._disabled:
            return ""
        if attention.obstacle:
            return attention.obstacle
        if attention.q.shape[0] != forward.sequences(call.site):
            return say("its batch is not the sampler's")
        return None
