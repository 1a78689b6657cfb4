"""Qwen-Image: joint attention in a module of two inputs and outputs, text first, references after the image.

The latent of a single picture has a time axis of one frame; layers of Qwen-Image-Layered stand along it.
"""

from .base import IMAGE, TEXT, Family, patches, references_after
from .modules import modules

_BLOCKS = modules("transformer_blocks.*.attn", "to_out.0", streams=(IMAGE, TEXT), text=("add_",))

QWEN_IMAGE = Family(
    name="qwen_image",
    title="Qwen-Image",
    classes=("QwenImageTransformer2DModel",),
    sites=_BLOCKS,
    grid=patches(1, "patch_size", "patch_size"),
    beside=references_after(patches(1, "patch_size", "patch_size"), lambda model: model.default_ref_method),
)
# The same blocks over single latent pixels, without a time axis.
MAGE_FLOW = Family(
    name="mage_flow",
    title="Mage-Flow",
    classes=("MageFlowTransformer2DModel",),
    sites=_BLOCKS,
    grid=patches("patch_size"),
    beside=references_after(patches("patch_size")),
)
