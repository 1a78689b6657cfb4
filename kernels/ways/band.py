"""Bands: the papers' window. Each image query sees the image tokens next to its own in raster order, to the token.

The window of DiTFastAttn (arXiv 2406.08552, section 3.1) and, with every other token in full rows and columns, the
"arrow attention" of DiTFastAttnV2 (arXiv 2503.22796, section 3.2). It slides with the token, knows no rows and no
columns of a picture, and is here to reproduce the papers: calibration scores none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch.nn.functional import pad, scaled_dot_product_attention

from ..exact import attention
from ..geometry import Layout, is_global
from ..spans import rest, take
from ..tiled import compute_dtype
from .base import Approximation, Colour

# Queries that go through SDPA together: in narrow bands few, since keys that only some of them see are masked.
MOST_QUERIES, FEWEST_QUERIES = 128, 32


@dataclass(frozen=True)
class Band(Approximation):
    """half: how many image tokens a query sees before and behind its own, as a fraction of them in (0, 1), rounded down
    to whole tokens. All tokens without a grid are seen by every query.

    Pairs are counted to the token, as the papers do; `attend` also computes, and masks, what a block of neighbouring
    queries sees between them. Raises ValueError for any other fraction.
    """

    kind: ClassVar[str] = "band"
    name: ClassVar[str] = "band"
    letter: ClassVar[str] = "b"
    colour: ClassVar[Colour] = (204, 121, 167)
    mark: ClassVar[Colour] = (40, 10, 28)
    hatch: ClassVar[str] = "level"

    half: float

    def __post_init__(self):
        object.__setattr__(self, "half", float(self.half))
        if not 0 < self.half < 1:
            raise ValueError(f"A band reaches over a fraction of the tokens between 0 and 1, not {self.half}.")

    def parameters(self) -> dict[str, Any]:
        """half: as it is."""
        return {"half": self.half}

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any], axes: int) -> Band:
        """The band of `half`, whatever the axes."""
        if set(parameters) != {"half"} or type(parameters["half"]) not in (int, float):
            raise ValueError(f"A band has a half width, one number, not {dict(parameters)}.")
        return cls(parameters["half"])

    @classmethod
    def candidates(cls, axes: int) -> tuple[Band, ...]:
        """None: only the papers' searches take bands."""
        return ()

    def reach(self, layout: Layout) -> int:
        """Tokens to either side; there are fewer at the ends of the picture."""
        # The small term keeps a fraction that a plan has rounded on its own side of a whole token.
        return min(math.floor(self.half * layout.image + 1e-9), layout.image - 1)

    def is_full(self, layout: Layout) -> bool:
        """Whether the first query sees the last token."""
        return self.reach(layout) == layout.image - 1

    def image_pairs(self, layout: Layout) -> int:
        """The band, short of what it lacks at both ends, and all attended tokens without a grid for each query."""
        reach = self.reach(layout)
        return layout.image * (2 * reach + 1) - reach * (reach + 1) + layout.image * (layout.keys - layout.image)

    def attend(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        layout: Layout,
        scale: float | None,
        out: torch.Tensor,
    ) -> None:
        """See `Approximation.attend`: block after block of queries, each with the keys that any of them sees."""
        reach, dtype, image = self.reach(layout), compute_dtype(q), layout.local
        beside = rest(((image.start, image.stop),), layout.length)
        image_q, image_k, image_v = (x[:, :, image] for x in (q, k, v))
        global_k, global_v = (take(x, beside) for x in (k, v))
        token = torch.arange(layout.image, device=q.device)
        for queries, keys in blocks(layout.image, reach):
            seen = (token[queries, None] - token[keys]).abs() <= reach
            out[:, :, queries] = scaled_dot_product_attention(
                image_q[:, :, queries].to(dtype),
                torch.cat((global_k, image_k[:, :, keys]), dim=2).to(dtype),
                torch.cat((global_v, image_v[:, :, keys]), dim=2).to(dtype),
                pad(seen, (layout.globals, 0), value=True),
                scale=scale,
            )

    def row_mask(self, layout: Layout, rows: torch.Tensor) -> torch.Tensor:
        """See `Approximation.row_mask`."""
        keys = torch.arange(layout.length, device=rows.device)
        mask = (rows[:, None] - keys).abs() <= self.reach(layout)
        mask |= is_global(layout, rows)[:, None] | is_global(layout, keys)
        for start, stop in layout.padding:
            mask[:, start:stop] = False
        return mask

    def reference(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, layout: Layout, scale: float | None = None
    ) -> torch.Tensor:
        """The whole mask in memory, token by token from the definition; q, k, v: (..., L, D). Returns (..., L, D)."""
        number = torch.arange(layout.length) - layout.prefix
        image = (number >= 0) & (number < layout.image)
        far = (number[:, None] - number[None, :]).abs() > self.half * layout.image + 1e-9
        mask = ~(far & image[:, None] & image[None, :])
        for start, stop in layout.padding:
            mask[:, start:stop] = False
        return attention(q, k, v, mask, scale)


def blocks(tokens: int, reach: int) -> Iterator[tuple[slice, slice]]:
    """Blocks of neighbouring queries, and the keys that any of a block's queries sees."""
    size = min(max(reach, FEWEST_QUERIES), MOST_QUERIES)
    for start in range(0, tokens, size):
        stop = min(start + size, tokens)
        yield slice(start, stop), slice(max(start - reach, 0), min(stop + reach, tokens))
