"""HunyuanVideo, HunyuanVideo 1.5 and HunyuanImage 2.1: Flux's own blocks over patches in two or three axes.

Text stands first, in 1.5 after what the picture's own encoders gave. The reference latent of image to video comes
before the video. The text's own blocks (`txt_in`) are no sites.
"""

from .base import Beside, Family, Picture, patches
from .flux import flux_blocks

_grid = patches("patch_size")


def _beside(model, grid, conditions: dict, options: dict) -> tuple[Beside, Beside]:
    reference = conditions.get("ref_latent")
    # To the right of the video, a frame before it.
    return 0 if reference is None else (Picture(_grid(model, tuple(reference.shape)), 1),), 0


HUNYUAN_VIDEO = Family(
    name="hunyuan_video",
    title="HunyuanVideo and HunyuanImage",
    classes=("HunyuanVideo",),
    sites=flux_blocks,
    grid=_grid,
    beside=_beside,
)
