"""AuraFlow: registers and text first; blocks with one attention module for both streams, then for one sequence."""

from .base import IMAGE, TEXT, Family, patches
from .modules import chain, modules

AURA = Family(
    name="aura",
    title="AuraFlow",
    classes=("MMDiT",),
    sites=chain(
        modules("double_layers.*.attn", "w2o", streams=(TEXT, IMAGE), image=("w2",)),
        modules("single_layers.*.attn", "w1o"),
    ),
    grid=patches("patch_size"),
)
