"""Watching one dense sampling run: what every cheaper way of computing each head would have changed.

At each attention call a few query rows are attended exactly. From them come, per head, the head outputs O and for each
window w the difference R_w = O − W_w. Every candidate's error is linear in these: a window costs R_w, a reuse of age a
costs O(s − a) − O(s), a window with a residual of age a costs R_w(s − a) − R_w(s), sharing costs the difference of the
branches. Branches are combined as guidance combines them, cfg · conditional + (1 − cfg) · unconditional, because errors
that both make alike cancel there. An error's size is taken after the head's slice of the output projection.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
import torch

from ...kernels import HeadTable, Layout, Method, Pooled, Window, far_tiles, head_wise, pool, row_mask
from ..families import Site
from ..hooks.call import AttentionCall
from ..hooks.projections import output_root
from ..hooks.run import COND, UNCOND, Forward, SamplingRun, SiteCall

IMAGE_ROWS = 48
TEXT_ROWS = 16
HISTORY_BYTES = 512 * 2**20
CHUNK_BYTES = 128 * 2**20


@dataclass
class Rows:
    """Sampled query rows of a layout: sequence positions, how many (the first) are image rows, and for these the
    windows' masks over keys (W, n, L) and over pooled keys (W, n, T), and whether any window pools. weight: of each row
    in a mean over the sequence."""

    layout: Layout
    positions: torch.Tensor
    image: int
    masks: torch.Tensor
    far: torch.Tensor
    pools: bool
    weight: torch.Tensor


@dataclass
class Sample:
    """Head outputs at the sampled rows, (H, n, D), and their differences from each window's, (W, H, n_image, D)."""

    output: torch.Tensor
    residual: torch.Tensor


class SiteRecord:
    """Errors of one site's heads over the run: energies after the output projection, per row of the sequence.

    window (S, H, W), residual (S, H, W, A), reuse (S, H, A), share (S,); NaN where nothing was measured.
    share_cosine (S,): between the error of sharing at a step and at the one before; 1 where it is not known.
    energy (S,): of the exact outputs of all heads, over the image rows alone; what errors are relative to.
    """

    def __init__(self, site: Site, steps: int, windows: int, ages: int):
        self.site = site
        self.window = np.full((steps, site.heads, windows), np.nan)
        self.residual = np.full((steps, site.heads, windows, ages), np.nan)
        self.reuse = np.full((steps, site.heads, ages), np.nan)
        self.share = np.full(steps, np.nan)
        self.share_cosine = np.ones(steps)
        self.energy = np.full(steps, np.nan)
        self._shared: tuple[int, torch.Tensor] | None = None
        self.history: deque[tuple[int, Sample]] = deque(maxlen=ages)

    def add(self, step: int, sample: Sample, shared: torch.Tensor | None, root: torch.Tensor, rows: Rows) -> None:
        """Score every candidate of this step against the samples of the steps before it.

        shared: error of sharing at the image rows, (H, n_image, D). root: (H, D, D), see `output_root`.
        """
        sample = Sample(sample.output @ root, sample.residual @ root)
        image = rows.weight[: rows.image]
        self.window[step] = _energy(sample.residual, image).T
        self.energy[step] = _energy(sample.output[:, : rows.image], image).sum()
        past = [(step - before, old) for before, old in self.history if old.output.shape == sample.output.shape]
        past = [(age, old) for age, old in past if 1 <= age <= self.reuse.shape[2]]
        if past:
            ages = [age - 1 for age, _ in past]
            outputs, residuals = (torch.stack([getattr(old, n) for _, old in past]) for n in ("output", "residual"))
            self.reuse[step][:, ages] = _energy(outputs - sample.output, rows.weight).T
            self.residual[step][:, :, ages] = _energy(residuals - sample.residual, image).transpose(2, 1, 0)
        if shared is not None:
            self._add_shared(step, shared @ root, image)
        self.history.append((step, sample))

    def close(self) -> None:
        """Free the samples."""
        self.history.clear()
        self._shared = None

    def _add_shared(self, step: int, shared: torch.Tensor, weight: torch.Tensor) -> None:
        self.share[step] = _energy(shared, weight).sum()
        if self._shared is not None and self._shared[0] == step - 1:
            apart = _energy(shared - self._shared[1], weight).sum()
            one, other = self.share[step], self.share[step - 1]
            self.share_cosine[step] = np.clip((one + other - apart) / max(2 * np.sqrt(one * other), 1e-30), 0, 1)
        self._shared = (step, shared)


def _energy(error: torch.Tensor, weight: torch.Tensor) -> np.ndarray:
    """Weighted mean of squared lengths: error (..., n, D), weight (n,) → (...). Rows not among them count as exact."""
    return (torch.linalg.vector_norm(error, dim=-1).square() @ weight).cpu().numpy()


class Observer:
    """Collects samples of the sites during a dense run. Holds no tensor once `close` was called."""

    def __init__(self, sites: tuple[Site, ...], run: SamplingRun, windows: tuple[Window, ...], ages: int, cfg: float):
        self.sites = sites
        self.run = run
        self.windows = windows
        self.cfg = cfg
        self.records = [SiteRecord(site, len(run.positions), len(windows), ages) for site in sites]
        self.layouts: dict[int, Layout] = {}
        self.branches: set[int] = set()
        self._rows: dict[Layout, Rows] = {}
        self._roots: dict[int, torch.Tensor] = {}
        self._branch_samples: dict[int, dict[int, Sample]] = {}
        self._image_rows = _affordable_rows(sites, len(windows), ages)

    def observe(self, forward: Forward, call: SiteCall, attention: AttentionCall, output: torch.Tensor) -> None:
        """Take samples of one attention call, for the first picture of the batch."""
        layout = forward.layout(call.site, attention.q.shape[2], attention.options)
        if attention.obstacle or layout is None or attention.q.shape[0] != forward.rows:
            return
        rows = self._rows_of(layout, attention.q.device)
        if call.number not in self._roots:
            self._roots[call.number] = output_root(forward.diffusion_model, call.site, attention.q)
        kept = self._branch_samples.setdefault(call.number, {})
        first: dict[int, int] = {}
        for branch in forward.branches:
            if branch.index in (COND, UNCOND) and branch.index not in kept:
                first.setdefault(branch.index, branch.rows.start)
        if not first:
            return
        pictures = _every(sorted(first.values()))
        tensors = (attention.q, attention.k, attention.v, attention.as_heads(output))
        samples = _samples(*(tensor[pictures] for tensor in tensors), rows, attention.scale)
        for (index, _), sample in zip(sorted(first.items(), key=lambda item: item[1]), samples, strict=True):
            kept[index] = sample
            self.branches.add(index)
        if COND in first:
            self.layouts[call.number] = layout

    def finish(self, step: int) -> None:
        """Combine the branches of this evaluation and score the candidates."""
        for number, kept in self._branch_samples.items():
            if COND not in kept:
                continue
            shared = None
            sample = kept[COND]
            rows = self._rows[self.layouts[number]]
            if UNCOND in kept:
                shared, sample = _guided(sample, kept[UNCOND], self.cfg, rows.image)
            self.records[number].add(step, sample, shared, self._roots[number], rows)
        self._branch_samples.clear()

    def close(self) -> None:
        """Free every tensor; the figures stay."""
        for record in self.records:
            record.close()
        self._branch_samples.clear()
        self._rows.clear()
        self._roots.clear()

    def _rows_of(self, layout: Layout, device: torch.device) -> Rows:
        if layout not in self._rows:
            self._rows[layout] = _pick_rows(layout, self.windows, self._image_rows, device)
        return self._rows[layout]


def windowed(attention: AttentionCall, layout: Layout, window: Window) -> torch.Tensor:
    """The attention output, in the host's format, with every head windowed: a known error to follow to the end."""
    output, heads = attention.buffer()
    table = HeadTable.uniform(heads.shape[1], Method.WINDOW, window)
    head_wise(
        attention.q, attention.k, attention.v, layout, table, scale=attention.scale, dense=attention.dense, out=heads
    )
    return output


def _every(at: list[int]) -> slice:
    """The slice of these one or two ascending indices: a view where a list of them would be a copy."""
    return slice(at[0], at[-1] + 1, max(1, at[-1] - at[0]))


def _samples(q, k, v, output, rows: Rows, scale: float | None) -> list[Sample]:
    """A sample for each picture. q, k, v, output: (B, H, L, D)."""
    pooled = pool(q, k, v, rows.layout, scale) if rows.pools else None
    windowed = torch.cat(
        [
            _windowed(q[:, span], k[:, span], v[:, span], rows, scale, pooled and _heads(pooled, span))
            for span in _head_chunks(q, rows.image * len(rows.masks))
        ],
        dim=2,
    )
    exact = output[:, :, rows.positions].float()
    residual = exact[:, None, :, : rows.image] - windowed
    return [Sample(*of_picture) for of_picture in zip(exact, residual)]


def _guided(cond: Sample, uncond: Sample, cfg: float, image: int) -> tuple[torch.Tensor, Sample]:
    """(error of sharing at the image rows, both branches combined by guidance).

    The first `image` rows stand at the same pixels in both branches. Text rows do so only when the prompts are equally
    long; otherwise the conditional branch's own are taken as they are.
    """
    weight = 1.0 - cfg
    shared = weight * (cond.output[:, :image] - uncond.output[:, :image])
    if cond.output.shape == uncond.output.shape:
        output = cfg * cond.output + weight * uncond.output
    else:
        output = torch.cat(
            (cfg * cond.output[:, :image] + weight * uncond.output[:, :image], cond.output[:, image:]), dim=1
        )
    return shared, Sample(output, cfg * cond.residual + weight * uncond.residual)


def _windowed(q, k, v, rows: Rows, scale: float | None, pooled: Pooled | None) -> torch.Tensor:
    """Each window's output at the sampled image rows: (B, W, h, n_image, D) float32."""
    queries = q[:, :, rows.positions[: rows.image]].float() * (scale or q.shape[-1] ** -0.5)
    # Products of several pictures copy what does not lie together, transposed keys slowly.
    k, v = (x.float().contiguous() for x in (k, v))
    logits = queries @ k.transpose(2, 3)
    top = logits.amax(-1, keepdim=True)
    if pooled is not None:
        of_tiles = queries @ pooled.k.float().transpose(2, 3) + pooled.bias[:, :, None]
        top = torch.maximum(top, of_tiles.amax(-1, keepdim=True))
    total, values = _attended(logits.sub_(top).exp_(), rows.masks, v)
    if pooled is not None:
        more = _attended(of_tiles.sub_(top).exp_(), rows.far, pooled.v.float())
        total, values = total + more[0], values + more[1]
    return (values / total.clamp_min(1e-30)[..., None]).transpose(1, 2)


def _attended(weights: torch.Tensor, masks: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums of weights (B, h, n, N), and of values (B, h, N, D) by them, under masks (W, n, N): (B, h, W, n) and
    (B, h, W, n, D)."""
    of_all = (weights[:, :, None] * masks).flatten(2, 3)  # one product serves all windows
    sums = torch.einsum("bhnk,wnk->bhwn", weights, masks)
    return sums, (of_all @ values).unflatten(2, masks.shape[:2])


def _heads(pooled: Pooled, span: slice) -> Pooled:
    """Some of the heads."""
    return Pooled(pooled.k[:, span], pooled.v[:, span], pooled.bias[:, span])


def _head_chunks(q: torch.Tensor, rows: int):
    """Slices of the head axis whose attention weights stay within CHUNK_BYTES."""
    each = max(1, CHUNK_BYTES // (4 * rows * q.shape[0] * q.shape[2]))
    return [slice(start, start + each) for start in range(0, q.shape[1], each)]


def _pick_rows(layout: Layout, windows, image_rows: int, device) -> Rows:
    """Image rows spread evenly over the grid, and global rows spread evenly."""
    image = layout.prefix + spread(layout.grid, min(image_rows, layout.image))
    outside = torch.cat((torch.arange(layout.prefix), torch.arange(layout.length - layout.suffix, layout.length)))
    some = outside[torch.linspace(0, max(0, len(outside) - 1), min(TEXT_ROWS, len(outside))).long()]
    weight = torch.cat(
        (
            torch.full((len(image),), layout.image / layout.length / max(1, len(image))),
            torch.full((len(some),), layout.globals / layout.length / max(1, len(some))),
        )
    )
    masks, far = (
        torch.stack([of(layout, window, image) for window in windows]).to(device, torch.float32)
        for of in (row_mask, far_tiles)
    )
    positions = torch.cat((image, some)).to(device)
    return Rows(layout, positions, len(image), masks, far, bool(far.any()), weight.to(device))


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


def _affordable_rows(sites, windows: int, ages: int) -> int:
    """Rows a site so that the history of the whole model stays within HISTORY_BYTES."""
    each = sum(4 * site.heads * site.head_dim for site in sites) * (windows + 1) * (ages + 2)
    return int(min(IMAGE_ROWS, max(16, HISTORY_BYTES // each)))
