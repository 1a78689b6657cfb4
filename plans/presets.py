"""The quality levels that a plan offers, and making them from one calibration."""

from __future__ import annotations

from collections.abc import Sequence

from .build import LevelPaths, build_plan
from .checks import PlanError
from .codebook import Choice, limit_profiles
from .schema import MAX_PROFILES, Measurement, ModelIdentity, Plan
from .solver import ROUNDING, Search, Solution, describe
from .table import CalibrationTable

# Name and predicted relative error of the final latent, mild to strong.
LEVELS: tuple[tuple[str, float], ...] = (
    ("D1", 0.03),
    ("D2", 0.06),
    ("D3", 0.10),
    ("D4", 0.15),
    ("D5", 0.22),
    ("D6", 0.30),
)

TEXT_BUDGET = 65_000  # characters of a plan's text, just below 64 KiB: it travels in every image that is saved


def solve_levels(
    table: CalibrationTable,
    model: ModelIdentity,
    measurement: Measurement,
    *,
    levels: Sequence[tuple[str, float]] = LEVELS,
    max_cache_bytes: int | None = None,
) -> Plan:
    """A plan with one level per (name, target error). A stronger level never costs more than a milder one.

    Raises PlanError if the table and the model do not have the same layers.
    """
    if table.sites != model.sites:
        raise PlanError("The calibration does not have the layers of the connected model: calibrate again.")
    search = Search(table)
    found = [search.solve(target_error=target, max_cache_bytes=max_cache_bytes) for _, target in levels]
    solutions = _descending(_with_few_profiles(table, model, levels, found, max_cache_bytes))
    paths = [_level(name, solution) for (name, _), solution in zip(levels, solutions, strict=True)]
    return build_plan(model, measurement, table.positions, table.windows, paths)


def profile_limit(model: ModelIdentity, rows: int, levels: int, sharing_sites: int = 0) -> int:
    """How many profiles fit into a plan's text; sharing_sites: (level, site) pairs that share somewhere."""
    fixed = 1_500 + len(model.note) * 6 + sum(len(site.name) + 9 for site in model.sites) + rows * 10
    references = levels * (2 * model.heads + 6 * len(model.sites) + 120) + sharing_sites * rows
    return int(min(max((TEXT_BUDGET - fixed - references) // (rows + 3), 64), MAX_PROFILES))


def _with_few_profiles(table, model, levels, found: list[Solution], max_cache_bytes) -> list[Solution]:
    sharing = sum("1" in bits for solution in found for bits in solution.share)
    most = profile_limit(model, table.rows, len(levels), sharing)
    limit = float("inf") if max_cache_bytes is None else max_cache_bytes
    choices = [
        Choice(
            solution.point,
            solution.price,
            max(target**2 * (1 - ROUNDING), float(solution.point.error.sum())),
            limit,
            solution.memory,
        )
        for (_, target), solution in zip(levels, found, strict=True)
    ]
    points = limit_profiles(table, choices, most)
    return [
        solution if point is solution.point else describe(table, point, solution)
        for point, solution in zip(points, found, strict=True)
    ]


def _descending(solutions: list[Solution]) -> list[Solution]:
    """A level that came out dearer than a milder one takes over the milder one's methods."""
    result: list[Solution] = []
    for solution in solutions:
        worse = result and solution.model_flops_kept > result[-1].model_flops_kept
        result.append(result[-1] if worse else solution)
    return result


def _level(name: str, solution: Solution) -> LevelPaths:
    return LevelPaths(
        name=name,
        paths=solution.paths,
        share=solution.share,
        predicted_error=solution.predicted_error,
        attention_flops_kept=solution.attention_flops_kept,
        model_flops_kept=solution.model_flops_kept,
        cache_bytes=solution.cache_bytes,
    )
