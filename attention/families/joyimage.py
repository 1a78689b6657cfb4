"""JoyImage: one attention module for both streams, the image first, then its references, then text."""

from .base import IMAGE, LAST, TEXT, Beside, Family, Picture, patches
from .modules import modules

_grid = patches("patch_size")


def _beside(model, grid, conditions: dict, options: dict) -> tuple[Beside, Beside]:
    return 0, tuple(Picture(_grid(model, tuple(latent.shape))) for latent in conditions.get("ref_latents") or ())


JOYIMAGE = Family(
    name="joyimage",
    title="JoyImage",
    classes=("JoyImageTransformer3DModel",),
    sites=modules("double_blocks.*.attn", "img_attn_proj", streams=(IMAGE, TEXT), text=("txt",)),
    grid=_grid,
    text=LAST,
    beside=_beside,
)
