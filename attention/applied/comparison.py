"""A sampling run as it was set up: named for the plan that is measured on it, and compared with a plan's own."""

from __future__ import annotations

from ...plans import ModelIdentity, Plan
from ...sentences import CALIBRATE_AGAIN, Sentence, say
from ..calibration.measurement import SamplerSettings
from ..hooks.noise import schedule_name
from ..hooks.run import SamplingRun

SAME_STEPS = 2.0  # times more or fewer steps that go without saying. Chosen by hand
_WHOLE = 0.99  # place in the noise schedule from which on a run counts as one from pure noise


def settings_of(run: SamplingRun) -> SamplerSettings:
    """What a plan says of the run that it was measured on. denoise: where in the noise schedule the run began."""
    start = run.positions[0]
    return SamplerSettings(
        name=run.record.sampler,
        scheduler=schedule_name(run.patcher.get_model_object("model_sampling"), (*run.sigmas, run.end)),
        steps=len(run.sigmas),
        cfg=run.guidance.cfg,
        denoise=1.0 if start >= _WHOLE else round(start, 3),
        seed=run.record.seed,
    )


def differences(plan: Plan, run: SamplingRun, sampled: ModelIdentity) -> list[Sentence]:
    """What a plan was calibrated with and a run does not have, a sentence each; the predicted error is of that."""
    measured, model, found = plan.measurement, plan.model, []
    if abs(measured.cfg - run.guidance.cfg) > 1e-6:
        ours, theirs = f"{measured.cfg:g}", f"{run.guidance.cfg:g}"
        found.append(say("Calibrated at CFG {measured}, sampled at CFG {sampled}.", measured=ours, sampled=theirs))
    if _sampler(measured.sampler) != _sampler(run.record.sampler):
        found.append(_with(measured.sampler, run.record.sampler))
    if run.grid and tuple(run.grid) != measured.grid:
        ours, theirs = _sides(measured.grid), _sides(run.grid)
        found.append(say("Calibrated at {measured} tokens, sampled at {sampled}.", measured=ours, sampled=theirs))
    ours, theirs = _references(one.grid for one in measured.references), _references(run.record.references)
    if run.grid and ours != theirs:
        found.append(_with(ours, theirs))
    steps = len(run.sigmas)
    if not 1 / SAME_STEPS <= steps / measured.steps <= SAME_STEPS:
        found.append(
            say("Calibrated with {measured} steps, sampled with {sampled}.", measured=measured.steps, sampled=steps)
        )
    if _mostly_outside(plan.positions, run.positions):
        found.append(
            say("Calibrated on another part of the noise schedule: set calibrate to 'again' to measure this one.")
        )
    if model.note != sampled.note:
        found.append(_with(model.note or say("no LoRA"), sampled.note or say("no LoRA")))
    return [difference.cured_by(CALIBRATE_AGAIN) for difference in found]


def _with(measured: str, sampled: str) -> Sentence:
    return say("Calibrated with {measured}, sampled with {sampled}.", measured=measured, sampled=sampled)


def _mostly_outside(measured: tuple[float, ...], sampled: list[float]) -> bool:
    """Whether most steps lie farther beyond the measured noise levels than these do from one another."""
    high, low = measured[0], measured[-1]
    gap = (high - low) / max(1, len(measured) - 1)
    return sum(not low - gap <= place <= high + gap for place in sampled) > len(sampled) / 2


def _sampler(name: str) -> str:
    return "euler" if name == "ddim" else name  # the host runs it as such


def _references(grids) -> str:
    """What reference pictures there are, in tokens."""
    sizes = ", ".join(sorted(map(_sides, grids)))
    return say("references of {sizes} tokens", sizes=sizes) if sizes else say("no reference pictures")


def _sides(grid) -> str:
    return " x ".join(map(str, grid))
