"""Why the Triton kernel cannot serve a call, in words: for dispatch, for the log and for the user."""

from __future__ import annotations

import sys
from functools import lru_cache

import torch

from ...sentences import say
from ..geometry import Layout
from ..head_table import HeadTable
from ..ways import Full, Residual, Reuse, Window
from .attempt import NotNow, first_line
from .configs import HEAD_DIMS, SWITCH, switch
from .operands import is_wide
from .trial import trial_of
from .worklist import MOST_TABLES, pools

# The ways that `worklist.pattern_of` can lay out.
KNOWN = (Full, Residual, Reuse, Window)
DTYPES = (torch.float16, torch.bfloat16)
OLDEST_CAPABILITY = (8, 0)
# Key block starts that the list of one window may hold: 4 bytes each, so 256 MiB, which 370,000 tokens reach at worst.
MOST_KEY_BLOCKS = 1 << 26
SMALLEST_BLOCKS = (64, 32)

Shape = tuple[int, ...]


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
        about_table(layout, table)
        or about_shapes(q.shape, k.shape, v.shape, (q.dtype, k.dtype, v.dtype), scale)
        or switched_off()
        or about_device(q.device)
        or fault(q.device, q.dtype, q.shape[3], pools(layout, table), is_wide([q, k, v]))
    )


# What follows is asked at every attention call of a run, about the same few shapes: each is answered once.


@lru_cache(maxsize=MOST_TABLES)
def about_table(layout: Layout, table: HeadTable) -> str | None:
    """The part of `why_not` that looks at the grids and the ways of the heads alone."""
    if layout.references:
        return say("The Triton kernel has windows over one grid, and reference pictures have grids of their own.")
    for way in (*table.ways, *table.approximation_groups(), *table.refresh_groups()):
        if not isinstance(way, KNOWN):
            return say("The Triton kernel computes no head by {way}.", way=f"{way.name!r}")
    return None


@lru_cache(maxsize=256)
def about_shapes(q: Shape, k: Shape, v: Shape, dtypes: tuple[torch.dtype, ...], scale: float | None) -> str | None:
    """The part of `why_not` that looks at the shapes of q, k and v, at their dtypes and at the scale."""
    if not len(q) == len(k) == len(v) == 4:
        return say("The Triton kernel takes queries, keys and values of four axes.")
    if k[1] != q[1]:
        return say(
            "Keys have {keys} heads and queries {heads}; the Triton kernel has no grouped-query attention.",
            keys=k[1],
            heads=q[1],
        )
    if not q == k == v:
        return say("Queries, keys and values differ in shape, and the Triton kernel serves self-attention.")
    if len(set(dtypes)) > 1 or dtypes[0] not in DTYPES:
        return say("The Triton kernel computes in float16 and bfloat16, not in {dtype}.", dtype=dtypes[0])
    if q[3] not in HEAD_DIMS:
        sizes = ", ".join(map(str, HEAD_DIMS))
        return say("The head size is {size}, and the Triton kernel has {sizes}.", size=q[3], sizes=sizes)
    if scale is not None and not scale > 0:
        return say("The Triton kernel needs a positive scale, not {scale}.", scale=scale)
    if (q[2] // SMALLEST_BLOCKS[0] + 1) * (q[2] // SMALLEST_BLOCKS[1] + 1) > MOST_KEY_BLOCKS:
        return say("The Triton kernel's list of key blocks for {tokens} tokens would be too large.", tokens=q[2])
    return None


@lru_cache(maxsize=16)
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
        if sys.platform == "win32":
            return say(
                "Triton is not installed or does not load ({error}); triton-windows would make this faster.",
                error=first_line(error),
            )
        return say("Triton is not installed or does not load ({error}).", error=first_line(error))
    except Exception as error:  # A broken Triton may fail in any way when it loads, and no way may stop a sampling run.
        return say("Triton does not load: {kind}: {error}.", kind=type(error).__name__, error=first_line(error))
    return None


def switched_off() -> str | None:
    """Why no GPU gets the kernel: the user has switched it off."""
    if switch() == "0":
        return say("The Triton kernel is switched off by {switch}=0.", switch=SWITCH)
    return None


def fault(
    device: torch.device, dtype: torch.dtype, head_dim: int, pooled: bool = False, wide: bool = False
) -> str | None:
    """Why the kernel is not to be used on a device with a dtype and head size, with windows that pool or others, and
    with tensors of this reach (see `Config.wide`): tried once, the answer is kept. A moment that allows no trial
    decides nothing: it is tried later."""
    try:
        return trial_of(device, dtype, head_dim, pooled, wide).reason
    except NotNow as moment:
        return str(moment)
