"""One head's method at one row, as one character; a profile is one head's text of them over all rows.

'f' full, 'r' reuse of the last computed output, '0'..'9' window k, 'A'..'J' window k plus the residual of the last full
row. In arrays a method is the ASCII code of its character (uint8).
"""

from __future__ import annotations

import numpy as np

MAX_WINDOWS = 10
FULL = ord("f")
REUSE = ord("r")
WINDOW = ord("0")  # WINDOW + k
RESIDUAL = ord("A")  # RESIDUAL + k


def window_letter(k: int) -> str:
    """Method of window k without a residual."""
    return chr(WINDOW + k)


def residual_letter(k: int) -> str:
    """Method of window k with the residual of the last full row."""
    return chr(RESIDUAL + k)


def window_index(methods: np.ndarray) -> np.ndarray:
    """Window of each method, whatever its residual: int16, same shape; -1 for full and reuse."""
    codes = np.asarray(methods, dtype=np.uint8).astype(np.int16)
    plain = (codes >= WINDOW) & (codes < WINDOW + MAX_WINDOWS)
    corrected = is_residual(methods)
    return np.where(plain, codes - WINDOW, np.where(corrected, codes - RESIDUAL, -1)).astype(np.int16)


def is_residual(methods: np.ndarray) -> np.ndarray:
    """True where the method adds a residual: bool, same shape."""
    codes = np.asarray(methods, dtype=np.uint8)
    return (codes >= RESIDUAL) & (codes < RESIDUAL + MAX_WINDOWS)


def refresh_windows(methods: np.ndarray) -> np.ndarray:
    """Window whose residual each full cell must yield, because a later row reads it before the next full row.

    methods (S, N) uint8 -> (S, N) int16, -1 where nothing is to be refreshed.
    """
    windows = np.where(is_residual(methods), window_index(methods), -1)
    result = np.full(methods.shape, -1, dtype=np.int16)
    wanted = np.full(methods.shape[1], -1, dtype=np.int16)
    for row in range(methods.shape[0] - 1, -1, -1):
        full = methods[row] == FULL
        result[row, full] = wanted[full]
        wanted = np.where(full, -1, np.where(windows[row] >= 0, windows[row], wanted)).astype(np.int16)
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
