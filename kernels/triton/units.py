"""Strides as the kernels count them, and memory that calls share."""

from __future__ import annotations

from functools import lru_cache

import torch

# Strides of batch, head and token axes are counted in so many elements, so that the compiler knows that rows start on
# 16 bytes.
UNIT = 8

Strides = tuple[int, ...]


@lru_cache(maxsize=1024)
def units(*strides: Strides) -> tuple[int, ...]:
    """The strides of batch, head and token axes of tensors, in units."""
    return tuple(step // UNIT for one in strides for step in one[:3])


class Scratch:
    """Memory that the calls of a run take turns in, on one stream: none asks for any after the largest one.

    It is kept where `keeps` is set, until `release`; else each call has its own. So has a call that is captured in a
    CUDA graph, which may be replayed when the run is over.
    """

    def __init__(self) -> None:
        self.keeps = False
        self._held: tuple[torch.Tensor, torch.Tensor] | None = None
        self._sizes: tuple[object, int, int] = (None, 0, 0)

    def take(self, numbers: int, floats: int, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(numbers or more,) in the dtype and (floats or more,) in float32, on the device of a tensor."""
        dtype, most, most_floats = self._sizes
        if self._held is not None and dtype is like.dtype and numbers <= most and floats <= most_floats:
            if not _capturing(like):
                return self._held
        device = like.device
        made = (
            torch.empty(numbers, dtype=like.dtype, device=device),
            torch.empty(floats, dtype=torch.float32, device=device),
        )
        if self.keeps and not _capturing(like):
            self._held, self._sizes = made, (like.dtype, numbers, floats)
        return made

    def release(self) -> None:
        """Free it, and keep nothing from now on."""
        self.keeps, self._held = False, None


def _capturing(x: torch.Tensor) -> bool:
    return x.is_cuda and torch.cuda.is_current_stream_capturing()


def lanes_of(head_dim: int) -> int:
    """A head's size rounded up to a power of two."""
    return 1 << (head_dim - 1).bit_length()
