"""Ways of sampling, each a case: a run without the pack, with a plan in full, and with one held against the oracle.

`CASES` is for the whole matrix by one command; the suite runs a part of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import comfy.sample
import comfy.samplers
import torch
from comfy.nested_tensor import NestedTensor

from ditfastattn.attention.hooks.model import HostModel
from ditfastattn.attention.hooks.noise import noise_scale
from ditfastattn.attention.hooks.patch import attached
from host import tiny
from host.applying import apply_plan
from host.hand_plans import WINDOWS, hand_plan

from . import others
from .identity import Oracle
from .judge import Verdict
from .others import both, carrying

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
MODES = ("heads", "shared")


@dataclass(frozen=True)
class Sampled:
    """How a run is sampled. model: what is put on it, before the plan and after it. guider: a class of the host's."""

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
    split: bool = False


def levels_of(model, how: Sampled, steps: int = STEPS) -> torch.Tensor:
    """The noise levels that are sampled."""
    if how.sigmas:
        return torch.tensor(how.sigmas)
    sampler = comfy.samplers.KSampler(model, steps, model.load_device, how.sampler, how.scheduler, how.denoise)
    levels = sampler.sigmas[how.start : None if how.end is None else how.end + 1].clone()
    if how.end is not None and how.full_denoise:
        levels[-1] = 0
    return levels


def sample(model, family: str, how: Sampled, steps: int = STEPS, callback=None) -> torch.Tensor:
    """As the host's nodes do it."""
    latent = tiny.latent(family, how.batch)
    if how.mask or how.start or how.denoise < 1:
        latent = _filled(latent)
    mask = _inpainted(latent) if how.mask else None
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(how.positive(family), how.negative(family))
    guider.set_cfg(how.cfg)
    noise = comfy.sample.prepare_noise(latent, 7)
    with torch.inference_mode():
        made = guider.sample(
            noise, latent, comfy.samplers.sampler_object(how.sampler), levels_of(model, how, steps), denoise_mask=mask,
            callback=callback, disable_pbar=True, seed=7,
        )  # fmt: skip
    return torch.cat([one.flatten(1) for one in made.unbind()], 1) if made.is_nested else made


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


@dataclass(frozen=True)
class Case:
    """One way of sampling one family by one plan. mode: heads alone, or with sharing as well."""

    title: str
    family: str
    how: Sampled = field(default_factory=Sampled)
    mode: str = "heads"

    @property
    def name(self) -> str:
        return f"{self.family}, sampling: {self.title}, {self.mode}"

    def run(self) -> Verdict:
        """Sample without the pack, by a plan in full, by the case's plan, and by the oracle."""
        try:
            return self._run()
        except Exception as error:
            return Verdict(self.name, wrong=f"{type(error).__name__}: {error}")

    def _run(self) -> Verdict:
        family, how = self.family, self.how
        base = how.before(tiny.shared_model(family), family)
        levels = levels_of(base, how)[:-1].tolist()
        steps = len(levels)
        profiles = [letters[:steps] for letters in LETTERS]
        share = ("0110" * steps)[:steps] if self.mode == "shared" else "0" * steps
        plain = sample(how.after(base, family), family, how)
        full = how.after(self._patched(base, levels, ["f" * steps] * 4, "0" * steps), family)
        bits = "" if torch.equal(sample(full, family, how), plain) else "an all-full plan differs"
        patched = how.after(self._patched(base, levels, profiles, share), family)
        made = sample(patched, family, how)
        installation = attached(patched)
        held = installation.run or installation.processor or installation.forward
        leaked = "the run's own objects are still there" if held else ""
        again = torch.equal(sample(patched, family, how), made)
        sites = HostModel.of(base).sites
        shares = how.shares and how.cfg != 1.0
        oracle = Oracle(
            profiles, share if shares else "0" * steps, self._windows(), len(sites), PATCHES[family], family in JOINT
        )
        with oracle.inside(how.after(base, family)) as meant:
            expected = sample(meant, family, how).double()
        error = float((made.double() - expected).norm() / expected.norm())
        effect = float((made.double() - plain.double()).norm() / plain.double().norm())
        record = installation.runs.latest()
        dense, kept = record.attention_flops()
        wrong = [
            "" if made.isfinite().all() else "not finite",
            "" if error < ROUNDING else f"error {error:.1e}, effect {effect:.1e}",
            "" if again else "the same run twice has other bits",
            "" if 0 < kept < dense else f"counted {kept} of {dense}",
        ]
        return Verdict(self.name, "; ".join(filter(None, wrong)), bits, leaked, error)

    def _windows(self):
        axes = len(PATCHES[self.family])
        return tuple((1.0,) * (axes - 2) + window for window in WINDOWS)

    def _patched(self, base, levels, profiles, share):
        plan = hand_plan(base, self.family, profiles, share)
        position = noise_scale(base.get_model_object("model_sampling"))
        return apply_plan(base, replace(plan, positions=tuple(position(level) for level in levels)), "D1", strict=True)


SAMPLERS = (
    "heun",
    "dpmpp_2m",
    "dpmpp_2s_ancestral",
    "lcm",
    "uni_pc",
    "dpm_2",
    "res_multistep",
    "deis",
    "euler_ancestral",
)
WAYS: dict[str, Sampled] = {
    "as usual": Sampled(),
    **{f"sampler {name}": Sampled(sampler=name) for name in SAMPLERS},
    **{f"scheduler {name}": Sampled(scheduler=name) for name in comfy.samplers.SCHEDULER_NAMES if name != "simple"},
    "sigmas of the user's own": Sampled(sigmas=(1.0, 0.9, 0.55, 0.3, 0.1, 0.0)),
    "the first part of split sigmas": Sampled(end=3, full_denoise=False),
    "the second part of split sigmas": Sampled(start=2),
    "denoise below 1": Sampled(denoise=0.6),
    "inpainting": Sampled(mask=True),
    "differential diffusion": Sampled(mask=True, before=others.differential),
    "CFG 1": Sampled(cfg=1.0, shares=False),
    "CFG that a function ends": Sampled(before=others.cfg_ends),
    "CFG that is 1 in between": Sampled(before=others.cfg_one),
    "an area": Sampled(positive=both(carrying(1, area=(8, 12, 4, 6)), carrying(3)), families=FLAT),
    "two areas": Sampled(
        positive=both(carrying(1, area=(16, 12, 0, 0)), carrying(3, area=(16, 12, 0, 12))), families=FLAT
    ),
    "an area that leaves a part without": Sampled(positive=carrying(1, area=(8, 12, 4, 6)), families=FLAT),
    "a mask": Sampled(
        positive=lambda family: both(carrying(1, mask=others.half_mask(family), mask_strength=0.7), carrying(3))(
            family
        ),
        families=ONE_LATENT,
    ),
    "strengths": Sampled(positive=both(carrying(1, strength=0.7), carrying(3, strength=0.4))),
    "ranges of steps": Sampled(positive=both(carrying(1, end_percent=0.5), carrying(3, start_percent=0.5))),
    "a range of steps with a gap": Sampled(
        positive=both(carrying(1, end_percent=0.3), carrying(1, start_percent=0.6), carrying(3, strength=0.5))
    ),
    "batch of two": Sampled(batch=2),
    "batch of three, split by memory": Sampled(batch=3, after=others.little_memory),
    "split by memory": Sampled(after=others.little_memory),
    "a longer positive": Sampled(positive=carrying(1, 11), negative=carrying(2, 7)),
    "a longer negative": Sampled(positive=carrying(1, 7), negative=carrying(2, 11)),
    "passes beside the branches": Sampled(before=others.side_pass),
    "LoRA before": Sampled(before=others.lora),
    "LoRA after": Sampled(after=others.lora),
    "a wrapper that hands on": Sampled(after=others.handed_on),
}
CASES = [
    Case(title, family, how, mode)
    for family in FAMILIES
    for title, how in WAYS.items()
    if family in how.families
    for mode in MODES
    if mode == "heads" or how.shares
]
