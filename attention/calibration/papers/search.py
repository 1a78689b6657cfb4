"""The two papers' searches as calibration methods: one sampling run per level, each with the next threshold."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ....kernels import Approximation
from ....plans import Level, Measurement, ModelIdentity, Plan, WaySpec
from ....plans.search import LEVELS, attention_work, live_bytes, skipped_work
from ....sentences import say
from ...families import along_most
from ...hooks.model import HostModel
from ...hooks.patch import install
from ...hooks.record import RunLog, Stopwatch
from ...report.document import CALIBRATE
from ...report.live import Reported
from ..costs import costs_of
from ..dense_run import DenseRun
from ..measurement import CalibrationError, SamplerSettings, descending, measurement_of
from ..progress import Meter
from ..store import STORE, Store, subject_of
from . import v1, v2
from .bands import V1_BANDS

log = logging.getLogger(__name__)

V1 = "DiTFastAttn (V1 greedy search)"
V2 = "DiTFastAttnV2 (head-wise RSE)"
THRESHOLDS = {V1: v1.THRESHOLDS, V2: v2.THRESHOLDS}  # mild to strong: one for each level


@dataclass(frozen=True)
class Searched:
    """A plan of a search. runs, resumed: thresholds, and how many of them the store had."""

    plan: Plan
    runs: int
    resumed: int


@dataclass(frozen=True)
class _Level:
    """What the search with one threshold decided. seconds: of the search, and of the dense run."""

    level: Level
    positions: tuple[float, ...]
    ways: tuple[WaySpec, ...]
    model: ModelIdentity
    measurement: Measurement
    seconds: float
    dense_seconds: float


def search(
    model: HostModel,
    settings: SamplerSettings,
    sample: Callable,
    method: str,
    thresholds: Sequence[float] | None = None,
    *,
    windows: tuple[Approximation, ...] = (),
    inputs: tuple = (),
    progress: Meter | None = None,
    store: Store = STORE,
) -> Searched:
    """A plan with one level per threshold (D1, D2, ...), each found by a sampling run of its own, and a dense run.

    method: V1 or V2; thresholds: of the paper if not given, mild to strong. windows: one for V1, at least one for V2;
    the paper's bands if not given. sample(model) -> latent and inputs: as in `runs.measure_runs`;
    thresholds that were searched before are not searched again. A level's error is that of the search's own latent
    against the dense one of the same seed. Raises what `calibrate.measure` raises.
    """
    thresholds = tuple(THRESHOLDS[method] if thresholds is None else thresholds)
    subject = subject_of(model.patcher, *inputs)
    found = {one: store.find(subject, (method, one, settings, windows)) for one in thresholds}
    missing = [one for one in thresholds if found[one] is None]
    if len(missing) < len(found):
        log.info("[DiTFastAttn] %d of %d levels are known already.", len(found) - len(missing), len(found))
    if progress is not None:
        cost, remark = _cost(method, len(along_most(model.sites)))
        progress.expect([1.0] + [cost] * len(missing) if missing else (), len(found) - len(missing), remark)
    dense = _Compared.sampled(model, sample, progress) if missing else None
    for one in missing:
        found[one] = _search(model, dense, settings, sample, method, one, windows, progress)
        store.add(subject, (method, one, settings, windows), found[one])
        if progress is not None:
            progress.end_part()
    return Searched(_plan([found[one] for one in thresholds]), len(found), len(found) - len(missing))


def _cost(method: str, layers: int) -> tuple[float, str]:
    """Length of one search in generations, at most, and a sentence about it."""
    if method == V2:
        return 2.0, ""
    most = len(v1.CHOICES) * layers + 2
    return float(most), f"The greedy search evaluates the model up to {most} times a step, for every level anew."


def _plan(levels: list[_Level]) -> Plan:
    first = levels[0]
    names = [name for name, _ in LEVELS] + [f"D{number}" for number in range(len(LEVELS) + 1, len(levels) + 1)]
    stamp = replace(
        first.measurement, seconds=sum(level.seconds for level in levels), dense_seconds=first.dense_seconds
    )
    named = tuple(replace(one.level, name=name) for name, one in zip(names, levels, strict=False))
    return Plan(first.model, stamp, first.positions, first.ways, named)


def _search(
    model: HostModel, dense: _Compared, settings, sample: Callable, method: str, threshold: float, windows, progress
) -> _Level:
    """Sample once while deciding; the model is left as it was."""
    outputs: list[torch.Tensor] = []
    made: list[v1.LayerSearch | v2.HeadSearch] = []

    def make_processor(run):
        if method == V1:
            of_v1 = windows or V1_BANDS
            made.append(v1.LayerSearch(model.family, model.sites, run, threshold, outputs, of_v1, progress))
        else:
            made.append(v2.HeadSearch(model.family, model.sites, run, threshold, windows=windows, progress=progress))
        return made[-1]

    watch = Stopwatch()
    patched = install(model, make_processor, RunLog(), listener=Reported(model.patcher, CALIBRATE))
    if method == V1:
        v1.watch_outputs(patched, outputs)
    latent = sample(patched)
    seconds = watch()
    found = made[-1]
    keep = descending(found.run.positions)
    methods, share = found.methods()[keep], found.share()[keep]
    positions = tuple(found.run.positions[step] for step in keep)
    return _Level(
        dense.level(methods, share, found.windows, dense.error(latent)),
        positions,
        tuple(WaySpec.of(window.kind, **window.parameters()) for window in found.windows),
        model.identity,
        measurement_of(dense.run, settings),
        seconds,
        dense.seconds,
    )


class _Compared:
    """The dense run with the same seed, to compare a search's latents and work with."""

    def __init__(self, run: DenseRun, latent: torch.Tensor, seconds: float):
        self.run = run
        self.seconds = seconds
        self._latent = latent

    @staticmethod
    def sampled(model: HostModel, sample: Callable, progress: Meter | None) -> _Compared:
        """Sample once with full attention. Raises CalibrationError when no attention was seen."""
        made: list[DenseRun] = []

        def make_processor(run):
            made.append(DenseRun(model, run, progress))
            return made[-1]

        watch = Stopwatch()
        latent = sample(install(model, make_processor, RunLog(), listener=Reported(model.patcher, CALIBRATE)))
        if not made or not made[-1].layouts:
            raise CalibrationError(
                say("The sampling run ended without one attention call that can be compressed: nothing was searched.")
            )
        if progress is not None:
            progress.end_part()
        return _Compared(made[-1], latent, watch())

    def error(self, latent: torch.Tensor) -> float:
        """Relative error of a latent against this run's."""
        norm = float(self._latent.float().norm())
        return float((latent.float() - self._latent.float()).norm()) / norm if norm else 0.0

    def level(self, methods: np.ndarray, share: np.ndarray, windows, error: float) -> Level:
        """Methods (S, N) and sharing (S, sites) with the work and memory that they take; the name is still open."""
        costs, steps = costs_of(self.run, windows), len(methods)
        attention = float(attention_work(costs, methods, share).sum())
        whole = float(costs.full.sum()) * steps
        saved = whole - attention + float(skipped_work(costs, methods).sum())
        return Level(
            name="D",
            paths=tuple(column.tobytes().decode("ascii") for column in np.ascontiguousarray(methods.T)),
            share=tuple("".join("01"[bit] for bit in column) for column in share.T.astype(int)),
            predicted_error=error,
            attention_flops_kept=attention / whole,
            model_flops_kept=1 - saved / (whole + steps * costs.other),
            cache_bytes=int(live_bytes(costs, methods).sum(axis=1).max()),
        )
