"""MiniMax H3: one packed sequence without a batch axis: text, references, sound, and the video last.

What stands between text and video is known when the run begins: the host lays the segments out then.
"""

from .base import Family, patches
from .modules import modules


def _beside(model, grid, conditions: dict, options: dict) -> tuple[int, int] | None:
    layout = (conditions.get("minimax_payload") or {}).get("layout")
    if layout is None:
        return None
    return sum(stop - start for start, stop, kind in layout.segments if kind not in ("text", "video")), 0


MINIMAX = Family(
    name="minimax",
    title="MiniMax H3",
    classes=("MiniMaxH3Model",),
    sites=modules("blocks.*.attn", "out_proj"),
    grid=patches("patch_size"),
    beside=_beside,
)
