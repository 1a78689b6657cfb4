"""Calibrate samples as the user does: with a guider, a sampler and noise levels in place of its settings."""

import math

import pytest
import torch

from host import tiny

tiny.require_host()

import comfy.samplers  # noqa: E402
import comfy_extras.nodes_custom_sampler as custom  # noqa: E402

from ditfastattn.attention.calibration.guidance import Guidance  # noqa: E402
from ditfastattn.attention.calibration.measurement import CalibrationError  # noqa: E402
from ditfastattn.attention.calibration.predictions import Predictions  # noqa: E402
from ditfastattn.attention.calibration.store import STORE  # noqa: E402
from ditfastattn.attention.hooks.guidance import GuidanceKind  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import install  # noqa: E402
from ditfastattn.attention.hooks.processor import Processor  # noqa: E402
from ditfastattn.attention.hooks.record import RunLog  # noqa: E402
from ditfastattn.nodes import Calibrate  # noqa: E402
from ditfastattn.plans import Refusal  # noqa: E402
from host.applying import apply_plan  # noqa: E402

pytestmark = pytest.mark.host
STEPS = 5
LEVELS = torch.tensor([1.0, 0.85, 0.7, 0.5, 0.2, 0.0])


@pytest.fixture(autouse=True)
def nothing_known():
    STORE.clear()
    yield
    STORE.clear()


def prompts(count):
    return [tiny.conditioning("sd3", number) for number in range(1, count + 1)]


def calibrate(model, **changed):
    given = {
        "seed": 7,
        "steps": STEPS,
        "cfg": 4.0,
        "sampler_name": "euler",
        "scheduler": "simple",
        "positive": prompts(1)[0],
        "negative": prompts(2)[1],
        "latent_image": {"samples": tiny.latent("sd3")},
        **changed,
    }
    with torch.inference_mode():
        return Calibrate.execute(model, **given)


def test_a_guider_a_sampler_and_sigmas_take_the_place_of_the_settings():
    model = tiny.shared_model("sd3")
    guider = custom.CFGGuider.execute(model, *prompts(2), 2.5).args[0]
    done = calibrate(
        model,
        positive=None,
        negative=None,
        guider=guider,
        sampler=comfy.samplers.sampler_object("heun"),
        sigmas=LEVELS,
    )
    measured = done.args[0].measurement
    assert (measured.cfg, measured.sampler, measured.steps) == (2.5, "heun", 5)
    assert measured.scheduler.startswith("custom ") and len(done.args[0].positions) == 5
    assert guider.model_patcher is model and not model.object_patches


def test_the_same_settings_as_objects_give_the_same_plan():
    model = tiny.shared_model("sd3")
    plain = calibrate(model).args[0]
    sampling = model.get_model_object("model_sampling")
    guider = custom.CFGGuider.execute(model, *prompts(2), 4.0).args[0]
    sampler, sigmas = comfy.samplers.sampler_object("euler"), comfy.samplers.calculate_sigmas(sampling, "simple", STEPS)
    plan = calibrate(model, cfg=1.0, guider=guider, sampler=sampler, sigmas=sigmas).args[0]
    assert (plan.levels, plan.measurement.scheduler) == (plain.levels, "simple")


@pytest.mark.parametrize("guided", ["guider", "sigmas"])
def test_another_guider_or_other_sigmas_are_measured_anew(guided, monkeypatch):
    from ditfastattn.attention.calibration import runs

    model, measured = tiny.shared_model("sd3"), []
    original = runs.measure
    monkeypatch.setattr(runs, "measure", lambda *args, **extra: measured.append(1) or original(*args, **extra))
    for change in (0.0, 0.0, 0.5):
        if guided == "guider":
            given = {"guider": custom.DualCFGGuider.execute(model, *prompts(3), 3.0 + change, 2.0, "regular").args[0]}
        else:
            given = {"sigmas": LEVELS * (1 - 0.1 * change)}
        calibrate(model, **given)
    assert len(measured) == 2


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("cfg", math.nan, "cfg must be finite, not nan"),
        ("cfg", math.inf, "cfg must be finite, not inf"),
        ("denoise", math.nan, "denoise must be finite, not nan"),
        ("keep_attention", math.nan, "keep_attention must be finite, not nan"),
        ("keep_work", math.inf, "keep_work must be finite, not inf"),
        ("sigmas", torch.tensor([1.0, math.nan, 0.0]), "sigmas must be finite, not nan"),
        ("sigmas", torch.tensor([1.0]), "sigmas holds no step"),
        ("positive", None, "connect positive and negative, or a guider"),
    ],
)
def test_settings_that_cannot_be_sampled_are_named(setting, value, sentence):
    with pytest.raises(CalibrationError, match=sentence):
        calibrate(tiny.shared_model("sd3"), **{setting: value})


def test_a_model_whose_output_is_not_finite_is_named():
    model = tiny.make_model("sd3")
    with torch.no_grad():
        model.model.diffusion_model.final_layer.linear.bias.fill_(math.nan)
    with pytest.raises(CalibrationError, match="not finite .* at step 1 of 5"):
        calibrate(model)


def weighed_keys(model):
    """Guides of LTX-Video that count less than in full are keys with a weight of their own: a mask that hides none."""

    def weighed(func, q, k, v, heads, **given):
        tokens = k.shape[2 if given.get("skip_reshape") else 1]
        mask = torch.linspace(-1, 0, tokens)[None, None].expand(1, tokens, tokens)
        return below(func, q, k, v, heads, **{**given, "mask": mask})

    def put(executor, *args, **given):
        """Above the pack's own override, as a model that masks its attention is."""
        nonlocal below
        options = args[5]
        below = options.get("optimized_attention_override", lambda func, *call, **more: func(*call, **more))
        options["optimized_attention_override"] = weighed
        return executor(*args, **given)

    below, model = None, model.clone()
    model.add_wrapper_with_key("apply_model", "weighed", put)
    return model


def test_where_a_model_masks_all_of_its_attention_steps_are_forecast_and_nothing_else():
    model, steps = weighed_keys(tiny.shared_model("sd3")), 10
    dense = tiny.sample(model, "sd3", steps=steps)
    plan = calibrate(model, steps=steps).args[0]
    for level in plan.levels:
        expected = (level.evaluated or "1" * steps).replace("1", "f").replace("0", "r")
        assert set(level.paths) == {expected}
    level = plan.level("D6")
    assert 0 < level.evaluated.count("1") < steps and level.model_flops_kept < 1
    made = tiny.sample(apply_plan(model, plan, "D6", strict=True), "sd3", steps=steps)
    assert 0 < float((made - dense).norm() / dense.norm()) < 1.5 * level.predicted_error


def test_what_kept_attention_from_being_compressed_is_named_where_no_step_can_be_forecast(monkeypatch):
    monkeypatch.setattr(Predictions, "forecasts", lambda *args: None)
    with pytest.raises(CalibrationError, match="since the model masks its attention: nothing was measured"):
        calibrate(weighed_keys(tiny.shared_model("sd3")))


def test_a_model_that_is_not_covered_gets_a_plan_that_says_so():
    done = calibrate(tiny.shared_model("sd15"))
    assert isinstance(done.args[0], Refusal) and isinstance(done.args[1], Refusal)
    assert "SD15 is not a model that DiTFastAttn covers" in done.ui["ditfastattn_refused"][0]


class Combining(Processor):
    """Notes how the branches of every evaluation are combined."""

    def __init__(self, run, kind=None):
        self.guidance, self.parts, self.found = Guidance(kind or run.guidance), set(), []

    def predicted(self, number, outputs):
        self.parts |= {(number, index) for index in range(len(outputs))}
        self.guidance.add(number, outputs)

    def evaluate(self, predict, x, sigma):
        self.guidance.begin()
        output = predict()
        self.found.append(self.guidance.weights(sorted(self.parts), output))
        return output


def combined(make):
    made = []

    def processor(run):
        made.append(Combining(run))
        return made[-1]

    patched = install(HostModel.of(tiny.shared_model("sd3")), processor, RunLog())
    latent = {"samples": tiny.latent("sd3")}
    with torch.inference_mode():
        custom.SamplerCustomAdvanced.execute(
            custom.Noise_RandomNoise(3), make(patched), comfy.samplers.sampler_object("euler"), LEVELS, latent
        )
    return made[0].found


@pytest.mark.parametrize(
    ("style", "expected"),
    [("regular", [1 - 2, 2 - 3, 3]), ("nested", [1 - 2, 2 * (1 - 3), 2 * 3])],
)
def test_three_conditionings_are_combined_as_the_dual_guider_does_whose_first_is_the_negative(style, expected):
    found = combined(lambda model: custom.DualCFGGuider.execute(model, *prompts(3), 3.0, 2.0, style).args[0])
    for weights in found:
        assert list(weights.values()) == pytest.approx(expected, abs=1e-3)


def test_a_scale_that_another_node_changes_on_the_way_is_seen():
    def make(model):
        override = custom.CFGOverride.execute(model, 1.5, 0.0, 1.0).args[0]
        return custom.CFGGuider.execute(override, *prompts(2), 4.0).args[0]

    for weights in combined(make):
        assert list(weights.values()) == pytest.approx([1.5, -0.5], abs=1e-3)


def test_two_models_of_a_guider_are_two_passes_with_the_weights_of_both():
    def make(model):
        other = tiny.make_model("sd3", seed=5)
        return custom.DualModelGuider.execute(model, prompts(1)[0], 4.0, other, prompts(2)[1]).args[0]

    for weights in combined(make):
        assert list(weights.values()) == pytest.approx([4.0, -3.0], abs=1e-3)


def test_the_hosts_own_two_branches_have_their_scale_exactly():
    guidance = Guidance(GuidanceKind(4.0, True, True))
    assert guidance.weights([(0, 0), (0, 1)], torch.zeros(1)) == {(0, 0): 4.0, (0, 1): -3.0}


def test_nothing_is_shared_between_branches_that_are_not_the_usual_two():
    model = tiny.shared_model("sd3")
    guider = custom.DualCFGGuider.execute(model, *prompts(3), 3.0, 2.0, "regular").args[0]
    plan = calibrate(model, guider=guider, sigmas=LEVELS).args[0]
    assert not any("1" in bits for level in plan.levels for bits in level.share)


def test_a_run_that_ends_above_zero_counts_of_its_last_prediction_what_the_sampler_takes():
    """The part of a run that is cut off changes nothing of what is known of the steps before it."""
    from ditfastattn.attention.calibration import measurement

    model, tables = tiny.shared_model("sd3"), []
    original = measurement._table

    def kept(seen, sites):
        tables.append(original(seen, sites))
        return tables[-1]

    measurement._table = kept
    try:
        calibrate(model, sigmas=LEVELS)
        calibrate(model, sigmas=LEVELS[:4])
    finally:
        measurement._table = original
    whole, cut = (table.forecasts.reach for table in tables)
    assert cut[:2] == pytest.approx(whole[:2], rel=1e-6)
    # The whole run's share of the last step before the cut was read off its latents, to the same end.
    assert cut[2] == pytest.approx(whole[2], rel=1e-3)
