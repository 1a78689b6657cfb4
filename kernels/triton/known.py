"""Calls like those that were served before: nothing is asked again of which the answer is known.

What a call depends on besides its table (shapes, strides, dtypes, the caller's own attention) is the same all through a
run, and is looked up as one key; the work of the table is laid out before (`backend.prepare`). What is left is to look
at addresses, and to launch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..done import Done
from ..geometry import Layout
from ..head_table import HeadTable
from .configs import Config
from .full_heads import served_by
from .launch import served
from .operands import is_aligned, why_no_descriptors
from .units import units
from .worklist import MOST_TABLES, Shelf

MOST_SIGNATURES = 1024


@dataclass(frozen=True)
class Ready:
    """How calls with a table are served: configuration, whether full heads are left to the caller, and where the
    work is."""

    config: Config
    leaves: bool
    shelf: Shelf


@dataclass(eq=False)
class Signature:
    """What is known of calls of one kind. tables: shared among kinds that differ in strides alone. size, steps, scale:
    see `launch.served`."""

    tables: dict[tuple[Layout, HeadTable], Ready]
    size: tuple[int, int]
    steps: tuple[int, ...]
    scale: float


_signatures: dict[tuple, Signature] = {}
_tables: dict[tuple, dict[tuple[Layout, HeadTable], Ready]] = {}
_keeping: list[Shelf] = []


def release() -> None:
    """Free the memory that the calls of a run have taken turns in."""
    while _keeping:
        _keeping.pop().scratch.release()


def forget() -> None:
    """Whatever is known."""
    _signatures.clear()
    _tables.clear()


def serve(q, k, v, layout: Layout, table: HeadTable, out, scale, cached, residual, dense) -> tuple[Done, str] | None:
    """What the `head_wise` of a back end returns, and by which path, for a call that needs no question; None for any
    other, which is not touched."""
    signature = _signatures.get(_key(q, k, v, out, scale, dense))
    if signature is None or torch.is_grad_enabled():
        return None
    ready = signature.tables.get((layout, table))
    if ready is None or (q.data_ptr() | k.data_ptr() | v.data_ptr() | out.data_ptr()) & 15:
        return None
    if table.reuse_heads and not _fits(cached, q, len(table.reuse_heads), layout.length):
        return None
    if table.residual_heads and not _fits(residual, q, len(table.residual_heads), layout.image):
        return None
    by = dense if ready.leaves else None
    done = served(
        q, k, v, layout, table, out, ready.config, ready.shelf, signature.scale, cached, residual, by, signature.size,
        signature.steps,
    )  # fmt: skip
    return done, ready.config.path


def remember(q, k, v, layout: Layout, table: HeadTable, out, *, ready: Ready, scale, dense) -> None:
    """A call that was served, after all questions."""
    if len(_signatures) >= MOST_SIGNATURES:
        forget()
    key = _key(q, k, v, out, scale, dense)
    signature = _signatures.get(key)
    if signature is None:
        batch, _, _, head_dim = q.shape
        steps = units(q.stride(), k.stride(), v.stride(), out.stride())
        scale = head_dim**-0.5 if scale is None else float(scale)
        likewise = _tables_of(q, k, v, ready.config.wide, dense)
        signature = _signatures[key] = Signature(likewise, (batch, head_dim), steps, scale)
    put(signature.tables, layout, table, ready)


def tables_like(q: torch.Tensor, wide: bool, dense) -> dict[tuple[Layout, HeadTable], Ready]:
    """Where tables of calls like the one of q are found."""
    return _tables_of(q, q, q, wide, dense)


def lay_out(q, layout: Layout, found: list[tuple[HeadTable, Ready]], wide: bool, dense) -> None:
    """Make the work of tables for calls like the one of q, in one copy to the device for each way to serve them."""
    ready: dict[Ready, list[HeadTable]] = {}
    for table, one in found:
        ready.setdefault(one, []).append(table)
    likewise = tables_like(q, wide, dense)
    for one, some in ready.items():
        one.shelf.prepare(some, one.leaves)
        one.shelf.scratch.keeps = True
        _keeping.append(one.shelf)
        for table in some:
            put(likewise, layout, table, one)


def put(tables: dict[tuple[Layout, HeadTable], Ready], layout: Layout, table: HeadTable, ready: Ready) -> None:
    """Enter a table, for which another may have to go. An equal one goes as well: what is found by the asking table
    itself is found without comparing its heads."""
    tables.pop((layout, table), None)
    if len(tables) >= MOST_TABLES:
        del tables[next(iter(tables))]
    tables[layout, table] = ready


def _tables_of(q, k, v, wide, dense):
    described = why_no_descriptors([q, k, v]) is None
    return _tables.setdefault((q.device, q.dtype, q.shape[1], q.shape[3], wide, described, served_by(dense)), {})


def _key(q, k, v, out, scale, dense) -> tuple:
    return (
        q.shape, k.shape, v.shape, out.shape, q.stride(), k.stride(), v.stride(), out.stride(), q.dtype, k.dtype,
        v.dtype, out.dtype, q.device, k.device, v.device, out.device, scale, served_by(dense),
    )  # fmt: skip


def _fits(buffer: torch.Tensor | None, q: torch.Tensor, heads: int, tokens: int) -> bool:
    """Whether cached outputs or residuals are what a kernel reads."""
    if buffer is None:
        return False
    batch, _, _, head_dim = q.shape
    found = buffer.shape == (batch, heads, tokens, head_dim) and buffer.dtype is q.dtype and buffer.device == q.device
    return found and is_aligned(buffer)
