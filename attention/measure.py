"""Watching one dense sampling run: what every cheaper way of computing each head would have changed.

At each attention call a few query rows are attended exactly. From them come, per head, the head outputs O and for each
window w the difference R_w = O − W_w. Every candidate's error is linear in these: a window costs R_w, a reuse of age a
costs O(s − a) − O(s), a window with a residual of age a costs R_w(s − a) − R_w(s), sharing costs the difference of the
branches. Branches are combined as guidance combines them, cfg · conditional + (1 − cfg) · unconditional, because errors
that both make alike cancel there. An error's size is taken after the head's slice of the output projection.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import torch

from ..kernels import HeadTable, Layout, Method, Pooled, Window, far_tiles, head_wise, pool, row_mask
from .call import AttentionCall
from .families import Site
from .run import COND, UNCOND, Forward, SamplingRun, SiteCall

IMAGE_ROWS = 64
TEXT_ROWS = 16
HISTORY_BYTES = 512 * 2**20
CHUNK_BYTES = 128 * 2**20


@dataclass
class Rows:
    """Sampled query rows of a layout: sequence positions, how many (the first) are image rows, and for these the
    windows' masks over keys (W, n, L) and over pooled keys (W, n, T)."""

    layout: Layout
    positions: torch.Tensor
    image: int
    masks: torch.Tensor
    far: torch.Tensor
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

    def add(self, step: int, sample: Sample, shared: torch.Tensor | None, metric: torch.Tensor, rows: Rows) -> None:
        """Score every candidate of this step against the samples of the steps before it."""
        energy = _Energy(metric, rows)
        self.window[step] = energy.image(sample.residual).T
        self.energy[step] = energy.image(sample.output[None, :, : rows.image]).sum()
        for before, past in self.history:
            age = step - before
            if 1 <= age <= self.reuse.shape[2] and past.output.shape == sample.output.shape:
                self.reuse[step, :, age - 1] = energy.all(past.output - sample.output)
                self.residual[step, :, :, age - 1] = energy.image(past.residual - sample.residual).T
        if shared is not None:
            self._add_shared(step, shared, energy)
        self.history.append((step, sample))

    def close(self) -> None:
        """Free the samples."""
        self.history.clear()
        self._shared = None

    def _add_shared(self, step: int, shared: torch.Tensor, energy: _Energy) -> None:
        self.share[step] = energy.image(shared[None])[0].sum()
        if self._shared is not None and self._shared[0] == step - 1:
            apart = energy.image((shared - self._shared[1])[None])[0].sum()
            one, other = self.share[step], self.share[step - 1]
            self.share_cosine[step] = np.clip((one + other - apart) / max(2 * np.sqrt(one * other), 1e-30), 0, 1)
        self._shared = (step, shared)


class _Energy:
    """Mean over the sequence's rows of eᵀ M e per head, M the Gram matrix of the head's output projection."""

    def __init__(self, metric: torch.Tensor, rows: Rows):
        self.metric, self.rows = metric, rows

    def image(self, error: torch.Tensor) -> np.ndarray:
        """error (K, H, n_image, D) → (K, H); rows outside the image count as exact."""
        return (self._rows(error) @ self.rows.weight[: self.rows.image]).cpu().numpy()

    def all(self, error: torch.Tensor) -> np.ndarray:
        """error (H, n, D) → (H,)."""
        return (self._rows(error[None])[0] @ self.rows.weight).cpu().numpy()

    def _rows(self, error: torch.Tensor) -> torch.Tensor:
        error = error.float()
        return ((error @ self.metric) * error).sum(-1)


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
        self._metrics: dict[int, torch.Tensor] = {}
        self._branch_samples: dict[int, dict[int, Sample]] = {}
        self._image_rows = _affordable_rows(sites, len(windows), ages)

    def observe(self, forward: Forward, call: SiteCall, attention: AttentionCall, output: torch.Tensor) -> None:
        """Take samples of one attention call, for the first picture of the batch."""
        layout = forward.layout(call.site, attention.q.shape[2], attention.options)
        if attention.obstacle or layout is None or attention.q.shape[0] != forward.rows:
            return
        rows = self._rows_of(layout, attention.q.device)
        if call.number not in self._metrics:
            self._metrics[call.number] = output_metric(forward.diffusion_model, call.site, attention.q)
        kept = self._branch_samples.setdefault(call.number, {})
        heads = attention.as_heads(output)
        for branch in forward.branches:
            if branch.index in (COND, UNCOND) and branch.index not in kept:
                first = branch.rows.start
                q, k, v, o = (tensor[first] for tensor in (attention.q, attention.k, attention.v, heads))
                kept[branch.index] = _sample(q, k, v, o, rows, attention.scale)
                self.branches.add(branch.index)
                if branch.index == COND:
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
            self.records[number].add(step, sample, shared, self._metrics[number], rows)
        self._branch_samples.clear()

    def close(self) -> None:
        """Free every tensor; the figures stay."""
        for record in self.records:
            record.close()
        self._branch_samples.clear()
        self._rows.clear()
        self._metrics.clear()

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


def output_metric(diffusion_model, site: Site, like: torch.Tensor) -> torch.Tensor:
    """Gram matrices (H, D, D) of the output projection's slice of each head, float32.

    The layer is asked rather than its weight read, so that quantised and off-loaded layers answer too.
    """
    layer = diffusion_model.get_submodule(site.output_linear)
    width = site.heads * site.head_dim
    inputs = like.new_zeros(width + 1, layer.in_features)
    inputs[:width, :width].fill_diagonal_(1.0)
    outputs = layer(inputs).float()
    weight = (outputs[:-1] - outputs[-1]).view(site.heads, site.head_dim, -1)
    return weight @ weight.transpose(1, 2)


def _sample(q, k, v, output, rows: Rows, scale: float | None) -> Sample:
    """q, k, v, output: (H, L, D) of one picture and branch."""
    pooled = pool(q[None], k[None], v[None], rows.layout, scale) if bool(rows.far.any()) else None
    windowed = torch.cat(
        [
            _windowed(q[span], k[span], v[span], rows, scale, None if pooled is None else _heads(pooled, span))
            for span in _head_chunks(q, rows.image * len(rows.masks))
        ],
        dim=1,
    )
    exact = output[:, rows.positions].float()
    return Sample(exact, exact[None, :, : rows.image] - windowed)


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
    """Each window's output at the sampled image rows: (W, h, n_image, D) float32."""
    queries = q[:, rows.positions[: rows.image]].float() * (scale or q.shape[-1] ** -0.5)
    k, v = k.float(), v.float()
    logits = queries @ k.transpose(1, 2)
    top = logits.amax(-1, keepdim=True)
    if pooled is not None:
        of_tiles = queries @ pooled.k.float().transpose(1, 2) + pooled.bias[:, None]
        top = torch.maximum(top, of_tiles.amax(-1, keepdim=True))
    inside = _weights(logits - top, rows.masks)
    total, values = inside.sum(-1, keepdim=True), inside @ v
    if pooled is not None:
        outside = _weights(of_tiles - top, rows.far)
        total, values = total + outside.sum(-1, keepdim=True), values + outside @ pooled.v.float()
    return (values / total.clamp_min(1e-30)).unflatten(1, rows.masks.shape[:2]).transpose(0, 1)


def _weights(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """logits (h, n, N), masks (W, n, N) -> (h, W * n, N): one product serves all windows."""
    return (torch.exp(logits)[:, None] * masks).flatten(1, 2)


def _heads(pooled: Pooled, span: slice) -> Pooled:
    """Some heads of one picture and branch."""
    return Pooled(pooled.k[0, span], pooled.v[0, span], pooled.bias[0, span])


def _head_chunks(q: torch.Tensor, rows: int):
    """Slices of the head axis whose attention weights stay within CHUNK_BYTES."""
    each = max(1, CHUNK_BYTES // (4 * rows * q.shape[1]))
    return [slice(start, start + each) for start in range(0, q.shape[0], each)]


def _pick_rows(layout: Layout, windows, image_rows: int, device) -> Rows:
    """Image rows spread evenly with one random row a stretch (seeded), and global rows spread evenly."""
    generator = torch.Generator().manual_seed(0)
    count = min(image_rows, layout.image)
    edges = torch.linspace(0, layout.image, count + 1).long()
    offset = (torch.rand(count, generator=generator) * (edges[1:] - edges[:-1])).long()
    image = layout.prefix + edges[:-1] + offset
    outside = torch.cat((torch.arange(layout.prefix), torch.arange(layout.length - layout.suffix, layout.length)))
    some = outside[torch.linspace(0, max(0, len(outside) - 1), min(TEXT_ROWS, len(outside))).long()]
    weight = torch.cat(
        (
            torch.full((count,), layout.image / layout.length / max(1, count)),
            torch.full((len(some),), layout.globals / layout.length / max(1, len(some))),
        )
    )
    masks, far = (
        torch.stack([of(layout, window, image) for window in windows]).to(device, torch.float32)
        for of in (row_mask, far_tiles)
    )
    return Rows(layout, torch.cat((image, some)).to(device), count, masks, far, weight.to(device))


def _affordable_rows(sites, windows: int, ages: int) -> int:
    """Rows a site so that the history of the whole model stays within HISTORY_BYTES."""
    each = sum(4 * site.heads * site.head_dim for site in sites) * (windows + 1) * (ages + 2)
    return int(min(IMAGE_ROWS, max(16, HISTORY_BYTES // each)))
