"""What exact attention and every other way to compute the heads give at the sampled queries of one attention call."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ...kernels import Pooled, pool
from .guidance import Part
from .queries import Queries

CHUNK_BYTES = 128 * 2**20


@dataclass
class Sample:
    """Head outputs at the sampled queries, (H, n, D), and their differences from each way's, (W, H, n_placed, D)."""

    output: torch.Tensor
    residual: torch.Tensor


def take_samples(q, k, v, output, queries: Queries, scale: float | None) -> list[Sample]:
    """A sample for each picture. q, k, v, output: (B, H, L, D), of as many sequences as queries has for each."""
    exact = output[:, :, queries.positions].float()
    residual = exact[:, None, :, : queries.placed] - _by_each_way(q, k, v, queries, scale)
    return [Sample(*of_picture) for of_picture in zip(*(_in_one(x, queries.sequences) for x in (exact, residual)))]


def combine(kept: dict[Part, Sample], weights: dict[Part, float], main: Part, queries: Queries) -> Sample:
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
