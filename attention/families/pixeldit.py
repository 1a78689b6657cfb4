"""PixelDiT and PiD: one attention module for both streams, text first, over patches of pixels; then blocks over the
pixels themselves, which attend as one token a patch.
"""

from .base import IMAGE, TEXT, Family, patches
from .modules import chain, modules

PIXELDIT = Family(
    name="pixeldit",
    title="PixelDiT",
    classes=("PixDiT_T2I",),
    sites=chain(
        modules("patch_blocks.*.attn", "proj_x", streams=(IMAGE, TEXT), text=("_y",)),
        modules("pixel_blocks.*.attn", "proj", scope=IMAGE),
    ),
    grid=patches("patch_size"),
)
