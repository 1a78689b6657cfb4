"""Watching one dense sampling run: what every cheaper way of computing each head would have changed.

At each attention call a few queries are attended exactly. From them come, per head, the head outputs O and for each
window w the difference R_w = O - W_w. Every candidate's error is linear in these: a window costs R_w, a reuse of age a
costs O(s - a) - O(s), a window with a residual of age a costs R_w(s - a) - R_w(s), sharing costs the difference of the
branches. Branches are combined as guidance combines them (`guidance.py`), because errors that they make alike cancel
there. An error's size is taken after the head's slice of the output projection.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import torch

from ...kernels import Approximation, Int8, Layout
from ..families import Site
from ..hooks.call import AttentionCall
from ..hooks.forward import COND, UNCOND, Forward, SiteCall
from ..hooks.projections import output_root
from ..hooks.run import SamplingRun
from .guidance import Guidance, Part
from .queries import IMAGE_QUERIES, Queries, pick_queries
from .samples import Sample, combine, take_samples
from .site_record import SiteRecord

HISTORY_BYTES = 512 * 2**20
MOST_BRANCHES = 4  # of an evaluation that are sampled; more come of masks and areas that split a prompt


class Observer:
    """Collects samples of the sites during a dense run. Holds no tensor once `close` was called.

    ways: of each site, those to score there. layouts, folds: see `DenseRun`.
    """

    def __init__(
        self,
        sites: tuple[Site, ...],
        run: SamplingRun,
        ways: Sequence[tuple[Approximation, ...]],
        ages: int,
        image_queries: int = IMAGE_QUERIES,
    ):
        self.sites = sites
        self.run = run
        self.ways = ways
        both = list(zip(sites, ways, strict=True))
        self.records = [SiteRecord(site, len(run.positions), len(of_site), ages) for site, of_site in both]
        self.layouts: dict[int, Layout] = {}
        self.folds: dict[int, int] = {}
        self.branches: set[Part] = set()
        self._whole = 0  # tokens of the run's latent
        self._queries: dict[tuple, Queries] = {}
        self._roots: dict[int, torch.Tensor] = {}
        # By site, token grid of the latent or its area, and branch: its samples, and where they are taken.
        self._branch_samples: dict[int, dict[tuple, dict[Part, tuple[Sample, Queries]]]] = {}
        self._areas: Counter[tuple] = Counter()  # forwards of each branch by the grid, at the first site
        # INT8, which only some runs measure, is not to change how well the others are.
        sampled = max((sum(not isinstance(way, Int8) for way in of_site) for of_site in ways), default=0)
        self._image_queries = min(image_queries, _affordable_queries(sites, sampled, ages))

    def observe(self, forward: Forward, call: SiteCall, attention: AttentionCall, output: torch.Tensor) -> None:
        """Take samples of one attention call, for the first picture of the batch."""
        self._whole = max(self._whole, math.prod(forward.family.grid(forward.diffusion_model, self.run.shape)))
        if call.ordinal or attention.obstacle or attention.layout is None:
            return
        if attention.q.shape[0] != forward.sequences(call.site):
            return
        if call.number not in self._roots:
            self._roots[call.number] = output_root(forward.diffusion_model, call.site, attention.q)
        grid = forward.grid
        by_grid = self._branch_samples.setdefault(call.number, {})
        kept = by_grid.setdefault(grid, {})
        first: dict[Layout, dict[int, tuple[Part, slice]]] = {}  # of each layout, by the first row: what is sampled
        seen, many = set(kept), sum(map(len, by_grid.values()))
        for branch in forward.branches:
            part, rows = (forward.number, branch.index), forward.sampled(branch, call)
            if part not in seen and many < MOST_BRANCHES:
                seen.add(part)
                many += 1
                ((_, layout),) = attention.parts(slice(rows.start, rows.start + 1))
                first.setdefault(layout, {})[rows.start] = (part, rows)
            self._areas[(call.number, grid, part)] += 1
        for layout, found in first.items():
            parts = [part for _, (part, _) in sorted(found.items())]
            rows = [row for _, (_, some) in sorted(found.items()) for row in range(some.start, some.stop, some.step)]
            queries = self._queries_of(layout, call.number, len(rows) // len(parts), attention.q.device)
            tensors = (attention.q, attention.k, attention.v, attention.as_heads(output))
            samples = take_samples(*(tensor[_every(rows)] for tensor in tensors), queries, attention.scale)
            for part, sample in zip(parts, samples, strict=True):
                kept[part] = (sample, queries)
                self.branches.add(part)
                known = self.layouts.get(call.number, layout)
                if known is layout or layout.image > known.image or (layout.image == known.image and part[1] == COND):
                    self.layouts[call.number], self.folds[call.number] = layout, forward.fold(call.site)

    def finish(self, step: int, guidance: Guidance, guided: torch.Tensor) -> None:
        """Combine the branches of this evaluation, which gave `guided`, and score the candidates."""
        weights: dict[tuple, dict[Part, float]] = {}
        for number, by_grid in self._branch_samples.items():
            left, every = 1.0, {part for kept in by_grid.values() for part in kept}
            # Areas first: they have a say in what the whole picture would have alone.
            for grid, kept in sorted(by_grid.items(), key=lambda one: math.prod(one[0])):
                if not kept:
                    continue
                covered = left if math.prod(grid) >= self._whole else min(left, self._covered(number, grid, kept))
                left -= covered
                if covered > 0:
                    self._finish(step, number, grid, kept, weights, guidance, guided, covered, every)
        self._branch_samples.clear()
        self._areas.clear()

    def _covered(self, number: int, grid: tuple, parts) -> float:
        """How much of the picture the areas of one size cover, or the windows of one length."""
        most: dict[int, int] = {}  # of each pass
        for part in parts:
            most[part[0]] = max(most.get(part[0], 0), self._areas[number, grid, part])
        return sum(most.values()) * math.prod(grid) / self._whole

    def _finish(
        self, step, number, grid, kept, weights, guidance: Guidance, guided, covered: float, every: set[Part]
    ) -> None:
        """The same of one site and one token grid, which covers so much of the picture."""
        parts = tuple(kept)
        others = bool(every - set(parts))
        if (parts, others) not in weights:
            weights[parts, others] = guidance.weights(list(parts), guided, others)
        found = weights[parts, others]
        # Text is sampled where the branch with the most say has it.
        main = max(parts, key=lambda part: (abs(found[part]), -part[1]))
        queries = kept[main][1]
        sample = combine({part: one for part, (one, _) in kept.items()}, found, main, queries)
        pair = {part[1]: part for part in parts} if self.run.shares_guidance and len(parts) == 2 else {}
        shared = None
        if set(pair) == {COND, UNCOND} and _alike(*(kept[part][1].layout for part in pair.values())):
            cond, uncond = (kept[pair[index]][0].output[:, : queries.placed] for index in (COND, UNCOND))
            shared = found[pair[UNCOND]] * (cond - uncond)
        self.records[number].add(step, sample, shared, self._roots[number], queries, grid, covered)

    def close(self) -> None:
        """Free every tensor; the figures stay."""
        for record in self.records:
            record.close()
        self._branch_samples.clear()
        self._queries.clear()
        self._roots.clear()

    def _queries_of(self, layout: Layout, number: int, sequences: int, device: torch.device) -> Queries:
        """Of a site's layout, as many in each of some sequences as in one are enough for all of them together."""
        ways = self.ways[number]
        if (layout, ways, sequences) not in self._queries:
            picked = pick_queries(layout, ways, max(1, self._image_queries // sequences), device)
            self._queries[layout, ways, sequences] = picked if sequences == 1 else picked.of_sequences(sequences)
        return self._queries[layout, ways, sequences]


def _alike(one: Layout, other: Layout) -> bool:
    """Whether two sequences have the same grids, whatever the length of their texts."""

    def grids(layout):
        return layout.grid, [(each.grid, each.place, each.start - layout.prefix) for each in layout.references]

    return grids(one) == grids(other)


def _every(at: list[int]) -> slice | list[int]:
    """These ascending indices as a slice where they are evenly spaced: a view where a list of them is a copy."""
    step = at[1] - at[0] if len(at) > 1 else 1
    return slice(at[0], at[-1] + 1, step) if at == list(range(at[0], at[-1] + 1, step)) else at


def _affordable_queries(sites, ways: int, ages: int) -> int:
    """Queries a site so that the history of the whole model stays within HISTORY_BYTES."""
    each = sum(4 * site.heads * site.head_dim for site in sites) * (ways + 1) * (ages + 2)
    return int(min(IMAGE_QUERIES, max(16, HISTORY_BYTES // each)))
