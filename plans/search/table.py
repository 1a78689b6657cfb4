"""What calibration measured: the error of every cheaper way of computing attention, and the costs that belong to it.

S noise levels (rows, where they are counted), N heads over all sites, W ways, A largest age in noise levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...sentences import say
from ..model_identity import Site
from ..schema import noise_positions, way_specs
from ..validation import PlanError, freeze, require, whole
from ..way_spec import WaySpec
from .costs import MILLISECONDS, UNITS, Costs, checked
from .forecasts import Forecasts, Pattern

ERRORS = ("reuse_error", "way_error", "residual_error", "share_error")
WEIGHTS = ("weight", "share_cosine", "output_energy")


@dataclass(frozen=True, eq=False)
class CalibrationTable:
    """Errors per cell, and costs; arrays are float64 and read-only. Raises PlanError when a shape or a value is wrong.

    positions: of the noise levels, strictly descending, 1 = pure noise. ways: the approximations that were measured.
    costs: those that the search goes by, in FLOPs as measured. milliseconds: the same
    in milliseconds, None where no time was measured.
    Errors: the expected contribution to the squared relative error of the final latent if that cell alone were computed
    so; additive over cells; nan or inf = not available (stored as inf).
      way_error (S, N, W), residual_error (S, N, W, A) with the residual taken a = 1..A rows before,
      reuse_error (S, N, A) with the output computed a = 1..A rows before, share_error (S, sites).
    weight (S, sites): what turned a head's squared error after the output projection into such a contribution; errors
    of different rows are comparable once it is divided out. share_cosine (S, sites): between the errors of sharing at a
    row and at the one before. output_energy (S, sites): of the exact outputs of a site's heads, in the units of the
    errors, so that errors over it are relative to the output; 0 = not measured. reuse_gain: factor
    in reuse_error beside the weight, because errors of reuse travel otherwise than those of approximations. runs: how
    many were averaged. forecasts: what leaving out whole evaluations does; None where nobody knows.
    """

    positions: tuple[float, ...]
    ways: tuple[WaySpec, ...]
    costs: Costs
    way_error: np.ndarray
    residual_error: np.ndarray
    reuse_error: np.ndarray
    share_error: np.ndarray
    weight: np.ndarray
    share_cosine: np.ndarray
    output_energy: np.ndarray
    reuse_gain: float = 1.0
    runs: int = 1
    milliseconds: Costs | None = None
    forecasts: Forecasts | None = None

    def __post_init__(self):
        freeze(
            self,
            positions=noise_positions(self.positions),
            ways=way_specs(self.ways),
            runs=whole(self.runs, 1, 1 << 30, "number of runs"),
        )
        require(isinstance(self.costs, Costs), "A calibration must have costs.")
        for costs in (self.costs,) if self.milliseconds is None else (self.costs, self.milliseconds):
            good = costs.sites == self.sites and costs.ways == len(self.ways)
            require(good, "A calibration's costs must be those of its layers and ways.")
        require(
            self.milliseconds is None or self.milliseconds.unit == MILLISECONDS,
            "A calibration's milliseconds must be in milliseconds.",
        )
        require(
            self.forecasts is None or self.forecasts.rows == self.rows,
            "A calibration's forecasts must be of its noise levels.",
        )
        require(np.isfinite(self.reuse_gain) and self.reuse_gain > 0, "The gain of reuse must be finite and above 0.")
        freeze(self, reuse_gain=float(self.reuse_gain))
        for field, shape in self._shapes().items():
            freeze(self, **{field: checked(getattr(self, field), shape, field, endless=field in ERRORS)})

    @property
    def sites(self) -> tuple[Site, ...]:
        """The model's self-attention calls, in execution order."""
        return self.costs.sites

    @property
    def rows(self) -> int:
        """S, the number of noise levels."""
        return len(self.positions)

    @property
    def heads(self) -> int:
        """N, over all sites."""
        return self.costs.heads

    @property
    def max_age(self) -> int:
        """A."""
        return self.reuse_error.shape[2]

    @property
    def site_of_head(self) -> np.ndarray:
        """Index of each head's site: intp (N,)."""
        return self.costs.site_of_head

    @property
    def offsets(self) -> np.ndarray:
        """First head of each site: intp (sites,)."""
        return self.costs.offsets

    def scaled(self, factor: float) -> CalibrationTable:
        """The same measurement with all squared errors, and what weighs them, times `factor` (above 0)."""
        fields = (*ERRORS, "weight", "output_energy")
        forecasts = None if self.forecasts is None else self.forecasts.scaled(factor)
        return replace(self, forecasts=forecasts, **{field: getattr(self, field) * factor for field in fields})

    def evaluated_at(self, pattern: Pattern) -> CalibrationTable:
        """The noise levels that a pattern evaluates, as a table of their own, and with errors as large as forecasts
        that repeat them make them. What was kept at a level can only be read at levels that are evaluated, too: an age
        counts those, and where the level lies further back than was measured, nothing is known.
        """
        keep, ages = np.flatnonzero(pattern.evaluated), self.max_age

        def of_ages(error: np.ndarray) -> np.ndarray:
            result = np.full((len(keep), *error.shape[1:]), np.inf)
            for age in range(1, min(ages, len(keep) - 1) + 1):
                distance = keep[age:] - keep[:-age]
                known = np.flatnonzero(distance <= ages)
                rows = keep[age:][known]
                result[age + known, ..., age - 1] = error[rows, ..., distance[known] - 1]
            return result

        cosines = np.ones((len(keep), len(self.sites)))
        for new, row in enumerate(keep):
            first = keep[new - 1] + 1 if new else row
            cosines[new] = np.prod(self.share_cosine[first : row + 1], axis=0)

        def raised(error: np.ndarray) -> np.ndarray:
            return error * pattern.influence.reshape(-1, *(1,) * (error.ndim - 1))

        return replace(
            self,
            positions=tuple(self.positions[row] for row in keep),
            way_error=raised(self.way_error[keep]),
            residual_error=raised(of_ages(self.residual_error)),
            reuse_error=raised(of_ages(self.reuse_error)),
            share_error=raised(self.share_error[keep]),
            weight=raised(self.weight[keep]),
            output_energy=raised(self.output_energy[keep]),
            share_cosine=cosines,
            forecasts=None,
        )

    def repeated(self, count: int) -> CalibrationTable:
        """`count` copies of the layers side by side, as those of a wider model; without milliseconds."""
        wider = {field: np.concatenate([getattr(self, field)] * count, axis=1) for field in (*ERRORS, *WEIGHTS)}
        return replace(self, costs=self.costs.repeated(count), milliseconds=None, **wider)

    def of_sites(self, sites: Sequence[int]) -> CalibrationTable:
        """The measurement of some of the layers, by number, as of a smaller model; without milliseconds only if there
        are none.
        """
        numbers = list(sites)
        heads = np.isin(self.site_of_head, numbers)
        parts = {field: getattr(self, field)[:, heads] for field in ("way_error", "residual_error", "reuse_error")}
        parts |= {field: getattr(self, field)[:, numbers] for field in ("share_error", *WEIGHTS)}
        times = None if self.milliseconds is None else self.milliseconds.of_sites(numbers)
        return replace(self, costs=self.costs.of_sites(numbers), milliseconds=times, **parts)

    def in_unit(self, unit: str) -> CalibrationTable:
        """The same errors with `costs` in `unit`, one of `costs.UNITS`.

        Raises PlanError if none were measured, or for another unit.
        """
        require(unit in UNITS, "Costs must be in {units}.", units=" or ".join(UNITS))
        if unit == self.costs.unit:
            return self
        if self.milliseconds is None:
            raise PlanError(say("No milliseconds were measured with this calibration: calibrate again."))
        return replace(self, costs=self.milliseconds, milliseconds=None)

    def merged(self, other: CalibrationTable) -> CalibrationTable:
        """Mean of both over their runs (prompts, seeds). What is not available in one is not available in the mean.

        Raises PlanError if they were not measured on the same noise levels, sites, ways and ages.
        """
        alike = all(
            getattr(self, field) == getattr(other, field) for field in ("positions", "sites", "ways", "max_age")
        )
        require(alike, "The calibration runs do not belong together: their steps, layers or ways differ.")
        runs = self.runs + other.runs
        means = {
            field: (getattr(self, field) * self.runs + getattr(other, field) * other.runs) / runs
            for field in (*ERRORS, *WEIGHTS, "reuse_gain")
        }
        part, times = self.runs / runs, None
        if self.milliseconds is not None and other.milliseconds is not None:
            times = self.milliseconds.averaged(other.milliseconds, part)
        forecasts = None
        if self.forecasts is not None and other.forecasts is not None:
            forecasts = self.forecasts.averaged(other.forecasts, part)
        costs = self.costs.averaged(other.costs, part)
        return replace(self, runs=runs, costs=costs, milliseconds=times, forecasts=forecasts, **means)

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        s, n, w, sites = self.rows, self.heads, len(self.ways), len(self.sites)
        ages = np.shape(self.reuse_error)[-1:]
        age = ages[0] if ages else 0
        return {
            "reuse_error": (s, n, age),  # first, because it says how many ages there are
            "way_error": (s, n, w),
            "residual_error": (s, n, w, age),
            "share_error": (s, sites),
            "weight": (s, sites),
            "share_cosine": (s, sites),
            "output_energy": (s, sites),
        }
