"""The trial of the Triton kernel on the user's GPU before it serves: right first, then faster than the tiled path.

Once for each device, dtype and head size, at the first call that could use it, once more at the first whose windows
pool the keys that they leave out, and at the first whose tensors reach over 32 bits: layers of every way and several
shapes (`agreement`) go through the kernel and through the tiled path and must come out alike; then every configuration
of the device's short list is timed on a windowed layer of LAYOUT's tokens, beside the tiled path. The fastest right one
serves. Compiling takes two to five seconds of a CPU for each binary, the rest a second; Triton keeps what it compiled
on disk, and `verdicts` what was found, for the next process.
"""

from __future__ import annotations

import logging
import statistics
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial

import torch

from ...sentences import say
from .. import tiled
from ..geometry import Layout
from ..head_table import HeadTable
from ..ways import Window
from .agreement import ALLOWED, CASES, Case, difference_of, distance
from .configs import POINTER, SWITCH, Config
from .devices import device_configs, on
from .launch import head_wise
from .verdicts import VERDICTS, name_of

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

FIGURES = ("difference", "fused_ms", "tiled_ms", "dense_ms")

Clock = Callable[[Callable[[], object]], float]


class NotNow(Exception):
    """The moment allows no trial; the sentence says why. A later call may try again."""


@dataclass(frozen=True)
class Trial:
    """What was found. reason: one sentence why the kernel does not serve, or None.

    config: the fastest configuration. difference: its largest from the tiled path in any row of any layer, relative to
    the row. Milliseconds of the timed layer: fused, tiled, and dense (torch's SDPA on all pairs). compile_seconds: of
    first calls, in total. timed: (configuration, milliseconds) of all right ones. dropped: sentences about
    configurations that failed.
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
            f"the tiled path, {self.dense_ms:.3f} ms for dense attention; largest difference "
            f"{100 * (self.difference or 0.0):.2g} %; compiled in {self.compile_seconds:.1f} s."
            + "".join(f" {config}: {ms:.3f} ms." for config, ms in self.timed if config != self.config)
            + "".join(f" Left out: {sentence}" for sentence in self.dropped)
        )


_trials: dict[tuple, Trial] = {}


def trial_of(
    device: torch.device, dtype: torch.dtype, head_dim: int, pooled: bool = False, wide: bool = False
) -> Trial:
    """The trial of a device, made once, with pooled windows or with others, and for tensors of this reach (see
    `Config.wide`). Raises NotNow, and only that, where it cannot be made now."""
    key = (device, dtype, head_dim, pooled, wide)
    known = _trials.get(key)
    if known is not None:
        return known
    if device.type == "cuda" and torch.cuda.is_current_stream_capturing():
        raise NotNow(
            say("A CUDA graph is being captured, and the Triton kernel has not been tried on this GPU before.")
        )
    found = _attempt(*key, int(time.monotonic() / RETRY_SECONDS))
    if found is None:
        raise NotNow(say("There was not enough GPU memory to try the Triton kernel; it is tried again later."))
    _trials[key] = found
    return found


def known_trial(device: torch.device, dtype: torch.dtype, head_dim: int) -> Trial | None:
    """A trial of a device that has been made, with pooled windows if there is one, or None."""
    tries = (_trials.get((device, dtype, head_dim, pooled, False)) for pooled in (True, False))
    return next((one for one in tries if one is not None), None)


def trials() -> int:
    """How many trials this process has made: a run during which it grows took longer than the next one will."""
    return len(_trials)


@lru_cache(maxsize=64)
def _attempt(
    device: torch.device, dtype: torch.dtype, head_dim: int, pooled: bool, wide: bool, _minute: int
) -> Trial | None:
    """The trial, or None when memory ran out. `_minute` makes the answer None be forgotten after a while."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    what = f"{name}, {str(dtype).removeprefix('torch.')}, head size {head_dim}{', pooled windows' * pooled}"
    kept = name_of(device, dtype, head_dim, *device_configs(device, head_dim, wide), pooled, wide)
    entry = VERDICTS.get(kept)
    crashed = frozenset(str(one) for one in (*entry.get("crashed", ()), entry.get("trying")) if one)
    known = None if entry.get("trying") else restored(entry, device_configs(device, head_dim, wide))
    if known is not None:
        log.info("[DiTFastAttn] Fused kernel on %s, as found before (%s): %s", what, VERDICTS.file, known)
        return known
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

    def trying(config: Config) -> None:
        VERDICTS.put(kept, {"trying": str(config), "crashed": sorted(crashed)})

    try:
        with on(device):
            found = survey(device, dtype, head_dim, pooled, wide, crashed=crashed, trying=trying)
    except Exception as error:
        # The compiler, the driver and the launch fail in many ways; each means another back end.
        if out_of_memory(error):
            VERDICTS.put(kept, {"crashed": sorted(crashed)} if crashed else None)
            return None
        found = Trial(
            say(
                "The Triton kernel failed its trial on this GPU: {kind}: {error}.",
                kind=type(error).__name__,
                error=first_line(error),
            )
        )
    except BaseException:  # The user ends the process, not the kernel.
        VERDICTS.put(kept, {"crashed": sorted(crashed)} if crashed else None)
        raise
    finally:
        watch.cancel()
    VERDICTS.put(kept, {"crashed": sorted(crashed), **stored(found)})
    log.info("[DiTFastAttn] Fused kernel on %s: %s", what, found)
    return found


def stored(found: Trial) -> dict:
    """A trial as plain data."""
    return {**asdict(found), "config": found.config and str(found.config), "timed": [], "dropped": list(found.dropped)}


def restored(entry: dict, configs: tuple[Config, ...]) -> Trial | None:
    """A trial from what `stored` made of it; None where that is not what it is, or of a configuration not among
    these."""
    config = next((one for one in configs if str(one) == entry.get("config")), None)
    reason, figures = entry.get("reason"), [entry.get(name) for name in FIGURES]
    difference, fused, slow, dense = (one if isinstance(one, float) else None for one in figures)
    dropped = entry.get("dropped", ())
    if not isinstance(dropped, list) or not all(isinstance(one, str) for one in dropped):
        return None
    if reason is None and (config is None or None in (difference, fused, slow, dense)):
        return None
    if not isinstance(reason, str | None):
        return None
    return Trial(reason, config, difference, fused, slow, dense, dropped=tuple(dropped))


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
    trying: is told of each before its first launch. Raises what the last configuration raises, and on lack of memory.
    """
    clock = clock or milliseconds
    *others, last = device_configs(device, head_dim, wide)
    if str(last) in crashed:
        return Trial(
            f"The Triton kernel took ComfyUI or the driver down when it was tried on this GPU, and is left off; delete "
            f"{VERDICTS.file} to try it again."
        )
    dropped = [f"{config}: took ComfyUI or the driver down." for config in others if str(config) in crashed]
    begin = time.perf_counter()
    differences: dict[Config, float] = {}
    # What the others cannot serve goes through the last, residual updates included: without it there is no kernel.
    for config in (last, *(config for config in others if str(config) not in crashed)):
        trying(config)
        try:
            differences[config] = largest(
                difference_of(device, dtype, head_dim, config, pooled, case) for case in cases
            )
        except Exception as error:
            if config == last or out_of_memory(error):
                raise
            dropped.append(f"{config}: {type(error).__name__}: {first_line(error)}.")
            continue
        if config == last and (reason := why_rejected(differences[last])) is not None:
            return Trial(reason, last, differences[last])
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
        trying(config)
        ms = clock(partial(head_wise, q, k, v, layout, table, out, config=config))
        # This layer fills the GPU, which small ones do not.
        differences[config] = largest((differences[config], float(distance(out, wanted, wanted))))
        if why_rejected(differences[config]) is None:
            timed[config] = ms
        elif config == last:
            return Trial(why_rejected(differences[config]), config, differences[config])
        else:
            dropped.append(f"{config}: differs by {100 * differences[config]:.2g} %.")
    best = min(timed, key=timed.__getitem__)
    reason = why_rejected(differences[best], timed[best], slow)
    timings = tuple(timed.items())
    return Trial(reason, best, differences[best], timed[best], slow, dense, seconds, timings, tuple(dropped))


def largest(differences: Iterable[float]) -> float:
    """The largest difference, NaN where there is one."""
    return float(torch.tensor(list(differences)).max())


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
