"""Running the user's sampler once, as the host's KSampler node does: previews, progress and Cancel included."""

from __future__ import annotations

import comfy.sample
import comfy.utils
import latent_preview
import torch


def sample_once(model_patcher, settings, positive, negative, latent: dict) -> torch.Tensor:
    """The sampled latent (B, C, [T,] H, W) of `settings` (calibrate.SamplerSettings) on a LATENT dict."""
    samples = comfy.sample.fix_empty_latent_channels(
        model_patcher, latent["samples"], latent.get("downscale_ratio_spacial"), latent.get("downscale_ratio_temporal")
    )
    noise = comfy.sample.prepare_noise(samples, settings.seed, latent.get("batch_index"))
    return comfy.sample.sample(
        model_patcher,
        noise,
        settings.steps,
        settings.cfg,
        settings.name,
        settings.scheduler,
        positive,
        negative,
        samples,
        denoise=settings.denoise,
        noise_mask=latent.get("noise_mask"),
        seed=settings.seed,
        callback=latent_preview.prepare_callback(model_patcher, settings.steps),
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
    )
