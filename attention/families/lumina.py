"""Lumina 2, Z-Image and NewBie: one sequence of text, references and image, and before that image blocks alone.

Z-Image pads text and image with learned tokens up to a multiple. Reference pictures stand before the picture, each
padded like it, and have texts of their own, which stand with the text.
"""

import math

from .base import IMAGE, Beside, Family, Picture, patches
from .modules import chain, modules

_grid = patches("patch_size")


def _padding(model, grid: tuple[int, ...]) -> int:
    return -math.prod(grid) % (getattr(model, "pad_tokens_multiple", None) or 1)


def _beside(model, grid, conditions: dict, options: dict) -> tuple[Beside, Beside]:
    references = [_grid(model, tuple(latent.shape)) for latent in conditions.get("ref_latents") or ()]
    return tuple(piece for one in references for piece in (Picture(one), _padding(model, one))), _padding(model, grid)


LUMINA = Family(
    name="lumina",
    title="Z-Image and Lumina 2",
    classes=("NextDiT",),
    sites=chain(modules("noise_refiner.*.attention", "out", scope=IMAGE), modules("layers.*.attention", "out")),
    grid=_grid,
    beside=_beside,
)
