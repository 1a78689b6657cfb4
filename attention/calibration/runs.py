"""Several prompts and seeds in one calibration: runs measured one after another, finished ones taken from the store."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from ...plans import PlanError
from ...sentences import say
from ..hooks.model import HostModel
from .measurement import CalibrationError, Measured, SamplerSettings, measure
from .progress import Meter
from .store import STORE, Store, subject_of

log = logging.getLogger(__name__)

SEEDS = 2**64


@dataclass(frozen=True)
class Accumulated:
    """What all runs showed together. runs, resumed: those of the last node alone, and how many the store had."""

    measured: Measured
    runs: int
    resumed: int


def measure_runs(
    model: HostModel,
    settings: SamplerSettings,
    sample: Callable,
    *,
    runs: int = 1,
    inputs: tuple = (),
    before: Measured | None = None,
    progress: Meter | None = None,
    store: Store = STORE,
    timed: bool = False,
) -> Accumulated:
    """Measure `runs` runs with the seeds from `settings.seed` on, and add them to what was measured `before`.

    sample(model, settings) -> latent: as in `calibrate.measure`. inputs: the conditionings and the LATENT that it
    samples, by which one measurement is told from another. A run that was finished earlier on the same model, inputs
    and settings is not measured again; when one is cut short, the store has the finished ones. timed: every run must
    have measured milliseconds. Raises what `measure` raises, and CalibrationError if `before` was measured on another
    model or size or with other settings, or lacks the milliseconds.
    """
    _require_alike(_settings_known(before, model, settings))
    if timed and before is not None and before.table.milliseconds is None:
        raise CalibrationError(
            say(
                "The linked measurements hold no milliseconds: set price to milliseconds in all Calibrate "
                "nodes of a chain."
            )
        )
    series = [replace(settings, seed=(settings.seed + number) % SEEDS) for number in range(runs)]
    subject = subject_of(model.patcher, *inputs)
    found = {one: _known(store, subject, one, timed) for one in series}
    resumed = sum(ready is not None for ready in found.values())
    if resumed:
        log.info("[DiTFastAttn] %d of %d measuring runs are known already and not sampled again.", resumed, runs)
    if progress is not None:
        progress.expect([1.0] * (runs - resumed), resumed)
    for one in series:
        if found[one] is None:
            found[one] = measure(
                model, one, lambda patched, one=one: sample(patched, one), progress=progress, timed=timed
            )
            store.add(subject, (one, timed), found[one])
            if progress is not None:
                progress.end_part()
    together = found[series[0]]
    for one in series[1:]:
        together = together.merged(found[one])
    together = replace(together, measurement=replace(together.measurement, prompts=1))
    return Accumulated(together if before is None else _added(before, together), runs, resumed)


def _known(store: Store, subject, settings: SamplerSettings, timed: bool) -> Measured | None:
    """A stored run; one with milliseconds serves where none are asked for, too."""
    known = store.find(subject, (settings, True))
    return known if known is not None or timed else store.find(subject, (settings, False))


def _added(before: Measured, now: Measured) -> Measured:
    _require_alike({"picture size": (before.measurement.grid, now.measurement.grid)})
    ours, theirs = ([one.grid for one in measured.measurement.references] for measured in (before, now))
    _require_alike({"reference pictures": ("; ".join(map(_text, ours)), "; ".join(map(_text, theirs)))})
    try:
        return before.merged(now)
    except PlanError as error:
        raise CalibrationError(str(error)) from None


def _settings_known(before: Measured | None, model: HostModel, settings: SamplerSettings) -> dict:
    """What runs that are averaged must have in common, as far as it is known before they are sampled."""
    if before is None:
        return {}
    theirs = before.measurement
    return {
        "model": (before.model.fingerprint, model.identity.fingerprint),
        "steps": (theirs.steps, settings.steps),
        "CFG": (theirs.cfg, settings.cfg),
        "sampler": (theirs.sampler, settings.name),
        "scheduler": (theirs.scheduler, settings.scheduler),
        "denoise": (theirs.denoise, settings.denoise),
    }


def _require_alike(pairs: dict[str, tuple]) -> None:
    """Raise CalibrationError with what differs between the linked measurements and this node, by name."""
    differing = [
        f"{name} ({_text(ours)} and {_text(theirs)})" for name, (ours, theirs) in pairs.items() if ours != theirs
    ]
    if differing:
        raise CalibrationError(
            say(
                "The linked measurements do not belong together with this node's, they differ in {names}: "
                "give all Calibrate nodes of a chain the same model, size and sampler settings.",
                names=", ".join(differing),
            )
        )


def _text(value) -> str:
    return "×".join(map(str, value)) if isinstance(value, tuple) else f"{value}"
