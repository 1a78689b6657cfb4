"""Why the Triton kernel cannot serve a call, in words: for dispatch, for the log and for the user.

A device's kernel is tried before it is trusted, once for each dtype and head size in a process: a small layer of every
method goes through it and through the tiled path, and must come out alike to a few roundings.
"""

from __future__ import annotations

from functools import lru_cache

import torch

from .. import tiled
from ..geometry import Layout, Window
from ..methods import HeadTable, Method
from .configs import HEAD_DIMS, PROVEN
from .launch import head_wise
from .worklist import BLOCK_BITS, MOST_HEADS

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
    mask: torch.Tensor | None = None,
    scale: float | None = None,
) -> str | None:
    """One plain sentence that says why the kernel cannot serve a call, or None when it can.

    q, k, v: (B, H, L, D). The device's first call of a dtype and head size compiles the kernel and tries it, which
    waits for the device; call this once before capturing a CUDA graph. Never raises.
    """
    return (
        about_call(q, k, v, layout, table, mask, scale)
        or about_device(q.device)
        or fault(q.device, q.dtype, q.shape[3])
    )


def about_call(q, k, v, layout, table, mask=None, scale=None) -> str | None:
    """The part of `why_not` that looks at the call alone, whatever the device."""
    if mask is not None:
        return "An attention mask is given, and the Triton kernel computes without one."
    if not q.dim() == k.dim() == v.dim() == 4:
        return "The Triton kernel takes queries, keys and values of four axes."
    if k.shape[1] != q.shape[1]:
        return (
            f"Keys have {k.shape[1]} heads and queries {q.shape[1]}; the Triton kernel has no grouped-query attention."
        )
    if not q.shape == k.shape == v.shape:
        return "Queries, keys and values differ in shape, and the Triton kernel serves self-attention."
    if not q.dtype == k.dtype == v.dtype or q.dtype not in DTYPES:
        return f"The Triton kernel computes in float16 and bfloat16, not in {q.dtype}."
    if q.shape[3] not in HEAD_DIMS:
        sizes = ", ".join(map(str, HEAD_DIMS))
        return f"The head size is {q.shape[3]}, and the Triton kernel has {sizes}."
    if scale is not None and not scale > 0:
        return f"The Triton kernel needs a positive scale, not {scale}."
    if q.shape[1] > MOST_HEADS or layout.length >= 64 << BLOCK_BITS:
        return f"{q.shape[1]} heads of {layout.length} tokens are more than the Triton kernel's work list can number."
    if (layout.length // SMALLEST_BLOCKS[0] + 1) * (layout.length // SMALLEST_BLOCKS[1] + 1) > MOST_KEY_BLOCKS:
        return f"The Triton kernel's list of key blocks for {layout.length} tokens would be too large."
    return None


def unproven(device: torch.device, proven: frozenset[tuple[int, int]] = PROVEN) -> str | None:
    """Why a GPU does not get the kernel although it could run it: nobody has proven it on such a GPU yet."""
    if device.type != "cuda" or torch.cuda.get_device_capability(device) in proven:
        return None
    major, minor = torch.cuda.get_device_capability(device)
    return f"The Triton kernel has not been proven on GPUs of compute capability {major}.{minor} yet."


def about_device(device: torch.device) -> str | None:
    """Why a device cannot run the kernel at all."""
    if device.type != "cuda":
        return f"The Triton kernel runs on CUDA and ROCm devices, not on {device.type}."
    if torch.version.hip is None and torch.cuda.get_device_capability(device) < OLDEST_CAPABILITY:
        major, minor = torch.cuda.get_device_capability(device)
        return f"The GPU's compute capability is {major}.{minor}, and the Triton kernel needs 8.0."
    return triton_missing()


@lru_cache(maxsize=1)
def triton_missing() -> str | None:
    """Why Triton itself cannot be used, or None. The same name serves the `triton-windows` package."""
    try:
        from . import kernel  # noqa: F401
    except ImportError as error:
        return f"Triton is not installed or does not load ({_first_line(error)})."
    except Exception as error:  # A broken Triton may fail in any way when it loads, and no way may stop a sampling run.
        return f"Triton does not load: {type(error).__name__}: {_first_line(error)}."
    return None


@lru_cache(maxsize=64)
def fault(device: torch.device, dtype: torch.dtype, head_dim: int) -> str | None:
    """Why the kernel is not to be trusted on a device with a dtype and head size: tried once, the answer is kept."""
    try:
        difference = trial(device, dtype, head_dim)
    except Exception as error:  # The compiler, the driver and the launch fail in many ways; each means the other path.
        return f"The Triton kernel failed its trial on this GPU: {type(error).__name__}: {_first_line(error)}."
    # Inputs have unit variance and outputs stay below 5: a few roundings of the larger ones.
    allowed = 8 * torch.finfo(dtype).eps * 4
    if not difference <= allowed:
        return (
            f"The Triton kernel was tried on this GPU and differs by {difference:.2g} from the tiled path, "
            f"more than {allowed:.2g}."
        )
    return None


def trial(device: torch.device, dtype: torch.dtype, head_dim: int) -> float:
    """The largest difference between the kernel and the tiled path over a small layer of every method."""
    layout = Layout((19, 22), prefix=5, suffix=2)
    window = Window((0.4, 0.5))
    table = HeadTable(
        (Method.WINDOW, Method.FULL, Method.REUSE, Method.WINDOW_RESIDUAL, Method.FULL),
        (window,) * 5,
        (False, True, False, False, False),
    )
    generator = torch.Generator().manual_seed(0)

    def normal(heads, tokens):
        return torch.randn(2, tokens, heads, head_dim, generator=generator).to(device, dtype).transpose(1, 2)

    q, k, v = (normal(5, layout.length) for _ in range(3))
    cached, residual = normal(1, layout.length), normal(1, layout.image)
    # With a refresh and without one the kernel is compiled to two binaries.
    out, plain = torch.zeros_like(q), torch.zeros_like(q)
    fresh = head_wise(q, k, v, layout, table, out, cached=cached, residual=residual)
    without = HeadTable(table.methods, table.windows, (False,) * 5)
    head_wise(q, k, v, layout, without, plain, cached=cached, residual=residual)

    image = slice(layout.prefix, layout.prefix + layout.image)
    full = tiled.full_attention(q, k, v)
    local = full.clone()
    tiled.window_attention(q, k, v, layout, window, local[:, :, image])
    wanted = torch.stack((local[:, 0], full[:, 1], cached[:, 0], local[:, 3], full[:, 4]), dim=1)
    wanted[:, 3, image] += residual[:, 0]
    wanted_fresh = full[:, 1:2, image] - local[:, 1:2, image]
    # In torch, where NaN is larger than any number.
    pairs = ((out, wanted), (plain, wanted), (fresh, wanted_fresh))
    return float(torch.stack([(a.float() - b.float()).abs().max() for a, b in pairs]).max())


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else "no message"
