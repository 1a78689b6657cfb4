"""Running the user's sampler once, as the host's nodes do: previews, progress and Cancel included."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview
import torch

PREVIEW_FORMAT = "JPEG"


@dataclass(frozen=True)
class Setup:
    """What is sampled: a LATENT dict and two conditionings, and whatever of the host's own objects take the place of
    settings. guider: its conditionings and scale go before `positive`, `negative` and the CFG. sampler, sigmas: before
    the names of sampler and scheduler, the steps and the denoise.
    """

    latent: dict
    positive: list | None = None
    negative: list | None = None
    guider: comfy.samplers.CFGGuider | None = None
    sampler: comfy.samplers.KSAMPLER | None = None
    sigmas: torch.Tensor | None = None

    @property
    def inputs(self) -> tuple:
        """All that one measurement is told from another by, beside the settings and the model."""
        guider = {} if self.guider is None else vars(self.guider)
        told = {name: _unnumbered(guider[name]) for name in sorted(guider) if name not in _OF_THE_MODEL}
        sampler = None if self.sampler is None else vars(self.sampler)
        return (self.positive, self.negative, self.latent, told, sampler, self.sigmas)


# What a guider holds of the model that it samples, or only while it samples.
_OF_THE_MODEL = ("model_patcher", "model_options", "inner_model", "conds", "loaded_models")


def _unnumbered(conditionings):
    """A guider's conditionings without the number that the host gives each of them anew; anything else as it is."""
    if not isinstance(conditionings, dict):
        return conditionings
    return {
        name: [{key: value for key, value in one.items() if key != "uuid"} for one in entries]
        for name, entries in conditionings.items()
    }


def sample_once(model_patcher, settings, setup: Setup, progress=None, noise=None) -> torch.Tensor:
    """The sampled latent (B, C, [T,] H, W) of `settings` (measurement.SamplerSettings).

    progress: `progress.Meter` that steps and previews go to, in place of the host's own bar of a sampling run. noise:
    the host's NOISE, in place of the seed.
    """
    latent = setup.latent
    samples = comfy.sample.fix_empty_latent_channels(
        model_patcher, latent["samples"], latent.get("downscale_ratio_spacial"), latent.get("downscale_ratio_temporal")
    )
    seed = settings.seed if noise is None else noise.seed
    if noise is None:
        start = comfy.sample.prepare_noise(samples, seed, latent.get("batch_index"))
    else:
        start = noise.generate_noise({**latent, "samples": samples})
    rest = {
        "denoise_mask": latent.get("noise_mask"),
        "callback": _callback(model_patcher, settings, progress),
        "disable_pbar": not comfy.utils.PROGRESS_BAR_ENABLED,
        "seed": seed,
    }
    guider = _guider(model_patcher, settings, setup)
    sampler = setup.sampler or comfy.samplers.sampler_object(settings.name)
    return guider.sample(start, samples, sampler, noise_levels(model_patcher, settings, setup), **rest)


def _guider(model_patcher, settings, setup: Setup):
    if setup.guider is not None:
        guider = copy.copy(setup.guider)
        guider.model_patcher, guider.model_options = model_patcher, model_patcher.model_options
        return guider
    guider = comfy.samplers.CFGGuider(model_patcher)
    guider.set_conds(setup.positive, setup.negative)
    guider.set_cfg(settings.cfg)
    return guider


def noise_levels(model_patcher, settings, setup: Setup) -> torch.Tensor:
    """The sigmas (steps + 1) that are sampled."""
    if setup.sigmas is not None:
        return setup.sigmas
    # The host's own object knows what a sampler leaves out of a schedule, and how denoise cuts it.
    return comfy.samplers.KSampler(
        model_patcher, settings.steps, model_patcher.load_device, settings.name, settings.scheduler, settings.denoise
    ).sigmas


def _callback(model_patcher, settings, progress):
    if progress is None:
        return latent_preview.prepare_callback(model_patcher, settings.steps)
    previewer = latent_preview.get_previewer(model_patcher.load_device, model_patcher.model.latent_format)

    def callback(step, x0, x, total_steps):
        picture = x0.tensors[0] if x0.is_nested else x0
        preview = previewer.decode_latent_to_preview_image(PREVIEW_FORMAT, picture) if previewer else None
        progress.sampled(step + 1, total_steps, preview)

    return callback
