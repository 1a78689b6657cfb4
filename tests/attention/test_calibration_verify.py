"""Verification: a level sampled with the measured seed, compared with the dense run, and corrected where it is off."""

import json
from dataclasses import replace

import pytest
import torch

from host import tiny

tiny.require_host()

import comfy.model_management  # noqa: E402

from ditfastattn.attention.calibration import verify as module  # noqa: E402
from ditfastattn.attention.calibration.calibrate import V2, plan_by  # noqa: E402
from ditfastattn.attention.calibration.measurement import CalibrationError, SamplerSettings, measure, solve  # noqa: E402
from ditfastattn.attention.calibration.progress import Meter  # noqa: E402
from ditfastattn.attention.calibration.store import STORE  # noqa: E402
from ditfastattn.attention.calibration.trajectory import Trajectory  # noqa: E402
from ditfastattn.attention.calibration.verify import FACTOR, RETRIES, verify  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.plans.search import CUSTOM  # noqa: E402
from host.applying import apply_plan  # noqa: E402

pytestmark = pytest.mark.host
STEPS = 12
SETTINGS = SamplerSettings("euler", "simple", STEPS, 4.0, 1.0, 7)
PROMPT, LATENT = tiny.conditioning("sd3", 1), {"samples": tiny.latent("sd3")}


class Sampler:
    """Samples the tiny SD3, counts its runs, and may press Cancel at a run and step."""

    def __init__(self, cancel_at=None):
        self.runs, self._cancel_at = 0, cancel_at

    def __call__(self, patched, settings=SETTINGS, meter=None):
        self.runs += 1

        def callback(step, x0, x, total):
            if (self.runs, step) == self._cancel_at:
                raise comfy.model_management.InterruptProcessingException()
            if meter is not None:
                meter.sampled(step + 1, total)

        return tiny.sample(
            patched,
            "sd3",
            steps=settings.steps,
            seed=settings.seed,
            sampler=settings.name,
            positive=PROMPT,
            callback=callback,
        )


@pytest.fixture(scope="module")
def model():
    return tiny.make_model("sd3")


@pytest.fixture(scope="module")
def seen(model):
    """What measuring showed, and the dense run's latents."""
    dense, sampler = Trajectory(), Sampler()
    with torch.inference_mode():
        measured = measure(HostModel.of(model), SETTINGS, lambda patched: dense.sample(patched, sampler))
    return measured, dense


@pytest.fixture
def empty_store():
    STORE.clear()
    yield
    STORE.clear()


def checked(model, measured, dense, level="D3", sampler=None, solved=solve):
    with torch.inference_mode():
        return verify(HostModel.of(model), measured, solved, level, sampler or Sampler(), dense)


def planned(model, sampler, check, **extra):
    with torch.inference_mode():
        return plan_by("one run", model, SETTINGS, sampler, inputs=(PROMPT, LATENT), check=check, **extra)


def never_satisfied(monkeypatch):
    """Every prediction counts as missed, whatever is sampled."""
    monkeypatch.setattr(module, "FACTOR", 0.0)


def test_the_error_is_the_one_of_sampling_by_hand(model, seen, monkeypatch):
    monkeypatch.setattr(module, "RETRIES", 0)
    measured, dense = seen
    states = []

    def by_hand(patched):
        latents = []
        final = tiny.sample(
            patched, "sd3", steps=STEPS, positive=PROMPT, callback=lambda step, x0, x, total: latents.append(x.clone())
        )
        states.append((*latents, final))

    found = checked(model, measured, dense)
    (attempt,) = found.attempts
    by_hand(model)
    by_hand(apply_plan(model, solve(measured).plan, "D3", strict=True))
    errors = [float((one - exact).norm() / exact.norm()) for exact, one in zip(*states, strict=True)]
    assert attempt.error == pytest.approx(errors[-1], rel=1e-3) and attempt.error > 0.001
    evaluated = solve(measured).plan.evaluated("D3").nonzero()[0].tolist()  # nobody hears of a forecast
    assert list(attempt.step_errors) == evaluated and attempt.step_errors[0] == 0
    expected = [errors[step] for step in evaluated]
    assert list(attempt.step_errors.values()) == pytest.approx(expected, rel=1e-2, abs=1e-5)
    exact, one = (final for *_, final in states)
    decibels = 10 * torch.log10((exact.max() - exact.min()) ** 2 / (one - exact).square().mean())
    assert attempt.psnr_db == pytest.approx(float(decibels), abs=0.05)
    assert attempt.predicted == solve(measured).plan.level("D3").predicted_error


@pytest.mark.parametrize(("factor", "level"), [(1 / 100, "D2"), (9, "D6")])
def test_a_table_that_is_off_is_corrected_until_the_level_errs_as_it_predicts(model, seen, factor, level):
    measured, dense = seen
    found = checked(model, measured.scaled(factor), dense, level)
    assert len(found.attempts) > 1 and found.met
    first, last = found.attempts[0], found.attempts[-1]
    assert first.error / first.predicted > FACTOR if factor < 1 else first.error / first.predicted < 1 / FACTOR
    assert (found.correction > 1) == (factor < 1)
    corrected = solve(measured.scaled(factor).scaled(found.correction**2)).plan
    assert corrected.levels == found.solved.plan.levels
    assert last.error <= FACTOR * found.solved.plan.level(level).predicted_error


def test_there_are_no_more_attempts_than_are_allowed(model, seen, monkeypatch):
    measured, dense = seen
    never_satisfied(monkeypatch)
    monkeypatch.setattr(module, "_same", lambda *args: False)
    sampler = Sampler()
    found = checked(model, measured, dense, sampler=sampler)
    assert sampler.runs == len(found.attempts) == 1 + RETRIES and not found.met
    assert "prediction is not met" in found.sentence and not found.figures["met"]


def test_a_level_that_comes_out_the_same_is_not_sampled_again(model, seen):
    """The strongest plan that there is stays so, whatever its errors are corrected to."""
    measured, dense = seen
    sampler = Sampler()
    found = checked(
        model, measured.scaled(0.01), dense, "D1", sampler, lambda one: solve(one, levels=(("D1", 1000.0),))
    )
    assert sampler.runs == 1 and found.met and found.correction > FACTOR
    assert found.predicted == pytest.approx(found.error, rel=1e-3)


def test_a_run_that_computed_more_than_planned_does_not_make_the_plan_stronger(model, seen, monkeypatch):
    measured, dense = seen
    sampler = Sampler()
    monkeypatch.setattr("ditfastattn.attention.replay.apply.AUTOMATIC_CACHE_SHARE", 0.0)
    found = checked(model, measured.scaled(9), dense, "D6", sampler)
    assert sampler.runs == 1 and found.correction == 1 and "cache budget" in found.figures["attempts"][0]["notes"][0]


@pytest.mark.parametrize("name", ["heun", "dpmpp_2s_ancestral"])
def test_latents_are_kept_once_a_step_whatever_the_sampler(model, name):
    dense = Trajectory()
    sampler = Sampler()
    with torch.inference_mode():
        dense.sample(model, lambda patched: sampler(patched, replace(SETTINGS, name=name)))
    assert sorted(dense.steps) == list(range(STEPS)) and dense.final is not None
    assert all(latent.device.type == "cpu" and latent.dtype == torch.float32 for latent in dense.steps.values())


def test_latents_of_a_run_stay_within_their_limit(model, monkeypatch):
    each = LATENT["samples"].numel() * 4
    monkeypatch.setattr("ditfastattn.attention.calibration.trajectory.MOST_BYTES", 2 * each)
    dense = Trajectory()
    with torch.inference_mode():
        dense.sample(model, Sampler())
    assert sorted(dense.steps) == [0, STEPS // 2]


def test_the_outcome_is_in_the_figures_and_the_plan_is_the_corrected_one(model, empty_store, caplog):
    caplog.set_level("INFO")
    result = planned(model, Sampler(), "D3")
    figures = result.figures["verification"]
    assert json.loads(json.dumps(figures)) == figures and figures["level"] == "D3"
    assert figures["predicted_error"] == result.plan.level("D3").predicted_error and figures["factor"] == FACTOR
    heard = [step for step, _ in figures["attempts"][0]["step_errors"]]
    assert heard[0] == 0 and heard == sorted(set(heard)) and len(heard) > 2
    assert result.plan.measurement.seconds > result.measurements.seconds + figures["seconds"] / 2
    assert sum("D3 checked: relative error" in record.message for record in caplog.records) == 1


def test_the_level_is_compared_with_as_many_steps_as_its_work_takes(model, empty_store, caplog):
    caplog.set_level("INFO")
    result = planned(model, Sampler(), "D6")
    fewer = result.figures["verification"]["fewer_steps"]
    kept = result.plan.level("D6").model_flops_kept
    assert fewer["of"] == STEPS and abs(fewer["steps"] - kept * STEPS) <= 0.5 and fewer["steps"] < STEPS
    with torch.inference_mode():
        one, dense = (Sampler()(model, replace(SETTINGS, steps=steps)) for steps in (fewer["steps"], STEPS))
    assert fewer["latent_relative_error"] == pytest.approx(float((one - dense).norm() / dense.norm()), rel=1e-3)
    told = f"{fewer['steps']} of {STEPS} steps, the same work, err by {fewer['latent_relative_error']:.3f}."
    assert any(told in record.message for record in caplog.records)


def test_noise_levels_of_the_users_own_are_not_compared_with_fewer_steps(model, empty_store):
    sampler = Sampler()
    verification = planned(model, sampler, "D6", by_steps=False).figures["verification"]
    assert verification["fewer_steps"] is None and sampler.runs == 1 + len(verification["attempts"])


def test_without_verification_nothing_more_is_sampled(model, empty_store):
    sampler = Sampler()
    result = planned(model, sampler, "off")
    assert sampler.runs == 1 and result.figures["verification"] is None


def test_the_dense_latents_come_from_the_measuring_run_or_from_one_more(model, empty_store):
    first, again = Sampler(), Sampler()
    results = [planned(model, sampler, "D3") for sampler in (first, again)]
    attempts = [len(result.figures["verification"]["attempts"]) for result in results]
    assert (first.runs, again.runs) == (2 + attempts[0], 2 + attempts[1]) and results[1].figures["resumed_runs"] == 1
    errors = [result.figures["verification"]["attempts"][0]["latent_relative_error"] for result in results]
    assert errors[0] == pytest.approx(errors[1], rel=1e-2)


def test_cancel_while_a_level_is_checked_leaves_the_measurement_and_nothing_on_the_model(model, empty_store):
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        planned(model, Sampler(cancel_at=(2, 2)), "D3")
    assert attached(model) is None and not model.object_patches and not model.wrappers and len(STORE) == 1
    sampler = Sampler()
    assert planned(model, sampler, "off").figures["resumed_runs"] == 1 and sampler.runs == 0


def test_what_cannot_be_verified_is_refused_before_sampling(model):
    sampler = Sampler()
    with pytest.raises(CalibrationError, match="set keep_work or keep_attention above 0"):
        planned(model, sampler, CUSTOM)
    with pytest.raises(CalibrationError, match="verify to off"):
        plan_by(V2, model, SETTINGS, sampler, check="D3")
    assert sampler.runs == 0


def test_the_progress_says_what_is_checked_and_its_bar_never_goes_back(model, seen, monkeypatch):
    bars, texts = [], []

    def update(self, value, total=None, preview=None):
        bars.append(value / total)

    monkeypatch.setattr("comfy.utils.ProgressBar.update_absolute", update)
    monkeypatch.setattr("ditfastattn.attention.calibration.progress.TEXT_INTERVAL", 0.0)
    monkeypatch.setattr(module, "_same", lambda *args: False)
    never_satisfied(monkeypatch)
    meter, measured = Meter(say=texts.append), seen[0]
    sampler = Sampler()
    with torch.inference_mode():
        verify(
            HostModel.of(model),
            measured,
            solve,
            "D3",
            lambda patched: sampler(patched, meter=meter),
            Trajectory(),
            meter,
        )
    assert bars == sorted(bars) and bars[0] < 0.3
    assert texts[0].startswith("sampling with full attention again, to check D3")
    assert any(text.startswith("checking D3, attempt 1, step 3 of 12") for text in texts)
    assert any(text.startswith(f"checking D3, attempt {1 + RETRIES}") for text in texts)
