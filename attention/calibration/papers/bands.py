"""The papers' windows: bands of raster order around each token, as the whole rows of tiles that come nearest."""

from __future__ import annotations

from collections.abc import Iterable

from ....kernels import Window, half_widths


def band(total: float, rank: int) -> Window:
    """A band that holds `total` (a fraction) of the tokens of a grid with `rank` axes: whole rows, or whole frames of a
    video.
    """
    return Window((total, *(1.0,) * (rank - 1)))


def distinct(grid: tuple[int, ...], windows: Iterable[Window]) -> tuple[Window, ...]:
    """Windows that differ on this grid, where narrow bands may round to the same tiles."""
    kept: dict[tuple, Window] = {}
    for window in windows:
        kept.setdefault(half_widths(grid, window), window)
    return tuple(kept.values())
