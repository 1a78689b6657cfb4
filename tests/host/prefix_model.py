"""A stand-in for Qwen-Image 2.1, which this host lacks: a tiny network that calls the attention function as that of
later hosts does, and keeps what stands before the picture as that does.

One sequence: text, with each reference where its slot is, and the picture last. Text attends causally, a picture all
that stands before its end; each piece is a call of its own. Nothing before the picture depends on the step, so that
its keys and values may be kept for the run: they are made by a pass of their own in the first step, and the picture's
tokens alone go through the blocks, then and later.
"""

from __future__ import annotations

import comfy.conds
import comfy.latent_formats
import comfy.model_base
import comfy.model_patcher
import comfy.supported_models_base
import torch
from comfy.ldm.modules.attention import optimized_attention

from . import tiny

HEADS, HEAD_DIM, CHANNELS, TEXT_WIDTH, TOKENS = 2, 32, 16, 24, 7
WIDTH = HEADS * HEAD_DIM


class Attention(torch.nn.Module):
    def __init__(self, operations):
        super().__init__()
        self.heads = HEADS
        self.to_q, self.to_k, self.to_v = (operations.Linear(WIDTH, WIDTH, bias=False) for _ in range(3))
        self.to_out = torch.nn.ModuleList([operations.Linear(WIDTH, WIDTH, bias=False)])

    def forward(self, x, attend):
        return self.to_out[0](attend(self.to_q(x), self.to_k(x), self.to_v(x)))


class Block(torch.nn.Module):
    def __init__(self, operations):
        super().__init__()
        self.attn = Attention(operations)
        self.mlp = operations.Linear(WIDTH, WIDTH)

    def forward(self, x, attend):
        x = x + self.attn(torch.nn.functional.layer_norm(x, (WIDTH,)), attend)
        return x + self.mlp(torch.tanh(x))


class QwenImage21Transformer2DModel(torch.nn.Module):
    """keeps: whether keys and values before the picture are kept over the steps of a run. passes: through blocks."""

    def __init__(self, layers=2, dtype=None, device=None, operations=None, **unused):
        super().__init__()
        self.dtype = dtype
        self.txt_in = operations.Linear(TEXT_WIDTH, WIDTH)
        self.img_in = operations.Linear(CHANNELS, WIDTH)
        self.time_in = operations.Linear(1, WIDTH)
        self.proj_out = operations.Linear(WIDTH, CHANNELS)
        self.transformer_blocks = torch.nn.ModuleList([Block(operations) for _ in range(layers)])
        self.keeps, self.kept, self.passes = False, {}, 0

    def forward(
        self, x, timestep, context, ref_latents=None, image_slots=None, transformer_options=None, control=None, **more
    ):
        options = transformer_options or {}
        before, pieces = self._before(context, list(ref_latents or ()), list(image_slots or ()))
        height, width = x.shape[-2:]
        picture = self._embedded(x) + self.time_in(timestep.reshape(-1, 1, 1).to(x.dtype))
        count = before.shape[1]
        if self.keeps:
            made = self._kept(before, pieces, context, ref_latents, options)
            for number, block in enumerate(self.transformer_blocks):
                options["block_index"] = number
                picture = block(picture, _after(*made[number], options))
            self.passes += 1
        else:
            whole = torch.cat([before, picture], 1)
            pieces = [*pieces, (count, whole.shape[1], None)]
            for number, block in enumerate(self.transformer_blocks):
                options["block_index"] = number
                whole = block(whole, _by_pieces(pieces, options))
            self.passes += 1
            picture = whole[:, count:]
        return self.proj_out(picture).transpose(1, 2).reshape(x.shape[0], CHANNELS, height, width)

    def _kept(self, before, pieces, context, references, options):
        """Keys and values of what stands before the picture, of each block: those of the run, by the conditioning."""
        key = (context.sum().item(), *(one.sum().item() for one in references or ()))
        if key not in self.kept:
            made = []
            for number, block in enumerate(self.transformer_blocks):
                options["block_index"] = number
                before = block(before, _by_pieces(pieces, options, made))
            self.kept[key] = made
            self.passes += 1
        return self.kept[key]

    def _before(self, context, references, slots):
        text = self.txt_in(context)
        bounds = [0, *(slots + [text.shape[1]] * len(references))[: len(references)], text.shape[1]]
        parts, pieces, length = [], [], 0
        for number, (start, stop) in enumerate(zip(bounds[:-1], bounds[1:])):
            if stop > start:
                parts.append(text[:, start:stop])
                mask = torch.ones(stop - start, length + stop - start, dtype=torch.bool).tril(length)
                pieces.append((length, length + stop - start, mask))
                length += stop - start
            if number < len(references):
                parts.append(self._embedded(references[number]))
                pieces.append((length, length + parts[-1].shape[1], None))
                length += parts[-1].shape[1]
        return torch.cat(parts, 1), pieces

    def _embedded(self, latent):
        tokens = self.img_in(latent.flatten(2).transpose(1, 2))
        places = torch.arange(tokens.shape[1]).float()[:, None] / torch.arange(1, WIDTH + 1)
        return tokens + places.sin()


def _by_pieces(pieces, options, keep=None):
    def attend(q, k, v):
        if keep is not None:
            keep.append((k, v))
        made = [
            optimized_attention(q[:, a:b], k[:, :b], v[:, :b], HEADS, mask=mask, transformer_options=options)
            for a, b, mask in pieces
        ]
        return torch.cat(made, 1)

    return attend


def _after(kept_k, kept_v, options):
    def attend(q, k, v):
        k, v = torch.cat([kept_k, k], 1), torch.cat([kept_v, v], 1)
        return optimized_attention(q, k, v, HEADS, transformer_options=options)

    return attend


class _Model(comfy.model_base.BaseModel):
    def __init__(self, config):
        super().__init__(config, comfy.model_base.ModelType.FLOW, unet_model=QwenImage21Transformer2DModel)

    def extra_conds(self, **given):
        made = super().extra_conds(**given)
        made["c_crossattn"] = comfy.conds.CONDRegular(given["cross_attn"])
        if given.get("reference_latents") is not None:
            made["ref_latents"] = comfy.conds.CONDList(given["reference_latents"])
        return made


class _Config(comfy.supported_models_base.BASE):
    unet_config: dict = {}  # noqa: RUF012 - as the host has it
    sampling_settings: dict = {"multiplier": 1.0, "shift": 3.0}  # noqa: RUF012
    latent_format = comfy.latent_formats.SD3
    supported_inference_dtypes = (torch.float32,)
    memory_usage_factor = 1.0

    def get_model(self, state_dict, prefix="", device=None):
        return _Model(self)


def skeleton():
    """The network without weights worth the name."""
    return QwenImage21Transformer2DModel(operations=torch.nn)


def make_model(keeps: bool):
    """A ModelPatcher with random weights. keeps: see `QwenImage21Transformer2DModel`."""
    config = _Config({})
    config.set_inference_dtype(torch.float32, None)
    base = config.get_model({})
    tiny.fill(base.diffusion_model)
    base.diffusion_model.keeps = keeps
    return comfy.model_patcher.ModelPatcher(base, load_device=torch.device("cpu"), offload_device=torch.device("cpu"))


def conditioning(seed: int, references=(), tokens: int = TOKENS) -> list:
    """Random embeddings; references: (height, width) of latents after the text."""
    generator = torch.Generator().manual_seed(seed)
    extra = {}
    if references:
        made = [torch.randn(1, CHANNELS, height, width, generator=generator) for height, width in references]
        extra["reference_latents"] = made
    return [[torch.randn(1, tokens, TEXT_WIDTH, generator=generator), extra]]
