"""STDiT2, the network of Open-Sora 1.1, written from its formulas: a video transformer whose blocks attend within each
frame, then along time at each place, then to the text. See `video`.
"""

from __future__ import annotations

from functools import partial

import torch
from comfy.ldm.modules.diffusionmodules.mmdit import TimestepEmbedder
from torch import nn

from .layers import modulated
from .video import (
    BEFORE,
    EPSILON,
    NormedAttention,
    TextAttention,
    VideoTransformer,
    along_time,
    cast,
    feed_forward,
    within_frames,
)


class Block(nn.Module):
    """One block: x (B, T, S, d), text (B, N, d), and what of noise level and size goes into its modulation, of places
    (B, 6, d) and of time (B, 3, d).
    """

    def __init__(self, width: int, heads: int, dtype=None, device=None, operations=nn):
        super().__init__()
        made = {"dtype": dtype, "device": device}
        norm = partial(operations.LayerNorm, width, elementwise_affine=False, eps=EPSILON, **made)
        self.norm1, self.norm_temp, self.norm2 = norm(), norm(), norm()
        self.attn = NormedAttention(width, heads, operations=operations, **made)
        self.attn_temp = NormedAttention(width, heads, BEFORE, operations=operations, **made)
        self.cross_attn = TextAttention(width, heads, operations=operations, **made)
        self.mlp = feed_forward(width, 4 * width, operations=operations, **made)
        self.scale_shift_table = nn.Parameter(torch.empty(6, width, device=device))
        self.scale_shift_table_temporal = nn.Parameter(torch.empty(3, width, device=device))

    def forward(self, x, text, of_place, of_time, transformer_options: dict) -> torch.Tensor:
        table = cast(self.scale_shift_table, x) + of_place
        shift, scale, gate, shift2, scale2, gate2 = table[:, :, None, None].unbind(1)
        shift_t, scale_t, gate_t = (cast(self.scale_shift_table_temporal, x) + of_time)[:, :, None, None].unbind(1)
        x = x + gate * within_frames(self.attn, modulated(self.norm1(x), shift, scale), transformer_options)
        x = x + gate_t * along_time(self.attn_temp, modulated(self.norm_temp(x), shift_t, scale_t), transformer_options)
        x = x + self.cross_attn(x.flatten(1, 2), text, transformer_options).view(x.shape)
        return x + gate2 * self.mlp(modulated(self.norm2(x), shift2, scale2))


class STDiT2(VideoTransformer):
    """The network; it predicts the noise in the latent. Arguments are those of `VideoTransformer`."""

    def __init__(self, hidden_size: int, depth: int, num_heads: int, dtype=None, device=None, operations=nn, **sizes):
        made = {"dtype": dtype, "device": device, "operations": operations}
        super().__init__(hidden_size, depth, num_heads, **sizes, **made)
        self.csize_embedder = TimestepEmbedder(hidden_size // 3, **made)
        self.ar_embedder = TimestepEmbedder(hidden_size // 3, **made)
        self.fl_embedder = TimestepEmbedder(hidden_size, **made)
        linear = operations.Linear(hidden_size, 3 * hidden_size, dtype=dtype, device=device)
        self.t_block_temp = nn.Sequential(nn.SiLU(), linear)
        self.blocks = nn.ModuleList(Block(hidden_size, num_heads, **made) for _ in range(depth))

    def _through_blocks(self, x, text, step, measures, transformer_options):
        height, width, count, rate = measures.unbind(1)
        sizes = [self.csize_embedder(height, x.dtype), self.csize_embedder(width, x.dtype)]
        sizes.append(self.ar_embedder(height / width, x.dtype))
        of_place = self.t_block(step + torch.cat(sizes, 1)).unflatten(1, (6, -1))
        of_time = step + self.fl_embedder(count, x.dtype) + self.fps_embedder(rate, x.dtype)
        of_time = self.t_block_temp(of_time).unflatten(1, (3, -1))
        transformer_options["total_blocks"] = len(self.blocks)
        for number, block in enumerate(self.blocks):
            transformer_options["block_index"] = number
            x = block(x, text, of_place, of_time, transformer_options)
        return x, step
