"""Hands tensors to the kernel: strides, block sizes, work list; one launch, no synchronisation.

    grid = (query blocks of all working heads) * batch

The kernel's tiles are (BM, D) queries against (BN, D) keys, with BM, BN and D's cut from `configs`.
"""

from __future__ import annotations

import torch

from ..geometry import Layout
from ..methods import HeadTable
from .configs import HEAD_DIMS, Config, config_for
from .worklist import WorkList, work_list


def head_wise(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    layout: Layout,
    table: HeadTable,
    out: torch.Tensor,
    *,
    scale: float | None = None,
    cached: torch.Tensor | None = None,
    residual: torch.Tensor | None = None,
    twin: torch.Tensor | None = None,
    config: Config | None = None,
    work: WorkList | None = None,
) -> torch.Tensor | None:
    """Every head of a layer by its own method, in one launch; the meaning of `kernels.head_wise`.

    q, k, v, cached, residual: as there. out: (B, H, L, D) view, written in place.
    twin: (B, H, L, D) view that receives the same bits (the unconditional branch under classifier-free guidance).
    config, work: block sizes and work list in place of the usual ones; both or neither.
    Returns (B, n_refresh, image, D), `full - window` of the refreshing heads, or None without any. REUSE heads whose
    cached output already is their place in `out` are left alone. Raises ValueError for a head size or a scale that the
    predicate refuses.
    """
    batch, _, _, head_dim = q.shape
    scale = head_dim**-0.5 if scale is None else scale
    if head_dim not in HEAD_DIMS or not scale > 0:
        raise ValueError(f"A head size of {head_dim} with a scale of {scale} is not served.")
    config = config or device_config(q.device, head_dim)
    if work is None:
        skip = (
            frozenset(table.reuse_heads) if twin is None and in_place(out, cached, table.reuse_heads) else frozenset()
        )
        work = work_list(layout, table, config.queries, config.keys, q.device, skip)
    fresh = None
    if table.refresh_heads:
        fresh = q.new_empty(batch, len(table.refresh_heads), layout.image, head_dim)
    if not len(work.items) or not batch:
        return fresh

    # A tensor that the call has not got is never read or written; the output stands in for its address.
    tensors = [q, k, v, out, *(out if x is None else x for x in (twin, cached, residual, fresh))]
    unit = unit_of(tensors)
    strides = [n for x in tensors for n in (*(s // unit for s in x.stride()[:3]), x.stride(3))]
    d0, d1 = HEAD_DIMS[head_dim]
    from .kernel import attention_kernel

    with _on(q.device):
        attention_kernel[(len(work.items) * batch,)](
            *tensors, work.items, work.heads, work.slots, work.columns, float(scale), batch, layout.prefix,
            layout.image, int(twin is not None), *strides, BM=config.queries, BN=config.keys, D0=d0, D1=d1, D=head_dim,
            UNIT=unit, EMIT=fresh is not None, UPCAST=q.device.type == "cpu" and q.dtype is torch.bfloat16,
            WIDE=any(reach_of(x) >= 1 << 31 for x in tensors), num_warps=config.warps, num_stages=config.stages,
        )  # fmt: skip
    return fresh


def unit_of(tensors: list[torch.Tensor]) -> int:
    """The unit of the strides of batch, head and token axes: 8 elements where all allow loads of 16 bytes, else 1."""
    whole = all(x.stride(3) == 1 and all(s % 8 == 0 for s in x.stride()[:3]) for x in tensors)
    return 8 if whole else 1


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


def device_config(device: torch.device, head_dim: int) -> Config:
    """The block sizes for a device; a CPU, which only the interpreter serves, gets those of CUDA."""
    if device.type != "cuda":
        return config_for("cuda", 80, head_dim)
    major, minor = torch.cuda.get_device_capability(device)
    return config_for("hip" if torch.version.hip else "cuda", 10 * major + minor, head_dim)


def _on(device: torch.device):
    # Triton launches on the current device, which need not be the tensors'.
    return torch.cuda.device(device) if device.type == "cuda" else torch.no_grad()
