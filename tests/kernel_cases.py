"""Random cases for the kernel tests: layouts, windows, tables, and tensors in the memory orders that hosts use."""

import math

import torch
from hypothesis import strategies as st

from ditfastattn.kernels import FULL, REUSE, HeadTable, Layout, Reference, Residual, Window

EXTENTS = (0.01, 0.1, 0.25, 1 / 3, 0.5, 0.6, 0.75, 0.95, 1.0)
ORDERS = ("heads first", "tokens first", "every other batch row", "fused qkv", "sliced tokens")
TOLERANCE = {
    # Largest absolute difference from float64 on inputs of unit variance: a few roundings of values up to about 5.
    torch.float32: 5e-6,
    torch.float16: 5e-3,
    torch.bfloat16: 4e-2,
}


@st.composite
def layouts(draw, largest=700):
    grid = draw(st.lists(st.integers(1, 40), min_size=1, max_size=3).filter(lambda g: math.prod(g) <= largest))
    return Layout(tuple(grid), draw(st.sampled_from((0, 1, 3, 70))), draw(st.sampled_from((0, 0, 2, 5))))


@st.composite
def layouts_of_several(draw, largest=120):
    """An image, one to three references in any order, some like it and at its place, and padding before or after."""
    rank = draw(st.integers(1, 3))
    grids = st.lists(st.integers(1, 11), min_size=rank, max_size=rank).map(tuple)
    grids = grids.filter(lambda g: math.prod(g) <= largest)
    grid = draw(grids)
    pieces = draw(st.lists(st.tuples(st.one_of(st.just(grid), grids), st.integers(0, 2)), min_size=1, max_size=3))
    pieces.insert(draw(st.integers(0, len(pieces))), (grid, None))
    between = st.sampled_from((0, 0, 0, 1, 4))
    first = position = draw(st.sampled_from((0, 1, 3, 9)))
    references, prefix = [], 0
    for shape, place in pieces:
        if place is None:
            prefix = position
        else:
            references.append(Reference(shape, position, place))
        position += math.prod(shape) + draw(between)
    end = max(prefix + math.prod(grid), *(one.stop for one in references))
    length = max(end, position) + draw(st.sampled_from((0, 2, 7)))
    around = [(0, first), (end, length)]
    padding = [sorted(draw(st.integers(low, high)) for _ in range(2)) for low, high in around if draw(st.booleans())]
    return Layout(grid, prefix, length - prefix - math.prod(grid), references, [tuple(one) for one in padding])


def windows(rank, pooled=False):
    extents = st.lists(st.sampled_from(EXTENTS), min_size=rank, max_size=rank).map(tuple)
    return st.builds(Window, extents, st.booleans() if pooled is None else st.just(pooled))


@st.composite
def tables(draw, rank):
    """One to six heads of any way, out of two windows so that heads share some; windows may pool."""
    pair = (draw(windows(rank, pooled=None)), draw(windows(rank, pooled=None)))
    some = st.sampled_from((FULL, REUSE, *pair, *map(Residual, pair)))
    heads = draw(st.lists(st.tuples(some, st.sampled_from((None, *pair))), min_size=1, max_size=6))
    return HeadTable(tuple(way for way, _ in heads), tuple(refresh if way == FULL else None for way, refresh in heads))


def mixed(local, wide):
    """Six heads in every way, two of which update a residual, with two windows."""
    ways = (local, FULL, REUSE, Residual(wide), FULL, FULL)
    return HeadTable(ways, (None, local, None, None, wide, None))


def qkv(batch, heads, length, dim, dtype=torch.float32, order="tokens first", seed=0):
    """Three (B, H, L, D) tensors of unit variance, laid out in memory as `order` says."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator).to(dtype)

    if order == "fused qkv":
        return tuple(normal(batch, length, 3, heads, dim).permute(2, 0, 3, 1, 4))
    make = {
        "heads first": lambda: normal(batch, heads, length, dim),
        "tokens first": lambda: normal(batch, length, heads, dim).transpose(1, 2),
        "every other batch row": lambda: normal(2 * batch, length, heads, dim)[::2].transpose(1, 2),
        "sliced tokens": lambda: normal(batch, heads, length + 7, dim + 3)[:, :, 5:-2, 1:-2],
    }[order]
    return make(), make(), make()


def caches(q, layout, table, seed=1):
    """The cached outputs and residuals that a table asks for, as keyword arguments; None where it asks for none."""
    generator = torch.Generator().manual_seed(seed)
    batch, _, _, dim = q.shape

    def normal(heads, tokens):
        return torch.randn(batch, heads, tokens, dim, generator=generator).to(q.dtype) if heads else None

    return {
        "cached": normal(len(table.reuse_heads), layout.length),
        "residual": normal(len(table.residual_heads), layout.locals),
    }


def doubled(arguments):
    """The same keyword arguments in float64."""
    return {name: None if x is None else x.double() for name, x in arguments.items()}
