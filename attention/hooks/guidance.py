"""How a guider of the host makes one prediction of its branches, and what goes through the model for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from comfy.patcher_extension import WrappersMP

KEY = "ditfastattn"  # of everything that this pack puts on a model


def cfg_of(guider) -> float:
    """A guider's scale; 1 where it has none, or more than one."""
    try:
        return float(getattr(guider, "cfg", 1.0))
    except (TypeError, ValueError):
        return 1.0


@dataclass(frozen=True)
class GuidanceKind:
    """How a guider makes one prediction of its branches.

    cfg: its scale. shares: whether it is the host's two branches and one scale, so that what one computed may serve the
    other. plain: whether moreover nothing changes the scale or the prediction, so that `cfg` says all; else only the
    predictions themselves tell what of each branch is in the result.
    """

    cfg: float
    shares: bool
    plain: bool

    @staticmethod
    def of(guider) -> GuidanceKind:
        """Of a guider of the host, at the start of a run."""
        cfg = cfg_of(guider)
        usual = type(guider).__name__ in ("CFGGuider", "Guider_Basic")
        options = getattr(guider, "model_options", {})
        wrappers = options.get("transformer_options", {}).get("wrappers", {}).get(WrappersMP.PREDICT_NOISE, {})
        foreign = any(found for key, found in wrappers.items() if key != KEY)
        # A node's own rule may take anything of either branch.
        rule = options.get("sampler_cfg_function")
        usual_rule = rule is None or getattr(rule, "one_scale", False)
        plain = usual and not foreign and not any(name.endswith("cfg_function") and options[name] for name in options)
        shares = type(guider).__name__ == "CFGGuider" and cfg != 1.0 and usual_rule
        return GuidanceKind(cfg, shares, plain)


def branches_of(guider, shape: Sequence[int]) -> list[tuple[float, int]]:
    """What goes through the model in one evaluation, an entry for each conditioning: (how much of the picture, how many
    sequences of text). shape: of the latent, (B, C, [T,] H, W). Windows over a video count each.
    """
    conds = getattr(guider, "conds", None) or {}
    options = getattr(guider, "model_options", {})
    alone = math.isclose(cfg_of(guider), 1.0) and not options.get("disable_cfg1_optimization", False)
    if alone and type(guider).__name__ in ("CFGGuider", "Guider_Basic"):
        conds = {"positive": conds.get("positive")}
    windows, part = _windows(options.get("context_handler"), shape)
    areas = [[_area(one) for one in some or ()] for some in conds.values()]
    # The host gives every branch the areas of the others.
    every = {area for some in areas for area in some if area}
    found = [_part(area, shape) for some in areas for area in (*some, *(every - set(some) if some else ()))]
    return [(windows * part * one, windows) for one in found]


def _area(condition) -> tuple:
    return tuple((condition.get("area") if isinstance(condition, dict) else None) or ())


def _part(area, shape: Sequence[int]) -> float:
    """How much of the picture an area is: (sizes, starts) in the latent, or ("percentage", sizes, starts)."""
    if not area:
        return 1.0
    if area[0] == "percentage":
        sizes = area[1 : 1 + (len(area) - 1) // 2]
        return min(1.0, math.prod(sizes))
    sizes = area[: len(area) // 2]
    return math.prod(min(1.0, size / side) for size, side in zip(sizes[::-1], list(shape)[::-1]))


def _windows(handler, shape: Sequence[int]) -> tuple[int, float]:
    """How many windows over its frames a latent is evaluated in, and the part of it that each is."""
    axis, length = getattr(handler, "dim", None), getattr(handler, "context_length", 0)
    if handler is None or not isinstance(axis, int) or axis >= len(shape) or not 0 < length < shape[axis]:
        return 1, 1.0
    ahead = max(1, length - getattr(handler, "context_overlap", 0))
    return 1 + math.ceil((shape[axis] - length) / ahead), length / shape[axis]
