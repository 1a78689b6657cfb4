"""What is counted of a head before it is computed is what the kernel's blocks compute."""

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
from ditfastattn.kernels.triton.trial import Trial
from ditfastattn.kernels.triton.worklist import Kind, Shelf

CPU = torch.device("cpu")
# Layouts that the benchmark of launches runs, and head sizes.
SHAPES = {
    "FLUX 1024": (Layout((64, 64), 512), 128),
    "FLUX 2048": (Layout((128, 128), 512), 128),
    "FLUX 1344 x 768": (Layout((48, 84), 512), 128),
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


@pytest.mark.parametrize("shape", SHAPES)
def test_blocks_compute_little_more_than_windows_join(shape):
    layout, head_dim = SHAPES[shape]
    counter = Counter(candidates("cuda", 89, head_dim)[-1])
    ways = approximations(len(layout.grid))
    ratios = [counter.head(layout, way, head_dim) / head_flops(layout, way, head_dim) for way in ways]
    assert min(ratios) >= 1.0
    # A window of one tile over a whole clip of which the last tiles are a frame deep is the exception.
    assert sorted(ratios)[-2] <= 1.10 and max(ratios) <= 1.25
    assert sum(ratios) / len(ratios) <= 1.10


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
    assert pointer.scratch(table, 64) == 4 * 1 * 64
    assert ordered.scratch(table, 64) == 4 * 2 * 64
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
