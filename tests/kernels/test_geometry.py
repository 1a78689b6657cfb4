import math
import time
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import layouts, windows

from ditfastattn.kernels import FULL, Layout, Window
from ditfastattn.kernels.geometry import Span, axis_spans, tile_counts, tile_shape
from ditfastattn.kernels.tiled import axis_runs
from ditfastattn.kernels.ways.window import window_mask

pytestmark = pytest.mark.usefixtures("one_thread")
quick = settings(deadline=None, max_examples=80)


@quick
@given(st.data())
def test_window_pairs_is_exactly_the_sum_of_the_mask(data):
    layout = data.draw(layouts())
    window = data.draw(windows(len(layout.grid)))
    assert window.pairs(layout) == int(window_mask(layout, window).sum())


@quick
@given(st.data())
def test_row_mask_equals_the_rows_of_the_whole_mask(data):
    layout = data.draw(layouts())
    window = data.draw(windows(len(layout.grid)))
    rows = torch.tensor(data.draw(st.lists(st.integers(0, layout.length - 1), max_size=12)), dtype=torch.long)
    assert torch.equal(window.row_mask(layout, rows), window_mask(layout, window)[rows])


@quick
@given(st.data())
def test_a_row_sees_the_tiles_outside_its_box_as_pooled_keys(data):
    layout = data.draw(layouts(largest=300))
    window = data.draw(windows(len(layout.grid), pooled=True))
    rows = torch.tensor(data.draw(st.lists(st.integers(0, layout.length - 1), max_size=12)), dtype=torch.long)
    mask = window_mask(layout, window)[rows]
    wanted = torch.zeros(len(rows), math.prod(tile_counts(layout.grid)), dtype=torch.bool)
    for token, at in enumerate(product(*map(range, layout.grid))):
        number = 0
        for x, side, count in zip(at, tile_shape(layout.grid), tile_counts(layout.grid)):
            number = number * count + x // side
        wanted[:, number] |= ~mask[:, layout.prefix + token]
    assert torch.equal(window.far_tiles(layout, rows), wanted)
    assert not Window(window.extent).far_tiles(layout, rows).any()


@quick
@given(st.data())
def test_pooled_windows_pair_each_image_query_with_every_tile_unless_they_cover_the_grid(data):
    layout = data.draw(layouts())
    window = data.draw(windows(len(layout.grid), pooled=True))
    tiles = 0 if window.is_full(layout) else math.prod(tile_counts(layout.grid))
    assert window.pairs(layout) == Window(window.extent).pairs(layout) + layout.image * tiles


@quick
@given(st.data())
def test_a_mask_is_symmetric_and_every_token_sees_itself_and_all_global_tokens(data):
    layout = data.draw(layouts())
    mask = window_mask(layout, data.draw(windows(len(layout.grid))))
    assert torch.equal(mask, mask.T)
    assert mask.diagonal().all()
    assert mask[:, : layout.prefix].all() and mask[:, layout.prefix + layout.image :].all()


@given(st.integers(1, 200), st.integers(1, 16), st.integers(0, 30))
def test_spans_cover_every_query_once_in_order_with_the_box_of_each_tile(n, tile, half):
    spans = axis_spans(n, tile, half)
    queries = [q for s in spans for q in range(s.q_start, s.q_stop)]
    assert queries == list(range(n))
    for s in spans:
        for q in (s.q_start, s.q_stop - 1):
            assert s.k_start == max(q // tile - half, 0) * tile
            assert s.k_stop == min((q // tile + half + 1) * tile, n)


@given(st.integers(1, 300), st.integers(1, 16), st.integers(0, 30))
def test_runs_address_exactly_the_spans_of_an_axis(n, tile, half):
    addressed = []
    for run in axis_runs(n, tile, half):
        q, k = run.queries, run.keys
        assert q.count == k.count
        for i in range(q.count):
            q_start, k_start = q.start + i * q.step, k.start + i * k.step
            addressed.append(Span(q_start, q_start + q.length, k_start, k_start + k.length))
    assert sorted(addressed, key=lambda s: s.q_start) == list(axis_spans(n, tile, half))


def test_the_whole_grid_as_a_window_is_all_pairs():
    layout = Layout((33, 20), prefix=7, suffix=2)
    assert Window((1.0, 1.0)).pairs(layout) == FULL.pairs(layout) == layout.length**2
    assert Window((1.0, 1.0)).is_full(layout)
    assert not Window((1.0, 0.5)).is_full(layout)


@pytest.mark.parametrize(
    "extent, width",
    [(0.01, 1), (1 / 8, 1), (0.24, 1), (0.25, 3), (3 / 8, 3), (0.49, 3), (0.5, 5), (5 / 8, 5), (0.75, 7), (0.99, 7)],
)
def test_the_width_in_tiles_is_the_odd_number_nearest_to_the_extent(extent, width):
    grid = (8 * tile_shape((64, 64))[0],) * 2
    assert tile_counts(grid) == (8, 8)
    assert Window((extent, extent)).half_widths(grid) == ((width - 1) // 2,) * 2


@given(st.integers(2, 130), st.data())
def test_a_fraction_of_whole_tiles_does_not_fall_below_its_step_by_rounding(tiles, data):
    width = 2 * data.draw(st.integers(0, (tiles - 1) // 2))
    assert width == 0 or Window((width / tiles,)).half_widths((tiles * 64,)) == (width // 2,)


def test_two_of_forty_nine_tiles_reach_one_tile_to_either_side():
    assert Window((2 / 49,)).half_widths((49 * 64,)) == (1,)


@given(st.integers(1, 64), st.data())
def test_an_odd_number_of_tiles_as_a_fraction_gives_that_many_tiles(tiles, data):
    width = 2 * data.draw(st.integers(0, (tiles - 1) // 2)) + 1
    grid = (tiles * 64,)
    half = Window((width / tiles,)).half_widths(grid)[0]
    assert half == tiles if width == tiles else half == (width - 1) // 2


def test_an_axis_taken_whole_reaches_over_all_its_tiles():
    grid = (5, 30, 52)
    assert Window((1.0, 1.0, 1.0)).half_widths(grid) == tile_counts(grid)


def test_a_tile_never_exceeds_the_grid():
    for grid in [(1, 1), (3, 100), (2, 5, 5), (1, 64, 64), (7,)]:
        assert all(1 <= t <= n for t, n in zip(tile_shape(grid), grid))


def test_counting_a_long_video_takes_no_memory_and_little_time():
    layout = Layout((21, 45, 80), prefix=512)
    start = time.perf_counter()
    pairs = Window((0.3, 0.3, 0.3)).pairs(layout)
    mask = Window((0.3, 0.3, 0.3)).row_mask(layout, torch.arange(0, layout.length, 1000))
    assert time.perf_counter() - start < 2.0
    assert 0 < pairs < FULL.pairs(layout) and mask.shape == (77, layout.length)


@pytest.mark.parametrize("grid", [(), (4, 0), (-1, 4), (4, 4.0), (2, 2, 2, 2), (True, 4)])
def test_a_layout_refuses_a_grid_that_is_not_one_to_three_positive_integers(grid):
    with pytest.raises(ValueError, match="grid"):
        Layout(grid)


@pytest.mark.parametrize("counts", [(-1, 0), (0, -1), (0.5, 0)])
def test_a_layout_refuses_negative_or_broken_global_counts(counts):
    with pytest.raises(ValueError, match="Global"):
        Layout((4, 4), *counts)


@pytest.mark.parametrize("extent", [(), (0.0, 1.0), (1.1,), (float("nan"), 0.5), (-0.5,)])
def test_a_window_refuses_extents_outside_zero_to_one(extent):
    with pytest.raises(ValueError, match="extent"):
        Window(extent)


def test_a_window_of_another_rank_is_refused():
    with pytest.raises(ValueError, match="2 axes"):
        Window((0.5, 0.5)).half_widths((5, 8, 8))


@pytest.mark.parametrize("rows", [torch.tensor([[1]]), torch.tensor([0.5]), torch.tensor([-1]), torch.tensor([16])])
def test_row_mask_refuses_rows_that_are_not_positions_of_the_sequence(rows):
    with pytest.raises(ValueError, match="Rows"):
        Window((0.5, 0.5)).row_mask(Layout((4, 4)), rows)
