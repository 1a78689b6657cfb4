"""The conditional branch's attention output serving the unconditional branch (DiTFastAttn's ASC, arXiv 2406.08552)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ...kernels import FULL, HeadTable, Layout, global_rows, head_wise
from ..hooks.call import AttentionCall
from ..hooks.forward import COND, UNCOND, Branch, Forward, SiteCall
from ..hooks.run import SamplingRun
from .caches import RunCaches
from .timeline import SiteStep


@dataclass(frozen=True)
class Donor:
    """Where the target branch's image tokens come from.

    source: branch of the same batch that computes them, or None where they were computed in an earlier forward: then
    image holds them, (B, H, locals, D). References go with the image.
    """

    target: Branch
    source: Branch | None
    image: torch.Tensor | None


class Sharing:
    """What the conditional branch computed in the current model evaluation, for the unconditional branch to take.

    The host evaluates both branches in one batch or one after the other. In the second case the image tokens of the
    first forward are held until the evaluation is over.
    """

    def __init__(self, run: SamplingRun, caches: RunCaches):
        self._run = run
        self._caches = caches
        self._offers: dict[tuple, torch.Tensor | None] = {}

    def donor(self, forward: Forward, call: SiteCall, entry: SiteStep, layout: Layout | None) -> Donor | None:
        """Who serves the unconditional branch of this forward at a site; None where it computes for itself."""
        known = layout is not None and forward.single and not forward.attention_patched
        if not (known and entry.share and self._run.shares_guidance):
            return None
        pair = forward.pair()
        if pair is not None:
            return Donor(pair[1], pair[0], None)
        if len(forward.branches) != 1 or forward.branches[0].index != UNCOND:
            return None
        branch = forward.branches[0]
        image = self._offers.get(_key(call, layout, branch))
        return None if image is None else Donor(branch, None, image)

    def offer(self, forward: Forward, call: SiteCall, layout: Layout, out: torch.Tensor) -> None:
        """Hold the image tokens of a forward that has the conditional branch alone; out: (B, H, L, D).

        A second conditional forward (several prompts) makes the offer ambiguous: nobody may take it then.
        """
        alone = [branch.index for branch in forward.branches] == [COND]
        if not (alone and forward.single and self._run.shares_guidance):
            return
        key = _key(call, layout, forward.branches[0])
        image = out[:, :, layout.local]
        self._offers[key] = None if key in self._offers else image

    def take(
        self, forward: Forward, call: SiteCall, attention: AttentionCall, layout: Layout, donor: Donor, out, entry
    ) -> int:
        """Write the target branch's rows of out (B, H, L, D): image tokens copied, its own global tokens computed.

        Heads that the guard has made full are computed in both branches. Returns the FLOPs computed.
        """
        rows, span = forward.rows(donor.target, call.site), layout.local
        view = out[rows]
        source = donor.source
        view[:, :, span] = donor.image if source is None else out[forward.rows(source, call.site)][:, :, span]
        unshared, computed = list(entry.unshared), 0
        for items, own in attention.parts(rows):
            q, k, v = (tensor[items] for tensor in (attention.q, attention.k, attention.v))
            global_rows(q, k, v, own, attention.scale, out[items])
            if unshared:
                some = HeadTable.uniform(len(unshared), FULL)
                alone = (tensor[:, unshared] for tensor in (q, k, v))
                out[items][:, unshared] = head_wise(*alone, own, some, scale=attention.scale, dense=attention.dense).out
            pairs = (q.shape[1] * own.globals + len(unshared) * own.length) * own.keys
            computed += 4 * q.shape[3] * pairs * q.shape[0]
        self._keep(forward, call, layout, donor, view, attention.q[rows], entry)
        return computed

    def clear(self) -> None:
        """The evaluation is over: nothing may be taken from it any more."""
        self._offers.clear()

    def _keep(self, forward, call, layout: Layout, donor: Donor, view, q, entry: SiteStep) -> None:
        """What later steps of the target branch will read: its outputs, and the residuals that the source has new."""
        target = self._caches.of(donor.target, call)
        keep = [head for head, flag in enumerate(entry.keep) if flag]
        if keep:
            target.outputs.write(keep, view, forward.step)
        if donor.source is None:
            return
        source = self._caches.of(donor.source, call).residuals
        ready = [head for head in entry.table.refresh_heads if source.fresh(head, forward.step, q, layout.locals)]
        if ready:
            target.residuals.write(ready, source.read(ready), forward.step, range(len(ready)))


def _key(call: SiteCall, layout: Layout, branch: Branch) -> tuple:
    """What two branches must have in common: the site, the grids and the rest of the key but its uuid and index."""
    beside = [(one.grid, one.place, one.start - layout.prefix) for one in layout.references]
    return (call.number, call.ordinal, layout.grid, tuple(beside), branch.key[2:])
