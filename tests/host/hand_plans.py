"""Plans written by hand for a tiny model, so that a test says just what each head does at each step."""

from __future__ import annotations

import comfy.samplers

from ditfastattn.attention.hooks.model import HostModel
from ditfastattn.attention.hooks.noise import noise_scale
from ditfastattn.plans import Level, Measurement, Plan, WaySpec

from . import tiny
from .layouts import AXES, window_axes

WHOLE, HALF, NARROW = (1.0, 1.0), (0.5, 0.5), (0.25, 0.25)
WINDOWS = (HALF, WHOLE, NARROW)


def measurement(grid, steps: int) -> Measurement:
    """A measurement with round figures."""
    return Measurement(
        grid=grid,
        text_tokens=7,
        sampler="euler",
        scheduler="simple",
        steps=steps,
        cfg=4.0,
        denoise=1.0,
        seeds=(7,),
        prompts=1,
        dtype="float32",
        device="cpu",
        host_version="0",
        pack_version="0",
        created="2026-01-01T00:00:00Z",
        seconds=1.0,
        dense_seconds=1.0,
        attention_flops=1e9,
        other_flops=1e9,
    )


def positions_of(model, steps: int, scheduler: str = "simple") -> list[float]:
    """Places in the noise schedule of a host scheduler's steps."""
    sampling = model.get_model_object("model_sampling")
    sigmas = comfy.samplers.calculate_sigmas(sampling, scheduler, steps)
    position_of = noise_scale(sampling)
    return [position_of(float(sigma)) for sigma in sigmas[:-1]]


def hand_plan(
    model,
    family: str,
    profiles,
    share: str | None = None,
    windows=WINDOWS,
    steps: int | None = None,
    expected: float | None = None,
    evaluated: str = "",
    slopes: tuple[float, ...] = (),
    corrections: tuple[float, ...] = (),
    pooled: bool = False,
) -> Plan:
    """A plan with one level, D1. profiles: one letter row for all heads, or a list that heads take in turn. expected:
    the error expected of every site. pooled: whether windows are. evaluated, slopes, corrections: see `plans.Level`.
    """
    profiles = [profiles] if isinstance(profiles, str) else profiles
    rows = len(profiles[0])
    host = HostModel.of(model)
    identity, sites = host.identity, host.sites
    grid = host.family.grid(model.model.diffusion_model, tuple(tiny.latent(family).shape))
    axes = window_axes(family) if family in AXES else len(grid)
    ways = tuple(WaySpec.window((1.0,) * (axes - 2) + window, pooled) for window in windows)
    level = Level(
        "D1",
        tuple(profiles[head % len(profiles)] for head in range(identity.heads)),
        (share or "0" * rows,) * len(sites),
        0.0,
        1.0,
        0.5,  # enough for a plan that is worth following
        0,
        () if expected is None else (expected,) * len(sites),
        evaluated,
        slopes,
        corrections,
    )
    return Plan(identity, measurement(grid, rows), tuple(positions_of(model, steps or rows)), ways, (level,))
