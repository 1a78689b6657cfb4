"""Wan 2.1 and 2.2: self-attention over video tokens, text by cross-attention, which is left alone.

Models with a `ref_conv` (Fun Control) put the tokens of a reference picture before those of the video; context latents
(Bernini: source videos and reference pictures) come after them.
"""

import math

from .base import Family, Site, ceil_grid, module_sites


def _sites(model) -> tuple[Site, ...]:
    return module_sites(model, "blocks", "self_attn", linears=("q", "k", "v", "o"), output_linear="o")


def _grid(model, latent_shape) -> tuple[int, ...]:
    return ceil_grid(latent_shape, tuple(model.patch_size))


def _beside_image(model, conditions: dict) -> tuple[int, int]:
    before = 0
    reference = conditions.get("reference_latent")
    if reference is not None and getattr(model, "ref_conv", None) is not None:
        # A convolution without padding: what does not fill a patch is left out.
        before = math.prod(side // size for side, size in zip(reference.shape[-2:], model.patch_size[1:], strict=True))
    return before, sum(
        math.prod(_grid(model, tuple(latent.shape))) for latent in conditions.get("context_latents") or ()
    )


WAN = Family(
    name="wan",
    title="Wan 2.1 and 2.2",
    classes=("WanModel",),
    sites=_sites,
    grid=_grid,
    beside_image=_beside_image,
)
