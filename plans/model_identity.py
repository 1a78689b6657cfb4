"""Who a plan is for: the model, its self-attention calls and their heads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from .validation import freeze, identifier, items, require, text, whole

MAX_SITES = 512
MAX_HEADS = 256  # of one site

_FINGERPRINT = re.compile(r"[0-9a-f]{16}\Z")


@dataclass(frozen=True)
class Site:
    """One self-attention call of the model, e.g. 'joint_blocks.3' or 'blocks.7.self_attn', and its number of heads."""

    name: str
    heads: int

    def __post_init__(self):
        freeze(self, name=identifier(self.name, "layer name"), heads=whole(self.heads, 1, MAX_HEADS, "head count"))


@dataclass(frozen=True)
class ModelIdentity:
    """Who a plan is for.

    family: short name of the model family. fingerprint: 16 hex digits from `fingerprint.fingerprint`.
    sites: self-attention calls in execution order. head_dim, hidden: channels per head and per token.
    note: what else was loaded when measuring (LoRAs); told to the user, never a reason to refuse.
    """

    family: str
    fingerprint: str
    sites: tuple[Site, ...]
    head_dim: int
    hidden: int
    note: str = ""

    def __post_init__(self):
        sites = items(self.sites, 1, MAX_SITES, "layers")
        require(
            all(isinstance(site, Site) for site in sites), "The plan's layers must each have a name and a head count."
        )
        require(len({site.name for site in sites}) == len(sites), "The plan names one layer twice.")
        good = isinstance(self.fingerprint, str) and _FINGERPRINT.match(self.fingerprint)
        require(bool(good), "The plan's model fingerprint must be 16 hexadecimal digits.")
        freeze(
            self,
            family=identifier(self.family, "model family"),
            sites=sites,
            head_dim=whole(self.head_dim, 1, 65536, "head size"),
            hidden=whole(self.hidden, 1, 1 << 24, "hidden size"),
            note=text(self.note, 2000, "model note"),
        )

    @cached_property
    def heads(self) -> int:
        """Heads of all sites together."""
        return sum(site.heads for site in self.sites)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """First head of each site in arrays over all heads, and the total at the end: length sites + 1."""
        result = [0]
        for site in self.sites:
            result.append(result[-1] + site.heads)
        return tuple(result)
