"""INT8 as a choice of the search: the same windows at another price, and full attention at that price with an error.

Calibration measures one way more where INT8 is in question: attention to the whole grid with scores from INT8 products
(kind INT8). Its error is that of the rounding, which is independent from step to step and of what a window leaves out.
So a table with it stands for two devices: one that multiplies integers no faster (`in_16_bits`), for which the way is
left out, and one that does (`in_int8`), where each window is computed in INT8, at a part of its work and with the error
of both.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..way_spec import WaySpec
from .costs import FLOPS, Costs
from .table import CalibrationTable

INT8, WINDOW = "int8", "window"
# Work of a product in INT8, where one of 16 bits is 1. Chosen: for GeForce cards, by their instructions and rates, 0.38
# to 0.46 (tests/benchmarks/results/compiled.json); the rest is for what puts tokens in order.
INT8_WORK = 0.5


def in_16_bits(table: CalibrationTable) -> CalibrationTable:
    """The measurement for a device without INT8: the very table where it holds none."""
    kept = [number for number, way in enumerate(table.ways) if way.kind != INT8]
    if len(kept) == len(table.ways):
        return table
    times = table.milliseconds
    return replace(
        table,
        ways=tuple(table.ways[number] for number in kept),
        way_error=table.way_error[:, :, kept],
        residual_error=table.residual_error[:, :, kept],
        costs=_of_ways(table.costs, kept),
        milliseconds=None if times is None else _of_ways(times, kept),
    )


def in_int8(table: CalibrationTable) -> CalibrationTable:
    """The measurement for a device that computes windows in INT8; the very table where that was not measured.

    A residual is formed by a full pass in INT8, whose output errs as well, and from keys that were rounded as the
    window's were; it is charged the error of three such roundings, that of its own row and twice that of the row it
    comes from. FLOPs are counted at INT8_WORK; milliseconds were measured.
    """
    found = [number for number, way in enumerate(table.ways) if way.kind == INT8]
    if len(found) != 1:
        return table
    whole = found[0]
    rounding = table.way_error[:, :, whole]
    windows = [number for number, way in enumerate(table.ways) if way.kind == WINDOW]
    ways = tuple(WaySpec(INT8, way.parameters) if way.kind == WINDOW else way for way in table.ways)
    way_error, residual_error = table.way_error.copy(), table.residual_error.copy()
    way_error[:, :, windows] += rounding[:, :, None]
    for age in range(1, min(table.max_age, table.rows - 1) + 1):
        added = rounding[age:] + 2 * rounding[:-age]
        residual_error[age:, :, windows, age - 1] += added[:, :, None]
    return replace(
        table,
        ways=ways,
        way_error=way_error,
        residual_error=residual_error,
        costs=_cheaper(table.costs, [*windows, whole]) if table.costs.unit == FLOPS else table.costs,
    )


def _of_ways(costs: Costs, ways: list[int]) -> Costs:
    return replace(costs, **{name: getattr(costs, name)[:, ways] for name in ("way", "residual", "refresh")})


def _cheaper(costs: Costs, ways: list[int]) -> Costs:
    """The costs with these ways in INT8. An update of a residual computes its full pass in INT8, too; that saves no
    more than the update itself takes."""
    work = np.ones(costs.ways)
    work[ways] = INT8_WORK
    saved = costs.full[:, None] * (1 - work)
    return replace(
        costs,
        way=costs.way * work,
        residual=costs.residual * work,
        refresh=np.maximum(costs.refresh * work - saved, 0.0),
    )
