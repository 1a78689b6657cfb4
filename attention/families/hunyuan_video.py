"""HunyuanVideo, HunyuanVideo 1.5 and HunyuanImage 2.1: Flux's own blocks over patches in two or three axes.

Text stands first, in 1.5 after what the picture's own encoders gave. The reference latent of image to video comes
before the video. The text's own blocks (`txt_in`) are no sites.
"""

import math

from .base import Family, patches
from .flux import flux_blocks

_grid = patches("patch_size")


def _beside(model, grid, conditions: dict, options: dict) -> tuple[int, int]:
    reference = conditions.get("ref_latent")
    return 0 if reference is None else math.prod(_grid(model, tuple(reference.shape))), 0


HUNYUAN_VIDEO = Family(
    name="hunyuan_video",
    title="HunyuanVideo and HunyuanImage",
    classes=("HunyuanVideo",),
    sites=flux_blocks,
    grid=_grid,
    beside=_beside,
)
