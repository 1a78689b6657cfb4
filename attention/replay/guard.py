"""Watching a compressed run: a site whose error outgrows what its plan expected gets its worst heads back.

Every few steps the guard attends some image queries of the first picture exactly, or of some sequences of the first
video, and compares them with what the compressed output holds there. An error is measured as the expected one was:
guidance combines the branches, cfg · conditional + (1 - cfg) · unconditional, and a head's error counts by its size
after its slice of the output projection. Nothing that the guard does changes the output of the evaluation that it
looks at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ...kernels import FULL, Layout, full_attention, take
from ..hooks.call import AttentionCall
from ..hooks.forward import COND, UNCOND, Forward, SiteCall
from ..hooks.projections import output_metric
from ..hooks.record import GuardRecord
from ..hooks.run import SamplingRun
from .timeline import SiteStep

EVERY = 4  # steps between two looks at a site
# Looked at, of all sequences together. Chosen by hand, for a cost of about a thousandth of the attention of a picture
# of 4,096 tokens.
QUERIES = 16
# An expected error is a mean over steps: on the demo model single steps of the run that it was measured in reach 1.2 to
# 2.3 times as much, found by a guard at every step of a D3 and a D6 run. Chosen by hand from that.
FACTOR = 2.0  # times the expected error that a site's may be


@dataclass
class _Look:
    """One site in one evaluation: head errors and exact outputs at the sampled queries, (H, n, D) float32.

    Both are sums over the branches seen so far, weighted as guidance does, which leaves the ratio of a lone branch as
    it is. kind: what branches must have in common to be combined. compressed: heads that were not computed in full.
    """

    kind: tuple
    compressed: tuple[int, ...]
    error: torch.Tensor
    exact: torch.Tensor


class Guard:
    """Looks at compressed sites during a run and says which heads must be full from now on.

    expected_errors: relative error of each site's output, see `plans.Level`. A site may exceed it `FACTOR` times. It
    is looked at when it is first compressed and then each `EVERY` steps. Figures stay on the device until `verdict`.
    """

    def __init__(self, expected_errors: Sequence[float], run: SamplingRun):
        self.expected_errors = expected_errors
        self.run = run
        self._weights = {COND: run.record.cfg, UNCOND: 1.0 - run.record.cfg}
        self._looked: dict[int, int] = {}
        self._looks: dict[int, _Look] = {}
        self._seen: set[tuple[int, int]] = set()
        self._queries: dict[tuple[Layout, int], torch.Tensor] = {}
        self._metrics: dict[int, torch.Tensor] = {}
        run.record.guard = GuardRecord()

    def look(
        self,
        forward: Forward,
        call: SiteCall,
        attention: AttentionCall,
        output: torch.Tensor,
        entry: SiteStep,
    ) -> int:
        """Compare a site's output, in the host's format, with exact attention; returns the FLOPs that this took.

        Nothing happens at a site that is not due or not compressed, nor at its further calls in the same forward.
        """
        layout = attention.layout
        compressed = _compressed(entry)
        if call.ordinal or layout is None or not compressed or not self._due(call.number, forward.step):
            return 0
        if call.number not in self._metrics:
            self._metrics[call.number] = output_metric(forward.diffusion_model, call.site, attention.q)
        heads, flops = attention.as_heads(output), 0
        for branch in forward.branches:
            weight = self._weights.get(branch.index, 0.0)
            if not weight or (call.number, branch.index) in self._seen:
                continue
            self._seen.add((call.number, branch.index))
            rows = forward.sampled(branch, call)
            attended = attention.parts(slice(rows.start, rows.start + 1))[0][1].attended
            count = len(range(rows.start, rows.stop, rows.step))
            queries = self._queries_of(layout, attention.q.device, max(1, QUERIES // count))
            q = attention.q[rows][:, :, queries]
            k, v = (take(tensor[rows], attended) for tensor in (attention.k, attention.v))
            exact = full_attention(q, k, v, attention.scale).float()
            error = heads[rows][:, :, queries].float() - exact
            # (rows, H, n, D): the queries of all sequences as those of one.
            error, exact = (tensor.transpose(0, 1).flatten(1, 2) for tensor in (error, exact))
            self._add(call.number, branch.key[2:], compressed, weight * error, weight * exact)
            flops += 4 * q.shape[3] * q.shape[1] * exact.shape[1] * k.shape[2]
        return flops

    def verdict(self, step: int) -> dict[int, tuple[int, ...]]:
        """Heads that must be full from now on, per site, judged by the looks of this evaluation; also recorded."""
        found = {}
        for number, (errors, energies) in self.figures().items():
            allowed = (FACTOR * self.expected_errors[number]) ** 2 * sum(energies)
            # Heads that ran in full are what the host computes; what its arithmetic rounds is not theirs to answer for.
            left = sorted(self._looks[number].compressed, key=lambda head: errors[head])
            worst = []
            while left and sum(errors[head] for head in left) > allowed:
                worst.append(left.pop())
            self._looked[number] = step
            if worst:
                found[number] = tuple(worst)
        record = self.run.record.guard
        record.checks += len(self._looks)
        record.promoted += [[step, number, head] for number, heads in found.items() for head in sorted(heads)]
        return found

    def figures(self) -> dict[int, tuple[list[float], list[float]]]:
        """Per site looked at: e^T M e of each head's error and o^T M o of its exact output, summed over the queries."""
        if not self._looks:
            return {}
        energies = []
        for number, look in self._looks.items():
            both = torch.stack((look.error, look.exact))
            energies.append(((both @ self._metrics[number]) * both).sum((2, 3)).flatten())
        values = iter(torch.cat(energies).tolist())  # the one time that the host waits for the device
        return {
            number: tuple([next(values) for _ in range(len(look.error))] for _ in range(2))
            for number, look in self._looks.items()
        }

    def forget(self) -> None:
        """An evaluation is over: drop its looks."""
        self._looks.clear()
        self._seen.clear()

    def close(self) -> None:
        """Free every tensor."""
        self.forget()
        self._queries.clear()
        self._metrics.clear()

    def _due(self, number: int, step: int) -> bool:
        return number not in self._looked or step - self._looked[number] >= EVERY

    def _add(self, number: int, kind: tuple, compressed, error: torch.Tensor, exact: torch.Tensor) -> None:
        look = self._looks.get(number)
        if look is None:
            self._looks[number] = _Look(kind, compressed, error, exact)
        elif look.kind == kind:
            look.error += error
            look.exact += exact

    def _queries_of(self, layout: Layout, device: torch.device, most: int = QUERIES) -> torch.Tensor:
        """Positions of the sampled queries: one random token of a grid (seeded) in each of so many stretches."""
        if (layout, most) not in self._queries:
            generator = torch.Generator().manual_seed(0)
            placed = torch.cat([torch.arange(*span) for group in layout.groups for span in group.spans])
            count = min(most, len(placed))
            edges = torch.linspace(0, len(placed), count + 1).long()
            offset = (torch.rand(count, generator=generator) * (edges[1:] - edges[:-1])).long()
            self._queries[layout, most] = placed[edges[:-1] + offset].to(device)
        return self._queries[layout, most]


def _compressed(entry: SiteStep) -> tuple[int, ...]:
    """Heads that do not compute full attention of their own in every branch."""
    return tuple(
        head for head, way in enumerate(entry.table.ways) if way != FULL or (entry.share and head not in entry.unshared)
    )
