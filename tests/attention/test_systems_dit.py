"""DiT as the loader builds it: the numbers are those of another implementation, and the host does with it what it does
with its own models."""

import json
from pathlib import Path

import pytest
import torch

from host import tiny

tiny.require_host()

import comfy.sample  # noqa: E402
import comfy.samplers  # noqa: E402
import comfy.utils  # noqa: E402
from systems.weights import dit_diffusers, dit_published  # noqa: E402

from ditfastattn.attention.systems.imagenet import CLASSES, class_conditioning  # noqa: E402
from ditfastattn.attention.systems.load import load  # noqa: E402
from ditfastattn.nodes.imagenet_class import ImageNetClass  # noqa: E402

pytestmark = pytest.mark.host
GOLDEN = json.loads((Path(__file__).parents[1] / "systems" / "dit.json").read_text())
LAYOUTS = {"published": dit_published, "diffusers": dit_diffusers}


def noise(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def relative(made, every, golden):
    wanted = torch.tensor(golden, dtype=torch.float64)
    return float((made.flatten()[::every].double() - wanted).norm() / wanted.norm())


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Files of tiny weights, by layout and patch."""
    folder = tmp_path_factory.mktemp("dit")

    def of(layout="published", patch=2):
        path = folder / f"{layout}{patch}.safetensors"
        if not path.exists():
            comfy.utils.save_torch_file(LAYOUTS[layout](patch), str(path))
        return str(path)

    return of


@torch.inference_mode()
def forward(patcher):
    model = patcher.model
    dtype = model.get_dtype_inference()
    return model.diffusion_model(
        noise(3, 4, 16, 16, seed=1).to(dtype),
        torch.tensor([999.0, 500.0, 3.0]),
        y=torch.tensor([[207], [999], [1000]]),
    )


@torch.inference_mode()
def ten_steps(patcher):
    """Euler on the noise levels of DDIM's timesteps is DDIM."""
    sampling = patcher.model.model_sampling
    sigmas = torch.cat([sampling.sigma(torch.tensor(GOLDEN["timesteps"])), torch.zeros(1)])
    start = noise(1, 4, 16, 16, seed=2) * (1 + sigmas[0] ** -2) ** 0.5
    made = comfy.sample.sample_custom(
        patcher,
        start,
        4.0,
        comfy.samplers.sampler_object("euler"),
        sigmas,
        class_conditioning(207),
        class_conditioning(None),
        torch.zeros(1, 4, 16, 16),
        disable_pbar=True,
    )
    return made * patcher.model.latent_format.scale_factor


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("patch", [2, 4])
def test_a_forward_gives_the_golden_numbers(file, layout, patch):
    assert relative(forward(load(file(layout, patch))), 29, GOLDEN[f"forward, patch {patch}"]) < 2e-6


@pytest.mark.parametrize("channels", [4, 3])
def test_ten_sampling_steps_give_the_golden_numbers(file, channels):
    made = ten_steps(load(file("diffusers"), guide_three=channels == 3))
    assert relative(made, 11, GOLDEN[f"10 steps, {channels} channels guided"]) < 1e-5


@pytest.mark.parametrize(("precision", "limit"), [("fp8_e4m3fn", 0.1), ("fp8_e5m2", 0.2)])
def test_fp8_weights_are_the_hosts_casts(file, precision, limit):
    patcher = load(file(), precision)
    linear = patcher.model.diffusion_model.blocks[0].attn.qkv
    assert "float8" in str(linear.weight.dtype)
    assert 1e-3 < relative(forward(patcher), 29, GOLDEN["forward, patch 2"]) < limit


def test_bf16_weights_are_cast_to_what_the_device_computes_in(file, tmp_path):
    path = str(tmp_path / "bf16.safetensors")
    comfy.utils.save_torch_file({name: one.bfloat16() for name, one in dit_published(2).items()}, path)
    assert 1e-4 < relative(forward(load(path)), 29, GOLDEN["forward, patch 2"]) < 0.02


def test_every_class_has_its_own_name_and_travels_exactly_in_half_precision(file):
    assert len(set(CLASSES)) == 1000
    classes, none = ImageNetClass.execute(CLASSES[999]).result
    model = load(file()).model
    model.manual_cast_dtype = torch.bfloat16
    for conditioning, label in ((classes, 999), (none, 1000)):
        y = model.extra_conds(**conditioning[0][1])["y"].cond
        assert y.dtype == torch.long and y.tolist() == [[label]]


def test_what_names_no_class_of_the_model_is_refused_with_a_sentence(file):
    patcher = load(file())
    with pytest.raises(ValueError, match="connect ImageNet Class"):
        tiny.sample(patcher, "dit", steps=1, positive=[[torch.zeros(1, 7, 64), {}]])
    with pytest.raises(ValueError, match="has 1000 classes, and 1001 is none"):
        tiny.sample(patcher, "dit", steps=1, positive=class_conditioning(1001))


def test_a_lora_by_the_published_names_changes_the_layers_that_it_names(file):
    patcher = load(file())
    name = "diffusion_model.blocks.0.attn.qkv"
    up, down = noise(3 * 384, 4, seed=3), noise(4, 384, seed=4)
    lora = {f"{name}.lora_up.weight": up, f"{name}.lora_down.weight": down}
    import comfy.sd

    changed, _ = comfy.sd.load_lora_for_models(patcher, None, lora, 1.0, 0.0)
    assert list(changed.patches) == [f"{name}.weight"]
    plain, made = (tiny.sample(one, "dit", steps=1) for one in (patcher, changed))
    assert not torch.equal(plain, made)


def test_a_model_that_the_host_saves_is_loaded_again(file, tmp_path):
    patcher = load(file("diffusers"))
    weights = patcher.model.state_dict_for_saving(patcher.model.diffusion_model.state_dict())
    path = str(tmp_path / "saved.safetensors")
    comfy.utils.save_torch_file(weights, path)
    assert torch.equal(forward(load(path)), forward(patcher))
    make, arguments = patcher.cached_patcher_init
    assert torch.equal(forward(make(*arguments, disable_dynamic=True)), forward(patcher))
