"""A way that needs no cache, "every second key", as its file in kernels/ways would be; only tests have it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from ditfastattn.kernels import Approximation, Layout, exact, full_attention
from ditfastattn.kernels.geometry import is_global


@dataclass(frozen=True)
class SecondKey(Approximation):
    """Image queries see every second image key, in raster order from `first`, and all global tokens."""

    kind: ClassVar[str] = "second_key"
    name: ClassVar[str] = "every second key"
    letter: ClassVar[str] = "s"
    colour: ClassVar[tuple[int, int, int]] = (0, 158, 115)
    mark: ClassVar[tuple[int, int, int]] = (255, 255, 255)
    hatch: ClassVar[str] = "falling"

    first: int = 0

    def __post_init__(self):
        if self.first not in (0, 1):
            raise ValueError(f"Every second key begins with key 0 or 1, not {self.first}.")

    def parameters(self) -> dict[str, Any]:
        return {"first": self.first}

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any], axes: int) -> "SecondKey":
        if set(parameters) != {"first"} or isinstance(parameters["first"], bool):
            raise ValueError(f"Every second key has a first one, not {dict(parameters)}.")
        return cls(int(parameters["first"]))

    @classmethod
    def candidates(cls, axes: int) -> "tuple[SecondKey, ...]":
        return (cls(),)

    def image_pairs(self, layout: Layout) -> int:
        return layout.image * (len(range(self.first, layout.image, 2)) + layout.globals)

    def attend(self, q, k, v, layout, scale, out) -> None:
        end = layout.prefix + layout.image
        keys, values = (
            torch.cat((x[:, :, : layout.prefix], x[:, :, layout.prefix + self.first : end : 2], x[:, :, end:]), dim=2)
            for x in (k, v)
        )
        out.copy_(full_attention(q[:, :, layout.prefix : end], keys, values, scale))

    def row_mask(self, layout: Layout, rows: torch.Tensor) -> torch.Tensor:
        keys = torch.arange(layout.length, device=rows.device) - layout.prefix
        seen = (keys < 0) | (keys >= layout.image) | (keys % 2 == self.first)
        return seen | is_global(layout, rows)[:, None]

    def reference(self, q, k, v, layout, scale=None):
        return exact.attention(q, k, v, self.row_mask(layout, torch.arange(layout.length)), scale)
