import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import layouts, tables

from ditfastattn.kernels import FULL, REUSE, HeadTable, Layout, Residual, Window, dense_flops, flops
from ditfastattn.kernels.geometry import tile_counts
from ditfastattn.kernels.ways.window import window_mask

W, OTHER = Window((0.3, 0.3)), Window((0.6, 0.6))


def test_heads_are_found_by_what_they_do():
    table = HeadTable((FULL, W, REUSE, Residual(OTHER), FULL, OTHER, Residual(W)), (W,) + (None,) * 6)
    assert table.full_heads == (0, 4)
    assert table.refresh_heads == (0,)
    assert table.reuse_heads == (2,)
    assert table.residual_heads == (3, 6)
    assert table.approximation_groups() == {W: (1, 6), OTHER: (3, 5)}
    assert table.refresh_groups() == {W: (0,)}
    assert not table.all_full and not table.all_reuse and len(table) == 7


def test_equal_tables_are_one_key_and_a_changed_one_is_another():
    table = HeadTable((FULL, W, REUSE, Residual(OTHER)), (W, None, None, None))
    assert table.full_heads == (0,)  # found once, and kept beside the fields
    again = HeadTable(list(table.ways), list(table.refresh))
    assert again == table and hash(again) == hash(table) and len({again, table}) == 1
    other = replace(table, ways=(FULL, FULL, REUSE, Residual(OTHER)))
    assert other != table and other.full_heads == (0, 1) and other.approximation_groups() == {OTHER: (3,)}


def test_a_refreshing_table_is_not_all_full():
    assert HeadTable.uniform(3, FULL).all_full
    assert not HeadTable.uniform(3, FULL, refresh=W).all_full
    assert HeadTable.uniform(3, REUSE).all_reuse


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (((), ()), "one way"),
        (((FULL,), (None, None)), "1 and 2"),
        (((None,), (None,)), "Head 0 has no way"),
        (((FULL, Window), (None, None)), "Head 1 has no way"),
        (((FULL,), (True,)), "Head 0 needs an approximation"),
        (((FULL,), (Residual(W),)), "Head 0 needs an approximation"),
        (((W,), (W,)), "by window, not in full"),
        (((7,), (None,)), "7"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        HeadTable(*arguments)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_flops_are_four_head_sizes_for_every_pair_of_the_masks(data):
    layout = data.draw(layouts())
    table = data.draw(tables(len(layout.grid)))
    image = slice(layout.prefix, layout.prefix + layout.image)
    pairs = 0
    for way, updated in zip(table.ways, table.refresh):
        if way == FULL:
            pairs += layout.length**2
        elif way != REUSE:
            window = way.way if isinstance(way, Residual) else way
            pairs += int(window_mask(layout, window).sum()) + _pooled(layout, window)
        if updated:
            pairs += int(window_mask(layout, updated)[image].sum()) + _pooled(layout, updated)
    assert flops(layout, table, 64) == 4 * 64 * pairs


def _pooled(layout, window) -> int:
    """Every image query meets one key a tile, unless the window leaves no tile out."""
    leaves_out = not window_mask(layout, window).all()
    return layout.image * math.prod(tile_counts(layout.grid)) if window.pooled and leaves_out else 0


def test_full_tables_cost_dense_flops_and_reuse_costs_nothing():
    layout = Layout((16, 16), prefix=3)
    assert flops(layout, HeadTable.uniform(5, FULL), 64) == dense_flops(layout, 5, 64)
    assert flops(layout, HeadTable.uniform(5, REUSE), 64) == 0
    q = torch.zeros(1, 5, layout.length, 64)
    assert dense_flops(layout, 5, 64) == 4 * q.numel() * layout.length
