"""Cosmos Predict2 and Anima: self-attention over image or video tokens, text by cross-attention."""

from .base import IMAGE, Family, patches
from .modules import modules

COSMOS = Family(
    name="cosmos",
    title="Anima and Cosmos Predict2",
    classes=("MiniTrainDIT",),
    sites=modules("blocks.*.self_attn", "output_proj", scope=IMAGE),
    grid=patches("patch_temporal", "patch_spatial", "patch_spatial"),
)
