"""Models that no record covers: their self-attention, found while they are evaluated once.

A site is the innermost module around calls of the host's attention function that join a sequence with itself, of at
least as many tokens as the latent's grid has. What that is called is all that is known of it: where in the sequence the
picture's tokens stand is not, so there are no windows and branches do not share; and what else the module does is not,
so it is never left out whole. Heads are reused, whole evaluations forecast, and all of it is counted.
"""

from __future__ import annotations

import math
from weakref import WeakKeyDictionary

import torch

from ...sentences import say
from ..families import JOINT, Family, Site, patches

FAMILY = "discovered"  # in plans
_SIDES = (1, 2, 4, 8, 16, 32)  # of a token, in latent pixels


class Discovery:
    """What is known of one network. sites: none before it was looked at. found: all modules that were seen to attend,
    by name, those with fewer tokens as well.
    """

    def __init__(self):
        self.sites: tuple[Site, ...] = ()
        self.found: dict[str, Site] = {}
        self.family = self._family((1,))

    def learn(self, calls: dict[str, tuple[int, int, int, bool]], latent: tuple[int, ...], network) -> None:
        """Take what one evaluation showed. calls: see `_Search`; latent: shape (B, C, [T,] H, W)."""
        longest = max((tokens for _, _, tokens, _ in calls.values()), default=0)
        self.family = self._family(_patch(network, latent, longest))
        least = math.prod(self.family.grid(network, latent))
        self.found = {
            name: Site(name, heads, size, scope=JOINT, rebind=hidden)
            for name, (heads, size, _, hidden) in calls.items()
        }
        self.sites = tuple(site for name, site in self.found.items() if calls[name][2] >= least)

    def named(self, sites) -> tuple[Site, ...]:
        """The sites that a plan names, with their heads. Raises ValueError where the model has no such one."""
        found = self.found
        lost = next((one for one in sites if one.name not in found or found[one.name].heads != one.heads), None)
        if lost is not None:
            raise ValueError(say("the model does not attend in {layer} as the plan says", layer=lost.name))
        return tuple(found[one.name] for one in sites)

    def _family(self, patch: tuple[int, ...]) -> Family:
        return Family(FAMILY, FAMILY, (), sites=lambda network: self.sites, grid=patches(*patch), placed=False)


_KNOWN: WeakKeyDictionary[torch.nn.Module, Discovery] = WeakKeyDictionary()


def discovery_of(network: torch.nn.Module) -> Discovery:
    """What is known of a network, as long as that lives."""
    return _KNOWN.setdefault(network, Discovery())


def _patch(network, latent: tuple[int, ...], longest: int) -> tuple[int, ...]:
    """Sides of a token in latent pixels: the model's own where it tells, else the smallest with which all tokens of the
    latent find room in the longest sequence.
    """
    axes = len(latent) - 2
    own = getattr(network, "patch_size", None)
    own = (own,) * min(2, axes) if isinstance(own, int) else own
    told = [tuple(own)] if isinstance(own, (tuple, list)) and all(isinstance(side, int) for side in own) else []
    told = [(1,) * (axes - len(patch)) + patch for patch in told if len(patch) <= axes]
    guessed = [(1,) * max(0, axes - 2) + (side,) * min(2, axes) for side in _SIDES]
    fitting = (
        patch
        for patch in (*told, *guessed)
        if math.prod(-(-side // size) for side, size in zip(latent[2:], patch, strict=True)) <= longest
    )
    return next(fitting, guessed[-1])
