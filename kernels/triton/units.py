"""Strides as the kernels count them, and memory that calls share."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import accumulate

import torch

from ..grids import tile_shape

# Strides of batch, head and token axes are counted in so many elements, so that the compiler knows that rows start on
# 16 bytes.
UNIT = 8

# Bytes for one purpose that are kept from call to call. Where they are more, a call takes so long that asking for
# memory costs nothing beside it, and in between the model needs the memory.
MOST_KEPT = 64 << 20
# Tensors that lie in one piece of memory start on so many bytes, as those that torch makes do.
ALIGNED = 256

Strides = tuple[int, ...]
Shapes = tuple[tuple[torch.dtype, tuple[int, ...]], ...]


@lru_cache(maxsize=1024)
def units(*strides: Strides) -> Strides:
    """The strides of batch, head and token axes of tensors, in units."""
    return tuple(step // UNIT for one in strides for step in one[:3])


@lru_cache(maxsize=4096)
def row_units(strides: Strides) -> Strides | None:
    """The same of one tensor, or None where its rows are not of neighbouring elements or its strides are not in whole
    units."""
    *steps, last = strides
    return tuple(step // UNIT for step in steps) if last == 1 and all(step % UNIT == 0 for step in steps) else None


@lru_cache(maxsize=1024)
def packed_units(shape: tuple[int, ...]) -> Strides:
    """The same of a contiguous tensor (B, n, tokens, D)."""
    _, heads, tokens, lanes = shape
    return units((heads * tokens * lanes, tokens * lanes, lanes, 1))


class Scratch:
    """Memory that the calls of a run take turns in, on one stream: none asks for any after the largest one.

    It is kept where `keeps` is set, until `release`; else each call has its own. So has a call that is captured in a
    CUDA graph, which may be replayed when the run is over.
    """

    def __init__(self) -> None:
        self.keeps = False
        self._held: tuple[torch.Tensor, torch.Tensor] | None = None
        self._sizes: tuple[object, int, int] = (None, 0, 0)
        self._rooms: dict[str, torch.Tensor] = {}
        self._pieces: dict[tuple[str, Shapes], tuple[torch.Tensor, ...]] = {}

    def take(self, numbers: int, floats: int, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(numbers or more,) in the dtype and (floats or more,) in float32, on the device of a tensor."""
        held, (dtype, most, most_floats) = self._held, self._sizes
        if held is not None and dtype is like.dtype and numbers <= most and floats <= most_floats:
            if not _capturing(like):
                return held
        device = like.device
        made = (
            torch.empty(numbers, dtype=like.dtype, device=device),
            torch.empty(floats, dtype=torch.float32, device=device),
        )
        if self.keeps and not _capturing(like):
            self._held, self._sizes = made, (like.dtype, numbers, floats)
        return made

    def pieces(self, purpose: str, shapes: Shapes, like: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Contiguous tensors of these dtypes and shapes, on the device of a tensor. What is kept the next call with the
        same purpose overwrites; of more than MOST_KEPT none is."""
        found = self._pieces.get((purpose, shapes))
        capturing = _capturing(like)
        if found is not None and not capturing:
            return found
        ends = list(accumulate(-(-_bytes(*one) // ALIGNED) * ALIGNED for one in shapes))
        keeps = self.keeps and ends[-1] <= MOST_KEPT and not capturing
        room = self._rooms.get(purpose) if keeps else None
        if room is None or len(room) < ends[-1]:
            room = torch.empty(ends[-1], dtype=torch.uint8, device=like.device)
            if keeps:
                self._rooms[purpose] = room
                self._pieces = {key: made for key, made in self._pieces.items() if key[0] != purpose}
        made = tuple(
            room[start : start + _bytes(dtype, shape)].view(dtype).view(shape)
            for start, (dtype, shape) in zip([0, *ends], shapes, strict=False)
        )
        if keeps:
            self._pieces[purpose, shapes] = made
        return made

    def updates(self, shape: tuple[int, ...], like: torch.Tensor) -> tuple[torch.Tensor, Strides]:
        """Memory for the residuals that a call updates, (B, n, image, D) in the dtype of a tensor, and its strides in
        units."""
        (made,) = self.pieces("updates", ((like.dtype, shape),), like)
        return made, packed_units(shape)

    def release(self) -> None:
        """Free it, and keep nothing from now on."""
        self.keeps, self._held = False, None
        self._rooms.clear()
        self._pieces.clear()


def _bytes(dtype: torch.dtype, shape: tuple[int, ...]) -> int:
    return dtype.itemsize * math.prod(shape)


def _capturing(x: torch.Tensor) -> bool:
    return x.is_cuda and torch.cuda.is_current_stream_capturing()


@lru_cache(maxsize=64)
def block_of_tile(grid: tuple[int, ...], head_dim: int) -> tuple[int, int]:
    """Powers of two that the tokens of a grid's tile and the lanes of a head fit in."""
    return max(1 << (math.prod(tile_shape(grid)) - 1).bit_length(), 16), lanes_of(head_dim)


def lanes_of(head_dim: int) -> int:
    """A head's size rounded up to a power of two."""
    return 1 << (head_dim - 1).bit_length()
