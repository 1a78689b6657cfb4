"""What computing attention costs, in FLOPs or in measured milliseconds; its errors are in `table`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from ..model_identity import MAX_SITES, Site
from ..validation import freeze, items, require

UNITS = FLOPS, MILLISECONDS = ("FLOPs", "milliseconds")


@dataclass(frozen=True, eq=False)
class Costs:
    """Costs of one model evaluation, all branches together, in one unit. N heads over all sites, W ways.

    unit: FLOPS or MILLISECONDS, of everything but the bytes; `work` below means it. full (N,); way (N, W); residual
    (N, W): of a way with its residual; refresh (N, W): what a full head that also yields a residual takes beyond the
    full pass; reuse (N,): of reading a kept output; keep (N,): of keeping an output that is reused next; projection
    (sites,): linear layers that need not run when all heads of the site reuse; share_saving (sites,): fraction (0..1)
    of the site's attention work that sharing saves; other: all work outside attention, projections included.
    output_bytes, residual_bytes (N,): of one cached entry.
    Arrays are float64 and read-only. Raises PlanError when a shape or a value is wrong.
    """

    sites: tuple[Site, ...]
    unit: str
    full: np.ndarray
    way: np.ndarray
    residual: np.ndarray
    refresh: np.ndarray
    reuse: np.ndarray
    keep: np.ndarray
    projection: np.ndarray
    share_saving: np.ndarray
    other: float
    output_bytes: np.ndarray
    residual_bytes: np.ndarray

    def __post_init__(self):
        sites = items(self.sites, 1, MAX_SITES, "layers of a calibration")
        require(all(isinstance(site, Site) for site in sites), "A calibration's layers must be sites.")
        require(self.unit in UNITS, "Costs must be in {units}.", units=" or ".join(UNITS))
        freeze(self, sites=sites, other=float(self.other))
        heads, ways = self.heads, np.shape(self.way)[-1:]
        for field in ARRAYS:
            shape = (heads, *ways) if field in _PER_WAY else (len(sites),) if field in _PER_SITE else (heads,)
            freeze(self, **{field: checked(getattr(self, field), shape, f"{field} cost")})
        require(
            np.isfinite(self.other) and self.other >= 0,
            "The work outside attention must be finite and not negative.",
        )
        require(bool(np.all(self.share_saving <= 1)), "Sharing cannot save more than all of a layer's attention.")

    @property
    def heads(self) -> int:
        """N, over all sites."""
        return len(self.site_of_head)

    @property
    def ways(self) -> int:
        """W."""
        return self.way.shape[1]

    @cached_property
    def site_of_head(self) -> np.ndarray:
        """Index of each head's site: intp (N,)."""
        return np.repeat(np.arange(len(self.sites)), [site.heads for site in self.sites])

    @cached_property
    def offsets(self) -> np.ndarray:
        """First head of each site: intp (sites,)."""
        return np.concatenate(([0], np.cumsum([site.heads for site in self.sites])[:-1])).astype(np.intp)

    def repeated(self, count: int) -> Costs:
        """Of `count` copies of the layers side by side, as in a wider model."""
        longer = {field: np.concatenate([getattr(self, field)] * count) for field in ARRAYS}
        return replace(self, sites=self.sites * count, other=self.other * count, **longer)

    def of_sites(self, sites: Sequence[int]) -> Costs:
        """Of some of the layers, by number, ascending: all other work is taken to be spread as attention is."""
        numbers = list(sites)
        heads = np.isin(self.site_of_head, numbers)
        parts = {name: getattr(self, name)[numbers if name in _PER_SITE else heads] for name in ARRAYS}
        dense = float(self.full.sum())
        other = self.other * float(parts["full"].sum()) / dense if dense else self.other
        return replace(self, sites=tuple(self.sites[number] for number in numbers), other=other, **parts)

    def averaged(self, other: Costs, part: float) -> Costs:
        """The mean with `other`, of which `part` (0..1) is these costs' weight."""
        mean = {name: part * getattr(self, name) + (1 - part) * getattr(other, name) for name in (*ARRAYS, "other")}
        return replace(self, **mean)


_PER_WAY = ("way", "residual", "refresh")
_PER_SITE = ("projection", "share_saving")
ARRAYS = tuple(field.name for field in fields(Costs) if field.name not in ("sites", "unit", "other"))


def checked(value, shape: tuple[int, ...], what: str, endless: bool = False) -> np.ndarray:
    """`value` as a read-only float64 array of this shape, none of it negative. endless: nan is allowed and becomes inf;
    otherwise everything must be finite. Raises PlanError.
    """
    result = np.array(value, dtype=np.float64)
    require(
        result.shape == shape,
        "The calibration's {what} has shape {found}, expected {expected}.",
        what=what,
        found=f"{result.shape}",
        expected=f"{shape}",
    )
    if endless:
        result[np.isnan(result)] = np.inf
    require(bool(np.all(result >= 0)), "The calibration's {what} must not be negative.", what=what)
    require(endless or bool(np.all(np.isfinite(result))), "The calibration's {what} must be finite.", what=what)
    result.flags.writeable = False
    return result
