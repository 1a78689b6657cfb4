"""DiT: self-attention over image tokens; the class goes into the modulation alone."""

from .base import IMAGE, Family, patches
from .modules import modules

DIT = Family(
    name="dit",
    title="DiT",
    classes=("ClassConditionalDiT",),
    sites=modules("blocks.*.attn", "proj", scope=IMAGE),
    grid=patches("patch", "patch"),
)
