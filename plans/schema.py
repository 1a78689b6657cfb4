"""What a compression plan is: frozen, validated on construction, in one canonical form, so that equal plans are equal.

Every constructor raises PlanError with one sentence when a value is not acceptable. Numbers are rounded to the digits
that a plan keeps, so that a plan read back from its text equals the plan that was written.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise

import numpy as np

from ..sentences import CALIBRATE_AGAIN, say
from . import encode, letters
from .letters import MAX_WAYS
from .reference_grid import MAX_REFERENCES, ReferenceGrid
from .validation import PlanError, freeze, identifier, items, number, require, text, whole
from .way_spec import WaySpec

MAX_ROWS = 256  # noise levels
MAX_SITES = 512
MAX_HEADS = 256  # of one site
MAX_LEVELS = 16

_LARGEST = 1e30
MAX_CORRECTION = 8.0  # of a plan's slopes and corrections, each way

_CORRECTION_DIGITS = 3  # of slopes, too
_EXPECTED_DIGITS = 3  # of an expected error: an estimate, and there is one for every site and level
_FINGERPRINT = re.compile(r"[0-9a-f]{16}\Z")


@dataclass(frozen=True)
class Site:
    """One self-attention call of the model, e.g. 'joint_blocks.3' or 'blocks.7.self_attn', and its number of heads."""

    name: str
    heads: int

    def __post_init__(self):
        freeze(self, name=identifier(self.name, "layer name"), heads=whole(self.heads, 1, MAX_HEADS, "head count"))


@dataclass(frozen=True)
class ModelIdentity:
    """Who a plan is for.

    family: short name of the model family. fingerprint: 16 hex digits from `fingerprint.fingerprint`.
    sites: self-attention calls in execution order. head_dim, hidden: channels per head and per token.
    note: what else was loaded when measuring (LoRAs); told to the user, never a reason to refuse.
    """

    family: str
    fingerprint: str
    sites: tuple[Site, ...]
    head_dim: int
    hidden: int
    note: str = ""

    def __post_init__(self):
        sites = items(self.sites, 1, MAX_SITES, "layers")
        require(
            all(isinstance(site, Site) for site in sites), "The plan's layers must each have a name and a head count."
        )
        require(len({site.name for site in sites}) == len(sites), "The plan names one layer twice.")
        good = isinstance(self.fingerprint, str) and _FINGERPRINT.match(self.fingerprint)
        require(bool(good), "The plan's model fingerprint must be 16 hexadecimal digits.")
        freeze(
            self,
            family=identifier(self.family, "model family"),
            sites=sites,
            head_dim=whole(self.head_dim, 1, 65536, "head size"),
            hidden=whole(self.hidden, 1, 1 << 24, "hidden size"),
            note=text(self.note, 2000, "model note"),
        )

    @cached_property
    def heads(self) -> int:
        """Heads of all sites together."""
        return sum(site.heads for site in self.sites)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """First head of each site in arrays over all heads, and the total at the end: length sites + 1."""
        result = [0]
        for site in self.sites:
            result.append(result[-1] + site.heads)
        return tuple(result)


@dataclass(frozen=True)
class Measurement:
    """What a plan was measured on.

    grid: token grid, 1 to 3 axes. text_tokens: text tokens in the same attention. references: grids of reference
    pictures there; plans of old count their tokens as text. prompts: how many. created: ISO 8601,
    UTC. seconds: the whole calibration; dense_seconds: one dense sampling run (0 = not measured).
    attention_flops, other_flops: dense FLOPs of one model evaluation of one batch item on that grid, in attention
    matmuls and in everything else.
    """

    grid: tuple[int, ...]
    text_tokens: int
    sampler: str
    scheduler: str
    steps: int
    cfg: float
    denoise: float
    seeds: tuple[int, ...]
    prompts: int
    dtype: str
    device: str
    host_version: str
    pack_version: str
    created: str
    seconds: float
    dense_seconds: float
    attention_flops: float
    other_flops: float
    references: tuple[ReferenceGrid, ...] = ()

    def __post_init__(self):
        axes = items(self.grid, 1, 3, "token grid")
        references = items(self.references, 0, MAX_REFERENCES, "references")
        require(
            all(isinstance(one, ReferenceGrid) and len(one.grid) == len(axes) for one in references),
            "The plan's references must have grids of as many axes as its token grid.",
        )
        seeds = items(self.seeds, 0, 64, "seeds")
        freeze(
            self,
            grid=tuple(whole(axis, 1, 1 << 20, "token grid") for axis in axes),
            text_tokens=whole(self.text_tokens, 0, 1 << 24, "text length"),
            steps=whole(self.steps, 1, 100_000, "step count"),
            seeds=tuple(whole(seed, 0, (1 << 64) - 1, "seed") for seed in seeds),
            prompts=whole(self.prompts, 0, 100_000, "prompt count"),
            cfg=number(self.cfg, -1e6, 1e6, "CFG"),
            denoise=number(self.denoise, 0, 1, "denoise"),
            references=references,
        )
        for field in ("sampler", "scheduler", "dtype", "device", "host_version", "pack_version", "created"):
            freeze(self, **{field: text(getattr(self, field), 200, field.replace("_", " "))})
        for field in ("seconds", "dense_seconds", "attention_flops", "other_flops"):
            freeze(self, **{field: number(getattr(self, field), 0, _LARGEST, field.replace("_", " "))})

    @property
    def reference_tokens(self) -> int:
        """Tokens of all references."""
        return sum(math.prod(one.grid) for one in self.references)

    @property
    def tokens(self) -> int:
        """Tokens of the whole sequence."""
        return math.prod(self.grid) + self.text_tokens + self.reference_tokens


@dataclass(frozen=True)
class Level:
    """One quality level of a plan.

    paths: for each head over all sites, one letter a noise level (see `letters`). share: for each site a text of '0'
    and '1' over noise levels, '1' where the conditional branch's result serves the unconditional one. predicted_error:
    relative error of the final latent. attention_flops_kept, model_flops_kept: fractions of the dense run's FLOPs, over
    the measured noise levels. cache_bytes: largest size of the live caches during the measured run. expected_errors:
    for each site the relative error to expect of its attention output where the level compresses it,
    sqrt(sum E[e^T M e] / sum E[o^T M o]) over heads and noise levels, each noise level weighted by what an error there
    does to the final latent; e is a head's error and o its exact output, both combined over the branches as guidance
    does, M the Gram matrix of the head's slice of the output projection. Empty where nobody knows. evaluated: one '1'
    or '0' a noise level, '0' where the model is not evaluated but forecast from the evaluations before, and no way is
    carried out ('r' stands in the paths); empty where all are evaluated. slopes, corrections: one number a noise level
    each, other than 0 only where the level or the one before it is not evaluated; with p the predictions, a and b the
    last two levels that were evaluated before it, and line what a straight line through these goes on by (0 where there
    is one), a level that is forecast gives p(a) + slope * line, and an evaluated one c after forecasts
    p(c) + correction * (p(c) - p(a)) + slope * line, which makes up for them. Empty where all are 0. Raises PlanError.
    """

    name: str
    paths: tuple[str, ...]
    share: tuple[str, ...]
    predicted_error: float
    attention_flops_kept: float
    model_flops_kept: float
    cache_bytes: int
    expected_errors: tuple[float, ...] = ()
    evaluated: str = ""
    slopes: tuple[float, ...] = ()
    corrections: tuple[float, ...] = ()

    def __post_init__(self):
        paths = items(self.paths, 1, MAX_SITES * MAX_HEADS, "heads of a level")
        require(
            all(isinstance(path, str) and 0 < len(path) <= MAX_ROWS for path in paths),
            "The plan's paths must be texts of 1 to {most} letters.",
            most=MAX_ROWS,
        )
        share = items(self.share, 1, MAX_SITES, "sharing texts of a level")
        require(
            all(isinstance(bits, str) and len(bits) <= MAX_ROWS and not bits.strip("01") for bits in share),
            "The plan's sharing must be given as texts of 0 and 1.",
        )
        expected = items(self.expected_errors, 0, MAX_SITES, "expected errors")
        require(
            len(expected) in (0, len(share)),
            "The plan's level expects errors of {count} of {layers} layers; it must be all or none.",
            count=len(expected),
            layers=len(share),
        )
        freeze(
            self,
            name=identifier(self.name, "level name"),
            paths=paths,
            share=share,
            predicted_error=number(self.predicted_error, 0, 1e6, "predicted error"),
            attention_flops_kept=number(self.attention_flops_kept, 0, 4, "kept attention work"),
            model_flops_kept=number(self.model_flops_kept, 0, 4, "kept model work"),
            cache_bytes=whole(self.cache_bytes, 0, 1 << 50, "cache size"),
            expected_errors=tuple(number(error, 0, 1e6, "expected error", _EXPECTED_DIGITS) for error in expected),
        )
        evaluated = _evaluated(self.evaluated)
        freeze(
            self,
            evaluated=evaluated if "0" in evaluated else "",
            slopes=_of_forecasts(evaluated, self.slopes, "slope", after=False),
            corrections=_of_forecasts(evaluated, self.corrections, "correction", after=True),
        )


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


def _evaluated(marks) -> str:
    """A level's marks, checked. Raises PlanError."""
    good = isinstance(marks, str) and len(marks) <= MAX_ROWS and not marks.strip("01")
    require(good, "The plan's marks of evaluated noise levels must be a text of 0 and 1.")
    require(not marks.startswith("0"), "The plan must evaluate the model at the first noise level.")
    return marks


def _of_forecasts(evaluated: str, values, name: str, *, after: bool) -> tuple[float, ...]:
    """A level's slopes or corrections in canonical form. after: only evaluated levels after forecasts may have one.
    Raises PlanError.
    """
    given = items(values, 0, MAX_ROWS, f"{name}s")
    numbers = tuple(number(one, -MAX_CORRECTION, MAX_CORRECTION, name, _CORRECTION_DIGITS) for one in given)
    if not any(numbers):
        return ()
    require("0" in evaluated, "The plan gives {names} of forecasts at a level that has none.", names=f"{name}s")
    require(len(numbers) == len(evaluated), "The plan's {names} must be one for each noise level.", names=f"{name}s")
    for one, mark, before in zip(numbers, evaluated, ("1", *evaluated)):
        allowed = before == "0" and mark == "1" if after else "0" in (before, mark)
        require(
            not one or allowed,
            "The plan gives a {name} to a noise level that does not follow a forecast one.",
            name=name,
        )
    return numbers


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


FIELDS_OF_MEASUREMENT = tuple(field.name for field in fields(Measurement))
