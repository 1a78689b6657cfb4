"""The errors of one site's heads over a watched run, from samples of one step and of those before it."""

from __future__ import annotations

from collections import deque

import numpy as np
import torch

from ..families import Site
from .queries import Queries
from .samples import Sample


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
