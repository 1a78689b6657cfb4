"""The papers' window as their code has it: for each image token the tokens next to it in raster order, to the token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch.nn.functional import pad, scaled_dot_product_attention

from ditfastattn.attention.replay import timeline
from ditfastattn.kernels import Approximation, Layout, ways
from ditfastattn.kernels.exact import attention
from ditfastattn.kernels.geometry import is_global

BLOCK = 128  # queries that go through SDPA together, as in FlashAttention-2


@dataclass(frozen=True)
class Band(Approximation):
    """Image queries see the image tokens up to `half` of them before and behind their own, and all global tokens.

    half: a fraction of the image tokens, rounded down to whole ones; see V1_BANDS and V2_BANDS for the papers'. Pairs
    are counted to the token; `attend` computes blocks of queries and masks them, so that its seconds are no measure of
    the papers' kernels. Raises ValueError for a half that is not in (0, 1).
    """

    kind: ClassVar[str] = "band"
    name: ClassVar[str] = "band"
    letter: ClassVar[str] = "b"
    colour: ClassVar[tuple[int, int, int]] = (204, 121, 167)
    mark: ClassVar[tuple[int, int, int]] = (255, 255, 255)
    hatch: ClassVar[str] = "falling"

    half: float

    def __post_init__(self):
        if not 0 < self.half < 1:
            raise ValueError(f"A band reaches over a fraction of the tokens between 0 and 1, not {self.half}.")

    def parameters(self) -> dict[str, Any]:
        return {"half": self.half}

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any], axes: int) -> Band:
        if set(parameters) != {"half"} or isinstance(parameters["half"], bool):
            raise ValueError(f"A band has a half width, not {dict(parameters)}.")
        return cls(float(parameters["half"]))

    @classmethod
    def candidates(cls, axes: int) -> tuple[Band, ...]:
        """None: only the papers' searches take bands."""
        return ()

    def reach(self, layout: Layout) -> int:
        """Tokens to either side; fewer at the ends of the sequence."""
        return int(self.half * layout.image)

    def is_full(self, layout: Layout) -> bool:
        return self.reach(layout) == layout.image - 1

    def image_pairs(self, layout: Layout) -> int:
        reach = self.reach(layout)
        return layout.image * (2 * reach + 1) - reach * (reach + 1) + layout.image * layout.globals

    def attend(self, q, k, v, layout, scale, out) -> None:
        end, reach = layout.prefix + layout.image, self.reach(layout)
        every = torch.arange(layout.image, device=q.device)
        image_q, image_k, image_v = (x[:, :, layout.prefix : end] for x in (q, k, v))
        global_k, global_v = (torch.cat((x[:, :, : layout.prefix], x[:, :, end:]), dim=2) for x in (k, v))
        for start in range(0, layout.image, BLOCK):
            queries, nearby = slice(start, start + BLOCK), slice(max(start - reach, 0), start + BLOCK + reach)
            keys = torch.cat((global_k, image_k[:, :, nearby]), dim=2)
            values = torch.cat((global_v, image_v[:, :, nearby]), dim=2)
            mask = pad((every[queries, None] - every[nearby]).abs() <= reach, (layout.globals, 0), value=True)
            out[:, :, queries] = scaled_dot_product_attention(image_q[:, :, queries], keys, values, mask, scale=scale)

    def row_mask(self, layout: Layout, rows: torch.Tensor) -> torch.Tensor:
        keys = torch.arange(layout.length, device=rows.device)
        near = (rows[:, None] - keys).abs() <= self.reach(layout)
        return near | is_global(layout, rows)[:, None] | is_global(layout, keys)

    def reference(self, q, k, v, layout, scale=None):
        return attention(q, k, v, self.row_mask(layout, torch.arange(layout.length)), scale)


V1_BANDS = (Band(1 / 8),)  # DiTFastAttn (arXiv 2406.08552): an eighth of the tokens to either side
# DiTFastAttnV2's arrow attention (arXiv 2503.22796): an eighth of the tokens and less, both sides together.
V2_BANDS = (Band(1 / 16), Band(1 / 32), Band(1 / 64))


@contextmanager
def listed() -> Iterator[None]:
    """Plans may name bands for as long as it lasts; nothing else changes, because calibration scores none."""
    before = ways.WAYS
    ways.WAYS = timeline.WAYS = (*before[:-1], Band, before[-1])
    try:
        yield
    finally:
        ways.WAYS = timeline.WAYS = before
