"""Lens: one attention module for both streams, text last, always with a mask of the text's padding."""

from .base import IMAGE, LAST, TEXT, Family, patches
from .modules import modules

LENS = Family(
    name="lens",
    title="Lens",
    classes=("LensTransformer2DModel",),
    sites=modules("transformer_blocks.*.attn", "to_out.0", streams=(IMAGE, TEXT), text=("txt_", "to_add_")),
    grid=patches(1, 1),
    text=LAST,
)
