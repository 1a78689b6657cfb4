"""Why the Triton kernel cannot serve a call, in words: for dispatch, for the log and for the user."""

from __future__ import annotations

from functools import lru_cache

import torch

from ...sentences import say
from ..geometry import Layout
from ..head_table import HeadTable
from ..ways import Full, Residual, Reuse, Window
from .configs import HEAD_DIMS, SWITCH, switch
from .trial import NotNow, first_line, trial_of
from .worklist import BLOCK_BITS, MOST_HEADS, pooled_heads

# The ways that `worklist.head_patterns` can lay out.
KNOWN = (Full, Residual, Reuse, Window)
DTYPES = (torch.float16, torch.bfloat16)
OLDEST_CAPABILITY = (8, 0)
# Key block starts that the list of one window may hold: 4 bytes each, so 256 MiB, which 370,000 tokens reach at worst.
MOST_KEY_BLOCKS = 1 << 26
SMALLEST_BLOCKS = (64, 32)


def why_not(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    layout: Layout,
    table: HeadTable,
    *,
    scale: float | None = None,
) -> str | None:
    """One sentence that says why the Triton kernel cannot serve a call, or None when it can.

    q, k, v: (B, H, L, D). The device's first call of a dtype and head size, and the first with pooled windows, compiles
    the kernel and tries it (see `trial`), which waits for the device; call this once before capturing a CUDA graph.
    Never raises.
    """
    return (
        about_call(q, k, v, layout, table, scale)
        or switched_off()
        or about_device(q.device)
        or fault(q.device, q.dtype, q.shape[3], bool(pooled_heads(layout, table)))
    )


def about_call(q, k, v, layout, table, scale=None) -> str | None:
    """The part of `why_not` that looks at the call alone, whatever the device."""
    if layout.references:
        return say("The Triton kernel has windows over one grid, and reference pictures have grids of their own.")
    for way in (*table.ways, *table.approximation_groups(), *table.refresh_groups()):
        if not isinstance(way, KNOWN):
            return say("The Triton kernel computes no head by {way}.", way=f"{way.name!r}")
    if not q.dim() == k.dim() == v.dim() == 4:
        return say("The Triton kernel takes queries, keys and values of four axes.")
    if k.shape[1] != q.shape[1]:
        return say(
            "Keys have {keys} heads and queries {heads}; the Triton kernel has no grouped-query attention.",
            keys=k.shape[1],
            heads=q.shape[1],
        )
    if not q.shape == k.shape == v.shape:
        return say("Queries, keys and values differ in shape, and the Triton kernel serves self-attention.")
    if not q.dtype == k.dtype == v.dtype or q.dtype not in DTYPES:
        return say("The Triton kernel computes in float16 and bfloat16, not in {dtype}.", dtype=q.dtype)
    if q.shape[3] not in HEAD_DIMS:
        sizes = ", ".join(map(str, HEAD_DIMS))
        return say("The head size is {size}, and the Triton kernel has {sizes}.", size=q.shape[3], sizes=sizes)
    if scale is not None and not scale > 0:
        return say("The Triton kernel needs a positive scale, not {scale}.", scale=scale)
    if q.shape[1] > MOST_HEADS or layout.length >= 64 << BLOCK_BITS:
        return say(
            "{heads} heads of {tokens} tokens are more than the Triton kernel's work list can number.",
            heads=q.shape[1],
            tokens=layout.length,
        )
    if (layout.length // SMALLEST_BLOCKS[0] + 1) * (layout.length // SMALLEST_BLOCKS[1] + 1) > MOST_KEY_BLOCKS:
        return say(
            "The Triton kernel's list of key blocks for {tokens} tokens would be too large.", tokens=layout.length
        )
    return None


def about_device(device: torch.device) -> str | None:
    """Why a device cannot run the kernel at all."""
    if device.type != "cuda":
        return say("The Triton kernel runs on CUDA and ROCm devices, not on {device}.", device=device.type)
    if torch.version.hip is None and torch.cuda.get_device_capability(device) < OLDEST_CAPABILITY:
        major, minor = torch.cuda.get_device_capability(device)
        return say(
            "The GPU's compute capability is {major}.{minor}, and the Triton kernel needs 8.0.",
            major=major,
            minor=minor,
        )
    return triton_missing()


@lru_cache(maxsize=1)
def triton_missing() -> str | None:
    """Why Triton itself cannot be used, or None. The same name serves the `triton-windows` package."""
    try:
        from . import pointer  # noqa: F401
    except ImportError as error:
        return say("Triton is not installed or does not load ({error}).", error=first_line(error))
    except Exception as error:  # A broken Triton may fail in any way when it loads, and no way may stop a sampling run.
        return say("Triton does not load: {kind}: {error}.", kind=type(error).__name__, error=first_line(error))
    return None


def switched_off() -> str | None:
    """Why no GPU gets the kernel: the user has switched it off."""
    if switch() == "0":
        return say("The Triton kernel is switched off by {switch}=0.", switch=SWITCH)
    return None


def fault(device: torch.device, dtype: torch.dtype, head_dim: int, pooled: bool = False) -> str | None:
    """Why the kernel is not to be used on a device with a dtype and head size, and with windows that pool or others:
    tried once, the answer is kept. A moment that allows no trial decides nothing: it is tried later."""
    try:
        return trial_of(device, dtype, head_dim, pooled).reason
    except NotNow as moment:
        return str(moment)
