"""One sampling run: which step, which branch, which site a call belongs to.

State is keyed by identity, never by counting calls: a branch is (cond uuid, cond index, latent shape, context window),
a step comes from the noise level the model is evaluated at, a site from the callable that opened it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from ...kernels import Layout
from ..families import JOINT, Family, Site
from .record import RunRecord

BranchKey = tuple
COND, UNCOND = 0, 1

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
    """One site while the forward passes through it."""

    site: Site
    number: int
    skip: bool = False
    lengths: dict = field(default_factory=dict)


class Forward:
    """One call of the diffusion model: its branches, its token grid, and the sites that are open in it.

    `tracked` is False for guidance side passes and for calls outside a model evaluation: computed in full, caches
    untouched.
    """

    def __init__(
        self, diffusion_model, family: Family, latent_shape: Sequence[int], options: dict, tracked: bool, step: int
    ):
        self.diffusion_model = diffusion_model
        self.family = family
        self.step = step
        self.grid = family.grid(diffusion_model, tuple(latent_shape))
        self.branches = _branches(latent_shape, options)
        self.tracked = tracked and bool(self.branches)
        patches = options.get("patches", {})
        self.attention_patched = any(name in patches for name in _ATTENTION_PATCHES)
        self.pending: list[SiteCall] = []
        self.open: dict[str, SiteCall] = {}

    @property
    def image_tokens(self) -> int:
        """Tokens of the grid."""
        return math.prod(self.grid)

    @property
    def batch(self) -> int:
        """Items of the batch that the branches cover."""
        return self.branches[-1].items.stop if self.branches else 0

    def layout(self, site: Site, length: int, options: dict) -> Layout | None:
        """How a sequence of `length` tokens is laid out at a site; None when it does not fit the grid."""
        extra = length - self.image_tokens
        if site.scope != JOINT:
            return Layout(self.grid) if extra == 0 else None
        references = self.family.reference_tokens(options)
        prefix = extra - references
        return Layout(self.grid, prefix, references) if prefix >= 0 else None

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


@dataclass(frozen=True)
class SamplerCall:
    """What the host hands to an OUTER_SAMPLE wrapper, as far as the pack looks at it.

    sampler: its name. sigmas: noise level of each step, without the last one, at which nothing is evaluated. seed: None
    where the host gives none.
    """

    sampler: str
    sigmas: tuple[float, ...]
    seed: int | None

    @staticmethod
    def of(args: tuple, kwargs: dict) -> SamplerCall:
        """From the host's (noise, latent_image, sampler, sigmas, denoise_mask, callback, disable_pbar, seed, ...)."""
        sampler = args[2] if len(args) > 2 else kwargs["sampler"]
        sigmas = args[3] if len(args) > 3 else kwargs["sigmas"]
        function = getattr(sampler, "sampler_function", None)
        return SamplerCall(
            sampler=getattr(function, "__name__", type(sampler).__name__).removeprefix("sample_"),
            sigmas=tuple(float(sigma) for sigma in sigmas[:-1]),
            seed=args[7] if len(args) > 7 else kwargs.get("seed"),
        )


class SamplingRun:
    """State of one run of a sampler over a patched model, from the first evaluation to the last.

    sigmas, positions: noise level of each step, and its place in the noise schedule. step: where the current evaluation
    is. Branches that an evaluation has already computed are remembered, so that a second pass over one is recognised as
    a guidance side pass.
    """

    def __init__(
        self,
        sigmas: Sequence[float],
        positions: Sequence[float],
        position_of: Callable[[float], float],
        record: RunRecord,
        shares_guidance: bool,
    ):
        self.sigmas = list(sigmas)
        self.positions = list(positions)
        self.record = record
        self.shares_guidance = shares_guidance
        self.step = 0
        self.evaluating = False
        self._position_of = position_of
        self._seen: set[BranchKey] = set()

    def begin_evaluation(self, sigma: float) -> None:
        """The sampler evaluates the model at a noise level; the nearest step of the schedule is where we are."""
        self.arrive(sigma)
        self.evaluating = True
        self._seen.clear()

    def arrive(self, sigma: float) -> None:
        """The sampler is at a noise level, whether the model is evaluated there or not."""
        self.step = self.nearest(sigma)

    def nearest(self, sigma: float) -> int:
        """The step whose position in the noise schedule is nearest to a noise level's."""
        position = self._position_of(sigma)
        return min(range(len(self.positions)), key=lambda index: abs(self.positions[index] - position))

    def end_evaluation(self) -> None:
        """The evaluation is over; calls until the next one belong to nobody."""
        self.evaluating = False
        self._seen.clear()

    def begin_forward(self, diffusion_model, family: Family, latent: torch.Tensor, options: dict) -> Forward:
        """Enter the diffusion model."""
        forward = Forward(diffusion_model, family, latent.shape, options, self.evaluating, self.step)
        keys = {branch.key for branch in forward.branches}
        if forward.tracked and (keys & self._seen or len(keys) != len(forward.branches)):
            forward.tracked = False
        self._seen |= keys
        return forward
