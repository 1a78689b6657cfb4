"""Each method against full attention in the host's own models, where both must agree to rounding."""

import pytest
import torch

from host import tiny

tiny.require_host()

import comfy.sample  # noqa: E402
import comfy.samplers  # noqa: E402

from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import NARROW, WHOLE, hand_plan  # noqa: E402

pytestmark = pytest.mark.host
ROUNDING = 2e-5


def relative(a, b):
    return float((a - b).norm() / b.norm())


def compressed(model, family, profiles, share=None, windows=None, **settings):
    plan = hand_plan(model, family, profiles, share, **({"windows": windows} if windows else {}))
    patched = apply_plan(model, plan, "D1", strict=True)
    output = tiny.sample(patched, family, **settings)
    return output, attached(patched).runs.latest()


@pytest.mark.parametrize("split", [False, True], ids=["batched", "split"])
@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_window_over_the_whole_grid_is_full_attention(family, split):
    model = tiny.shared_model(family)
    output, _ = compressed(model, family, "f000", windows=(WHOLE,), split=split)
    assert relative(output, tiny.sample(model, family, split=split)) < ROUNDING


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_narrow_window_changes_the_picture_and_saves_work(family):
    model = tiny.shared_model(family)
    output, record = compressed(model, family, "f000", windows=(NARROW,))
    dense, kept = record.attention_flops()
    assert kept < dense and relative(output, tiny.sample(model, family)) > 1e-5


def fixed_point_run(model, family, patched):
    """Two evaluations on the same latent at two noise levels: the second prediction of the plain and the patched model.

    The time embedding is zeroed, so the second evaluation repeats the first exactly.
    """
    predictions = []

    def sampler(denoiser, x, sigmas, extra_args=None, **kwargs):
        start = x.clone()
        for sigma in sigmas[:-1]:
            level = sigma * x.new_ones(x.shape[0])
            denoised = denoiser(start, level, **(extra_args or {}))
            predictions.append((start - denoised) / sigma)
        return start

    steps = torch.tensor([0.9, 0.5, 0.0])
    for candidate in (model, patched):
        with torch.inference_mode():
            comfy.sample.sample_custom(
                candidate,
                comfy.sample.prepare_noise(tiny.latent(family), 3),
                4.0,
                comfy.samplers.KSAMPLER(sampler),
                steps,
                tiny.conditioning(family, 1),
                tiny.conditioning(family, 2),
                tiny.latent(family),
                disable_pbar=True,
            )
    return predictions[1], predictions[3]


@pytest.fixture(params=["sd3", "sd35m", "flux", "wan21_t2v"])
def timeless(request):
    """A model of a flow family that does not see the noise level."""
    model = tiny.make_model(request.param)
    with torch.no_grad():
        for name, weight in model.model.diffusion_model.named_parameters():
            if name.startswith(("t_embedder", "time_in", "time_embedding")):
                weight.zero_()
    return request.param, model


def plan_at(model, family, profiles, share=None):
    from dataclasses import replace

    return replace(hand_plan(model, family, profiles, share), positions=(0.9, 0.5))


@pytest.mark.parametrize("profiles", ["fr", ["fr", "ff"]], ids=["whole site", "single heads"])
def test_reuse_on_a_repeated_identical_step_is_full_attention(timeless, profiles):
    family, model = timeless
    patched = apply_plan(model, plan_at(model, family, profiles), "D1", strict=True)
    plain, reused = fixed_point_run(model, family, patched)
    assert relative(reused, plain) < ROUNDING
    dense, kept = attached(patched).runs.latest().attention_flops()
    assert kept < dense


def test_window_with_residual_on_a_repeated_identical_step_is_full_attention(timeless):
    family, model = timeless
    patched = apply_plan(model, plan_at(model, family, ["fA", "fC"]), "D1", strict=True)
    plain, restored = fixed_point_run(model, family, patched)
    assert relative(restored, plain) < ROUNDING
    without = apply_plan(model, plan_at(model, family, ["f0", "f2"]), "D1", strict=True)
    assert relative(fixed_point_run(model, family, without)[1], plain) > 10 * ROUNDING


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_a_refreshing_step_itself_is_full_attention(family):
    """The residual that a step yields for later ones does not change its own output: one refresh, then full again."""
    model = tiny.shared_model(family)
    output, record = compressed(model, family, "ffBf", windows=None)
    assert relative(output, tiny.sample(model, family)) < ROUNDING
    assert record.cache_bytes > 0


@pytest.mark.parametrize("split", [False, True], ids=["batched", "split"])
@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_sharing_between_equal_branches_is_full_attention(family, split):
    """With one prompt on both sides the branches are equal, so the conditional result is the unconditional one."""
    model = tiny.shared_model(family)
    patched = apply_plan(model, hand_plan(model, family, "ffff", "0111"), "D1", strict=True)
    same = {"positive": tiny.conditioning(family, 2)}
    if split:
        same["split"] = True
        same["positive"] = tiny.conditioning(family, 1)
        output = tiny.sample(patched, family, **same)
        dense, kept = attached(patched).runs.latest().attention_flops()
        assert kept < dense and torch.isfinite(output).all()
        return
    assert relative(tiny.sample(patched, family, **same), tiny.sample(model, family, **same)) < ROUNDING
    dense, kept = attached(patched).runs.latest().attention_flops()
    assert kept < dense


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_sharing_is_nothing_without_guidance(family):
    model = tiny.shared_model(family)
    output, record = compressed(model, family, "ffff", "0111", cfg=1.0)
    dense, kept = record.attention_flops()
    assert torch.equal(output, tiny.sample(model, family, cfg=1.0)) and dense == kept


@pytest.mark.parametrize("family", ["sd3", "sd35m", "pixart_sigma", "wan21_t2v"])
def test_whole_site_reuse_skips_the_projections(family):
    model = tiny.shared_model(family)
    _, whole = compressed(model, family, "frrf")
    _, single = compressed(model, family, ["frrf", "ffff"])
    assert sum(step.projections_skipped for step in whole.steps) > 0
    assert sum(step.projections_skipped for step in single.steps) == 0


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_skipping_projections_equals_reusing_every_head(family):
    """The replayed projection and the replayed heads are the same computation; only the place of the cache differs."""
    from ditfastattn.attention.replay import apply as module
    from ditfastattn.attention.replay import timeline

    model = tiny.shared_model(family)
    patched = apply_plan(model, hand_plan(model, family, "ffrr"), "D1", strict=True)
    skipped = tiny.sample(patched, family)
    build = timeline.build
    try:
        module.timeline.build = lambda schedule, windows, offsets, skippable: build(
            schedule, windows, offsets, (False,) * len(skippable)
        )
        kept_heads = tiny.sample(apply_plan(model, hand_plan(model, family, "ffrr"), "D1", strict=True), family)
    finally:
        module.timeline.build = build
    assert relative(skipped, kept_heads) < ROUNDING
