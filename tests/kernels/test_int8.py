"""INT8 as a way: which calls its kernel is asked for, and that calibration rounds as the kernel's tests do."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from int8_cases import PARTS, attended, offset_keys
from int8_cases import rounded as rounded_plainly
from kernel_cases import caches, layouts, qkv, windows

from ditfastattn.kernels import (
    BACKENDS,
    FULL,
    REUSE,
    HeadTable,
    Int8,
    Layout,
    Residual,
    Window,
    approximations,
    head_wise,
    way_of,
)
from ditfastattn.kernels.int8 import key_lanes, rotated, rounded
from ditfastattn.kernels.triton import known
from ditfastattn.kernels.triton.attempt import Trial
from ditfastattn.kernels.triton.configs import HEAD_DIMS, INT8, POINTER, Config
from ditfastattn.kernels.triton.int8 import backend
from ditfastattn.kernels.triton.int8.configs import KEY_LANES, int8_candidates
from ditfastattn.kernels.triton.launch import shelf
from ditfastattn.kernels.triton.worklist import HEAD_FIELDS

LAYOUT = Layout((6, 37), prefix=3, suffix=2)
LOCAL = Int8((0.3, 0.3), pooled=True)
PLAIN = Window((0.3, 0.3))

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("dim", [8, 16, 40, 48, 64, 72, 80, 96, 112, 128, 160, 256])
def test_a_rotation_leaves_products_as_they_are_and_rounding_has_255_steps(dim):
    x, y = torch.randn(2, 9, dim, dtype=torch.float64)
    torch.testing.assert_close(rotated(x) @ rotated(y).T, x @ y.T)
    near = rounded(x)
    steps = near / near.abs().amax(dim=1, keepdim=True) * 127
    torch.testing.assert_close(steps, steps.round(), rtol=0, atol=1e-9)
    assert float((near - rotated(x)).norm() / x.norm()) < 0.012 and rounded(torch.zeros(2, dim)).eq(0).all()


def test_the_kernel_rounds_in_the_parts_that_calibration_does():
    for dim in HEAD_DIMS:
        assert tuple(lanes for lanes in KEY_LANES[dim] if lanes) == key_lanes(dim) == PARTS[dim]
        x = torch.randn(5, dim, dtype=torch.float64)
        torch.testing.assert_close(rounded(x), rounded_plainly(x))


@settings(deadline=None, max_examples=20)
@given(st.data())
def test_sampled_rows_are_those_of_attention_with_rounded_scores(data):
    layout = data.draw(layouts(largest=200))
    window = data.draw(windows(len(layout.grid), pooled=None))
    rows = torch.tensor(data.draw(st.lists(st.integers(0, layout.length - 1), min_size=1, max_size=9)))
    scale = data.draw(st.sampled_from((None, 0.1)))
    q, k, v = qkv(2, 2, layout.length, 64, seed=data.draw(st.integers(0, 99)))
    k = offset_keys(k)
    found = Int8(window.extent, window.pooled).at_rows(q, k, v, layout, rows, scale)
    for head in range(2):
        doubles = (x[:, head].double() for x in (q, k, v))
        wanted = attended(*doubles, layout, window, scale)[:, rows]
        apart = (found[:, head].double() - wanted).norm() / wanted.norm()
        assert found.dtype is torch.float32 and float(apart) < 2e-3


def test_elsewhere_it_is_the_window_that_it_rounds():
    """On a CPU an INT8 window costs what the window costs, and gives its bits."""
    q, k, v = qkv(1, 3, LAYOUT.length, 16)
    pairs = ((LOCAL, Int8.whole(2)), (Window((0.3, 0.3), pooled=True), Window((1.0, 1.0))))
    tables = [HeadTable((way, whole, Residual(way)), (None,) * 3) for way, whole in pairs]
    kept = caches(q, LAYOUT, tables[0])
    eight, sixteen = (head_wise(q, k, v, LAYOUT, table, **kept) for table in tables)
    assert torch.equal(eight.out, sixteen.out) and eight.backend == "tiled"
    assert LOCAL.pairs(LAYOUT) == Window((0.3, 0.3), pooled=True).pairs(LAYOUT)
    assert Int8.whole(2).image_pairs(LAYOUT) == LAYOUT.image * LAYOUT.length


def test_a_plan_can_name_it_and_calibration_does_not_score_it_unasked():
    assert way_of("int8", LOCAL.parameters(), 2) == LOCAL != Window(LOCAL.extent, pooled=True)
    for axes in (1, 2, 3):
        assert not any(isinstance(way, Int8) for way in approximations(axes))
        assert Int8.whole(axes).is_full(Layout((9,) * axes))


@pytest.mark.parametrize(
    "ways, refresh, wanted",
    [
        ((LOCAL, FULL), (None, None), True),
        ((Residual(LOCAL), REUSE), (None, None), True),
        ((FULL, FULL), (LOCAL, None), True),
        ((FULL, REUSE), (None, None), False),
        ((LOCAL, PLAIN), (None, None), False),
        ((LOCAL, Residual(PLAIN)), (None, None), False),
        ((LOCAL, FULL), (None, PLAIN), False),
    ],
)
def test_it_serves_layers_in_which_nothing_is_to_be_computed_in_16_bits(ways, refresh, wanted):
    assert backend.in_int8(HeadTable(ways, refresh)) is wanted


def test_a_layer_without_int8_is_refused_before_anything_else_is_looked_at():
    assert BACKENDS[0].name == "triton_int8"
    sentence = BACKENDS[0].why_not(
        None, None, None, None, HeadTable.uniform(2, PLAIN), None, scale=None, cached=None, residual=None
    )
    assert "planned in INT8" in sentence


def test_full_heads_beside_int8_are_attended_by_the_host_and_whole_windows_are_not():
    """The former are to be exact; the latter are there to be computed in INT8."""
    whole = Int8.whole(2)
    table = HeadTable((FULL, LOCAL, FULL, whole, REUSE), (None, None, LOCAL, None, None))
    for path, left in ((INT8, (0,)), (POINTER, (0, 3))):
        work = shelf(LAYOUT, table, Config(64, 32, 4, 1, path), torch.device("cpu")).work(table, leave_full=True)
        assert work.left == left
        records = work.heads.view(-1, HEAD_FIELDS)
        assert records[:, 8].tolist() == list(range(len(records)))
        assert work.attending == len(records) - 1 and records[-1, 7] == 4


@pytest.mark.parametrize("updating", [False, True], ids=["", "updating"])
def test_a_trials_winner_serves_but_residual_updates(updating, monkeypatch):
    q, k, v = qkv(1, 2, LAYOUT.length, 128, torch.float16)
    first, last = int8_candidates(80, 128, True)
    monkeypatch.setattr(backend, "int8_trial", lambda *args: Trial(None, first))
    asked = []
    monkeypatch.setattr(backend, "head_wise", lambda *args, config, dense, **options: asked.append((config, dense)))
    table = HeadTable((FULL, LOCAL), (LOCAL if updating else None, None))
    out, options = torch.empty_like(q), {"scale": None, "cached": None, "residual": None}
    done = backend.int8_head_wise(q, k, v, LAYOUT, table, out, dense=max, **options)
    assert asked == [(last if updating else first, max)] and done.left is not updating
    assert known.serve(q, k, v, LAYOUT, table, out, None, None, None, min) is None


def test_a_run_is_prepared_by_the_path_that_serves_each_table(monkeypatch):
    q = torch.empty(1, 2, LAYOUT.length, 128, dtype=torch.float16)
    first = int8_candidates(80, 128, True)[0]
    eight, sixteen = HeadTable.uniform(2, LOCAL), HeadTable.uniform(2, PLAIN)
    monkeypatch.setattr(backend, "int8_trial", lambda *args: Trial(None, first))
    for name in ("about_device", "_about_int8"):
        monkeypatch.setattr(backend, name, lambda device: None)
    assert backend.prepare(q, LAYOUT, [eight, sixteen, eight], None) == [sixteen]
    place = shelf(LAYOUT, eight, first, torch.device("cpu"))
    assert place.find(eight, True) is not None and place.find(sixteen, True) is None


def test_under_a_later_triton_the_one_binary_that_would_spill_fetches_no_keys_ahead():
    (first,) = int8_candidates(89, 64)
    assert int8_candidates(89, 64, later=True) == (replace(first, stages=1),)
    assert int8_candidates(89, 64, pooled=True, later=True) == (first,)
    for capability, dim in ((80, 64), (120, 64), (89, 80), (89, 128)):
        assert int8_candidates(capability, dim, later=True) == int8_candidates(capability, dim)


def test_gpus_without_fast_integers_get_no_configuration():
    for capability in (75, 90, 100, 103):
        assert int8_candidates(capability, 64) == ()
    for capability in (80, 86, 89, 120, 121):
        for dim in HEAD_DIMS:
            found = int8_candidates(capability, dim)
            assert found and all(config.path == INT8 for config in found)
