"""What both networks of Open-Sora are made of, written from their formulas, and how a video becomes tokens and again a
video.

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
BEFORE, AFTER = "before", "after"  # the norm of queries and keys
_TANH = partial(nn.GELU, approximate="tanh")


def cast(parameter: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """A parameter that no layer of the host holds, in another tensor's precision and on its device."""
    return comfy.ops.cast_to(parameter, like.dtype, like.device)


def feed_forward(width: int, inner: int, out: int | None = None, dtype=None, device=None, operations=nn) -> nn.Module:
    """Two layers with a GELU in between, in its form with tanh."""
    return Mlp(width, inner, out, act_layer=_TANH, dtype=dtype, device=device, operations=operations)


class NormedAttention(nn.Module):
    """Self-attention whose queries and keys are normed: x (rows, L, d) to the same. turns: whether they are turned by
    their places, BEFORE the norm as version 1.1 has it or AFTER it, None where not.
    """

    def __init__(self, width: int, heads: int, turns: str | None = None, dtype=None, device=None, operations=nn):
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
        if self.turns == BEFORE:
            q, k = turned(q), turned(k)
        q, k = self.q_norm(q), self.k_norm(k)
        if self.turns == AFTER:
            q, k = turned(q), turned(k)
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


class FinalLayer(nn.Module):
    """Tokens to what is predicted of their patches."""

    def __init__(self, width: int, out: int, dtype=None, device=None, operations=nn):
        super().__init__()
        made = {"dtype": dtype, "device": device}
        self.norm_final = operations.LayerNorm(width, elementwise_affine=False, eps=EPSILON, **made)
        self.linear = operations.Linear(width, out, **made)
        self.scale_shift_table = nn.Parameter(torch.empty(2, width, device=device))

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        shift, scale = (cast(self.scale_shift_table, x) + condition[:, None])[:, :, None, None].unbind(1)
        return self.linear(modulated(self.norm_final(x), shift, scale))


class CaptionEmbedder(nn.Module):
    """The text's embedding (B, N, C) to tokens (B, N, d). y_embedding: what stands for no text, token by token."""

    def __init__(self, tokens: int, channels: int, width: int, dtype=None, device=None, operations=nn):
        super().__init__()
        made = {"dtype": dtype, "device": device}
        self.y_proj = feed_forward(channels, width, width, operations=operations, **made)
        self.y_embedding = nn.Parameter(torch.empty(tokens, channels, device=device))


class Patches(nn.Module):
    """The layer that makes tokens of patches, under the name that files have for it."""

    def __init__(self, channels: int, width: int, patch: tuple[int, ...], dtype=None, device=None, operations=nn):
        super().__init__()
        self.proj = operations.Conv3d(channels, width, patch, patch, dtype=dtype, device=device)


class VideoTransformer(nn.Module):
    """What STDiT2 and STDiT3 share: latent (B, C, T, H, W), timesteps (B,), text (B, N, C') and the video's measures
    (B, 4), which are height and width in pixels, frames, and frames a second, to what is predicted, (B, C, T, H, W).

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
        self.x_embedder = Patches(in_channels, hidden_size, self.patch, **made)
        self.t_embedder = TimestepEmbedder(hidden_size, **made)
        self.fps_embedder = TimestepEmbedder(hidden_size, **made)
        linear = operations.Linear(hidden_size, 6 * hidden_size, dtype=dtype, device=device)
        self.t_block = nn.Sequential(nn.SiLU(), linear)
        self.y_embedder = CaptionEmbedder(caption_tokens, caption_channels, hidden_size, **made)
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
        measures = measures.float()
        text = self.y_embedder.y_proj(context)
        step = self.t_embedder(timesteps, x.dtype)
        x = self.x_embedder.proj(x).flatten(3).permute(0, 2, 3, 1)
        x = x + self._positions(rows, columns, float(measures[0, :2].prod()), x.shape[3]).to(x)
        x, condition = self._through_blocks(x, text, step, measures, transformer_options)
        x = self.final_layer(x, condition).view(-1, frames, rows, columns, *self.patch, self.out_channels)
        x = x[..., : self.in_channels].permute(0, 7, 1, 4, 2, 5, 3, 6)
        x = x.flatten(6, 7).flatten(4, 5).flatten(2, 3)
        return x[..., : shape[0], : shape[1], : shape[2]]

    def _through_blocks(self, x, text, step, measures, transformer_options) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens (B, T, S, d) after all blocks, and what the last layer is modulated by, (B, d). text (B, N, d), step
        (B, d): embedded."""
        raise NotImplementedError

    def _positions(self, rows: int, columns: int, pixels: float, width: int) -> torch.Tensor:
        """Places of a frame's tokens, spread so that pictures of all shapes cover what those of base_size do."""
        side = round(math.sqrt(rows * columns))
        scale = math.sqrt(pixels) / self.base_size
        return grid_positions(rows, columns, width, side / rows / scale, side / columns / scale)


def within_frames(attention: nn.Module, x: torch.Tensor, transformer_options: dict) -> torch.Tensor:
    """Attention of each frame of x (B, T, S, d) to itself."""
    return attention(x.flatten(0, 1), transformer_options).view(x.shape)


def along_time(attention: nn.Module, x: torch.Tensor, transformer_options: dict) -> torch.Tensor:
    """Attention of each place of x (B, T, S, d) to itself in other frames."""
    batch, frames, places, _ = x.shape
    along = attention(x.transpose(1, 2).flatten(0, 1), transformer_options)
    return along.view(batch, places, frames, -1).transpose(1, 2)
