"""A trial on the user's GPU: what was found, made once, kept from start to start, and guarded against what it may do.

A kernel that hangs the GPU or takes the process down cannot be caught: `verdicts` holds what is being tried meanwhile.
"""

from __future__ import annotations

import logging
import statistics
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass

import torch

from ...sentences import say
from ..geometry import Layout
from ..ways import Window
from .configs import POINTER, SWITCH, Config
from .devices import on
from .verdicts import VERDICTS

log = logging.getLogger(__name__)

# The timed layer: 5,184 tokens, 9 x 9 tiles, windows 5 tiles wide, about a quarter of all pairs. 40 MB for each tensor
# of 128 lanes a head in 2 bytes, no more than a model of that size takes itself.
LAYOUT = Layout((72, 72))
WINDOW = Window((5 / 9, 5 / 9))
HEADS = 8
ROUNDS = 5
# After memory ran out, a trial is made again no sooner than this.
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

    config: the fastest configuration. difference: its largest from what it was held against in any layer, relative to
    the output. Milliseconds of the timed layer: fused, by what would serve instead (`other`), and dense (torch's SDPA
    on all pairs). compile_seconds: of first calls, in total. timed: (configuration, milliseconds) of all right ones.
    dropped: sentences about configurations that failed.
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
    other: str = "the tiled path"

    def __str__(self) -> str:
        if self.reason is not None:
            return self.reason
        return (
            f"{self.config}: {self.fused_ms:.3f} ms for {LAYOUT.length} tokens in windows, {self.tiled_ms:.3f} ms by "
            f"{self.other}, {self.dense_ms:.3f} ms for dense attention; largest difference "
            f"{100 * (self.difference or 0.0):.2g} %; compiled in {self.compile_seconds:.1f} s."
            + "".join(f" {config}: {ms:.3f} ms." for config, ms in self.timed if config != self.config)
            + "".join(f" Left out: {sentence}" for sentence in self.dropped)
        )


def once(made: dict[tuple, Trial], key: tuple, tried: Callable[..., Trial | None]) -> Trial:
    """The trial of a key, which begins with its device, made once. tried: of the key and of the minute, the trial, or
    None when memory ran out. Raises NotNow, and only that, where it cannot be made now."""
    known = made.get(key)
    if known is not None:
        return known
    if key[0].type == "cuda" and torch.cuda.is_current_stream_capturing():
        raise NotNow(
            say("A CUDA graph is being captured, and the Triton kernel has not been tried on this GPU before.")
        )
    found = tried(*key, int(time.monotonic() / RETRY_SECONDS))
    if found is None:
        raise NotNow(say("There was not enough GPU memory to try the Triton kernel; it is tried again later."))
    made[key] = found
    return found


def already(made: dict[tuple, Trial], device: torch.device, dtype: torch.dtype, head_dim: int) -> Trial | None:
    """A trial of a device that has been made, with pooled windows if there is one, or None. The rest of a key: whether
    windows pool, and whether tensors reach over 32 bits."""
    tries = (made.get((device, dtype, head_dim, pooled, False)) for pooled in (True, False))
    return next((one for one in tries if one is not None), None)


def attempt(
    device: torch.device, kept: str, what: str, configs: Collection[Config], survey: Callable[..., Trial]
) -> Trial | None:
    """What `survey` finds, or what it found before; None when memory ran out.

    kept: the name of its entry in `VERDICTS`. what: what is tried, for the log. configs: those that may win.
    survey(crashed=..., trying=...): see `trial.survey`.
    """
    entry = VERDICTS.get(kept)
    crashed = frozenset(str(one) for one in (*entry.get("crashed", ()), entry.get("trying")) if one)
    known = None if entry.get("trying") else restored(entry, configs)
    if known is not None:
        log.info("[DiTFastAttn] %s, as found before (%s): %s", what, VERDICTS.file, known)
        return known
    log.info("[DiTFastAttn] Trying: %s (%s=0 leaves it off).", what, SWITCH)
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
            found = survey(crashed=crashed, trying=trying)
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
    log.info("[DiTFastAttn] %s: %s", what, found)
    return found


def crashed_before() -> str:
    """Why a kernel is left off whose last configuration crashed."""
    return say(
        "The Triton kernel took ComfyUI or the driver down when it was tried on this GPU, and is left off; delete "
        "{file} to try it again.",
        file=VERDICTS.file,
    )


def stored(found: Trial) -> dict:
    """A trial as plain data."""
    return {**asdict(found), "config": found.config and str(found.config), "timed": [], "dropped": list(found.dropped)}


def restored(entry: dict, configs: Collection[Config]) -> Trial | None:
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
    other = str(entry.get("other", Trial.other))
    return Trial(reason, config, difference, fused, slow, dense, dropped=tuple(dropped), other=other)


def timed_layer(device: torch.device, dtype: torch.dtype, head_dim: int, layout: Layout) -> list[torch.Tensor]:
    """q, k, v and two outputs of the timed layer, (1, HEADS, L, D) each."""
    size = (1, layout.length, HEADS, head_dim)
    generator = torch.Generator(device).manual_seed(0)
    return [
        torch.randn(size, generator=generator, device=device, dtype=torch.float32).to(dtype).transpose(1, 2)
        for _ in range(5)
    ]


def largest(numbers) -> float:
    """The largest number, NaN where there is one."""
    return max(numbers, key=lambda one: float("inf") if one != one else one)


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
