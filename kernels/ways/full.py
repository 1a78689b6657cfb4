"""Full attention: every query sees every key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from ..exact import attention
from ..geometry import Layout
from .base import Colour, Way


@dataclass(frozen=True)
class Full(Way):
    """Softmax over all keys, by the caller's own dense attention."""

    kind: ClassVar[str] = "full"
    name: ClassVar[str] = "full"
    letter: ClassVar[str] = "f"
    colour: ClassVar[Colour] = (0, 84, 136)
    mark: ClassVar[Colour] = (255, 255, 255)
    hatch: ClassVar[str] = ""

    def pairs(self, layout: Layout) -> int:
        """All pairs of the sequence, but for keys that are padding."""
        return layout.length * layout.keys

    def reference(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, layout: Layout, scale: float | None = None
    ) -> torch.Tensor:
        """Dense attention in the inputs' dtype; q, k, v: (..., L, D). Returns (..., L, D)."""
        mask = None
        if layout.padding:
            mask = torch.ones(layout.length, dtype=torch.bool)
            for start, stop in layout.padding:
                mask[start:stop] = False
        return attention(q, k, v, mask, scale)


FULL = Full()
