"""A file of Open-Sora 1.2's autoencoder to a VAE of the host, which its VAE Decode and VAE Encode take."""

from __future__ import annotations

from pathlib import Path

import comfy.diffusers_convert
import comfy.model_management
import comfy.sd
import torch
from comfy.ldm.models.autoencoder import AutoencoderKL

from ...sentences import say
from .base import Weights, count
from .load import read, require_whole
from .opensora import CHUNK, LATENT_CHUNK, PIXELS, V12, latent_frames
from .temporal_vae import TemporalVAE, VideoVAE, frames_of

TITLE = "Open-Sora 1.2 VAE"
_SPATIAL, _TEMPORAL = "spatial_vae.module.", "temporal_vae."
_SCALES = ("scale", "shift")


def load_vae(path: str) -> comfy.sd.VAE:
    """A file as the host's VAE. Raises ValueError, with what is wrong with the file in one sentence."""
    name = Path(path).name
    weights = read(path)
    spatial, temporal = (_below(weights, prefix) for prefix in (_SPATIAL, _TEMPORAL))
    if not spatial or not temporal:
        raise ValueError(
            say(
                "{file} is no autoencoder of Open-Sora 1.2, which has one part for frames and one for time. The host's "
                "Load VAE may know it.",
                file=name,
            )
        )
    try:
        of_frames = _of_frames(spatial)
        with torch.device("meta"):
            of_time = _of_time(temporal)
            expected = {f"{_TEMPORAL}{key}": one for key, one in of_time.state_dict().items()}
            expected |= {f"{_SPATIAL}{key}": one for key, one in AutoencoderKL(**of_frames).state_dict().items()}
    except (KeyError, IndexError, ValueError, RuntimeError, ZeroDivisionError) as error:
        raise ValueError(
            say(
                "{file} looks like {model}, and its size is none that is known ({error}).",
                file=name,
                model=TITLE,
                error=str(error),
            )
        ) from error
    converted = comfy.diffusers_convert.convert_vae_state_dict(spatial)
    given = {f"{_SPATIAL}{key}": one for key, one in converted.items()}
    given |= {key: one for key, one in weights.items() if not key.startswith(_SPATIAL) and key not in _SCALES}
    require_whole(name, TITLE, given, expected)
    return _host_vae(spatial, of_frames, temporal, {key: weights[key] for key in _SCALES if key in weights})


def _below(weights: Weights, prefix: str) -> Weights:
    return {key[len(prefix) :]: one for key, one in weights.items() if key.startswith(prefix)}


def _of_frames(weights: Weights) -> dict:
    """Arguments of the host's autoencoder of pictures for weights in diffusers' layout."""
    width = weights["encoder.conv_in.weight"].shape[0]
    levels = range(count(weights, "encoder.down_blocks."))
    widths = [weights[f"encoder.down_blocks.{level}.resnets.0.conv1.weight"].shape[0] for level in levels]
    made = {
        "double_z": True,
        "z_channels": 4,
        "resolution": 256,
        "in_channels": 3,
        "out_ch": 3,
        "ch": width,
        "ch_mult": [one // width for one in widths],
        "num_res_blocks": count(weights, "encoder.down_blocks.0.resnets."),
        "attn_resolutions": [],
        "dropout": 0.0,
    }
    return {"ddconfig": made, "embed_dim": 4}


def _of_time(weights: Weights) -> TemporalVAE:
    levels = range(count(weights, "encoder.block_res_blocks."))
    widths = [weights[f"encoder.block_res_blocks.{level}.0.conv1.conv.weight"].shape[0] for level in levels]
    multipliers = tuple(width // widths[0] for width in widths)
    return TemporalVAE(widths[0], multipliers, count(weights, "encoder.res_blocks."))


def _host_vae(spatial: Weights, of_frames: dict, temporal: Weights, scales: Weights) -> comfy.sd.VAE:
    """The host's VAE of the part for frames, with both parts in its place."""
    vae = comfy.sd.VAE(sd=spatial, config={"params": of_frames})
    of_time = _of_time(temporal).eval().to(vae.vae_dtype)
    both = VideoVAE(vae.first_stage_model, of_time)
    kind, before = type(vae.patcher), vae.patcher
    comfy.model_management.archive_model_dtypes(both)  # before a file's own precision may come in
    of_time.load_state_dict(temporal, assign=before.is_dynamic())
    for name, values in scales.items():
        getattr(both, name).copy_(values.view(1, -1, 1, 1, 1))
    vae.first_stage_model, vae.size = both, None
    vae.patcher = kind(both, load_device=before.load_device, offload_device=before.offload_device)
    vae.latent_dim, vae.handles_tiling = 3, True
    vae.upscale_ratio = (_frames, PIXELS, PIXELS)
    vae.downscale_ratio = (lambda frames: latent_frames(frames, V12), PIXELS, PIXELS)
    of_decode, of_encode = vae.memory_used_decode, vae.memory_used_encode
    # One frame at a time goes through the larger part; the whole video is there before and after.
    vae.memory_used_decode = lambda shape, dtype: (
        of_decode((1, *shape[1:2], *shape[3:]), dtype) + 8 * 3 * 64 * _frames(shape[2]) * shape[3] * shape[4]
    )
    vae.memory_used_encode = lambda shape, dtype: of_encode((1, *shape[1:2], *shape[3:]), dtype) + 8 * 3 * shape.numel()
    return vae


def _frames(latent: int) -> int:
    """Frames of a video whose latent has so many."""
    chunks, rest = divmod(latent, LATENT_CHUNK)
    return chunks * CHUNK + (frames_of(rest, not chunks) if rest else 0)
