"""Tiny random models of the host's own classes, sampled through the host's own sampler, in this process.

Needs COMFYUI_PATH. `families.json` holds one configuration a family; weights are random but fixed by a seed.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

import pytest
import torch

FAMILIES = ("sd3", "sd35m", "flux", "pixart_sigma", "wan21_t2v")
_CONFIGS = Path(__file__).with_name("families.json")


def require_host() -> None:
    """Skip the calling test module when there is no ComfyUI; call it before importing anything of the host."""
    if not os.environ.get("COMFYUI_PATH"):
        pytest.skip("no ComfyUI: set COMFYUI_PATH, or run python dev.py test", allow_module_level=True)
    load_host()


def host_path() -> str:
    """Folder of the ComfyUI in use."""
    return os.environ["COMFYUI_PATH"]


def load_host() -> None:
    """Put the host on the import path in CPU mode; safe to call again."""
    path = host_path()
    if path not in sys.path:
        sys.path.insert(0, path)
    import comfy.options  # noqa: F401 - argument parsing stays off
    from comfy.cli_args import args

    torch.set_num_threads(1)  # the models are tiny: threads cost more than they bring
    if not torch.cuda.is_available():
        args.cpu = True
    args.use_pytorch_cross_attention = True


@cache
def configs() -> dict:
    """families.json: a configuration, a latent's shape and what conditionings look like, a family. One `like` another
    differs in what it says itself.
    """
    read = json.loads(_CONFIGS.read_text())
    return {name: {**read.get(entry.get("like"), {}), **entry} for name, entry in read.items()}


@cache
def shared_model(family: str):
    """One model a family for tests that leave it as it was, which every test must."""
    return make_model(family)


def make_model(family: str, seed: int = 0, weights: torch.dtype = torch.float32):
    """A ModelPatcher of one family with random weights of a sensible scale, on the CPU; computes in float32."""
    entry = configs()[family]
    return model_of(entry["model_class"], entry["unet_config"], seed, weights)


@cache
def skeleton(family: str):
    """The network of one family without weights, for what is known of its modules."""
    entry = configs()[family]
    return _built(entry["model_class"], entry["unet_config"], torch.device("meta")).diffusion_model


def _built(model_class: str, unet_config: dict, device=None, weights: torch.dtype = torch.float32):
    load_host()
    import comfy.supported_models

    config = (getattr(comfy.supported_models, model_class, None) or _of_papers(model_class))(dict(unet_config))
    config.unet_config.update(unet_config)  # before what the class says of the real model
    config.set_inference_dtype(weights, None if weights == torch.float32 else torch.float32)
    with _small_adapter():
        return config.get_model({}, "", device=device)


def _of_papers(model_class: str):
    """A configuration class of the models that the host lacks."""
    from ditfastattn.attention.systems.load import SYSTEMS

    return next(system.config for system in SYSTEMS if system.config.__name__ == model_class)


def model_of(model_class: str, unet_config: dict, seed: int = 0, weights: torch.dtype = torch.float32):
    """The same of any class of the host's supported models."""
    base = _built(model_class, unet_config, weights=weights)
    import comfy.model_patcher

    fill(base.diffusion_model, seed)
    cpu = torch.device("cpu")
    return comfy.model_patcher.ModelPatcher(base, load_device=cpu, offload_device=cpu)


def fill(network: torch.nn.Module, seed: int = 0) -> None:
    """Random weights of a sensible scale in place of whatever the memory held."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict(keep_vars=True).items():
            _initialise(name, tensor, generator)


@contextmanager
def _small_adapter():
    """Anima's text adapter has 100 million weights whatever the configuration says."""
    import comfy.ldm.anima.model as anima

    adapter = anima.LLMAdapter
    anima.LLMAdapter = partial(adapter, source_dim=64, target_dim=64, model_dim=64, num_layers=1, num_heads=2)
    try:
        yield
    finally:
        anima.LLMAdapter = adapter


def _initialise(name: str, tensor: torch.Tensor, generator: torch.Generator) -> None:
    if not tensor.is_floating_point():
        return
    if tensor.ndim >= 2 and "pos_embed" not in name:
        fan_in = tensor[0].numel()
        tensor.copy_(torch.randn(tensor.shape, generator=generator) * fan_in**-0.5)
    elif "norm" in name or "ln_" in name or "scale" in name:
        tensor.copy_(1 + 0.1 * torch.randn(tensor.shape, generator=generator))
    else:
        tensor.copy_(0.1 * torch.randn(tensor.shape, generator=generator))


def conditioning(family: str, seed: int, length: int | None = None) -> list:
    """A conditioning of random embeddings as the family expects it, with masks of ones; `length` overrides the number
    of text tokens.
    """
    entry = configs()[family]
    generator = torch.Generator().manual_seed(seed)
    if entry["context_shape"] is None:  # a class and no text
        return [[None, {"class_label": int(torch.randint(0, entry["classes"], (), generator=generator))}]]
    tokens, width = entry["context_shape"]
    extra = {}
    if entry["pooled_dim"]:
        extra["pooled_output"] = torch.randn(1, entry["pooled_dim"], generator=generator)
    tokens = length or tokens
    for name, value in entry["extra_conditioning"].items():
        extra[name] = _extra(name, value, tokens, generator)
    return [[torch.randn(1, tokens, width, generator=generator), extra]]


def _extra(name: str, value, tokens: int, generator: torch.Generator):
    if isinstance(value, list):
        return [_extra(name, one, tokens, generator) for one in value]
    if not isinstance(value, dict):
        return value
    shape = [1, tokens] if name == "attention_mask" else value["tensor"]
    if "ids" in name:
        return torch.randint(0, 1000, shape, generator=generator)
    made = torch.ones(shape) if "mask" in name else torch.randn(shape, generator=generator)
    return made.to(getattr(torch, value["dtype"]))


def latent(family: str, batch: int = 1, shape: tuple[int, ...] | None = None) -> torch.Tensor:
    """An empty latent (B, C, [T,] H, W); several in one where the family has a shape for each."""
    shape = shape or configs()[family]["latent_shape"]
    if isinstance(shape[0], int):
        return torch.zeros(batch, *shape)
    import comfy.nested_tensor

    return comfy.nested_tensor.NestedTensor([torch.zeros(batch, *one) for one in shape])


def sample(
    model,
    family: str,
    *,
    cfg: float = 4.0,
    steps: int = 4,
    batch: int = 1,
    seed: int = 7,
    sampler: str = "euler",
    scheduler: str = "simple",
    split: bool = False,
    shape=None,
    denoise: float = 1.0,
    callback=None,
    positive=None,
    negative=None,
) -> torch.Tensor:
    """Sample through the host. split: prompts of different lengths, so that the branches run as two forwards.

    Of several latents in one the values come as (B, N).
    """
    import comfy.sample

    empty = latent(family, batch, shape)
    noise = comfy.sample.prepare_noise(empty, seed)
    tokens = (configs()[family]["context_shape"] or [0])[0]
    positive = positive or conditioning(family, 1)
    negative = negative or conditioning(family, 2, tokens + 3 if split else None)
    with torch.inference_mode():
        made = comfy.sample.sample(
            model,
            noise,
            steps,
            cfg,
            sampler,
            scheduler,
            positive,
            negative,
            empty,
            seed=seed,
            denoise=denoise,
            disable_pbar=True,
            callback=callback,
        )
    return torch.cat([one.flatten(1) for one in made.unbind()], 1) if made.is_nested else made


def live_tensors() -> tuple[int, int]:
    """How many tensors there are in this process, and their bytes."""
    gc.collect()
    found = {}
    for thing in gc.get_objects():
        try:
            if isinstance(thing, torch.Tensor):
                found[thing.data_ptr()] = thing.untyped_storage().nbytes()
        except (ReferenceError, RuntimeError):
            continue
    return len(found), sum(found.values())
