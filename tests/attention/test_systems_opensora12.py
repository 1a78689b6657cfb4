"""Open-Sora 1.2 as the loader builds it: the numbers are those of the published code, from noise to frames."""

import json
from pathlib import Path

import pytest
import torch

from host import tiny

tiny.require_host()

import comfy.sample  # noqa: E402
import comfy.samplers  # noqa: E402
import comfy.utils  # noqa: E402
from comfy.ldm.models.autoencoder import AutoencoderKL  # noqa: E402
from comfy_extras.nodes_model_advanced import ModelSamplingSD3  # noqa: E402
from systems.weights import spatial_vae, stdit3, temporal_vae  # noqa: E402

import nodes as host_nodes  # noqa: E402
from ditfastattn.attention.systems.load import load  # noqa: E402
from ditfastattn.attention.systems.opensora import V12, conditioning, latent_frames, shift  # noqa: E402
from ditfastattn.attention.systems.temporal_vae import SCALE, SHIFT, TemporalVAE, VideoVAE  # noqa: E402
from ditfastattn.attention.systems.vae_file import load_vae  # noqa: E402
from ditfastattn.nodes.opensora import OpenSoraConditioning  # noqa: E402

pytestmark = pytest.mark.host
GOLDEN = json.loads((Path(__file__).parents[1] / "systems" / "opensora12.json").read_text())
VIDEO = (1, 4, 10, 8, 12)  # of 34 frames of 96 x 64 pixels


def noise(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def relative(made, golden):
    wanted = torch.tensor(golden, dtype=torch.float64)
    return float((made.flatten()[::7].double() - wanted).norm() / wanted.norm())


def told(made, golden):
    """The same where values are nearly nothing: the largest difference."""
    return float((made.flatten()[::7].double() - torch.tensor(golden, dtype=torch.float64)).abs().max())


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("stdit3") / "stdit3.safetensors")
    comfy.utils.save_torch_file(stdit3(), path)
    return path


def prompt():
    return [[noise(5, 32, seed=3)[None], {}]]


@torch.inference_mode()
def forward(patcher, shape=(3, 8, 12)):
    model = patcher.model
    dtype = model.get_dtype_inference()
    measures = torch.tensor([[8 * shape[1], 8 * shape[2], shape[0], 24]])
    text = noise(5, 32, seed=3)[None].to(dtype)
    return -model.diffusion_model(noise(1, 4, *shape, seed=1).to(dtype), torch.tensor([737.0]), text, measures=measures)


@pytest.mark.parametrize("shape", [(3, 8, 12), (2, 7, 9)])
def test_a_forward_gives_the_golden_numbers(file, shape):
    assert relative(forward(load(file), shape), GOLDEN[f"forward, {shape}"]) < 2e-6


def test_ten_guided_steps_give_the_golden_numbers(file):
    """Euler on the host's simple noise levels, shifted by the host's own node, is the published rectified flow."""
    *_, latent, moved = OpenSoraConditioning.execute(prompt(), 96, 64, 34, 24, version=V12).result
    (patcher,) = ModelSamplingSD3().patch(load(file), moved)
    sigmas = comfy.samplers.calculate_sigmas(patcher.get_model_object("model_sampling"), "simple", 10)
    assert [1000 * float(sigma) for sigma in sigmas[:-1]] == pytest.approx(GOLDEN["timesteps"], abs=1e-3)
    made = comfy.sample.sample_custom(
        patcher,
        noise(*VIDEO, seed=2),
        7.0,
        comfy.samplers.sampler_object("euler"),
        sigmas,
        *conditioning(prompt(), 24),
        latent["samples"],
        disable_pbar=True,
    )
    assert latent["samples"].shape == VIDEO and relative(made, GOLDEN["10 steps"]) < 1e-5


@pytest.mark.parametrize(("precision", "limit"), [("fp8_e4m3fn", 0.1), ("fp8_e5m2", 0.2)])
def test_fp8_weights_are_the_hosts_casts(file, precision, limit):
    patcher = load(file, precision)
    assert "float8" in str(patcher.model.diffusion_model.temporal_blocks[0].attn.qkv.weight.dtype)
    assert 1e-3 < relative(forward(patcher), GOLDEN["forward, (3, 8, 12)"]) < limit


def test_bf16_weights_are_cast_to_what_the_device_computes_in(tmp_path):
    path = str(tmp_path / "bf16.safetensors")
    comfy.utils.save_torch_file({name: one.bfloat16() for name, one in stdit3().items()}, path)
    assert 1e-4 < relative(forward(load(path)), GOLDEN["forward, (3, 8, 12)"]) < 0.02


def test_both_branches_go_through_the_model_together(file):
    patcher, batches = load(file), []
    positive, negative, latent, _ = OpenSoraConditioning.execute(prompt(), 104, 64, 17, 25, version=V12).result

    def count(executor, x, timestep, context, measures, options):
        batches.append((x.shape[0], measures.tolist()))
        return executor(x, timestep, context, measures, options)

    patcher.add_wrapper_with_key("diffusion_model", "test", count)
    tiny.sample(patcher, "stdit3", steps=1, positive=positive, negative=negative, shape=latent["samples"].shape[1:])
    assert batches == [(2, [[64, 104, 5, 25]] * 2)]


def test_files_of_which_something_is_missing_foreign_or_of_another_shape_get_one_sentence(tmp_path):
    path, weights = str(tmp_path / "wrong.safetensors"), stdit3()
    for wrong, told in (
        (
            {key: one for key, one in weights.items() if key != "t_block.1.bias"},
            "1 tensors are missing.*t_block.1.bias",
        ),
        (weights | {"control.weight": torch.zeros(2)}, "1 are of no layer.*control.weight"),
        (weights | {"t_block.1.bias": torch.zeros(2)}, "1 have another shape.*t_block.1.bias"),
        ({key: one for key, one in weights.items() if "q_norm" not in key}, "its size is none that is known"),
    ):
        comfy.utils.save_torch_file(wrong, path)
        with pytest.raises(ValueError, match=f"^wrong.safetensors .*Open-Sora 1.2.*{told}"):
            load(path)


def test_a_latent_has_as_many_frames_as_the_autoencoder_makes_and_the_shift_is_that_of_whole_chunks():
    assert [latent_frames(frames, V12) for frames in (1, 16, 17, 18, 51, 102)] == [1, 4, 5, 6, 15, 30]
    assert shift(512, 512, 1) == 1.0 and shift(424, 240, 51) == pytest.approx(2.413, abs=1e-3)
    assert shift(512, 512, 18) == shift(512, 512, 17) == pytest.approx(5**0.5)


# -- the autoencoder ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def packs():
    made = TemporalVAE(32, (1, 1, 1, 2), 1)
    made.load_state_dict(temporal_vae())
    return made


@pytest.mark.parametrize("frames", [17, 6, 1])
@torch.inference_mode()
def test_chunks_are_packed_and_unpacked_as_the_published_code_does(packs, frames):
    packed = packs.encode(noise(1, 4, frames, 4, 6, seed=4))
    assert packed.shape[2] == -(-frames // 4) and told(packed, GOLDEN[f"packed, {frames}"]) < 1e-5
    unpacked = packs.decode(packed, frames)
    assert unpacked.shape[2] == frames and told(unpacked, GOLDEN[f"unpacked, {frames}"]) < 1e-5


@pytest.fixture(scope="module")
def vae_weights():
    weights = {f"spatial_vae.module.{key}": one for key, one in spatial_vae().items()}
    weights |= {f"temporal_vae.{key}": one for key, one in temporal_vae().items()}
    return weights | {"scale": torch.tensor(SCALE) / 2, "shift": torch.tensor(SHIFT)}


@pytest.fixture(scope="module")
def vae(vae_weights, tmp_path_factory):
    path = str(tmp_path_factory.mktemp("vae") / "vae.safetensors")
    comfy.utils.save_torch_file(vae_weights, path)
    return load_vae(path)


@torch.inference_mode()
def test_the_hosts_vae_decode_makes_all_frames_of_a_video(vae, packs):
    """Two chunks and a rest: each unpacked alone, each frame through the part for pictures, brought to 0..1."""
    latent = noise(1, 4, 11, 4, 6, seed=5)
    (frames,) = host_nodes.VAEDecode().decode(vae, {"samples": latent})
    z = latent * torch.tensor(SCALE).view(1, 4, 1, 1, 1) / 2 + torch.tensor(SHIFT).view(1, 4, 1, 1, 1)
    parts = [packs.decode(z[:, :, :5], 17), packs.decode(z[:, :, 5:10], 17), packs.decode(z[:, :, 10:], 4)]
    pictures = torch.cat(parts, 2)[0].transpose(0, 1) / 0.18215
    expected = torch.cat([vae.first_stage_model.spatial.decode(one[None]) for one in pictures])
    assert frames.shape == (38, 32, 48, 3)
    assert torch.allclose(frames, ((expected + 1) / 2).clamp(0, 1).movedim(1, -1), atol=1e-5)


@torch.inference_mode()
def test_a_latent_of_one_frame_is_one_picture(vae):
    assert host_nodes.VAEDecode().decode(vae, {"samples": noise(1, 4, 1, 4, 4, seed=5)})[0].shape == (1, 32, 32, 3)


@torch.inference_mode()
def test_tiles_of_frames_decode_to_what_whole_frames_do(vae):
    """All of a frame in one tile, so that nothing but rounding differs."""
    latent = noise(1, 4, 2, 4, 4, seed=5)
    (whole,) = host_nodes.VAEDecode().decode(vae, {"samples": latent})
    (tiled,) = host_nodes.VAEDecodeTiled().decode(vae, {"samples": latent}, 512, 64, 64, 8)
    assert torch.allclose(whole, tiled, atol=1e-4)


@torch.inference_mode()
def test_the_hosts_vae_encode_gives_the_latent_of_a_video(vae, packs):
    video = torch.rand(18, 32, 32, 3, generator=torch.Generator().manual_seed(6))
    latent = vae.encode(video)
    frames = torch.stack([vae.first_stage_model.spatial.encode(2 * one.movedim(2, 0)[None] - 1) for one in video], 2)
    packed = torch.cat([packs.encode(chunk * 0.18215) for chunk in (frames[:, :, :17], frames[:, :, 17:])], 2)
    expected = (packed - torch.tensor(SHIFT).view(1, 4, 1, 1, 1)) * 2 / torch.tensor(SCALE).view(1, 4, 1, 1, 1)
    assert latent.shape == (1, 4, 6, 4, 4)
    # The part for pictures draws its latents at random, around means.
    assert float((latent - expected).norm() / expected.norm()) < 0.5


def test_without_scales_in_the_file_the_published_ones_serve():
    pair = VideoVAE(torch.nn.Identity(), TemporalVAE(32, (1, 1, 1, 1), 1))
    assert pair.scale.flatten().tolist() == pytest.approx(SCALE) and pair.shift.flatten().tolist() == pytest.approx(
        SHIFT
    )


def test_files_that_are_no_whole_autoencoder_of_it_get_one_sentence(vae_weights, tmp_path):
    path, first = str(tmp_path / "wrong.safetensors"), "temporal_vae.encoder.conv_in.conv.weight"
    for wrong, told in (
        (spatial_vae(), "is no autoencoder of Open-Sora 1.2"),
        ({key: one for key, one in vae_weights.items() if key != first}, f"1 tensors are missing.*{first}"),
        (vae_weights | {"temporal_vae.more": torch.zeros(2)}, "1 are of no layer.*temporal_vae.more"),
        (vae_weights | {first: torch.zeros(2)}, f"1 have another shape.*{first}"),
    ):
        comfy.utils.save_torch_file(wrong, path)
        with pytest.raises(ValueError, match=f"^wrong.safetensors .*{told}"):
            load_vae(path)
    torch.save({"weights": torch.nn.Linear(2, 2)}, path := str(tmp_path / "pickled.pt"))
    with pytest.raises(ValueError, match="pickled.pt cannot be read as tensors alone"):
        load_vae(path)


def test_the_part_for_pictures_is_as_large_as_the_file_says(vae):
    pictures = vae.first_stage_model.spatial
    assert isinstance(pictures, AutoencoderKL) and pictures.encoder.conv_in.weight.shape[0] == 32
    assert torch.equal(pictures.post_quant_conv.weight, spatial_vae()["post_quant_conv.weight"])
