"""Graphs of two samplers, each a case held against the oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ditfastattn.attention.hooks.model import HostModel
from ditfastattn.attention.hooks.patch import attached
from host import tiny

from . import others
from .judge import Verdict
from .sampled import LETTERS, ONE_LATENT, ROUNDING, Sampled, levels_of, oracle_of, patched_by, sample


@dataclass(frozen=True)
class Chain:
    """A graph of two samplers: the second goes on where the first stops, with a model and a plan of its own.

    second: the second sampler's model, of the first one's.
    """

    title: str
    family: str
    second: Callable

    @property
    def name(self) -> str:
        return f"{self.family}, sampling: {self.title}"

    def run(self) -> Verdict:
        """Sample the graph without the pack, by plans in full, twice by plans, and by the oracle."""
        try:
            return self._run()
        except Exception as error:
            return Verdict(self.name, wrong=f"{type(error).__name__}: {error}")

    def _run(self) -> Verdict:
        hows = (Sampled(end=2, full_denoise=False), Sampled(start=2))
        base = tiny.shared_model(self.family)
        models = (base, self.second(base, self.family))
        levels = [levels_of(model, how)[:-1].tolist() for model, how in zip(models, hows, strict=True)]
        letters = [[letters[: len(some)] for letters in LETTERS] for some in levels]
        share = "0110"
        plain = self._sampled(models, hows)
        full = [
            patched_by(model, self.family, some, ["f" * len(some)] * 4, "0" * len(some))
            for model, some in zip(models, levels, strict=True)
        ]
        bits = "" if torch.equal(self._sampled(full, hows)[-1], plain[-1]) else "an all-full plan differs"
        patched = [
            patched_by(model, self.family, some, profiles, share[: len(some)])
            for model, some, profiles in zip(models, levels, letters, strict=True)
        ]
        made, again = self._sampled(patched, hows), self._sampled(patched, hows)
        expected = None
        for model, how, profiles in zip(models, hows, letters, strict=True):
            oracle = oracle_of(self.family, profiles, share[: len(profiles[0])], len(HostModel.of(model).sites))
            with oracle.inside(model) as meant:
                expected = sample(meant, self.family, how, latent=expected)
        error = float((made[-1] - expected).double().norm() / expected.double().norm())
        effect = float((made[-1] - plain[-1]).double().norm() / plain[-1].double().norm())
        wrong = [
            "" if error < ROUNDING < effect else f"error {error:.1e}, effect {effect:.1e}",
            "" if torch.equal(made[-1], again[-1]) else "the same graph twice has other bits",
        ]
        held = any(attached(one).run or attached(one).processor for one in patched)
        leaked = "the run's own objects are still there" if held else ""
        return Verdict(self.name, "; ".join(filter(None, wrong)), bits, leaked, error)

    def _sampled(self, models, hows) -> list[torch.Tensor]:
        made = [None]
        for model, how in zip(models, hows, strict=True):
            made.append(sample(model, self.family, how, latent=made[-1]))
        return made[1:]


CHAINS = [
    Chain(title, family, second)
    for title, second in (("two models", others.another), ("two samplers", others.as_it_is), ("two LoRAs", others.lora))
    for family in ONE_LATENT
]
