"""The INT8 path's arithmetic, in Triton's interpreter on a CPU: run by test_triton.py in a process of its own."""

import os
from dataclasses import replace

import pytest

if os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("runs in a process of its own, started by test_triton.py", allow_module_level=True)
pytest.importorskip("triton", reason="Triton is not installed")

import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from int8_cases import EXACT, ROUNDED, WINDOWS, error, layer, offset_keys
from kernel_cases import ORDERS, caches, layouts, qkv, windows

from ditfastattn.kernels import FULL, REUSE, HeadTable, Int8, Layout, Residual
from ditfastattn.kernels.triton import attempt, units
from ditfastattn.kernels.triton.agreement import Case
from ditfastattn.kernels.triton.configs import INT8, Config
from ditfastattn.kernels.triton.int8 import trial
from ditfastattn.kernels.triton.int8.configs import int8_candidates
from ditfastattn.kernels.triton.launch import head_wise, shelf
from ditfastattn.kernels.triton.verdicts import Verdicts

CPU = torch.device("cpu")
# Ragged in both axes, several blocks of queries, global tokens at both ends.
LAYOUT = Layout((5, 17), prefix=3, suffix=2)
SMALL, LARGER = Config(64, 32, 4, 1, INT8), Config(128, 64, 8, 2, INT8)
LOCAL, WIDE = (Int8(window.extent) for window in WINDOWS)
POOLED = replace(LOCAL, pooled=True)

pytestmark = pytest.mark.usefixtures("one_thread")
brief = settings(
    deadline=None, max_examples=4, derandomize=True, database=None, phases=(Phase.explicit, Phase.generate)
)


def run(q, k, v, layout, table, *, config=SMALL, **arguments):
    """(out, fresh) of the kernel; `out` starts as NaN, so that a row left out shows."""
    out = torch.full_like(q, torch.nan)
    return out, head_wise(q, k, v, layout, table, out, config=config, **arguments)


def assert_close(q, k, v, layout, table, times=1, **options):
    """Within ROUNDED of this test's own rounding and within EXACT of attention without any, or so many times that."""
    arguments = caches(q, layout, table)
    out, fresh = run(q, k, v, layout, table, **arguments, **options)
    options.pop("config", None)
    for rounds, allowed in ((True, ROUNDED * times), (False, EXACT * times)):
        wanted, residual = layer(q, k, v, layout, table, rounds=rounds, **arguments, **options)
        assert error(out, wanted) <= allowed
        if residual is not None:
            assert error(fresh, residual, wanted) <= allowed
    return out, fresh


@pytest.mark.parametrize("dim", [64, 72, 80, 96, 128])
def test_every_head_size_and_way_stays_within_one_per_cent_of_exact_attention(dim):
    """One pooled, one with a residual, one full that updates its residual, one reused."""
    table = HeadTable((POOLED, Residual(WIDE), FULL, REUSE), (None, None, POOLED, None))
    q, k, v = qkv(1, 4, LAYOUT.length, dim, torch.float16, "fused qkv")
    assert_close(q, offset_keys(k), v, LAYOUT, table, config=LARGER if dim in (64, 96) else SMALL)


@brief
@given(st.data())
def test_any_layout_window_and_memory_order(data):
    layout = data.draw(layouts(largest=100))
    pair = (data.draw(windows(len(layout.grid), pooled=None)) for _ in range(2))
    local, other = (Int8(window.extent, window.pooled) for window in pair)
    table = HeadTable((local, FULL, Residual(other)), (None, other, None))
    order = data.draw(st.sampled_from([order for order in ORDERS if order != "sliced tokens"]))
    dtype = data.draw(st.sampled_from((torch.float16, torch.bfloat16)))
    q, k, v = qkv(1, 3, layout.length, 64, dtype, order, data.draw(st.integers(0, 99)))
    arguments = caches(q, layout, table)
    out, fresh = run(q, k, v, layout, table, config=data.draw(st.sampled_from((SMALL, LARGER))), **arguments)
    # Rounding of the output beside that of the scores; with a few keys in sight no two errors cancel.
    allowed = 0.02 + 2 * torch.finfo(dtype).eps
    wanted, residual = layer(q, k, v, layout, table, rounds=False, **arguments)
    assert error(out, wanted) <= allowed and error(fresh, residual, wanted) <= allowed


@pytest.mark.parametrize("layout", [Layout((1,)), Layout((33, 1)), Layout((70,), 0, 30), Layout((2, 3, 9), 1)], ids=str)
def test_tails_thin_grids_and_no_text(layout):
    window = Int8((0.4,) * len(layout.grid))
    table = HeadTable((window, FULL), (None, window))
    assert_close(*qkv(1, 2, layout.length, 64, torch.float16), layout, table)


@pytest.mark.parametrize("scale", [0.02, 0.4])
def test_the_scale_is_used(scale):
    """Errors of scores grow with it."""
    table = HeadTable.uniform(1, POOLED)
    times = max(1, scale / 64**-0.5)
    assert_close(*qkv(1, 1, LAYOUT.length, 64, torch.float16), LAYOUT, table, scale=scale, times=times)


@pytest.mark.parametrize("dim", [64, 80])
def test_a_channel_that_dwarfs_the_others_costs_no_accuracy(dim):
    """Three channels of queries and keys fifteen times as large; unrotated, INT8 errs by several times as much."""
    table = HeadTable.uniform(1, Int8.whole(2))
    q, k, v = qkv(1, 1, LAYOUT.length, dim, torch.float16)
    for channel in (3, 40, dim - 3):
        q[..., channel] *= 4
        k[..., channel] *= 15
    out, _ = run(q, k, v, LAYOUT, table, scale=0.02)
    wanted, _ = layer(q, k, v, LAYOUT, table, scale=0.02, rounds=False)
    assert error(out, wanted) <= 0.02


@pytest.mark.parametrize("size", [1e-6, 300.0, 3e4, 1e30])
def test_values_of_any_size_neither_overflow_nor_vanish(size):
    """In bfloat16, whose range float16 has not; 1e30 times the sum of 64 of them is beyond it by far."""
    table = HeadTable.uniform(1, POOLED)
    q, k, v = qkv(1, 1, LAYOUT.length, 64, torch.bfloat16)
    v = (v.abs() + 1) * size
    out, _ = run(q, k, v, LAYOUT, table)
    wanted, _ = layer(q, k, v, LAYOUT, table, rounds=False)
    assert out.isfinite().all() and error(out, wanted) <= 0.02


def test_keys_that_are_all_alike_and_queries_of_zeros_give_means():
    q, k, v = qkv(1, 2, LAYOUT.length, 64, torch.float16)
    q[:, 0] = 0
    k[:, 1] = k[:, 1, :1]
    out, _ = run(q, k, v, LAYOUT, HeadTable.uniform(2, Int8.whole(2)))
    wanted = v.double().mean(dim=2, keepdim=True).expand_as(v)
    assert error(out, wanted) <= ROUNDED


@pytest.mark.parametrize("which", range(3))
def test_what_is_no_number_shows_and_stays_in_its_head(which):
    tensors = qkv(1, 2, LAYOUT.length, 64, torch.float16)
    tensors[which][0, 0, 7, 5] = torch.nan
    out, _ = run(*tensors, LAYOUT, HeadTable.uniform(2, Int8.whole(2)))
    seen = out[0, 0, 7] if which == 0 else out[0, 0]
    assert seen.isnan().any(dim=-1).all() and out[0, 1].isfinite().all()


def test_reused_heads_are_copied_bit_for_bit_and_their_tokens_not_read():
    q, k, v = qkv(1, 3, LAYOUT.length, 64, torch.float16)
    for x in (q, k, v):
        x[:, 1] = torch.nan
    cached = torch.randn(1, 1, LAYOUT.length, 64).half()
    out, _ = run(q, k, v, LAYOUT, HeadTable((LOCAL, REUSE, POOLED), (None,) * 3), cached=cached)
    assert torch.equal(out[:, 1], cached[:, 0]) and out[:, [0, 2]].isfinite().all()


def test_a_window_and_its_residual_update_use_the_same_integers():
    """full - window plus the window is the full output: their rounding of scores cancels."""
    q, k, v = qkv(1, 1, LAYOUT.length, 64, torch.float16)
    full, fresh = run(q, k, v, LAYOUT, HeadTable.uniform(1, FULL, refresh=LOCAL))
    again, _ = run(q, k, v, LAYOUT, HeadTable.uniform(1, Residual(LOCAL)), residual=fresh)
    assert error(again, full.double()) <= ROUNDED


def test_the_calls_of_a_run_take_turns_in_memory_that_the_first_asked_for(monkeypatch):
    q, k, v = qkv(1, 3, LAYOUT.length, 64, torch.float16)
    table = HeadTable((FULL, LOCAL, POOLED), (LOCAL, None, None))
    place = shelf(LAYOUT, table, SMALL, CPU)
    first, _ = run(q, k, v, LAYOUT, table)
    place.scratch.keeps = True
    try:
        second, _ = run(q, k, v, LAYOUT, table)
        asked = []
        with monkeypatch.context() as patch:
            patch.setattr(units.torch, "empty", lambda *shape, **options: asked.append(shape))
            third, _ = run(q, k, v, LAYOUT, table)
        assert asked == [] and torch.equal(first, second) and torch.equal(second, third)
    finally:
        place.scratch.release()


@pytest.mark.parametrize("dim", [64, 128])
def test_the_trial_takes_a_right_kernel_that_is_faster_and_no_other(dim, monkeypatch):
    configs = int8_candidates(80, dim)
    monkeypatch.setattr(attempt, "HEADS", 1)

    def survey(pooled, *milliseconds, **options):
        left = iter(milliseconds)

        def clock(call):
            call()
            return next(left)

        options |= {"layout": Layout((3, 9)), "cases": (Case(Layout((3, 9), 1)),)}
        return trial.survey(CPU, torch.float16, dim, pooled, clock=clock, **options)

    tried: list = []
    # The 16-bit kernel, dense attention, then the configurations, the last first.
    found = survey(True, 9.0, 7.0, *(5.0, 4.0)[-len(configs) :], trying=tried.append)
    assert found.reason is None and found.config == configs[0] and found.difference < trial.ALLOWED
    assert tried == [configs[-1], *configs[:-1]] * 2 and "by the 16-bit kernel" in str(found)
    if dim == 64:
        assert "no faster than the 16-bit kernel" in survey(False, 3.0, 7.0, 4.0).reason
        assert "took ComfyUI or the driver down" in survey(False, crashed=(str(configs[-1]),)).reason
        right = trial.head_wise

        def damaged(damage):
            def wrong(q, k, v, layout, table, out, config, **arguments):
                fresh = right(q, k, v, layout, table, out, config=config, **arguments)
                if config.path == INT8:
                    damage(out)
                return fresh

            return wrong

        for damage in (lambda out: out.mul_(0.97), lambda out: out[:, :, 5].mul_(0.9)):
            monkeypatch.setattr(trial, "head_wise", damaged(damage))
            wrong = survey(False, 3.0, 7.0, 1.0)
            assert "differs by" in wrong.reason and wrong.reason.endswith(".")


def test_a_trial_that_took_the_process_down_is_not_made_again(tmp_path, monkeypatch):
    """The last configuration has no other behind it: the path is left off."""
    verdicts = Verdicts()
    verdicts.keep_in(tmp_path)
    monkeypatch.setattr(attempt, "VERDICTS", verdicts)
    (config,) = trial.int8_configs(CPU, 64, False, False)
    name = trial.name_of(CPU, torch.float16, 64, config, False, False)
    verdicts.put(name, {"trying": str(config)})
    found = trial._attempt.__wrapped__(CPU, torch.float16, 64, False, False, 0)
    assert "took ComfyUI or the driver down" in found.reason and str(tmp_path) in found.reason
    assert "trying" not in verdicts.get(name) and verdicts.get(name)["reason"] == found.reason
