"""One attention call computed by its head table: from what was kept, through the kernels, and kept for later steps."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ...kernels import REUSE, HeadTable, flops, head_wise, prepare
from ...sentences import say
from ..families import Site
from ..hooks.call import AttentionCall
from ..hooks.forward import Branch, Forward, SiteCall
from ..hooks.record import RunRecord
from .caches import BranchCache, RunCaches
from .sharing import Sharing
from .tables import feasible, reads_caches
from .timeline import SiteStep, Timeline


class Computing:
    """Computes sites of a run. caches, sharing: of the run, which others read and empty as well. record: is told what
    served, and what could not be done as planned. keeps: whether what is computed is kept for later steps.
    """

    def __init__(
        self, sites: tuple[Site, ...], timeline: Timeline, caches: RunCaches, sharing: Sharing, record: RunRecord
    ):
        self.keeps = True
        self._sites = sites
        self._timeline = timeline
        self._caches = caches
        self._sharing = sharing
        self._record = record
        self._prepared: set[tuple] = set()  # kinds of calls whose tables the kernels know

    def follow(self, timeline: Timeline) -> None:
        """From now on the run follows another timeline, whose tables the kernels do not know yet."""
        self._timeline = timeline
        self._prepared.clear()

    def attend(self, forward: Forward, call: SiteCall, attention: AttentionCall, entry: SiteStep):
        """(output in the host's format, FLOPs computed) of a site by its entry of the timeline."""
        layout = attention.layout
        if layout is None and entry.table.approximation_groups():
            self._record.note(
                say(
                    "{layer} ran without windows: its {tokens} tokens do not fit the {grid} grid.",
                    layer=call.site.name,
                    tokens=attention.q.shape[2],
                    grid=" x ".join(map(str, call.site.grid(forward.grid))),
                )
            )
        elif layout is not None:
            self._prepare(attention)
        donor = self._sharing.donor(forward, call, entry, layout)
        out, heads_view = attention.buffer()
        # A branch that takes its image tokens from another is served last, when those are there.
        computing = [branch for branch in forward.branches if donor is None or branch.key != donor.target.key]
        tables = [
            feasible(entry, layout, self._caches.of(branch, call), attention.q[forward.rows(branch, call.site)])
            for branch in computing
        ]
        computed = 0
        # Branches with the same table go into one call, unless each reads caches of its own.
        if donor is None and len(set(tables)) == 1 and not reads_caches(tables[0]):
            computed += self._compute(forward, call, attention, tables[0], computing, heads_view, entry)
        else:
            for branch, table in zip(computing, tables, strict=True):
                computed += self._compute(forward, call, attention, table, [branch], heads_view, entry)
        if donor is not None:
            computed += self._sharing.take(forward, call, attention, layout, donor, heads_view, entry)
        elif entry.share and layout is not None:
            self._sharing.offer(forward, call, layout, heads_view)
        if attention.own_rows is not None:
            computed += 4 * attention.q.shape[3] * attention.own_rows(heads_view)
        return out, computed

    def _prepare(self, attention: AttentionCall) -> None:
        """At the first call of a kind, have the kernels make what all calls of that kind need until the run ends."""
        for items, layout in attention.parts(slice(0, attention.q.shape[0])):
            q = attention.q[items]
            kind = (layout, q.shape[1], q.shape[3], q.dtype, q.device)
            if kind not in self._prepared:
                self._prepared.add(kind)
                alike = [number for number, site in enumerate(self._sites) if site.heads == q.shape[1]]
                prepare(q, layout, self._timeline.tables(alike), attention.dense)

    def _compute(self, forward, call, attention, table: HeadTable, branches: Sequence[Branch], out, entry) -> int:
        """Compute the rows of neighbouring branches with one table, and keep what later steps need.

        A table that reads caches takes one branch. Returns the FLOPs computed.
        """
        of_branches = [forward.rows(branch, call.site) for branch in branches]
        rows = slice(of_branches[0].start, of_branches[-1].stop)
        cache = self._caches.of(branches[0], call)
        cached, residual = cache.outputs.read(table.reuse_heads), cache.residuals.read(table.residual_heads)
        fresh: list[torch.Tensor] = []
        computed = 0
        parts = attention.parts(rows)
        for items, layout in parts:
            # A table that reads caches has one branch, whose items its caches hold.
            kept = slice(items.start - rows.start, items.stop - rows.start)
            result = head_wise(
                attention.q[items],
                attention.k[items],
                attention.v[items],
                layout,
                table,
                scale=attention.scale,
                cached=None if cached is None else cached[kept],
                residual=None if residual is None else residual[kept],
                dense=attention.dense,
                out=out[items],
            )
            self._record.served(result.path, result.refusal, result.left)
            if result.residual is not None:
                # The next part's may be in the same memory.
                fresh.append(result.residual if len(parts) == 1 else result.residual.clone())
            head_dim = attention.q.shape[3]
            of_item = flops(layout, table, head_dim) if result.pairs is None else 4 * head_dim * result.pairs
            computed += of_item * (items.stop - items.start)
        new = torch.cat(fresh) if len(fresh) > 1 else next(iter(fresh), None)
        for branch, own in zip(branches, of_branches, strict=True):
            of_branch = None if new is None else new[own.start - rows.start : own.stop - rows.start]
            self._keep(forward, self._caches.of(branch, call), table, entry, out[own], of_branch)
        return computed

    def _keep(self, forward: Forward, cache: BranchCache, table: HeadTable, entry: SiteStep, out, residual) -> None:
        """Write the outputs and new residuals of a branch that later steps read."""
        if not self.keeps:
            return
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
