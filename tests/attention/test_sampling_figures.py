"""Figures of a run are of all of it: side passes, tiles, second models, and every branch."""

import pytest
import torch

from host import tiny

tiny.require_host()

import comfy.samplers  # noqa: E402
import comfy_extras.nodes_custom_sampler as custom  # noqa: E402

from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.attention.report.statistics import statistics  # noqa: E402
from ditfastattn.attention.report.text import text_report  # noqa: E402
from ditfastattn.kernels import Layout, dense_flops  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import hand_plan  # noqa: E402

pytestmark = pytest.mark.host
MIX = ["ffrr", "f0rf", "fAfr", "frfr"]
FAMILIES = ("sd3", "flux", "wan21_t2v", "pixart_sigma")
TEXT = {"sd3": 7, "flux": 7, "pixart_sigma": 0, "wan21_t2v": 0}


def compressed(model, family, profiles=MIX):
    return apply_plan(model, hand_plan(model, family, profiles), "D1", strict=True)


def record_of(model):
    return attached(model).runs.latest()


def one_item(model, family):
    """FLOPs of full attention in one forward of one picture."""
    host = HostModel.of(model)
    image = 1
    for side in host.family.grid(model.model.diffusion_model, tuple(tiny.latent(family).shape)):
        image *= side
    return sum(dense_flops(Layout((image + TEXT[family],)), site.heads, site.head_dim) for site in host.sites)


def side_pass(args):
    comfy.samplers.calc_cond_batch(args["model"], [args["cond"]], args["input"], args["sigma"], args["model_options"])
    return args["denoised"]


@pytest.mark.parametrize("family", FAMILIES)
def test_side_passes_are_counted_as_what_they_are(family):
    model = tiny.shared_model(family)
    alone = compressed(model, family)
    tiny.sample(alone, family)
    dense, kept = record_of(alone).attention_flops()
    guided = alone.clone()
    guided.set_model_sampler_post_cfg_function(side_pass)
    made = tiny.sample(guided, family)
    record = record_of(guided)
    more = 4 * one_item(model, family)
    assert record.attention_flops() == (dense + more, kept + more)
    assert [step.items for step in record.steps] == [3] * 4
    assert any("4 of 8 forwards" in note for note in record.notes)
    assert statistics(guided, made)["kept"]["attention"] == pytest.approx((kept + more) / (dense + more), abs=1e-5)


def test_a_run_of_which_nothing_was_counted_has_no_figures():
    model = tiny.shared_model("sd3")
    replaced = model.clone()
    for number in range(2):
        replaced.set_model_patch_replace(lambda args, extra: args, "dit", "double_block", number)
    patched = compressed(replaced, "sd3")
    made = tiny.sample(patched, "sd3")
    document = statistics(patched, made)
    assert document["kept"] == {"attention": None, "module": None, "model": None} and document["flops"] is None
    assert any("No attention call" in note["text"] for note in document["notes"])
    assert "saved:" not in text_report(document)


def test_reference_tokens_are_not_text():
    model = tiny.shared_model("flux")
    (embeddings, keys) = tiny.conditioning("flux", 1)[0]
    reference = {"reference_latents": [torch.ones(1, 16, 16, 24)]}
    patched = compressed(model, "flux")
    made = tiny.sample(patched, "flux", positive=[[embeddings, {**keys, **reference}]], cfg=1.0)
    document = statistics(patched, made)
    assert [document["model"][name] for name in ("tokens", "text_tokens", "reference_tokens")] == [96, 7, 96]
    assert "96 image tokens, 96 of references, 7 text tokens" in text_report(document)


def test_figures_of_several_lengths_are_those_of_the_longest():
    """References on the positive prompt alone: the other branch has none."""
    model = tiny.shared_model("flux")
    (embeddings, keys) = tiny.conditioning("flux", 1)[0]
    reference = {"reference_latents": [torch.ones(1, 16, 16, 24)]}
    patched = compressed(model, "flux")
    tiny.sample(patched, "flux", positive=[[embeddings, {**keys, **reference}]])
    assert record_of(patched).reference_tokens == 96


# -- announced memory --------------------------------------------------------------------------------------------------


def announced(model, family, sample):
    """Bytes of the caches of a run: (announced, held)."""
    asked = []

    def prepare(executor, model, noise_shape, *args, **kwargs):
        installation = attached(patched)
        asked.append(installation.processor.announce((1, *noise_shape[1:]), model))
        return executor(model, noise_shape, *args, **kwargs)

    patched = compressed(model, family, "frrf")
    watched = patched.clone()
    watched.add_wrapper_with_key("prepare_sampling", "test", prepare)
    sample(watched)
    return asked[0], record_of(patched).cache_bytes


def guided(make):
    def sample(model):
        sampling = model.get_model_object("model_sampling")
        sigmas = comfy.samplers.calculate_sigmas(sampling, "simple", 4)
        with torch.inference_mode():
            custom.SamplerCustomAdvanced.execute(
                custom.Noise_RandomNoise(7), make(model), comfy.samplers.sampler_object("euler"), sigmas,
                {"samples": tiny.latent("sd3")},
            )  # fmt: skip

    return sample


def three(model):
    conds = [tiny.conditioning("sd3", number) for number in (1, 2, 3)]
    return custom.DualCFGGuider.execute(model, *conds, 3.0, 2.0, "regular").args[0]


def perpendicular(model):
    import comfy_extras.nodes_perpneg as perpneg

    conds = [tiny.conditioning("sd3", number) for number in (1, 2, 3)]
    return perpneg.PerpNegGuider.execute(model, *conds, 4.0, 1.0).args[0]


def basic(model):
    return custom.BasicGuider.execute(model, tiny.conditioning("sd3", 1)).args[0]


def area(model):
    (embeddings, keys) = tiny.conditioning("sd3", 1)[0]
    halves = [[embeddings, {**keys, "area": (8, 24, at, 0)}] for at in (0, 8)]
    tiny.sample(model, "sd3", positive=[*halves, *tiny.conditioning("sd3", 3)])


GUIDED = {
    "one branch": guided(basic),
    "two branches": lambda model: tiny.sample(model, "sd3"),
    "CFG 1": lambda model: tiny.sample(model, "sd3", cfg=1.0),
    "three branches": guided(three),
    "perpendicular": guided(perpendicular),
    "areas": area,
}


@pytest.mark.parametrize("sample", GUIDED.values(), ids=GUIDED.keys())
def test_the_bytes_of_every_branch_are_announced(sample):
    asked, held = announced(tiny.shared_model("sd3"), "sd3", sample)
    assert 0 < held <= asked <= 1.25 * held
