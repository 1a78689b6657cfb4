"""Patches of models as the host makes them of a file (ControlNets that go along with a model, styles, sound), tiny.

Each fits the tiny model of its family in tests/host/families.json.
"""

from __future__ import annotations

import torch

from . import models, objects

LITE, EMBEDDED = 8, 16  # widths of Anima's LLLite: of its layers, of the picture in it
LITE_TARGETS = ("self_attn_q_proj", "self_attn_k_proj", "self_attn_v_proj", "cross_attn_q_proj", "mlp_layer1")


def model_patch(file: str):
    """What a file's name says, with random weights, as a ModelPatcher."""
    import comfy.model_patcher
    import comfy.ops

    name = file.lower()
    kinds = (("infinitetalk", _sound), ("lllite", _lllite), ("diffsynth", _diffsynth), ("z-image", _z_image))
    make = next((made for start, made in kinds if start in name), _style)
    module = make(name, {"dtype": torch.float32, "operations": comfy.ops.disable_weight_init})
    with torch.no_grad():
        for key, tensor in module.state_dict(keep_vars=True).items():
            tensor.copy_(objects.random(tensor.shape, key) * 0.1 * max(1, tensor[0].numel()) ** -0.5)
    cpu = torch.device("cpu")
    return comfy.model_patcher.ModelPatcher(module, load_device=cpu, offload_device=cpu)


def _widths(base: str) -> dict:
    return models.entry_of(base)["unet_config"]


def _sound(name: str, made: dict):
    """InfiniteTalk's audio attention."""
    from comfy_extras.nodes_model_patch import MultiTalkModelPatch

    sizes = {"intermediate_dim": 16, "in_dim": models.TALKING_WIDTH, "out_dim": 32, "context_tokens": 4}
    return MultiTalkModelPatch(**sizes, num_layers=_widths("wan21_t2v")["num_layers"], **made)


def _style(name: str, made: dict):
    """USO's projector."""
    from comfy_extras.nodes_model_patch import SigLIPMultiFeatProjModel

    sizes = {
        "siglip_token_nums": objects.VISION_TOKENS,
        "style_token_nums": 8,
        "siglip_token_dims": objects.VISION_WIDTH,
    }
    return SigLIPMultiFeatProjModel(**sizes, hidden_size=_widths("flux")["hidden_size"], **made)


def _lllite(name: str, made: dict):
    """Anima's LLLite, whose sizes the host reads off the weights."""
    from comfy.ldm.anima.lllite import AnimaLLLite

    width, blocks = _widths("anima")["model_channels"], _widths("anima")["num_blocks"]
    shapes = {
        "conv1": (EMBEDDED // 2, 4 if "inpaint" in name else 3, 4, 4),
        "conv3": (EMBEDDED, EMBEDDED // 2, 4, 4),
        "proj": (EMBEDDED, EMBEDDED, 1, 1),
    }
    weights = {f"lllite_conditioning1.{part}.weight": torch.empty(shape) for part, shape in shapes.items()}
    for block in range(blocks):
        for target in LITE_TARGETS:
            layer = f"lllite_dit_blocks_{block}_{target}"
            weights[f"{layer}.down.weight"] = torch.empty(LITE, width)
            weights[f"{layer}.cond_to_film.weight"] = torch.empty(2 * LITE, EMBEDDED)
    return AnimaLLLite(weights, {}, **made)


def _diffsynth(name: str, made: dict):
    """DiffSynth's ControlNet for Qwen-Image."""
    from comfy_extras.nodes_model_patch import QwenImageBlockWiseControlNet

    config = _widths("qwen")
    width = config["attention_head_dim"] * config["num_attention_heads"]
    more = 4 if "inpaint" in name else 0
    return QwenImageBlockWiseControlNet(config["num_layers"], additional_in_dim=more, dim=width, **made)


def _z_image(name: str, made: dict):
    """Alibaba's ControlNet for Z-Image."""
    from comfy.ldm.lumina.controlnet import ZImage_Control

    config = _widths("zimage")
    sizes = {key: config[key] for key in ("dim", "n_heads", "n_kv_heads", "ffn_dim_multiplier")}
    return ZImage_Control(**sizes, **made)
