"""LTX-Video and LTX-2: self-attention over video tokens, one a latent pixel; text and sound by cross-attention.

LTX-2 packs a latent of sound behind that of the video. What attends sound is no site: it runs in full.
"""

from .base import IMAGE, Family, patches
from .modules import modules

LTX = Family(
    name="ltx",
    title="LTX-Video and LTX-2",
    classes=("LTXVModel",),
    sites=modules("transformer_blocks.*.attn1", "to_out.0", scope=IMAGE),
    grid=patches(1, 1, 1),
)
