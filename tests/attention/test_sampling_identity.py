"""What a forward is of: the run's own model, batch and place. Where that is in doubt all is computed."""

import pytest
import torch

from host import tiny

tiny.require_host()

import comfy.samplers  # noqa: E402
import comfy_extras.nodes_custom_sampler as custom  # noqa: E402

from ditfastattn.attention.applied.apply import Applied  # noqa: E402
from ditfastattn.attention.applied.choice import Asked  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.attention.systems.guidance import three_channels  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import hand_plan  # noqa: E402

pytestmark = pytest.mark.host
MIX = ["ffrr", "f0rf", "fAfr", "frfr"]


def compressed(model, family, profiles=MIX, share=None):
    return apply_plan(model, hand_plan(model, family, profiles, share), "D1", strict=True)


def record_of(model):
    return attached(model).runs.latest()


class Tiles:
    """As nodes for tiled diffusion do it: the latent is cut into tiles, some of which go through the model together.

    shift: tokens by which the cut moves from one evaluation to the next.
    """

    def __init__(self, together, shift=0):
        self.together = together
        self.shift = shift
        self.calls = 0

    def __call__(self, apply_model, args):
        x, t, c = args["input"], args["timestep"], args["c"]
        width = x.shape[-1] // 4
        offset = self.shift * self.calls % x.shape[-1]
        self.calls += 1
        x = torch.roll(x, -offset, -1)
        out = torch.empty_like(x)
        starts = list(range(0, x.shape[-1], width))
        for first in range(0, len(starts), self.together):
            some = starts[first : first + self.together]
            tiles = torch.cat([x[..., at : at + width] for at in some])
            given = {
                name: torch.cat([value] * len(some)) if isinstance(value, torch.Tensor) else value
                for name, value in c.items()
            }
            made = apply_model(tiles, torch.cat([t] * len(some)), **given)
            for at, one in zip(some, made.chunk(len(some))):
                out[..., at : at + width] = one
        return torch.roll(out, offset, -1)

    def on(self, model):
        changed = model.clone()
        changed.set_model_unet_function_wrapper(self)
        return changed


@pytest.mark.parametrize("together", [1, 2, 3, 4])
def test_sharing_changes_nothing_between_equal_prompts_however_tiles_are_batched(together):
    model = tiny.shared_model("sd3")
    same = tiny.conditioning("sd3", 2)
    plain = tiny.sample(Tiles(together).on(model), "sd3", positive=same)
    patched = Tiles(together).on(compressed(model, "sd3", "ffff", "0111"))
    torch.testing.assert_close(tiny.sample(patched, "sd3", positive=same), plain, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shift", [0, 2])
@pytest.mark.parametrize("together", [1, 2, 4])
def test_tiles_are_computed_in_full_and_that_is_said(together, shift):
    model = tiny.shared_model("sd3")
    plain = tiny.sample(Tiles(together, shift).on(model), "sd3")
    patched = Tiles(together, shift).on(compressed(model, "sd3"))
    assert torch.equal(tiny.sample(patched, "sd3"), plain)
    record = record_of(patched)
    assert sum("cuts" in note for note in record.notes) == 1 and record.cache_bytes == 0
    dense, kept = record.attention_flops()
    assert dense == kept > 0, "what ran in full is counted"


def test_a_watched_run_has_the_hosts_bits_with_the_same_free_memory_by_which_alone_the_host_has_others():
    """The host puts as many branches into one batch as it finds memory for, and sums in another order then."""
    model, plain = tiny.shared_model("mage_flow"), []
    for free in (2**40, 1):
        watched = Applied(model, Asked(level="D2")).install()
        dense = model.clone()
        watched.get_free_memory = dense.get_free_memory = lambda device, free=free: free
        plain.append(tiny.sample(dense, "mage_flow", steps=3))
        assert torch.equal(tiny.sample(watched, "mage_flow", steps=3), plain[-1])
    assert not torch.equal(*plain)
    torch.testing.assert_close(*plain, rtol=1e-4, atol=1e-4)


def test_one_of_several_positives_serves_no_negative():
    """The first goes through the model with the negative, whose prompt has its length; the longer one alone."""
    model = tiny.shared_model("sd3")
    several = [*tiny.conditioning("sd3", 1), *tiny.conditioning("sd3", 3, 11)]
    plain = tiny.sample(model, "sd3", positive=several)
    assert torch.equal(tiny.sample(compressed(model, "sd3", "ffff", "0111"), "sd3", positive=several), plain)


def ruled_by(model, rule):
    changed = model.clone()
    changed.set_model_sampler_cfg_function(rule)
    return changed


def test_where_a_node_makes_the_prediction_of_branches_by_a_rule_of_its_own_none_serves_another():
    def rule(args):
        return args["uncond"] + 4 * (args["cond"] - args["uncond"])

    model = tiny.shared_model("sd3")
    patched = compressed(model, "sd3", "ffff", "0111")
    assert torch.equal(tiny.sample(ruled_by(patched, rule), "sd3"), tiny.sample(ruled_by(model, rule), "sd3"))
    guided = tiny.sample(ruled_by(patched, three_channels), "sd3")
    assert not torch.equal(guided, tiny.sample(ruled_by(model, three_channels), "sd3")), (
        "the papers' rule has one scale"
    )


def test_a_wrapper_that_hands_on_what_it_gets_changes_nothing():
    model = tiny.shared_model("sd3")
    patched = compressed(model, "sd3", share="0110")
    expected = tiny.sample(patched, "sd3")
    wrapped = patched.clone()
    wrapped.set_model_unet_function_wrapper(lambda apply, args: apply(args["input"], args["timestep"], **args["c"]))
    assert torch.equal(tiny.sample(wrapped, "sd3"), expected) and not record_of(wrapped).notes


def rolled_by(executor, x, *args, **kwargs):
    """As nodes for seamless pictures do it: the latent is moved on its way to the model."""
    rolled_by.count = getattr(rolled_by, "count", 0) + 1
    places = 4 * rolled_by.count
    return torch.roll(executor(torch.roll(x, places, -1), *args, **kwargs), -places, -1)


@pytest.mark.parametrize("kind", ["apply_model", "predict_noise"])
def test_a_latent_that_a_wrapper_moves_is_computed_in_full(kind):
    def moving(model):
        changed = model.clone()
        changed.add_wrapper_with_key(kind, "seamless", rolled_by)
        return changed

    model = tiny.shared_model("sd3")
    rolled_by.count = 0
    plain = tiny.sample(moving(model), "sd3")
    for put in (lambda: moving(compressed(model, "sd3")), lambda: compressed(moving(model), "sd3")):
        rolled_by.count = 0
        assert torch.equal(tiny.sample(put(), "sd3"), plain)


def test_a_function_that_evaluates_parts_of_the_latent_by_itself_is_computed_in_full():
    def halves(args):
        x, half = args["input"], args["input"].shape[-1] // 2
        parts = [
            comfy.samplers.calc_cond_batch(args["model"], args["conds"], part, args["sigma"], args["model_options"])
            for part in (x[..., :half], x[..., half:])
        ]
        return [torch.cat(pair, -1) for pair in zip(*parts)]

    model = tiny.shared_model("sd3").clone()
    model.model_options["sampler_calc_cond_batch_function"] = halves
    patched = compressed(model, "sd3", share="0110")
    assert torch.equal(tiny.sample(patched, "sd3"), tiny.sample(model, "sd3"))
    assert any("cuts" in note for note in record_of(patched).notes)


# -- another model -----------------------------------------------------------------------------------------------------


class OtherFirst(comfy.samplers.CFGGuider):
    """A guider that asks a model of its own before the sampled one, and takes their mean."""

    def predict_noise(self, x, timestep, model_options={}, seed=None):  # noqa: B006 - as the host has it
        other = comfy.samplers.calc_cond_batch(self.other, [self.conds["positive"]], x, timestep, model_options)[0]
        return (super().predict_noise(x, timestep, model_options, seed) + other) / 2


def by(guider, model, steps=4):
    sampling = model.get_model_object("model_sampling")
    sigmas = comfy.samplers.calculate_sigmas(sampling, "simple", steps)
    with torch.inference_mode():
        done = custom.SamplerCustomAdvanced.execute(
            custom.Noise_RandomNoise(7), guider, comfy.samplers.sampler_object("euler"), sigmas,
            {"samples": tiny.latent(guider.family)},
        )  # fmt: skip
    return done.args[0]["samples"]


def other_first(model, other, family):
    guider = OtherFirst(model)
    guider.set_conds(tiny.conditioning(family, 1), tiny.conditioning(family, 2))
    guider.set_cfg(4.0)
    guider.family, guider.other = family, other.model
    other.pre_run()
    return guider


def dual(model, other, family):
    guider = custom.DualModelGuider.execute(
        model, tiny.conditioning(family, 1), 4.0, other, tiny.conditioning(family, 2)
    ).args[0]
    guider.family = family
    return guider


@pytest.mark.parametrize("make", [other_first, dual])
@pytest.mark.parametrize("family", ["sd3", "flux", "wan21_t2v", "pixart_sigma"])
def test_a_plan_runs_on_its_own_model_alone(family, make):
    model, other = tiny.shared_model(family), tiny.make_model(family, seed=5)
    patched = compressed(model, family)
    full = apply_plan(model, hand_plan(model, family, "ffff"), "D1", strict=True)
    assert torch.equal(by(make(full, other, family), full), by(make(model, other, family), model))
    seen = []

    def watched(executor, *args, **kwargs):
        made = executor(*args, **kwargs)
        seen.append((executor.class_obj.diffusion_model is other.model.diffusion_model, made.clone()))
        return made

    def with_watch(one):
        changed = one.clone()
        changed.add_wrapper_with_key("apply_model", "watch", watched)
        return changed

    by(make(with_watch(model), other, family), model, steps=1)
    plain = [made for of_other, made in seen if of_other]
    seen.clear()
    by(make(with_watch(compressed(model, family, ["f"], None)), other, family), model, steps=1)
    assert plain and all(torch.equal(a, b) for a, b in zip(plain, [made for of_other, made in seen if of_other]))
    made = by(make(patched, other, family), patched)
    record = record_of(patched)
    assert torch.isfinite(made).all() and any("second model" in note for note in record.notes)
    assert not record.promises
