"""Calls like those that were served before: nothing is asked again of which the answer is known.

What a call depends on besides its table (shapes, strides, dtypes, the caller's own attention) is the same all through a
run: it is put into one tuple and compared with that of the call before. The work of the table is laid out before a run
(`backend.prepare`), with all of its launch that no tensor changes. What is left is to look at addresses, and to launch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch

from ..geometry import Layout
from ..head_table import HeadTable
from .configs import Config
from .full_heads import served_by
from .launch import Call, Ready, call_of, served
from .operands import upcast, why_no_descriptors
from .units import Strides, packed_units, row_units
from .worklist import MOST_TABLES, Shelf

MOST_SIGNATURES = 1024


class Choice(NamedTuple):
    """How calls with a table are served: configuration, whether full heads are left to the caller, and where the
    work is."""

    config: Config
    leaves: bool
    shelf: Shelf


class Tables:
    """How calls with each of some tables are served: MOST_TABLES of them, by the table itself, and by any equal one."""

    def __init__(self) -> None:
        self.equal: dict[HeadTable, Ready] = {}
        # An identity belongs to its table as long as that is in the other one.
        self.same: dict[int, Ready] = {}

    def put(self, ready: Ready) -> None:
        """Enter a table, for which an equal one goes, and another if they are too many."""
        equal = self.equal.pop(ready.table, None)
        if equal is None and len(self.equal) >= MOST_TABLES:
            equal = self.equal.pop(next(iter(self.equal)))
        if equal is not None:
            del self.same[id(equal.table)]
        self.equal[ready.table] = self.same[id(ready.table)] = ready


class Kept(dict[int, tuple[tuple[int, ...], Strides]]):
    """By number of heads, the shape (B, heads, tokens, D) of what is kept of earlier steps, and its strides in units
    where it is contiguous."""

    def __init__(self, batch: int, tokens: int, head_dim: int):
        super().__init__()
        self._batch, self._tokens, self._head_dim = batch, tokens, head_dim

    def __missing__(self, heads: int) -> tuple[tuple[int, ...], Strides]:
        shape = (self._batch, heads, self._tokens, self._head_dim)
        self[heads] = shape, packed_units(shape)
        return self[heads]


class Signature(NamedTuple):
    """What is known of calls of one kind. kind: what makes two calls alike, see `_kind`. tables: shared among kinds
    that differ in batch and strides alone. outputs, updates: what cached outputs and residuals are like. dtype, device:
    of q."""

    kind: tuple
    call: Call
    tables: Tables
    outputs: Kept
    updates: Kept
    dtype: torch.dtype
    device: torch.device


_signatures: dict[tuple, Signature] = {}
_latest: list[Signature] = []
_tables: dict[tuple, Tables] = {}
_keeping: list[Shelf] = []


def release() -> None:
    """Free the memory that the calls of a run have taken turns in."""
    while _keeping:
        _keeping.pop().scratch.release()


def forget() -> None:
    """Whatever is known."""
    _signatures.clear()
    _latest.clear()
    _tables.clear()


def serve(
    q, k, v, layout: Layout, table: HeadTable, out, scale, cached, residual, dense
) -> tuple[torch.Tensor | None, Ready] | None:
    """The residuals that a call updates, and how it was served, for one that needs no question; None for any other,
    which is not touched. Of layouts without padding and references."""
    if not _latest or torch.is_grad_enabled():
        return None
    signature, kind = _latest[0], _kind(q, k, v, layout, out, scale, dense)
    if kind != signature.kind:
        found = _signatures.get(kind)
        if found is None:
            return None
        _latest[0] = signature = found
    tables = signature.tables
    ready = tables.same.get(id(table)) or tables.equal.get(table)
    if ready is None or (q.data_ptr() | k.data_ptr() | v.data_ptr() | out.data_ptr()) & 15:
        return None
    cached_steps = residual_steps = None
    if not ready.reused:
        cached = None
    elif (cached_steps := _steps(cached, signature, ready.reused, signature.outputs)) is None:
        return None
    if not ready.residuals:
        residual = None
    elif (residual_steps := _steps(residual, signature, ready.residuals, signature.updates)) is None:
        return None
    return served(q, k, v, out, ready, signature.call, cached, residual, dense, cached_steps, residual_steps), ready


def remember(q, k, v, layout: Layout, table: HeadTable, out, *, choice: Choice, scale, dense) -> None:
    """A call that was served, after all questions."""
    if len(_signatures) >= MOST_SIGNATURES:
        forget()
    kind = _kind(q, k, v, layout, out, scale, dense)
    signature = _signatures.get(kind)
    if signature is None:
        batch, _, length, head_dim = q.shape
        call = call_of(q, k, v, out, head_dim**-0.5 if scale is None else float(scale))
        likewise = _tables_of(q, k, v, layout, choice.config.wide, dense)
        outputs, updates = (Kept(batch, tokens, head_dim) for tokens in (length, layout.image))
        signature = Signature(kind, call, likewise, outputs, updates, q.dtype, q.device)
        _signatures[kind] = signature
    _latest[:] = [signature]
    signature.tables.put(_ready(q, layout, table, choice))


def lay_out(q, layout: Layout, found: list[tuple[HeadTable, Choice]], wide: bool, dense: Callable | None) -> None:
    """Make the work of tables for calls like the one of q, in one copy to the device for each way to serve them."""
    chosen: dict[Choice, list[HeadTable]] = {}
    for table, one in found:
        chosen.setdefault(one, []).append(table)
    likewise = _tables_of(q, q, q, layout, wide, dense)
    for one, some in chosen.items():
        one.shelf.prepare(some, one.leaves)
        one.shelf.scratch.keeps = True
        _keeping.append(one.shelf)
        for table in some:
            likewise.put(_ready(q, layout, table, one))


def _ready(q, layout: Layout, table: HeadTable, choice: Choice) -> Ready:
    return Ready(layout, table, choice.config, choice.leaves, choice.shelf, q.shape[3], upcast(q))


def _tables_of(q, k, v, layout: Layout, wide: bool, dense) -> Tables:
    """Where the tables of calls like this are kept, whatever their batch and strides."""
    described = why_no_descriptors([q, k, v]) is None
    key = (q.device, q.dtype, q.shape[1], q.shape[3], layout, wide, described, served_by(dense))
    return _tables.setdefault(key, Tables())


def _kind(q, k, v, layout: Layout, out, scale, dense) -> tuple:
    """What makes two calls alike, but for their tables and what is kept of earlier steps."""
    return (
        q.shape, k.shape, v.shape, out.shape, q.stride(), k.stride(), v.stride(), out.stride(), q.dtype, k.dtype,
        v.dtype, out.dtype, q.device, k.device, v.device, out.device, scale,
        getattr(dense, "served_by", None) or served_by(dense), layout.grid, layout.prefix, layout.suffix,
    )  # fmt: skip


def _steps(found: torch.Tensor | None, signature: Signature, heads: int, kept: Kept) -> Strides | None:
    """The strides in units of cached outputs or residuals, None where they are not what a kernel reads."""
    if found is None or found.data_ptr() & 15 or found.dtype is not signature.dtype or found.device != signature.device:
        return None
    shape, steps = kept[heads]
    if found.shape != shape:
        return None
    return steps if found.is_contiguous() else row_units(found.stride())
