"""The two papers' searches as calibration methods: one sampling run per level, each with the next threshold."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ....plans import LEVELS, CalibrationTable, LevelPaths, Measurement, ModelIdentity, Plan, build_plan
from ....plans import Site as PlanSite
from ....plans.evaluate import attention_flops, live_bytes, skipped_flops
from ...hooks.model import HostModel
from ...hooks.patch import install
from ...hooks.record import RunLog, Stopwatch
from ..costs import site_costs
from ..dense_run import DenseRun
from ..measurement import CalibrationError, SamplerSettings, _descending, measurement_of
from ..progress import Meter
from ..store import STORE, Store, subject_of
from . import v1, v2

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
    """What the search with one threshold decided. windows: extents. seconds: of the search, and of the dense run."""

    paths: LevelPaths
    positions: tuple[float, ...]
    windows: tuple[tuple[float, ...], ...]
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
    subject = subject_of(model.patcher, *inputs)
    found = {one: store.find(subject, (method, one, settings)) for one in thresholds}
    missing = [one for one in thresholds if found[one] is None]
    if len(missing) < len(found):
        log.info("[DiTFastAttn] %d of %d levels are known already.", len(found) - len(missing), len(found))
    if progress is not None:
        cost, remark = _cost(method, len(model.sites))
        progress.expect([1.0] + [cost] * len(missing) if missing else (), len(found) - len(missing), remark)
    dense = _Compared.sampled(model, sample, progress) if missing else None
    for one in missing:
        found[one] = _search(model, dense, settings, sample, method, one, progress)
        store.add(subject, (method, one, settings), found[one])
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
    paths = [replace(level.paths, name=name) for name, level in zip(names, levels, strict=False)]
    return build_plan(first.model, stamp, first.positions, first.windows, paths)


def _search(
    model: HostModel, dense: _Compared, settings, sample: Callable, method: str, threshold: float, progress
) -> _Level:
    """Sample once while deciding; the model is left as it was."""
    outputs: list[torch.Tensor] = []
    made: list[v1.LayerSearch | v2.HeadSearch] = []

    def make_processor(installation, run):
        if method == V1:
            made.append(v1.LayerSearch(model.family, model.sites, run, threshold, outputs, progress))
        else:
            made.append(v2.HeadSearch(model.family, model.sites, run, threshold, progress=progress))
        return made[-1]

    watch = Stopwatch()
    patched = install(model, make_processor, RunLog())
    if method == V1:
        v1.watch_outputs(patched, outputs)
    latent = sample(patched)
    seconds = watch()
    found = made[-1]
    keep = _descending(found.run.positions)
    methods, share = found.methods()[keep], found.share()[keep]
    positions = tuple(found.run.positions[step] for step in keep)
    return _Level(
        dense.level(methods, share, positions, found.windows, dense.error(latent)),
        positions,
        tuple(window.extent for window in found.windows),
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

        def make_processor(installation, run):
            made.append(DenseRun(model, run, progress))
            return made[-1]

        watch = Stopwatch()
        latent = sample(install(model, make_processor, RunLog()))
        if not made or not made[-1].layouts:
            raise CalibrationError(
                "The sampling run ended without one attention call that can be compressed: nothing was searched."
            )
        if progress is not None:
            progress.end_part()
        return _Compared(made[-1], latent, watch())

    def error(self, latent: torch.Tensor) -> float:
        """Relative error of a latent against this run's."""
        norm = float(self._latent.float().norm())
        return float((latent.float() - self._latent.float()).norm()) / norm if norm else 0.0

    def level(self, methods: np.ndarray, share: np.ndarray, positions, windows, error: float) -> LevelPaths:
        """Methods (S, N) and sharing (S, sites) with the work and memory that they take; the name is still open."""
        table = self._table(positions, windows)
        attention = float(attention_flops(table, methods, share).sum())
        whole = float(table.full_cost.sum()) * table.rows
        saved = whole - attention + float(skipped_flops(table, methods).sum())
        return LevelPaths(
            name="",
            paths=[column.tobytes().decode("ascii") for column in np.ascontiguousarray(methods.T)],
            share=["".join("01"[bit] for bit in column) for column in share.T.astype(int)],
            predicted_error=error,
            attention_flops_kept=attention / whole,
            model_flops_kept=1 - saved / (whole + table.rows * table.other_cost),
            cache_bytes=int(live_bytes(table, methods).sum(axis=1).max()),
        )

    def _table(self, positions, windows) -> CalibrationTable:
        """The costs alone: no error of it was measured."""
        heads = [site.heads for site in self.run.sites]
        any_layout = next(iter(self.run.layouts.values()))
        branches = max(1, len(self.run.branches))
        costs = [
            site_costs(
                self.run.layouts.get(number, any_layout),
                site,
                windows,
                self.run.diffusion_model,
                self.run.dtype,
                branches,
            )
            for number, site in enumerate(self.run.sites)
        ]
        cells = (len(positions), sum(heads))
        return CalibrationTable(
            positions=positions,
            sites=tuple(PlanSite(site.name, site.heads) for site in self.run.sites),
            windows=tuple(window.extent for window in windows),
            window_error=np.zeros((*cells, len(windows))),
            residual_error=np.zeros((*cells, len(windows), 0)),
            reuse_error=np.zeros((*cells, 0)),
            share_error=np.zeros((len(positions), len(heads))),
            weight=np.ones((len(positions), len(heads))),
            share_cosine=np.ones((len(positions), len(heads))),
            full_cost=np.repeat([cost["full"] for cost in costs], heads),
            window_cost=np.repeat([cost["windows"] for cost in costs], heads, axis=0),
            projection_cost=np.array([cost["projections"] for cost in costs], float),
            share_saving=np.array([cost["share"] for cost in costs], float),
            other_cost=float(self.run.other_flops * branches),
            output_bytes=np.repeat([cost["output_bytes"] for cost in costs], heads),
            residual_bytes=np.repeat([cost["residual_bytes"] for cost in costs], heads),
        )
