"""Qwen-Image: joint attention in a module of two inputs and outputs, text first, references after the image.

The latent of a single picture has a time axis of one frame; layers of Qwen-Image-Layered stand along it.
"""

import math

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


def _ahead(model, conditions: dict) -> int:
    """Tokens of text and of references, a latent pixel each."""
    context = conditions.get("c_crossattn")
    text = 0 if context is None else context.shape[1]
    return text + sum(math.prod(latent.shape[-2:]) for latent in conditions.get("ref_latents") or ())


# Hosts from 0.36 on (comfy/ldm/qwen_image21/model.py). One sequence, text with the references in it and the picture
# last, that attends piece by piece: text causally, each picture what stands before its end. So a module calls the
# attention function once a piece, and the picture's call has its queries and all keys. What stands before the picture
# is the same at all steps; the host may keep its keys, and evaluate the picture's tokens alone. A module then runs
# twice in the first step: what it returns is of one sequence here and of another there, and it is never left out whole.
QWEN_IMAGE_21 = Family(
    name="qwen_image_21",
    title="Qwen-Image 2.1",
    classes=("QwenImage21Transformer2DModel",),
    sites=modules("transformer_blocks.*.attn", "to_out.0", scope=IMAGE, whole=False),
    grid=patches(1, 1),
    ahead=_ahead,
)
