"""Reference pictures that a plan was measured with."""

from __future__ import annotations

from dataclasses import dataclass

from .validation import freeze, items, whole

MAX_REFERENCES = 64


@dataclass(frozen=True)
class ReferenceGrid:
    """A reference picture in the same attention. grid: its tokens along each axis. place: 0 where its tokens have the
    positions of the picture's, another number for each other place."""

    grid: tuple[int, ...]
    place: int = 0

    def __post_init__(self):
        axes = items(self.grid, 1, 3, "reference grid")
        freeze(
            self,
            grid=tuple(whole(axis, 1, 1 << 20, "reference grid") for axis in axes),
            place=whole(self.place, 0, MAX_REFERENCES, "place of a reference"),
        )
