"""A way to compute a head approximately, as a plan names it: what kinds there are is not this package's business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .validation import freeze, identifier, items, number, require

MAX_PARAMETERS = 8

_LARGEST = 1e6
_SMALLEST_FRACTION = 1e-6
_RESERVED = "kind"  # a plan's text has the parameters beside it

Parameter = bool | float | tuple[float, ...]


@dataclass(frozen=True)
class WaySpec:
    """A stateless approximation of one head's attention: the name of its kind and its parameters.

    parameters: pairs (name, value), ascending by name. A value is a bool, a finite number within -1e6..1e6, or a tuple
    with one fraction (1e-6..1) for each axis of the token grid. Numbers are rounded to 6 digits. Raises PlanError.
    """

    kind: str
    parameters: tuple[tuple[str, Parameter], ...] = ()

    def __post_init__(self):
        pairs = [items(pair, 2, 2, "way's parameter") for pair in items(self.parameters, 0, MAX_PARAMETERS, "way")]
        names = [identifier(key, "way's parameter name") for key, _ in pairs]
        require(len(set(names)) == len(names), "A way of the plan has one parameter twice.")
        require(_RESERVED not in names, "A way's parameter must not be called {reserved}.", reserved=f"{_RESERVED!r}")
        freeze(
            self,
            kind=identifier(self.kind, "way's kind"),
            parameters=tuple(sorted((key, _value(value)) for key, value in pairs)),
        )

    @staticmethod
    def of(kind: str, **parameters: bool | float | Sequence[float]) -> WaySpec:
        """The way of this kind with these parameters. Raises PlanError."""
        return WaySpec(kind, tuple(parameters.items()))  # type: ignore[arg-type]

    @staticmethod
    def window(size: Sequence[float], pooled: bool = False) -> WaySpec:
        """A window of `size`: full widths as fractions of the grid, one per axis. pooled: what lies outside takes part
        as one averaged key a tile (see `kernels.pooling`). Raises PlanError.
        """
        return WaySpec.of("window", size=size, pooled=pooled)

    @property
    def axes(self) -> tuple[int, ...]:
        """Numbers of axes that the parameters with one fraction an axis are for, in their order."""
        return tuple(len(value) for _, value in self.parameters if isinstance(value, tuple))


def _value(value) -> Parameter:
    if isinstance(value, bool):
        return value
    if isinstance(value, (list, tuple)):
        fractions = items(value, 1, 3, "way's list of fractions")
        return tuple(number(fraction, _SMALLEST_FRACTION, 1, "way's fraction of the grid") for fraction in fractions)
    return number(value, -_LARGEST, _LARGEST, "way's parameter")
