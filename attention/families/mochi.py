"""Mochi: one attention module for both streams, text last and cut to its longest prompt."""

from .base import IMAGE, LAST, TEXT, Family, patches
from .modules import modules

MOCHI = Family(
    name="mochi",
    title="Mochi",
    classes=("AsymmDiTJoint",),
    sites=modules("blocks.*.attn", "proj_x", streams=(IMAGE, TEXT), text=("_y",)),
    grid=patches(1, "patch_size", "patch_size"),
    text=LAST,
)
