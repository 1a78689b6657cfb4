"""The trial of the Triton kernel on the user's GPU before it serves: right first, then faster than the tiled path.

Once for each device, dtype and head size, at the first call that could use it, once more at the first whose windows
pool the keys that they leave out, and at the first whose tensors reach over 32 bits: layers of every way and several
shapes (`agreement`) go through the kernel and through the tiled path and must come out alike; then every configuration
of the device's short list is timed on a windowed layer of LAYOUT's tokens, beside the tiled path. The fastest right one
serves. Compiling takes two to five seconds of a CPU for each binary, the rest a second; Triton keeps what it compiled
on disk, and `verdicts` what was found, for the next process.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import lru_cache, partial

import torch

from ...sentences import say
from .. import tiled
from ..geometry import Layout
from ..head_table import HeadTable
from .agreement import ALLOWED, CASES, Case, difference_of, distance
from .attempt import (
    LAYOUT,
    WINDOW,
    Clock,
    Trial,
    already,
    attempt,
    largest,
    milliseconds,
    once,
    timed_layer,
)
from .configs import Config
from .devices import device_configs
from .launch import head_wise
from .survey import Timed, fastest
from .verdicts import name_of

_trials: dict[tuple, Trial] = {}


def trial_of(
    device: torch.device, dtype: torch.dtype, head_dim: int, pooled: bool = False, wide: bool = False
) -> Trial:
    """The trial of a device, made once, with pooled windows or with others, and for tensors of this reach (see
    `Config.wide`). Raises `attempt.NotNow`, and only that, where it cannot be made now."""
    return once(_trials, (device, dtype, head_dim, pooled, wide), _attempt)


def known_trial(device: torch.device, dtype: torch.dtype, head_dim: int) -> Trial | None:
    """See `attempt.already`."""
    return already(_trials, device, dtype, head_dim)


def count() -> int:
    """How many trials this process has made."""
    return len(_trials)


@lru_cache(maxsize=64)
def _attempt(
    device: torch.device, dtype: torch.dtype, head_dim: int, pooled: bool, wide: bool, _minute: int
) -> Trial | None:
    """The trial, or None when memory ran out. `_minute` makes the answer None be forgotten after a while."""
    configs = device_configs(device, head_dim, wide)
    kept = name_of(device, dtype, head_dim, *configs, pooled, wide)
    tried = partial(survey, device, dtype, head_dim, pooled, wide)
    return attempt(device, kept, describe("Fused kernel", device, dtype, head_dim, pooled), configs, tried)


def describe(kernel: str, device: torch.device, dtype: torch.dtype, head_dim: int, pooled: bool) -> str:
    """What is tried, for the log."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    pooling = ", pooled windows" * pooled
    return f"{kernel} on {name}, {str(dtype).removeprefix('torch.')}, head size {head_dim}{pooling}"


def survey(
    device: torch.device,
    dtype: torch.dtype,
    head_dim: int,
    pooled: bool = False,
    wide: bool = False,
    *,
    clock: Clock | None = None,
    layout: Layout = LAYOUT,
    cases: Sequence[Case] = CASES,
    crashed: Collection[str] = (),
    trying: Callable[[Config], None] = lambda config: None,
) -> Trial:
    """Try and time the configurations of a device, the tiled path and dense attention.

    clock: milliseconds of a call, by CUDA events by default. crashed: configurations, as text, that are left out.
    trying: is told of each before its first launch. Raises what `survey.fastest` raises.
    """

    def timed() -> Timed:
        q, k, v, out, wanted = timed_layer(device, dtype, head_dim, layout)
        window = replace(WINDOW, pooled=pooled)
        table = HeadTable.uniform(q.shape[1], window)
        return Timed(
            slow=lambda: window.attend(q, k, v, layout, None, wanted),
            dense=lambda: tiled.full_attention(q, k, v),
            fast=lambda config: head_wise(q, k, v, layout, table, out, config=config),
            difference=lambda: float(distance(out, wanted, wanted)),
        )

    return fastest(
        device_configs(device, head_dim, wide),
        differs=lambda config: largest(difference_of(device, dtype, head_dim, config, pooled, case) for case in cases),
        timed=timed,
        why_rejected=why_rejected,
        clock=clock or milliseconds,
        crashed=crashed,
        trying=trying,
    )


def why_rejected(difference: float, fused_ms: float | None = None, tiled_ms: float | None = None) -> str | None:
    """One sentence why a kernel that differs so much and takes so long is not used, or None. Times may be left out."""
    if not difference <= ALLOWED:
        return say(
            "The Triton kernel was tried on this GPU and differs by {difference} % from the tiled path, more than "
            "{allowed} %.",
            difference=f"{100 * difference:.2g}",
            allowed=f"{100 * ALLOWED:.2g}",
        )
    if fused_ms is not None and tiled_ms is not None and not fused_ms < tiled_ms:
        return say(
            "The Triton kernel was tried on this GPU and is no faster than the tiled path: {fused} ms against {tiled} "
            "ms.",
            fused=f"{fused_ms:.3f}",
            tiled=f"{tiled_ms:.3f}",
        )
    return None
