"""OmniGen2 and Boogu: one sequence of text, reference pictures and image; keys and values have fewer heads.

Boogu's first blocks attend text and pictures together and then the pictures alone. Its refining blocks before them,
which see the image without the references, are no sites.
"""

from .base import IMAGE, Beside, Family, Picture, patches
from .modules import chain, modules

_grid = patches("patch_size")


def _pictures_before(model, grid, conditions: dict, options: dict) -> tuple[Beside, Beside]:
    return tuple(Picture(_grid(model, tuple(latent.shape))) for latent in conditions.get("ref_latents") or ()), 0


OMNIGEN2 = Family(
    name="omnigen2",
    title="OmniGen2",
    classes=("OmniGen2Transformer2DModel",),
    sites=chain(modules("noise_refiner.*.attn", "to_out.0", scope=IMAGE), modules("layers.*.attn", "to_out.0")),
    grid=_grid,
    beside=_pictures_before,
)
BOOGU = Family(
    name="boogu",
    title="Boogu",
    classes=("BooguTransformer2DModel",),
    sites=chain(
        modules("double_stream_layers.*.img_instruct_attn", "to_out.0", text=("instruct_",), image=("img_",)),
        modules("double_stream_layers.*.img_self_attn", "to_out.0", scope=IMAGE),
        modules("single_stream_layers.*.attn", "to_out.0"),
    ),
    grid=_grid,
    beside=_pictures_before,
)
