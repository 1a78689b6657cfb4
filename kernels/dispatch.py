"""One call for one attention layer: each head in its own way, all written into one output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from .backends import BACKENDS, TILED
from .geometry import Layout
from .head_table import HeadTable
from .spans import put, take
from .tiled import full_attention

Dense = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]

# What serves a call besides a back end: the caller's own attention, or nothing but copies.
DENSE, COPIED = "dense", "copied"
DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)


@dataclass(frozen=True)
class Outcome:
    """out: (B, H, L, D). residual: (B, n_refresh, layout.locals, D), `full - approximation` of the heads that update
    their residual, in head order, or None when none does.

    path: what served, as a report counts it: DENSE, COPIED or a back end's `path`. backend: that back end's name, or
    None. refusals: one sentence of each back end that was asked before and could not serve, in order.
    """

    out: torch.Tensor
    residual: torch.Tensor | None
    path: str
    backend: str | None = None
    refusals: tuple[str, ...] = ()

    @property
    def refusal(self) -> str | None:
        """Why a call on a GPU was not fused, by the most general back end that was asked; None where it was."""
        return self.refusals[-1] if self.path == TILED and self.refusals else None


def head_wise(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    layout: Layout,
    table: HeadTable,
    *,
    scale: float | None = None,
    cached: torch.Tensor | None = None,
    residual: torch.Tensor | None = None,
    dense: Dense | None = None,
    out: torch.Tensor | None = None,
) -> Outcome:
    """Attention in which every head has a way of its own (DiTFastAttnV2, arXiv 2503.22796, head-wise compression), by
    the first of `BACKENDS` that can serve the call.

    q, k, v: (B, H, L, D) views of any strides, float32, bfloat16 or float16; L = layout.length.
    table: one entry for each of the H heads.
    scale: factor on q k^T, D ** -0.5 by default.
    cached: (B, n_reuse, L, D), the outputs of the REUSE heads in head order.
    residual: (B, n_residual, layout.locals, D), added to those rows of the `Residual` heads, in head order.
    dense: attends FULL heads, (q, k, v) -> out, all (B, n, L, D); torch's SDPA by default. It must apply `scale`.
        In a mixed table that a Triton kernel serves, FULL heads are part of its one launch and `dense` is not called.
    out: (B, H, L, D) view to write into, say a transposed view of a (B, L, H * D) buffer. Without it the output is
    such a view of a new buffer, so that `out.transpose(1, 2).flatten(2)` copies nothing.

    Global rows see everything but padding, whatever the way. Not differentiable.
    Raises ValueError with the sentence of `why_not` when the call cannot be served.
    """
    obstacle = why_not(q, k, v, layout, table, cached=cached, residual=residual, out=out)
    if obstacle is not None:
        raise ValueError(obstacle)
    if dense is None:
        dense = _scaled(scale)
    if table.all_full and not layout.padding:
        return Outcome(_deliver(dense(q, k, v), out), None, DENSE)
    if out is None:
        batch, heads, length, head_dim = q.shape
        out = q.new_empty(batch, length, heads, head_dim).transpose(1, 2)
    if table.all_reuse and cached is not None:
        return Outcome(out.copy_(cached), None, COPIED)
    options = {"scale": scale, "cached": cached, "residual": residual}
    if layout.padding:
        return _without_padding(q, k, v, layout, table, out, dense=dense, **options)
    if not table.approximation_groups() and not table.refresh_groups():
        layout = layout.without_grids()
    call = (q, k, v, layout, table, out)
    refusals: list[str] = []
    for backend in BACKENDS:
        if backend.gpu and q.device.type == "cpu":
            continue
        refusal = backend.why_not(*call, **options)
        if refusal is None:
            fresh = backend.head_wise(*call, dense=dense, **options)
            return Outcome(out, fresh, backend.path, backend.name, tuple(refusals))
        refusals.append(refusal)
    raise ValueError(refusals[-1])


def why_not(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    layout: Layout,
    table: HeadTable,
    *,
    cached: torch.Tensor | None = None,
    residual: torch.Tensor | None = None,
    out: torch.Tensor | None = None,
) -> str | None:
    """One sentence that says why `head_wise` cannot serve a call, or None when it can. Never raises."""
    return (
        _about_inputs(q, k, v)
        or _about_layout(q, layout, table)
        or _about_buffers(q, layout, table, cached, residual, out)
    )


def _about_inputs(q, k, v) -> str | None:
    if not q.dim() == k.dim() == v.dim() == 4:
        axes = f"{q.dim()}, {k.dim()} and {v.dim()}"
        return f"Queries, keys and values need four axes (batch, heads, tokens, head size), not {axes}."
    if q.shape[1] != k.shape[1] or k.shape[1] != v.shape[1]:
        return f"Keys have {k.shape[1]} heads and queries {q.shape[1]}; grouped-query attention is not served."
    if q.shape[2] != k.shape[2] or k.shape[2] != v.shape[2]:
        return f"There are {q.shape[2]} queries and {k.shape[2]} keys, so this is not self-attention."
    if q.shape != k.shape or k.shape != v.shape:
        return "Queries, keys and values differ in batch or head size."
    if not q.dtype == k.dtype == v.dtype:
        return f"Queries, keys and values have different dtypes: {q.dtype}, {k.dtype} and {v.dtype}."
    if q.dtype not in DTYPES:
        return f"The dtype {q.dtype} is not served."
    if not q.device == k.device == v.device:
        return f"Queries, keys and values are on different devices: {q.device}, {k.device} and {v.device}."
    if torch.is_grad_enabled() and (q.requires_grad or k.requires_grad or v.requires_grad):
        return "Gradients are asked for, and compressed attention has none."
    return None


def _about_layout(q, layout, table) -> str | None:
    if q.shape[2] != layout.length:
        return f"The call has {q.shape[2]} tokens and the layout {layout.length}."
    if q.shape[1] != len(table):
        return f"The call has {q.shape[1]} heads and the table {len(table)}."
    ways = (*table.approximation_groups(), *table.refresh_groups())
    return next((sentence for way in ways if (sentence := way.why_not(layout)) is not None), None)


def _about_buffers(q, layout, table, cached, residual, out) -> str | None:
    batch, _, length, head_dim = q.shape
    wanted = (
        ("cached output", cached, len(table.reuse_heads), length),
        ("residual", residual, len(table.residual_heads), layout.locals),
    )
    for name, given, heads, tokens in wanted:
        if not heads:
            continue
        if given is None:
            return f"The {name} of {heads} head(s) is missing."
        if given.shape != (batch, heads, tokens, head_dim):
            return f"The {name} has shape {tuple(given.shape)}, not {(batch, heads, tokens, head_dim)}."
        if given.device != q.device:
            return f"The {name} is on {given.device} and the queries on {q.device}."
    if out is not None and (out.shape != q.shape or out.dtype != q.dtype or out.device != q.device):
        return "The output buffer differs from the queries in shape, dtype or device."
    return None


def _without_padding(q, k, v, layout, table, out, *, dense, scale, cached, residual) -> Outcome:
    """The sequence that is left without its padding, by whatever serves it; then the rows of the padding, which attend
    what is left in full."""
    kept, rows = layout.attended, layout.padding
    some_q, some_k, some_v = (take(x, kept) for x in (q, k, v))
    served = head_wise(
        some_q,
        some_k,
        some_v,
        layout.without_padding(),
        table,
        scale=scale,
        cached=None if cached is None else take(cached, kept),
        residual=residual,
        dense=dense,
        out=take(out, kept) if len(kept) == 1 else None,
    )
    if len(kept) > 1:
        put(out, kept, served.out)
    put(out, rows, full_attention(take(q, rows), some_k, some_v, scale))
    if table.reuse_heads:
        for head, before in zip(table.reuse_heads, cached.unbind(1), strict=True):
            put(out[:, head], rows, take(before, rows, dim=1), dim=1)
    return replace(served, out=out)


def _scaled(scale) -> Dense:
    return lambda q, k, v: full_attention(q, k, v, scale)


def _deliver(result, out):
    return result if out is None else out.copy_(result)
