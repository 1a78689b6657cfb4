"""What other nodes put on a model and on conditionings before it is sampled, done with the host's own calls."""

from __future__ import annotations

from collections.abc import Callable

import comfy.samplers
import torch

from host import tiny

# -- what conditionings may carry --------------------------------------------------------------------------------------


def carrying(seed: int, length: int | None = None, **extra) -> Callable[[str], list]:
    """One conditioning with more keys."""

    def make(family: str) -> list:
        ((embeddings, keys),) = tiny.conditioning(family, seed, length)
        return [[embeddings, {**keys, **extra}]]

    return make


def both(*some: Callable[[str], list]) -> Callable[[str], list]:
    """Several conditionings of one branch."""
    return lambda family: [one for make in some for one in make(family)]


def half_mask(family: str) -> torch.Tensor:
    height, width = tiny.latent(family).shape[-2:]
    mask = torch.zeros(1, height, width)
    mask[..., : width // 2] = 1.0
    return mask


# -- what other nodes put on a model -----------------------------------------------------------------------------------


def differential(model, family):
    import comfy_extras.nodes_differential_diffusion as nodes

    return nodes.DifferentialDiffusion.execute(model).args[0]


def cfg_ends(model, family):
    """CFG in the first half of the schedule alone."""

    def toggled(args):
        return args["cond"] if float(args["sigma"].flatten()[0]) < 0.6 else args["cond"] * 4 - args["uncond"] * 3

    changed = model.clone()
    changed.set_model_sampler_cfg_function(toggled)
    return changed


def cfg_one(model, family):
    """The scale is 1 from the middle on, so that the host leaves the negative branch out."""

    def toggled(executor, x, timestep, model_options=None, seed=None):
        guider = executor.class_obj
        before = guider.cfg
        guider.cfg = 1.0 if 0.3 < float(timestep.flatten()[0]) < 0.8 else before
        try:
            return executor(x, timestep, model_options, seed)
        finally:
            guider.cfg = before

    changed = model.clone()
    changed.add_wrapper_with_key("predict_noise", "toggled", toggled)
    return changed


def side_pass(model, family):
    """Guidance that runs the conditional branch once more, as SLG and PAG do."""

    def guided(args):
        (again,) = comfy.samplers.calc_cond_batch(
            args["model"], [args["cond"]], args["input"], args["sigma"], args["model_options"]
        )
        return args["denoised"] + 0.1 * again

    changed = model.clone()
    changed.set_model_sampler_post_cfg_function(guided)
    return changed


def lora(model, family, strength=0.05):
    """Patched weights."""
    changed = model.clone()
    weights = model.model.state_dict().items()
    name, weight = next(one for one in weights if one[0].startswith("diffusion_model.") and one[1].ndim == 2)
    changed.add_patches({name: ("diff", (torch.ones_like(weight),))}, strength)
    return changed


def handed_on(model, family):
    changed = model.clone()
    changed.set_model_unet_function_wrapper(lambda apply, args: apply(args["input"], args["timestep"], **args["c"]))
    return changed


def little_memory(model, family):
    """The host finds room for one branch at a time."""
    changed = model.clone()
    changed.get_free_memory = lambda device: 1
    return changed
