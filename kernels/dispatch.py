"""One call for one attention layer: each head in its own way, all written into one output."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import NamedTuple

import torch

from .backends import BACKENDS, FUSED, TILED
from .done import Done
from .geometry import Layout
from .head_table import HeadTable
from .spans import put, take
from .tiled import full_attention
from .triton import known

Shape = tuple[int, ...]
Dense = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]

# What serves a call besides a back end: the caller's own attention, or nothing but copies.
DENSE, COPIED = "dense", "copied"
# Tables about which answers are kept: those of a few runs of a large model.
MOST_TABLES = 8192
DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)


class Outcome(NamedTuple):
    """out: (B, H, L, D). residual: (B, n_refresh, layout.locals, D), `full - approximation` of the heads that update
    their residual, in head order, or None when none does. In a run that was prepared its memory may be the next call's.

    path: what served, as a report counts it: DENSE, COPIED or a back end's `path`. backend: that back end's name, or
    None. refusals: one sentence of each back end that was asked before and could not serve, in order. left: whether
    full heads of a mixed table were computed by the caller's own attention, None without any. pairs: see `done.Done`.
    """

    out: torch.Tensor
    residual: torch.Tensor | None
    path: str
    backend: str | None = None
    refusals: tuple[str, ...] = ()
    left: bool | None = None
    pairs: int | None = None

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

    q, k, v: (B, H, L, D) views of any strides, float32, bfloat16 or float16; L = layout.length, and `layout.ahead` more
        of k and v.
    table: one entry for each of the H heads.
    scale: factor on q k^T, D ** -0.5 by default.
    cached: (B, n_reuse, L, D), the outputs of the REUSE heads in head order.
    residual: (B, n_residual, layout.locals, D), added to those rows of the `Residual` heads, in head order.
    dense: attends FULL heads, (q, k, v) -> out, all (B, n, L, D); torch's SDPA by default. It must apply `scale`. Heads
        that update a residual are computed without it where a Triton kernel serves, and so are the others where one
        launch for all was measured to be faster; an attribute `served_by` names it there.
    out: (B, H, L, D) view to write into, say a transposed view of a (B, L, H * D) buffer. Without it the output is
    such a view of a new buffer, so that `out.transpose(1, 2).flatten(2)` copies nothing.

    Global rows see everything but padding, whatever the way. Not differentiable.
    Raises ValueError with the sentence of `why_not` when the call cannot be served.
    """
    if dense is None:
        dense = _scaled(scale)
    # Of padding and of several grids the kernels know nothing.
    if out is not None and not (layout.padding or layout.references or layout.ahead):
        found = known.serve(q, k, v, layout, table, out, scale, cached, residual, dense)
        if found is not None:
            fresh, ready = found
            # As Outcome(...), in a third of the time.
            return tuple.__new__(Outcome, (out, fresh, FUSED, ready.name, (), ready.left, ready.pairs))
    obstacle = why_not(q, k, v, layout, table, cached=cached, residual=residual, out=out)
    if obstacle is not None:
        raise ValueError(obstacle)
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
    if layout.references and _gridless(table):
        layout = layout.without_grids()
    call = (q, k, v, layout, table, out)
    refusals: list[str] = []
    for backend in BACKENDS:
        if backend.gpu and (q.device.type == "cpu" or layout.ahead):
            continue
        refusal = backend.why_not(*call, **options)
        if refusal is None:
            done = backend.head_wise(*call, dense=dense, **options)
            return _outcome(out, table, backend.path, backend.name, done, tuple(refusals))
        refusals.append(refusal)
    raise ValueError(refusals[-1])


def _outcome(out, table: HeadTable, path: str, name: str, done: Done, refusals: tuple[str, ...]) -> Outcome:
    left = done.left if table.full_heads else None
    return Outcome(out, done.residual, path, name, refusals, left, done.pairs)


def prepare(q: torch.Tensor, layout: Layout, tables: Iterable[HeadTable], dense: Dense | None = None) -> None:
    """Make what calls like the one of q (B, H, L, D) with these tables will need beside their tensors, all at once:
    what is left for `head_wise` then waits for no device. A call that was not prepared makes it itself. `dense`: as
    there."""
    fitting = [table for table in tables if _about_layout(q.shape, layout, table) is None]
    if layout.padding:
        q, layout = take(q, layout.attended), layout.without_padding()
    if layout.references:
        fitting, layout = [table for table in fitting if _gridless(table)], layout.without_grids()
    for backend in BACKENDS:
        if backend.prepare is not None and (q.device.type != "cpu" or not backend.gpu):
            fitting = backend.prepare(q, layout, fitting, dense)


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
    shapes = (q.shape, *(_without(x.shape, layout.ahead) for x in (k, v)))
    return (
        _about_inputs(shapes, (q.dtype, k.dtype, v.dtype), (q.device, k.device, v.device))
        or (_about_gradients(q, k, v) if torch.is_grad_enabled() else None)
        or _about_layout(q.shape, layout, table)
        or _about_buffers(q, layout, table, cached, residual, out)
    )


# What follows is asked at every attention call of a run, about the same few shapes and tables: each is answered once.


def _without(shape: Shape, ahead: int) -> Shape:
    """The shape of keys without those ahead of the sequence."""
    return shape if not ahead or len(shape) != 4 else (*shape[:2], shape[2] - ahead, shape[3])


@lru_cache(maxsize=256)
def _about_inputs(
    shapes: tuple[Shape, Shape, Shape], dtypes: tuple[torch.dtype, ...], devices: tuple[torch.device, ...]
) -> str | None:
    q, k, v = shapes
    if not len(q) == len(k) == len(v) == 4:
        axes = f"{len(q)}, {len(k)} and {len(v)}"
        return f"Queries, keys and values need four axes (batch, heads, tokens, head size), not {axes}."
    if q[1] != k[1] or k[1] != v[1]:
        return f"Keys have {k[1]} heads and queries {q[1]}; grouped-query attention is not served."
    if q[2] != k[2] or k[2] != v[2]:
        return f"There are {q[2]} queries and {k[2]} keys, so this is not self-attention."
    if not q == k == v:
        return "Queries, keys and values differ in batch or head size."
    if len(set(dtypes)) > 1:
        return "Queries, keys and values have different dtypes: {}, {} and {}.".format(*dtypes)
    if dtypes[0] not in DTYPES:
        return f"The dtype {dtypes[0]} is not served."
    if len(set(devices)) > 1:
        return "Queries, keys and values are on different devices: {}, {} and {}.".format(*devices)
    return None


def _about_gradients(q, k, v) -> str | None:
    if q.requires_grad or k.requires_grad or v.requires_grad:
        return "Gradients are asked for, and compressed attention has none."
    return None


@lru_cache(maxsize=MOST_TABLES)
def _about_layout(shape: Shape, layout: Layout, table: HeadTable) -> str | None:
    if shape[2] != layout.length:
        return f"The call has {shape[2]} tokens and the layout {layout.length}."
    if shape[1] != len(table):
        return f"The call has {shape[1]} heads and the table {len(table)}."
    ways = (*table.approximation_groups(), *table.refresh_groups())
    if layout.ahead and ways:
        return "There are keys without queries before the sequence, of which approximations know nothing."
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
    pairs = served.pairs
    if pairs is not None:
        pairs += (len(table) - len(table.reuse_heads)) * (layout.length - layout.keys) * layout.keys
    return served._replace(out=out, pairs=pairs)


def _gridless(table: HeadTable) -> bool:
    """Whether grids do not matter to any head."""
    return not table.approximation_groups() and not table.refresh_groups()


def _scaled(scale) -> Dense:
    return partial(full_attention, scale=scale)


def _deliver(result, out):
    return result if out is None else out.copy_(result)
