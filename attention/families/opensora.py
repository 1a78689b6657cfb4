"""Open-Sora 1.1 and 1.2: attention within each frame of a video, all frames in one call, and then along time, all
places of a frame in one call, in 1.2 in a block of its own. Along time there are no windows: a sequence is as long as
there are frames, and its products are a thousandth of the work; what is worth leaving out is the layer. Attention to
the text is left alone.
"""

from .base import IMAGE, Family, patches
from .modules import in_turn, modules

TIME, PLACE = (0,), (1, 2)

OPEN_SORA = Family(
    name="open_sora",
    title="Open-Sora",
    classes=("STDiT2",),
    sites=in_turn(
        modules("blocks.*.attn", "proj", scope=IMAGE, axes=PLACE),
        modules("blocks.*.attn_temp", "proj", scope=IMAGE, axes=TIME),
    ),
    grid=patches(1, 2, 2),
)
OPEN_SORA_12 = Family(
    name="open_sora_12",
    title="Open-Sora",
    classes=("STDiT3",),
    sites=in_turn(
        modules("spatial_blocks.*.attn", "proj", scope=IMAGE, axes=PLACE),
        modules("temporal_blocks.*.attn", "proj", scope=IMAGE, axes=TIME),
    ),
    grid=patches(1, 2, 2),
)
