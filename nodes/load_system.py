"""Load DiT or Open-Sora: the papers' models that the host's loaders do not know."""

import folder_paths
from comfy_api.latest import io

from ..attention.systems.load import PRECISIONS, load
from .types import CATEGORY

_FOLDER = "diffusion_models"
ALL_CHANNELS, THREE_CHANNELS = "all channels", "first three channels"


class LoadSystem(io.ComfyNode):
    """A file to a model of the host."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DiTFastAttnLoadModel",
            display_name="Load DiT or Open-Sora",
            category=CATEGORY,
            description=(
                "Loads the models of the DiTFastAttn papers that ComfyUI's own loaders do not know: DiT (S, B, L and "
                "XL, in the original or the diffusers layout) and Open-Sora 1.1 and 1.2. The file's keys tell which "
                "one it is. The model that comes out works with ComfyUI's samplers, LoRA loaders and memory management "
                "like any other."
            ),
            search_aliases=["dit", "dit-xl", "imagenet", "open-sora", "opensora", "stdit", "load dit", "loader"],
            inputs=[
                io.Combo.Input(
                    "model_name",
                    options=folder_paths.get_filename_list(_FOLDER),
                    tooltip=(
                        "A file in models/diffusion_models. The original weights of DiT are under CC BY-NC 4.0: for "
                        "non-commercial use only. Of .pt and .bin files only those with nothing but tensors are read."
                    ),
                ),
                io.Combo.Input(
                    "weight_dtype",
                    options=list(PRECISIONS),
                    default="default",
                    advanced=True,
                    tooltip="Precision in which the weights are kept. FP8 takes half the memory and is less exact.",
                ),
                io.Combo.Input(
                    "guidance",
                    options=[ALL_CHANNELS, THREE_CHANNELS],
                    default=ALL_CHANNELS,
                    advanced=True,
                    tooltip=(
                        "What the CFG scale acts on: all channels of the latent, as in diffusers, or the first three "
                        "alone, as in the original code of DiT and Open-Sora."
                    ),
                ),
            ],
            outputs=[io.Model.Output("model", display_name="model")],
        )

    @classmethod
    def execute(cls, model_name, weight_dtype="default", guidance=ALL_CHANNELS, **kwargs) -> io.NodeOutput:
        path = folder_paths.get_full_path_or_raise(_FOLDER, model_name)
        return io.NodeOutput(load(path, weight_dtype, guidance == THREE_CHANNELS))
