"""The autoencoder of Open-Sora 1.2, written from its formulas: the latents of a video's frames, which an autoencoder of
pictures makes one by one, are packed along time by causal convolutions, which see what came before alone.

Names of the layers are those of the published file. Frames go in chunks of 17, of which each becomes 5; a shorter one
at the end becomes a quarter, rounded up. A chunk that does not divide by four is padded in front.
"""

from __future__ import annotations

import comfy.ops
import comfy.utils
import torch
from torch import nn

from .opensora import CHUNK, LATENT_CHUNK, PIXELS, STRIDE

operations = comfy.ops.disable_weight_init  # as the host's autoencoders have it
# Of latents of pictures, for the part that packs them: SD 1's factor, though SDXL's autoencoder made them.
SCALED = 0.18215
# Of packed latents, as published; a file may have its own.
SCALE, SHIFT = (3.85, 2.32, 2.33, 3.06), (-0.10, 0.34, 0.27, 0.98)
CHANNELS = 4  # of latents, packed or not
_GROUPS = 32
_HALVES = (False, True, True)  # whether time is halved after a level


class CausalConv(nn.Module):
    """A convolution of (B, C, T, H, W) that sees no later frames, and zeros before the first. stride: along time."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, bias: bool = True):
        super().__init__()
        self.before = kernel - stride
        padding = (0, kernel // 2, kernel // 2)
        self.conv = operations.Conv3d(inputs, outputs, kernel, stride=(stride, 1, 1), padding=padding, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(nn.functional.pad(x, (0, 0, 0, 0, self.before, 0)))


class ResBlock(nn.Module):
    """Two convolutions beside what goes through: (B, C, T, H, W) to (B, C', T, H, W)."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.norm1, self.norm2 = operations.GroupNorm(_GROUPS, inputs), operations.GroupNorm(_GROUPS, outputs)
        self.conv1 = CausalConv(inputs, outputs, bias=False)
        self.conv2 = CausalConv(outputs, outputs, bias=False)
        self.conv3 = CausalConv(inputs, outputs, 1, bias=False) if inputs != outputs else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.conv1(nn.functional.silu(self.norm1(x)))
        inner = self.conv2(nn.functional.silu(self.norm2(inner)))
        return inner + (x if self.conv3 is None else self.conv3(x))


def _blocks(inputs: int, outputs: int, count: int) -> nn.ModuleList:
    return nn.ModuleList(ResBlock(outputs if number else inputs, outputs) for number in range(count))


class Encoder(nn.Module):
    """Latents of frames (B, 4, T, H, W), T a multiple of four, to moments (B, 8, T / 4, H, W)."""

    def __init__(self, widths: tuple[int, ...], blocks: int):
        super().__init__()
        self.conv_in = CausalConv(CHANNELS, widths[0], bias=False)
        self.block_res_blocks = nn.ModuleList(map(_blocks, (widths[0], *widths), widths, [blocks] * len(widths)))
        self.conv_blocks = nn.ModuleList(
            CausalConv(width, width, stride=2) if halves else nn.Identity()
            for width, halves in zip(widths, _HALVES, strict=False)
        )
        self.res_blocks = _blocks(widths[-1], widths[-1], blocks)
        self.norm1 = operations.GroupNorm(_GROUPS, widths[-1])
        self.conv2 = CausalConv(widths[-1], 2 * CHANNELS, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv_in(x)
        for level, blocks in enumerate(self.block_res_blocks):
            for block in blocks:
                x = block(x)
            if level < len(self.conv_blocks):
                x = self.conv_blocks[level](x)
        for block in self.res_blocks:
            x = block(x)
        return self.conv2(nn.functional.silu(self.norm1(x)))


class Decoder(nn.Module):
    """Packed latents (B, 4, T, H, W) to those of frames (B, 4, 4 T, H, W)."""

    def __init__(self, widths: tuple[int, ...], blocks: int):
        super().__init__()
        self.conv1 = CausalConv(CHANNELS, widths[-1])
        self.res_blocks = _blocks(widths[-1], widths[-1], blocks)
        before = (*widths[1:], widths[-1])
        self.block_res_blocks = nn.ModuleList(map(_blocks, before, widths, [blocks] * len(widths)))
        self.conv_blocks = nn.ModuleList(
            CausalConv(width, 2 * width) if halves else nn.Identity()
            for width, halves in zip(widths[1:], _HALVES, strict=False)
        )
        self.norm1 = operations.GroupNorm(_GROUPS, widths[0])
        self.conv_out = CausalConv(widths[0], CHANNELS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv1(x)
        for block in self.res_blocks:
            x = block(x)
        for level in reversed(range(len(self.block_res_blocks))):
            for block in self.block_res_blocks[level]:
                x = block(x)
            if level:
                x = self.conv_blocks[level - 1](x)
                if _HALVES[level - 1]:  # every other channel is the next frame's
                    x = x.unflatten(1, (-1, 2)).movedim(2, 3).flatten(2, 3)
        return self.conv_out(nn.functional.silu(self.norm1(x)))


class TemporalVAE(nn.Module):
    """What packs time. filters: width of the first level. multipliers: of that, of each level. blocks: in each."""

    def __init__(self, filters: int = 128, multipliers: tuple[int, ...] = (1, 2, 2, 4), blocks: int = 4):
        super().__init__()
        widths = tuple(filters * one for one in multipliers)
        self.encoder, self.decoder = Encoder(widths, blocks), Decoder(widths, blocks)
        self.quant_conv = CausalConv(2 * CHANNELS, 2 * CHANNELS, 1)
        self.post_quant_conv = CausalConv(CHANNELS, CHANNELS, 1)

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """The mean of what a chunk (B, 4, T, H, W) becomes, (B, 4, ceil(T / 4), H, W)."""
        x = nn.functional.pad(x, (0, 0, 0, 0, -x.shape[2] % STRIDE, 0))
        return self.quant_conv(self.encoder(x)).chunk(2, 1)[0]

    def decode(self, z: torch.Tensor, frames: int) -> torch.Tensor:
        """A chunk of so many frames, (B, 4, frames, H, W)."""
        return self.decoder(self.post_quant_conv(z))[:, :, -frames % STRIDE :]


class VideoVAE(nn.Module):
    """Both parts, as the host calls its autoencoders. spatial: that of pictures, of the host."""

    def __init__(self, spatial: nn.Module, temporal: TemporalVAE):
        super().__init__()
        self.spatial, self.temporal = spatial, temporal
        for name, values in (("scale", SCALE), ("shift", SHIFT)):
            self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1, 1))

    def encode(self, x: torch.Tensor, to_latent=None) -> torch.Tensor:
        """A video (B, 3, T, H, W) from -1 to 1 to its latent (B, 4, T', H / 8, W / 8). to_latent: of one picture."""
        to_latent = to_latent or self.spatial.encode
        frames = torch.stack([to_latent(frame) for frame in x.unbind(2)], 2) * SCALED
        packed = torch.cat([self.temporal.encode(chunk) for chunk in frames.split(CHUNK, 2)], 2)
        return (packed - self.shift.to(packed)) / self.scale.to(packed)

    def decode(self, z: torch.Tensor, to_picture=None) -> torch.Tensor:
        """A latent (B, 4, T', h, w) to its video (B, 3, T, 8 h, 8 w) from -1 to 1. to_picture: of a frame."""
        to_picture = to_picture or self.spatial.decode
        z = z * self.scale.to(z) + self.shift.to(z)
        chunks = z.split(LATENT_CHUNK, 2)
        frames = [self.temporal.decode(chunk, frames_of(chunk.shape[2], len(chunks) == 1)) for chunk in chunks]
        return torch.stack([to_picture(frame / SCALED) for frame in torch.cat(frames, 2).unbind(2)], 2)

    def decode_tiled(self, z: torch.Tensor, tile_x: int = 64, tile_y: int = 64, overlap: int = 16, **kwargs):
        """The same, frames cut into tiles; time is not, since later frames of a chunk are made of earlier ones."""

        def to_picture(frame):
            tiles = (tile_x, tile_y, overlap, PIXELS, 3, frame.device)
            return comfy.utils.tiled_scale(frame, self.spatial.decode, *tiles).to(frame.device)

        return self.decode(z, to_picture)

    def encode_tiled(self, x: torch.Tensor, tile_x: int = 512, tile_y: int = 512, overlap: int = 64, **kwargs):
        """The same of `encode`."""

        def to_latent(frame):
            tiles = (tile_x, tile_y, overlap, 1 / PIXELS, 4, frame.device)
            return comfy.utils.tiled_scale(frame, self.spatial.encode, *tiles).to(frame.device)

        return self.encode(x, to_latent)


def frames_of(latent: int, first: bool = False) -> int:
    """Frames of a chunk of a latent with so many; of how many it was made between four does not show. A latent of one
    frame alone, `first`, is a picture.
    """
    if latent == LATENT_CHUNK:
        return CHUNK
    return 1 if latent == 1 and first else STRIDE * latent
