"""Error, work and memory of given methods: sums over the calibration table, without any search.

methods (S, N): letters as ASCII codes, see `plans.letters`; S noise levels (rows), N heads over all sites.
"""

from __future__ import annotations

import numpy as np

from ..letters import FULL, REUSE, is_residual, kept_outputs, refresh_ways, sources, way_index
from .costs import Costs
from .table import CalibrationTable


def errors(table: CalibrationTable, methods: np.ndarray) -> np.ndarray:
    """Contribution of every cell to the squared relative error: methods (S, N) -> (S, N).

    inf where a cell is not available. A reuse adds the error of the cell whose output it repeats.
    """
    output, full = sources(methods)
    way, residual, reuse = way_index(methods), is_residual(methods), methods == REUSE
    result = np.zeros(methods.shape)
    # Row 0 has nothing before it to go by, and is taken to be full.
    row, head = _cells_after_the_first((way >= 0) & ~residual)
    result[row, head] = table.way_error[row, head, way[row, head]]
    row, head = _cells_after_the_first(residual)
    by_age = table.residual_error[row, head, way[row, head]]
    result[row, head] = at_age(by_age, row - full[row, head])
    row, head = _cells_after_the_first(reuse)
    source = output[row, head]
    result[row, head] = at_age(table.reuse_error[row, head], row - source) + result[source, head]
    return result


def _cells_after_the_first(wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and head of the cells that are True, those of the first row left out: wanted (S, N)."""
    row, head = np.nonzero(wanted[1:])
    return row + 1, head


def attention_work(costs: Costs, methods: np.ndarray, share: np.ndarray | None = None) -> np.ndarray:
    """Attention work of every cell, residual updates and caches included, in the unit of `costs`: (S, N).

    share: where the branches share, bool (S, sites); None = nowhere.
    """
    heads = np.arange(costs.heads)
    result = np.where(methods == FULL, costs.full, 0.0) + np.where(methods == REUSE, costs.reuse, 0.0)
    result += np.where(kept_outputs(methods), costs.keep, 0.0)
    ways, residual, refreshed = way_index(methods), is_residual(methods), refresh_ways(methods)
    for cost, which in (
        (costs.way, np.where(residual, -1, ways)),
        (costs.residual, np.where(residual, ways, -1)),
        (costs.refresh, refreshed),
    ):
        if costs.ways:
            result += np.where(which >= 0, cost[heads, np.maximum(which, 0).astype(np.intp)], 0.0)
    return result if share is None else result * (1 - costs.share_saving * share)[:, costs.site_of_head]


def skipped_work(costs: Costs, methods: np.ndarray) -> np.ndarray:
    """Projection work that every site saves at rows where all its heads reuse: (S, sites)."""
    idle = np.logical_and.reduceat(methods == REUSE, costs.offsets, axis=1)
    return idle * costs.projection


def live_bytes(costs: Costs, methods: np.ndarray) -> np.ndarray:
    """Bytes of live caches per cell: (S, N)."""
    output, residual = lives(methods)
    return output * costs.output_bytes + residual * costs.residual_bytes


def lives(methods: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whether an output and a residual are held at each cell: methods (S, N) -> bool (S, N) each.

    An output lives from the row that computes it to its last reuse, a residual from its full row to its last reading.
    """
    output, residual = np.zeros(methods.shape, dtype=bool), np.zeros(methods.shape, dtype=bool)
    reuse, corrected, full = methods == REUSE, is_residual(methods), methods == FULL
    output[-1], residual[-1] = reuse[-1], corrected[-1]
    for row in range(len(methods) - 2, -1, -1):
        output[row] = reuse[row] | reuse[row + 1]
        residual[row] = corrected[row] | (residual[row + 1] & ~full[row + 1])
    return output, residual


def at_age(by_age: np.ndarray, age: np.ndarray) -> np.ndarray:
    """The entry of each line at its age, 1 first: by_age (N, A), age (N,) -> (N,); inf where no such age is there."""
    if by_age.shape[1] == 0:
        return np.full(len(age), np.inf)
    known = (age >= 1) & (age <= by_age.shape[1])
    index = np.clip(age, 1, by_age.shape[1]).astype(np.intp) - 1
    return np.where(known, by_age[np.arange(len(age)), index], np.inf)
