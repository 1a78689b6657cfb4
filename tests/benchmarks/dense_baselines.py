"""Attention over all pairs that a user's host may have, for the benchmark of the kernel: what is to be beaten.

cudnn, flash     torch's SDPA by that backend
kitchen_int8     comfy-kitchen's INT8 attention, which newer hosts offer in a node and by --use-ck-attention
sage             SageAttention, which the host takes with --use-sage-attention
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

SDPA = {"cudnn": SDPBackend.CUDNN_ATTENTION, "flash": SDPBackend.FLASH_ATTENTION}
Call = Callable[[], torch.Tensor]


def _sdpa(backend: SDPBackend) -> Callable[..., Call]:
    def make(q, k, v):
        def call():
            with sdpa_kernel(backend):
                return scaled_dot_product_attention(q, k, v)

        return call

    return make


def _kitchen(q, k, v) -> Call:
    import comfy_kitchen

    if not hasattr(comfy_kitchen, "int8_attention") or not comfy_kitchen.int8_attention_is_available(q.device):
        raise RuntimeError("the installed comfy-kitchen has no INT8 attention for this device")
    return lambda: comfy_kitchen.int8_attention(q, k, v)


def _sage(q, k, v) -> Call:
    from sageattention import sageattn

    return lambda: sageattn(q, k, v, tensor_layout="HND")


# By name: from q, k and v (B, H, L, D) a call to time. What cannot be had raises.
DENSE: dict[str, Callable[..., Call]] = {
    **{name: _sdpa(backend) for name, backend in SDPA.items()},
    "kitchen_int8": _kitchen,
    "sage": _sage,
}


def fastest(times: dict[str, float | None]) -> tuple[str, float] | None:
    """The name and the milliseconds of the fastest of those that could be timed."""
    found = {name: ms for name, ms in times.items() if ms is not None}
    return min(found.items(), key=lambda one: one[1]) if found else None
