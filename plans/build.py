"""Making plans from per-head paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .checks import require
from .schema import Level, Measurement, ModelIdentity, Plan


@dataclass(frozen=True)
class LevelPaths:
    """A level before its profiles are numbered: paths holds one profile per head, the rest is as in `Level`."""

    name: str
    paths: Sequence[str]
    share: Sequence[str]
    predicted_error: float
    attention_flops_kept: float
    model_flops_kept: float
    cache_bytes: int
    promises: Sequence[float] = ()


def build_plan(
    model: ModelIdentity,
    measurement: Measurement,
    positions: Sequence[float],
    windows: Sequence[Sequence[float]],
    levels: Sequence[LevelPaths],
    pooled: Sequence[bool] = (),
) -> Plan:
    """A plan whose profiles are collected from the levels' paths. Raises PlanError."""
    profiles = tuple(sorted({path for level in levels for path in level.paths}))
    number_of = {profile: number for number, profile in enumerate(profiles)}
    return Plan(
        model=model,
        measurement=measurement,
        positions=tuple(positions),
        windows=tuple(tuple(window) for window in windows),
        profiles=profiles,
        levels=tuple(_level(level, model, number_of) for level in levels),
        pooled=tuple(pooled),
    )


def all_full_plan(model: ModelIdentity, measurement: Measurement, positions: Sequence[float]) -> Plan:
    """A plan with one level, 'D1', in which everything is full attention. Raises PlanError."""
    level = LevelPaths(
        name="D1",
        paths=["f" * len(positions)] * model.heads,
        share=["0" * len(positions)] * len(model.sites),
        predicted_error=0.0,
        attention_flops_kept=1.0,
        model_flops_kept=1.0,
        cache_bytes=0,
    )
    return build_plan(model, measurement, positions, (), (level,))


def _level(level: LevelPaths, model: ModelIdentity, number_of: dict[str, int]) -> Level:
    require(
        len(level.paths) == model.heads,
        f"Level {level.name} has {len(level.paths)} heads, the model has {model.heads}.",
    )
    numbers = [number_of[path] for path in level.paths]
    bounds = model.offsets
    return Level(
        name=level.name,
        profiles_of_heads=tuple(tuple(numbers[a:b]) for a, b in zip(bounds, bounds[1:], strict=False)),
        share=tuple(level.share),
        predicted_error=level.predicted_error,
        attention_flops_kept=level.attention_flops_kept,
        model_flops_kept=level.model_flops_kept,
        cache_bytes=level.cache_bytes,
        promises=tuple(level.promises),
    )
