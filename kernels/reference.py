"""The truth: every way written the obvious way, with whole masks in memory. For tests and small sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from .geometry import Layout

if TYPE_CHECKING:
    from .head_table import HeadTable


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


def head_wise(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    layout: Layout,
    table: HeadTable,
    *,
    scale: float | None = None,
    cached: torch.Tensor | None = None,
    residual: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The meaning of `kernels.head_wise`, one head at a time, each by its way's own `reference`.

    Shapes as there. Returns (out, residual): (B, H, L, D) and (B, n_refresh, image, D), or None without residual
    updates.
    """
    image = slice(layout.prefix, layout.prefix + layout.image)
    cached_heads = iter(() if cached is None else cached.unbind(1))
    residual_heads = iter(() if residual is None else residual.unbind(1))
    outputs, fresh = [], []
    for head, (way, approximation) in enumerate(zip(table.ways, table.refresh)):
        qkv = (q[:, head], k[:, head], v[:, head])
        outputs.append(next(cached_heads) if way.reads == "output" else way.reference(*qkv, layout, scale))
        if way.reads == "residual":
            outputs[-1][:, image] += next(residual_heads)
        if approximation is not None:
            fresh.append((outputs[-1] - approximation.reference(*qkv, layout, scale))[:, image])
    return torch.stack(outputs, dim=1), torch.stack(fresh, dim=1) if fresh else None
