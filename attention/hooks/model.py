"""Small readings of the host: positions in the noise schedule, model identity, free memory. No patching here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import comfy.model_management
import comfy.model_sampling
import numpy as np
import torch

from ...plans import ModelIdentity, fingerprint
from ...plans import Site as PlanSite
from ..families import Family, Site

# Entries of the host's model configuration that change what a plan means; the rest (names, paths) may differ freely.
_PLAIN = (bool, int, float, str, type(None))


def noise_scale(model_sampling) -> Callable[[float], float]:
    """A function from a noise level to its position in the model's schedule: 1 = pure noise, 0 = clean.

    The position follows the model's own timestep, so it means the same for every scheduler and step count, for flow
    and for discrete models alike.
    """

    def timestep(level: float) -> float:
        return float(model_sampling.timestep(_sigma(level)))

    low, high = timestep(model_sampling.sigma_min), timestep(model_sampling.sigma_max)
    span = high - low or 1.0
    return lambda level: min(1.0, max(0.0, (timestep(level) - low) / span))


def _sigma(value) -> torch.Tensor:
    return torch.as_tensor(float(value), dtype=torch.float32)


def signal_scale(model_sampling, sigmas: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Factor of the clean picture in the latent at each noise level, and by how much the host's latent is larger.

    Flow models sample x = (1 - sigma) * picture + sigma * noise: (1 - sigma, 1). The others sample picture + sigma *
    noise, which is the same latent divided by its factor: (1 / (1 + sigma), 1 + sigma).
    """
    levels = np.asarray(sigmas, float)
    if isinstance(model_sampling, comfy.model_sampling.CONST):
        return 1.0 - levels, np.ones_like(levels)
    return 1.0 / (1.0 + levels), 1.0 + levels


def identify(model_patcher, family: Family, sites: Sequence[Site]) -> ModelIdentity:
    """The identity of a loaded model: its architecture, not its weights; LoRA patches are only noted."""
    config = getattr(model_patcher.model.model_config, "unet_config", {})
    description = {
        "family": family.name,
        "sites": [[site.name, site.heads, site.head_dim, site.scope] for site in sites],
        "config": {key: value for key, value in sorted(config.items()) if isinstance(value, _PLAIN) and key != "dtype"},
    }
    patches = len(model_patcher.patches)
    return ModelIdentity(
        family=family.name,
        fingerprint=fingerprint(description),
        sites=tuple(PlanSite(site.name, site.heads) for site in sites),
        head_dim=sites[0].head_dim,
        hidden=sites[0].heads * sites[0].head_dim,
        note=f"{patches} patched weights (LoRA)" if patches else "",
    )


def free_memory(device: torch.device) -> int:
    """Bytes the host reports as free on a device."""
    return int(comfy.model_management.get_free_memory(device))


def parameter_count(model_patcher) -> int:
    """Number of weights of the diffusion model."""
    return sum(weight.numel() for weight in model_patcher.model.diffusion_model.parameters())


def latent_digest(samples) -> tuple | None:
    """A cheap fingerprint of a latent, to match a result with the run that made it."""
    if not isinstance(samples, torch.Tensor) or samples.numel() == 0:
        return None
    flat = samples.detach().reshape(-1)
    picked = flat[:: max(1, flat.numel() // 64)].float().cpu()
    return (tuple(samples.shape), *picked.tolist())
