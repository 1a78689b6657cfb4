"""The trial of the INT8 path on the user's GPU: right to two per cent, and faster than the 16-bit path in its place.

Made at the first call that asks for INT8, after the trial of the 16-bit paths (see `..trial`).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import lru_cache, partial

import torch

from ...geometry import Layout
from ...head_table import HeadTable
from ...ways import FULL, Int8, Residual
from .. import trial
from ..configs import POINTER, Config
from ..devices import device_configs, on
from ..launch import head_wise
from .configs import int8_candidates

log = logging.getLogger(__name__)

# Of a head's output, in the root of the mean square. INT8 scores err by 0.9 % on inputs of unit variance; a scale that
# is 3 % off, a lost block or a key too few by more than 2.
ALLOWED = 0.02
LAYOUT = Layout((19, 22), prefix=5, suffix=2)


@lru_cache(maxsize=64)
def int8_trial(device: torch.device, dtype: torch.dtype, head_dim: int, pooled: bool) -> trial.Trial:
    """The trial of a device, made once; `tiled_ms` of it is the 16-bit kernel's. Raises `trial.NotNow` where it cannot
    be made now."""
    if device.type == "cuda" and torch.cuda.is_current_stream_capturing():
        raise trial.NotNow("A CUDA graph is being captured, and the INT8 kernel has not been tried on this GPU before.")
    try:
        with on(device):
            found = survey(device, dtype, head_dim, pooled)
    except Exception as error:  # As in `trial`: many ways to fail, each of which means another back end.
        if trial.out_of_memory(error):
            raise trial.NotNow("There was not enough GPU memory to try the INT8 kernel; it is tried again.") from None
        what = f"{type(error).__name__}: {trial.first_line(error)}"
        found = trial.Trial(f"The INT8 kernel failed its trial on this GPU: {what}.")
    log.info("[DiTFastAttn] INT8 kernel on %s, %s, head size %d: %s", device, dtype, head_dim, found)
    return found


def survey(
    device: torch.device,
    dtype: torch.dtype,
    head_dim: int,
    pooled: bool,
    clock: trial.Clock | None = None,
    layout: Layout = trial.LAYOUT,
) -> trial.Trial:
    """Try and time the configurations of a device beside its 16-bit pointer kernel. clock: see `trial.survey`."""
    clock = clock or trial.milliseconds
    usual = [config for config in device_configs(device, head_dim) if config.path == POINTER][-1]
    capability = 80 if device.type != "cuda" else _capability(device)
    configs = int8_candidates(capability, head_dim, pooled)
    generator = torch.Generator(device).manual_seed(0)
    size = (1, layout.length, trial.HEADS, head_dim)
    q, k, v, out, wanted = (
        torch.randn(size, generator=generator, device=device, dtype=torch.float32).to(dtype).transpose(1, 2)
        for _ in range(5)
    )
    table = HeadTable.uniform(trial.HEADS, Int8(trial.WINDOW.extent, pooled))
    slow = clock(partial(head_wise, q, k, v, layout, table, wanted, config=usual))
    timed, errors = {}, {}
    for config in configs:
        errors[config] = difference_of(device, dtype, head_dim, config, usual, pooled)
        timed[config] = clock(partial(head_wise, q, k, v, layout, table, out, config=config))
        errors[config] = max(errors[config], error_of(out, wanted), key=lambda x: float("inf") if x != x else x)
        if not errors[config] <= ALLOWED:
            reason = (
                f"The INT8 kernel was tried on this GPU and differs by {errors[config]:.2g} of the output from the "
                f"16-bit kernel, more than {ALLOWED}."
            )
            return trial.Trial(reason, config, errors[config])
    best = min(timed, key=timed.__getitem__)
    reason = None
    if not timed[best] < slow:
        reason = (
            f"The INT8 kernel was tried on this GPU and is no faster than the 16-bit kernel: {timed[best]:.3f} ms "
            f"against {slow:.3f} ms."
        )
    return trial.Trial(reason, best, errors[best], timed[best], slow, slow, timed=tuple(timed.items()))


def difference_of(
    device: torch.device, dtype: torch.dtype, head_dim: int, config: Config, usual: Config, pooled: bool
) -> float:
    """The largest error of any head between a configuration and the 16-bit kernel over a small layer of every way."""
    window = Int8((0.4, 0.5), pooled)
    table = HeadTable((window, FULL, Int8.whole(2), Residual(window)), (None, window, None, None))
    if config != int8_candidates(80, head_dim)[-1]:
        table = replace(table, refresh=(None,) * 4)
    generator = torch.Generator().manual_seed(0)

    def normal(heads, tokens):
        return torch.randn(2, tokens, heads, head_dim, generator=generator).to(device, dtype).transpose(1, 2)

    q, k, v = (normal(4, LAYOUT.length) for _ in range(3))
    residual = normal(1, LAYOUT.image)
    results = []
    for one in (config, usual):
        out = torch.full_like(q, torch.nan)
        fresh = head_wise(q, k, v, LAYOUT, table, out, config=one, residual=residual)
        results.append(out if fresh is None else torch.cat((out, out[:, 1:2]), dim=1))
        if fresh is not None:
            results[-1][:, -1:, LAYOUT.prefix : LAYOUT.prefix + LAYOUT.image] -= fresh
    return error_of(*results)


def error_of(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """The largest error of a head, relative to its output; NaN where there is one."""
    wanted = wanted.float()
    apart = (found.float() - wanted).flatten(2).norm(dim=2) / wanted.flatten(2).norm(dim=2)
    return float(apart.max())


def _capability(device: torch.device) -> int:
    major, minor = torch.cuda.get_device_capability(device)
    return 10 * major + minor
