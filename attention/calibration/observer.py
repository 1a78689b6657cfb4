"""Watching one dense sampling run: what every cheaper way of computing each head would have changed.

At each attention call a few queries are attended exactly. From them come, per head, the head outputs O and for each
window w the difference R_w = O - W_w. Every candidate's error is linear in these: a window costs R_w, a reuse of age a
costs O(s - a) - O(s), a window with a residual of age a costs R_w(s - a) - R_w(s), sharing costs the difference of the
branches. Branches are combined as guidance combines them (`guidance.py`), because errors that they make alike cancel
there. An error's size is taken after the head's slice of the output projection.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ...kernels import Approximation, HeadTable, Int8, Layout, Pooled, Reference, head_wise, pool
from ..families import Site
from ..hooks.call import AttentionCall
from ..hooks.projections import output_root
from ..hooks.run import COND, UNCOND, Forward, SamplingRun, SiteCall
from .guidance import Guidance, Part

# Sampled queries a site. 48 image queries from a quasi-random sequence estimate as well as 64 at random did: median
# deviation from all queries 0.19 (windows), 0.27 (residuals), 0.15 (reuse), on the demo model.
IMAGE_QUERIES = 48
REFERENCE_QUERIES = 16  # of all references together
TEXT_QUERIES = 16
HISTORY_BYTES = 512 * 2**20
CHUNK_BYTES = 128 * 2**20
MOST_BRANCHES = 4  # of an evaluation that are sampled; more come of masks and areas that split a prompt


@dataclass
class Queries:
    """Sampled queries of a layout: sequence positions, of which the first `image` are the image's, and the first
    `placed` these and the references'.

    ways: the W approximations, in order. masks, far: of those W' ways that are masks, for the placed queries: over keys
    (W', n, L) and over pooled keys (W', n, T). pools: whether any of them pools. weight (n,): of each query in a mean
    over the sequence. sequences: of how many of one item the same positions are sampled; the queries of all of them
    follow one another then, and are what `image`, `placed` and `weight` count.
    """

    layout: Layout
    positions: torch.Tensor
    image: int
    placed: int
    ways: tuple[Approximation, ...]
    masks: torch.Tensor
    far: torch.Tensor
    pools: bool
    weight: torch.Tensor
    sequences: int = 1

    def of_sequences(self, count: int) -> Queries:
        """The same positions in so many sequences, in which there is nothing beside the image."""
        image, placed = self.image * count, self.placed * count
        return replace(self, image=image, placed=placed, weight=self.weight.repeat(count) / count, sequences=count)


@dataclass
class Sample:
    """Head outputs at the sampled queries, (H, n, D), and their differences from each way's, (W, H, n_placed, D)."""

    output: torch.Tensor
    residual: torch.Tensor


class SiteRecord:
    """Errors of one site's heads over the run: energies after the output projection, per token of the sequence.

    way (S, H, W), residual (S, H, W, A), reuse (S, H, A), share (S,); NaN where nothing was measured.
    share_cosine (S,): between the error of sharing at a step and at the one before; 1 where it is not known.
    energy (S,): of the exact outputs of all heads, over the placed queries alone; what errors are relative to.
    """

    def __init__(self, site: Site, steps: int, ways: int, ages: int):
        self.site = site
        self.way = np.full((steps, site.heads, ways), np.nan)
        self.residual = np.full((steps, site.heads, ways, ages), np.nan)
        self.reuse = np.full((steps, site.heads, ages), np.nan)
        self.share = np.full(steps, np.nan)
        self.share_cosine = np.ones(steps)
        self.energy = np.full(steps, np.nan)
        self._shared: dict[tuple, tuple[int, torch.Tensor]] = {}
        # By the token grid: of the whole picture, or of an area of it.
        self._history: dict[tuple, deque[tuple[int, Sample]]] = {}
        self._ages = ages

    def add(
        self,
        step: int,
        sample: Sample,
        shared: torch.Tensor | None,
        root: torch.Tensor,
        queries: Queries,
        grid: tuple[int, ...],
        part: float = 1.0,
    ) -> None:
        """Score every candidate of this step against the samples of the steps before it.

        shared: error of sharing at the placed queries, (H, n_placed, D). root: (H, D, D), see `output_root`. grid: of
        the tokens of the latent or its area. part: of the picture that the sample is of; what was added of other parts
        at this step stays.
        """
        sample = Sample(sample.output @ root, sample.residual @ root)
        placed = queries.weight[: queries.placed]
        _plus(self.way[step], part * _energy(sample.residual, placed).T)
        self.energy[step] = np.nan_to_num(self.energy[step])
        self.energy[step] += part * _energy(sample.output[:, : queries.placed], placed).sum()
        history = self._history.setdefault(grid, deque(maxlen=self._ages))
        past = [(step - before, old) for before, old in history if old.output.shape == sample.output.shape]
        past = [(age, old) for age, old in past if 1 <= age <= self.reuse.shape[2]]
        if past:
            ages = [age - 1 for age, _ in past]
            outputs, residuals = (torch.stack([getattr(old, n) for _, old in past]) for n in ("output", "residual"))
            _plus(self.reuse[step], part * _energy(outputs - sample.output, queries.weight).T, ages)
            _plus(self.residual[step], part * _energy(residuals - sample.residual, placed).transpose(2, 1, 0), ages)
        if shared is not None:
            self._add_shared(step, shared @ root, placed, grid, part)
        history.append((step, sample))

    def close(self) -> None:
        """Free the samples."""
        self._history.clear()
        self._shared.clear()

    def _add_shared(self, step: int, shared: torch.Tensor, weight: torch.Tensor, grid: tuple, part: float) -> None:
        one = _energy(shared, weight).sum()
        self.share[step] = np.nan_to_num(self.share[step]) + part * one
        before = self._shared.get(grid)
        if before is not None and before[0] == step - 1:
            apart, other = _energy(shared - before[1], weight).sum(), _energy(before[1], weight).sum()
            self.share_cosine[step] = np.clip((one + other - apart) / max(2 * np.sqrt(one * other), 1e-30), 0, 1)
        self._shared[grid] = (step, shared)


def _plus(sums: np.ndarray, more: np.ndarray, at: list[int] | slice = slice(None)) -> None:
    """Add to some entries of the last axis, of which NaN are those that nothing was added to yet."""
    sums[..., at] = np.nan_to_num(sums[..., at]) + more


def _energy(error: torch.Tensor, weight: torch.Tensor) -> np.ndarray:
    """Weighted mean of squared lengths: error (..., n, D), weight (n,) -> (...). Other queries count as exact."""
    return (torch.linalg.vector_norm(error, dim=-1).square() @ weight).cpu().numpy()


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
            samples = _samples(*(tensor[_every(rows)] for tensor in tensors), queries, attention.scale)
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
        sample = _combined({part: one for part, (one, _) in kept.items()}, found, main, queries)
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
            picked = _pick_queries(layout, ways, max(1, self._image_queries // sequences), device)
            self._queries[layout, ways, sequences] = picked if sequences == 1 else picked.of_sequences(sequences)
        return self._queries[layout, ways, sequences]


def approximated(attention: AttentionCall, way: Approximation) -> torch.Tensor:
    """The attention output, in the host's format, with every head computed in one way: a known error to follow."""
    output, heads = attention.buffer()
    table = HeadTable.uniform(heads.shape[1], way)
    for items, layout in attention.parts(slice(0, heads.shape[0])):
        q, k, v = (tensor[items] for tensor in (attention.q, attention.k, attention.v))
        head_wise(q, k, v, layout, table, scale=attention.scale, dense=attention.dense, out=heads[items])
    return output


def _alike(one: Layout, other: Layout) -> bool:
    """Whether two sequences have the same grids, whatever the length of their texts."""

    def grids(layout):
        return layout.grid, [(each.grid, each.place, each.start - layout.prefix) for each in layout.references]

    return grids(one) == grids(other)


def _every(at: list[int]) -> slice | list[int]:
    """These ascending indices as a slice where they are evenly spaced: a view where a list of them is a copy."""
    step = at[1] - at[0] if len(at) > 1 else 1
    return slice(at[0], at[-1] + 1, step) if at == list(range(at[0], at[-1] + 1, step)) else at


def _samples(q, k, v, output, queries: Queries, scale: float | None) -> list[Sample]:
    """A sample for each picture. q, k, v, output: (B, H, L, D), of as many sequences as queries has for each."""
    exact = output[:, :, queries.positions].float()
    residual = exact[:, None, :, : queries.placed] - _by_each_way(q, k, v, queries, scale)
    return [Sample(*of_picture) for of_picture in zip(*(_in_one(x, queries.sequences) for x in (exact, residual)))]


def _in_one(x: torch.Tensor, sequences: int) -> torch.Tensor:
    """(B * sequences, ..., n, D) with the queries of an item's sequences in a row: (B, ..., sequences * n, D)."""
    return x if sequences == 1 else x.unflatten(0, (-1, sequences)).movedim(1, -3).flatten(-3, -2)


def _by_each_way(q, k, v, queries: Queries, scale: float | None) -> torch.Tensor:
    """Each way's output at the placed queries: (B, W, H, n_placed, D) float32."""
    if not queries.ways:
        return q.new_zeros(q.shape[0], 0, q.shape[1], queries.placed // queries.sequences, q.shape[3]).float()
    masked = iter(())
    if len(queries.masks):
        pooled = pool(q, k, v, queries.layout, scale) if queries.pools else None
        parts = [
            _masked(q[:, span], k[:, span], v[:, span], queries, scale, pooled and _heads(pooled, span))
            for span in _head_chunks(q, queries.placed // queries.sequences * len(queries.masks))
        ]
        together = torch.cat(parts, dim=2)
        if len(queries.masks) == len(queries.ways):
            return together
        masked = iter(together.unbind(1))
    at = queries.positions[: queries.placed]
    outputs = [
        next(masked) if way.by_masks else way.at_rows(q, k, v, queries.layout, at, scale) for way in queries.ways
    ]
    return torch.stack(outputs, dim=1)


def _combined(kept: dict[Part, Sample], weights: dict[Part, float], main: Part, queries: Queries) -> Sample:
    """All branches as guidance combines them. queries: of the `main` branch.

    The image's queries stand at the same pixels in every branch. Those of references do so where every branch has the
    same, and those of text where the prompts are equally long; otherwise the main branch's own are taken as they are.
    """
    if len(kept) == 1 and weights[main] == 1.0:
        return kept[main]

    def combined(of_sample, start: int, stop: int | None, alike: bool):
        some = {part: of_sample(one)[..., start:stop, :] for part, one in kept.items()}
        return sum(weights[part] * one for part, one in some.items()) if alike else some[main]

    image, placed = queries.image, queries.placed
    references = all(one.residual.shape == kept[main].residual.shape for one in kept.values())
    text = all(one.output.shape == kept[main].output.shape for one in kept.values())
    spans = ((0, image, True), (image, placed, references), (placed, None, references and text))
    output = [combined(lambda one: one.output, *span) for span in spans]
    residual = [combined(lambda one: one.residual, *span) for span in spans[:2]]
    return Sample(torch.cat(output, dim=1), torch.cat(residual, dim=2))


def _masked(q, k, v, queries: Queries, scale: float | None, pooled: Pooled | None) -> torch.Tensor:
    """Outputs of the ways that are masks at the placed queries: (B, W', h, n_placed, D) float32."""
    scaled = q[:, :, queries.positions[: queries.placed]].float() * (scale or q.shape[-1] ** -0.5)
    # Products of several pictures copy what does not lie together, transposed keys slowly.
    k, v = (x.float().contiguous() for x in (k, v))
    logits = scaled @ k.transpose(2, 3)
    row_maximum = logits.amax(-1, keepdim=True)
    if pooled is not None:
        of_tiles = scaled @ pooled.k.float().transpose(2, 3) + pooled.bias[:, :, None]
        row_maximum = torch.maximum(row_maximum, of_tiles.amax(-1, keepdim=True))
    row_sum, values = _attended(logits.sub_(row_maximum).exp_(), queries.masks, v)
    if pooled is not None:
        pooled_sum, pooled_values = _attended(of_tiles.sub_(row_maximum).exp_(), queries.far, pooled.v.float())
        row_sum, values = row_sum + pooled_sum, values + pooled_values
    return (values / row_sum.clamp_min(1e-30)[..., None]).transpose(1, 2)


def _attended(weights: torch.Tensor, masks: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums of weights (B, h, n, N), and of values (B, h, N, D) by them, under masks (W, n, N): (B, h, W, n) and
    (B, h, W, n, D)."""
    of_all = (weights[:, :, None] * masks).flatten(2, 3)  # one product serves all ways
    sums = torch.einsum("bhnk,wnk->bhwn", weights, masks)
    return sums, (of_all @ values).unflatten(2, masks.shape[:2])


def _heads(pooled: Pooled, span: slice) -> Pooled:
    """Some of the heads."""
    return Pooled(pooled.k[:, span], pooled.v[:, span], pooled.bias[:, span])


def _head_chunks(q: torch.Tensor, queries: int):
    """Slices of the head axis whose attention weights stay within CHUNK_BYTES."""
    each = max(1, CHUNK_BYTES // (4 * queries * q.shape[0] * q.shape[2]))
    return [slice(start, start + each) for start in range(0, q.shape[1], each)]


def _pick_queries(layout: Layout, ways: tuple[Approximation, ...], image_queries: int, device) -> Queries:
    """Queries spread evenly over the image's grid, over those of references, and over global tokens."""
    image = layout.prefix + spread(layout.grid, min(image_queries, layout.image))
    references = [_of_reference(one, layout.referenced) for one in layout.references]
    outside = _positions(layout.global_spans)
    some = outside[torch.linspace(0, max(0, len(outside) - 1), min(TEXT_QUERIES, len(outside))).long()]
    parts = [(image, layout.image), *zip(references, (math.prod(one.grid) for one in layout.references))]
    placed = torch.cat([positions for positions, _ in parts])
    weight = [
        torch.full((len(positions),), tokens / layout.length / max(1, len(positions)))
        for positions, tokens in (*parts, (some, layout.globals))
    ]
    by_masks = [way for way in ways if way.by_masks]
    masks = _stacked([way.row_mask(layout, placed) for way in by_masks], device)
    far = _stacked([way.far_tiles(layout, placed) for way in by_masks], device)
    positions = torch.cat((placed, some)).to(device)
    pools, weights = bool(far.any()), torch.cat(weight).to(device)
    return Queries(layout, positions, len(image), len(placed), ways, masks, far, pools, weights)


def _of_reference(one: Reference, of_all: int) -> torch.Tensor:
    """Its share of the queries of all references, at least one."""
    tokens = math.prod(one.grid)
    return one.start + spread(one.grid, min(tokens, max(1, round(REFERENCE_QUERIES * tokens / of_all))))


def _positions(spans) -> torch.Tensor:
    return torch.cat([torch.arange(start, stop) for start, stop in spans] or [torch.zeros(0, dtype=torch.int64)])


def _stacked(masks: list[torch.Tensor], device) -> torch.Tensor:
    """(W', n, ...) float32 of W' masks (n, ...), which may be none."""
    return torch.stack(masks).to(device, torch.float32) if masks else torch.zeros(0, device=device)


def spread(grid: tuple[int, ...], count: int) -> torch.Tensor:
    """(count,) distinct tokens of a grid with as many or more, in ascending order, spread evenly over all of its axes.

    They follow the additive recurrence R_d (M. Roberts, "The unreasonable effectiveness of quasirandom sequences",
    2018, extremelearning.com.au): on the demo model 48 of them estimate errors as well as 64 tokens at random within
    stretches of raster order.
    """
    if count == math.prod(grid):
        return torch.arange(count)
    root = 2.0
    for _ in range(64):  # of root ** (d + 1) = root + 1
        root = (1.0 + root) ** (1.0 / (len(grid) + 1))
    steps = [root ** -(axis + 1) for axis in range(len(grid))]
    found: dict[int, None] = {}
    number = 0
    while len(found) < count:
        token = 0
        for n, step in zip(grid, steps):
            token = token * n + min(n - 1, int((0.5 + number * step) % 1.0 * n))
        found[token] = None
        number += 1
    return torch.tensor(sorted(found), dtype=torch.int64)


def _affordable_queries(sites, ways: int, ages: int) -> int:
    """Queries a site so that the history of the whole model stays within HISTORY_BYTES."""
    each = sum(4 * site.heads * site.head_dim for site in sites) * (ways + 1) * (ages + 2)
    return int(min(IMAGE_QUERIES, max(16, HISTORY_BYTES // each)))
