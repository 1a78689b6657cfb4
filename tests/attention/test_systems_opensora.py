"""Open-Sora as the loader builds it: the numbers are those of the published code, and frames are seen as they are."""

import json
from pathlib import Path

import pytest
import torch

from host import tiny

tiny.require_host()

import comfy.sample  # noqa: E402
import comfy.samplers  # noqa: E402
import comfy.utils  # noqa: E402
from systems.weights import stdit2  # noqa: E402

from ditfastattn.attention.systems.load import load  # noqa: E402
from ditfastattn.attention.systems.opensora import conditioning  # noqa: E402
from ditfastattn.nodes.opensora import OpenSoraConditioning, VideoLatentToFrames  # noqa: E402

pytestmark = pytest.mark.host
GOLDEN = json.loads((Path(__file__).parents[1] / "systems" / "stdit2.json").read_text())


def noise(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def relative(made, golden):
    wanted = torch.tensor(golden, dtype=torch.float64)
    return float((made.flatten()[::7].double() - wanted).norm() / wanted.norm())


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("stdit") / "stdit2.safetensors")
    comfy.utils.save_torch_file(stdit2(), path)
    return path


@torch.inference_mode()
def forward(patcher, shape=(3, 8, 12)):
    model = patcher.model
    dtype = model.get_dtype_inference()
    measures = torch.tensor([[8 * shape[1], 8 * shape[2], shape[0], 24]])
    text = noise(5, 32, seed=3)[None].to(dtype)
    return model.diffusion_model(noise(1, 4, *shape, seed=1).to(dtype), torch.tensor([737.0]), text, measures=measures)


@pytest.mark.parametrize("shape", [(3, 8, 12), (2, 7, 9)])
def test_a_forward_gives_the_golden_numbers(file, shape):
    assert relative(forward(load(file), shape), GOLDEN[f"forward, {shape}"]) < 2e-6


def test_ten_guided_steps_give_the_golden_numbers(file):
    """With the null text of the prompt's length, three channels guided; Euler on DDIM's noise levels is DDIM."""
    patcher = load(file, guide_three=True)
    sampling = patcher.model.model_sampling
    sigmas = torch.cat([sampling.sigma(torch.tensor(GOLDEN["timesteps"])), torch.zeros(1)])
    start = noise(1, 4, 3, 8, 12, seed=2) * (1 + sigmas[0] ** -2) ** 0.5
    made = comfy.sample.sample_custom(
        patcher,
        start,
        7.0,
        comfy.samplers.sampler_object("euler"),
        sigmas,
        *conditioning([[noise(5, 32, seed=3)[None], {}]], 24),
        torch.zeros(1, 4, 3, 8, 12),
        disable_pbar=True,
    )
    assert relative(made * patcher.model.latent_format.scale_factor, GOLDEN["10 steps"]) < 1e-5


@pytest.mark.parametrize(("precision", "limit"), [("fp8_e4m3fn", 0.1), ("fp8_e5m2", 0.2)])
def test_fp8_weights_are_the_hosts_casts(file, precision, limit):
    patcher = load(file, precision)
    assert "float8" in str(patcher.model.diffusion_model.blocks[0].attn_temp.qkv.weight.dtype)
    assert 1e-3 < relative(forward(patcher), GOLDEN["forward, (3, 8, 12)"]) < limit


def test_bf16_weights_are_cast_to_what_the_device_computes_in(file, tmp_path):
    path = str(tmp_path / "bf16.safetensors")
    comfy.utils.save_torch_file({name: one.bfloat16() for name, one in stdit2().items()}, path)
    assert 1e-4 < relative(forward(load(path)), GOLDEN["forward, (3, 8, 12)"]) < 0.02


def test_both_branches_go_through_the_model_together_and_measures_travel_exactly(file):
    patcher, batches = load(file), []
    patcher.model.manual_cast_dtype = None
    positive, negative, latent, _ = OpenSoraConditioning.execute(
        [[noise(5, 32, seed=3)[None], {}]], 104, 64, 3, 25
    ).result

    def count(executor, x, timestep, context, measures, options):
        batches.append((x.shape[0], measures.tolist()))
        return executor(x, timestep, context, measures, options)

    patcher.add_wrapper_with_key("diffusion_model", "test", count)
    tiny.sample(patcher, "stdit2", steps=1, positive=positive, negative=negative, shape=latent["samples"].shape[1:])
    assert batches == [(2, [[64, 104, 3, 25]] * 2)]


def test_a_prompt_that_did_not_go_through_the_node_or_is_of_another_encoder_is_refused(file):
    for width, options in ((32, {}), (16, {"frame_rate": 24})):
        with pytest.raises(ValueError, match="through Open-Sora Conditioning"):
            tiny.sample(load(file), "stdit2", steps=1, positive=[[torch.zeros(1, 5, width), options]])


def test_a_longer_prompt_is_cut_to_what_the_model_takes(file):
    model = load(file).model
    positive, negative = conditioning([[noise(40, 32, seed=3)[None], {}]], 24)
    made = [
        model.extra_conds(cross_attn=text, noise=torch.zeros(1, 4, 3, 8, 12), **options)["c_crossattn"].cond
        for ((text, options),) in (positive, negative)
    ]
    assert [one.shape[1] for one in made] == [10, 10]
    assert torch.equal(made[1][0], stdit2()["y_embedder.y_embedding"])


def test_frames_of_a_latent_become_pictures_in_their_order():
    video = noise(2, 4, 3, 5, 6, seed=1)
    frames = VideoLatentToFrames.execute({"samples": video}).result[0]["samples"]
    assert frames.shape == (6, 4, 5, 6) and torch.equal(frames[4], video[1, :, 1])
