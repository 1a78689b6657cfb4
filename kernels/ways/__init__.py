"""The ways to compute a head, one file each, and the list of them.

A new way is a file here with a frozen dataclass derived from `Way` (or `Approximation`, where it needs no cache), and
an entry in `WAYS`. Everything else reads the record: the table of a layer, FLOPs, the tiled back end, calibration,
the report and the picture.
"""

from collections.abc import Mapping
from typing import Any

from .base import Approximation, Way
from .full import FULL, Full
from .int8 import Int8
from .residual import Residual
from .reuse import REUSE, Reuse
from .window import Window

# In falling cost.
WAYS: tuple[type[Way], ...] = (Full, Int8, Residual, Window, Reuse)


def approximations(axes: int) -> tuple[Approximation, ...]:
    """All that calibration scores on a grid of so many axes: the candidates of each kind in `WAYS`, in that order."""
    return tuple(one for way in WAYS if issubclass(way, Approximation) for one in way.candidates(axes))


def way_of(kind: str, parameters: Mapping[str, Any], axes: int) -> Approximation:
    """The approximation that a plan describes on a grid of so many axes.

    Raises ValueError with one sentence for a kind that is not among the approximations of `WAYS`, and for parameters
    that mean nothing.
    """
    known = {way.kind: way for way in WAYS if issubclass(way, Approximation)}
    if kind not in known:
        raise ValueError(f"There is no way {kind!r} to approximate attention; there is {', '.join(known)}.")
    return known[kind].from_parameters(parameters, axes)


__all__ = [
    "FULL",
    "REUSE",
    "WAYS",
    "Approximation",
    "Full",
    "Int8",
    "Residual",
    "Reuse",
    "Way",
    "Window",
    "approximations",
    "way_of",
]
