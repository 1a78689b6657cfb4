"""One sampling run: which step, which branch, which site a call belongs to.

State is keyed by identity, never by counting calls: a branch is (cond uuid, cond index, latent shape, context window),
a step comes from the noise level the model is evaluated at, a site from the callable that opened it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import torch

from ...sentences import say
from ..families import Family, Site
from .guidance import KEY, GuidanceKind
from .layouts import Hidden, SiteLayout, hidden_keys, site_layout
from .places import Pass
from .record import RunRecord
from .step_clock import StepClock
from .workload import Workload

BranchKey = tuple
COND, UNCOND = 0, 1
SEQUENCES = 4  # of one item that are looked at. Chosen by hand, as many as there can be of 16 frames and of few queries

_CUT = say(
    "Another node cuts up or moves the latent on its way to the model (tiles), so that it is not known which place is "
    "which: what it evaluates was computed in full."
)
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


# Samplers whose function has another name than the host's nodes list.
_HOST_NAMES = {"unipc": "uni_pc", "unipc_bh2": "uni_pc_bh2"}


def sampler_name(sampler) -> str:
    """What the host's nodes call a sampler of the host."""
    function = getattr(sampler, "sampler_function", None)
    name = getattr(function, "__name__", type(sampler).__name__).removeprefix("sample_")
    return _HOST_NAMES.get(name, name.removesuffix("_function"))


@dataclass(frozen=True)
class SamplerCall:
    """What the host hands to an OUTER_SAMPLE wrapper, as far as the pack looks at it.

    sampler: its name. sigmas: noise level of each step. end: where the last step leads, 0 unless the schedule is cut.
    seed: None where the host gives none. shape: of the latent, of the first where several are sampled as one.
    """

    sampler: str
    sigmas: tuple[float, ...]
    end: float
    seed: int | None
    shape: tuple[int, ...]

    @staticmethod
    def of(args: tuple, kwargs: dict) -> SamplerCall:
        """From the host's (noise, latent_image, sampler, sigmas, denoise_mask, callback, disable_pbar, seed, ...)."""
        sampler = args[2] if len(args) > 2 else kwargs["sampler"]
        sigmas = args[3] if len(args) > 3 else kwargs["sigmas"]
        noise = args[0] if args else kwargs["noise"]
        shapes = kwargs.get("latent_shapes")
        return SamplerCall(
            sampler=sampler_name(sampler),
            sigmas=tuple(float(sigma) for sigma in sigmas[:-1]),
            end=float(sigmas[-1]) if len(sigmas) else 0.0,
            seed=args[7] if len(args) > 7 else kwargs.get("seed"),
            shape=tuple(shapes[0] if shapes else noise.shape),
        )


def step_cache_of(patcher) -> str:
    """The name of the host's own cache of whole steps on a model; empty without."""
    options = getattr(patcher, "model_options", {}).get("transformer_options", {})
    return str(getattr(options.get("easycache"), "name", ""))


class SamplingRun:
    """State of one run of a sampler over a patched model, from the first evaluation to the last.

    sigmas, positions: noise level of each step, and its place in the noise schedule. end: the noise level that the last
    step leads to. shape: of the latent. workload: what a dense run like it is known by. guidance: how the branches of
    an evaluation become one prediction. patcher: the host's, as it is sampled, with what nodes further on have put on
    it. placed: see `Family.placed`. step: where the current evaluation is. clock: of the wall time of steps. passes:
    times that the current evaluation has run conditionings through a model. branches: what goes through the model in
    one evaluation, see `branches_of`. grid: of the last tracked forward. Branches that an evaluation has already
    computed are remembered, so that a second pass over one is recognised as a guidance side pass.
    """

    def __init__(
        self,
        asked: SamplerCall,
        positions: Sequence[float],
        position_of: Callable[[float], float],
        record: RunRecord,
        guidance: GuidanceKind,
        patcher=None,
        workload: Workload | None = None,
        placed: bool = True,
        branches: Sequence[tuple[float, int]] = (),
    ):
        self._placed = placed
        self.sigmas = list(asked.sigmas)
        self.end = asked.end
        self.shape = asked.shape
        self.workload = workload
        self.positions = list(positions)
        self.record = record
        self.clock = StepClock(record)
        self.guidance = guidance
        self.patcher = patcher
        self._shape = asked.shape
        self.step = 0
        self.passes = 0
        self.branches = list(branches) or [(1.0, 1)]
        self.evaluating = False
        self._latent: torch.Tensor | None = None  # that is evaluated
        self._pass: Pass | None = None
        self.grid: tuple[int, ...] = ()
        self._position_of = position_of
        self._seen: set[BranchKey] = set()

    @property
    def shares_guidance(self) -> bool:
        """Whether one branch's output may serve the other: where two are combined by a scale, and nothing else, and it
        is known where the picture's tokens are.
        """
        return self.guidance.shares and self._placed

    @property
    def step_cache(self) -> str:
        """The name of the host's own cache of whole steps that is on as well, EasyCache or LazyCache; empty without."""
        return step_cache_of(self.patcher)

    def picture_shape(self, noise_shape: Sequence[int]) -> tuple[int, ...]:
        """The latent's shape without what is packed with it (sound): (B, C, [T,] H, W)."""
        return (noise_shape[0], *self._shape[1:])

    def begin_evaluation(self, sigma: float, latent: torch.Tensor) -> None:
        """The sampler evaluates the model at a latent and its noise level; the nearest step is where we are."""
        self.arrive(sigma)
        self.evaluating = True
        self._latent = latent
        self.passes = 0
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
        self._latent = None
        self._seen.clear()

    @contextmanager
    def inside_pass(self, latent: torch.Tensor, conds: Sequence, model_options: dict, level: float):
        """While it lasts, the host runs conditionings through a model at a latent and its noise level."""
        before, self._pass = self._pass, Pass(self._latent, latent, conds, model_options, KEY, level)
        try:
            yield
        finally:
            self._pass = before

    def begin_forward(
        self, diffusion_model, family: Family, latent: torch.Tensor, options: dict, conditions: dict
    ) -> Forward:
        """Enter the diffusion model. conditions: what it is called with by name."""
        ours = not self.evaluating or self._is_ours(diffusion_model)
        forward = Forward(
            diffusion_model, family, latent.shape, options, ours and self.evaluating, self.step, conditions
        )
        forward.ours = ours
        if forward.tracked and not (self._pass and self._pass.holds(latent, options)):
            forward.tracked = False
            self.record.note(_CUT)
        if forward.tracked:
            of_one = (latent.shape[0] // len(forward.branches), *latent.shape[1:])
            forward.single = self._pass.single(torch.Size(of_one), (COND, UNCOND))
        self.record.forwards += ours and self.evaluating
        keys = {branch.key for branch in forward.branches}
        if forward.tracked and (keys & self._seen or len(keys) != len(forward.branches)):
            forward.tracked = False
            self.record.side_passes += 1
        self._seen |= keys
        forward.number = self.passes
        if forward.tracked:
            self.grid = forward.grid
        return forward

    def _is_ours(self, diffusion_model) -> bool:
        """Whether a forward is one of the sampled model, and not of another that a guider runs under our wrappers."""
        if self.patcher is None:
            return True
        # A compiled model is another object around the same one.
        found, ours = (
            getattr(model, "_orig_mod", model) for model in (diffusion_model, self.patcher.model.diffusion_model)
        )
        if found is not ours:
            self.record.second_model = True
            self.record.note(
                say("The guider runs a second model, which is computed in full and takes no part in the plan.")
            )
        return found is ours
