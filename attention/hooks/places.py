"""Where in the picture a forward is: whether the latent that reaches the model is what the host evaluates.

Between the two stand functions of other nodes that cut a latent into tiles, or move it. What such a forward computes
must not be taken for that of the same place in another step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property

import torch
from comfy.patcher_extension import WrappersMP

# The host's own wrappers that write into a latent and leave it where it is: InfiniteTalk's motion frames.
_IN_PLACE = ("MultiTalk_apply_model",)


class Pass:
    """One pass of an evaluation over conditionings, as the host begins it.

    evaluated: the latent that the sampler had evaluated. latent: the one of this pass. conds: its conditionings, a list
    for each branch. model_options: the host's. key: of the wrappers that are the pack's own. level: of noise.
    """

    def __init__(self, evaluated, latent, conds: Sequence, model_options: Mapping, key: str, level: float):
        options = model_options.get("transformer_options", {})
        self._latent = latent
        self._areas = {one.get("uuid"): one.get("area") for some in conds for one in some or ()}
        self._conds, self._level = conds, level
        foreign = any(
            found for name, found in _wrappers(options, WrappersMP.APPLY_MODEL).items() if name not in (key, *_IN_PLACE)
        )
        self._handled = foreign or "model_function_wrapper" in model_options
        # The host's own windows over a video come with their indices, which are a part of what a branch is.
        self._known = options.get("context_window") is not None or same(latent, evaluated)

    @cached_property
    def _counts(self) -> Counter:
        """How many conditionings of each branch take part, by (shape of what they are evaluated for, branch)."""
        return Counter(
            (_cut(self._latent, one.get("area")).shape, index)
            for index, some in enumerate(self._conds)
            for one in some or ()
            if _takes_part(one, self._level)
        )

    def single(self, shape: torch.Size, indices: Sequence[int]) -> bool:
        """Whether each of these branches has just one conditioning that is evaluated for such a latent: what one of
        several gives is not the branch's own, nor known to be of the same place as another's.
        """
        return all(self._counts[shape, index] == 1 for index in indices)

    def holds(self, given: torch.Tensor, options: Mapping) -> bool:
        """Whether a latent that the model is called with is, branch by branch, the host's own cut of this pass's."""
        uuids, rows = options.get("uuids") or [], self._latent.shape[0]
        if not self._known or not uuids or given.shape[0] != rows * len(uuids):
            return False
        for number, uuid in enumerate(uuids):
            if uuid not in self._areas:
                return False
            expected = _cut(self._latent, self._areas[uuid])
            found = given[number * rows : (number + 1) * rows]
            if found.shape != expected.shape or (self._handled and not same(found, expected)):
                return False
        return True


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two latents are equal in every value."""
    return one is other or (one.shape == other.shape and one.device == other.device and torch.equal(one, other))


def _takes_part(condition: Mapping, level: float) -> bool:
    """Whether a noise level is in a conditioning's range. One that fills in where others leave room counts as well."""
    start, end = (condition.get(f"timestep_{name}") for name in ("start", "end"))
    return not (start is not None and level > float(start)) and not (end is not None and level < float(end))


def _wrappers(options: Mapping, kind: str) -> Mapping:
    return options.get("wrappers", {}).get(kind, {})


def _cut(latent: torch.Tensor, area: Sequence[int] | None) -> torch.Tensor:
    """The part of a latent that the host evaluates for a conditioning: area is (sizes, starts) of its last axes."""
    if area is None:
        return latent
    axes, half = latent.ndim - 2, len(area) // 2
    sizes, starts = list(area[:half]), list(area[half:])
    if half > axes:
        sizes, starts = sizes[:axes], starts[:axes]
    for axis, (size, start) in enumerate(zip(sizes, starts, strict=True), latent.ndim - len(sizes)):
        latent = latent.narrow(axis, start, min(latent.shape[axis] - start, size))
    return latent
