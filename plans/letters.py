"""How a head is computed at one noise level, as one letter; a path is one head's text of them, noisiest level first.

'f' full attention; 'r' reuse of the last computed output; '0'..'9' the plan's way k, an approximation that keeps no
state; 'A'..'J' way k plus a residual, full - way k, taken at the last full noise level. In arrays a letter is its ASCII
code (uint8), and arrays over a plan are laid out (S, N): S noise levels, called rows where they are counted, and N
heads of all layers. Where a full level's residual is read later, the level yields it: a residual update, `refresh` for
short in names.
"""

from __future__ import annotations

import numpy as np

MAX_WAYS = 10
FULL = ord("f")
REUSE = ord("r")
WAY = ord("0")  # WAY + k: way k
RESIDUAL = ord("A")  # RESIDUAL + k: way k and the residual of the last full noise level


def way_letter(k: int) -> str:
    """Letter of way k without a residual."""
    return chr(WAY + k)


def residual_letter(k: int) -> str:
    """Letter of way k with a residual."""
    return chr(RESIDUAL + k)


def way_index(methods: np.ndarray) -> np.ndarray:
    """Number of each letter's way, with or without a residual: int16, same shape; -1 for full and reuse."""
    codes = np.asarray(methods, dtype=np.uint8).astype(np.int16)
    bare = (codes >= WAY) & (codes < WAY + MAX_WAYS)
    return np.where(bare, codes - WAY, np.where(is_residual(methods), codes - RESIDUAL, -1)).astype(np.int16)


def is_residual(methods: np.ndarray) -> np.ndarray:
    """True where a residual is added: bool, same shape."""
    codes = np.asarray(methods, dtype=np.uint8)
    return (codes >= RESIDUAL) & (codes < RESIDUAL + MAX_WAYS)


def refresh_ways(methods: np.ndarray) -> np.ndarray:
    """Way whose residual each full cell must yield, because a later row reads it before the next full row.

    methods (S, N) uint8 -> (S, N) int16, -1 where no residual is to be updated.
    """
    ways = np.where(is_residual(methods), way_index(methods), -1)
    result = np.full(methods.shape, -1, dtype=np.int16)
    wanted = np.full(methods.shape[1], -1, dtype=np.int16)
    for row in range(methods.shape[0] - 1, -1, -1):
        full = methods[row] == FULL
        result[row, full] = wanted[full]
        wanted = np.where(full, -1, np.where(ways[row] >= 0, ways[row], wanted)).astype(np.int16)
    return result


def kept_outputs(methods: np.ndarray) -> np.ndarray:
    """True where a computed output is read by a reuse before it is recomputed: methods (S, N) -> bool (S, N)."""
    result = np.zeros(methods.shape, dtype=bool)
    result[:-1] = (methods[:-1] != REUSE) & (methods[1:] == REUSE)
    return result


def sources(methods: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row that each cell's cached output and residual come from.

    methods (S, N) -> (output, residual), int16 (S, N) each: the last row before this one that computed, and the last
    full row before this one; -1 where there is none.
    """
    rows, heads = methods.shape
    output = np.full((rows, heads), -1, dtype=np.int16)
    residual = np.full((rows, heads), -1, dtype=np.int16)
    for row in range(1, rows):
        output[row] = np.where(methods[row - 1] != REUSE, row - 1, output[row - 1])
        residual[row] = np.where(methods[row - 1] == FULL, row - 1, residual[row - 1])
    return output, residual
