"""Small plans and calibration tables for the tests of plans/."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ditfastattn.plans import Level, Measurement, ModelIdentity, Plan, Site, WaySpec, fingerprint
from ditfastattn.plans.search import FLOPS, MILLISECONDS, CalibrationTable, Costs
from ditfastattn.plans.search.deviation import Course
from ditfastattn.plans.search.forecasts import Forecasts
from ditfastattn.plans.search.price_search import Search, Solution


def measurement(**changes) -> Measurement:
    values = dict(
        grid=(64, 64),
        text_tokens=256,
        sampler="euler",
        scheduler="simple",
        steps=28,
        cfg=1.0,
        denoise=1.0,
        seeds=(2**64 - 1, 7),
        prompts=2,
        dtype="bfloat16",
        device="NVIDIA H200",
        host_version="0.28.1",
        pack_version="0.1.0",
        created="2026-11-21T05:00:00Z",
        seconds=93.25,
        dense_seconds=11.5,
        attention_flops=1.0e13,
        other_flops=4.0e13,
    )
    return Measurement(**{**values, **changes})


def identity(sites=(2, 3), family="flux", note="") -> ModelIdentity:
    names = tuple(Site(f"double_blocks.{i}", heads) for i, heads in enumerate(sites))
    return ModelIdentity(family, fingerprint({"family": family, "sites": list(sites)}), names, 128, 3072, note)


def positions(rows: int) -> tuple[float, ...]:
    return tuple(np.linspace(1.0, 0.05, rows)) if rows > 1 else (1.0,)


def random_paths(rng, heads: int, rows: int, windows: int, kinds: int | None = None) -> list[str]:
    """Valid paths with the structure of real ones: runs of full, window, residual and reuse rows."""
    pool = [_random_path(rng, rows, windows) for _ in range(kinds or heads)]
    return [pool[index] for index in rng.integers(len(pool), size=heads)]


def _random_path(rng, rows: int, windows: int) -> str:
    path, residual = "f", int(rng.integers(windows)) if windows else -1
    while len(path) < rows:
        choice = rng.integers(4) if windows else rng.integers(2)
        length = int(rng.integers(1, 4))
        if choice == 0:
            path, residual = path + "f" * length, int(rng.integers(windows)) if windows else -1
        elif choice == 1:
            path += "r" * length
        elif choice == 2:
            path += str(rng.integers(windows)) * length
        else:
            path += chr(ord("A") + residual) * length
    return path[:rows]


def plan_of(
    rng, sites=(2, 3), rows=5, windows=2, levels=2, kinds=None, note="", share=True, expected=False, pool=False
) -> Plan:
    model = identity(sites, note=note)
    made = [
        Level(
            name=f"D{i + 1}",
            paths=tuple(random_paths(rng, model.heads, rows, windows, kinds)),
            share=tuple("".join(rng.choice(list("01"), size=rows)) if share else "0" * rows for _ in sites),
            predicted_error=0.03 * (i + 1),
            attention_flops_kept=1 / (i + 1.5),
            model_flops_kept=1 / (i + 1.1),
            cache_bytes=1000 * i,
            expected_errors=tuple(rng.lognormal(-4, 2, len(sites))) if expected else (),
        )
        for i in range(levels)
    ]
    sizes = [(0.5**k, 0.5**k) for k in range(1, windows + 1)]
    pooled = rng.integers(2, size=windows).astype(bool).tolist() if pool else [False] * windows
    ways = tuple(map(WaySpec.window, sizes, pooled))
    return Plan(model, measurement(), positions(rows), ways, tuple(made))


def as_methods(paths) -> np.ndarray:
    """Paths as letters in an array: uint8 (S, N)."""
    return np.array([[ord(letter) for letter in path] for path in paths], dtype=np.uint8).T.copy()


def solve(table: CalibrationTable, **goal) -> Solution:
    """One level of a table, see `Search.solve`."""
    return Search(table).solve(**goal)


def table_of(
    rng, sites=(1, 2), rows=4, windows=2, ages=2, projection=0.0, share=False, endless=0.1, noise=0.5
) -> CalibrationTable:
    """A random table in which windows get worse and cheaper with k, and caches worse with age; some cells not
    available.
    """
    heads = sum(sites)
    # Errors vary from layer to layer, from row to row and, less, from head to head, as measured ones do.
    of_site = np.repeat(rng.normal(0, 1, (1, len(sites))), sites, axis=1)
    base = np.exp(
        -9
        + of_site
        + rng.normal(0, 0.7, (rows, 1))
        + rng.normal(0, 0.7, (1, heads))
        + rng.normal(0, noise, (rows, heads))
    )
    window = base[..., None] * np.cumsum(rng.uniform(0.2, 1, (rows, heads, windows)), axis=2)
    age = np.cumsum(rng.uniform(0.1, 0.6, (rows, heads, ages)), axis=2)
    residual = window[..., None] * age[:, :, None, :] * 0.5
    reuse = base[..., None] * age * 2
    for array in (window, residual, reuse):
        array[rng.uniform(size=array.shape) < endless] = np.nan
    full = rng.uniform(0.9, 1.1, heads) * 1e9
    share_error = rng.lognormal(-9, 1.5, (rows, len(sites))) if share else np.full((rows, len(sites)), np.inf)
    way = full[:, None] * np.sort(rng.uniform(0.1, 0.8, (heads, windows)), axis=1)[:, ::-1]
    costs = Costs(
        sites=tuple(Site(f"blocks.{i}", count) for i, count in enumerate(sites)),
        unit=FLOPS,
        full=full,
        way=way,
        residual=way,
        refresh=way,
        reuse=np.zeros(heads),
        keep=np.zeros(heads),
        projection=np.array([projection * count * 1e9 for count in sites]),
        share_saving=np.full(len(sites), 0.5 if share else 0.0),
        other=heads * 4e9,
        output_bytes=np.full(heads, 1000.0),
        residual_bytes=np.full(heads, 1000.0),
    )
    return CalibrationTable(
        positions=positions(rows),
        ways=tuple(WaySpec.window((0.5 ** (k + 1), 0.5 ** (k + 1))) for k in range(windows)),
        costs=costs,
        way_error=window,
        residual_error=residual,
        reuse_error=reuse,
        share_error=share_error,
        weight=np.ones((rows, len(sites))),
        share_cosine=np.full((rows, len(sites)), 0.9),
        output_energy=rng.uniform(0.5, 2, (rows, len(sites))),
    )


def milliseconds_of(table: CalibrationTable, rng=None, per_flop: float = 1e-9, **factors) -> Costs:
    """Times that follow the table's FLOPs exactly; with a generator, times in which caches cost something, and windows
    and their residuals what they like. factors: by name of a cost, what to multiply it by in the end.
    """
    fields = ("full", "way", "residual", "refresh", "reuse", "keep", "projection")
    costs = {field: getattr(table.costs, field) * per_flop for field in fields}
    if rng is not None:
        for field in ("way", "residual", "refresh"):
            costs[field] = costs["full"][:, None] * rng.uniform(0.1, 1.1, costs[field].shape)
        for field in ("reuse", "keep"):
            costs[field] = costs["full"] * rng.uniform(0.05, 0.3, costs[field].shape)
    costs = {field: values * factors.get(field, 1.0) for field, values in costs.items()}
    return replace(table.costs, unit=MILLISECONDS, other=table.costs.other * per_flop, **costs)


def with_costs(table: CalibrationTable, **changes) -> CalibrationTable:
    """The table with some of its costs replaced."""
    return replace(table, costs=replace(table.costs, **changes))


def forecasts_of(rng, rows: int, size: int = 200, bend: float = 0.15) -> Forecasts:
    """Of a random run whose direction turns slowly at first and slower later. bend: how much it turns over the run."""
    sigmas = np.linspace(1.0, 1 / rows, rows)
    turns = rng.normal(size=(rows, size)) * np.linspace(1.5, 0.5, rows)[:, None] / rows
    directions = rng.normal(size=size) + bend * rows * np.cumsum(np.cumsum(turns, axis=0), axis=0) / rows
    directions = directions + 0.3 * bend * rng.normal(size=(rows, size)) / rows
    reach = np.full(rows, 1 / rows)
    return Forecasts(sigmas, reach, directions @ directions.T / size, course_of(reach))


def course_of(reach: np.ndarray, along: float = 0.0, across: float = 0.0, keeps=1.0) -> Course:
    """Of a sampler that takes `reach` of each prediction and keeps its latent, and of a model with these answers."""
    rows = len(reach)
    return Course(reach[:, None], np.broadcast_to(keeps, rows), np.tile([along, across], (rows, 1)))


def with_forecasts(table: CalibrationTable, rng, **shape) -> CalibrationTable:
    """The table of a model whose evaluations can be forecast, see `forecasts_of`."""
    return replace(table, forecasts=forecasts_of(rng, table.rows, **shape))
