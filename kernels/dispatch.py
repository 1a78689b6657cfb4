"""One call for one attention layer: each head by its own method, all written into one output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from . import triton
from .geometry import Layout, covers_all, dense_pairs, image_pairs, window_pairs
from .methods import HeadTable, Method
from .tiled import full_attention, window_attention

Dense = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]

# One Triton launch; SDPA over gathered tiles; the caller's own attention; nothing but copies.
PATHS = FUSED, TILED, DENSE, COPIED = ("fused", "tiled", "dense", "copied")
DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)


@dataclass(frozen=True)
class Outcome:
    """out: (B, H, L, D). residual: (B, n_refresh, image, D), `full - window` of the refreshing heads in head order,
    or None when no head refreshes.

    path: what served, one of PATHS. refusal: the sentence of `why_not_fused` where a GPU's call was not fused.
    """

    out: torch.Tensor
    residual: torch.Tensor | None
    path: str
    refusal: str | None = None


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
    """Attention in which every head has its own method (DiTFastAttnV2, arXiv 2503.22796, head-wise compression).

    q, k, v: (B, H, L, D) views of any strides, float32, bfloat16 or float16; L = layout.length.
    table: one entry for each of the H heads.
    scale: factor on q k^T, D ** -0.5 by default.
    cached: (B, n_reuse, L, D), the outputs of the REUSE heads in head order.
    residual: (B, n_residual, image, D), added to the image rows of the WINDOW_RESIDUAL heads, in head order.
    dense: attends FULL heads, (q, k, v) -> out, all (B, n, L, D); torch's SDPA by default. It must apply `scale`.
        In a mixed table that the Triton kernel serves, FULL heads are part of its one launch and `dense` is not called.
    out: (B, H, L, D) view to write into, say a transposed view of a (B, L, H * D) buffer. Without it the output is
    such a view of a new buffer, so that `out.transpose(1, 2).flatten(2)` copies nothing.

    Image rows of windowed heads see their box and the global tokens, global rows see everything. Not differentiable.
    Raises ValueError with the sentence of `why_not` when the call cannot be served.
    """
    obstacle = why_not(q, k, v, layout, table, cached=cached, residual=residual, out=out)
    if obstacle is not None:
        raise ValueError(obstacle)
    if dense is None:
        dense = _scaled(scale)
    if table.all_full:
        return Outcome(_deliver(dense(q, k, v), out), None, DENSE)
    if out is None:
        batch, heads, length, head_dim = q.shape
        out = q.new_empty(batch, length, heads, head_dim).transpose(1, 2)
    refusal = None
    if q.device.type != "cpu" and not table.all_reuse:
        refusal = why_not_fused(q, k, v, layout, table, scale=scale)
        if refusal is None:
            config = triton.choice(q, layout, table)
            options = {"scale": scale, "cached": cached, "residual": residual, "config": config}
            return Outcome(out, triton.head_wise(q, k, v, layout, table, out, **options), FUSED)

    if table.reuse_heads:
        _put(out, table.reuse_heads, cached)
    fresh = None
    if table.full_heads:
        _full_heads(q, k, v, table, dense, out)
    if table.refresh_heads:
        fresh = _residuals(q, k, v, layout, table, scale, out)
    _window_heads(q, k, v, layout, table, scale, dense, out)
    if table.residual_heads:
        _add_residuals(out, layout, table, residual)
    return Outcome(out, fresh, COPIED if table.all_reuse else TILED, refusal)


def why_not(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    layout: Layout,
    table: HeadTable,
    *,
    mask: torch.Tensor | None = None,
    cached: torch.Tensor | None = None,
    residual: torch.Tensor | None = None,
    out: torch.Tensor | None = None,
) -> str | None:
    """One plain sentence that says why `head_wise` cannot serve a call, or None when it can. Never raises."""
    return (
        _about_inputs(q, k, v, mask)
        or _about_layout(q, layout, table)
        or _about_buffers(q, layout, table, cached, residual, out)
    )


def why_not_fused(q, k, v, layout: Layout, table: HeadTable, *, scale: float | None = None) -> str | None:
    """One plain sentence that says why one fused launch cannot serve a call that `head_wise` serves, or None.

    Such a call goes the tiled path. The first call of a device, dtype and head size tries the kernel there: it serves
    where it proves right and faster than the tiled path.
    """
    return triton.why_not(q, k, v, layout, table, scale=scale)


def flops(layout: Layout, table: HeadTable, head_dim: int) -> int:
    """Attention-matmul FLOPs that `head_wise` computes for one batch row: 4 * head_dim for each pair.

    A pair takes part in q k^T and in p v, two FLOPs for each multiply-add. Windows count as computed: whole tiles,
    clipped at the edges, global rows and columns included. A refresh counts the full pass and the window's image
    rows; a reused head counts nothing.
    """
    pairs = 0
    for method, window, refresh in zip(table.methods, table.windows, table.refresh):
        if method is Method.FULL:
            pairs += dense_pairs(layout) + (image_pairs(layout, window) if refresh else 0)
        elif method is not Method.REUSE:
            pairs += window_pairs(layout, window)
    return 4 * head_dim * pairs


def dense_flops(layout: Layout, heads: int, head_dim: int) -> int:
    """Attention-matmul FLOPs of full attention in every head, for one batch row."""
    return 4 * head_dim * heads * dense_pairs(layout)


def _full_heads(q, k, v, table, dense, out):
    heads = table.full_heads
    _put(out, heads, dense(*(_take(x, heads) for x in (q, k, v))))


def _residuals(q, k, v, layout, table, scale, out):
    """full - window for the refreshing heads, whose full output already lies in `out`."""
    batch, _, _, head_dim = q.shape
    fresh = q.new_empty(batch, len(table.refresh_heads), layout.image, head_dim)
    for window, heads in table.refresh_groups().items():
        places = tuple(table.refresh_heads.index(h) for h in heads)
        target = _take(fresh, places)
        window_attention(*(_take(x, heads) for x in (q, k, v)), layout, window, target, scale)
        torch.sub(_take(_image(out, layout), heads), target, out=target)
        if not _is_view(places):
            _put(fresh, places, target)
    return fresh


def _window_heads(q, k, v, layout, table, scale, dense, out):
    for window, heads in table.window_groups().items():
        some = tuple(_take(x, heads) for x in (q, k, v))
        if covers_all(layout.grid, window):
            _put(out, heads, dense(*some))
            continue
        target = _take(out, heads) if _is_view(heads) else torch.empty_like(some[0])
        window_attention(*some, layout, window, _image(target, layout), scale)
        _global_rows(*some, layout, scale, target)
        if not _is_view(heads):
            _put(out, heads, target)


def _global_rows(q, k, v, layout, scale, out):
    if not layout.globals:
        return
    end = layout.prefix + layout.image
    rows = torch.cat((q[:, :, : layout.prefix], q[:, :, end:]), dim=2)
    result = full_attention(rows, k, v, scale)
    out[:, :, : layout.prefix] = result[:, :, : layout.prefix]
    out[:, :, end:] = result[:, :, layout.prefix :]


def _add_residuals(out, layout, table, residual):
    image, heads = _image(out, layout), table.residual_heads
    if _is_view(heads):
        _take(image, heads).add_(residual)
    else:
        _put(image, heads, _take(image, heads).add_(residual))


def _about_inputs(q, k, v, mask) -> str | None:
    if mask is not None:
        return "An attention mask is given, and windows are computed without one."
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
        return f"Queries, keys and values lie on different devices: {q.device}, {k.device} and {v.device}."
    if torch.is_grad_enabled() and (q.requires_grad or k.requires_grad or v.requires_grad):
        return "Gradients are asked for, and compressed attention has none."
    return None


def _about_layout(q, layout, table) -> str | None:
    if q.shape[2] != layout.length:
        return f"The call has {q.shape[2]} tokens and the layout {layout.length}."
    if q.shape[1] != len(table):
        return f"The call has {q.shape[1]} heads and the table {len(table)}."
    for window in (*table.window_groups(), *table.refresh_groups()):
        if len(window.extent) != len(layout.grid):
            return f"A window has {len(window.extent)} axes and the grid {len(layout.grid)}."
    return None


def _about_buffers(q, layout, table, cached, residual, out) -> str | None:
    batch, _, length, head_dim = q.shape
    wanted = (
        ("cached output", cached, len(table.reuse_heads), length),
        ("residual", residual, len(table.residual_heads), layout.image),
    )
    for name, given, heads, tokens in wanted:
        if not heads:
            continue
        if given is None:
            return f"The {name} of {heads} head(s) is missing."
        if given.shape != (batch, heads, tokens, head_dim):
            return f"The {name} has shape {tuple(given.shape)}, not {(batch, heads, tokens, head_dim)}."
        if given.device != q.device:
            return f"The {name} lies on {given.device} and the queries on {q.device}."
    if out is not None and (out.shape != q.shape or out.dtype != q.dtype or out.device != q.device):
        return "The output buffer differs from the queries in shape, dtype or device."
    return None


def _scaled(scale) -> Dense:
    return lambda q, k, v: full_attention(q, k, v, scale)


def _deliver(result, out):
    return result if out is None else out.copy_(result)


def _image(x, layout):
    return x[:, :, layout.prefix : layout.prefix + layout.image]


def _is_view(heads: tuple[int, ...]) -> bool:
    """Whether evenly spaced heads can be a slice; other sets are gathered once, so that each takes one call."""
    return len(heads) < 3 or len({b - a for a, b in zip(heads, heads[1:])}) == 1


def _take(x, heads: tuple[int, ...]):
    """x[:, heads], a view where `_is_view` says so and a copy elsewhere."""
    if not _is_view(heads):
        return x[:, list(heads)]
    step = heads[1] - heads[0] if len(heads) > 1 else 1
    return x[:, heads[0] : heads[-1] + 1 : step]


def _put(x, heads: tuple[int, ...], value):
    """x[:, heads] = value."""
    if _is_view(heads):
        _take(x, heads).copy_(value)
    else:
        x[:, list(heads)] = value
