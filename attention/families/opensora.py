"""Open-Sora 1.1: attention within each frame of a video, all frames in one call; along time and to the text apart."""

from .base import IMAGE, Family, patches
from .modules import modules

OPEN_SORA = Family(
    name="open_sora",
    title="Open-Sora",
    classes=("STDiT2",),
    sites=modules("blocks.*.attn", "proj", scope=IMAGE),
    grid=patches(2, 2),
    fold=lambda model, shape: shape[2],
)
