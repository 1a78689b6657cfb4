"""INT8: a window, or the whole grid, with queries and keys rounded to 8 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from ..geometry import Layout
from ..int8 import rounded
from ..pooling import pool
from .base import Colour
from .window import Window


@dataclass(frozen=True)
class Int8(Window):
    """A window whose scores come from INT8 products, see `..int8`; the whole grid is full attention so computed.

    Only a GPU kernel made for it computes it so. Everything else computes the same pairs in 16 bits or more, which is
    nearer to full attention and takes longer: `attend` and `reference` are the window's, `at_rows`, from which
    calibration takes its error, rounds.
    """

    kind: ClassVar[str] = "int8"
    name: ClassVar[str] = "INT8"
    letter: ClassVar[str] = "q"
    colour: ClassVar[Colour] = (126, 87, 194)
    mark: ClassVar[Colour] = (255, 255, 255)
    hatch: ClassVar[str] = "falling"
    by_masks: ClassVar[bool] = False

    @classmethod
    def candidates(cls, axes: int) -> tuple[Int8, ...]:
        """None: what to compute in INT8 is asked for where a GPU is faster at it, see `whole` and `of`."""
        return ()

    @classmethod
    def whole(cls, axes: int) -> Int8:
        """Full attention in INT8 on a grid of so many axes."""
        return cls((1.0,) * axes)

    @classmethod
    def of(cls, window: Window) -> Int8:
        """The same window in INT8."""
        return cls(window.extent, window.pooled)

    def at_rows(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        layout: Layout,
        rows: torch.Tensor,
        scale: float | None = None,
    ) -> torch.Tensor:
        """See `Approximation.at_rows`; one head at a time, so that a long video's keys are not copied all at once."""
        scale = k.shape[-1] ** -0.5 if scale is None else scale
        mask = self.row_mask(layout, rows)
        far = self.far_tiles(layout, rows)
        pooled = pool(q, k, v, layout, scale) if self.pools(layout) else None
        outputs = []
        for head in range(q.shape[1]):
            keys, values = k[:, head].float(), v[:, head].float()
            mean = keys.mean(dim=1, keepdim=True)
            queries = rounded(q[:, head, rows].float())
            logits = (queries @ rounded(keys - mean).transpose(1, 2) * scale).masked_fill(~mask, -torch.inf)
            if pooled is not None:
                of_tiles = queries @ rounded(pooled.k[:, head].float() - mean).transpose(1, 2) * scale
                of_tiles = of_tiles + pooled.bias[:, head, None].float()
                logits = torch.cat((logits, of_tiles.masked_fill(~far, -torch.inf)), dim=-1)
                values = torch.cat((values, pooled.v[:, head].float()), dim=1)
            outputs.append(logits.softmax(dim=-1) @ values)
        return torch.stack(outputs, dim=1)
