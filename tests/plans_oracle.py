"""What a path costs, one cell at a time, straight from the words of the contract: the truth that the search is tested
against.
"""

from __future__ import annotations

import itertools
import math

import numpy as np


def paths(rows: int, windows: int):
    """Every valid profile."""
    letters = "fr" + "0123456789"[:windows] + "ABCDEFGHIJ"[:windows]
    for rest in itertools.product(letters, repeat=rows - 1):
        path = "f" + "".join(rest)
        if all(len({letter for letter in part if letter.isupper()}) <= 1 for part in path.split("f")):
            yield path


def error_of(table, head: int, path: str) -> float:
    """Sum over rows; a reuse adds the error of the cell that it repeats."""
    total, source, source_error, full = 0.0, 0, 0.0, 0
    for row, letter in enumerate(path):
        if letter == "r":
            total += error_at(table.reuse_error[row, head], row - source) + source_error
            continue
        if letter == "f":
            error, full = 0.0, row
        elif letter.isdigit():
            error = table.way_error[row, head, int(letter)]
        else:
            error = error_at(table.residual_error[row, head, ord(letter) - ord("A")], row - full)
        total, source, source_error = total + error, row, error
    return total


def error_at(by_age, age: int) -> float:
    return by_age[age - 1] if age <= len(by_age) else math.inf


def flops_of(table, head: int, path: str, factor=None) -> float:
    """Attention FLOPs. A full row pays for its refresh too if its residual is read before the next full row, and a
    computed one for keeping its output if the next row reuses it.
    """
    total = 0.0
    for row, letter in enumerate(path):
        here = 0.0
        if letter == "f":
            here = table.costs.full[head]
            epoch = path[row + 1 :].split("f")[0]
            read = [ord(later) - ord("A") for later in epoch if later.isupper()]
            here += table.costs.refresh[head, read[0]] if read else 0.0
        elif letter == "r":
            here = table.costs.reuse[head]
        elif letter.isdigit():
            here = table.costs.way[head, int(letter)]
        else:
            here = table.costs.residual[head, ord(letter) - ord("A")]
        if letter != "r" and path[row + 1 : row + 2] == "r":
            here += table.costs.keep[head]
        total += here * (1 if factor is None else factor[row])
    return total


def bytes_of(table, head: int, path: str) -> np.ndarray:
    """Live bytes per row."""
    result = np.zeros(len(path))
    for row, letter in enumerate(path):
        if letter != "r":
            later = path[row + 1 :]
            reuses = len(later) - len(later.lstrip("r"))
            if reuses:
                result[row : row + reuses + 1] += table.costs.output_bytes[head]
        if letter == "f":
            epoch = path[row + 1 :].split("f")[0]
            reads = [at for at, later in enumerate(epoch) if later.isupper()]
            if reads:
                result[row : row + 2 + reads[-1]] += table.costs.residual_bytes[head]
    return result


def kept_of(table, solution) -> tuple[float, float]:
    """(attention, model) FLOPs kept, recomputed from the profile texts."""
    dense = table.costs.full.sum() * table.rows
    first, attention, skipped = 0, 0.0, 0.0
    for site, (described, bits) in enumerate(zip(table.sites, solution.share, strict=True)):
        factor = [1 - table.costs.share_saving[site] * (bit == "1") for bit in bits]
        inside = range(first, first + described.heads)
        attention += sum(flops_of(table, head, solution.paths[head], factor) for head in inside)
        idle = sum(all(solution.paths[head][row] == "r" for head in inside) for row in range(table.rows))
        skipped += idle * table.costs.projection[site]
        first += described.heads
    other = table.rows * table.costs.other
    return attention / dense, (attention - skipped + other) / (dense + other)


def error_of_solution(table, solution) -> float:
    """Predicted relative error, recomputed from the texts."""
    total = sum(error_of(table, head, path) for head, path in enumerate(solution.paths))
    for site, bits in enumerate(solution.share):
        total += sum(table.share_error[row, site] for row, bit in enumerate(bits) if bit == "1")
    return math.sqrt(total)
