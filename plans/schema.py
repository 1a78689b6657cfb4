"""What a compression plan is: frozen, validated on construction, in one canonical form, so that equal plans are equal.

Every constructor raises PlanError with one sentence when a value is not acceptable. Numbers are rounded to the digits
that a plan keeps, so that a plan read back from its text equals the plan that was written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise

import numpy as np

from . import encode, methods
from .checks import PlanError, items, name, number, require, text, whole

__all__ = ["Level", "Measurement", "ModelIdentity", "Plan", "PlanError", "Site"]

MAX_ROWS = 256
MAX_SITES = 512
MAX_HEADS = 256
MAX_WINDOWS = methods.MAX_WINDOWS
MAX_LEVELS = 16
MAX_PROFILES = 4096

_LARGEST = 1e30
_PROMISE_DIGITS = 3  # an estimate, and there is one for every site and level
_FINGERPRINT = re.compile(r"[0-9a-f]{16}\Z")


@dataclass(frozen=True)
class Site:
    """One self-attention call of the model, e.g. 'joint_blocks.3' or 'blocks.7.self_attn', and its number of heads."""

    name: str
    heads: int

    def __post_init__(self):
        _set(self, name=name(self.name, "layer name"), heads=whole(self.heads, 1, MAX_HEADS, "head count"))


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
        _set(
            self,
            family=name(self.family, "model family"),
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

    grid: token grid, 1 to 3 axes. text_tokens: text tokens in the same attention. prompts: how many. created: ISO 8601,
    UTC. seconds: the whole calibration; dense_seconds: one dense sampling run (0 = not measured).
    attention_flops, other_flops: dense FLOPs of one model evaluation of one batch row on that grid, in attention
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

    def __post_init__(self):
        axes = items(self.grid, 1, 3, "token grid")
        seeds = items(self.seeds, 0, 64, "seeds")
        _set(
            self,
            grid=tuple(whole(axis, 1, 1 << 20, "token grid") for axis in axes),
            text_tokens=whole(self.text_tokens, 0, 1 << 24, "text length"),
            steps=whole(self.steps, 1, 100_000, "step count"),
            seeds=tuple(whole(seed, 0, (1 << 64) - 1, "seed") for seed in seeds),
            prompts=whole(self.prompts, 0, 100_000, "prompt count"),
            cfg=number(self.cfg, -1e6, 1e6, "CFG"),
            denoise=number(self.denoise, 0, 1, "denoise"),
        )
        for field in ("sampler", "scheduler", "dtype", "device", "host_version", "pack_version", "created"):
            _set(self, **{field: text(getattr(self, field), 200, field.replace("_", " "))})
        for field in ("seconds", "dense_seconds", "attention_flops", "other_flops"):
            _set(self, **{field: number(getattr(self, field), 0, _LARGEST, field.replace("_", " "))})


@dataclass(frozen=True)
class Level:
    """One quality level of a plan.

    profiles_of_heads: per site one index into the plan's profiles per head. share: per site one text over rows, '1'
    where the conditional branch's result serves the unconditional one. predicted_error: relative error of the final
    latent. attention_flops_kept, model_flops_kept: fractions of the dense run's FLOPs, over the measured rows.
    cache_bytes: largest size of the live caches during the measured run. promises: per site the expected relative error
    of its attention output where the level compresses it, sqrt(Σ E[eᵀ M e] / Σ E[oᵀ M o]) over heads, rows and noise
    positions, each position weighted by what an error there does to the final latent; e a head's error, o its exact
    output, both combined over the branches as guidance does, M the Gram matrix of the head's slice of the output
    projection. Empty where nobody knows.
    """

    name: str
    profiles_of_heads: tuple[tuple[int, ...], ...]
    share: tuple[str, ...]
    predicted_error: float
    attention_flops_kept: float
    model_flops_kept: float
    cache_bytes: int
    promises: tuple[float, ...] = ()

    def __post_init__(self):
        sites = items(self.profiles_of_heads, 1, MAX_SITES, "layers of a level")
        share = items(self.share, len(sites), len(sites), "sharing rows of a level")
        for bits in share:
            require(
                isinstance(bits, str) and len(bits) <= MAX_ROWS and not bits.strip("01"),
                "The plan's sharing rows must be texts of 0 and 1.",
            )
        promises = items(self.promises, 0, MAX_SITES, "promised errors")
        require(
            len(promises) in (0, len(sites)),
            f"The plan's level promises errors for {len(promises)} of {len(sites)} layers; it must be all or none.",
        )
        _set(
            self,
            name=name(self.name, "level name"),
            profiles_of_heads=tuple(_indices(site) for site in sites),
            share=share,
            predicted_error=number(self.predicted_error, 0, 1e6, "predicted error"),
            attention_flops_kept=number(self.attention_flops_kept, 0, 4, "kept attention work"),
            model_flops_kept=number(self.model_flops_kept, 0, 4, "kept model work"),
            cache_bytes=whole(self.cache_bytes, 0, 1 << 50, "cache size"),
            promises=tuple(number(promise, 0, 1e6, "promised error", _PROMISE_DIGITS) for promise in promises),
        )


@dataclass(frozen=True)
class Plan:
    """Methods for every (row, site, head) of a model, at several quality levels.

    positions: one per row, strictly descending within 0..1: place in the noise schedule, 1 = pure noise. A row is a
    noise level, not a step index. windows: full widths as fractions of the grid, one per axis. profiles: distinct
    per-head methods over rows (see `methods`), ascending, each used somewhere; `build.build_plan` makes them. levels:
    mild to strong, and last the one of the user's own budget if there is one. pooled: for each window, whether what it
    leaves out takes part as one key a tile (see `kernels.pooling`); empty where none does.
    """

    model: ModelIdentity
    measurement: Measurement
    positions: tuple[float, ...]
    windows: tuple[tuple[float, ...], ...]
    profiles: tuple[str, ...]
    levels: tuple[Level, ...]
    pooled: tuple[bool, ...] = ()

    def __post_init__(self):
        require(
            isinstance(self.model, ModelIdentity) and isinstance(self.measurement, Measurement),
            "The plan lacks its model or its measurement.",
        )
        positions = tuple(
            number(p, 0, 1, "noise position") for p in items(self.positions, 1, MAX_ROWS, "noise positions")
        )
        require(
            all(a > b for a, b in pairwise(positions)),
            "The plan's noise positions must descend, each below the one before.",
        )
        _set(
            self,
            positions=positions,
            windows=tuple(
                _window(w, len(self.measurement.grid)) for w in items(self.windows, 0, MAX_WINDOWS, "windows")
            ),
            profiles=items(self.profiles, 1, MAX_PROFILES, "profiles"),
            levels=items(self.levels, 1, MAX_LEVELS, "levels"),
        )
        _set(self, pooled=pooled_windows(self.pooled, len(self.windows)))
        for profile in self.profiles:
            _check_profile(profile, len(positions), len(self.windows))
        require(all(a < b for a, b in pairwise(self.profiles)), "The plan's profiles must be sorted and distinct.")
        _check_levels(self)

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
            f"The plan has no level {str(name)[:40]!r}; it has {', '.join(level.name for level in self.levels)}."
        )

    def table(self, level: Level | str) -> np.ndarray:
        """Method of every cell: uint8 (rows, heads of all sites), ASCII codes of the profiles' letters."""
        return self._letters[self._indices_of(level)].T

    def share(self, level: Level | str) -> np.ndarray:
        """Where the conditional result serves the unconditional branch: bool (rows, sites)."""
        level = self._resolved(level)
        return np.array([[bit == "1" for bit in bits] for bits in level.share], dtype=bool).T.reshape(
            len(self.positions), -1
        )

    def method(self, level: Level | str, site: int, head: int, row: int) -> str:
        """The letter of one cell."""
        return self.profiles[self._resolved(level).profiles_of_heads[site][head]][row]

    def why_not(self, identity: ModelIdentity) -> str | None:
        """None if the plan fits the model `identity`, else one sentence that names both and what to do."""
        mine, other = self.model, identity
        remedy = "connect that model, or run DiTFastAttn Calibrate on this one"
        if (mine.family, mine.sites) != (other.family, other.sites):
            return f"This plan was made for {_describe(mine)}, but the connected model is {_describe(other)}: {remedy}."
        if (mine.fingerprint, mine.head_dim, mine.hidden) != (other.fingerprint, other.head_dim, other.hidden):
            return (
                f"This plan was made for a {mine.family} model of another architecture (fingerprint "
                f"{mine.fingerprint}, "
                f"the connected model has {other.fingerprint}): {remedy}."
            )
        return None

    @cached_property
    def _letters(self) -> np.ndarray:
        letters = np.frombuffer("".join(self.profiles).encode("ascii"), dtype=np.uint8)
        return letters.reshape(len(self.profiles), len(self.positions))

    def _resolved(self, level: Level | str) -> Level:
        return level if isinstance(level, Level) else self.level(level)

    def _indices_of(self, level: Level | str) -> np.ndarray:
        return np.concatenate([np.array(site, dtype=np.intp) for site in self._resolved(level).profiles_of_heads])


def _set(instance, **values) -> None:
    """Write canonical values into a frozen dataclass while it is being constructed."""
    for key, value in values.items():
        object.__setattr__(instance, key, value)


def _indices(site) -> tuple[int, ...]:
    return tuple(
        whole(index, 0, MAX_PROFILES - 1, "profile index") for index in items(site, 1, MAX_HEADS, "heads of a layer")
    )


def pooled_windows(pooled, windows: int) -> tuple[bool, ...]:
    """One flag for each window, or none at all if no window pools, which is the canonical form. Raises PlanError."""
    flags = items(pooled, 0, MAX_WINDOWS, "pooled windows")
    require(all(isinstance(flag, bool) for flag in flags), "The plan's marks of pooled windows must be true or false.")
    require(
        len(flags) in (0, windows),
        f"The plan marks {len(flags)} windows as pooled or not, and has {windows}.",
    )
    return flags if any(flags) else ()


def _window(window, axes: int) -> tuple[float, ...]:
    return tuple(number(fraction, 1e-6, 1, "window size") for fraction in items(window, axes, axes, "window"))


def _check_profile(profile, rows: int, windows: int) -> None:
    require(
        isinstance(profile, str) and len(profile) == rows,
        f"Each profile of the plan must have {rows} letters, one per row.",
    )
    plain = "".join(methods.window_letter(k) for k in range(windows))
    corrected = "".join(methods.residual_letter(k) for k in range(windows))
    require(not profile.strip("fr" + plain + corrected), "A profile of the plan uses a method that it does not define.")
    require(profile[0] == "f", "The first row of each profile must be full attention.")
    for stretch in profile.split("f"):
        used = {letter for letter in stretch if letter in corrected}
        require(len(used) <= 1, "A profile of the plan uses residuals of two windows after one full row.")


def _check_levels(plan: Plan) -> None:
    require(all(isinstance(level, Level) for level in plan.levels), "The plan's levels are not complete.")
    require(len({level.name for level in plan.levels}) == len(plan.levels), "The plan names one level twice.")
    heads = [site.heads for site in plan.model.sites]
    used = set()
    for level in plan.levels:
        require(
            [len(site) for site in level.profiles_of_heads] == heads,
            f"Level {level.name} does not have the layers and heads of the plan's model.",
        )
        require(
            all(len(bits) == len(plan.positions) for bits in level.share),
            f"Level {level.name} must have one sharing bit per row.",
        )
        used.update(index for site in level.profiles_of_heads for index in site)
    require(
        used == set(range(len(plan.profiles))),
        "The plan's heads must refer to every profile it holds, and to no other.",
    )


def _describe(identity: ModelIdentity) -> str:
    sites, heads = len(identity.sites), identity.heads
    layers = f"{sites} attention layer{'s' * (sites != 1)}"
    return f"{identity.family} ({layers}, {heads} heads, fingerprint {identity.fingerprint})"


FIELDS_OF_MEASUREMENT = tuple(field.name for field in fields(Measurement))
