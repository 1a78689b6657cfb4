"""HiDream-I1: text last, with the layer's own features of the language model behind it; two streams, then one.

An edit puts the reference picture beside the picture, in the same rows: such tokens fit no grid.
"""

from .base import IMAGE, LAST, TEXT, Family, patches
from .modules import chain, modules


def _beside(model, grid, conditions: dict, options: dict) -> tuple[int, int] | None:
    return None if conditions.get("image_cond") is not None else (0, 0)


HIDREAM = Family(
    name="hidream",
    title="HiDream-I1",
    classes=("HiDreamImageTransformer2DModel",),
    sites=chain(
        modules("double_stream_blocks.*.block.attn1", "to_out", streams=(IMAGE, TEXT), text=("_t",)),
        modules("single_stream_blocks.*.block.attn1", "to_out"),
    ),
    grid=patches("patch_size"),
    text=LAST,
    beside=_beside,
)
