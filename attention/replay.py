"""A plan being carried out: what each site computes at each step, from which caches."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import torch

from ..kernels import FULL, REUSE, HeadTable, Layout, Residual, dense_flops, flops, full_attention, head_wise, why_not
from .caches import BranchCache
from .call import AttentionCall
from .families import JOINT, Family, Site
from .guard import Guard
from .run import COND, UNCOND, Branch, Forward, SamplingRun, SiteCall
from .timeline import SiteStep, Timeline

# Share of the memory that is free when a run begins which its caches may take if the user names no budget.
AUTOMATIC_BUDGET = 0.5

_T = TypeVar("_T")


class Replay:
    """The `Processor` that follows a plan. A missing or stale cache means: compute.

    timeline: the plan on this run. budget: most bytes the caches may take. strict: an error stops the run instead of
    falling back to full attention. guard: looks at what is computed and asks for heads in full, if there is one.
    """

    def __init__(
        self,
        family: Family,
        sites: tuple[Site, ...],
        timeline: Timeline,
        run: SamplingRun,
        budget: int,
        strict: bool,
        text_tokens: int,
        guard: Guard | None = None,
    ):
        self.family = family
        self.sites = sites
        self.timeline = timeline
        self.run = run
        self.budget = budget
        self.strict = strict
        self.guard = guard
        self._text_tokens = text_tokens
        self._caches: dict[tuple, BranchCache] = {}
        self._shared: dict[tuple, torch.Tensor | None] = {}
        self._linear_flops: dict[str, tuple[int, int]] = {}
        self._held: Counter[int] = Counter()  # cache bytes of each site
        self._disabled = False

    # -- the run ---------------------------------------------------------------------------------------------------

    def announce(self, noise_shape, model) -> int:
        """Bytes of all caches of this run: heads that are ever read again × tokens × head size, both branches."""
        image = math.prod(self.family.grid(model.model.diffusion_model, tuple(noise_shape)))
        element = torch.empty((), dtype=model.model.get_dtype_inference()).element_size()
        branches = 2 if self.run.record.info["cfg"] != 1.0 else 1
        total = 0
        for number, site in enumerate(self.sites):
            tokens = image + (self._text_tokens if site.scope == JOINT else 0)
            heads = len(self.timeline.output_heads[number]) + site.heads * self.timeline.keeps_projected[number]
            total += (heads * tokens + len(self.timeline.residual_heads[number]) * image) * site.head_dim
        return min(total * element * noise_shape[0] * branches, self.budget)

    def evaluate(self, predict, x, sigma: float):
        """One model evaluation, as the sampler asked for it."""
        try:
            output = predict()
            self._promote(self._guarded(lambda guard: guard.verdict(self.run.step), {}))
            return output
        finally:
            self._shared.clear()
            if self.guard is not None:
                self.guard.forget()

    def close(self) -> None:
        """Free every tensor."""
        self._caches.clear()
        self._shared.clear()
        if self.guard is not None:
            self.guard.close()

    def _allocate(self, number: int, shape, like: torch.Tensor) -> torch.Tensor | None:
        count = like.element_size() * math.prod(shape)
        if self._held.total() + count > self.budget:
            self.run.record.note(
                "The cache budget was reached, so some heads were computed again instead of reused; "
                "raise the budget of Apply Compression Plan or choose a milder level."
            )
            return None
        try:
            buffer = torch.empty(tuple(shape), dtype=like.dtype, device=like.device)
        except torch.cuda.OutOfMemoryError:
            self._drop_caches("Memory ran out while caching, so the rest of the run was computed in full.")
            return None
        self._held[number] += count
        self.run.record.cache_bytes = max(self.run.record.cache_bytes, self._held.total())
        return buffer

    def _drop_caches(self, sentence: str) -> None:
        self._caches.clear()
        self._shared.clear()
        self.budget = 0
        self.run.record.note(sentence)

    def _cache(self, branch: Branch, number: int) -> BranchCache:
        key = (branch.key, number)
        cache = self._caches.get(key)
        if cache is None:
            cache = self._caches[key] = BranchCache(
                self.timeline.output_heads[number],
                self.timeline.residual_heads[number],
                partial(self._allocate, number),
            )
        return cache

    def _promote(self, heads: dict[int, tuple[int, ...]]) -> None:
        """From the next evaluation on, compute some heads of some sites in full."""
        if not heads:
            return
        planned, later = self.timeline, self.run.step + 1
        self.timeline = planned.promoted(heads)
        self.run.record.methods[later:] = self.timeline.letters()[later:]
        for number in heads:
            # A site that was skipped whole kept one projected output; now its other heads are kept one by one. They
            # are computed once more: a missing cache means that.
            if set(self.timeline.output_heads[number]) - set(planned.output_heads[number]):
                for key in [key for key in self._caches if key[1] == number]:
                    del self._caches[key]
                del self._held[number]

    def _guarded(self, ask: Callable[[Guard], _T], otherwise: _T) -> _T:
        """The guard's answer; it must not be the reason that a run fails."""
        if self.guard is None:
            return otherwise
        try:
            return ask(self.guard)
        except Exception as error:
            if self.strict or type(error).__name__ == "InterruptProcessingException":
                raise
            self.run.record.note(f"The guard could not check a layer ({error}) and was off from then on.")
            self.guard.close()
            self.guard = None
            return otherwise

    # -- a site ----------------------------------------------------------------------------------------------------

    def plain(self, forward: Forward, call: SiteCall, rows: int, length: int) -> bool:
        """Whether the host's own code does all there is to do at this site; what it does is counted here then."""
        if not (self._disabled or self.timeline.at(forward.step, call.number).plain):
            return False
        dense = self._count_dense(forward, call, rows, length)
        self.run.record.steps[forward.step].kept += dense
        self.run.record.served("dense")
        return True

    def open(self, forward: Forward, call: SiteCall) -> None:
        """Skip the site when the plan reuses all of it and every branch kept every stream's projected output."""
        entry = self.timeline.at(forward.step, call.number)
        if self._disabled or not entry.whole or forward.attention_patched:
            return
        streams = range(max(1, len(call.site.exits)))
        call.skip = all(
            self._cache(branch, call.number).projected(stream, entry.projected_source) is not None
            for branch in forward.branches
            for stream in streams
        )

    def replay(self, forward: Forward, call: SiteCall, stream: int) -> torch.Tensor:
        """The kept output of one stream, all branches: (rows, tokens, C)."""
        entry = self.timeline.at(forward.step, call.number)
        kept = [
            self._cache(branch, call.number).projected(stream, entry.projected_source) for branch in forward.branches
        ]
        if call.site.module:
            self._count_skipped(forward, call, forward.image_tokens)
        return torch.cat(kept)

    def skipped(self, forward: Forward, call: SiteCall, attention: AttentionCall) -> torch.Tensor:
        """A skipped site's attention: a blank that nobody reads."""
        self._count_skipped(forward, call, attention.q.shape[2])
        return attention.blank()

    def leave(self, forward: Forward, call: SiteCall, stream: int, output: torch.Tensor) -> None:
        """Keep a projected output that the next step will replay."""
        entry = self.timeline.at(forward.step, call.number)
        if self._disabled or not (entry.keep_projected or entry.whole) or output.shape[0] != forward.rows:
            return
        for branch in forward.branches:
            self._cache(branch, call.number).write_projected(stream, output[branch.rows], forward.step)

    def attend(self, forward: Forward, call: SiteCall, attention: AttentionCall) -> torch.Tensor:
        """The site's attention by the plan, in the host's format."""
        entry = self.timeline.at(forward.step, call.number)
        step = self.run.record.steps[forward.step]
        dense = self._count_dense(forward, call, attention.q.shape[0], attention.q.shape[2])
        reason = self._why_full(forward, attention, entry)
        if reason is not None or (entry.plain and not entry.whole):
            if reason:
                self.run.record.note(f"{call.site.name} ran in full: {reason}.")
            step.kept += dense
            self.run.record.served("dense")
            return attention.host()
        try:
            output, kept = self._compressed(forward, call, attention, entry)
        except torch.cuda.OutOfMemoryError:
            self._drop_caches(
                "Memory ran out, so the caches were dropped and the rest of the run was computed in full."
            )
            self._disabled, output, kept = True, attention.host(), dense
        except Exception as error:
            if self.strict or type(error).__name__ == "InterruptProcessingException":
                raise
            self._disabled = True
            self.run.record.note(
                f"{call.site.name} could not be compressed ({error}); the rest of the run was computed in full."
            )
            output, kept = attention.host(), dense
        if not self._disabled:
            kept += self._guarded(lambda guard: guard.look(forward, call, attention, output, entry), 0)
        step.kept += kept
        return output

    def _why_full(self, forward: Forward, attention: AttentionCall, entry: SiteStep) -> str | None:
        if self._disabled:
            return ""
        if attention.obstacle:
            return attention.obstacle
        if attention.q.shape[0] != forward.rows:
            return "its batch is not the sampler's"
        return None

    def _compressed(self, forward: Forward, call: SiteCall, attention: AttentionCall, entry: SiteStep):
        """(output in the host's format, FLOPs computed)."""
        layout = forward.layout(call.site, attention.q.shape[2], attention.options)
        share = self._sharing(forward, call, attention, entry, layout)
        out, heads_view = attention.buffer()
        tables = {
            branch.key: self._table(forward, call, attention, entry, layout, branch) for branch in forward.branches
        }
        kept = 0
        if share is None and len(set(tables.values())) == 1 and not _reads_caches(next(iter(tables.values()))):
            everything = Branch((), -1, slice(0, forward.rows))
            kept += self._branch(
                forward, call, attention, layout, next(iter(tables.values())), everything, heads_view, entry
            )
        else:
            for branch in forward.branches:
                if share is not None and branch.key == share[1].key:
                    continue
                kept += self._branch(forward, call, attention, layout, tables[branch.key], branch, heads_view, entry)
        if share is not None:
            kept += self._share(forward, call, attention, layout, share, heads_view, entry)
        elif entry.share and layout is not None:
            self._offer(forward, call, layout, heads_view)
        return out, kept

    def _branch(self, forward, call, attention, layout, table: HeadTable, branch: Branch, out, entry) -> int:
        """Compute the rows of one branch (or of all, when none reads a cache) and keep what later steps need."""
        rows = branch.rows
        q, k, v = attention.q[rows], attention.k[rows], attention.v[rows]
        single = branch.index >= 0
        cached = self._cache(branch, call.number).outputs.read(table.reuse_heads) if single else None
        residual = self._cache(branch, call.number).residuals.read(table.residual_heads) if single else None
        shape = layout or Layout((q.shape[2],))
        refusal = why_not(q, k, v, shape, table, cached=cached, residual=residual, out=out[rows])
        if refusal is not None:
            raise ValueError(refusal.rstrip("."))
        result = head_wise(
            q,
            k,
            v,
            shape,
            table,
            scale=attention.scale,
            cached=cached,
            residual=residual,
            dense=attention.dense,
            out=out[rows],
        )
        self.run.record.served(result.path, result.refusal)
        for owner in [branch] if single else forward.branches:
            local = slice(owner.rows.start - rows.start, owner.rows.stop - rows.start)
            self._keep(
                forward,
                call,
                owner,
                table,
                entry,
                out[owner.rows],
                None if result.residual is None else result.residual[local],
            )
        return flops(shape, table, q.shape[3]) * q.shape[0]

    def _keep(self, forward, call, branch, table: HeadTable, entry: SiteStep, out, residual) -> None:
        cache = self._cache(branch, call.number)
        # A head that was to be reused but had no cache was computed: keep it, the steps after it count on it.
        keep = [
            head
            for head, way in enumerate(table.ways)
            if way != REUSE and (entry.keep[head] or entry.table.ways[head] == REUSE)
        ]
        if keep:
            cache.outputs.write(keep, out, forward.step)
        if residual is not None:
            cache.residuals.write(table.refresh_heads, residual, forward.step, range(residual.shape[1]))

    def _table(self, forward, call, attention, entry: SiteStep, layout: Layout | None, branch: Branch) -> HeadTable:
        """The planned table with every method that cannot be carried out here replaced by full attention."""
        table = entry.table
        if layout is not None and not _reads_caches(table):
            return table
        cache = self._cache(branch, call.number)
        like, length = attention.q[branch.rows], attention.q.shape[2]
        ways, refresh = list(table.ways), list(table.refresh)
        for head, way in enumerate(table.ways):
            if way == REUSE:
                lost = not cache.outputs.fresh(head, entry.source[head], like, length)
            elif isinstance(way, Residual):
                lost = layout is None or not cache.residuals.fresh(
                    head, entry.residual_source[head], like, layout.image
                )
            else:
                lost = layout is None and way != FULL
            if lost:
                ways[head] = FULL
                refresh[head] = way.way if isinstance(way, Residual) else None
            if layout is None:
                refresh[head] = None
        if layout is None and table.approximation_groups():
            self.run.record.note(
                f"{call.site.name} ran without windows: its {length} tokens do not fit the "
                f"{'×'.join(map(str, forward.grid))} grid."
            )
        return HeadTable(tuple(ways), tuple(refresh))

    # -- sharing between the guidance branches ---------------------------------------------------------------------

    def _sharing(self, forward, call, attention, entry: SiteStep, layout):
        """(source, target, image rows of the source) where the conditional result serves the unconditional branch."""
        if not entry.share or not self.run.shares_guidance or layout is None or forward.attention_patched:
            return None
        pair = forward.pair()
        if pair is not None:
            return (*pair, None)
        if len(forward.branches) != 1 or forward.branches[0].index != UNCOND:
            return None
        branch = forward.branches[0]
        image = self._shared.get(_share_key(call, layout, branch))
        return None if image is None else (branch, branch, image)

    def _offer(self, forward, call, layout: Layout, out) -> None:
        """Hold a lone conditional forward's image rows for an unconditional one later in the same evaluation.

        A second conditional forward (several prompts) makes the offer ambiguous: nobody may take it then.
        """
        if not self.run.shares_guidance or [branch.index for branch in forward.branches] != [COND]:
            return
        key = _share_key(call, layout, forward.branches[0])
        image = out[:, :, layout.prefix : layout.prefix + layout.image]
        self._shared[key] = None if key in self._shared else image

    def _share(self, forward, call, attention, layout: Layout, share, out, entry: SiteStep) -> int:
        """Copy the conditional image rows; the unconditional branch's own global tokens are computed."""
        source, target, image = share
        span = slice(layout.prefix, layout.prefix + layout.image)
        view = out[target.rows]
        view[:, :, span] = out[source.rows][:, :, span] if image is None else image
        q, k, v = (tensor[target.rows] for tensor in (attention.q, attention.k, attention.v))
        if layout.globals:
            rows = torch.cat((q[:, :, : layout.prefix], q[:, :, span.stop :]), dim=2)
            own = full_attention(rows, k, v, attention.scale)
            view[:, :, : layout.prefix] = own[:, :, : layout.prefix]
            view[:, :, span.stop :] = own[:, :, layout.prefix :]
        alone = list(entry.alone)
        if alone:
            view[:, alone] = attention.dense(q[:, alone], k[:, alone], v[:, alone])
        keep = [head for head, flag in enumerate(entry.keep) if flag]
        if keep:
            self._cache(target, call.number).outputs.write(keep, view, forward.step)
        refresh = entry.table.refresh_heads
        if refresh and image is None:
            donor = self._cache(source, call.number).residuals
            ready = [head for head in refresh if donor.fresh(head, forward.step, q, layout.image)]
            if ready:
                self._cache(target, call.number).residuals.write(
                    ready, donor.read(ready), forward.step, range(len(ready))
                )
        pairs = (q.shape[1] * layout.globals + len(alone) * layout.length) * layout.length
        return 4 * q.shape[3] * pairs * q.shape[0]

    # -- counting --------------------------------------------------------------------------------------------------

    def _count_dense(self, forward: Forward, call: SiteCall, rows: int, length: int) -> int:
        """Count what full attention would take here, in FLOPs."""
        record = self.run.record
        if call.number == 0:
            record.rows += rows
            record.tokens, record.text_tokens = forward.image_tokens, length - forward.image_tokens
        dense = dense_flops(Layout((length,)), call.site.heads, call.site.head_dim) * rows
        record.steps[forward.step].dense += dense
        return dense

    def _count_skipped(self, forward: Forward, call: SiteCall, length: int) -> None:
        step = self.run.record.steps[forward.step]
        site = call.site
        self._count_dense(forward, call, forward.rows, length)
        image, text = self._linear_cost(forward, site)
        step.projections_skipped += forward.rows * (
            image * forward.image_tokens + text * (length - forward.image_tokens)
        )

    def _linear_cost(self, forward: Forward, site: Site) -> tuple[int, int]:
        """FLOPs a token of the linear layers that a skipped site leaves out: (image stream, text stream)."""
        if site.name not in self._linear_flops:
            cost = {"image": 0, "text": 0}
            for path, stream in site.linears:
                layer = forward.diffusion_model.get_submodule(path)
                cost[stream] += 2 * layer.in_features * layer.out_features
            self._linear_flops[site.name] = cost["image"], cost["text"]
        return self._linear_flops[site.name]


def _share_key(call: SiteCall, layout: Layout, branch: Branch) -> tuple:
    """What two branches must have in common: the site, the grid and the rest of the key but its uuid and index."""
    return (call.number, layout.grid, branch.key[2:])


def _reads_caches(table: HeadTable) -> bool:
    return bool(table.reuse_heads or table.residual_heads)
