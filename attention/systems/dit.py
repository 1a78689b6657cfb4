"""DiT, the class-conditional diffusion transformer (arXiv 2212.09748), written from its formulas.

A block is x + gate * attention(shift + (1 + scale) * norm(x)), then the same around a feed-forward part; all shifts,
scales and gates follow from noise level and class. Names of the layers are those of the published files.
"""

from __future__ import annotations

from functools import partial

import comfy.ldm.common_dit
import torch
from comfy.ldm.modules.diffusionmodules.mmdit import Mlp, TimestepEmbedder
from comfy.patcher_extension import WrapperExecutor, WrappersMP, get_all_wrappers
from torch import nn

from .layers import SelfAttention, grid_positions, modulated

EPSILON = 1e-6


class ClassEmbedder(nn.Module):
    """A vector for each class; the last row stands for none."""

    def __init__(self, rows: int, width: int, dtype=None, device=None, operations=nn):
        super().__init__()
        self.rows = rows
        self.embedding_table = operations.Embedding(rows, width, dtype=dtype, device=device)


class Block(nn.Module):
    """One transformer block: x (B, L, d) and condition (B, d) to (B, L, d)."""

    def __init__(self, width: int, heads: int, dtype=None, device=None, operations=nn):
        super().__init__()
        made = {"dtype": dtype, "device": device}
        self.norm1 = operations.LayerNorm(width, elementwise_affine=False, eps=EPSILON, **made)
        self.attn = SelfAttention(width, heads, operations=operations, **made)
        self.norm2 = operations.LayerNorm(width, elementwise_affine=False, eps=EPSILON, **made)
        self.mlp = Mlp(width, 4 * width, act_layer=partial(nn.GELU, approximate="tanh"), operations=operations, **made)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), operations.Linear(width, 6 * width, **made))

    def forward(self, x: torch.Tensor, condition: torch.Tensor, transformer_options: dict) -> torch.Tensor:
        shift, scale, gate, shift2, scale2, gate2 = self.adaLN_modulation(condition)[:, None].chunk(6, 2)
        x = x + gate * self.attn(modulated(self.norm1(x), shift, scale), transformer_options)
        return x + gate2 * self.mlp(modulated(self.norm2(x), shift2, scale2))


class FinalLayer(nn.Module):
    """Tokens to what is predicted of their patches."""

    def __init__(self, width: int, out: int, dtype=None, device=None, operations=nn):
        super().__init__()
        made = {"dtype": dtype, "device": device}
        self.norm_final = operations.LayerNorm(width, elementwise_affine=False, eps=EPSILON, **made)
        self.linear = operations.Linear(width, out, **made)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), operations.Linear(width, 2 * width, **made))

    def forward(self, x: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        shift, scale = self.adaLN_modulation(condition)[:, None].chunk(2, 2)
        return self.linear(modulated(self.norm_final(x), shift, scale))


class _Patches(nn.Module):
    """The layer that makes tokens of patches, under the name that files have for it."""

    def __init__(self, channels: int, width: int, patch: int, dtype=None, device=None, operations=nn):
        super().__init__()
        self.proj = operations.Conv2d(channels, width, patch, patch, dtype=dtype, device=device)


class ClassConditionalDiT(nn.Module):
    """The network: latent (B, 4, H, W), timesteps (B,) in 0..999 and classes (B, 1) to the noise in it, (B, 4, H, W).

    hidden_size, depth, num_heads, patch: of the variant, such as 1152, 28, 16 and 2 of DiT-XL/2. in_channels: of the
    latent. out_channels: of the prediction; where it is twice as much, its second half is a variance that no sampler of
    the host takes. classes: rows of the class table, the last of which is no class.
    """

    def __init__(
        self,
        hidden_size: int,
        depth: int,
        num_heads: int,
        patch: int,
        in_channels: int = 4,
        out_channels: int = 8,
        classes: int = 1001,
        dtype=None,
        device=None,
        operations=nn,
    ):
        super().__init__()
        made = {"dtype": dtype, "device": device, "operations": operations}
        self.dtype = dtype
        self.patch = patch
        self.in_channels, self.out_channels = in_channels, out_channels
        self.x_embedder = _Patches(in_channels, hidden_size, patch, **made)
        self.t_embedder = TimestepEmbedder(hidden_size, **made)
        self.y_embedder = ClassEmbedder(classes, hidden_size, **made)
        self.blocks = nn.ModuleList(Block(hidden_size, num_heads, **made) for _ in range(depth))
        self.final_layer = FinalLayer(hidden_size, patch * patch * out_channels, **made)

    def forward(self, x, timesteps, context=None, y=None, control=None, transformer_options=None, **kwargs):
        """As the host calls its diffusion models."""
        transformer_options = {} if transformer_options is None else transformer_options
        wrappers = get_all_wrappers(WrappersMP.DIFFUSION_MODEL, transformer_options)
        executor = WrapperExecutor.new_class_executor(self._forward, self, wrappers)
        return executor.execute(x, timesteps, y, transformer_options)

    def _forward(self, x, timesteps, y, transformer_options):
        height, width = x.shape[-2:]
        x = comfy.ldm.common_dit.pad_to_patch_size(x, (self.patch, self.patch))
        rows, columns = (side // self.patch for side in x.shape[-2:])
        condition = self.t_embedder(timesteps, x.dtype)
        condition = condition + self.y_embedder.embedding_table(y[:, 0], out_dtype=x.dtype)
        x = self.x_embedder.proj(x).flatten(2).transpose(1, 2)
        x = x + grid_positions(rows, columns, x.shape[2]).to(x)
        transformer_options["total_blocks"] = len(self.blocks)
        for number, block in enumerate(self.blocks):
            transformer_options["block_index"] = number
            x = block(x, condition, transformer_options)
        x = self.final_layer(x, condition).view(-1, rows, columns, self.patch, self.patch, self.out_channels)
        x = x[..., : self.in_channels].permute(0, 5, 1, 3, 2, 4)
        return x.reshape(-1, self.in_channels, rows * self.patch, columns * self.patch)[..., :height, :width]
