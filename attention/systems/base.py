"""A model of the papers as the loader sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import comfy.supported_models_base
import torch


class SystemConfig(comfy.supported_models_base.BASE):
    """What the host's configurations of such models have in common: nothing is taken from U-Nets."""

    unet_extra_config: dict = {}
    memory_usage_factor = 0.5


Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class System:
    """One model that the loader knows.

    title: as people know it. marks: names that a file has in common with no other model's. config: the host's
    configuration class. network: the network's class. settings(weights): what its size is, as the network's arguments;
    raises KeyError, IndexError or ValueError where the file has no such thing. renamed(weights): the weights by the
    network's own names. ignored: parts of names of what a file may hold and the network computes itself.
    """

    title: str
    marks: tuple[str, ...]
    config: type
    network: type
    settings: Callable[[Weights], dict]
    renamed: Callable[[Weights], Weights] = dict
    ignored: tuple[str, ...] = ()

    def knows(self, weights: Weights) -> bool:
        """Whether a file is of this model."""
        return all(mark in weights for mark in self.marks)


def count(weights: Weights, prefix: str) -> int:
    """How many numbered parts of one prefix, such as "blocks.", there are."""
    return len({name[len(prefix) :].split(".")[0] for name in weights if name.startswith(prefix)})
