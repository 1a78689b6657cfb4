"""A loaded model of the host as this pack sees it: what it is and where its attention is, found once and passed on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import comfy.model_management
import folder_paths
import torch

from ...kernels import VERDICTS
from ...plans import ModelIdentity, Plan, fingerprint
from ...plans import Site as PlanSite
from ...sentences import LEVEL_OFF, say
from ..families import TITLES, Family, Site, discoverable, find_family, refusal
from . import preferred
from .discovery import Discovery, discovery_of

# Entries of the host's model configuration that change what a plan means; the rest (names, paths) may differ freely.
_PLAIN = (bool, int, float, str, type(None))


class NotCovered(ValueError):
    """No family covers a model; the message names it and says what happens."""


@dataclass(frozen=True)
class Known:
    """A model's family, and its sites in the order of execution."""

    family: Family
    sites: tuple[Site, ...]


@dataclass(frozen=True, eq=False)
class HostModel:
    """A model that can be compressed. patcher: the host's ModelPatcher. known: what is known of it; of a model that no
    record covers, what its first evaluation shows.
    """

    patcher: object
    known: Known | Discovery

    @staticmethod
    def of(patcher) -> HostModel:
        """The model of a patcher. Raises NotCovered."""
        model = patcher.model.diffusion_model
        family = find_family(model)
        reason = refusal(model)
        if reason is not None:
            raise NotCovered(
                say(
                    "{model} {reason}, so it runs with full attention: bypass or remove the node.",
                    model=model_name(patcher),
                    reason=reason,
                ).cured_by(LEVEL_OFF)
            )
        if family is None and discoverable(model):
            return HostModel(patcher, discovery_of(model))
        if family is None:
            raise NotCovered(
                say(
                    "{model} is not a model that DiTFastAttn covers, so it runs with full attention: bypass or remove "
                    "the node, or load one of those that are covered ({covered}).",
                    model=model_name(patcher),
                    covered=", ".join(TITLES),
                ).cured_by(LEVEL_OFF)
            )
        return HostModel(patcher, Known(family, family.sites(model)))

    @property
    def family(self) -> Family:
        """What kind of model it is."""
        return self.known.family

    @property
    def sites(self) -> tuple[Site, ...]:
        """In the order of execution; none as long as they have not been found."""
        return self.known.sites

    @property
    def diffusion_model(self):
        """The network itself."""
        return self.patcher.model.diffusion_model

    @property
    def identity(self) -> ModelIdentity:
        """Who a plan of this model is for: its architecture, not its weights; LoRA patches are only noted."""
        first = self.sites[0] if self.sites else _NOT_FOUND_YET
        patches = len(self.patcher.patches)
        return ModelIdentity(
            family=self.family.name,
            fingerprint=self._fingerprint,
            sites=tuple(PlanSite(site.name, site.heads) for site in self.sites or (first,)),
            head_dim=first.head_dim,
            hidden=first.heads * first.head_dim,
            note=f"{patches} patched weights (LoRA)" if patches else "",
        )

    @cached_property
    def _fingerprint(self) -> str:
        config = getattr(getattr(self.patcher.model, "model_config", None), "unet_config", {})
        if self.family.placed:
            sites = [[site.name, site.heads, site.head_dim, site.scope] for site in self.sites]
        else:  # which may not be known yet
            sites = [model_name(self.patcher), *(name for name, _ in self.diffusion_model.named_modules())]
        description = {
            "family": self.family.name,
            "sites": sites,
            "config": {
                key: value for key, value in sorted(config.items()) if isinstance(value, _PLAIN) and key != "dtype"
            },
        }
        asked = preferred.names(self.diffusion_model, self.sites)
        if asked:  # of the file, by layer
            description["attention"] = asked
        return fingerprint(description)

    def why_not(self, plan: Plan) -> str | None:
        """Why a plan is not for this model, as a sentence; None where it is, as far as it is known before a run."""
        ours = (self.family.name, self._fingerprint)
        if not self.family.placed and (plan.model.family, plan.model.fingerprint) == ours:
            return None
        return plan.why_not(self.identity)

    def sites_of(self, plan: Plan) -> tuple[Site, ...]:
        """The sites that a plan for this model names. Raises ValueError where it attends elsewhere."""
        return self.sites if self.family.placed else self.known.named(plan.model.sites)


_NOT_FOUND_YET = Site("attention", 1, 1)


def model_name(patcher) -> str:
    """A model as the host calls it, such as SDXL or QwenImage."""
    config = getattr(patcher.model, "model_config", None)
    return type(patcher.model.diffusion_model if config is None else config).__name__


def device_name(device: torch.device) -> str:
    """A device as its user calls it: CPU, or what a GPU says it is."""
    if device.type != "cuda":
        return device.type.upper() if device.type in ("cpu", "mps", "xpu", "npu") else str(device)
    return torch.cuda.get_device_name(device)


def free_memory(device: torch.device) -> int:
    """Bytes the host reports as free on a device."""
    return int(comfy.model_management.get_free_memory(device))


def keep_verdicts() -> None:
    """Have the kernels keep what they find about this machine in the host's user folder."""
    VERDICTS.keep_in(Path(folder_paths.get_user_directory()) / "ditfastattn")


def parameter_count(model_patcher) -> int:
    """Number of weights of the diffusion model."""
    return sum(weight.numel() for weight in model_patcher.model.diffusion_model.parameters())
