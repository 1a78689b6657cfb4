"""Which pairs of queries and keys the kernels visit, and how a call's work is laid out for them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import layouts, tables, windows

from ditfastattn.kernels import FULL, REUSE, Band, HeadTable, Layout, Residual, Window
from ditfastattn.kernels.geometry import tile_counts, tile_shape
from ditfastattn.kernels.pooling import tile_tokens
from ditfastattn.kernels.triton import launch, why_not, worklist
from ditfastattn.kernels.triton.configs import Config
from ditfastattn.kernels.triton.hopper.records import records_of
from ditfastattn.kernels.triton.pattern import check, pattern
from ditfastattn.kernels.triton.tile_order import raster_order, tile_order
from ditfastattn.kernels.triton.worklist import Kind, Shelf, shelf_of
from ditfastattn.kernels.ways.window import window_mask

CPU = torch.device("cpu")
LAYOUT = Layout((13, 37), prefix=3, suffix=2)
LOCAL, WIDE = Window((0.3, 0.3)), Window((0.7, 0.5))


def visited(layout, found, keys, rest=False, order_of=tile_order):
    """(L, L) how often the kernel joins a query and a key, by the rules in pattern.py."""
    order = order_of(layout)
    joined = np.zeros((layout.length, layout.length), dtype=int)
    lane = np.arange(keys)
    for start, count, half, _, *ranges in found.blocks:
        slots = np.arange(start, start + count)
        rows, column = order.slots[slots], order.columns[slots][:, None]
        passes = (ranges[:4], ranges[4:]) if rest else (ranges[:4],)
        for first, last, first_masked, last_masked in passes:
            for at in found.clean[first:last]:
                joined[np.ix_(rows, order.slots[at + lane])] += 1
            for at, live, offset, tile, invert in found.masked[first_masked:last_masked]:
                inside = ((column - half) * tile <= offset + lane) & (offset + lane < (column + half + 1) * tile)
                joined[np.ix_(rows, order.slots[at : at + live])] += (inside != bool(invert))[:, :live]
    return joined


def visited_in_one_loop(layout, found, keys, rest=True):
    """As `visited`, by the rules of `records_of`; without the rest up to the window's last record, image rows alone."""
    slots = tile_order(layout).slots if found.tiled else np.arange(layout.length)
    joined = np.zeros((layout.length, layout.length), dtype=int)
    lane = np.arange(keys)
    blocks, records = records_of(found, layout, keys)
    for start, count, half, column, first, last, per, edge in blocks[:, :8]:
        if not rest and edge < 0:
            continue
        last = last if rest else edge + 1
        columns = (column + np.arange(count) // per)[:, None]
        for at, live, offset, tile in records[first:last]:
            size = abs(tile)
            inside = ((columns - half) * size <= offset + lane) & (offset + lane < (columns + half + 1) * size)
            inside = (inside != (tile < 0)) | (tile == 0)
            joined[np.ix_(slots[start : start + count], slots[at : at + live])] += inside[:, :live]
    return joined


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_window_visits_exactly_the_pairs_of_the_reference(data):
    layout = data.draw(layouts(largest=400))
    window = data.draw(windows(len(layout.grid)))
    queries, keys = data.draw(st.sampled_from((64, 128))), data.draw(st.sampled_from((16, 32, 64)))
    wanted = window_mask(layout, window).numpy()
    alone = pattern(layout, window, False, queries, keys)
    assert (visited(layout, alone, keys) == wanted).all()

    refresh = pattern(layout, window, True, queries, keys)
    assert (visited(layout, refresh, keys) == wanted).all()
    assert (visited(layout, refresh, keys, rest=True) == 1).all()
    full = pattern(layout, None, False, queries, keys)
    assert (visited(layout, full, keys) == 1).all()
    assert (visited_in_one_loop(layout, alone, keys) == wanted).all()
    assert (visited_in_one_loop(layout, full, keys) == 1).all()
    assert (visited_in_one_loop(layout, refresh, keys) == 1).all()
    image = slice(layout.prefix, layout.prefix + layout.image)
    assert (visited_in_one_loop(layout, refresh, keys, rest=False)[image] == wanted[image]).all()
    assert (alone.blocks[:, 1] <= queries).all()


@settings(deadline=None, max_examples=60)
@given(layouts(largest=400), st.sampled_from((1 / 8, 1 / 16, 1 / 64, 0.3, 0.9)), st.sampled_from((64, 128)), st.data())
def test_a_band_visits_exactly_the_pairs_of_the_reference(layout, half, queries, data):
    keys = data.draw(st.sampled_from((16, 32, 64)))
    band = Band(half)
    wanted = band.row_mask(layout, torch.arange(layout.length)).numpy()
    alone, refresh = (pattern(layout, band, update, queries, keys) for update in (False, True))
    for found in (alone, refresh):
        check(found, layout.length, queries, keys)
        assert (visited(layout, found, keys, order_of=raster_order) == wanted).all()
    assert (visited(layout, refresh, keys, rest=True, order_of=raster_order) == 1).all()


def test_bands_have_an_order_of_their_own_and_layers_with_windows_as_well_are_refused():
    band, order = Band(1 / 8), raster_order(LAYOUT)
    assert order.slots[: LAYOUT.image].tolist() == list(range(LAYOUT.prefix, LAYOUT.prefix + LAYOUT.image))
    for table in (HeadTable((band, FULL), (None, None)), HeadTable((FULL, Residual(band)), (band, None))):
        place = launch.shelf(LAYOUT, table, Config(64, 32, 4, 2), CPU)
        work = place.work(table)
        assert work.slots[: LAYOUT.length].tolist() == order.slots.tolist()
        assert work.columns.tolist() == order.columns.tolist()
        assert why_not.about_table(LAYOUT, table) is None
    mixed = HeadTable((band, LOCAL), (None, None))
    assert why_not.about_table(LAYOUT, mixed) == "The Triton kernel takes windows or bands in one layer, not both."


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_refreshing_pooled_window_visits_its_box_and_then_every_key(data):
    layout = data.draw(layouts(largest=300))
    window = data.draw(windows(len(layout.grid), pooled=True))
    if not window.pools(layout):
        return
    wanted = window_mask(layout, window).numpy()
    found = pattern(layout, window, True, 64, 32)
    assert (visited(layout, found, 32) == wanted).all()
    twice = wanted.astype(int) + 1
    is_global = np.ones(layout.length, dtype=bool)
    is_global[layout.prefix : layout.prefix + layout.image] = False
    twice[is_global] = 1
    assert (visited(layout, found, 32, rest=True) == twice).all()
    check(found, layout.length, 64, 32)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_query_leaves_out_exactly_the_pooled_keys_of_its_box(data):
    layout = data.draw(layouts(largest=400))
    window = data.draw(windows(len(layout.grid), pooled=True))
    if not window.pools(layout):
        return
    order, columns = tile_order(layout), worklist.pooled_columns(layout, window)
    found = pattern(layout, window, False, 64, 32)
    seen = np.zeros((layout.length, columns.shape[1]), dtype=bool)
    for start, count, half, row, *_ in found.blocks:
        if row >= 0:
            slots = slice(start, start + count)
            low = (order.columns[slots] - half)[:, None]
            seen[order.slots[slots]] = (columns[row] < low) | (columns[row] > low + 2 * half)
    assert (seen == window.far_tiles(layout, torch.arange(layout.length)).numpy()).all()
    plain = pattern(layout, replace(window, pooled=False), False, 64, 32)
    more = (found.cost - plain.cost)[found.blocks[:, 3] >= 0]
    assert (more == -(-columns.shape[1] // 32)).all() and found.cost.sum() - plain.cost.sum() == more.sum()


@settings(deadline=None, max_examples=40)
@given(layouts(largest=400))
def test_tiles_lie_in_slots_in_row_major_order(layout):
    work = shelf_of(Kind(layout, 64, 32, CPU)).work(HeadTable.uniform(1, FULL))
    assert torch.equal(work.starts.diff().long(), tile_tokens(layout.grid))
    tiles = np.repeat(np.arange(len(work.log_tokens)), tile_tokens(layout.grid))
    sides = tile_shape(layout.grid)
    at = np.unravel_index(tile_order(layout).slots[: layout.image] - layout.prefix, layout.grid)
    wanted = np.ravel_multi_index([x // side for x, side in zip(at, sides)], tile_counts(layout.grid))
    assert (tiles == wanted).all()


def items_of(parts, count, work):
    """(head, query block) of every item, by the rule in `common.find_work`."""
    parts = parts.view(-1, worklist.PART_FIELDS).tolist()
    heads = work.heads.view(-1, worklist.HEAD_FIELDS)
    found = []
    for item in range(count):
        begin, first, blocks, start = [part for part in parts if part[0] <= item][-1]
        rank, block = divmod(item - begin, blocks)
        found.append((int(heads[first + rank, 7]), start + block))
    return found


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_work_covers_every_row_of_every_head_once_and_starts_with_the_longest(data):
    layout = data.draw(layouts(largest=400))
    table = data.draw(tables(len(layout.grid)))
    kind = Kind(layout, 64, 32, CPU, data.draw(st.booleans()))
    leave, skip = data.draw(st.booleans()), data.draw(st.booleans())
    work = Shelf(kind).work(table, leave, skip)
    items = items_of(work.parts, work.items, work)
    assert len(items) == work.items == len(set(items))
    left = set(work.left) | (set(table.reuse_heads) if skip else set())
    if not leave:
        assert not work.left
    patterns = {head: worklist.pattern_of(kind, way, table.refresh[head]) for head, way in enumerate(table.ways)}
    cost = [patterns[head].cost[block] for head, block in items]
    # A window's heads one after another, the largest first: its blocks are no longer than all keys together.
    assert all(low <= high for high, low in zip(cost, cost[1:]) if high == max(cost))
    for head, of_head in patterns.items():
        taken = [block for other, block in items if other == head]
        rows = sorted(r for b in taken for r in range(of_head.blocks[b, 0], sum(of_head.blocks[b, :2])))
        assert rows == ([] if head in left else list(range(layout.length)))
    for head in work.left:
        assert table.refresh[head] is None and not patterns[head].tiled and table.ways[head].reads is None
    assert sorted(tile_order(layout).slots.tolist()) == list(range(layout.length))


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_every_block_that_sees_pooled_keys_is_visited_once_by_their_launch(data):
    layout = data.draw(layouts(largest=300))
    table = data.draw(tables(len(layout.grid)))
    work = Shelf(Kind(layout, 64, 32, CPU, True)).work(table)
    pooled = [head for head in range(len(table)) if (found := worklist.window_of(table.ways[head], table.refresh[head]))
              and found.pools(layout)]  # fmt: skip
    assert sorted(work.pooled.tolist()) == pooled
    records = {row[7]: row for row in work.heads.view(-1, worklist.HEAD_FIELDS).tolist()}
    assert [records[head][5] for head in work.pooled.tolist()] == list(range(len(pooled)))
    visited = items_of(work.pooled_parts, work.pooled_items, work)
    wanted = []
    for head in pooled:
        blocks = worklist.pattern_of(Kind(layout, 64, 32, CPU, True), table.ways[head], table.refresh[head]).blocks
        wanted += [(head, block) for block in range(len(blocks)) if blocks[block, 3] >= 0]
    assert sorted(visited) == sorted(wanted)


def test_a_runs_tables_are_prepared_once_in_one_copy(monkeypatch):
    copies, stored = [], worklist._stored
    monkeypatch.setattr(worklist, "_stored", lambda array, device: copies.append(array.dtype) or stored(array, device))
    layout = Layout((13, 38), prefix=3, suffix=2)
    tables = [HeadTable((LOCAL, FULL, REUSE), (None, WIDE, None)), HeadTable((LOCAL,) * 3, (None,) * 3)]
    shelf = Shelf(Kind(layout, 128, 64, CPU))
    shelf.prepare(tables)
    assert copies.count(np.int64) == 1
    works = [shelf.work(table) for table in tables]
    assert copies.count(np.int64) == 1 and [shelf.work(table) for table in tables] == works
    assert shelf.find(tables[0]) is works[0] and shelf.find(tables[0], leave_full=True) is None
    assert all(x.data_ptr() % 16 == 0 for work in works for x in (work.parts, work.heads, work.pooled, work.slots))
    assert shelf.work(HeadTable((LOCAL, FULL), (None,) * 2)).held[1] is works[1].held[0] and copies.count(np.int64) == 2


def test_eight_by_eight_tiles_of_one_block_need_no_mask():
    """64 queries are one tile there, so that touched is computed; 128 are two, whose box is one tile wider."""
    layout = Layout((64, 64), prefix=64)
    window = Window((3 / 8, 3 / 8))
    assert len(pattern(layout, window, False, 64, 64).masked) == 1  # the one that stands for none
    pairs = pattern(layout, window, False, 128, 64)
    assert ((pairs.blocks[:32, 7] - pairs.blocks[:32, 6]) <= 6).all()


@pytest.mark.parametrize("field, value", [(0, 490), (1, 200), (5, 10_000), (4, -1)])
def test_a_work_list_that_leaves_its_bounds_never_reaches_a_gpu(field, value):
    right = pattern(LAYOUT, LOCAL, True, 128, 64)
    check(right, LAYOUT.length, 128, 64)
    blocks = right.blocks.copy()
    blocks[3, field] = value
    with pytest.raises(ValueError, match="bounds"):
        check(replace(right, blocks=blocks), LAYOUT.length, 128, 64)
    with pytest.raises(ValueError, match="bounds"):
        check(replace(right, clean=right.clean + LAYOUT.length), LAYOUT.length, 128, 64)
