"""Open-Sora 1.1 and 1.2 as the host's configurations and models, their files, and what conditionings are made of."""

from __future__ import annotations

import math
from functools import partial

import comfy.conds
import comfy.latent_formats
import comfy.model_base
import torch

from ...sentences import say
from .base import System, SystemConfig, Weights, count
from .dit_model import NOISE_SCHEDULE
from .stdit2 import STDiT2
from .stdit3 import STDiT3

NULL_TEXT, RATE = "null_text", "frame_rate"  # of a conditioning: whether it stands for no text; frames a second
PIXELS = 8  # a latent's along each side


class FrameLatents(comfy.latent_formats.SD15):
    """Stable Diffusion 1's latents, one a frame."""

    latent_dimensions = 3
    taesd_decoder_name = None  # which previews single pictures


class VideoLatents(comfy.latent_formats.LatentFormat):
    """Those of 1.2: what they are scaled by is in the VAE's own file."""

    latent_dimensions = 3


class OpenSoraModel(comfy.model_base.BaseModel):
    """The host's side of a model: the text, or what stands for none, and the video's measures."""

    def extra_conds(self, **kwargs) -> dict:
        """Raises ValueError where the conditioning is none of Open-Sora Conditioning."""
        text, null = kwargs.get("cross_attn"), self.diffusion_model.y_embedder.y_embedding
        if RATE not in kwargs or text is None or text.shape[2] != null.shape[1]:
            raise ValueError(
                say("Open-Sora needs a prompt of T5-XXL (CLIPLoader, type pixart), through Open-Sora Conditioning.")
            )
        text = text[:, : null.shape[0]]
        if kwargs.get(NULL_TEXT):
            # As long as the prompt: the branches go through the model together, and published pictures are made so.
            text = null[None, : text.shape[1]].to(text)
        frames, height, width = kwargs["noise"].shape[-3:]
        # As integers, which no precision rounds.
        measures = torch.tensor([[PIXELS * height, PIXELS * width, frames, kwargs[RATE]]], dtype=torch.long)
        return {"c_crossattn": comfy.conds.CONDRegular(text), "measures": comfy.conds.CONDRegular(measures)}


class OpenSora11(SystemConfig):
    """The host's configuration of Open-Sora 1.1: noise is predicted, on the linear schedule of DDPM."""

    sampling_settings = NOISE_SCHEDULE
    latent_format = FrameLatents
    supported_inference_dtypes = [torch.bfloat16, torch.float16, torch.float32]

    def get_model(self, state_dict, prefix="", device=None):
        """As the host's configurations do."""
        return OpenSoraModel(self, comfy.model_base.ModelType.EPS, device=device, unet_model=STDiT2)


class OpenSora12(SystemConfig):
    """The host's configuration of Open-Sora 1.2: a rectified flow. shift: that of the published setting, 51 frames of
    426 x 240 pixels, see `shift`.
    """

    sampling_settings = {"shift": 2.4, "multiplier": 1000}
    latent_format = VideoLatents
    supported_inference_dtypes = [torch.bfloat16, torch.float16, torch.float32]

    def get_model(self, state_dict, prefix="", device=None):
        """As the host's configurations do."""
        return OpenSoraModel(self, comfy.model_base.ModelType.FLOW, device=device, unet_model=STDiT3)


V11, V12 = "1.1", "1.2"
VERSIONS = (V11, V12)
# Frames that 1.2's VAE takes at a time, and what they become; of a shorter chunk so many become one.
CHUNK, LATENT_CHUNK, STRIDE = 17, 5, 4
_NATIVE = 512  # pixels along each side of a picture whose noise schedule is not shifted


def latent_frames(frames: int, version: str) -> int:
    """How many frames a video's latent has."""
    if version == V11:
        return frames
    return frames // CHUNK * LATENT_CHUNK + -(-(frames % CHUNK) // STRIDE)


def shift(width: int, height: int, frames: int) -> float:
    """Of 1.2's noise schedule, t' = s t / (1 + (s - 1) t): a larger video needs more noise for its content to be lost.
    width, height: in pixels. As published, whole chunks of frames count alone; what is shorter counts as one picture.
    """
    return math.sqrt(width * height / _NATIVE**2 * max(1, frames // CHUNK * LATENT_CHUNK))


def conditioning(prompt: list, rate: int) -> tuple[list, list]:
    """(positive, negative) of the host's conditioning of a prompt; the negative says that there is no text."""
    positive = [[text, {**options, RATE: rate}] for text, options in prompt]
    return positive, [[text, {**options, NULL_TEXT: True}] for text, options in positive]


def empty_latent(width: int, height: int, frames: int, batch: int, version: str = V11) -> torch.Tensor:
    """A latent (B, 4, T, H, W) of zeros; width, height: in pixels. version: one of VERSIONS."""
    return torch.zeros(batch, 4, latent_frames(frames, version), height // PIXELS, width // PIXELS)


def as_pictures(latent: torch.Tensor) -> torch.Tensor:
    """A video's latent (B, C, T, H, W) as those of its frames one after another, (B * T, C, H, W)."""
    return latent.transpose(1, 2).flatten(0, 1) if latent.ndim == 5 else latent


def _settings(blocks: str, weights: Weights) -> dict:
    width, channels, *_ = weights["x_embedder.proj.weight"].shape
    tokens, text = weights["y_embedder.y_embedding"].shape
    return {
        "hidden_size": width,
        "depth": count(weights, blocks),
        "num_heads": width // weights[f"{blocks}0.attn.q_norm.weight"].shape[0],
        "in_channels": channels,
        "out_channels": weights["final_layer.linear.weight"].shape[0] // 4,
        "caption_channels": text,
        "caption_tokens": tokens,
    }


OPEN_SORA_11 = System(
    title="Open-Sora 1.1",
    marks=("t_block_temp.1.weight", "blocks.0.scale_shift_table_temporal"),
    config=OpenSora11,
    network=STDiT2,
    settings=partial(_settings, "blocks."),
    ignored=("rope.freqs", "pos_embed"),
)
OPEN_SORA_12 = System(
    title="Open-Sora 1.2",
    marks=("spatial_blocks.0.scale_shift_table", "temporal_blocks.0.scale_shift_table"),
    config=OpenSora12,
    network=STDiT3,
    settings=partial(_settings, "spatial_blocks."),
    ignored=("rope.freqs", "pos_embed"),
)
