"""What other nodes put on a model and on conditionings before it is sampled, done with the host's own calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import comfy.controlnet
import comfy.hooks
import comfy.model_patcher
import comfy.ops
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


def controlled(seed: int) -> Callable[[str], list]:
    """With a ControlNet of the family's own, one and the same for both branches."""
    return lambda family: carrying(seed, control=_controlnet(family), control_apply_to_uncond=False)(family)


@cache
def _controlnet(family: str):
    """A network of the host's with the blocks of the model, so that it calls attention as the model does."""
    import comfy.cldm.mmdit
    import comfy.ldm.flux.controlnet

    classes = {"sd3": comfy.cldm.mmdit.ControlNet, "flux": comfy.ldm.flux.controlnet.ControlNetFlux}
    more = {"sd3": {"num_blocks": 2}, "flux": {"latent_input": True, "control_latent_channels": 16}}[family]
    config = tiny.configs()[family]["unet_config"]
    network = classes[family](**config, **more, dtype=torch.float32, operations=comfy.ops.disable_weight_init)
    tiny.fill(network, 5)
    conds = {"sd3": ["y"], "flux": ["y", "guidance"]}[family]
    made = comfy.controlnet.ControlNet(network, compression_ratio=1, load_device=torch.device("cpu"), extra_conds=conds)
    hint = torch.randn(tiny.latent(family).shape, generator=torch.Generator().manual_seed(6))
    return made.set_cond_hint(hint, 0.5, (0.0, 0.7))


def scheduled_lora(seed: int) -> Callable[[str], list]:
    """A LoRA of this conditioning alone that begins in the middle of the schedule."""

    def make(family: str) -> list:
        name, weight = _attention_weight(tiny.shared_model(family))
        generator, stem = torch.Generator().manual_seed(seed), name.removesuffix(".weight")
        up, down = (torch.randn(size, generator=generator) * 0.1 for size in ((len(weight), 4), (4, weight.shape[1])))
        group = comfy.hooks.create_hook_lora({f"{stem}.lora_up.weight": up, f"{stem}.lora_down.weight": down}, 1.0, 0.0)
        frames = comfy.hooks.HookKeyframeGroup()
        frames.add(comfy.hooks.HookKeyframe(strength=0.0, start_percent=0.0))
        frames.add(comfy.hooks.HookKeyframe(strength=1.0, start_percent=0.5))
        group.set_keyframes_on_hooks(frames)
        return comfy.hooks.set_hooks_for_conditioning(tiny.conditioning(family, seed), group)

    return make


def _attention_weight(model) -> tuple[str, torch.Tensor]:
    """A matrix of the blocks, none of what prepares the text."""
    return next(
        (name, weight)
        for name, weight in model.model.state_dict().items()
        if "blocks." in name
        and "attn" in name
        and "connector" not in name
        and weight.ndim == 2
        and name.endswith(".weight")
    )


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
    name, weight = _attention_weight(model)
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


def windows_over_frames(schedule: str, length: int = 2, overlap: int = 1) -> Callable:
    """Some frames of a video at a time, which overlap."""

    def put(model, family):
        import comfy_extras.nodes_context_windows as nodes

        node = nodes.ContextWindowsManualNode
        return node.execute(model, length, overlap, schedule, 1, False, "pyramid", 2, False, "", False, "", False).args[
            0
        ]

    return put


def step_cache(name: str, threshold: float = 100.0) -> Callable:
    """The host's cache of whole steps, at a threshold that leaves some out."""

    def put(model, family):
        import comfy_extras.nodes_easycache as nodes

        return getattr(nodes, f"{name}Node").execute(model, threshold, 0.0, 1.0, False).args[0]

    return put


@cache
def _fp8(family: str):
    return tiny.make_model(family, weights=torch.float8_e4m3fn)


def fp8_weights(model, family):
    """Weights in 8 bits that the host casts as they are used."""
    return _fp8(family)


class PartlyLoaded(comfy.model_patcher.ModelPatcher):
    """A model of which the host finds room for half: the rest is cast, and patched, as it is used."""

    def load(self, device_to=None, lowvram_model_memory=0, force_patch_weights=False, full_load=False):
        super().load(device_to, self.model_size() // 2, force_patch_weights, full_load=False)


@cache
def _partly(family: str):
    made = tiny.make_model(family)
    return PartlyLoaded(made.model, made.load_device, made.offload_device)


def partly_loaded(model, family):
    return _partly(family)


@cache
def _another(family: str):
    return tiny.make_model(family, seed=1)


def another(model, family):
    """A model of the same family with other weights."""
    return _another(family)


def as_it_is(model, family):
    return model
