"""One run of the host's sampler, described, made, and given a plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import comfy.sample
import comfy.samplers
import torch
from comfy.nested_tensor import NestedTensor

from ditfastattn.attention.hooks.noise import noise_scale
from host import tiny
from host.applying import apply_plan
from host.hand_plans import WINDOWS, hand_plan

from .identity import Oracle

STEPS = 5
ROUNDING = 2e-5  # relative; float32 through a few blocks and steps
# By step of the run, heads in turn: no site is ever reused whole, so that nothing but heads is missing or there.
LETTERS = ("frfrfrfr", "ffrf0ff0", "fAAfAAfA", "f0r1f0rf")
PATCHES = {
    "sd3": (2, 2),
    "flux": (2, 2),
    "wan21_t2v": (1, 2, 2),
    "pixart_sigma": (2, 2),
    "qwen": (1, 2, 2),
    "ltxav": (1, 1, 1),
}
FAMILIES = tuple(PATCHES)
JOINT = ("sd3", "flux", "qwen")
FLAT = ("sd3", "flux")  # of which an area is given by height and width
ONE_LATENT = tuple(family for family in FAMILIES if family != "ltxav")  # not video and sound as one row of values
WRAPPED = ("flux", "wan21_t2v", "qwen", "ltxav")  # whose forward the host lets other nodes wrap
MODES = ("heads", "shared")


@dataclass(frozen=True)
class Sampled:
    """How a run is sampled. before, after: what is put on the model, before the plan and after it. shares: whether one
    branch may serve the other. changes: whether the picture is another one than without, so that no way is none.
    """

    sampler: str = "euler"
    scheduler: str = "simple"
    cfg: float = 4.0
    batch: int = 1
    start: int = 0
    end: int | None = None
    full_denoise: bool = True
    denoise: float = 1.0
    mask: bool = False
    positive: Callable[[str], list] = lambda family: tiny.conditioning(family, 1)
    negative: Callable[[str], list] = lambda family: tiny.conditioning(family, 2)
    before: Callable = lambda model, family: model
    after: Callable = lambda model, family: model
    sigmas: tuple[float, ...] = ()
    families: tuple[str, ...] = FAMILIES
    shares: bool = True
    changes: bool = True


def levels_of(model, how: Sampled, steps: int = STEPS) -> torch.Tensor:
    """The noise levels that are sampled."""
    if how.sigmas:
        return torch.tensor(how.sigmas)
    sampler = comfy.samplers.KSampler(model, steps, model.load_device, how.sampler, how.scheduler, how.denoise)
    levels = sampler.sigmas[how.start : None if how.end is None else how.end + 1].clone()
    if how.end is not None and how.full_denoise:
        levels[-1] = 0
    return levels


def sample(model, family: str, how: Sampled, steps: int = STEPS, callback=None, latent=None) -> torch.Tensor:
    """As the host's nodes do it. latent: of a sampler before, which gets no further noise."""
    begun = latent is not None
    latent = latent if begun else tiny.latent(family, how.batch)
    if not begun and (how.mask or how.start or how.denoise < 1):
        latent = _filled(latent)
    mask = _inpainted(latent) if how.mask else None
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(how.positive(family), how.negative(family))
    guider.set_cfg(how.cfg)
    noise = torch.zeros_like(latent) if begun else comfy.sample.prepare_noise(latent, 7)
    with torch.inference_mode():
        made = guider.sample(
            noise, latent, comfy.samplers.sampler_object(how.sampler), levels_of(model, how, steps), denoise_mask=mask,
            callback=callback, disable_pbar=True, seed=7,
        )  # fmt: skip
    return _flat(made)


def watched(model, family: str, how: Sampled) -> list[torch.Tensor]:
    """What the sampler shows after each step, and at last the latent."""
    shown: list[torch.Tensor] = []
    latent = sample(model, family, how, callback=lambda step, x0, x, total: shown.append(_flat(x0).clone()))
    return [*shown, latent]


def _flat(latent) -> torch.Tensor:
    return torch.cat([one.flatten(1) for one in latent.unbind()], 1) if latent.is_nested else latent


def _filled(latent):
    """Something in place of an empty latent."""
    if latent.is_nested:
        return NestedTensor([_filled(one) for one in latent.unbind()])
    return torch.randn(latent.shape, generator=torch.Generator().manual_seed(3))


def _inpainted(latent) -> torch.Tensor:
    """Half of the picture, and a strip beside it by half."""
    picture = latent.unbind()[0] if latent.is_nested else latent
    mask = torch.zeros(picture.shape[0], 1, *picture.shape[-2:])
    mask[..., : picture.shape[-1] // 2] = 1.0
    mask[..., picture.shape[-1] // 2 : 3 * picture.shape[-1] // 4] = 0.5
    return mask


def oracle_of(family: str, profiles, share: str, sites: int) -> Oracle:
    """What letters of heads mean for a family."""
    axes = len(PATCHES[family])
    windows = tuple((1.0,) * (axes - 2) + window for window in WINDOWS)
    return Oracle(profiles, share, windows, sites, PATCHES[family], family in JOINT)


def patched_by(base, family: str, levels, profiles, share: str):
    """A model that follows letters, one a noise level."""
    plan = hand_plan(base, family, profiles, share)
    position = noise_scale(base.get_model_object("model_sampling"))
    return apply_plan(base, replace(plan, positions=tuple(position(level) for level in levels)), "D1", strict=True)
