"""DiT as the host's configuration and model, and its files: as they were published, and in diffusers' layout."""

from __future__ import annotations

import comfy.conds
import comfy.latent_formats
import comfy.model_base
import torch

from ...sentences import say
from .base import System, SystemConfig, Weights, count
from .dit import ClassConditionalDiT
from .imagenet import LABEL

# Heads by width, of DiT-S, B, L and XL: files do not tell.
_HEADS = {384: 6, 768: 12, 1024: 16, 1152: 16}


class ClassConditionalModel(comfy.model_base.BaseModel):
    """The host's side of the model: hands on the class as an integer, which no precision rounds."""

    def __init__(self, model_config, model_type=comfy.model_base.ModelType.EPS, device=None):
        super().__init__(model_config, model_type, device=device, unet_model=ClassConditionalDiT)

    def extra_conds(self, **kwargs) -> dict:
        """Raises ValueError where the conditioning names no class, or one that the model does not have."""
        if LABEL not in kwargs:
            raise ValueError(say("DiT draws classes and no text: connect ImageNet Class to the sampler."))
        none = self.diffusion_model.y_embedder.rows - 1
        label = none if kwargs[LABEL] is None else int(kwargs[LABEL])
        if not 0 <= label <= none:
            raise ValueError(
                say("This DiT has {classes} classes, and {label} is none of them.", classes=none, label=label)
            )
        return {"y": comfy.conds.CONDRegular(torch.tensor([[label]], dtype=torch.long))}


# That of DDPM.
NOISE_SCHEDULE = {
    "beta_schedule": "sqrt_linear",  # the host's name for steps that are evenly spaced in beta
    "linear_start": 1e-4,
    "linear_end": 0.02,
    "timesteps": 1000,
}


class DiT(SystemConfig):
    """The host's configuration of DiT: noise is predicted, on the linear schedule of DDPM; latents are SD 1's."""

    sampling_settings = NOISE_SCHEDULE
    latent_format = comfy.latent_formats.SD15
    supported_inference_dtypes = [torch.float16, torch.bfloat16, torch.float32]

    def get_model(self, state_dict, prefix="", device=None):
        """As the host's configurations do."""
        return ClassConditionalModel(self, device=device)


def _settings(weights: Weights) -> dict:
    """Of weights in the published layout."""
    width, channels, patch, _ = weights["x_embedder.proj.weight"].shape
    if width not in _HEADS:
        raise ValueError(width)
    return {
        "hidden_size": width,
        "depth": count(weights, "blocks."),
        "num_heads": _HEADS[width],
        "patch": patch,
        "in_channels": channels,
        "out_channels": weights["final_layer.linear.weight"].shape[0] // patch**2,
        "classes": weights["y_embedder.embedding_table.weight"].shape[0],
    }


# Names in diffusers' layout, of a block and of the rest, and what the same is called here.
_OF_BLOCK = {
    "norm1.linear": "adaLN_modulation.1",
    "attn1.to_out.0": "attn.proj",
    "ff.net.0.proj": "mlp.fc1",
    "ff.net.2": "mlp.fc2",
}
# Each block has a copy of these; the first is taken.
_OF_EMBEDDERS = {
    "norm1.emb.timestep_embedder.linear_1": "t_embedder.mlp.0",
    "norm1.emb.timestep_embedder.linear_2": "t_embedder.mlp.2",
    "norm1.emb.class_embedder.embedding_table": "y_embedder.embedding_table",
}
_OF_MODEL = {
    "pos_embed.proj": "x_embedder.proj",
    "proj_out_1": "final_layer.adaLN_modulation.1",
    "proj_out_2": "final_layer.linear",
}


def _from_diffusers(weights: Weights) -> Weights:
    """Weights in diffusers' layout by the published names; names that are not known stay as they are."""
    found: Weights = {}
    for name, tensor in weights.items():
        if name.startswith("transformer_blocks."):
            _, block, rest = name.split(".", 2)
            part, _, kind = rest.rpartition(".")
            if part in ("attn1.to_q", "attn1.to_k", "attn1.to_v"):
                if part.endswith("q"):
                    three = [weights[name.replace("to_q", one)] for one in ("to_q", "to_k", "to_v")]
                    found[f"blocks.{block}.attn.qkv.{kind}"] = torch.cat(three)
            elif part in _OF_EMBEDDERS:
                if block == "0":
                    found[f"{_OF_EMBEDDERS[part]}.{kind}"] = tensor
            else:
                found[f"blocks.{block}.{_OF_BLOCK.get(part, part)}.{kind}"] = tensor
        else:
            part, _, kind = name.rpartition(".")
            found[f"{_OF_MODEL.get(part, part)}.{kind}"] = tensor
    return found


# Positions are computed: a file has those of one size alone.
PUBLISHED = System(
    title="DiT",
    marks=("x_embedder.proj.weight", "y_embedder.embedding_table.weight", "blocks.0.attn.qkv.weight"),
    config=DiT,
    network=ClassConditionalDiT,
    settings=_settings,
    ignored=("pos_embed",),
)
DIFFUSERS = System(
    title="DiT",
    marks=("transformer_blocks.0.norm1.emb.class_embedder.embedding_table.weight",),
    config=DiT,
    network=ClassConditionalDiT,
    settings=_settings,
    renamed=_from_diffusers,
    ignored=("pos_embed",),
)
