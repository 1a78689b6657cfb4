"""What the papers' models have in common: self-attention, positions, and how a modulation is applied."""

from __future__ import annotations

from functools import lru_cache

import torch
from comfy.ldm.modules.attention import optimized_attention
from torch import nn


class SelfAttention(nn.Module):
    """Self-attention over a sequence, with one projection for q, k and v, whose rows are head by head.

    forward(x, transformer_options): x (B, L, d) -> (B, L, d).
    """

    def __init__(self, width: int, heads: int, dtype=None, device=None, operations=nn):
        super().__init__()
        self.num_heads = heads
        self.qkv = operations.Linear(width, 3 * width, dtype=dtype, device=device)
        self.proj = operations.Linear(width, width, dtype=dtype, device=device)

    def forward(self, x: torch.Tensor, transformer_options: dict) -> torch.Tensor:
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        out = optimized_attention(q, k, v, self.num_heads, skip_reshape=True, transformer_options=transformer_options)
        return self.proj(out)


@lru_cache(maxsize=8)
def grid_positions(rows: int, columns: int, width: int, row_step: float = 1.0, column_step: float = 1.0):
    """Sine and cosine of the places of a grid's tokens: (rows * columns, width), row by row, in float32 on the CPU.

    row_step, column_step: from one place to the next. The first half of the channels says the column, the second the
    row; each is sines and then cosines of width / 4 frequencies from 1 down to almost 1 / 10000.
    """
    count = width // 4
    frequencies = 10000.0 ** -(torch.arange(count, dtype=torch.float64, device="cpu") / count)

    def axis(places: int, step: float) -> torch.Tensor:
        angles = torch.arange(places, dtype=torch.float64, device="cpu")[:, None] * step * frequencies
        return torch.cat([angles.sin(), angles.cos()], 1)

    shape = (rows, columns, width // 2)
    of_column, of_row = axis(columns, column_step), axis(rows, row_step)
    both = torch.cat([of_column[None, :].expand(shape), of_row[:, None].expand(shape)], 2)
    return both.flatten(0, 1).float()


def modulated(x: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """x (B, L, d) scaled and shifted by what was computed for each item: (B, 1, d)."""
    return torch.addcmul(shift, x, 1 + scale)


def turned(x: torch.Tensor) -> torch.Tensor:
    """Rotary positions 0, 1, 2 and on along the sequence of x (..., L, D): neighbouring channels are turned as pairs,
    at frequencies from 1 down to almost 1 / 10000.
    """
    length, width = x.shape[-2:]
    frequencies = 10000.0 ** -(torch.arange(0, width, 2, dtype=torch.float32, device=x.device) / width)
    angles = torch.arange(length, dtype=torch.float32, device=x.device)[:, None] * frequencies
    first, second = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    cosine, sine = angles.cos(), angles.sin()
    pairs = torch.stack([first * cosine - second * sine, first * sine + second * cosine], -1)
    return pairs.flatten(-2).to(x.dtype)
