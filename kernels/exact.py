"""Exact attention, written the obvious way: the arithmetic that all references are made of."""

from __future__ import annotations

import torch


def attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    mask: torch.Tensor | None = None,
    scale: float | None = None,
    bias: torch.Tensor | None = None,
) -> torch.Tensor:
    """softmax(q k^T * scale + bias) v in the dtype of the inputs; float64 inputs give the reference that tests compare
    with.

    q: (..., M, D); k, v: (..., N, D); mask: bool, broadcastable to (..., M, N), True where a pair takes part; bias:
    broadcastable to (..., M, N). scale defaults to D ** -0.5. Returns (..., M, D).
    """
    scores = q @ k.transpose(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if bias is not None:
        scores = scores + bias
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return torch.softmax(scores, dim=-1) @ v
