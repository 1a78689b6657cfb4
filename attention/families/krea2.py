"""Krea 2: one sequence, text first, references after the image; the attention module gates what it returns."""

from .base import Family, patches, references_after
from .modules import modules

KREA2 = Family(
    name="krea2",
    title="Krea 2",
    classes=("SingleStreamDiT",),
    sites=modules("blocks.*.attn", "wo"),
    grid=patches("patch"),
    beside=references_after(patches("patch")),
)
