"""Running the user's sampler once, as the host's KSampler node does: previews, progress and Cancel included."""

from __future__ import annotations

import comfy.sample
import comfy.utils
import latent_preview
import torch

PREVIEW_FORMAT = "JPEG"


def sample_once(model_patcher, settings, positive, negative, latent: dict, progress=None) -> torch.Tensor:
    """The sampled latent (B, C, [T,] H, W) of `settings` (calibrate.SamplerSettings) on a LATENT dict.

    progress: `progress.Meter` that steps and previews go to, in place of the host's own bar of a sampling run.
    """
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
        callback=_callback(model_patcher, settings, progress),
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
    )


def _callback(model_patcher, settings, progress):
    if progress is None:
        return latent_preview.prepare_callback(model_patcher, settings.steps)
    previewer = latent_preview.get_previewer(model_patcher.load_device, model_patcher.model.latent_format)

    def callback(step, x0, x, total_steps):
        picture = x0.tensors[0] if x0.is_nested else x0
        preview = previewer.decode_latent_to_preview_image(PREVIEW_FORMAT, picture) if previewer else None
        progress.sampled(step + 1, total_steps, preview)

    return callback
