"""The back end that serves every call: group by group of heads, in plain torch, on any device.

Heads in full attention go to the caller's own attention, approximations attend as their records say, reused heads are
copied. It is the last of `backends.BACKENDS`.
"""

from __future__ import annotations

import torch

from .done import Done
from .geometry import Layout
from .head_table import HeadTable
from .spans import put, take
from .tiled import full_attention


def why_not(*_args, **_options) -> None:
    """Nothing keeps it from a call that `dispatch.why_not` lets pass."""


def head_wise(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    layout: Layout,
    table: HeadTable,
    out: torch.Tensor,
    *,
    dense,
    scale: float | None = None,
    cached: torch.Tensor | None = None,
    residual: torch.Tensor | None = None,
) -> Done:
    """Write a layer into `out`. Arguments as for `dispatch.head_wise`."""
    if table.reuse_heads:
        _put(out, table.reuse_heads, cached)
    fresh = None
    if table.full_heads:
        _full_heads(q, k, v, table, dense, out)
    if table.refresh_heads:
        fresh = _residuals(q, k, v, layout, table, scale, out)
    _approximated_heads(q, k, v, layout, table, scale, dense, out)
    if table.residual_heads:
        _add_residuals(out, layout, table, residual)
    return Done(fresh, left=bool(table.full_heads))


def _full_heads(q, k, v, table, dense, out):
    heads = table.full_heads
    _put(out, heads, dense(*(_take(x, heads) for x in (q, k, v))))


def _residuals(q, k, v, layout, table, scale, out):
    """full - approximation for the updating heads, whose full output is in `out` already."""
    batch, _, _, head_dim = q.shape
    fresh = q.new_empty(batch, len(table.refresh_heads), layout.locals, head_dim)
    for way, heads in table.refresh_groups().items():
        indices = tuple(table.refresh_heads.index(h) for h in heads)
        target, exact = _take(fresh, indices), _take(_local(out, layout), heads)
        if layout.locals > layout.image + layout.referenced:
            target.copy_(exact)  # tokens between the grids are never approximated
        way.attend(*(_take(x, heads) for x in (q, k, v)), layout, scale, target)
        torch.sub(exact, target, out=target)
        if not _is_view(indices):
            _put(fresh, indices, target)
    return fresh


def _approximated_heads(q, k, v, layout, table, scale, dense, out):
    for way, heads in table.approximation_groups().items():
        some_q, some_k, some_v = (_take(x, heads) for x in (q, k, v))
        if way.is_full(layout):
            _put(out, heads, dense(some_q, some_k, some_v))
            continue
        target = _take(out, heads) if _is_view(heads) else torch.empty_like(some_q)
        way.attend(some_q, some_k, some_v, layout, scale, _local(target, layout))
        global_rows(some_q, some_k, some_v, layout, scale, target)
        if not _is_view(heads):
            _put(out, heads, target)


def global_rows(q, k, v, layout, scale, out):
    """Write full attention of the global tokens into their rows of out; all (B, H, L, D), other rows are left alone."""
    if not layout.globals:
        return
    rows, attended = layout.global_spans, layout.attended
    result = full_attention(take(q, rows), take(k, attended), take(v, attended), scale)
    put(out, rows, result)


def _add_residuals(out, layout, table, residual):
    local, heads = _local(out, layout), table.residual_heads
    if _is_view(heads):
        _take(local, heads).add_(residual)
    else:
        _put(local, heads, _take(local, heads).add_(residual))


def _local(x, layout):
    return x[:, :, layout.local]


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
