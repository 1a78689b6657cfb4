"""Files of the papers' models to models of the host."""

from __future__ import annotations

from pathlib import Path

import comfy.model_management
import comfy.model_patcher
import comfy.utils
import torch
from torch import nn

from ...sentences import say
from . import dit_model, opensora
from .base import System, Weights
from .guidance import three_channels

SYSTEMS = (dit_model.PUBLISHED, dit_model.DIFFUSERS, opensora.OPEN_SORA_11, opensora.OPEN_SORA_12)
PRECISIONS = {"default": None, "fp8_e4m3fn": torch.float8_e4m3fn, "fp8_e5m2": torch.float8_e5m2}
# What files put before every name: the host's own when it saves a model, and that of training on several GPUs.
_PREFIXES = ("model.diffusion_model.", "module.")
_EXAMPLES = 3  # names in a sentence


def load(path: str, precision: str = "default", guide_three: bool = False, disable_dynamic: bool = False):
    """A file as the host's ModelPatcher. Raises ValueError, with what is wrong with the file in one sentence.

    precision: of the weights, one of PRECISIONS. guide_three: whether the guidance scale acts on the first three
    channels alone. disable_dynamic: as the host asks for it, where it loads a file again.
    """
    name = Path(path).name
    system, weights, settings = recognised(name, read(path))
    patcher = _patcher(system, weights, settings, PRECISIONS[precision], disable_dynamic)
    if guide_three:
        patcher.set_model_sampler_cfg_function(three_channels)
    patcher.cached_patcher_init = (load, (path, precision, guide_three))
    return patcher


def read(path: str) -> Weights:
    """The tensors of a file, through the host's loader, which runs no code of it. Raises ValueError."""
    name = Path(path).name
    try:
        weights = comfy.utils.load_torch_file(path, safe_load=True)
    except Exception as error:
        raise ValueError(
            say(
                "{file} cannot be read as tensors alone ({error}): files with anything else are refused, because "
                "they may run code. Look for a safetensors file of the model.",
                file=name,
                error=str(error).splitlines()[0] if str(error) else type(error).__name__,
            )
        ) from error
    if isinstance(weights, dict) and isinstance(weights.get("ema"), dict):
        weights = weights["ema"]  # of a training checkpoint: the averaged weights, which pictures are made with
    if not isinstance(weights, dict) or not all(isinstance(one, torch.Tensor) for one in weights.values()):
        raise ValueError(say("{file} holds more than the tensors of one model.", file=name))
    for prefix in _PREFIXES:
        if weights and all(key.startswith(prefix) for key in weights):
            weights = {key[len(prefix) :]: tensor for key, tensor in weights.items()}
    return weights


def recognised(name: str, weights: Weights) -> tuple[System, Weights, dict]:
    """Which model's weights these are, the weights by the network's names, and the network's arguments.

    name: of the file, for sentences. Raises ValueError where they are of none, or not all that the model needs.
    """
    system = next((one for one in SYSTEMS if one.knows(weights)), None)
    if system is None:
        raise ValueError(
            say(
                "{file} is none of the models that this node loads ({models}): it holds {examples}. The host's Load "
                "Diffusion Model may know it.",
                file=name,
                models=", ".join(dict.fromkeys(one.title for one in SYSTEMS)),
                examples=_some(weights),
            )
        )
    try:
        renamed = system.renamed(weights)
        settings = system.settings(renamed)
        expected = _skeleton(system, settings)
    except (KeyError, IndexError, ValueError, RuntimeError) as error:
        raise ValueError(
            say(
                "{file} looks like {model}, and its size is none that is known ({error}).",
                file=name,
                model=system.title,
                error=str(error),
            )
        ) from error
    renamed = {key: one for key, one in renamed.items() if not any(part in key for part in system.ignored)}
    require_whole(name, system.title, renamed, expected)
    return system, renamed, settings


def require_whole(name: str, model: str, weights: Weights, expected: Weights) -> None:
    """Raises ValueError where weights are not those expected by name and shape. name: of the file. model: its title."""
    missing = [key for key in expected if key not in weights]
    foreign = [key for key in weights if key not in expected]
    other = [key for key in expected if key in weights and weights[key].shape != expected[key].shape]
    if missing or foreign or other:
        raise ValueError(
            say(
                "{file} is not a whole {model}: {missing} tensors are missing, {foreign} are of no layer, {other} have "
                "another shape ({examples}).",
                file=name,
                model=model,
                missing=len(missing),
                foreign=len(foreign),
                other=len(other),
                examples=_some((*missing[:1], *foreign[:1], *other[:1])),
            )
        )


def _some(names) -> str:
    return ", ".join(list(names)[:_EXAMPLES])


def _skeleton(system: System, settings: dict) -> Weights:
    """Names and shapes of the network's weights, without memory for them."""
    with torch.device("meta"):
        return system.network(**settings, dtype=None, device="meta", operations=nn).state_dict()


def _patcher(system: System, weights: Weights, settings: dict, dtype: torch.dtype | None, disable_dynamic: bool):
    """The host's model with the weights in it, as its own loader makes one: low memory, casts and LoRA follow."""
    management = comfy.model_management
    device, offload = management.get_torch_device(), management.unet_offload_device()
    config = system.config(settings)
    supported = list(config.supported_inference_dtypes)
    if dtype is None:
        dtype = management.unet_dtype(
            model_params=comfy.utils.calculate_parameters(weights),
            supported_dtypes=supported,
            weight_dtype=comfy.utils.weight_dtype(weights),
        )
    config.set_inference_dtype(dtype, management.unet_manual_cast(dtype, device, supported), device=device)
    model = config.get_model(weights).eval()
    kind = comfy.model_patcher.ModelPatcher if disable_dynamic else comfy.model_patcher.CoreModelPatcher
    patcher = kind(model, load_device=device, offload_device=offload)
    if not management.is_device_cpu(offload):
        model.to(offload)
    model.load_model_weights(weights, "", assign=patcher.is_dynamic())
    return patcher
