"""One call of the diffusion model: its branches, how its tokens are laid out, and the sites that it passes through."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch

from ..families import Family, Site
from .layouts import Hidden, SiteLayout, hidden_keys, site_layout

BranchKey = tuple
COND, UNCOND = 0, 1
SEQUENCES = 4  # of one item that are looked at. Chosen by hand, as many as there can be of 16 frames and of few queries

# Host patches that read or change q, k, v or the attention output: they must see the real tensors of every step.
_ATTENTION_PATCHES = ("attn1_patch", "attn1_output_patch")


@dataclass
class Branch:
    """One conditioning's items in the batch of a forward."""

    key: BranchKey
    index: int
    items: slice


@dataclass
class SiteCall:
    """One site while the forward passes through it.

    ordinal: how many times this forward has been through the site before; some models send several sequences through
    the same blocks. aside: the host computes it, whatever the plan says. attended: its attention was called. passed:
    attention was called in it that is none of the site's. entered: callables that the forward has come by. length,
    options: tokens that attended, or would have, and the transformer_options that they did it with, once they did.
    """

    site: Site
    number: int
    ordinal: int = 0
    skip: bool = False
    aside: bool = False
    attended: bool = False
    passed: bool = False
    length: int = 0
    options: dict = field(default_factory=dict)
    entered: set[str] = field(default_factory=set)


class Forward:
    """One call of the diffusion model: its branches, its token grid, and the sites that are open in it.

    `tracked` is False for guidance side passes, for calls outside a model evaluation and for what may be of another
    place: computed in full, caches untouched. ours: False for those of another model, which nothing is known of.
    direct: whether every attention call that carries the host's options comes to this pack first. single: whether the
    conditional and the unconditional branch are one conditioning each, wherever this forward is.
    """

    def __init__(
        self,
        diffusion_model,
        family: Family,
        latent_shape: Sequence[int],
        options: dict,
        tracked: bool,
        step: int,
        conditions: dict,
    ):
        self.diffusion_model = diffusion_model
        self.family = family
        self.step = step
        # Of several latents in one the first is the picture's.
        packed = conditions.get("latent_shapes") or [latent_shape]
        self._picture = tuple(packed[0])
        self.branches = _branches(latent_shape, options)
        self._conditions = conditions
        self.tracked = tracked and bool(self.branches)
        patches = options.get("patches", {})
        self.attention_patched = any(name in patches for name in _ATTENTION_PATCHES)
        self.ours = True
        self.direct = True
        self.single = False
        self.replaced_blocks = frozenset(options.get("patches_replace", {}).get("dit", ()))
        self.length = 0  # of the longest sequence that attended, and ...
        self.share = 0.0  # ... which part of the picture's it was
        self.number = 0  # of the pass in its evaluation
        self.pending: list[SiteCall] = []
        self.inside: list[int] = []  # numbers of the discovered sites that the forward is in, the innermost last
        self.open: dict[str, SiteCall] = {}
        self.calls: dict[str, list[SiteCall]] = {}  # all of each site, by its name
        self._mask: tuple[torch.Tensor, tuple[int, int, int], Hidden | None] | None = None

    @cached_property
    def grid(self) -> tuple[int, ...]:
        """Tokens of the latent along its axes."""
        return self.family.grid(self.diffusion_model, self._picture)

    @cached_property
    def ahead(self) -> int:
        """Keys that the grid's tokens attend beside their own, see `Family.ahead`."""
        return self.family.ahead(self.diffusion_model, self._conditions) if self.family.ahead else 0

    @property
    def image_tokens(self) -> int:
        """Tokens of the grid."""
        return math.prod(self.grid)

    @property
    def batch(self) -> int:
        """Items of the batch that the branches cover."""
        return self.branches[-1].items.stop if self.branches else 0

    def fold(self, site: Site) -> int:
        """Sequences that attend for themselves at a site in one item of the batch."""
        return 1 if site.axes is None else site.fold(self.grid)

    def sequences(self, site: Site) -> int:
        """Those of all branches: the batch of a site's attention."""
        return self.batch * self.fold(site)

    def rows(self, branch: Branch, site: Site) -> slice:
        """Those of a branch among them."""
        fold = self.fold(site)
        return slice(branch.items.start * fold, branch.items.stop * fold)

    def sampled(self, branch: Branch, call: SiteCall) -> slice:
        """Which rows of a branch are looked at at a site: of its first picture the only one; where an item is many
        sequences, SEQUENCES of them or all, evenly spaced, and others from site to site.
        """
        fold, first = self.fold(call.site), self.rows(branch, call.site).start
        step = max(1, fold // SEQUENCES)
        start = first + call.number % step
        return slice(start, start + step * (min(fold, SEQUENCES) - 1) + 1, step)

    def layout(self, site: Site, length: int, options: dict) -> SiteLayout | None:
        """How a sequence of `length` tokens is laid out at a site, padding left aside; None when it does not fit the
        grid."""
        beside = self.family.beside(self.diffusion_model, self.grid, self._conditions, options)
        return site_layout(self.family, site, site.grid(self.grid), beside, length, self.ahead)

    def tokens(self, call: SiteCall) -> dict[str, int]:
        """Tokens of each stream that attended at a site."""
        layout = self.layout(call.site, call.length, call.options)
        return (layout or SiteLayout((max(1, call.length),))).streams

    def hidden_keys(self, mask: torch.Tensor, batch: int, length: int, row: int) -> Hidden | None:
        """See `layouts.hidden_keys`; a mask is looked at once where sites that follow one another have the same."""
        asked = (batch, length, row)
        if self._mask is None or self._mask[0] is not mask or self._mask[1] != asked:
            self._mask = (mask, asked, hidden_keys(mask, *asked))
        return self._mask[2]

    def pair(self) -> tuple[Branch, Branch] | None:
        """(conditional, unconditional) when the batch holds just one of each."""
        by_index = {branch.index: branch for branch in self.branches}
        return (
            (by_index[COND], by_index[UNCOND]) if len(self.branches) == 2 and set(by_index) == {COND, UNCOND} else None
        )


def _branches(latent_shape: Sequence[int], options: dict) -> list[Branch]:
    indices = options.get("cond_or_uncond") or []
    uuids = options.get("uuids") or [None] * len(indices)
    if not indices or len(uuids) != len(indices) or latent_shape[0] % len(indices):
        return []
    items = latent_shape[0] // len(indices)
    window = getattr(options.get("context_window"), "index_list", None)
    suffix = (tuple(latent_shape[1:]), tuple(window) if window is not None else None)
    return [
        Branch((uuid, index, items, *suffix), index, slice(number * items, (number + 1) * items))
        for number, (uuid, index) in enumerate(zip(uuids, indices, strict=True))
    ]
