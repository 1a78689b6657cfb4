"""Kandinsky 5: self-attention over image or video tokens, text by cross-attention."""

from .base import IMAGE, Family, patches
from .modules import modules

KANDINSKY5 = Family(
    name="kandinsky5",
    title="Kandinsky 5",
    classes=("Kandinsky5",),
    sites=modules("visual_transformer_blocks.*.self_attention", "out_layer", scope=IMAGE),
    grid=patches("patch_size"),
)
