"""What calibration says of forecasts: the predictions of a dense run, and errors that sampling confirms."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from plans_samples import course_of

from host import tiny

tiny.require_host()

from comfy.patcher_extension import WrappersMP  # noqa: E402

from ditfastattn.attention.calibration import predictions as module  # noqa: E402
from ditfastattn.attention.calibration.measurement import SamplerSettings, measure, solve  # noqa: E402
from ditfastattn.attention.calibration.predictions import Predictions  # noqa: E402
from ditfastattn.attention.calibration.propagation import reach  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.plans import Level  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.fidelity import relative_error  # noqa: E402

pytestmark = pytest.mark.host
STEPS = 12
SETTINGS = SamplerSettings("euler", "simple", STEPS, 4.0, 1.0, 7)


@pytest.fixture(scope="module")
def model():
    return tiny.make_model("sd3")


def sample(patched, settings=SETTINGS, **options):
    return tiny.sample(
        patched, "sd3", steps=settings.steps, sampler=settings.name, seed=settings.seed, cfg=settings.cfg,
        denoise=settings.denoise, **options,
    )  # fmt: skip


def measured_by(model, settings=SETTINGS):
    return measure(HostModel.of(model), settings, lambda patched: sample(patched, settings))


@pytest.fixture(scope="module")
def measured(model):
    return measured_by(model)


def test_products_of_predictions_are_those_of_the_run(model, measured):
    seen = []

    def predict(executor, x, timestep, *args, **kwargs):
        output = executor(x, timestep, *args, **kwargs)
        seen.append((float(timestep.flatten()[0]), output))
        return output

    clone = model.clone()
    clone.add_wrapper_with_key(WrappersMP.PREDICT_NOISE, "test", predict)
    sample(clone)
    p = torch.stack([output.reshape(-1) for _, output in seen]).double().numpy()
    forecasts = measured.table.forecasts
    assert np.allclose(forecasts.sigmas, [sigma for sigma, _ in seen])
    gram = p @ p.T / float(seen[-1][1].double().pow(2).sum())
    assert np.allclose(forecasts.gram, gram, rtol=1e-4, atol=1e-5 * np.abs(gram).max())


def test_values_left_out_of_a_large_latent_change_the_products_little(monkeypatch):
    generator, steps = torch.Generator().manual_seed(0), 5
    latents = torch.cumsum(torch.randn(steps, 1, 16, 40, 40, generator=generator), dim=0)
    found = []
    for most in (2**20, 4000):
        monkeypatch.setattr(module, "MOST_VALUES", most)
        predictions = Predictions()
        for step, latent in enumerate(latents):
            predictions.add(step, latent, latent)
        found.append(
            predictions.forecasts(
                range(steps), np.linspace(1, 0.2, steps), np.ones(steps), course_of(np.ones(steps)), 1.0
            ).gram
        )
        predictions.close()
    assert np.abs(found[0] - found[1]).max() < 0.1 * np.abs(found[0]).max()
    assert np.allclose(found[0][0, 0], float(latents[0].pow(2).mean()), rtol=1e-4)


def test_a_run_with_unknown_steps_or_levels_that_rise_has_no_forecasts():
    predictions = Predictions()
    for step in (0, 2):
        predictions.add(step, torch.ones(4), torch.ones(4))
    sigmas, reach = np.array([1.0, 0.6, 0.3]), np.ones(3)
    assert predictions.forecasts([0, 1, 2], sigmas, reach, course_of(reach), 1.0) is None
    assert predictions.forecasts([0, 2], sigmas, reach, course_of(reach[:2]), 1.0) is not None
    assert predictions.forecasts([0, 2], sigmas[::-1], reach, course_of(reach[:2]), 1.0) is None


MARKS = ("111111110111", "111110101111", "111101010101", "111011011011", "110110100101")


@pytest.mark.parametrize("marks", MARKS)
def test_sampled_errors_of_patterns_are_those_predicted(model, measured, marks):
    """Within 1/3 to 1.5 of the prediction on a model of random weights, in which a deviation of the latent does not
    grow as it does in one that sees a picture in it.
    """
    pattern = measured.table.forecasts.pattern(np.array([mark == "1" for mark in marks]))
    plan = solve(measured).plan
    path = "".join("f" if mark == "1" else "r" for mark in marks)
    level = Level(
        "D1", (path,) * plan.model.heads, ("0" * STEPS,) * len(plan.model.sites), 0.1, 0.5, 0.5, 0, (), marks,
        tuple(pattern.slopes), tuple(pattern.corrections),
    )  # fmt: skip
    patched = apply_plan(model, replace(plan, levels=(level,)), "D1", strict=True)
    error = relative_error(sample(patched).numpy(), sample(model).numpy())
    assert sum(step.forecast for step in attached(patched).runs.latest().steps) == marks.count("0")
    assert 1 / 3 < error / pattern.squared_error**0.5 < 1.5


def test_levels_forecast_steps_and_keep_what_they_say(model, measured):
    plan = solve(measured).plan
    used = [level for level in plan.levels if level.evaluated]
    assert used
    for level in (used[0], used[-1]):
        patched = apply_plan(model, plan, level.name, strict=True)
        sample(patched)
        record = attached(patched).runs.latest()
        dense, kept = record.attention_flops()
        assert kept / dense == pytest.approx(level.attention_flops_kept, rel=0.04)
        assert record.forecast_items / record.batch_items == pytest.approx(level.evaluated.count("0") / STEPS)


@pytest.mark.parametrize("sampler", ["heun", "dpmpp_2m", "euler_ancestral"])
def test_every_sampler_is_measured(model, sampler):
    measured = measured_by(model, replace(SETTINGS, name=sampler, steps=6))
    assert measured.table.forecasts.rows == 6 and len(measured.table.forecasts.patterns) > 1


def shares_seen(model, sampler):
    """Noise levels of a run, and the shares that it shows."""
    predictions, sigmas, step = Predictions(), [], iter(range(STEPS))

    def predict(executor, x, timestep, *args, **kwargs):
        output = executor(x, timestep, *args, **kwargs)
        sigmas.append(float(timestep.flatten()[0]))
        predictions.add(next(step), x, output)
        return output

    clone = model.clone()
    clone.add_wrapper_with_key(WrappersMP.PREDICT_NOISE, "test", predict)
    sample(clone, replace(SETTINGS, name=sampler))
    return np.array(sigmas), predictions.shares(np.array(sigmas))


def test_shares_that_a_run_shows_are_those_of_euler_and_larger_where_noise_is_added(model):
    """euler_ancestral goes from sigma to sigma'^2 / sigma and adds noise: nearly twice the share of a small step."""
    sigmas, euler = shares_seen(model, "euler")
    following = np.append(sigmas[1:], 0.0)
    assert np.allclose(euler[:, 0], 1 - following / sigmas, rtol=1e-3) and not euler[:, 1:].any()
    ancestral = shares_seen(model, "euler_ancestral")[1]
    down = following**2 / sigmas
    expected = (1 - down / sigmas) * (1 - following) / (1 - down)
    assert np.allclose(ancestral[:-1, 0], expected[:-1], rtol=0.3) and not ancestral[:, 1:].any()
    assert ancestral[-1, 0] == 1


def test_shares_of_a_multi_step_sampler_are_those_of_its_formula(model):
    """dpmpp_2m goes by (1 + 1 / 2r) of the newest prediction and -1 / 2r of the one before."""
    sigmas, shares = shares_seen(model, "dpmpp_2m")
    h = np.log(sigmas[:-1] / sigmas[1:])
    expected = np.zeros_like(shares)
    expected[0, 0] = 1 - sigmas[1] / sigmas[0]
    for step in range(1, STEPS - 1):
        part, r = 1 - sigmas[step + 1] / sigmas[step], h[step - 1] / h[step]
        expected[step, :2] = part * (1 + 1 / (2 * r)), -part / (2 * r)
    assert np.allclose(shares[1:-1, :2], expected[1:-1, :2], rtol=0.02, atol=1e-3)
    assert np.abs(shares[:-1, 2]).max() < 1e-3


@pytest.mark.parametrize(("sampler", "terms"), [("res_multistep", 2), ("uni_pc", 4)])
def test_shares_of_other_multi_step_samplers_go_back_as_far_as_their_formulas(model, sampler, terms):
    shares = np.abs(shares_seen(model, sampler)[1][4:-2])
    assert (shares[:, :terms].min(axis=0) > 1e-3).all() and not shares[:, terms:].any()


def test_what_multi_step_samplers_take_back_does_not_reach_the_latent():
    """Two steps of which the second takes back a half of what the first took, in a latent of constant size."""
    shares = np.array([[0.4, 0.0, 0.0], [1.2, -0.2, 0.0]])
    found = reach(shares, np.ones(3), np.ones(3))
    constant = reach(np.array([[0.2, 0.0, 0.0], [1.2, 0.0, 0.0]]), np.ones(3), np.ones(3))
    assert np.allclose(found, constant)
