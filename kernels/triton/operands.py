"""What a launch must know of its tensors: strides and reach, what a kernel is compiled for, pooled keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch

from ...sentences import say
from .units import row_units


def why_unaligned(tensors: list[torch.Tensor]) -> str | None:
    """One sentence why no kernel is compiled for a call's tensors (B, H, L, D), or None: what the trial has not
    compiled and proven is not compiled in the middle of a run."""
    if all(map(is_aligned, tensors)):
        return None
    return say("The fused kernels need rows of neighbouring elements that start on 16 bytes.")


def is_aligned(x: torch.Tensor) -> bool:
    """Whether a tensor's rows are of neighbouring elements and start on 16 bytes."""
    return x.data_ptr() & 15 == 0 and row_units(x.stride()) is not None


def why_no_descriptors(tensors: list[torch.Tensor]) -> str | None:
    """One sentence why the Hopper kernel's descriptors cannot describe what they fetch, q, k and v, or None."""
    if not all(step or size == 1 for x in tensors for step, size in zip(x.stride(), x.shape)):
        return say("The Hopper kernel reads no tensor whose heads or batch items repeat one another in memory.")
    return None


def is_wide(tensors: list[torch.Tensor]) -> bool:
    """Whether an offset inside one head leaves 32 bits."""
    tokens = tensors[0].shape[2]
    return any((tokens - 1) * abs(x.stride(2)) + x.shape[3] > 1 << 31 for x in tensors)


def in_place(out: torch.Tensor, cached: torch.Tensor | None, heads: tuple[int, ...]) -> bool:
    """Whether the cached heads (B, n, L, D) are those heads of `out` themselves, in the same memory."""
    if cached is None or not heads:
        return False
    if cached.data_ptr() != out.data_ptr() + heads[0] * out.stride(1) * out.element_size():
        return False
    steps = {b - a for a, b in zip(heads, heads[1:])}
    if len(steps) > 1:
        return False
    view = out[:, heads[0] : heads[-1] + 1 : steps.pop() if steps else 1]
    return cached.stride() == view.stride() and cached.dtype == out.dtype


def upcast(q: torch.Tensor) -> bool:
    """Whether products are computed in float32: the interpreter's of bfloat16 are wrong."""
    return q.device.type == "cpu" and q.dtype is torch.bfloat16


@lru_cache(maxsize=1)
def pooling() -> Callable[..., tuple[torch.Tensor, torch.Tensor]]:
    """See `pool.pool_heads`. Needs Triton."""
    from .pool import pool_heads

    return pool_heads
