"""Calibration in the host: one dense run, a plan, and nothing left behind."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from host import tiny

tiny.require_host()

import comfy.model_management  # noqa: E402

from ditfastattn.attention.calibration import watch as module  # noqa: E402
from ditfastattn.attention.calibration.measurement import CalibrationError, SamplerSettings, measure, solve  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.attention.hooks.record import Stopwatch  # noqa: E402
from ditfastattn.plans import Plan, dumps, loads  # noqa: E402
from host.applying import apply_plan  # noqa: E402

pytestmark = pytest.mark.host
STEPS = 6
SETTINGS = SamplerSettings("euler", "simple", STEPS, 4.0, 1.0, 7)


def run(family, settings=SETTINGS, **extra):
    model = tiny.shared_model(family)
    outputs = []

    def sample(patched):
        outputs.append(
            tiny.sample(patched, family, steps=settings.steps, cfg=settings.cfg, sampler=settings.name, **extra)
        )
        return outputs[-1]

    with torch.inference_mode():
        return model, calibrate(model, settings, sample), outputs[0]


@dataclass(frozen=True)
class Calibrated:
    """A plan, and the seconds of its calibration and of the dense run inside it."""

    plan: Plan
    seconds: float
    dense_seconds: float


def calibrate(model, settings, sample) -> Calibrated:
    watch = Stopwatch()
    measured = measure(HostModel.of(model), settings, sample)
    return Calibrated(solve(measured).plan, watch(), measured.dense_seconds)


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_calibration_gives_six_levels_from_one_dense_run_and_leaves_no_patch(family):
    plain = tiny.sample(tiny.shared_model(family), family, steps=STEPS)
    model, result, output = run(family)
    torch.testing.assert_close(output, plain, rtol=1e-4, atol=1e-4 * float(plain.abs().max()))
    assert [level.name for level in result.plan.levels] == ["D1", "D2", "D3", "D4", "D5", "D6"]
    errors = [level.predicted_error for level in result.plan.levels]
    kept = [level.model_flops_kept for level in result.plan.levels]
    assert errors == sorted(errors) and kept == sorted(kept, reverse=True) and kept[-1] < 1
    assert len(result.plan.positions) == STEPS
    assert attached(model) is None and not model.object_patches and not model.wrappers
    assert torch.equal(tiny.sample(model, family, steps=STEPS), plain)


@pytest.mark.parametrize("family", ["sd3", "flux", "pixart_sigma", "wan21_t2v"])
def test_levels_keep_the_flops_and_bytes_that_the_plan_predicts(family):
    model, result, _ = run(family)
    for level in (result.plan.levels[0], result.plan.levels[-1]):
        patched = apply_plan(model, result.plan, level.name, strict=True)
        tiny.sample(patched, family, steps=STEPS)
        record = attached(patched).runs.latest()
        dense, kept = record.attention_flops()
        assert kept / dense == pytest.approx(level.attention_flops_kept, abs=0.02)
        assert not record.notes


def test_calibration_is_deterministic():
    first, second = run("sd3")[1], run("sd3")[1]
    assert [first.plan.ways, first.plan.levels] == [second.plan.ways, second.plan.levels]


def test_the_plan_of_a_calibration_survives_its_text():
    plan = run("sd3")[1].plan
    assert loads(dumps(plan)) == plan


def test_without_guidance_no_sharing_is_planned():
    plan = run("sd3", SamplerSettings("euler", "simple", STEPS, 1.0, 1.0, 7))[1].plan
    assert not any("1" in bits for level in plan.levels for bits in level.share)


@pytest.mark.parametrize("name", ["heun", "dpmpp_2s_ancestral"])
def test_samplers_that_evaluate_twice_a_step_are_measured_once_a_step(name):
    result = run("sd3", SamplerSettings(name, "simple", STEPS, 4.0, 1.0, 7))[1]
    assert len(result.plan.positions) == STEPS


def test_split_branches_are_measured_together():
    batched = run("sd3")[1].plan
    split = run("sd3", split=True)[1].plan
    assert split.levels[-1].attention_flops_kept == pytest.approx(batched.levels[-1].attention_flops_kept, abs=0.15)


def test_cancel_stops_at_once_and_leaves_nothing():
    model = tiny.shared_model("sd3")

    def cancel(step, *args):
        if step == 1:
            raise comfy.model_management.InterruptProcessingException()

    plain = tiny.sample(model, "sd3")
    with pytest.raises(comfy.model_management.InterruptProcessingException), torch.inference_mode():
        calibrate(model, SETTINGS, lambda patched: tiny.sample(patched, "sd3", steps=STEPS, callback=cancel))
    assert attached(model) is None and torch.equal(tiny.sample(model, "sd3"), plain)


def test_a_model_that_no_family_covers_gets_one_sentence():
    model = tiny.shared_model("sd15")
    with pytest.raises(ValueError, match="SD15 is not a model that DiTFastAttn covers"):
        calibrate(model, SETTINGS, lambda patched: None)


def test_a_run_without_attention_gets_one_sentence():
    with pytest.raises(CalibrationError, match="nothing was measured"):
        calibrate(tiny.shared_model("sd3"), SETTINGS, lambda patched: None)


def test_measured_errors_equal_errors_computed_from_full_outputs():
    """The sampled estimate of a window's error against the same figure over every row, on one attention call."""
    from ditfastattn.attention.calibration.queries import pick_queries
    from ditfastattn.attention.calibration.samples import take_samples
    from ditfastattn.attention.calibration.site_record import _energy
    from ditfastattn.kernels import Layout, Window
    from ditfastattn.kernels.exact import attention
    from ditfastattn.kernels.ways.window import window_mask

    generator = torch.Generator().manual_seed(0)
    layout, window = Layout((16, 24), 7), Window((0.25, 0.5))
    q, k, v = (torch.randn(2, 3, layout.length, 16, generator=generator) for _ in range(3))
    q[0, 0] *= 3
    full = attention(q, k, v)
    local = attention(q, k, v, window_mask(layout, window))
    rows = pick_queries(layout, (window,), layout.image, torch.device("cpu"))
    samples = take_samples(q, k, v, full, rows, None)
    image = rows.positions[: rows.image]
    exact = (full - local)[:, :, 7:].pow(2).sum(-1).mean(2) * layout.image / layout.length
    for sample, error, wanted in zip(samples, full - local, exact, strict=True):
        torch.testing.assert_close(sample.residual[0], error[:, image], rtol=1e-4, atol=1e-5)
        energy = _energy(sample.residual, rows.weight[: rows.image])[0]
        np.testing.assert_allclose(energy, wanted.numpy(), rtol=1e-3)


def test_queries_in_several_sequences_of_one_item_measure_the_mean_over_these():
    from ditfastattn.attention.calibration.queries import pick_queries
    from ditfastattn.attention.calibration.samples import take_samples
    from ditfastattn.attention.calibration.site_record import _energy
    from ditfastattn.kernels import Layout, Window
    from ditfastattn.kernels.exact import attention
    from ditfastattn.kernels.ways.window import window_mask

    generator = torch.Generator().manual_seed(0)
    layout, window = Layout((4, 12)), Window((0.25, 0.25))
    q, k, v = (torch.randn(6, 3, layout.length, 16, generator=generator) for _ in range(3))
    full = attention(q, k, v)
    error = full - attention(q, k, v, window_mask(layout, window))
    rows = pick_queries(layout, (window,), layout.image, torch.device("cpu")).of_sequences(3)
    samples = take_samples(q, k, v, full, rows, None)
    wanted = error.pow(2).sum(-1).mean(2).unflatten(0, (2, 3)).mean(1)  # of two items of three sequences each
    assert len(samples) == 2
    for sample, of_item in zip(samples, wanted, strict=True):
        assert sample.output.shape == (3, 3 * layout.length, 16)
        np.testing.assert_allclose(_energy(sample.residual, rows.weight)[0], of_item.numpy(), rtol=1e-4)


def test_output_metric_is_the_gram_matrix_of_the_projection_and_its_root_gives_the_same_lengths():
    from ditfastattn.attention.hooks.projections import output_metric, output_root

    for family in ("sd3", "flux"):
        model = tiny.shared_model(family).model.diffusion_model
        for site in HostModel.of(tiny.shared_model(family)).sites:
            weight = model.get_submodule(site.output_linear).weight
            width = site.heads * site.head_dim
            heads = weight[:, :width].T.reshape(site.heads, site.head_dim, -1)
            with torch.inference_mode():
                metric = output_metric(model, site, torch.zeros(1))
            torch.testing.assert_close(metric, heads @ heads.transpose(1, 2), rtol=1e-3, atol=1e-3)
            with torch.inference_mode():
                root = output_root(model, site, torch.zeros(1))
            error = torch.randn(site.heads, 9, site.head_dim, generator=torch.Generator().manual_seed(0))
            torch.testing.assert_close((error @ root).norm(dim=-1), (error @ heads).norm(dim=-1), rtol=1e-3, atol=1e-3)


def test_flops_outside_attention_equal_the_linear_layers_work():
    """Torch's count of the first evaluation, less attention, against a count from the layers' sizes."""
    model, result, _ = run("wan21_t2v")
    network = model.model.diffusion_model
    image, text = 3 * 8 * 12, 12
    expected = 0
    for name, layer in network.named_modules():
        if isinstance(layer, torch.nn.Linear):
            if ".cross_attn.k" in name or ".cross_attn.v" in name or name.startswith("text_embedding"):
                tokens = text
            elif name.startswith("time_"):
                tokens = 1
            else:
                tokens = image
            expected += 2 * layer.weight.numel() * tokens
    heads, head_dim = 2, 128
    expected += 2 * 4 * heads * head_dim * image * text  # two blocks' cross-attention
    assert result.plan.measurement.other_flops == pytest.approx(expected, rel=0.03)
    assert module.AGES >= 1


def test_sharing_records_its_error_and_how_alike_it_is_to_that_of_the_step_before():
    from ditfastattn.attention.calibration.queries import pick_queries
    from ditfastattn.attention.calibration.samples import Sample
    from ditfastattn.attention.calibration.site_record import SiteRecord
    from ditfastattn.kernels import Layout, Window

    site = HostModel.of(tiny.shared_model("sd3")).sites[0]
    heads, dim, steps = site.heads, 4, 6
    layout = Layout((4, 4))
    rows = pick_queries(layout, (Window((0.5, 0.5)),), layout.image, torch.device("cpu"))
    record = SiteRecord(site, steps, 1, 2)
    generator = torch.Generator().manual_seed(0)
    root = torch.eye(dim).expand(heads, dim, dim)
    sample = Sample(torch.zeros(heads, rows.image, dim), torch.zeros(1, heads, rows.image, dim))
    errors = torch.randn(steps, heads, rows.image, dim, generator=generator)
    errors[1] = 3 * errors[0]
    errors[2] = errors[1] + 0.5 * errors[2]
    errors[3] = -errors[2]  # a negative cosine counts as none
    for step in (0, 1, 2, 3, 5):  # nothing was measured at step 4
        record.add(step, sample, errors[step], root, rows, layout.grid)
    flat = errors.flatten(1)
    found = record.share_cosine
    assert found[[0, 4, 5]].tolist() == [1, 1, 1] and found[3] == 0 and np.isnan(record.share[4])
    assert found[1] == pytest.approx(1, abs=1e-5)
    assert found[2] == pytest.approx(float(torch.cosine_similarity(flat[1], flat[2], dim=0)), abs=1e-5)
    np.testing.assert_allclose(record.share[:4], flat[:4].pow(2).sum(1).numpy() / layout.image, rtol=1e-5)


@pytest.mark.parametrize("family", ["flux", "sd3", "pixart_sigma"])
def test_a_latents_picture_and_scale_are_those_of_the_hosts_noising(family):
    """A picture of ones and noise of nothing, noised by the host itself, is the signal times the scale."""
    from ditfastattn.attention.hooks.noise import signal_scale

    sampling = tiny.shared_model(family).get_model_object("model_sampling")
    levels = [0.9, 0.5, 0.1] if family != "pixart_sigma" else [10.0, 1.0, 0.1]
    signal, scale = signal_scale(sampling, levels)
    for level, part, factor in zip(levels, signal, scale, strict=True):
        picture, noise = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)
        sigma = torch.tensor([level]).view(1, 1, 1, 1)
        assert float(sampling.noise_scaling(sigma, noise, picture)) == pytest.approx(part * factor, rel=1e-5)
        assert float(sampling.noise_scaling(sigma, picture, noise)) == pytest.approx((1 - part) * factor, rel=1e-5)


@pytest.mark.parametrize("grid", [(32, 32), (64, 96), (9, 7), (5, 30, 52), (1000,), (6, 8)], ids=str)
def test_sampled_rows_are_distinct_and_lie_evenly_along_every_axis(grid):
    from ditfastattn.attention.calibration.queries import spread

    count = 48
    tokens = spread(grid, count)
    assert tokens.tolist() == sorted(set(tokens.tolist())) and len(tokens) == count
    assert 0 <= tokens.min() and tokens.max() < np.prod(grid)
    for n, along in zip(grid, np.unravel_index(tokens.numpy(), grid), strict=True):
        share = np.bincount(along * 4 // n, minlength=4) / np.bincount(np.arange(n) * 4 // n, minlength=4) * n / count
        assert 0.7 <= share.min() and share.max() <= 1.3
