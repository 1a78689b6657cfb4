"""A model's noise schedule: where in it a noise level lies, and how much of the picture a latent holds there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import comfy.model_sampling
import comfy.samplers
import numpy as np
import torch


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


def schedule_name(model_sampling, sigmas: Sequence[float]) -> str:
    """The host's scheduler that gives these noise levels (steps + 1,), or "custom" with a digest of them."""
    levels = torch.tensor([float(sigma) for sigma in sigmas])
    for name in comfy.samplers.SCHEDULER_NAMES:
        try:
            known = comfy.samplers.calculate_sigmas(model_sampling, name, len(levels) - 1).cpu().float()
        except (ValueError, RuntimeError, IndexError, ZeroDivisionError):
            continue  # some schedules do not exist for every number of steps
        if known.shape == levels.shape and torch.allclose(known, levels, rtol=1e-4, atol=1e-5):
            return name
    text = ",".join(f"{float(level):.5g}" for level in levels)
    return f"custom {hashlib.sha256(text.encode()).hexdigest()[:8]}"
