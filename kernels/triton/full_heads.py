"""Who computes the heads in full attention of a mixed layer: the one launch, or the caller's own attention beside it.

The host's attention may be faster at all pairs than any kernel of ours (INT8 products, cuDNN); then a layer is faster
with its full heads there, although they are gathered and another launch is made. It is measured once for each such
function: a layer of LAYOUT's tokens, half of whose heads are full, both ways.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import torch

from ..geometry import Layout
from ..head_table import HeadTable
from ..ways import FULL, Window
from .attempt import Clock, first_line, milliseconds
from .configs import Config
from .devices import on
from .launch import head_wise
from .verdicts import VERDICTS, name_of

log = logging.getLogger(__name__)

LAYOUT = Layout((72, 72))
WINDOW = Window((5 / 9, 5 / 9))
# No heads that a slice could take: gathering them is part of the price.
WAYS = (FULL, FULL, WINDOW, FULL, WINDOW, WINDOW, FULL, WINDOW)

_found: dict[tuple, tuple[float, float] | None] = {}


def leaves_full(device: torch.device, dtype: torch.dtype, head_dim: int, config: Config, dense) -> bool:
    """Whether full heads of a mixed table go to `dense`. They do unless one launch for all was measured to be faster;
    in a moment that allows no measurement, and where it fails, they do."""
    found = times(device, dtype, head_dim, config, dense)
    return found is None or found[0] <= found[1]


def times(
    device: torch.device, dtype: torch.dtype, head_dim: int, config: Config, dense, clock: Clock | None = None
) -> tuple[float, float] | None:
    """Milliseconds of the measured layer with its full heads by `dense`, and in one launch; None where they are not
    known. clock: as for `trial.survey`."""
    name = served_by(dense)
    key = (device, dtype, head_dim, config, name)
    if key in _found:
        return _found[key]
    if clock is None and device.type != "cuda":
        return None
    if device.type == "cuda" and torch.cuda.is_current_stream_capturing():
        return None
    kept = name_of(device, dtype, head_dim, config, name)
    entry = VERDICTS.get(kept)
    if isinstance(entry.get("host_ms"), float) and isinstance(entry.get("one_launch_ms"), float):
        _found[key] = entry["host_ms"], entry["one_launch_ms"]
        return _found[key]
    try:
        with on(device):
            host, one = _measured(device, dtype, head_dim, config, dense, clock or milliseconds)
    except Exception as error:  # The host's attention may refuse what it is not given here in a run.
        log.info("[DiTFastAttn] Full heads go to %s, which could not be timed: %s", name, first_line(error))
        _found[key] = None
        return None
    _found[key] = host, one
    log.info(
        "[DiTFastAttn] A layer with half of its heads in full attention takes %.3f ms with those by %s and %.3f ms in "
        "one launch.", host, name, one,
    )  # fmt: skip
    VERDICTS.put(kept, {"host_ms": host, "one_launch_ms": one})
    return host, one


def served_by(dense) -> str:
    """What names the attention behind a `dense` function: its attribute of this name, or its own name."""
    return str(getattr(dense, "served_by", "") or getattr(dense, "__qualname__", type(dense).__name__))


def _measured(device, dtype, head_dim, config, dense, clock) -> tuple[float, float]:
    generator = torch.Generator(device).manual_seed(0)
    size = (1, LAYOUT.length, len(WAYS), head_dim)
    q, k, v, out = (
        torch.randn(size, generator=generator, device=device, dtype=torch.float32).to(dtype).transpose(1, 2)
        for _ in range(4)
    )
    table = HeadTable(WAYS, (None,) * len(WAYS))
    calls: list[Callable[[], object]] = [
        partial(head_wise, q, k, v, LAYOUT, table, out, config=config, dense=by) for by in (dense, None)
    ]
    host, one = (clock(call) for call in calls)
    return host, one
