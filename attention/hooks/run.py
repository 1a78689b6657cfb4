"""One sampling run: which step it is at, and which forwards of the model belong to it (see `forward`).

State is keyed by identity, never by counting calls: a branch is (cond uuid, cond index, latent shape, context window),
a step comes from the noise level the model is evaluated at, a site from the callable that opened it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from ...sentences import say
from ..families import Family
from .forward import COND, UNCOND, BranchKey, Forward
from .guidance import KEY, GuidanceKind
from .places import Pass
from .record import RunRecord
from .step_clock import StepClock
from .workload import Workload

_CUT = say(
    "Another node cuts up or moves the latent on its way to the model (tiles), so that it is not known which place is "
    "which: what it evaluates was computed in full."
)

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
