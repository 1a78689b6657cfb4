"""What calibration measured: the error and the cost of every cheaper way of computing attention, and nothing else.

S rows (noise levels), N heads (flattened over sites), W windows, A largest age in rows.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from os import PathLike
from typing import BinaryIO

import numpy as np

from .checks import PlanError, number, require, whole
from .codec import Refusal
from .schema import MAX_ROWS, MAX_SITES, MAX_WINDOWS, Site, pooled_windows

MAX_FILE_BYTES = 1 << 30

_ERRORS = ("window_error", "residual_error", "reuse_error", "share_error")
_WEIGHTS = ("weight", "share_cosine", "output_energy")
_WORK = (
    "full_cost",
    "window_cost",
    "residual_cost",
    "refresh_cost",
    "reuse_cost",
    "keep_cost",
    "projection_cost",
    "share_saving",
)
_COSTS = (*_WORK, "output_bytes", "residual_bytes")
_IN_MILLISECONDS = "milliseconds_of_"  # before the name of a cost, in a saved table


@dataclass(frozen=True, eq=False)
class Milliseconds:
    """The costs of a `CalibrationTable`, by the same names, as milliseconds that were measured."""

    full_cost: np.ndarray
    window_cost: np.ndarray
    residual_cost: np.ndarray
    refresh_cost: np.ndarray
    reuse_cost: np.ndarray
    keep_cost: np.ndarray
    projection_cost: np.ndarray
    share_saving: np.ndarray
    other_cost: float


@dataclass(frozen=True, eq=False)
class CalibrationTable:
    """Errors and costs per cell; arrays are float64 and read-only. Raises PlanError when shapes or values are wrong.

    Errors: the expected contribution to the squared relative error of the final latent if that cell alone used that
    method; additive over cells; nan or inf = not available (stored as inf).
      window_error (S, N, W), residual_error (S, N, W, A) with the residual taken a = 1..A rows before,
      reuse_error (S, N, A) with the output computed a = 1..A rows before, share_error (S, sites).
    weight (S, sites): what turned a head's squared error after the output projection into such a contribution; errors
    of different rows are comparable once it is divided out. share_cosine (S, sites): between the errors of sharing at a
    row and at the one before. output_energy (S, sites): of the exact outputs of a site's heads, in the units of the
    errors, so that errors over it are relative to the output; 0 = not measured. reuse_gain: factor in reuse_error
    beside the weight, because errors of reuse travel otherwise than those of windows.
    Costs, in FLOPs per model evaluation, all branches together:
      full_cost (N,), window_cost (N, W), residual_cost (N, W): a window with its residual; refresh_cost (N, W): what a
      full row that yields a residual takes beyond the full pass (None = as the window, both); reuse_cost (N,): of a
      row that reuses; keep_cost (N,): of keeping an output that the next row reuses (None = nothing, both);
      projection_cost (sites,): linear layers that need not run when all heads of the site reuse; share_saving (sites,):
      fraction of the site's attention cost that sharing saves; other_cost: all FLOPs outside attention, projections
      included.
    milliseconds: the same costs as times, where they were measured; see `in_milliseconds`.
    Memory: output_bytes (N,), residual_bytes (N,) per cached entry, all branches together.
    positions: strictly descending, 1 = pure noise. windows: fractions of the grid per axis; pooled: see `Plan`. runs:
    how many were averaged.
    """

    positions: tuple[float, ...]
    sites: tuple[Site, ...]
    windows: tuple[tuple[float, ...], ...]
    window_error: np.ndarray
    residual_error: np.ndarray
    reuse_error: np.ndarray
    share_error: np.ndarray
    weight: np.ndarray
    share_cosine: np.ndarray
    full_cost: np.ndarray
    window_cost: np.ndarray
    projection_cost: np.ndarray
    share_saving: np.ndarray
    other_cost: float
    output_bytes: np.ndarray
    residual_bytes: np.ndarray
    runs: int = 1
    output_energy: np.ndarray | None = None
    reuse_gain: float = 1.0
    residual_cost: np.ndarray | None = None
    refresh_cost: np.ndarray | None = None
    reuse_cost: np.ndarray | None = None
    keep_cost: np.ndarray | None = None
    milliseconds: Milliseconds | None = None
    pooled: tuple[bool, ...] = ()

    def __post_init__(self):
        positions = tuple(number(p, 0, 1, "noise position") for p in self.positions)
        require(1 <= len(positions) <= MAX_ROWS, f"A calibration must have 1 to {MAX_ROWS} rows.")
        require(all(a > b for a, b in pairwise(positions)), "A calibration's noise positions must descend.")
        sites = tuple(self.sites)
        require(1 <= len(sites) <= MAX_SITES, f"A calibration must have 1 to {MAX_SITES} layers.")
        windows = tuple(tuple(float(fraction) for fraction in window) for window in self.windows)
        require(len(windows) <= MAX_WINDOWS, f"A calibration must have at most {MAX_WINDOWS} windows.")
        _set(self, "positions", positions)
        _set(self, "sites", sites)
        _set(self, "windows", windows)
        _set(self, "pooled", pooled_windows(self.pooled, len(windows)))
        _set(self, "other_cost", float(self.other_cost))
        _set(self, "runs", whole(self.runs, 1, 1 << 30, "number of runs"))
        require(np.isfinite(self.reuse_gain) and self.reuse_gain > 0, "The gain of reuse must be finite and above 0.")
        _set(self, "reuse_gain", float(self.reuse_gain))
        if self.output_energy is None:
            _set(self, "output_energy", np.zeros((len(positions), len(sites))))
        for field in ("residual_cost", "refresh_cost"):
            _set(self, field, self.window_cost if getattr(self, field) is None else getattr(self, field))
        for field in ("reuse_cost", "keep_cost"):
            _set(self, field, np.zeros(self.heads) if getattr(self, field) is None else getattr(self, field))
        for field, shape in self._shapes().items():
            _set(self, field, _array(getattr(self, field), shape, field, endless=field in _ERRORS))
        require(
            np.isfinite(self.other_cost) and self.other_cost >= 0,
            "The cost outside attention must be finite and not negative.",
        )
        require(bool(np.all(self.share_saving <= 1)), "Sharing cannot save more than all of a layer's attention.")
        if self.milliseconds is not None:
            self.in_milliseconds()  # whose checks are those of the costs

    @property
    def rows(self) -> int:
        """S."""
        return len(self.positions)

    @property
    def heads(self) -> int:
        """N, over all sites."""
        return len(self.site_of_head)

    @property
    def max_age(self) -> int:
        """A."""
        return self.reuse_error.shape[2]

    @cached_property
    def site_of_head(self) -> np.ndarray:
        """Index of each head's site: intp (N,)."""
        return np.repeat(np.arange(len(self.sites)), [site.heads for site in self.sites])

    @cached_property
    def offsets(self) -> np.ndarray:
        """First head of each site: intp (sites,)."""
        return np.concatenate(([0], np.cumsum([site.heads for site in self.sites])[:-1])).astype(np.intp)

    def scaled(self, factor: float) -> CalibrationTable:
        """The same measurement with all squared errors, and what weighs them, times `factor` (above 0)."""
        fields = (*_ERRORS, "weight", "output_energy")
        return replace(self, **{field: getattr(self, field) * factor for field in fields})

    def repeated(self, count: int) -> CalibrationTable:
        """`count` copies of the layers side by side, as those of a wider model; without milliseconds."""
        wider = {field: np.concatenate([getattr(self, field)] * count, axis=1) for field in (*_ERRORS, *_WEIGHTS)}
        longer = {field: np.concatenate([getattr(self, field)] * count) for field in _COSTS}
        other = self.other_cost * count
        return replace(self, sites=self.sites * count, other_cost=other, milliseconds=None, **wider, **longer)

    def in_milliseconds(self) -> CalibrationTable:
        """The same errors at the costs in milliseconds: wherever plans/ speaks of this table's FLOPs, it then means
        milliseconds.

        Raises PlanError if none were measured.
        """
        require(self.milliseconds is not None, "No milliseconds were measured with this calibration: calibrate again.")
        return replace(self, milliseconds=None, **vars(self.milliseconds))

    def merged(self, other: CalibrationTable) -> CalibrationTable:
        """Mean of both over their runs (prompts, seeds). What is not available in one is not available in the mean.

        Raises PlanError if they were not measured on the same rows, sites, windows and ages.
        """
        alike = all(
            getattr(self, field) == getattr(other, field)
            for field in ("positions", "sites", "windows", "pooled", "max_age")
        )
        require(alike, "The calibration runs do not belong together: their steps, layers or windows differ.")
        runs = self.runs + other.runs

        def mean(ours, theirs, fields) -> dict:
            return {
                field: (getattr(ours, field) * self.runs + getattr(theirs, field) * other.runs) / runs
                for field in fields
            }

        times = None
        if self.milliseconds is not None and other.milliseconds is not None:
            times = Milliseconds(**mean(self.milliseconds, other.milliseconds, (*_WORK, "other_cost")))
        means = mean(self, other, (*_ERRORS, *_WEIGHTS, *_COSTS, "other_cost", "reuse_gain"))
        return replace(self, runs=runs, milliseconds=times, **means)

    def save(self, file: str | PathLike | BinaryIO) -> None:
        """Write an .npz archive without pickled objects."""
        head = {
            "positions": self.positions,
            "sites": [[site.name, site.heads] for site in self.sites],
            "windows": self.windows,
            "pooled": self.pooled,
            "other_cost": self.other_cost,
            "runs": self.runs,
            "reuse_gain": self.reuse_gain,
        }
        arrays = {field: getattr(self, field) for field in (*_ERRORS, *_WEIGHTS, *_COSTS)}
        if self.milliseconds is not None:
            head["other_milliseconds"] = float(self.milliseconds.other_cost)
            arrays |= {_IN_MILLISECONDS + field: getattr(self.milliseconds, field) for field in _WORK}
        np.savez_compressed(file, head=np.frombuffer(json.dumps(head).encode("utf-8"), dtype=np.uint8), **arrays)

    @staticmethod
    def load(file: str | PathLike | BinaryIO) -> CalibrationTable | Refusal:
        """Read what `save` wrote, or say why not. Never unpickles; archives above 1 GiB are refused unread."""
        try:
            _check_size(file)
            with np.load(file, allow_pickle=False) as archive:
                head = json.loads(archive["head"].tobytes().decode("utf-8"))
                arrays = {field: archive[field] for field in (*_ERRORS, *_WEIGHTS, *_COSTS)}
                times = None
                if "other_milliseconds" in head:
                    measured = {field: archive[_IN_MILLISECONDS + field] for field in _WORK}
                    times = Milliseconds(other_cost=head.pop("other_milliseconds"), **measured)
            sites = tuple(Site(*site) for site in head.pop("sites"))
            return CalibrationTable(sites=sites, milliseconds=times, **head, **arrays)
        except PlanError as error:
            return Refusal(str(error))
        except (
            OSError,
            EOFError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            MemoryError,
            RecursionError,
            zipfile.BadZipFile,
            zlib.error,
        ):
            return Refusal("The saved calibration cannot be read: delete it and calibrate again.")

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        s, n, w, sites = self.rows, self.heads, len(self.windows), len(self.sites)
        ages = np.shape(self.reuse_error)[-1:]
        age = ages[0] if ages else 0
        return {
            "reuse_error": (s, n, age),  # first, because it says how many ages there are
            "window_error": (s, n, w),
            "residual_error": (s, n, w, age),
            "share_error": (s, sites),
            "weight": (s, sites),
            "share_cosine": (s, sites),
            "output_energy": (s, sites),
            "full_cost": (n,),
            "window_cost": (n, w),
            "residual_cost": (n, w),
            "refresh_cost": (n, w),
            "reuse_cost": (n,),
            "keep_cost": (n,),
            "projection_cost": (sites,),
            "share_saving": (sites,),
            "output_bytes": (n,),
            "residual_bytes": (n,),
        }


def _set(instance, field: str, value) -> None:
    object.__setattr__(instance, field, value)


def _array(value, shape: tuple[int, ...], field: str, endless: bool) -> np.ndarray:
    result = np.array(value, dtype=np.float64)
    require(result.shape == shape, f"The calibration's {field} has shape {result.shape}, expected {shape}.")
    if endless:
        result[np.isnan(result)] = np.inf
    require(bool(np.all(result >= 0)), f"The calibration's {field} must not be negative.")
    require(endless or bool(np.all(np.isfinite(result))), f"The calibration's {field} must be finite.")
    result.flags.writeable = False
    return result


def _check_size(file) -> None:
    """Refuse an archive that would unpack to more than MAX_FILE_BYTES: a small file can claim any size."""
    with zipfile.ZipFile(file) as archive:
        total = sum(entry.file_size for entry in archive.infolist())
    require(total <= MAX_FILE_BYTES, "The saved calibration is too large: delete it and calibrate again.")
    if hasattr(file, "seek"):
        file.seek(0)
