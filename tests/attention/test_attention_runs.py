"""Runs after runs: nothing of one reaches the next, whatever happened to it."""

import pytest
import torch

from host import tiny

tiny.require_host()

import comfy.model_management  # noqa: E402

from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import hand_plan  # noqa: E402

pytestmark = pytest.mark.host
MIX = ["ffrr", "f0rf", "fAfr", "frfr"]
CORE = ("sd3", "flux", "pixart_sigma", "wan21_t2v")


@pytest.fixture
def patched(request):
    family = getattr(request, "param", "sd3")
    model = tiny.shared_model(family)
    return family, apply_plan(model, hand_plan(model, family, MIX, "0110"), "D1", strict=True)


all_families = pytest.mark.parametrize("patched", CORE, indirect=True)


@all_families
def test_two_runs_with_one_seed_give_the_same_bits(patched):
    family, model = patched
    assert torch.equal(tiny.sample(model, family), tiny.sample(model, family))


class Interrupt:
    """Cancels the run from its callback after some steps, as a user's click does."""

    def __init__(self, after: int):
        self.after = after

    def __call__(self, step, *args):
        if step == self.after:
            raise comfy.model_management.InterruptProcessingException()


@all_families
def test_a_run_after_an_interrupted_one_gives_the_same_bits(patched):
    family, model = patched
    before = tiny.sample(model, family)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        tiny.sample(model, family, seed=99, callback=Interrupt(1))
    assert attached(model).run is None and attached(model).processor is None
    assert torch.equal(tiny.sample(model, family), before)


@all_families
def test_an_error_inside_the_model_leaves_nothing_behind(patched):
    family, model = patched
    before = tiny.sample(model, family)
    broken = model.clone()

    def fail(executor, *args, **kwargs):
        raise RuntimeError("out of order")

    broken.add_wrapper_with_key("apply_model", "test", fail)
    with pytest.raises(RuntimeError, match="out of order"):
        tiny.sample(broken, family)
    assert attached(model).run is None and attached(model).forward is None
    assert torch.equal(tiny.sample(model, family), before)


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 7},
        {"steps": 2},
        {"batch": 3},
        {"cfg": 1.0},
        {"split": True},
        {"denoise": 0.5},
        {"scheduler": "karras"},
    ],
    ids=str,
)
@all_families
def test_another_kind_of_run_in_between_changes_nothing(patched, change):
    family, model = patched
    before = tiny.sample(model, family)
    other = tiny.sample(model, family, **change)
    assert torch.isfinite(other).all()
    assert torch.equal(tiny.sample(model, family, **change), other)
    assert torch.equal(tiny.sample(model, family), before)


@pytest.mark.parametrize(
    "patched,shape",
    [("sd3", (16, 24, 20)), ("flux", (16, 9, 31)), ("pixart_sigma", (4, 44, 38)), ("wan21_t2v", (16, 5, 10, 14))],
    indirect=["patched"],
)
def test_a_second_resolution_works_after_the_first(patched, shape):
    family, model = patched
    before = tiny.sample(model, family)
    other = tiny.sample(model, family, shape=shape)
    assert other.shape[1:] == shape and torch.isfinite(other).all()
    dense, kept = attached(model).runs.latest().attention_flops()
    assert kept < dense
    assert torch.equal(tiny.sample(model, family), before)


@pytest.mark.parametrize("sampler", ["heun", "dpmpp_2m", "dpmpp_2s_ancestral", "lcm", "uni_pc"])
def test_samplers_of_every_kind_run_the_plan(sampler):
    """Some evaluate the model twice a step, some between the steps of the schedule."""
    model = tiny.shared_model("sd3")
    patched = apply_plan(model, hand_plan(model, "sd3", MIX, steps=4), "D1", strict=True)
    output = tiny.sample(patched, "sd3", sampler=sampler, steps=6)
    record = attached(patched).runs.latest()
    dense, kept = record.attention_flops()
    assert torch.isfinite(output).all() and kept < dense
    assert torch.equal(tiny.sample(patched, "sd3", sampler=sampler, steps=6), output)


@all_families
def test_no_tensor_stays_allocated_after_a_run(patched):
    family, model = patched
    for seed in (1, 2):
        tiny.sample(model, family, seed=seed)
    before = tiny.live_tensors()
    tiny.sample(model, family, seed=3)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        tiny.sample(model, family, seed=4, callback=Interrupt(2))
    assert tiny.live_tensors() == before
    assert attached(model).runs.latest().cache_bytes > 0


def test_a_small_budget_is_kept_and_the_picture_is_made():
    model = tiny.shared_model("sd3")
    patched = apply_plan(model, hand_plan(model, "sd3", ["frrr", "frfr"]), "D1", budget_bytes=1, strict=True)
    output = tiny.sample(patched, "sd3")
    record = attached(patched).runs.latest()
    assert torch.isfinite(output).all()
    assert record.cache_bytes == 0 and any("budget" in note for note in record.notes)
    assert relative(output, tiny.sample(model, "sd3")) < 2e-5


def relative(a, b):
    return float((a - b).norm() / b.norm())


@all_families
def test_cache_bytes_are_announced_before_the_run(patched):
    family, model = patched
    announced = []

    def prepare(executor, model, noise_shape, *args, **kwargs):
        announced.append(noise_shape[0])
        return executor(model, noise_shape, *args, **kwargs)

    watched = model.clone()
    watched.add_wrapper_with_key("prepare_sampling", "test", prepare)
    tiny.sample(watched, family)
    assert announced == [announced[0]] and announced[0] > 1
    installation = attached(model)
    record = installation.runs.latest()
    assert record.cache_bytes > 0


def test_a_guidance_side_pass_is_computed_in_full_and_leaves_the_caches_alone():
    """Perturbed-attention style guidance runs the conditional branch a second time in one evaluation."""
    import comfy.samplers

    model = tiny.shared_model("sd3")
    plan = hand_plan(model, "sd3", ["ffrr", "f0r0"])
    extra = []

    def side_pass(args):
        (again,) = comfy.samplers.calc_cond_batch(
            args["model"], [args["cond"]], args["input"], args["sigma"], args["model_options"]
        )
        extra.append(again)
        return args["denoised"]

    plain = apply_plan(model, plan, "D1", strict=True)
    guided = model.clone()
    guided.set_model_sampler_post_cfg_function(side_pass)
    full_guided = tiny.sample(guided, "sd3")
    full_side = list(extra)
    extra.clear()
    patched = apply_plan(guided, plan, "D1", strict=True)
    assert torch.equal(tiny.sample(patched, "sd3"), tiny.sample(plain, "sd3"))
    assert len(extra) == 4 and torch.equal(extra[0], full_side[0])
    assert full_guided.shape == full_side[0].shape


@pytest.mark.parametrize("family,block", [("sd3", "joint_blocks.0"), ("flux", "double_blocks.1")])
def test_a_block_that_another_pack_replaces_does_not_shift_the_others(family, block):
    """Its attention never comes; the sites after it must still be told apart."""
    model = tiny.shared_model(family)
    kind, index = "double_block", int(block[-1])

    def replace_block(args, extra):
        return {"img": args["img"], "txt": args["txt"]}

    replaced = model.clone()
    replaced.set_model_patch_replace(replace_block, "dit", kind, index)
    plain = tiny.sample(replaced, family)
    patched = apply_plan(replaced, hand_plan(model, family, "ffff"), "D1", strict=True)
    assert torch.equal(tiny.sample(patched, family), plain)
    compressed = apply_plan(replaced, hand_plan(model, family, MIX), "D1", strict=True)
    output = tiny.sample(compressed, family)
    assert torch.isfinite(output).all() and not attached(compressed).runs.latest().notes
