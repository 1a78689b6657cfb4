"""HunyuanDiT: self-attention over image tokens; the host's call carries no transformer_options."""

from .base import IMAGE, Family, patches
from .modules import modules

HUNYUAN_DIT = Family(
    name="hunyuan_dit",
    title="HunyuanDiT",
    classes=("HunYuanDiT",),
    sites=modules("blocks.*.attn1", "out_proj", scope=IMAGE, rebind=True),
    grid=patches("patch_size"),
)
