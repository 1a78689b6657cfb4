"""What is counted of a head before it is computed is what the kernel's blocks compute."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import layouts, tables, windows

from ditfastattn.kernels import (
    FULL,
    REUSE,
    Counter,
    HeadTable,
    Int8,
    Layout,
    Reference,
    Residual,
    Window,
    approximations,
)
from ditfastattn.kernels.flops import head_flops
from ditfastattn.kernels.triton import backend, trial
from ditfastattn.kernels.triton.configs import PINGPONG, Config, candidates
from ditfastattn.kernels.triton.int8 import backend as int8
from ditfastattn.kernels.triton.int8.configs import int8_candidates
from ditfastattn.kernels.triton.pattern import pattern
from ditfastattn.kernels.triton.tile_order import tile_order
from ditfastattn.kernels.triton.trial import Trial
from ditfastattn.kernels.triton.worklist import Kind, Shelf
from ditfastattn.kernels.ways.window import window_mask

CPU = torch.device("cpu")
# Layouts that the benchmark of launches runs, and head sizes.
SHAPES = {
    "FLUX 1024": (Layout((64, 64), 512), 128),
    "FLUX 2048": (Layout((128, 128), 512), 128),
    "FLUX 1344 x 768": (Layout((48, 84), 512), 128),
    "Qwen-Image 1328": (Layout((83, 83), 128), 128),
    "SD3.5 1024": (Layout((64, 64), 0, 154), 64),
    "Wan 480p": (Layout((21, 30, 52)), 128),
    "Wan 720p": (Layout((21, 45, 80)), 128),
}


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_table_is_counted_as_its_work_list_computes_it(data):
    layout = data.draw(layouts(largest=300))
    table = data.draw(tables(len(layout.grid)))
    config = data.draw(st.sampled_from((Config(64, 32, 4, 3), Config(128, 64, 4, 2, PINGPONG))))
    counter = Counter(config)
    counted = sum(counter.head(layout, way, 1) for way in table.ways)
    counted += sum(counter.update(layout, way, 1) for way in table.refresh if way is not None)
    work = Shelf(Kind(layout, config.queries, config.keys, CPU, config.path == PINGPONG)).work(table, leave_full=True)
    # Windows over all of the grid with a residual are whole blocks of the kernel, and counted as the full heads they
    # are; so is a window over all of the grid beside which a residual is updated.
    odd = [way for way in (*table.ways, *table.refresh) if isinstance(way, Residual) and way.way.is_full(layout)]
    odd += [way for way in table.refresh if way is not None and way.is_full(layout)]
    if not odd:
        assert counted == 4 * work.pairs


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_without_the_kernel_the_pairs_of_the_definition_are_counted(data):
    layout = data.draw(layouts(largest=300))
    window = data.draw(windows(len(layout.grid), pooled=None))
    for way in (window, Residual(window), FULL, REUSE):
        assert Counter().head(layout, way, 64) == head_flops(layout, way, 64)
    assert Counter().update(layout, window, 64) == 4 * 64 * window.image_pairs(layout)
    assert Counter.of(CPU, torch.bfloat16, 64) == Counter()


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_block_computes_the_keys_that_any_of_its_queries_sees_rounded_up_and_nothing_else(data):
    """Between each run of them rounded up to whole key blocks, and each tile row's own part of it rounded up; so what
    is computed for nothing is what queries of one block see apart, and roundings, whatever the grid and its edges."""
    layout = data.draw(layouts(largest=500))
    window = data.draw(windows(len(layout.grid)))
    queries, keys = data.draw(st.sampled_from(((64, 16), (64, 32), (64, 64), (128, 64), (128, 128))))
    chosen, order = pattern(layout, window, False, queries, keys), tile_order(layout)
    slots = torch.from_numpy(order.slots.astype("int64"))
    seen = window_mask(layout, window)[slots][:, slots].numpy()
    edges = [*(row.start for row in order.rows), layout.image, layout.length]
    for start, count, _, _, *ranges in chosen.blocks.tolist():
        union = seen[start : start + count].any(0)
        computed = keys * (ranges[1] - ranges[0] + ranges[3] - ranges[2])
        apart = [run for low, high in pairwise(edges) for run in runs_of(union[low:high])]
        assert sum(-(-run // keys) * keys for run in runs_of(union)) <= computed
        assert computed <= sum(-(-run // keys) * keys for run in apart)
        # One tile's queries see the same keys: nothing is masked but roundings.
        rows = [row for row in order.rows if row.start <= start < row.stop]
        if rows and rows[0].tile >= queries:
            assert (seen[start : start + count] == union).all()


def runs_of(seen) -> list[int]:
    """Lengths of the runs of True."""
    ends = np.flatnonzero(np.diff(np.concatenate(([0], seen.astype(np.int8), [0]))))
    return (ends[1::2] - ends[::2]).tolist()


@pytest.mark.parametrize("shape", SHAPES)
def test_blocks_compute_little_more_than_windows_join(shape):
    """Of the ways that calibration scores, on the GPUs whose first blocks have 64 queries; what is left is the rows of
    64 that a block has and a tile of an edge, or the text, does not fill: a narrower one is not to be had."""
    layout, head_dim = SHAPES[shape]
    (blocks,) = {replace(candidates("cuda", gpu, head_dim)[-1], stages=3) for gpu in (80, 86, 89, 120)}
    counter, filled = Counter(blocks), Counter(replace(blocks, keys=8))
    ways = approximations(len(layout.grid))
    ratios = [counter.head(layout, way, head_dim) / head_flops(layout, way, head_dim) for way in ways]
    floors = [filled.head(layout, way, head_dim) / head_flops(layout, way, head_dim) for way in ways]
    assert min(floors) >= 1.0
    assert max(ratios) <= 1.11 and sum(ratios) / len(ratios) <= 1.08
    assert max(ratio / floor for ratio, floor in zip(ratios, floors)) <= 1.04
    # One tile over a clip whose last tiles are a frame deep is the worst of all windows: a quarter of a block's rows.
    single = Window((1.0,) * (len(layout.grid) - 2) + (0.01, 0.01))
    worst = counter.head(layout, single, head_dim) / head_flops(layout, single, head_dim)
    assert (
        worst <= 1.24 and worst / (filled.head(layout, single, head_dim) / head_flops(layout, single, head_dim)) < 1.05
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_the_hull_of_two_boxes_is_counted_where_a_block_holds_two(shape):
    """On Hopper, and wherever blocks of 128 queries serve: what the solver, the report and the panel count is that of
    the blocks, and the way that looks cheaper by pairs need not be."""
    layout, head_dim = SHAPES[shape]
    for config in (candidates("cuda", 90, head_dim)[0], candidates("cuda", 90, head_dim)[1]):
        counter = Counter(config)
        for way in approximations(len(layout.grid)):
            table = HeadTable.uniform(1, way)
            work = Shelf(Kind(layout, config.queries, config.keys, CPU, config.path == PINGPONG)).work(table)
            assert counter.head(layout, way, head_dim) == 4 * head_dim * work.pairs >= head_flops(layout, way, head_dim)


def test_the_winner_of_a_trial_is_expected_and_before_it_the_first_of_the_list(monkeypatch):
    device, known = torch.device("cuda", 0), {}
    first, last = Config(64, 64, 4, 3), Config(64, 32, 4, 2)
    monkeypatch.setattr(backend, "about_device", lambda device: None)
    monkeypatch.setattr(int8, "_about_kind", lambda *kind: True)
    monkeypatch.setattr(backend, "device_configs", lambda *args: (first, last))
    monkeypatch.setattr(trial, "_trials", known)
    assert Counter.of(device, torch.bfloat16, 64).blocks == first
    assert Counter.of(device, torch.bfloat16, 48) == Counter.of(device, torch.float32, 64) == Counter()
    known[device, torch.bfloat16, 64, False, False] = Trial(None, last)
    assert Counter.of(device, torch.bfloat16, 64).blocks == last
    known[device, torch.bfloat16, 64, True, False] = Trial("It is slow.")
    assert Counter.of(device, torch.bfloat16, 64) == Counter()


def test_memory_beside_a_calls_tensors_is_counted():
    window = Window((0.3, 0.3))
    table = HeadTable((FULL, FULL, window, REUSE), (None, window, None, None))
    pointer, ordered = Counter(Config(64, 32, 4, 3)), Counter(Config(128, 128, 4, 3, PINGPONG))
    assert Counter().scratch(table, 64) == 0
    assert pointer.scratch(table, 64) == (4 * 1 + 1) * 64
    assert ordered.scratch(table, 64) == (4 * 2 + 1) * 64
    assert pointer.scratch(HeadTable.uniform(2, FULL), 64) == 0


def test_windows_in_int8_are_counted_by_the_blocks_and_the_memory_of_their_kernel():
    layout, window = Layout((24, 20), 40), Window((0.3, 0.3))
    eight, usual = int8_candidates(89, 128)[0], Config(128, 128, 4, 2)
    counter, same = Counter(usual, eight), Int8.of(window)
    assert counter.head(layout, same, 1) == Counter(eight).head(layout, window, 1) < counter.head(layout, window, 1)
    assert counter.update(layout, same, 1) == Counter(eight).update(layout, window, 1)
    assert Counter(usual).head(layout, same, 1) == Counter(usual).head(layout, window, 1)
    # Queries and keys of a byte a lane, values of two, and two scales, beside elements of two bytes.
    assert counter.scratch(HeadTable((same, REUSE), (None, None)), 128) == (2 * 128 + 2 * 128 + 8) // 2
    assert Counter(usual).scratch(HeadTable((same, REUSE), (None, None)), 128) == 0


@pytest.mark.parametrize("blocks", (None, Config(64, 32, 4, 3)), ids=("tiled", "kernel"))
def test_padding_is_taken_out_before_and_attends_like_other_rows(blocks):
    layout = Layout((24, 20), 40, 7, padding=((10, 40), (525, 527)))
    way, counter, beside = Window((0.3, 0.3)), Counter(blocks), 32 * layout.keys
    left = layout.without_padding()
    for one in (way, Residual(way), FULL):
        assert counter.head(layout, one, 1) == counter.head(left, one, 1) + 4 * beside
    assert counter.head(layout, REUSE, 1) == 0
    assert counter.update(layout, way, 1) == counter.update(left, way, 1)


def test_windows_over_several_grids_are_counted_to_the_pair_as_the_kernel_does_not_serve_them():
    layout, way = Layout((24, 20), 40, 480, (Reference((24, 20), 520),)), Window((0.3, 0.3))
    counter = Counter(Config(64, 32, 4, 3))
    assert counter.head(layout, way, 64) == head_flops(layout, way, 64)
    assert counter.update(layout, way, 64) == 4 * 64 * way.image_pairs(layout)
