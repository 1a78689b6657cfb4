"""What a compression plan is: frozen, validated on construction, in one canonical form, so that equal plans are equal.

Its constructor and those of its parts (`model_identity`, `measurement`, `level`, `way_spec`) raise PlanError with one
sentence when a value is not acceptable. Numbers are rounded to the digits that a plan keeps, so that a plan read back
from its text equals the plan that was written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from ..sentences import CALIBRATE_AGAIN, say
from . import encode, letters
from .letters import MAX_WAYS
from .level import MAX_ROWS, Level
from .measurement import Measurement
from .model_identity import ModelIdentity
from .validation import PlanError, freeze, items, number, require
from .way_spec import WaySpec

MAX_LEVELS = 16


@dataclass(frozen=True)
class Plan:
    """How to compute every head of a model at every noise level, at several quality levels. Raises PlanError.

    positions: of the noise levels, strictly descending within 0..1: position in the schedule, 1 = pure noise. A plan
    goes by noise level and not by step, so that it serves other step counts. ways: the approximations that the letters
    of paths number (see `letters`), at most 10. levels: mild to strong, and last the one of the user's own budget if
    there is one.
    """

    model: ModelIdentity
    measurement: Measurement
    positions: tuple[float, ...]
    ways: tuple[WaySpec, ...]
    levels: tuple[Level, ...]

    def __post_init__(self):
        require(
            isinstance(self.model, ModelIdentity) and isinstance(self.measurement, Measurement),
            "The plan lacks its model or its measurement.",
        )
        freeze(
            self,
            positions=noise_positions(self.positions),
            ways=way_specs(self.ways),
            levels=items(self.levels, 1, MAX_LEVELS, "levels"),
        )
        axes = len(self.measurement.grid)
        counts = {count for way in self.ways for count in way.axes}
        # Of a model that attends along some axes of the grid at a time, windows have as many as those.
        require(
            len(counts) <= 1 and all(count <= axes for count in counts),
            "The plan's ways must give {axes} fractions of the grid, one per axis.",
            axes=axes,
        )
        _check_levels(self)
        _check_paths({path for level in self.levels for path in level.paths}, len(self.positions), len(self.ways))

    @cached_property
    def id(self) -> str:
        """12 hex digits that name this content."""
        return encode.id_of(encode.body_of(self))

    def level(self, name: str) -> Level:
        """The level called `name`; raises PlanError with the names there are."""
        for level in self.levels:
            if level.name == name:
                return level
        raise PlanError(
            say(
                "The plan has no level {name}; it has {levels}.",
                name=f"{str(name)[:40]!r}",
                levels=", ".join(level.name for level in self.levels),
            )
        )

    def table(self, level: Level | str) -> np.ndarray:
        """Letter of every cell: uint8 (noise levels, heads of all sites), ASCII codes."""
        paths = self._resolved(level).paths
        codes = np.frombuffer("".join(paths).encode("ascii"), dtype=np.uint8)
        return codes.reshape(len(paths), len(self.positions)).T

    def share(self, level: Level | str) -> np.ndarray:
        """Where the conditional result serves the unconditional branch: bool (noise levels, sites)."""
        level = self._resolved(level)
        return np.array([[bit == "1" for bit in bits] for bits in level.share], dtype=bool).T.reshape(
            len(self.positions), -1
        )

    def evaluated(self, level: Level | str) -> np.ndarray:
        """Where the model is evaluated; elsewhere it is forecast: bool (noise levels,)."""
        marks = self._resolved(level).evaluated or "1" * len(self.positions)
        return np.array([mark == "1" for mark in marks], dtype=bool)

    def slopes(self, level: Level | str) -> np.ndarray:
        """`Level.slopes` as float64 (noise levels,), 0 where there are none."""
        return np.array(self._resolved(level).slopes or (0.0,) * len(self.positions))

    def corrections(self, level: Level | str) -> np.ndarray:
        """`Level.corrections` as float64 (noise levels,), 0 where there are none."""
        return np.array(self._resolved(level).corrections or (0.0,) * len(self.positions))

    def why_not(self, identity: ModelIdentity) -> str | None:
        """None if the plan fits the model `identity`, else one sentence that names both and what to do."""
        mine, other = self.model, identity
        if (mine.family, mine.sites) != (other.family, other.sites):
            return say(
                "This plan was made for {planned}, but the connected model is {connected}: connect that model, or have "
                "a new plan made for this one.",
                planned=_describe(mine),
                connected=_describe(other),
            ).cured_by(CALIBRATE_AGAIN)
        if (mine.fingerprint, mine.head_dim, mine.hidden) != (other.fingerprint, other.head_dim, other.hidden):
            return say(
                "This plan was made for a {family} model of another architecture (fingerprint {planned}, the connected "
                "model has {connected}): connect that model, or have a new plan made for this one.",
                family=mine.family,
                planned=mine.fingerprint,
                connected=other.fingerprint,
            ).cured_by(CALIBRATE_AGAIN)
        return None

    def _resolved(self, level: Level | str) -> Level:
        return level if isinstance(level, Level) else self.level(level)


def noise_positions(positions) -> tuple[float, ...]:
    """Places in the noise schedule, checked and rounded: 1 to MAX_ROWS, descending. Raises PlanError."""
    result = tuple(number(one, 0, 1, "noise position") for one in items(positions, 1, MAX_ROWS, "noise positions"))
    require(
        all(a > b for a, b in pairwise(result)),
        "The plan's noise positions must descend, each below the one before.",
    )
    return result


def way_specs(ways) -> tuple[WaySpec, ...]:
    """The ways of a plan or a calibration, checked: at most MAX_WAYS. Raises PlanError."""
    result = items(ways, 0, MAX_WAYS, "ways")
    require(all(isinstance(way, WaySpec) for way in result), "The plan's ways must each have a kind and parameters.")
    return result


def _check_levels(plan: Plan) -> None:
    require(all(isinstance(level, Level) for level in plan.levels), "The plan's levels are not complete.")
    require(len({level.name for level in plan.levels}) == len(plan.levels), "The plan names one level twice.")
    for level in plan.levels:
        require(
            (len(level.paths), len(level.share)) == (plan.model.heads, len(plan.model.sites)),
            "Level {level} does not have the layers and heads of the plan's model.",
            level=level.name,
        )
        require(
            all(len(bits) == len(plan.positions) for bits in level.share),
            "Level {level} must say of every noise level whether the branches share.",
            level=level.name,
        )
        require(
            len(level.evaluated) in (0, len(plan.positions)),
            "Level {level} must say of every noise level whether the model is evaluated.",
            level=level.name,
        )
        forecast = [row for row, mark in enumerate(level.evaluated) if mark == "0"]
        require(
            all(path[row] == "r" for path in level.paths for row in forecast if row < len(path))
            and all(bits[row] == "0" for bits in level.share for row in forecast),
            "Level {level} computes heads at a noise level at which the model is not evaluated.",
            level=level.name,
        )


def _check_paths(paths: Iterable[str], rows: int, ways: int) -> None:
    bare = "".join(letters.way_letter(k) for k in range(ways))
    residuals = "".join(letters.residual_letter(k) for k in range(ways))
    for path in paths:
        require(
            len(path) == rows, "Each path of the plan must have {rows} letters, one for each noise level.", rows=rows
        )
        require(not path.strip("fr" + bare + residuals), "A path of the plan uses a way that the plan does not define.")
        require(path[0] == "f", "Each path of the plan must begin with full attention.")
        for stretch in path.split("f"):
            used = {letter for letter in stretch if letter in residuals}
            require(len(used) <= 1, "A path of the plan uses residuals of two ways after one full noise level.")


def _describe(identity: ModelIdentity) -> str:
    values: dict[str, str | int] = {"family": identity.family, "heads": identity.heads}
    fingerprint, layers = identity.fingerprint, len(identity.sites)
    if layers == 1:
        return say(
            "{family} (1 attention layer, {heads} heads, fingerprint {fingerprint})", **values, fingerprint=fingerprint
        )
    return say(
        "{family} ({layers} attention layers, {heads} heads, fingerprint {fingerprint})",
        **values,
        layers=layers,
        fingerprint=fingerprint,
    )
