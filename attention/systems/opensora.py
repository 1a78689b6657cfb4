"""Open-Sora 1.1 as the host's configuration and model, its files, and what its conditionings are made of."""

from __future__ import annotations

import comfy.conds
import comfy.latent_formats
import comfy.model_base
import torch

from ...sentences import say
from .base import System, SystemConfig, Weights, count
from .dit_model import NOISE_SCHEDULE
from .stdit import STDiT2

NULL_TEXT, RATE = "null_text", "frame_rate"  # of a conditioning: whether it stands for no text; frames a second
PIXELS = 8  # a latent's along each side


class FrameLatents(comfy.latent_formats.SD15):
    """Stable Diffusion 1's latents, one a frame."""

    latent_dimensions = 3
    taesd_decoder_name = None  # which previews single pictures


class FrameVideoModel(comfy.model_base.BaseModel):
    """The host's side of the model: the text, or what stands for none, and the video's measures."""

    def __init__(self, model_config, model_type=comfy.model_base.ModelType.EPS, device=None):
        super().__init__(model_config, model_type, device=device, unet_model=STDiT2)

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
        return FrameVideoModel(self, device=device)


def conditioning(prompt: list, rate: int) -> tuple[list, list]:
    """(positive, negative) of the host's conditioning of a prompt; the negative says that there is no text."""
    positive = [[text, {**options, RATE: rate}] for text, options in prompt]
    return positive, [[text, {**options, NULL_TEXT: True}] for text, options in positive]


def empty_latent(width: int, height: int, frames: int, batch: int) -> torch.Tensor:
    """A latent (B, 4, T, H, W) of zeros; width, height: in pixels."""
    return torch.zeros(batch, 4, frames, height // PIXELS, width // PIXELS)


def as_pictures(latent: torch.Tensor) -> torch.Tensor:
    """A video's latent (B, C, T, H, W) as those of its frames one after another, (B * T, C, H, W)."""
    return latent.transpose(1, 2).flatten(0, 1) if latent.ndim == 5 else latent


def _settings(weights: Weights) -> dict:
    width, channels, *_ = weights["x_embedder.proj.weight"].shape
    tokens, text = weights["y_embedder.y_embedding"].shape
    return {
        "hidden_size": width,
        "depth": count(weights, "blocks."),
        "num_heads": width // weights["blocks.0.attn.q_norm.weight"].shape[0],
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
    settings=_settings,
    ignored=("rope.freqs", "pos_embed"),
)
