"""STDiT3, the network of Open-Sora 1.2, written from its formulas: blocks that attend within each frame take turns with
blocks that attend along time at each place; each attends to the text as well. See `video`.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from .layers import modulated
from .video import (
    AFTER,
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
    """One block: x (B, T, S, d), text (B, N, d), and what of noise level and frame rate goes into its modulation,
    (B, 6, d). temporal: whether it attends along time.
    """

    def __init__(self, width: int, heads: int, temporal: bool, dtype=None, device=None, operations=nn):
        super().__init__()
        made = {"dtype": dtype, "device": device}
        norm = partial(operations.LayerNorm, width, elementwise_affine=False, eps=EPSILON, **made)
        self.norm1, self.norm2 = norm(), norm()
        self.attn = NormedAttention(width, heads, AFTER if temporal else None, operations=operations, **made)
        self.attends = along_time if temporal else within_frames
        self.cross_attn = TextAttention(width, heads, operations=operations, **made)
        self.mlp = feed_forward(width, 4 * width, operations=operations, **made)
        self.scale_shift_table = nn.Parameter(torch.empty(6, width, device=device))

    def forward(self, x, text, condition, transformer_options: dict) -> torch.Tensor:
        table = cast(self.scale_shift_table, x) + condition
        shift, scale, gate, shift2, scale2, gate2 = table[:, :, None, None].unbind(1)
        x = x + gate * self.attends(self.attn, modulated(self.norm1(x), shift, scale), transformer_options)
        x = x + self.cross_attn(x.flatten(1, 2), text, transformer_options).view(x.shape)
        return x + gate2 * self.mlp(modulated(self.norm2(x), shift2, scale2))


class STDiT3(VideoTransformer):
    """The network; it predicts where the noise leads to, noise - video, as the host's flow models do: the published
    code has the opposite sign. Arguments are those of `VideoTransformer`; depth: pairs of blocks.
    """

    def __init__(self, hidden_size: int, depth: int, num_heads: int, dtype=None, device=None, operations=nn, **sizes):
        made = {"dtype": dtype, "device": device, "operations": operations}
        super().__init__(hidden_size, depth, num_heads, **sizes, **made)
        self.spatial_blocks, self.temporal_blocks = (
            nn.ModuleList(Block(hidden_size, num_heads, temporal, **made) for _ in range(depth))
            for temporal in (False, True)
        )

    def _forward(self, *args):
        return -super()._forward(*args)

    def _through_blocks(self, x, text, step, measures, transformer_options):
        condition = step + self.fps_embedder(measures[:, 3], x.dtype)
        of_blocks = self.t_block(condition).unflatten(1, (6, -1))
        pairs = list(zip(self.spatial_blocks, self.temporal_blocks, strict=True))
        transformer_options["total_blocks"] = 2 * len(pairs)
        for number, block in enumerate(block for pair in pairs for block in pair):
            transformer_options["block_index"] = number
            x = block(x, text, of_blocks, transformer_options)
        return x, condition
