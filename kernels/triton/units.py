"""Strides as the kernels count them."""

from __future__ import annotations

from functools import lru_cache

# Strides of batch, head and token axes are counted in so many elements, so that the compiler knows that rows start on
# 16 bytes.
UNIT = 8

Strides = tuple[int, ...]


@lru_cache(maxsize=1024)
def units(*strides: Strides) -> tuple[int, ...]:
    """The strides of batch, head and token axes of tensors, in units."""
    return tuple(step // UNIT for one in strides for step in one[:3])


def lanes_of(head_dim: int) -> int:
    """A head's size rounded up to a power of two."""
    return 1 << (head_dim - 1).bit_length()
