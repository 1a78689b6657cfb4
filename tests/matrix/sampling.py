"""Ways of sampling, each a case: a run without the pack, with a plan in full, and with one held against the oracle.

`CASES` is for the whole matrix by one command; the suite runs a part of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import comfy.samplers
import torch

from ditfastattn.attention.hooks.model import HostModel
from ditfastattn.attention.hooks.patch import attached
from host import tiny

from . import others
from .chains import CHAINS
from .judge import Verdict
from .others import both, carrying
from .sampled import (
    FAMILIES,
    FLAT,
    LETTERS,
    MODES,
    ONE_LATENT,
    ROUNDING,
    WRAPPED,
    Sampled,
    levels_of,
    oracle_of,
    patched_by,
    sample,
    watched,
)


@dataclass(frozen=True)
class Case:
    """One way of sampling one family by one plan, previews included. mode: heads alone, or with sharing as well."""

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
        plain = watched(how.after(base, family), family, how)
        full = how.after(self._patched(base, levels, ["f" * steps] * 4, "0" * steps), family)
        bits = "" if _equal(watched(full, family, how), plain) else "an all-full plan differs"
        patched = how.after(self._patched(base, levels, profiles, share), family)
        made = watched(patched, family, how)
        installation = attached(patched)
        held = installation.run or installation.processor or installation.forward
        leaked = "the run's own objects are still there" if held else ""
        again = _equal(watched(patched, family, how), made)
        sites = HostModel.of(base).sites
        shares = how.shares and how.cfg != 1.0
        oracle = oracle_of(family, profiles, share if shares else "0" * steps, len(sites))
        with oracle.inside(how.after(base, family)) as meant:
            expected = watched(meant, family, how)
        error, effect = max(map(_apart, made, expected)), _apart(made[-1], plain[-1])
        record = installation.runs.latest()
        dense, kept = record.attention_flops()
        changed = _differs(plain[-1], _usual(family))
        wrong = [
            "" if changed is how.changes else f"the picture is {'another' if changed else 'as it is without'}",
            "" if made[-1].isfinite().all() else "not finite",
            "" if len(made) == len(plain) == len(expected) else "other previews",
            "" if error < ROUNDING else f"error {error:.1e}, effect {effect:.1e}",
            "" if again else "the same run twice has other bits",
            "" if 0 < kept < dense == oracle.dense else f"counted {kept} of {dense}, of which there are {oracle.dense}",
        ]
        return Verdict(self.name, "; ".join(filter(None, wrong)), bits, leaked, error)

    def _patched(self, base, levels, profiles, share):
        return patched_by(base, self.family, levels, profiles, share)


@cache
def _usual(family: str) -> torch.Tensor:
    return sample(tiny.shared_model(family), family, Sampled())


def _equal(some: list[torch.Tensor], others: list[torch.Tensor]) -> bool:
    return len(some) == len(others) and all(map(torch.equal, some, others))


def _differs(made: torch.Tensor, usual: torch.Tensor) -> bool:
    """By more than rounding does, as of other batches."""
    return made.shape != usual.shape or _apart(made, usual) > ROUNDING


def _apart(made: torch.Tensor, expected: torch.Tensor) -> float:
    """Distance, relative to what is expected."""
    return float((made.double() - expected.double()).norm() / expected.double().norm())


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
    "as usual": Sampled(changes=False),
    **{f"sampler {name}": Sampled(sampler=name) for name in SAMPLERS},
    **{f"scheduler {name}": Sampled(scheduler=name) for name in comfy.samplers.SCHEDULER_NAMES if name != "simple"},
    "sigmas of the user's own": Sampled(sigmas=(1.0, 0.9, 0.55, 0.3, 0.1, 0.0)),
    "the first part of split sigmas": Sampled(end=3, full_denoise=False),
    "the second part of split sigmas": Sampled(start=2),
    "denoise below 1": Sampled(denoise=0.6),
    "inpainting": Sampled(mask=True),
    "differential diffusion": Sampled(mask=True, before=others.differential),
    "CFG 1": Sampled(cfg=1.0, shares=False),
    "CFG that a function ends": Sampled(before=others.cfg_ends, shares=False),
    "CFG that is 1 in between": Sampled(before=others.cfg_one),
    "an area": Sampled(positive=both(carrying(1, area=(8, 12, 4, 6)), carrying(3)), families=FLAT),
    "two areas": Sampled(
        positive=both(carrying(1, area=(16, 12, 0, 0)), carrying(3, area=(16, 12, 0, 12))), families=FLAT
    ),
    "two areas, split by memory": Sampled(
        positive=both(carrying(1, area=(16, 12, 0, 0)), carrying(3, area=(16, 12, 0, 12))),
        after=others.little_memory,
        families=FLAT,
    ),
    "two positives of which one is longer": Sampled(positive=both(carrying(1), carrying(3, 11))),
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
    "split by memory": Sampled(after=others.little_memory, changes=False),
    "a longer positive": Sampled(positive=carrying(1, 11), negative=carrying(2, 7)),
    "a longer negative": Sampled(positive=carrying(1, 7), negative=carrying(2, 11)),
    "passes beside the branches": Sampled(before=others.side_pass),
    "LoRA before": Sampled(before=others.lora),
    "LoRA after": Sampled(after=others.lora),
    "a wrapper that hands on": Sampled(after=others.handed_on, changes=False),
    "ControlNet": Sampled(positive=others.controlled(1), negative=others.controlled(2), families=("sd3", "flux")),
    "scheduled LoRA": Sampled(positive=others.scheduled_lora(1)),
    "context windows": Sampled(before=others.windows_over_frames("standard_static"), families=("wan21_t2v",)),
    "context windows that move": Sampled(after=others.windows_over_frames("looped_uniform"), families=("wan21_t2v",)),
    "context windows of one frame": Sampled(
        before=others.windows_over_frames("batched", 1, 0), families=("wan21_t2v", "ltxav")
    ),
    "fp8 weights": Sampled(before=others.fp8_weights),
    "partial loading": Sampled(before=others.partly_loaded, changes=False),
    "partial loading with a LoRA": Sampled(before=others.partly_loaded, after=others.lora),
    "EasyCache before": Sampled(before=others.step_cache("EasyCache"), families=WRAPPED),
    "EasyCache after": Sampled(after=others.step_cache("EasyCache"), families=WRAPPED),
    "LazyCache before": Sampled(before=others.step_cache("LazyCache"), families=ONE_LATENT),
    "LazyCache after": Sampled(after=others.step_cache("LazyCache"), families=ONE_LATENT),
}
CASES = [
    Case(title, family, how, mode)
    for family in FAMILIES
    for title, how in WAYS.items()
    if family in how.families
    for mode in MODES
    if mode == "heads" or how.shares
] + CHAINS
