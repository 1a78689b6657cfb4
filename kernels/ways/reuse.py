"""Reuse: the output of the last step that computed the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..geometry import Layout
from .base import Colour, Way


@dataclass(frozen=True)
class Reuse(Way):
    """The cached output, copied (AST for whole layers in DiTFastAttn, arXiv 2406.08552; output caching of single heads
    in DiTFastAttnV2, arXiv 2503.22796)."""

    kind: ClassVar[str] = "reuse"
    name: ClassVar[str] = "reuse"
    letter: ClassVar[str] = "r"
    colour: ClassVar[Colour] = (190, 225, 245)
    mark: ClassVar[Colour] = (0, 70, 112)
    hatch: ClassVar[str] = "dotted"
    reads: ClassVar[str | None] = "output"

    def pairs(self, layout: Layout) -> int:
        """None: queries and keys are not looked at."""
        return 0


REUSE = Reuse()
