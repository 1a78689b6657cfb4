"""Ideogram 4: one sequence, text first; the unconditional branch may have no text. A token is one latent pixel."""

from .base import Family, patches
from .modules import modules

IDEOGRAM = Family(
    name="ideogram",
    title="Ideogram 4",
    classes=("Ideogram4Transformer2DModel",),
    sites=modules("layers.*.attention", "o"),
    grid=patches(1, 1),
)
