"""An approximation corrected by what it left out the last time that full attention was computed beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from ..geometry import Layout
from .base import Approximation, Colour, Way


@dataclass(frozen=True)
class Residual(Way):
    """`way` plus the cached `full - way` of the last residual update (WA-RS of DiTFastAttn, arXiv 2406.08552,
    section 3.1). Raises ValueError where `way` is no approximation."""

    kind: ClassVar[str] = "residual"
    name: ClassVar[str] = "window + residual"
    letter: ClassVar[str] = "d"
    colour: ClassVar[Colour] = (213, 94, 0)
    mark: ClassVar[Colour] = (255, 255, 255)
    hatch: ClassVar[str] = "crossed"
    reads: ClassVar[str | None] = "residual"

    way: Approximation

    def __post_init__(self):
        if not isinstance(self.way, Approximation):
            raise ValueError(f"A residual corrects an approximation, not {self.way!r}.")

    def pairs(self, layout: Layout) -> int:
        """The approximation's; adding the residual joins no pair."""
        return self.way.pairs(layout)

    def reference(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, layout: Layout, scale: float | None = None
    ) -> torch.Tensor:
        """The approximation's, to which the residual is yet to be added; q, k, v: (..., L, D). Returns (..., L, D)."""
        return self.way.reference(q, k, v, layout, scale)
