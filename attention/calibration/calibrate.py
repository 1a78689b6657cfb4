"""From what a user asks for to a plan: the methods of calibration to choose from, and the figures to show."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from ...plans import Plan, Refusal, letters
from ...plans.search import CUSTOM, FLOPS, INT8, LEVELS, MILLISECONDS, Solved
from ...sentences import say, together
from ..hooks.model import HostModel, NotCovered
from ..hooks.record import Stopwatch
from ..hooks.sampling import Setup, sample_once
from ..report.editor import send_text
from ..report.live import solved_into
from .asked import Budget, require_finite, sampled_model, settings_given
from .measurement import CalibrationError, Measured, SamplerSettings, solve
from .papers.search import V1, V2, search
from .progress import Meter, duration
from .runs import measure_runs
from .trajectory import Trajectory
from .verify import verify

log = logging.getLogger(__name__)

ONE_RUN = "one run"
METHODS = (ONE_RUN, V1, V2)
BY_FLOPS, BY_TIME = "FLOPs", "milliseconds (measured here)"
PRICES = {BY_FLOPS: FLOPS, BY_TIME: MILLISECONDS}

OFF = "off"
VERIFIABLE = (OFF, *(name for name, _ in LEVELS), CUSTOM)

_NO_MEASUREMENTS = Refusal(
    say(
        "The papers' methods decide while they sample and leave no measurements: set the linked "
        "DiTFastAttn Calibrate to the method 'one run'."
    )
)


@dataclass(frozen=True)
class Result:
    """A plan, what the next node may add to, and JSON-able figures.

    figures: seconds (of all sampling that the plan stands on), dense_seconds (of one dense run), ratio_to_dense_run,
    attention_share (of the FLOPs), ceiling (speed-up if attention cost nothing), plan_id, method, runs (of this node),
    resumed_runs (of these, not sampled again), measured_runs (of all nodes), gap (largest distance of a level from the
    best possible plan, as a fraction of the dense model's FLOPs, or of its milliseconds where they are the price; None
    for the papers' methods), notes, levels_ms (predicted milliseconds of attention in one model evaluation, for "dense"
    and each level; None where none were measured), verification (see `verify.Verification.figures`; None where none
    was asked for).
    """

    plan: Plan
    measurements: Measured | Refusal
    figures: dict


def calibrated(
    method: str,
    model_patcher,
    settings: SamplerSettings,
    setup: Setup,
    *,
    budget: Budget,
    runs: int,
    before: Measured | Refusal | None,
    check: str,
) -> Result | Refusal:
    """`plan_by` of what a node was given, or why there is no plan where no family covers the model.

    settings: of the node; what `setup` holds in their place goes before them. Raises CalibrationError when a setting is
    no number, and whatever else `plan_by` raises.
    """
    require_finite(settings, setup, budget)
    model_patcher = sampled_model(model_patcher, setup)
    try:
        return plan_by(
            method,
            model_patcher,
            settings_given(model_patcher, settings, setup),
            lambda patched, one, progress: sample_once(patched, one, setup, progress),
            inputs=setup.inputs,
            budget=budget,
            runs=runs,
            before=before,
            check=check,
            by_steps=setup.sigmas is None,
        )
    except NotCovered as error:
        log.warning("[DiTFastAttn] %s", error)
        send_text(str(error))
        return Refusal(str(error))


def plan_by(
    method: str,
    model_patcher,
    settings: SamplerSettings,
    sample: Callable,
    *,
    inputs: tuple = (),
    budget: Budget | None = None,
    runs: int = 1,
    before: Measured | Refusal | None = None,
    check: str = OFF,
    by_steps: bool = True,
) -> Result:
    """The plan of one of METHODS, with progress shown under the node that is being executed.

    sample(model, settings, progress) -> latent; inputs, runs, before: see `runs.measure_runs`. check: a level to
    verify with the first seed of this node, one of VERIFIABLE. by_steps: whether `sample` takes as many steps as its
    settings say. Raises NotCovered for a model that no family covers, CalibrationError when nothing can be measured, or
    when what is asked for does not go together.
    """
    budget, model = budget or Budget(), HostModel.of(model_patcher)
    if method == ONE_RUN:
        return _one_run(model, settings, sample, inputs, budget, runs, before, check, by_steps)
    if budget != Budget() or runs != 1 or before is not None or check != OFF:
        raise CalibrationError(
            say(
                "The papers' methods know no budget and only one prompt and seed, and their errors are "
                "measured already: with them, set runs to 1, keep_work, keep_attention and max_cache_mib "
                "to 0, price to FLOPs and verify to off, and leave measurements unconnected."
            )
        )
    progress = Meter()
    found = search(
        model,
        settings,
        lambda patched: sample(patched, settings, progress),
        method,
        inputs=inputs,
        progress=progress,
    )
    progress.finish(_sampled(found.runs, found.resumed))
    solved_into(found.plan, "", None, (_sampled(found.runs, found.resumed),))
    return Result(found.plan, _NO_MEASUREMENTS, _figures(found.plan, method, found.runs, found.resumed, 1))


def _one_run(
    model: HostModel, settings, sample, inputs, budget: Budget, runs: int, before, check: str, by_steps: bool
) -> Result:
    if isinstance(before, Refusal):
        raise CalibrationError(before.reason)
    if check != OFF and check not in (name for name, _ in budget.levels):
        raise CalibrationError(say("There is no level 'custom' to verify: set keep_work or keep_attention above 0."))
    progress, dense = Meter(), Trajectory()
    progress.reserve(0 if check == OFF else 1 + by_steps)

    def measured_sample(patched, one: SamplerSettings):
        if check == OFF or one != settings:
            return sample(patched, one, progress)
        return dense.sample(patched, lambda heard: sample(heard, one, progress))

    done = measure_runs(
        model,
        settings,
        measured_sample,
        runs=runs,
        inputs=inputs,
        before=before,
        progress=progress,
        timed=budget.price == MILLISECONDS,
    )
    stamp = done.measured.measurement
    progress.counted(stamp.attention_flops, stamp.other_flops)
    watch = Stopwatch()

    def solution(measured: Measured) -> Solved:
        limit = budget.max_cache_bytes or None
        return solve(measured, levels=budget.levels, max_cache_bytes=limit, price=budget.price)

    def fewer(steps: int):
        return lambda patched: sample(patched, replace(settings, steps=steps), progress)

    checked = None
    if check == OFF:
        solved = solution(done.measured)
    else:
        checked = verify(
            model,
            done.measured,
            solution,
            check,
            lambda patched: sample(patched, settings, progress),
            dense,
            progress,
            fewer if by_steps else None,
        )
        solved = _stamped(checked.solved, checked.seconds)
    gap = max(solved.gap.values())
    took = say(
        "Solved in {time}, at most {gap} of the work from the best possible plan.",
        time=duration(watch()),
        gap=f"{gap:.1%}",
    )
    text = together(_sampled(done.runs, done.resumed), took)
    if not done.measured.int8 and check == OFF:
        text = together(text, _on_a_gpu_with_int8(done.measured, solved))
    for line in (text, *solved.notes):
        log.info("[DiTFastAttn] %s", line)
    told = (text, *([checked.sentence] if checked else ()), *solved.notes)
    progress.finish("\n".join(told))
    solved_into(solved.plan, check if checked else "", checked and checked.error, told)
    figures = _figures(solved.plan, ONE_RUN, done.runs, done.resumed, done.measured.table.runs)
    verification = checked.figures if checked else None
    figures |= {"gap": gap, "notes": list(solved.notes), "levels_ms": solved.milliseconds, "verification": verification}
    return Result(solved.plan, done.measured, figures)


def _on_a_gpu_with_int8(measured: Measured, solved: Solved) -> str:
    """What the plan's middle level would be on a GPU that computes attention in INT8; nothing where that was not
    measured."""
    if not any(way.kind == INT8 for way in measured.table.ways):
        return ""
    name, goal = LEVELS[len(LEVELS) // 2]
    here = {level.name: level for level in solved.plan.levels}.get(name)
    there = solve(replace(measured, int8=True), levels=((name, goal),)).plan
    if here is None or not there.levels:
        return ""
    level = there.levels[0]
    paths = "".join(level.paths)
    eight = [number for number, way in enumerate(there.ways) if way.kind == INT8]
    rounded = sum(paths.count(letter(k)) for k in eight for letter in (letters.way_letter, letters.residual_letter))
    part = rounded / max(1, len(paths) - paths.count(chr(letters.REUSE)))
    return say(
        "On a GeForce GPU from RTX 30 on, level {level} would compute {part} of the heads that it computes in INT8 and "
        "take {there} of full attention's work instead of {here}.",
        level=name,
        part=f"{part:.0%}",
        there=f"{level.attention_flops_kept:.0%}",
        here=f"{here.attention_flops_kept:.0%}",
    )


def _stamped(solved: Solved, seconds: float) -> Solved:
    """The plan with the time that checking it took in what its calibration took."""
    stamp = solved.plan.measurement
    stamp = replace(stamp, seconds=stamp.seconds + seconds)
    return replace(solved, plan=replace(solved.plan, measurement=stamp))


def _sampled(runs: int, known: int) -> str:
    new = say("1 run sampled.") if runs - known == 1 else say("{count} runs sampled.", count=runs - known)
    return together(new, say("{count} known already.", count=known)) if known else new


def _figures(plan: Plan, method: str, runs: int, resumed: int, measured_runs: int) -> dict:
    stamp = plan.measurement
    whole = stamp.attention_flops + stamp.other_flops
    return {
        "seconds": stamp.seconds,
        "dense_seconds": stamp.dense_seconds,
        "ratio_to_dense_run": stamp.seconds / stamp.dense_seconds if stamp.dense_seconds else None,
        "attention_share": stamp.attention_flops / whole if whole else None,
        "ceiling": whole / stamp.other_flops if stamp.other_flops else None,
        "plan_id": plan.id,
        "method": method,
        "runs": runs,
        "resumed_runs": resumed,
        "measured_runs": measured_runs,
        "gap": None,
        "notes": [],
        "verification": None,
        "levels_ms": None,
    }
