"""Calibration: one dense sampling run of the user's model, watched, and the plan that follows from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone

import comfyui_version
import numpy as np

from ...plans import Measurement, ModelIdentity, ReferenceGrid, WaySpec
from ...plans.search import FLOPS, LEVELS, CalibrationTable, Solved, in_16_bits, in_int8, solve_plan
from ...sentences import say
from ...version import VERSION
from ..hooks.model import HostModel
from ..hooks.patch import install
from ..hooks.record import RunLog, Stopwatch
from ..report.document import CALIBRATE
from ..report.live import Reported
from .costs import costs_of
from .course import course
from .dense_run import DenseRun
from .progress import Progress
from .propagation import euler_shares, reach
from .site_record import SiteRecord
from .watch import NotFinite, Watch

MOST_SEEDS = 64  # that a plan names
NOTHING = say("The sampling run ended without one attention call that can be compressed: nothing was measured.")


@dataclass(frozen=True)
class SamplerSettings:
    """The sampler as the user set it up for the node."""

    name: str
    scheduler: str
    steps: int
    cfg: float
    denoise: float
    seed: int


@dataclass(frozen=True)
class Measured:
    """What one watched run showed, or several: all that plans of any budget are solved from. Holds no tensors.

    seconds, dense_seconds: of the measuring, and of the dense runs inside it, all runs together. int8: whether the
    device that was measured on has an INT8 kernel that serves it.
    """

    table: CalibrationTable
    model: ModelIdentity
    measurement: Measurement
    seconds: float
    dense_seconds: float
    int8: bool = False

    def scaled(self, factor: float) -> Measured:
        """The same with all squared errors times `factor`; see `CalibrationTable.scaled`."""
        return replace(self, table=self.table.scaled(factor))

    def merged(self, other: Measured) -> Measured:
        """The mean over the runs of both (prompts, seeds). Raises PlanError if they do not belong together."""
        ours, theirs = self.measurement, other.measurement
        return Measured(
            self.table.merged(other.table),
            self.model,
            replace(
                ours,
                seeds=tuple(dict.fromkeys((*ours.seeds, *theirs.seeds)))[:MOST_SEEDS],
                prompts=ours.prompts + theirs.prompts,
            ),
            self.seconds + other.seconds,
            self.dense_seconds + other.dense_seconds,
            self.int8 and other.int8,
        )


class CalibrationError(RuntimeError):
    """Nothing could be measured; the message says why."""


def measure(
    model: HostModel,
    settings: SamplerSettings,
    sample: Callable,
    *,
    progress: Progress | None = None,
    timed: bool = False,
) -> Measured:
    """Watch one dense run of the model.

    sample(model) -> latent: runs the user's sampler once over a patched clone of the model, as KSampler would; the one
    given is left as it was. progress: told of every model evaluation. timed: measure milliseconds as well, which takes
    a few per cent of a dense run. Raises CalibrationError when nothing was measured.
    """
    watch: list[Watch] = []

    def make_processor(run):
        watch.append(Watch(model, run, progress, timed))
        return watch[-1]

    whole = Stopwatch()
    try:
        sample(install(model, make_processor, RunLog(), listener=Reported(model.patcher, CALIBRATE)))
    except NotFinite as error:
        raise CalibrationError(str(error)) from None
    if not watch:
        raise CalibrationError(NOTHING)
    return measured_by(watch[-1], model, settings, whole)


def measured_by(seen: Watch, model: HostModel, settings: SamplerSettings, whole: Stopwatch) -> Measured:
    """What a watched run that is over showed. whole: running since before it began. Raises CalibrationError."""
    if not seen.observer or not (seen.layouts or seen.obstacle):
        raise CalibrationError(NOTHING)
    compressed = bool(seen.layouts)
    if not compressed:  # steps may be forecast all the same
        layouts, folds, branches = seen.left
        seen.layouts.update(layouts)
        seen.folds.update(folds)
        seen.branches.update(branches)
    dense_seconds = whole() - seen.overhead
    table = _table(seen, model.sites)
    if not compressed and table.forecasts is None:
        raise CalibrationError(_none_for(seen.obstacle))
    return Measured(table, model.identity, measurement_of(seen, settings), whole(), dense_seconds, seen.int8)


def _none_for(obstacle: str) -> str:
    return say("No attention call of the run can be compressed, since {reason}: nothing was measured.", reason=obstacle)


def solve(measured: Measured, *, levels=LEVELS, max_cache_bytes: int | None = None, price: str = FLOPS) -> Solved:
    """The plan of a measurement: one level per (name, goal), caches within a limit if one is given. price: see
    `plans.search.solve_plan`; milliseconds only for a measurement that was timed.
    """
    watch = Stopwatch()
    solved = solve_plan(
        in_int8(measured.table) if measured.int8 else in_16_bits(measured.table),
        measured.model,
        measured.measurement,
        levels=levels,
        max_cache_bytes=max_cache_bytes,
        price=price,
    )
    stamp = replace(
        solved.plan.measurement,
        seconds=measured.seconds + watch(),
        dense_seconds=measured.dense_seconds / measured.table.runs,
    )
    return replace(solved, plan=replace(solved.plan, measurement=stamp))


def measurement_of(dense: DenseRun, settings: SamplerSettings) -> Measurement:
    """What a run with these settings was, for its plan."""
    number, layout = max(dense.layouts.items(), key=lambda one: one[1].length)
    whole = dense.sites[number].axes is None
    return Measurement(
        grid=layout.grid if whole else dense.family.grid(dense.diffusion_model, dense.run.shape),
        text_tokens=layout.globals,
        references=tuple(ReferenceGrid(one.grid, one.place) for one in layout.references),
        sampler=settings.name,
        scheduler=settings.scheduler,
        steps=settings.steps,
        cfg=settings.cfg,
        denoise=settings.denoise,
        seeds=(settings.seed,),
        prompts=1,
        dtype=dense.dtype,
        device=dense.device,
        host_version=comfyui_version.__version__,
        pack_version=VERSION,
        created=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        seconds=0.0,
        dense_seconds=0.0,
        attention_flops=dense.attention_flops,
        other_flops=dense.other_flops,
    )


def _table(seen: Watch, sites) -> CalibrationTable:
    """Errors weighted by what they do to the final latent, and costs, for the solver."""
    observer, run = seen.observer, seen.run
    keep = descending(run.positions)
    records = observer.records
    reuse = [record.reuse[:, :, 0] for record in records]
    gains, reused = seen.probes.gains(
        np.array(run.sigmas),
        _of_sites([_put_in(record, seen.probes.way) for record in records] if seen.ways else reuse),
        _of_sites(reuse),
    )
    sigmas = np.array(run.sigmas)
    shares = seen.predictions.shares(sigmas)
    if run.end > 0:  # no latent came after the last prediction, of which the sampler took only this
        shares[-1] = euler_shares(sigmas, run.end)[-1]
    reached, weights = reach(shares, *seen.signal), seen.place_weights
    followed = course(shares, *seen.signal, run.guidance.cfg, keep)
    if not weights.ordinary:
        reached = reached * weights.growth(course(shares, *seen.signal, 1.0))
        followed = replace(followed, answers=followed.answers * weights.answers()[keep, None])
    weight = gains * reached[:, None] / max(seen.latent_power, 1e-12)
    heads = [site.heads for site in sites]
    per_head = np.repeat(weight, heads, axis=1)[keep]

    def errors(name: str) -> np.ndarray:
        measured = np.concatenate([_of_ways(record, name, len(seen.ways)) for record in records], axis=1)[keep]
        return measured * per_head.reshape(*per_head.shape, *(1,) * (measured.ndim - 2))

    costs = costs_of(seen, seen.ways)
    return CalibrationTable(
        positions=tuple(run.positions[step] for step in keep),
        ways=tuple(WaySpec.of(way.kind, **way.parameters()) for way in seen.ways),
        costs=costs,
        way_error=errors("way"),
        residual_error=errors("residual"),
        reuse_error=errors("reuse") * reused,
        share_error=np.stack([record.share for record in records], axis=1)[keep] * weight[keep],
        weight=weight[keep],
        output_energy=np.nan_to_num(np.stack([record.energy for record in records], axis=1)[keep] * weight[keep]),
        reuse_gain=reused,
        share_cosine=np.stack([record.share_cosine for record in records], axis=1)[keep],
        milliseconds=None
        if seen.timing is None
        else seen.timing.milliseconds(costs, float(np.median(seen.evaluation_seconds))),
        forecasts=seen.predictions.forecasts(keep, sigmas, np.sqrt(reached), followed, seen.latent_power),
    )


def _put_in(record: SiteRecord, way: int) -> np.ndarray:
    """The error that a probe of a way puts in, none where the site has no ways: (steps, heads)."""
    return record.way[:, :, way] if record.way.shape[2] else np.zeros(record.way.shape[:2])


def _of_ways(record: SiteRecord, name: str, ways: int) -> np.ndarray:
    """Errors of a site, by way where it is those of ways: nothing is known of ways that a site does not have."""
    measured = getattr(record, name)
    if name == "reuse" or measured.shape[2] == ways:
        return measured
    return np.full((*measured.shape[:2], ways, *measured.shape[3:]), np.nan)


def _of_sites(by_head: list[np.ndarray]) -> np.ndarray:
    """Sums over each site's heads: a list of (steps, heads) -> (steps, sites)."""
    return np.stack([errors.sum(axis=1) for errors in by_head], axis=1)


def descending(positions) -> list[int]:
    """Steps whose position lies below every earlier one, which a plan's rows must."""
    keep: list[int] = []
    for step, position in enumerate(positions):
        if not keep or position < positions[keep[-1]] - 1e-6:
            keep.append(step)
    return keep
