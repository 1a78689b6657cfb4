"""Stretches of a sequence: sets of positions as rising spans [start, stop) that do not touch."""

from __future__ import annotations

import torch

Spans = tuple[tuple[int, int], ...]


def take(x: torch.Tensor, spans: Spans, dim: int = 2) -> torch.Tensor:
    """The tokens of x at some spans of positions, one after the other; a view of a single span."""
    parts = [x.narrow(dim, start, stop - start) for start, stop in spans]
    if len(parts) == 1:
        return parts[0]
    return torch.cat(parts, dim) if parts else x.narrow(dim, 0, 0)


def put(x: torch.Tensor, spans: Spans, values: torch.Tensor, dim: int = 2) -> None:
    """Write tokens, one after the other, to some spans of positions of x."""
    at = 0
    for start, stop in spans:
        x.narrow(dim, start, stop - start).copy_(values.narrow(dim, at, stop - start))
        at += stop - start


def joined(spans) -> Spans:
    """The same positions in rising spans that do not touch."""
    found: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        elif start < stop:
            found.append((start, stop))
    return tuple(found)


def rest(spans: Spans, length: int) -> Spans:
    """What rising spans leave of a sequence."""
    starts, stops = [0, *(stop for _, stop in spans)], [*(start for start, _ in spans), length]
    return tuple((start, stop) for start, stop in zip(starts, stops) if start < stop)


def before(spans: Spans, position: int) -> int:
    """How many positions of some spans lie before one."""
    return sum(max(0, min(stop, position) - start) for start, stop in spans)
