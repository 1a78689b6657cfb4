"""PixArt alpha and sigma: self-attention over image tokens only.

The host's attention call here carries no transformer_options. The convolution that embeds patches drops what does not
fill one.
"""

from .base import IMAGE, Family
from .modules import modules


def _grid(model, latent_shape) -> tuple[int, ...]:
    return tuple(side // model.patch_size for side in latent_shape[-2:])


PIXART = Family(
    name="pixart",
    title="PixArt",
    classes=("PixArtMS",),
    sites=modules("blocks.*.attn", "proj", scope=IMAGE, rebind=True),
    grid=_grid,
)
