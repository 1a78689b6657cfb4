"""Which configurations of a kernel are right on a device, and which of those is fastest: how every trial is made."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial

from .attempt import Clock, Trial, crashed_before, first_line, largest, out_of_memory
from .configs import Config


@dataclass(frozen=True)
class Timed:
    """The layer that fills the GPU. slow: what would serve instead, whose output the others are held against; dense:
    full attention; fast: by a configuration; difference: of the last output of `fast`, relative to that of `slow`.
    """

    slow: Callable[[], object]
    dense: Callable[[], object]
    fast: Callable[[Config], object]
    difference: Callable[[], float]


def fastest(
    configs: Sequence[Config],
    *,
    differs: Callable[[Config], float],
    timed: Callable[[], Timed],
    why_rejected: Callable[..., str | None],
    clock: Clock,
    crashed: Collection[str],
    trying: Callable[[Config], None],
    other: str = Trial.other,
) -> Trial:
    """Try and time configurations, of which the last serves what others cannot: without it there is no kernel.

    differs: the largest difference of a configuration over small layers of every kind. timed: makes the layer that is
    timed, once the small ones are done. why_rejected: of a difference and, where known, the milliseconds of a
    configuration and of `Timed.slow`, one sentence or None. clock: milliseconds of a call. crashed: configurations, as
    text, that are left out. trying: is told of each before its first launch. other: what would serve instead, in words.
    Raises what the last configuration raises, and on lack of memory.
    """
    *others, last = configs
    if str(last) in crashed:
        return Trial(crashed_before())
    dropped = [f"{config}: took ComfyUI or the driver down." for config in others if str(config) in crashed]
    begin = time.perf_counter()
    differences: dict[Config, float] = {}
    for config in (last, *(config for config in others if str(config) not in crashed)):
        trying(config)
        try:
            differences[config] = differs(config)
        except Exception as error:
            if config == last or out_of_memory(error):
                raise
            dropped.append(f"{config}: {type(error).__name__}: {first_line(error)}.")
            continue
        if config == last and (reason := why_rejected(differences[last])) is not None:
            return Trial(reason, last, differences[last])
    seconds = time.perf_counter() - begin

    layer = timed()
    slow, dense = clock(layer.slow), clock(layer.dense)
    times: dict[Config, float] = {}
    for config in differences:
        trying(config)
        ms = clock(partial(layer.fast, config))
        # This layer fills the GPU, which small ones do not.
        differences[config] = largest((differences[config], layer.difference()))
        if why_rejected(differences[config]) is None:
            times[config] = ms
        elif config == last:
            return Trial(why_rejected(differences[config]), config, differences[config])
        else:
            dropped.append(f"{config}: differs by {100 * differences[config]:.2g} %.")
    best = min(times, key=times.__getitem__)
    reason = why_rejected(differences[best], times[best], slow)
    found = tuple(times.items())
    return Trial(reason, best, differences[best], times[best], slow, dense, seconds, found, tuple(dropped), other)
