"""What a launch must know of its tensors: units of strides, reach, what a descriptor can describe, pooled keys."""

from __future__ import annotations

import torch

from ...sentences import say
from ..geometry import Layout
from ..pooling import Pooled
from .worklist import WorkList


def unit_of(tensors: list[torch.Tensor]) -> int:
    """The unit of the strides of batch, head and token axes: 8 elements where all allow loads of 16 bytes, else 1."""
    whole = all(x.stride(3) == 1 and all(s % 8 == 0 for s in x.stride()[:3]) for x in tensors)
    return 8 if whole else 1


def why_no_descriptors(tensors: list[torch.Tensor]) -> str | None:
    """One sentence why the Hopper kernel's descriptors cannot describe a call's tensors, or None where they can: q, k
    and v, which they fetch, come first, then those that are read and written beside them, (B, H, L, D) each."""
    aligned = unit_of(tensors) == 8 and all(x.data_ptr() % 16 == 0 for x in tensors[:3])
    if not aligned:
        return say("The Hopper kernel needs rows of neighbouring elements that start on 16 bytes.")
    if not all(step or size == 1 for x in tensors[:3] for step, size in zip(x.stride(), x.shape)):
        return say("The Hopper kernel reads no tensor whose heads or batch items repeat one another in memory.")
    return None


def is_wide(tensors: list[torch.Tensor]) -> bool:
    """Whether an offset inside one head leaves 32 bits."""
    return any(reach_of(x) >= 1 << 31 for x in tensors)


def reach_of(x: torch.Tensor) -> int:
    """Elements from a head's first to its last, (L, D) of a (B, H, L, D) tensor."""
    return (x.shape[2] - 1) * abs(x.stride(2)) + (x.shape[3] - 1) * abs(x.stride(3))


def in_place(out: torch.Tensor, cached: torch.Tensor | None, heads: tuple[int, ...]) -> bool:
    """Whether the cached heads (B, n, L, D) are those heads of `out` themselves, in the same memory."""
    if cached is None or not heads:
        return False
    steps = {b - a for a, b in zip(heads, heads[1:])}
    if len(steps) > 1:
        return False
    view = out[:, heads[0] : heads[-1] + 1 : steps.pop() if steps else 1]
    return cached.data_ptr() == view.data_ptr() and cached.stride() == view.stride() and cached.dtype == out.dtype


def upcast(q: torch.Tensor) -> bool:
    """Whether products are computed in float32: the interpreter's of bfloat16 are wrong."""
    return q.device.type == "cpu" and q.dtype is torch.bfloat16


def lanes_of(head_dim: int) -> int:
    """A head's size rounded up to a power of two."""
    return 1 << (head_dim - 1).bit_length()


def pooled_keys(tensors: list[torch.Tensor], layout: Layout, work: WorkList, scale: float, unit: int) -> Pooled | None:
    """The pooled keys of the heads `work.pooled`, see `pool.pool_heads`; None without any. tensors: q, k, v first."""
    if not len(work.pooled):
        return None
    from .pool import pool_heads

    q, k, v = tensors[:3]
    return pool_heads(q, k, v, layout, work, scale, unit)
