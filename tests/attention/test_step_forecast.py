"""Steps at which the whole model is forecast: exact arithmetic, right with every sampler, counted, and nothing left."""

import pytest
import torch

from host import tiny

tiny.require_host()

import comfy.model_management  # noqa: E402
import comfy.sample  # noqa: E402
from comfy.patcher_extension import WrappersMP  # noqa: E402

from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.attention.replay.forecast import KEPT_LATENTS  # noqa: E402
from ditfastattn.attention.report.statistics import statistics  # noqa: E402
from ditfastattn.attention.report.text import text_report  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import hand_plan  # noqa: E402

pytestmark = pytest.mark.host
STEPS, MARKS = 8, "11101011"
SLOPES = (0.0, 0.0, 0.0, 0.8, -0.2, 1.1, 0.15, 0.0)
CORRECTIONS = (0.0, 0.0, 0.0, 0.0, 0.45, 0.0, 0.3, 0.0)
STRAIGHT = (0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0)  # lines as they are, and nothing made up for
FULL_PATH = "fffrfrff"
CORE = ("sd3", "flux", "pixart_sigma", "wan21_t2v")


def forecasting(model, family="sd3", paths=FULL_PATH, marks=MARKS, slopes=SLOPES, corrections=CORRECTIONS, **options):
    plan = hand_plan(model, family, paths, evaluated=marks, slopes=slopes, corrections=corrections)
    return apply_plan(model, plan, "D1", strict=True, **options)


def counted(model):
    """A clone that counts the forwards of the model, and the list of noise levels at which it was."""
    seen = []

    def forward(executor, x, timestep, *args, **kwargs):
        seen.append(float(timestep.flatten()[0]))
        return executor(x, timestep, *args, **kwargs)

    clone = model.clone()
    clone.add_wrapper_with_key(WrappersMP.APPLY_MODEL, "test", forward)
    return clone, seen


def reference(model, marks=MARKS, slopes=SLOPES, corrections=CORRECTIONS):
    """A clone whose evaluations are forecast by their count, in float64: for samplers with one evaluation a step."""
    history, clone = [], model.clone()
    state = {"step": 0}

    def predict(executor, x, timestep, *args, **kwargs):
        step, sigma = state["step"], float(timestep.flatten()[0])
        state["step"] += 1

        def line():
            if len(history) == 1:
                return 0.0
            (s0, p0), (s1, p1) = history[-2:]
            return (p1 - p0) * (sigma - s1) / (s1 - s0)

        if marks[step] == "0":
            return (history[-1][1] + slopes[step] * line()).to(x.dtype)
        output = executor(x, timestep, *args, **kwargs)
        prediction = output.double()
        if corrections[step] or slopes[step]:
            made_up = corrections[step] * (prediction - history[-1][1]) + slopes[step] * line()
            output = (prediction + made_up).to(x.dtype)
        history.append((sigma, prediction))
        return output

    clone.add_wrapper_with_key(WrappersMP.PREDICT_NOISE, "test", predict)
    return clone


def relative(a, b):
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize(
    ("family", "sampler"),
    [*((family, "euler") for family in CORE), *(("sd3", sampler) for sampler in ("dpmpp_2m", "lcm", "res_multistep"))],
)
def test_forecasts_go_a_part_of_the_line_through_the_last_two_evaluations(family, sampler):
    model = tiny.shared_model(family)
    expected = tiny.sample(reference(model), family, steps=STEPS, sampler=sampler)
    output = tiny.sample(forecasting(model, family), family, steps=STEPS, sampler=sampler)
    assert relative(output, expected) < 2e-5
    assert relative(output, tiny.sample(model, family, steps=STEPS, sampler=sampler)) > 1e-4


def test_a_forecast_after_one_evaluation_repeats_it():
    model = tiny.shared_model("sd3")
    numbers = ("10101111", (0.0, 0.0, 0.0, 0.9, -0.3, 0.0, 0.0, 0.0), (0.0, 0.0, 0.35, 0.0, 0.6, 0.0, 0.0, 0.0))
    clone, seen = counted(model)
    patched = forecasting(clone, "sd3", "frfrffff", *numbers)
    output = tiny.sample(patched, "sd3", steps=STEPS)
    assert relative(output, tiny.sample(reference(model, *numbers), "sd3", steps=STEPS)) < 2e-5
    assert len(set(seen)) == 6


@pytest.mark.parametrize("options", [{"cfg": 1.0}, {"batch": 2}, {"split": True}, {"denoise": 0.999}], ids=str)
def test_forecasts_are_right_for_every_kind_of_run(options):
    model = tiny.shared_model("sd3")
    expected = tiny.sample(reference(model), "sd3", steps=STEPS, **options)
    clone, seen = counted(model)
    output = tiny.sample(forecasting(clone), "sd3", steps=STEPS, **options)
    assert relative(output, expected) < 2e-5
    assert len(set(seen)) == MARKS.count("1")


@pytest.mark.parametrize("family", CORE)
def test_a_level_that_evaluates_everything_gives_the_bits_of_the_model(family):
    model = tiny.shared_model(family)
    patched = forecasting(model, family, "f" * STEPS, "", (), ())
    assert torch.equal(tiny.sample(patched, family, steps=STEPS), tiny.sample(model, family, steps=STEPS))


def test_steps_before_the_first_forecast_have_the_bits_of_the_model():
    model, latents = tiny.shared_model("sd3"), {}

    def keep(name):
        return lambda step, x0, x, total: latents.setdefault(name, []).append((x0.clone(), x.clone()))

    tiny.sample(model, "sd3", steps=STEPS, callback=keep("dense"))
    tiny.sample(forecasting(model), "sd3", steps=STEPS, callback=keep("plan"))
    assert len(latents["plan"]) == STEPS  # previews go on at forecast steps
    for step in range(3):
        assert all(torch.equal(a, b) for a, b in zip(latents["dense"][step], latents["plan"][step], strict=True))
    assert not torch.equal(latents["dense"][3][0], latents["plan"][3][0])


@pytest.mark.parametrize("sampler", ["heun", "dpm_2", "dpmpp_2s_ancestral", "dpmpp_sde", "uni_pc", "euler_ancestral"])
def test_a_forecast_knows_its_noise_level_and_not_its_count(sampler):
    """Samplers that evaluate the model twice a step, or between the steps, leave out those at forecast levels."""
    model = tiny.shared_model("sd3")
    dense = tiny.sample(model, "sd3", steps=STEPS, sampler=sampler)
    plain, all_levels = counted(model)
    tiny.sample(plain, "sd3", steps=STEPS, sampler=sampler)
    clone, seen = counted(model)
    patched = forecasting(clone)
    output = tiny.sample(patched, "sd3", steps=STEPS, sampler=sampler)
    record = attached(patched).runs.latest()
    left_out = sum(step.forecast for step in record.steps)
    assert torch.isfinite(output).all() and left_out >= 2
    assert len(seen) == len(all_levels) - left_out  # both branches go through the model in one forward
    assert relative(output, dense) < 1.0
    assert torch.equal(tiny.sample(patched, "sd3", steps=STEPS, sampler=sampler), output)


def test_inside_a_mask_the_picture_is_forecast_and_outside_it_stays():
    """The sampler's own mask works on the prediction of the clean picture, around what is replaced here."""
    model = tiny.shared_model("sd3")
    empty = torch.randn(tiny.latent("sd3").shape, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(1, 1, *empty.shape[-2:])
    mask[..., empty.shape[-1] // 2 :] = 1.0

    def sampled(patched):
        noise = comfy.sample.prepare_noise(empty, 7)
        with torch.inference_mode():
            return comfy.sample.sample(
                patched, noise, STEPS, 4.0, "euler", "simple", tiny.conditioning("sd3", 1), tiny.conditioning("sd3", 2),
                empty, noise_mask=mask, seed=7, disable_pbar=True,
            )  # fmt: skip

    dense, expected = sampled(model), sampled(reference(model))
    output = sampled(forecasting(model))
    left = slice(0, empty.shape[-1] // 2)
    assert torch.allclose(output[..., left], dense[..., left], atol=1e-5)
    assert relative(output, expected) < 2e-5 and not torch.equal(output, dense)


@pytest.mark.parametrize("steps", [3, 5, 13, 16])
def test_another_number_of_steps_forecasts_at_the_same_noise_levels(steps):
    model = tiny.shared_model("sd3")
    clone, seen = counted(model)
    patched = forecasting(clone)
    output = tiny.sample(patched, "sd3", steps=steps)
    record = attached(patched).runs.latest()
    left_out = sum(step.forecast for step in record.steps)
    assert torch.isfinite(output).all() and len(set(seen)) == steps - left_out
    assert left_out > 0 if steps >= STEPS else left_out < steps - 2
    assert not any(step.forecast for step in record.steps[:2])


def test_image_to_image_begins_with_two_evaluations_and_forecasts_what_follows():
    model = tiny.shared_model("sd3")
    clone, seen = counted(model)
    patched = forecasting(clone, marks="11010101", slopes=(), corrections=(), paths="ffrfrfrf")
    output = tiny.sample(patched, "sd3", steps=8, denoise=0.5)
    steps = attached(patched).runs.latest().steps
    assert torch.isfinite(output).all()
    assert not any(step.forecast for step in steps[:2]) and any(step.forecast for step in steps[2:])


def test_flops_of_forecast_steps_are_those_of_an_evaluation_and_nothing_is_kept():
    model = tiny.shared_model("sd3")
    patched = forecasting(model)
    latent = tiny.sample(patched, "sd3", steps=STEPS)
    record, stats = attached(patched).runs.latest(), statistics(patched, latent)
    dense = record.steps[0].dense
    assert [step.dense for step in record.steps] == [dense] * STEPS
    assert [step.kept for step in record.steps] == [dense if mark == "1" else 0 for mark in MARKS]
    assert [step.forecast for step in record.steps] == [int(mark == "0") for mark in MARKS]
    assert stats["kept"]["attention"] == pytest.approx(6 / 8)
    # Nothing else of the model ran either.
    assert stats["kept"]["module"] == stats["kept"]["model"] == pytest.approx(6 / 8)
    assert [step["forecast"] for step in stats["steps"]] == [step.forecast for step in record.steps]
    assert stats["map"][3] == stats["map"][5] == "p" * len(stats["sites"])
    assert "steps forecast: 2 of 8" in text_report(stats).lower()


def test_flops_with_windows_and_skipped_projections_equal_a_hand_count():
    model = tiny.shared_model("sd3")
    paths = ["ff0r0rfr", "ff1rrrfr"]
    patched = forecasting(model, paths=paths)
    latent = tiny.sample(patched, "sd3", steps=STEPS)
    stats = statistics(patched, latent)
    plain = apply_plan(model, hand_plan(model, "sd3", ["ff00fr", "ff1rfr"], steps=6), "D1", strict=True)
    tiny.sample(plain, "sd3", steps=6)
    ours, theirs = attached(patched).runs.latest(), attached(plain).runs.latest()
    evaluated = [step for step in ours.steps if not step.forecast]
    assert [step.kept for step in evaluated] == [step.kept for step in theirs.steps]
    assert [step.projections_skipped for step in evaluated] == [step.projections_skipped for step in theirs.steps]
    other = stats["flops"]["model"][0] - stats["flops"]["attention"][0]
    kept = sum(step.kept for step in ours.steps) + other * 6 / 8 - sum(step.projections_skipped for step in ours.steps)
    assert stats["flops"]["model"][1] == pytest.approx(kept)


def test_heads_reuse_and_correct_across_a_forecast_step():
    """Caches are of the last evaluated step, so that the heads do what they would if the forecast step were not."""
    model, outputs = tiny.shared_model("sd3"), []
    patched = forecasting(model, paths=["fffrrrfA", "ffArArff"], slopes=STRAIGHT, corrections=())
    tiny.sample(patched, "sd3", steps=STEPS)
    record = attached(patched).runs.latest()
    assert record.cache_bytes > 0 and not record.notes and not outputs
    assert record.steps[4].kept < record.steps[4].dense


def test_what_follows_a_jump_up_in_the_noise_is_computed():
    """A sampler that goes up in noise again, as with restarts."""
    model = tiny.shared_model("sd3")
    patched = forecasting(model, slopes=STRAIGHT, corrections=())
    installation = attached(patched)

    def sample_up(model, x, sigmas_given, extra_args=None, callback=None, disable=None):
        levels = [float(sigma) for sigma in sigmas_given[:-1]]
        for level in (0, 1, 2, 3, 1, 2, 3, 4, 2, 3):
            sigma = levels[level]
            x0 = model(x, x.new_full((x.shape[0],), sigma), **(extra_args or {}))
            x = x0 + sigma * (x - x0) / sigma
        return x

    import comfy.samplers

    sampler = comfy.samplers.KSAMPLER(sample_up)
    clone, seen = counted(patched)
    empty = tiny.latent("sd3")
    schedule = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "simple", STEPS)
    with torch.inference_mode():
        output = comfy.sample.sample_custom(
            clone, comfy.sample.prepare_noise(empty, 7), 4.0, sampler, schedule, tiny.conditioning("sd3", 1),
            tiny.conditioning("sd3", 2), empty, seed=7, disable_pbar=True,
        )  # fmt: skip
    # Level 3 is forecast from 1 and 2, twice; but after 4 the noise goes up to 2, where a new history begins.
    steps = installation.runs.latest().steps
    assert torch.isfinite(output).all()
    assert [step.forecast for step in steps[:5]] == [0, 0, 0, 2, 0]
    assert len(seen) == 10 - 2


class Interrupt:
    def __init__(self, after: int):
        self.after = after

    def __call__(self, step, *args):
        if step == self.after:
            raise comfy.model_management.InterruptProcessingException()


def test_a_run_after_a_cancelled_one_gives_the_same_bits_and_nothing_stays_allocated():
    model = tiny.shared_model("sd3")
    patched = forecasting(model)
    first = tiny.sample(patched, "sd3", steps=STEPS)
    tiny.sample(patched, "sd3", steps=STEPS, seed=3)
    before = tiny.live_tensors()
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        tiny.sample(patched, "sd3", steps=STEPS, seed=99, callback=Interrupt(4))
    tiny.sample(patched, "sd3", steps=STEPS, batch=2)
    tiny.sample(patched, "sd3", steps=STEPS, seed=3)
    assert tiny.live_tensors() == before
    assert torch.equal(tiny.sample(patched, "sd3", steps=STEPS), first)


def test_what_forecasts_keep_is_announced():
    model, announced = tiny.shared_model("sd3"), []
    for given in ({}, {"marks": "", "paths": "f" * STEPS, "slopes": (), "corrections": ()}):
        patched = forecasting(model, **given)

        def prepare(executor, inner, noise_shape, *args, patched=patched, **kwargs):
            announced.append(attached(patched).processor.announce(tiny.latent("sd3").shape, inner))
            return executor(inner, noise_shape, *args, **kwargs)

        watched = patched.clone()
        watched.add_wrapper_with_key("prepare_sampling", "test", prepare)
        tiny.sample(watched, "sd3", steps=STEPS)
    assert announced == [KEPT_LATENTS * 4 * tiny.latent("sd3").numel(), 0]


def test_the_guard_and_forecasts_go_together():
    model = tiny.shared_model("sd3")
    plan = hand_plan(model, "sd3", ["ff0r0r00", "fffrfrff"], evaluated=MARKS, slopes=SLOPES, expected=1e-6)
    patched = apply_plan(model, plan, "D1", strict=True, guard=True)
    output = tiny.sample(patched, "sd3", steps=STEPS)
    record = attached(patched).runs.latest()
    assert torch.isfinite(output).all() and record.guard.promoted
    assert sum(step.forecast for step in record.steps) == 2
    assert record.methods[3] == record.methods[5] == "p" * len(record.methods[0])


@pytest.mark.parametrize("node", ["EasyCacheNode", "LazyCacheNode"])
def test_the_hosts_step_caches_on_top_leave_a_finite_picture_and_nothing_behind(node):
    """They skip evaluations of their own: what they skip is no evaluation to go on from."""
    from comfy_extras import nodes_easycache

    model = tiny.shared_model("sd3")
    patched = forecasting(model)
    cached = getattr(nodes_easycache, node).execute(patched, 0.2, 0.1, 0.95, False).args[0]
    output = tiny.sample(cached, "sd3", steps=STEPS)
    assert torch.isfinite(output).all() and relative(output, tiny.sample(model, "sd3", steps=STEPS)) < 1.0
    record = attached(patched).runs.latest()
    assert any(step.forecast for step in record.steps)
    assert record.notes[0].startswith(f"{node.removesuffix('Node')} leaves out steps as well")
    plain = tiny.sample(forecasting(model), "sd3", steps=STEPS)
    assert torch.equal(tiny.sample(patched, "sd3", steps=STEPS), plain)
    assert attached(patched).runs.latest().notes == []
