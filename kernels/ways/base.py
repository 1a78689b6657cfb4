"""What every way to compute a head must say about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from ..geometry import Layout
from ..pooling import pool

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Way:
    """How the output of one head is obtained at one step; a hashable record without tensors.

    kind: what plans call it. name: what people call it. letter: one lower-case letter in the map of a run. colour and
    mark: RGB of its cells in that map, and of what is drawn on them. hatch: a pattern for cells too small for a letter:
    "" (none), "rising", "falling", "level", "crossed" or "dotted". reads: what it needs from an earlier step:
    "output", the head's whole output (B, L, D), "residual", what `Residual` adds (B, locals, D), or None.
    """

    kind: ClassVar[str]
    name: ClassVar[str]
    letter: ClassVar[str]
    colour: ClassVar[Colour]
    mark: ClassVar[Colour]
    hatch: ClassVar[str]
    reads: ClassVar[str | None] = None

    def pairs(self, layout: Layout) -> int:
        """Query-key pairs that one head computes, global rows included; each costs 4 * head_dim FLOPs."""
        raise NotImplementedError

    def reference(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, layout: Layout, scale: float | None = None
    ) -> torch.Tensor:
        """The whole sequence, global rows included, in the obvious way and the inputs' dtype: the truth in tests.

        q, k, v: (..., L, D). Returns (..., L, D), without what the way reads of an earlier step.
        """
        raise NotImplementedError


class Approximation(Way):
    """A way that needs nothing but q, k and v and leaves pairs out: the image rows' answer is close to full attention.

    Rows of global tokens (text, registers) are always attended in full, by whoever calls: an approximation decides
    about rows of grids alone, the image's and those of references. A new one implements `image_pairs`, `parameters`,
    `from_parameters`, `candidates`, `attend`, `reference` and, if a mask says which pairs it joins, `row_mask` (else
    `at_rows`); see `Window`.

    by_masks: whether `row_mask` and `far_tiles` say all there is to know, so that calibration may share one product of
    queries and keys among all such ways instead of calling `at_rows` for each.
    """

    by_masks: ClassVar[bool] = True

    def image_pairs(self, layout: Layout) -> int:
        """Query-key pairs of the rows of all grids, of one head."""
        raise NotImplementedError

    def pairs(self, layout: Layout) -> int:
        """Query-key pairs of one head: its grids' own, and all keys for each global row."""
        return self.image_pairs(layout) + layout.globals * layout.keys

    def parameters(self) -> dict[str, Any]:
        """What a plan stores: numbers, booleans, and lists of one fraction for each axis of the grid.

        A plan gives numbers back as floats, and lists as tuples.
        """
        raise NotImplementedError

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any], axes: int) -> Approximation:
        """The way that `parameters` describe on a grid of so many axes. Raises ValueError with one sentence."""
        raise NotImplementedError

    @classmethod
    def candidates(cls, axes: int) -> tuple[Approximation, ...]:
        """The variants that calibration scores on a grid of so many axes, the cheapest first; none where it has none.

        All kinds together may have ten: a plan has a letter for each.
        """
        raise NotImplementedError

    def why_not(self, layout: Layout) -> str | None:
        """One sentence that says why the way does not fit a layout, or None where it does.

        A way that knows what further grids mean to it says so by overriding this.
        """
        return f"A head by {self.name!r} knows one grid, not those of references." if layout.references else None

    def is_full(self, layout: Layout) -> bool:
        """Whether it joins all pairs there, so that the caller's dense attention gives the same and may serve."""
        return False

    def attend(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        layout: Layout,
        scale: float | None,
        out: torch.Tensor,
    ) -> None:
        """Write the attention of the rows of all grids into `out`, in plain torch, on any device.

        q, k, v: (B, H, L, D) of any strides, L = layout.length, without padding; scale: factor on q k^T, D ** -0.5 for
        None; out: (B, H, layout.locals, D) of any strides, of which rows of global tokens are left alone.
        """
        raise NotImplementedError

    def row_mask(self, layout: Layout, rows: torch.Tensor) -> torch.Tensor:
        """Which keys the queries at sequence positions `rows` (R,) see: bool (R, length), on the device of `rows`.

        Raises ValueError when `rows` is not a one-dimensional tensor of integers or leaves the sequence.
        """
        raise NotImplementedError

    def far_tiles(self, layout: Layout, rows: torch.Tensor) -> torch.Tensor:
        """Which tiles they see as one pooled key each: bool (R, T), tiles in the order of `pooling.Pooled`."""
        tiles = sum(group.tiles for group in layout.groups)
        return torch.zeros((len(rows), tiles), dtype=torch.bool, device=rows.device)

    def at_rows(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        layout: Layout,
        rows: torch.Tensor,
        scale: float | None = None,
    ) -> torch.Tensor:
        """The output at sequence positions `rows` (R,) alone: (B, H, R, D) float32, for calibration's samples.

        q, k, v: (B, H, L, D). This one goes by `row_mask` and `far_tiles`; a way that is no mask overrides it.
        """
        queries = q[:, :, rows].float() * (k.shape[-1] ** -0.5 if scale is None else scale)
        logits = (queries @ k.float().transpose(2, 3)).masked_fill(~self.row_mask(layout, rows), -torch.inf)
        values = v.float()
        far = self.far_tiles(layout, rows)
        if far.any():
            pooled = pool(q, k, v, layout, scale)
            of_tiles = queries @ pooled.k.float().transpose(2, 3) + pooled.bias[:, :, None].float()
            logits = torch.cat((logits, of_tiles.masked_fill(~far, -torch.inf)), dim=-1)
            values = torch.cat((values, pooled.v.float()), dim=2)
        return logits.softmax(dim=-1) @ values
