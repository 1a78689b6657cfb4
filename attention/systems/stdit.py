"""STDiT2, the network of Open-Sora 1.1, written from its formulas: a video transformer whose blocks attend within each
frame, then along time at each place, then to the text.

Names of the layers are those of the published files. Tokens are kept as (B, T, S, d): frames and places in a frame.
"""

from __future__ import annotations

import math
from functools import partial

import comfy.ldm.common_dit
import comfy.ops
import torch
from comfy.ldm.modules.attention import optimized_attention
from comfy.ldm.modules.diffusionmodules.mmdit import Mlp, TimestepEmbedder
from comfy.patcher_extension import WrapperExecutor, WrappersMP, get_all_wrappers
from torch import nn

from .layers import grid_positions, modulated, turned

EPSILON = 1e-6
_TANH = partial(nn.GELU, approximate="tanh")


class NormedAttention(nn.Module):
    """Self-attention whose queries and keys are normed, and turned by their places where asked: x (rows, L, d) to the
    same.
    """

    def __init__(self, width: int, heads: int, turns: bool, dtype=None, device=None, operations=nn):
        super().__init__()
        made = {"dtype": dtype, "device": device}
        self.num_heads, self.turns = heads, turns
        self.qkv = operations.Linear(width, 3 * width, **made)
        self.q_norm = operations.RMSNorm(width // heads, eps=EPSILON, **made)
        self.k_norm = operations.RMSNorm(width // heads, eps=EPSILON, **made)
        self.proj = operations.Linear(width, width, **made)

    def forward(self, x: torch.Tensor, transformer_options: dict) -> torch.Tensor:
        rows, length, _ = x.shape
        q, k, v = self.qkv(x).view(rows, length, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        if self.turns:  # before the norm, as 1.1 has it
            q, k = turned(q), turned(k)
        q, k = self.q_norm(q), self.k_norm(k)
        out = optimized_attention(q, k, v, self.num_heads, skip_reshape=True, transformer_options=transformer_options)
        return self.proj(out)


class TextAttention(nn.Module):
    """Attention of x (B, L, d) to text (B, N, d)."""

    def __init__(self, width: int, heads: int, dtype=None, device=None, operations=nn):
        super().__init__()
        made = {"dtype": dtype, "device": device}
        self.num_heads = heads
        self.q_linear = operations.Linear(width, width, **made)
        self.kv_linear = operations.Linear(width, 2 * width, **made)
        self.proj = operations.Linear(width, width, **made)

    def forward(self, x: torch.Tensor, text: torch.Tensor, transformer_options: dict) -> torch.Tensor:
        k, v = self.kv_linear(text).chunk(2, 2)
        q = self.q_linear(x)
        return self.proj(optimized_attention(q, k, v, self.num_heads, transformer_options=transformer_options))


class Block(nn.Module):
    """One block: x (B, T, S, d), text (B, N, d), and what of noise level and size goes into its modulation, of places
    (B, 6, d) and of time (B, 3, d).
    """

    def __init__(self, width: int, heads: int, dtype=None, device=None, operations=nn):
        super().__init__()
        made = {"dtype": dtype, "device": device}
        norm = partial(operations.LayerNorm, width, elementwise_affine=False, eps=EPSILON, **made)
        self.norm1, self.norm_temp, self.norm2 = norm(), norm(), norm()
        self.attn = NormedAttention(width, heads, False, operations=operations, **made)
        self.attn_temp = NormedAttention(width, heads, True, operations=operations, **made)
        self.cross_attn = TextAttention(width, heads, operations=operations, **made)
        self.mlp = Mlp(width, 4 * width, act_layer=_TANH, operations=operations, **made)
        self.scale_shift_table = nn.Parameter(torch.empty(6, width, device=device))
        self.scale_shift_table_temporal = nn.Parameter(torch.empty(3, width, device=device))

    def forward(self, x, text, of_place, of_time, transformer_options: dict) -> torch.Tensor:
        batch, frames, places, _ = x.shape
        table = _cast(self.scale_shift_table, x) + of_place
        shift, scale, gate, shift2, scale2, gate2 = table[:, :, None, None].unbind(1)
        shift_t, scale_t, gate_t = (_cast(self.scale_shift_table_temporal, x) + of_time)[:, :, None, None].unbind(1)
        within = modulated(self.norm1(x), shift, scale).flatten(0, 1)
        x = x + gate * self.attn(within, transformer_options).view(x.shape)
        along = modulated(self.norm_temp(x), shift_t, scale_t).transpose(1, 2).flatten(0, 1)
        along = self.attn_temp(along, transformer_options)
        x = x + gate_t * along.view(batch, places, frames, -1).transpose(1, 2)
        x = x + self.cross_attn(x.flatten(1, 2), text, transformer_options).view(x.shape)
        return x + gate2 * self.mlp(modulated(self.norm2(x), shift2, scale2))


class FinalLayer(nn.Module):
    """Tokens to what is predicted of their patches."""

    def __init__(self, width: int, out: int, dtype=None, device=None, operations=nn):
        super().__init__()
        made = {"dtype": dtype, "device": device}
        self.norm_final = operations.LayerNorm(width, elementwise_affine=False, eps=EPSILON, **made)
        self.linear = operations.Linear(width, out, **made)
        self.scale_shift_table = nn.Parameter(torch.empty(2, width, device=device))

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        shift, scale = (_cast(self.scale_shift_table, x) + condition[:, None])[:, :, None, None].unbind(1)
        return self.linear(modulated(self.norm_final(x), shift, scale))


class CaptionEmbedder(nn.Module):
    """The text's embedding (B, N, C) to tokens (B, N, d). y_embedding: what stands for no text, token by token."""

    def __init__(self, tokens: int, channels: int, width: int, dtype=None, device=None, operations=nn):
        super().__init__()
        made = {"dtype": dtype, "device": device}
        self.y_proj = Mlp(channels, width, width, act_layer=_TANH, operations=operations, **made)
        self.y_embedding = nn.Parameter(torch.empty(tokens, channels, device=device))


class _Patches(nn.Module):
    """The layer that makes tokens of patches, under the name that files have for it."""

    def __init__(self, channels: int, width: int, patch: tuple[int, ...], dtype=None, device=None, operations=nn):
        super().__init__()
        self.proj = operations.Conv3d(channels, width, patch, patch, dtype=dtype, device=device)


class STDiT2(nn.Module):
    """The network: latent (B, 4, T, H, W), timesteps (B,), text (B, N, C) and the video's measures (B, 4), which are
    height and width in pixels, frames, and frames a second, to the noise in it, (B, 4, T, H, W).

    hidden_size, depth, num_heads: of the variant. out_channels: twice those of the latent, where half is a variance
    that no sampler of the host takes. caption_channels, caption_tokens: of the text. base_size: pixels along a side of
    the picture whose places are 0, 1, 2 and on.
    """

    patch = (1, 2, 2)

    def __init__(
        self,
        hidden_size: int,
        depth: int,
        num_heads: int,
        in_channels: int = 4,
        out_channels: int = 8,
        caption_channels: int = 4096,
        caption_tokens: int = 200,
        base_size: int = 512,
        dtype=None,
        device=None,
        operations=nn,
    ):
        super().__init__()
        made = {"dtype": dtype, "device": device, "operations": operations}
        self.dtype = dtype
        self.in_channels, self.out_channels, self.base_size = in_channels, out_channels, base_size
        self.x_embedder = _Patches(in_channels, hidden_size, self.patch, **made)
        self.t_embedder = TimestepEmbedder(hidden_size, **made)
        self.csize_embedder = TimestepEmbedder(hidden_size // 3, **made)
        self.ar_embedder = TimestepEmbedder(hidden_size // 3, **made)
        self.fl_embedder = TimestepEmbedder(hidden_size, **made)
        self.fps_embedder = TimestepEmbedder(hidden_size, **made)
        linear = partial(operations.Linear, dtype=dtype, device=device)
        self.t_block = nn.Sequential(nn.SiLU(), linear(hidden_size, 6 * hidden_size))
        self.t_block_temp = nn.Sequential(nn.SiLU(), linear(hidden_size, 3 * hidden_size))
        self.y_embedder = CaptionEmbedder(caption_tokens, caption_channels, hidden_size, **made)
        self.blocks = nn.ModuleList(Block(hidden_size, num_heads, **made) for _ in range(depth))
        self.final_layer = FinalLayer(hidden_size, math.prod(self.patch) * out_channels, **made)

    def forward(self, x, timesteps, context, control=None, transformer_options=None, measures=None, **kwargs):
        """As the host calls its diffusion models."""
        transformer_options = {} if transformer_options is None else transformer_options
        wrappers = get_all_wrappers(WrappersMP.DIFFUSION_MODEL, transformer_options)
        executor = WrapperExecutor.new_class_executor(self._forward, self, wrappers)
        return executor.execute(x, timesteps, context, measures, transformer_options)

    def _forward(self, x, timesteps, context, measures, transformer_options):
        shape = x.shape[-3:]
        x = comfy.ldm.common_dit.pad_to_patch_size(x, self.patch, padding_mode="constant")
        frames, rows, columns = (side // size for side, size in zip(x.shape[-3:], self.patch, strict=True))
        height, width, count, rate = measures.float().unbind(1)
        step, dtype = self.t_embedder(timesteps, x.dtype), x.dtype
        sizes = [self.csize_embedder(height, dtype), self.csize_embedder(width, dtype)]
        sizes.append(self.ar_embedder(height / width, dtype))
        of_place = self.t_block(step + torch.cat(sizes, 1)).unflatten(1, (6, -1))
        of_time = step + self.fl_embedder(count, dtype) + self.fps_embedder(rate, dtype)
        of_time = self.t_block_temp(of_time).unflatten(1, (3, -1))
        text = self.y_embedder.y_proj(context)
        x = self.x_embedder.proj(x).flatten(3).permute(0, 2, 3, 1)
        x = x + self._positions(rows, columns, float(height[0] * width[0]), x.shape[3]).to(x)
        transformer_options["total_blocks"] = len(self.blocks)
        for number, block in enumerate(self.blocks):
            transformer_options["block_index"] = number
            x = block(x, text, of_place, of_time, transformer_options)
        x = self.final_layer(x, step).view(-1, frames, rows, columns, *self.patch, self.out_channels)
        x = x[..., : self.in_channels].permute(0, 7, 1, 4, 2, 5, 3, 6)
        x = x.flatten(6, 7).flatten(4, 5).flatten(2, 3)
        return x[..., : shape[0], : shape[1], : shape[2]]

    def _positions(self, rows: int, columns: int, pixels: float, width: int) -> torch.Tensor:
        """Places of a frame's tokens, spread so that pictures of all shapes cover what those of base_size do."""
        side = round(math.sqrt(rows * columns))
        scale = math.sqrt(pixels) / self.base_size
        return grid_positions(rows, columns, width, side / rows / scale, side / columns / scale)


def _cast(parameter: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return comfy.ops.cast_to(parameter, like.dtype, like.device)
