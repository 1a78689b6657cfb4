"""The trial of the INT8 path on the user's GPU: right to two per cent, and faster than the 16-bit path in its place.

Made at the first call that asks for INT8, beside that of the 16-bit paths (see `..trial`), with the same guard and the
same file of verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import lru_cache, partial

import torch

from ....sentences import say
from ... import tiled
from ...geometry import Layout
from ...head_table import HeadTable
from ...ways import FULL, Int8, Residual
from ..agreement import CASES, Case, distance
from ..attempt import (
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
from ..configs import POINTER, Config
from ..devices import device_configs
from ..launch import head_wise
from ..survey import Timed, fastest
from ..trial import describe
from ..verdicts import name_of
from .configs import int8_configs

# Of a head's output, in the root of the mean square. INT8 scores err by 0.9 % on inputs of unit variance; a scale that
# is 3 % off, a lost block or a key too few by more than 2. Of a single row, which the former would not see: of 8,000
# rows with 40 to 2,000 keys, in plain torch, none erred by more than 2.5 %.
ALLOWED, ALLOWED_ROW = 0.02, 0.08

_trials: dict[tuple, Trial] = {}


def int8_trial(device: torch.device, dtype: torch.dtype, head_dim: int, pooled: bool, wide: bool = False) -> Trial:
    """The trial of a device, made once; `tiled_ms` of it is the 16-bit kernel's. Raises `attempt.NotNow`, and only
    that, where it cannot be made now."""
    return once(_trials, (device, dtype, head_dim, pooled, wide), _attempt)


def known_int8_trial(device: torch.device, dtype: torch.dtype, head_dim: int) -> Trial | None:
    """See `attempt.already`."""
    return already(_trials, device, dtype, head_dim)


def count() -> int:
    """How many trials this process has made."""
    return len(_trials)


@lru_cache(maxsize=64)
def _attempt(
    device: torch.device, dtype: torch.dtype, head_dim: int, pooled: bool, wide: bool, _minute: int
) -> Trial | None:
    """See `..trial`."""
    configs = int8_configs(device, head_dim, pooled, wide)
    kept = name_of(device, dtype, head_dim, *configs, pooled, wide)
    tried = partial(survey, device, dtype, head_dim, pooled, wide)
    return attempt(device, kept, describe("INT8 kernel", device, dtype, head_dim, pooled), configs, tried)


def survey(
    device: torch.device,
    dtype: torch.dtype,
    head_dim: int,
    pooled: bool,
    wide: bool = False,
    *,
    clock: Clock | None = None,
    layout: Layout = LAYOUT,
    cases: Sequence[Case] = CASES,
    crashed: Collection[str] = (),
    trying: Callable[[Config], None] = lambda config: None,
) -> Trial:
    """Try and time the configurations of a device beside its 16-bit pointer kernel; arguments as for `trial.survey`."""
    usual = [config for config in device_configs(device, head_dim, wide) if config.path == POINTER][-1]
    configs = int8_configs(device, head_dim, pooled, wide)

    def timed() -> Timed:
        q, k, v, out, wanted = timed_layer(device, dtype, head_dim, layout)
        table = HeadTable.uniform(q.shape[1], Int8(WINDOW.extent, pooled))
        return Timed(
            slow=lambda: head_wise(q, k, v, layout, table, wanted, config=usual),
            dense=lambda: tiled.full_attention(q, k, v),
            fast=lambda config: head_wise(q, k, v, layout, table, out, config=config),
            difference=lambda: error_of(out, wanted, wanted),
        )

    return fastest(
        configs,
        differs=lambda config: largest(
            difference_of(device, dtype, head_dim, config, usual, pooled, config == configs[-1], case) for case in cases
        ),
        timed=timed,
        why_rejected=why_rejected,
        clock=clock or milliseconds,
        crashed=crashed,
        trying=trying,
        other="the 16-bit kernel",
    )


def difference_of(
    device: torch.device,
    dtype: torch.dtype,
    head_dim: int,
    config: Config,
    usual: Config,
    pooled: bool,
    updating: bool,
    case: Case,
) -> float:
    """The error between a configuration and the 16-bit kernel over a layer of every way; updating: residuals, too."""
    layout = case.layout
    window = Int8((0.3, 0.4, 0.5)[-len(layout.grid) :], pooled)
    ways = (window, FULL, Int8.whole(len(layout.grid)), Residual(window)) * case.times
    table = HeadTable(ways, (None, window, None, None) * case.times)
    if not updating:
        table = replace(table, refresh=(None,) * len(ways))
    generator = torch.Generator(device).manual_seed(0)

    def normal(heads, tokens):
        size = (case.batch, tokens, heads, head_dim)
        return torch.randn(size, generator=generator, device=device, dtype=torch.float32).to(dtype).transpose(1, 2)

    q, k, v = (normal(len(ways), layout.length) for _ in range(3))
    residual = normal(case.times, layout.image)
    outputs: list[torch.Tensor] = []
    updates: list[torch.Tensor | None] = []
    for one in (config, usual):
        out = torch.full_like(q, torch.nan)
        updates.append(head_wise(q, k, v, layout, table, out, config=one, residual=residual))
        outputs.append(out)
    found = [error_of(outputs[0], outputs[1], outputs[1])]
    if updates[0] is not None and updates[1] is not None:
        image = slice(layout.prefix, layout.prefix + layout.image)
        # The update is full attention minus the window's, of which the latter is the larger where it sees few keys.
        found_local, wanted_local = (
            out[:, 1::4, image].float() - update.float() for out, update in zip(outputs, (updates[0], updates[1]))
        )
        found.append(error_of(found_local, wanted_local, wanted_local))
    return largest(found)


def error_of(found: torch.Tensor, wanted: torch.Tensor, size: torch.Tensor) -> float:
    """The largest error of a head (B, n, L, D) relative to `size`, NaN where there is one; that of a row counts as much
    less as more is allowed of it."""
    apart = (found.float() - wanted.float()).flatten(2).norm(dim=2) / size.float().flatten(2).norm(dim=2)
    return largest((float(apart.max()), float(distance(found, wanted, size)) * ALLOWED / ALLOWED_ROW))


def why_rejected(error: float, fused_ms: float | None = None, usual_ms: float | None = None) -> str | None:
    """One sentence why a kernel that errs so much and takes so long is not used, or None. Times may be left out."""
    if not error <= ALLOWED:
        return say(
            "The INT8 kernel was tried on this GPU and differs by {difference} % from the 16-bit kernel, more than "
            "{allowed} %.",
            difference=f"{100 * error:.2g}",
            allowed=f"{100 * ALLOWED:.2g}",
        )
    if fused_ms is not None and usual_ms is not None and not fused_ms < usual_ms:
        return say(
            "The INT8 kernel was tried on this GPU and is no faster than the 16-bit kernel: {fused} ms against {usual} "
            "ms.",
            fused=f"{fused_ms:.3f}",
            usual=f"{usual_ms:.3f}",
        )
    return None
