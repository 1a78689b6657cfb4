"""The trial of the Triton kernel on the user's GPU before it serves: right first, then faster than the tiled path.

Once for each device, dtype and head size in a process, at the first call that could use it, and once more at the first
whose windows pool the keys that they leave out: a small layer of every way goes through the kernel and through the
tiled path and must come out alike to a few roundings; then every configuration of the device's short list is timed on a
windowed layer of LAYOUT's tokens, beside the tiled path. The fastest right one serves. Compiling takes two to five
seconds of a CPU for each binary (cross-compiled for an RTX 4090: 9 in all without pooled windows, 12 with), the rest a
fraction of one; Triton keeps what it compiled on disk for the next process.
"""

from __future__ import annotations

import logging
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import torch

from .. import tiled
from ..geometry import Layout
from ..head_table import HeadTable
from ..ways import FULL, REUSE, Residual, Window
from .configs import POINTER, SWITCH, Config, refreshes
from .devices import device_configs, on
from .launch import head_wise

log = logging.getLogger(__name__)

# The timed layer: 5,184 tokens, 9 x 9 tiles, windows 5 tiles wide, about a quarter of all pairs. 40 MB for each tensor
# of 128 lanes a head in 2 bytes, no more than a model of that size takes itself.
LAYOUT = Layout((72, 72))
WINDOW = Window((5 / 9, 5 / 9))
HEADS = 8
ROUNDS = 5
# After memory ran out, the trial is made again no sooner than this.
RETRY_SECONDS = 60
# Many times what a trial takes, most of it compiling.
LONG_SECONDS = 180

Clock = Callable[[Callable[[], object]], float]


class NotNow(Exception):
    """The moment allows no trial; the sentence says why. A later call may try again."""


@dataclass(frozen=True)
class Trial:
    """What was found. reason: one sentence why the kernel does not serve, or None.

    config: the fastest configuration. difference: its largest from the tiled path on the small layer. Milliseconds of
    the timed layer: fused, tiled, and dense (torch's SDPA on all pairs). compile_seconds: of first calls, in total.
    timed: (configuration, milliseconds) of all right ones. dropped: sentences about configurations that failed.
    """

    reason: str | None
    config: Config | None = None
    difference: float | None = None
    fused_ms: float | None = None
    tiled_ms: float | None = None
    dense_ms: float | None = None
    compile_seconds: float = 0.0
    timed: tuple[tuple[Config, float], ...] = ()
    dropped: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.reason is not None:
            return self.reason
        return (
            f"{self.config}: {self.fused_ms:.3f} ms for {LAYOUT.length} tokens in windows, {self.tiled_ms:.3f} ms by "
            f"the tiled path, {self.dense_ms:.3f} ms for dense attention; largest difference {self.difference:.2g}; "
            f"compiled in {self.compile_seconds:.1f} s."
            + "".join(f" {config}: {ms:.3f} ms." for config, ms in self.timed if config != self.config)
            + "".join(f" Left out: {sentence}" for sentence in self.dropped)
        )


@lru_cache(maxsize=64)
def trial_of(device: torch.device, dtype: torch.dtype, head_dim: int, pooled: bool = False) -> Trial:
    """The trial of a device, made once, with pooled windows or with others. Raises NotNow, and only that, where it
    cannot be made now."""
    if device.type == "cuda" and torch.cuda.is_current_stream_capturing():
        raise NotNow("A CUDA graph is being captured, and the Triton kernel has not been tried on this GPU before.")
    found = _attempt(device, dtype, head_dim, int(time.monotonic() / RETRY_SECONDS), pooled)
    if found is None:
        raise NotNow("There was not enough GPU memory to try the Triton kernel; it is tried again later.")
    return found


def trials_of_16_bits() -> int:
    """How many trials of the kernels of this folder this process has made."""
    return trial_of.cache_info().currsize


@lru_cache(maxsize=64)
def _attempt(
    device: torch.device, dtype: torch.dtype, head_dim: int, _minute: int, pooled: bool = False
) -> Trial | None:
    """The trial, or None when memory ran out. `_minute` makes the answer None be forgotten after a while."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    what = f"{name}, {str(dtype).removeprefix('torch.')}, head size {head_dim}{', pooled windows' * pooled}"
    log.info("[DiTFastAttn] Trying the fused kernel on %s (%s=0 leaves it off).", what, SWITCH)
    # A call that hangs the GPU cannot be interrupted; this says how to start without the kernel.
    watch = threading.Timer(
        LONG_SECONDS,
        log.warning,
        (
            "[DiTFastAttn] The trial of the fused kernel has taken %d seconds. If it never ends, end ComfyUI and start "
            "it with %s=%s in its environment, or with %s=0.",
            LONG_SECONDS, SWITCH, POINTER, SWITCH,
        ),
    )  # fmt: skip
    watch.daemon = True
    watch.start()
    try:
        with on(device):
            found = survey(device, dtype, head_dim, pooled)
    except (
        Exception
    ) as error:  # The compiler, the driver and the launch fail in many ways; each means another back end.
        if out_of_memory(error):
            return None
        found = Trial(f"The Triton kernel failed its trial on this GPU: {type(error).__name__}: {first_line(error)}.")
    finally:
        watch.cancel()
    log.info("[DiTFastAttn] Fused kernel on %s: %s", what, found)
    return found


def survey(
    device: torch.device,
    dtype: torch.dtype,
    head_dim: int,
    pooled: bool = False,
    clock: Clock | None = None,
    layout: Layout = LAYOUT,
) -> Trial:
    """Try and time the configurations of a device, the tiled path and dense attention.

    clock: milliseconds of a call, by CUDA events by default. Raises what the last configuration raises, and on lack of
    memory.
    """
    clock = clock or milliseconds
    *others, last = device_configs(device, head_dim)
    allowed = tolerance(dtype)
    begin = time.perf_counter()
    # What the others cannot serve goes through the last, residual updates included: without it there is no kernel.
    differences = {last: difference_of(device, dtype, head_dim, last, pooled)}
    reason = why_rejected(differences[last], allowed)
    if reason is not None:
        return Trial(reason, last, differences[last])
    dropped = []
    for config in others:
        try:
            differences[config] = difference_of(device, dtype, head_dim, config, pooled)
        except Exception as error:
            if out_of_memory(error):
                raise
            dropped.append(f"{config}: {type(error).__name__}: {first_line(error)}.")
    seconds = time.perf_counter() - begin

    size = (1, layout.length, HEADS, head_dim)
    generator = torch.Generator(device).manual_seed(0)
    q, k, v, out, wanted = (
        torch.randn(size, generator=generator, device=device, dtype=torch.float32).to(dtype).transpose(1, 2)
        for _ in range(5)
    )
    window = replace(WINDOW, pooled=pooled)
    table = HeadTable.uniform(HEADS, window)
    slow = clock(lambda: window.attend(q, k, v, layout, None, wanted))
    dense = clock(lambda: tiled.full_attention(q, k, v))
    timed = {}
    for config in differences:
        ms = clock(partial(head_wise, q, k, v, layout, table, out, config=config))
        # This layer fills the GPU, which the small one does not.
        differences[config] = largest_difference(
            [(torch.tensor(differences[config]), torch.tensor(0.0)), (out, wanted)]
        )
        if why_rejected(differences[config], allowed) is None:
            timed[config] = ms
        elif config == last:
            return Trial(why_rejected(differences[config], allowed), config, differences[config])
        else:
            dropped.append(f"{config}: differs by {differences[config]:.2g}.")
    best = min(timed, key=timed.__getitem__)
    reason = why_rejected(differences[best], allowed, timed[best], slow)
    timings = tuple(timed.items())
    return Trial(reason, best, differences[best], timed[best], slow, dense, seconds, timings, tuple(dropped))


def tolerance(dtype: torch.dtype) -> float:
    """The largest difference of a right kernel: inputs have unit variance and outputs stay below 8, where neighbouring
    numbers of the dtype differ by 4 epsilon; two of these steps."""
    return 2 * torch.finfo(dtype).eps * 4


def why_rejected(
    difference: float, allowed: float, fused_ms: float | None = None, tiled_ms: float | None = None
) -> str | None:
    """One sentence why a kernel that differs so much and takes so long is not used, or None. Times may be left out."""
    if not difference <= allowed:
        return (
            f"The Triton kernel was tried on this GPU and differs by {difference:.2g} from the tiled path, "
            f"more than {allowed:.2g}."
        )
    if fused_ms is not None and tiled_ms is not None and not fused_ms < tiled_ms:
        return (
            f"The Triton kernel was tried on this GPU and is no faster than the tiled path: "
            f"{fused_ms:.3f} ms against {tiled_ms:.3f} ms."
        )
    return None


def difference_of(
    device: torch.device, dtype: torch.dtype, head_dim: int, config: Config, pooled: bool = False
) -> float:
    """The largest difference between a configuration and the tiled path over a small layer of every way."""
    layout = Layout((19, 22), prefix=5, suffix=2)
    window = Window((0.4, 0.5), pooled)
    table = HeadTable((window, FULL, REUSE, Residual(window), FULL), (None, window, None, None, None))
    generator = torch.Generator().manual_seed(0)

    def normal(heads, tokens):
        return torch.randn(2, tokens, heads, head_dim, generator=generator).to(device, dtype).transpose(1, 2)

    q, k, v = (normal(5, layout.length) for _ in range(3))
    cached, residual = normal(1, layout.length), normal(1, layout.image)
    image = slice(layout.prefix, layout.prefix + layout.image)
    full = tiled.full_attention(q, k, v)
    local = full.clone()
    window.attend(q, k, v, layout, None, local[:, :, image])
    wanted = torch.stack((local[:, 0], full[:, 1], cached[:, 0], local[:, 3], full[:, 4]), dim=1)
    wanted[:, 3, image] += residual[:, 0]

    # With residual updates and without them a configuration is compiled to two binaries.
    plain = replace(table, refresh=(None,) * 5)
    out = torch.full_like(q, torch.nan)
    head_wise(q, k, v, layout, plain, out, cached=cached, residual=residual, config=config)
    pairs = [(out, wanted)]
    if refreshes(config, device_configs(device, head_dim)[-1]):
        refreshed = torch.full_like(q, torch.nan)
        fresh = head_wise(q, k, v, layout, table, refreshed, cached=cached, residual=residual, config=config)
        pairs.append((refreshed, wanted))
        if fresh is not None:
            pairs.append((fresh, full[:, 1:2, image] - local[:, 1:2, image]))
    return largest_difference(pairs)


def largest_difference(pairs: list[tuple[torch.Tensor, torch.Tensor]]) -> float:
    """The largest difference between the two tensors of any pair; NaN where there is one (torch's max passes it on)."""
    return float(torch.stack([(a.float() - b.float()).abs().max().cpu() for a, b in pairs]).max())


def milliseconds(call: Callable[[], object]) -> float:
    """The median time of a few calls on the current device, after one that warms up."""
    call()
    events = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(ROUNDS)]
    for before, after in events:
        before.record()
        call()
        after.record()
    torch.cuda.synchronize()
    return statistics.median(before.elapsed_time(after) for before, after in events)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error is a lack of memory, of torch's kind or of the driver's."""
    return isinstance(error, torch.cuda.OutOfMemoryError) or "out of memory" in str(error).lower()


def first_line(error: BaseException) -> str:
    """What an error says, on one line and without its full stop."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else "no message"
