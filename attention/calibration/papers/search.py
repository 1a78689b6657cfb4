"""The two papers' searches as calibration methods: one sampling run per level, each with the next threshold."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ....kernels import Layout
from ....plans import Level, Measurement, ModelIdentity, Plan, WaySpec
from ....plans.search import LEVELS, Costs, attention_work, live_bytes, skipped_work
from ...hooks.model import identify
from ...hooks.patch import install, sites_of
from ...hooks.record import RunLog, Stopwatch
from ..costs import site_costs
from ..dense_run import _Work
from ..measurement import CalibrationError, SamplerSettings, _descending, costs_of, measurement_of
from ..progress import Meter
from ..store import STORE, Store, subject_of
from .v1 import V1_CHOICES, V1_THRESHOLDS, V2_THRESHOLDS, HeadSearch, LayerSearch, watch_outputs

log = logging.getLogger(__name__)

V1 = "DiTFastAttn (V1 greedy search)"
V2 = "DiTFastAttnV2 (head-wise RSE)"
THRESHOLDS = {V1: V1_THRESHOLDS, V2: V2_THRESHOLDS}  # mild to strong: one for each level


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
    model_patcher,
    settings: SamplerSettings,
    sample: Callable,
    method: str,
    thresholds: Sequence[float] | None = None,
    *,
    inputs: tuple = (),
    progress: Meter | None = None,
    store: Store = STORE,
) -> Searched:
    """A plan with one level per threshold (D1, D2, ...), each found by a sampling run of its own, and a dense run.

    method: V1 or V2; thresholds: of the paper if not given, mild to strong. sample(model) → latent and inputs: as in
    `accumulate.measure_runs`; thresholds that were searched before are not searched again. A level's error is that of
    the search's own latent against the dense one of the same seed. Raises what `calibrate.measure` raises.
    """
    thresholds = tuple(THRESHOLDS[method] if thresholds is None else thresholds)
    subject = subject_of(model_patcher, *inputs)
    found = {one: store.find(subject, (method, one, settings)) for one in thresholds}
    missing = [one for one in thresholds if found[one] is None]
    if len(missing) < len(found):
        log.info("[DiTFastAttn] %d of %d levels are known already.", len(found) - len(missing), len(found))
    if progress is not None:
        cost, remark = _cost(method, len(sites_of(model_patcher)[1]))
        progress.expect([1.0] + [cost] * len(missing) if missing else (), len(found) - len(missing), remark)
    dense = _Dense.sampled(model_patcher, settings, sample, progress) if missing else None
    for one in missing:
        found[one] = _search(model_patcher, dense, sample, method, one, progress)
        store.add(subject, (method, one, settings), found[one])
        if progress is not None:
            progress.end_part()
    return Searched(_plan([found[one] for one in thresholds]), len(found), len(found) - len(missing))


def _cost(method: str, layers: int) -> tuple[float, str]:
    """Length of one search in generations, at most, and a sentence about it."""
    if method == V2:
        return 2.0, ""
    most = len(V1_CHOICES) * layers + 2
    return float(most), f"The greedy search evaluates the model up to {most} times a step, for every level anew."


def _plan(levels: list[_Level]) -> Plan:
    first = levels[0]
    names = [name for name, _ in LEVELS] + [f"D{number}" for number in range(len(LEVELS) + 1, len(levels) + 1)]
    stamp = replace(
        first.measurement, seconds=sum(level.seconds for level in levels), dense_seconds=first.dense_seconds
    )
    named = tuple(replace(one.level, name=name) for name, one in zip(names, levels, strict=False))
    return Plan(first.model, stamp, first.positions, first.ways, named)


def _search(model_patcher, dense: _Dense, sample: Callable, method: str, threshold: float, progress) -> _Level:
    """Sample once while deciding; the model is left as it was."""
    family, sites = sites_of(model_patcher)
    outputs: list[torch.Tensor] = []
    made: list[LayerSearch | HeadSearch] = []

    def make_processor(installation, run):
        if method == V1:
            made.append(LayerSearch(family, sites, run, threshold, outputs, progress))
        else:
            made.append(HeadSearch(family, sites, run, threshold, progress=progress))
        return made[-1]

    watch = Stopwatch()
    patched = install(model_patcher, make_processor, RunLog())
    if method == V1:
        watch_outputs(patched, outputs)
    latent = sample(patched)
    seconds = watch()
    found = made[-1]
    keep = _descending(found.run.positions)
    methods, share = found.methods()[keep], found.share()[keep]
    positions = tuple(found.run.positions[step] for step in keep)
    return _Level(
        dense.level(methods, share, found.windows, dense.error(latent)),
        positions,
        tuple(WaySpec.window(window.extent, window.pooled) for window in found.windows),
        identify(model_patcher, family, sites),
        dense.measurement(),
        seconds,
        dense.seconds,
    )


class _Dense:
    """The dense run with the same seed, as a `Processor`: its latent, its layouts and its work, to compare with."""

    def __init__(self, sites, run, settings: SamplerSettings, progress: Meter | None):
        self.sites = sites
        self.seconds = 0.0
        self._run, self._settings, self._progress = run, settings, progress
        self._work = _Work()
        self._layouts: dict[int, Layout] = {}
        self._branches: set[int] = set()
        self._dtype = self._device = ""
        self._diffusion_model = None
        self._latent: torch.Tensor | None = None

    @staticmethod
    def sampled(model_patcher, settings: SamplerSettings, sample: Callable, progress: Meter | None) -> _Dense:
        """The processor of a dense run that is over. Raises ValueError and CalibrationError."""
        sites = sites_of(model_patcher)[1]
        made: list[_Dense] = []

        def make_processor(installation, run):
            made.append(_Dense(sites, run, settings, progress))
            return made[-1]

        watch = Stopwatch()
        latent = sample(install(model_patcher, make_processor, RunLog()))
        if not made or not made[-1]._layouts:
            raise CalibrationError(
                "The sampling run ended without one attention call that can be compressed: nothing was searched."
            )
        dense = made[-1]
        dense._latent, dense.seconds = latent, watch()
        if progress is not None:
            stamp = dense.measurement()
            progress.counted(stamp.attention_flops, stamp.other_flops)
            progress.end_part()
        return dense

    def error(self, latent: torch.Tensor) -> float:
        """Relative error of a latent against this run's."""
        norm = float(self._latent.float().norm())
        return float((latent.float() - self._latent.float()).norm()) / norm if norm else 0.0

    def measurement(self) -> Measurement:
        """The stamp of a plan."""
        return measurement_of(
            self._layouts, self.sites, self._settings, self._dtype, self._device, other_flops=self._work.other_flops
        )

    def level(self, methods: np.ndarray, share: np.ndarray, windows, error: float) -> Level:
        """Methods (S, N) and sharing (S, sites) with the work and memory that they take; the name is still open."""
        costs, steps = self._costs(windows), len(methods)
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

    def _costs(self, windows) -> Costs:
        any_layout = next(iter(self._layouts.values()))
        branches = max(1, len(self._branches))
        costs = [
            site_costs(
                self._layouts.get(number, any_layout), site, windows, self._diffusion_model, self._dtype, branches
            )
            for number, site in enumerate(self.sites)
        ]
        return costs_of(costs, self.sites, float(self._work.other_flops * branches))

    def announce(self, noise_shape, model) -> int:
        """Nothing is held."""
        self._diffusion_model = model.model.diffusion_model
        return 0

    def evaluate(self, predict, x, sigma: float):
        """One model evaluation; the first is counted."""
        output = self._work.count(predict)
        if self._progress is not None:
            self._progress.evaluated(self._run.step + 1, len(self._run.positions))
        return output

    def plain(self, forward, call, rows, length) -> bool:
        """Never: every attention is set apart from the other work."""
        return False

    def open(self, forward, call) -> None:
        """Nothing is skipped."""

    def attend(self, forward, call, attention) -> torch.Tensor:
        """The host's own attention."""
        layout = forward.layout(call.site, attention.q.shape[2], attention.options)
        if layout is not None and not attention.obstacle:
            self._layouts[call.number] = layout
            self._branches |= {branch.index for branch in forward.branches}
            self._dtype, self._device = str(attention.q.dtype).removeprefix("torch."), str(attention.q.device)
        with self._work.apart(call.number, forward.rows):
            return attention.host()

    def leave(self, forward, call, stream, output) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Nothing is held."""
