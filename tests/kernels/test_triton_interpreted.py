"""The kernel's arithmetic, in Triton's interpreter on a CPU: run by test_triton.py in a process of its own.

TRITON_INTERPRET must be set before Triton is first imported, and would turn real kernels of other tests into
interpreted ones. By hand: TRITON_INTERPRET=1 python -m pytest tests/kernels/test_triton_interpreted.py
"""

import math
import os
from dataclasses import replace

import pytest

if os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("runs in a process of its own, started by test_triton.py", allow_module_level=True)
pytest.importorskip("triton", reason="Triton is not installed")

import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from kernel_cases import ORDERS, caches, layouts, mixed, qkv, tables, windows
from triton_cases import BLOCKS, LARGER, assert_matches_reference, run

from ditfastattn.kernels import FULL, REUSE, Band, HeadTable, Layout, Residual, Window, pooling
from ditfastattn.kernels.triton import agreement, full_heads, launch, trial, worklist
from ditfastattn.kernels.triton.configs import HEAD_DIMS, Config
from ditfastattn.kernels.triton.pattern import pattern
from ditfastattn.kernels.triton.pool import pool_heads
from ditfastattn.kernels.triton.tile_order import tile_order
from ditfastattn.kernels.triton.verdicts import Verdicts
from ditfastattn.kernels.triton.worklist import Kind, shelf_of
from ditfastattn.kernels.ways.window import window_mask

CPU = torch.device("cpu")
# Memory orders whose rows are of neighbouring elements and start on 16 bytes.
ALIGNED = ORDERS[:4]
# Ragged in both axes, three blocks of queries in a row of tiles, global tokens at both ends.
LAYOUT = Layout((6, 37), prefix=3, suffix=2)
LOCAL, WIDE, WHOLE = Window((0.3, 0.3)), Window((0.7, 0.5)), Window((1.0, 1.0))
MIXED = mixed(LOCAL, WIDE)
POOLED = mixed(replace(LOCAL, pooled=True), replace(WIDE, pooled=True))

pytestmark = pytest.mark.usefixtures("one_thread")
# No shrinking: a failing case is small already, and each run of it costs a second.
brief = settings(
    deadline=None, max_examples=12, derandomize=True, database=None, phases=(Phase.explicit, Phase.generate)
)


def work_of(layout, table, **options):
    return shelf_of(Kind(layout, BLOCKS.queries, BLOCKS.keys, CPU)).work(table, **options)


@brief
@given(st.data())
def test_any_mix_of_ways_matches_the_float64_reference(data):
    layout = data.draw(layouts(largest=200))
    table = data.draw(tables(len(layout.grid)))
    order = data.draw(st.sampled_from(ALIGNED))
    dtype = data.draw(st.sampled_from((torch.float16, torch.float32)))
    q, k, v = qkv(1, len(table), layout.length, 64, dtype, order, data.draw(st.integers(0, 99)))
    assert_matches_reference(q, k, v, layout, table)


@brief
@given(st.data())
def test_pooled_windows_match_the_float64_reference(data):
    layout = data.draw(layouts(largest=300))
    pooled, other = (data.draw(windows(len(layout.grid), pooled=p)) for p in (True, False))
    table = HeadTable((pooled, FULL, Residual(pooled), other), (None, pooled, None, None))
    dim = data.draw(st.sampled_from(sorted(HEAD_DIMS)))
    order, dtype = data.draw(st.sampled_from(ALIGNED)), data.draw(st.sampled_from((torch.float16, torch.float32)))
    q, k, v = qkv(1, 4, layout.length, dim, dtype, order, data.draw(st.integers(0, 99)))
    assert_matches_reference(q, k, v, layout, table, blocks=data.draw(st.sampled_from((BLOCKS, LARGER))))


@brief
@given(st.data())
def test_tiles_are_pooled_as_the_definition_says(data):
    layout = data.draw(layouts(largest=500))
    window = Window((0.01,) * len(layout.grid), pooled=True)
    table = HeadTable((window, FULL, Residual(window)), (None,) * 3)
    dtype, order = data.draw(st.sampled_from((torch.float16, torch.float32))), data.draw(st.sampled_from(ALIGNED))
    dim = data.draw(st.sampled_from(sorted(HEAD_DIMS)))
    q, k, v = qkv(2, 3, layout.length, dim, dtype, order)
    # A mean far from zero: the variance must not be what is left of two large numbers.
    k = k + 30
    work = work_of(layout, table)
    if not len(work.pooled):
        return
    place = launch.shelf(layout, table, BLOCKS, CPU)
    ready = launch.Ready(layout, table, BLOCKS, False, place, dim, upcast=False)
    means, bias = pool_heads((q, k, v), ready, launch.call_of(q, k, v, q, dim**-0.5))
    size = (2, len(work.pooled), len(work.log_tokens))
    found = pooling.Pooled(*means.view(2, *size, dim), bias[: math.prod(size)].view(size))
    wanted = pooling.pool(*(x[:, ::2].double() for x in (q, k, v)), layout)
    # Values up to 34, and a float32 sum of up to 64 of them.
    largest = 128 * torch.finfo(dtype).eps
    torch.testing.assert_close(found.k.double(), wanted.k, rtol=0, atol=largest)
    torch.testing.assert_close(found.v.double(), wanted.v, rtol=0, atol=largest)
    torch.testing.assert_close(found.bias.double(), wanted.bias, rtol=0, atol=1e-4)


@brief
@given(st.data())
def test_bands_match_the_float64_reference(data):
    layout = data.draw(layouts(largest=300))
    band, other = (Band(data.draw(st.sampled_from((1 / 8, 1 / 16, 1 / 64, 0.3)))) for _ in range(2))
    table = HeadTable((band, FULL, Residual(band), other, REUSE), (None, band, None, None, None))
    order, dtype = data.draw(st.sampled_from(ALIGNED)), data.draw(st.sampled_from((torch.float16, torch.float32)))
    q, k, v = qkv(1, 5, layout.length, 64, dtype, order, data.draw(st.integers(0, 99)))
    assert_matches_reference(q, k, v, layout, table, blocks=data.draw(st.sampled_from((BLOCKS, LARGER))))


@pytest.mark.parametrize("dim", HEAD_DIMS)
@pytest.mark.parametrize("blocks", [BLOCKS, LARGER], ids=str)
def test_every_head_size_matches_the_reference(dim, blocks):
    q, k, v = qkv(1, len(MIXED), LAYOUT.length, dim, torch.float16, "fused qkv")
    assert_matches_reference(q, k, v, LAYOUT, MIXED, blocks=blocks)


@pytest.mark.parametrize("blocks", [BLOCKS, LARGER], ids=str)
@pytest.mark.parametrize("table", [MIXED, POOLED], ids=["windows", "pooled windows"])
def test_bfloat16_stays_within_its_rounding(table, blocks):
    q, k, v = qkv(1, len(table), LAYOUT.length, 72, torch.bfloat16)
    assert_matches_reference(q, k, v, LAYOUT, table, blocks=blocks)


@pytest.mark.parametrize("order", ALIGNED)
def test_every_memory_order_is_read_where_it_lies(order):
    table = HeadTable((LOCAL, FULL), (None, WIDE))
    assert_matches_reference(*qkv(2, 2, LAYOUT.length, 64, torch.float16, order), LAYOUT, table)


@pytest.mark.parametrize("scale", [0.01, 0.3])
def test_the_scale_is_used(scale):
    table = HeadTable((LOCAL, FULL), (None, WIDE))
    assert_matches_reference(*qkv(1, 2, LAYOUT.length, 64), LAYOUT, table, scale=scale)


@pytest.mark.parametrize(
    "layout",
    [Layout((1,)), Layout((31,)), Layout((33, 1)), Layout((130,), 0, 70), Layout((2, 5, 9), 1), Layout((5, 9, 3))],
    ids=str,
)
@pytest.mark.parametrize("blocks", [BLOCKS, LARGER], ids=str)
def test_tails_thin_grids_and_no_text(layout, blocks):
    window = Window((0.4,) * len(layout.grid))
    table = HeadTable((window, FULL, FULL), (None, window, None))
    assert_matches_reference(*qkv(1, 3, layout.length, 64), layout, table, blocks=blocks)


def test_a_block_of_three_tiles_and_a_window_that_ends_inside_it():
    """Query tiles of a block with three different boxes, in a row of tiles that is cut short."""
    layout = Layout((13, 50), 2)
    table = HeadTable((Window((0.3, 0.2)), FULL), (None, Window((1.0, 0.4))))
    assert_matches_reference(*qkv(1, 2, layout.length, 64, torch.float16), layout, table, blocks=LARGER)


@brief
@given(st.data())
def test_a_window_has_the_same_bits_alone_and_inside_a_refresh(data):
    """full - window is formed from the stored window: what the refresh stored plus the residual is its full output."""
    layout = data.draw(layouts(largest=150))
    window = data.draw(windows(len(layout.grid), pooled=None))
    q, k, v = qkv(1, 1, layout.length, 64, torch.float32)
    alone, _ = run(q, k, v, layout, HeadTable.uniform(1, window))
    full, fresh = run(q, k, v, layout, HeadTable.uniform(1, FULL, refresh=window))
    image = slice(layout.prefix, layout.prefix + layout.image)
    # The subtraction in float32 of the same window; a whole-grid window is served as plain full attention instead.
    if any(e < 1 for e in window.extent):
        torch.testing.assert_close(full[:, :, image] - alone[:, :, image], fresh, rtol=0, atol=1e-6)
    again, _ = run(q, k, v, layout, HeadTable.uniform(1, Residual(window)), residual=fresh)
    torch.testing.assert_close(again, full, rtol=0, atol=2e-6)


@pytest.mark.parametrize("blocks", [BLOCKS, LARGER], ids=str)
def test_the_window_inside_a_refresh_is_the_windows_output_bit_for_bit(blocks):
    """The keys outside the window are made to weigh nothing, so that full - window is zero only for equal bits."""
    layout = Layout((6, 37))
    q, k, v = qkv(1, 1, layout.length, 64, torch.float32)
    row = 40
    seen = window_mask(layout, LOCAL)[row]
    k[:, :, ~seen] = -1e4 * q[:, :, row : row + 1]
    alone, _ = run(q, k, v, layout, HeadTable.uniform(1, LOCAL), blocks=blocks)
    full, fresh = run(q, k, v, layout, HeadTable.uniform(1, FULL, refresh=LOCAL), blocks=blocks)
    assert torch.equal(full[:, :, row], alone[:, :, row]) and (fresh[:, :, row] == 0).all()


def test_poison_in_blocks_that_a_block_of_queries_does_not_visit_never_leaks():
    layout = Layout((9, 41), prefix=4)
    q, k, v = qkv(1, 2, layout.length, 64)
    table = HeadTable.uniform(2, LOCAL)
    clean, _ = run(q, k, v, layout, table)
    order = tile_order(layout)
    found = pattern(layout, LOCAL, False, BLOCKS.queries, BLOCKS.keys)
    blocks, starts, masked = found.blocks, found.clean, found.masked
    first = blocks[0]
    visited = torch.zeros(layout.length, dtype=torch.bool)
    for start in starts[first[4] : first[5]]:
        visited[order.slots[start : start + BLOCKS.keys]] = True
    for start, count, *_ in masked[first[6] : first[7]]:
        visited[order.slots[start : start + count]] = True
    rows = torch.from_numpy(order.slots[first[0] : first[0] + first[1]]).long()
    seen = window_mask(layout, LOCAL)[rows].any(dim=0)
    assert torch.equal(visited, seen) and not seen.all()
    k[:, :, ~seen], v[:, :, ~seen] = torch.nan, torch.nan
    poisoned, _ = run(q, k, v, layout, table)
    assert torch.equal(poisoned[:, :, rows], clean[:, :, rows])


@pytest.mark.parametrize("blocks", [BLOCKS, LARGER], ids=str)
def test_reused_heads_are_copied_bit_for_bit_and_their_tokens_not_read(blocks):
    q, k, v = qkv(2, 3, LAYOUT.length, 64, torch.float16)
    for x in (q, k, v):
        x[:, 1] = torch.nan
    cached = torch.randn(2, 1, LAYOUT.length, 64).half()
    cached[0, 0, 0, 0], cached[0, 0, 1, 0] = -0.0, torch.inf
    table = HeadTable((LOCAL, REUSE, FULL), (None,) * 3)
    out, _ = run(q, k, v, LAYOUT, table, cached=cached, blocks=blocks)
    assert torch.equal(out[:, 1].view(torch.int16), cached[:, 0].view(torch.int16))
    assert out[:, [0, 2]].isfinite().all()


def test_reused_heads_that_lie_in_the_output_are_left_alone():
    q, k, v = qkv(1, 4, LAYOUT.length, 64)
    table = HeadTable((REUSE, LOCAL, REUSE, FULL), (None,) * 4)
    out = torch.randn(1, LAYOUT.length, 4, 64).transpose(1, 2)
    before = out[:, ::2].clone()
    run(q, k, v, LAYOUT, table, out=out, cached=out[:, ::2])
    assert torch.equal(out[:, ::2], before)
    assert set(work_of(LAYOUT, table, skip_copies=True).heads.view(-1, worklist.HEAD_FIELDS)[:, 7].tolist()) == {1, 3}


@pytest.mark.parametrize("blocks", [BLOCKS, LARGER], ids=str)
def test_the_output_is_written_where_the_caller_wants_it_and_nowhere_else(blocks):
    table = MIXED
    q, k, v = qkv(1, len(table), LAYOUT.length, 72)
    arguments = caches(q, LAYOUT, table)
    wanted, _ = run(q, k, v, LAYOUT, table, blocks=blocks, **arguments)
    wide = torch.full((1, LAYOUT.length + 1, len(table) + 1, 80), 3.0)
    target = wide[:, :-1, :-1, :72].transpose(1, 2)
    run(q, k, v, LAYOUT, table, out=target, blocks=blocks, **arguments)
    assert torch.equal(target, wanted)
    target.fill_(3.0)
    assert (wide == 3.0).all()


@pytest.mark.parametrize("table", [MIXED, POOLED], ids=["windows", "pooled windows"])
def test_the_order_of_work_does_not_touch_the_bits(table, monkeypatch):
    q, k, v = qkv(1, len(table), LAYOUT.length, 64, torch.float16)
    arguments = caches(q, LAYOUT, table)
    wanted, wanted_fresh = run(q, k, v, LAYOUT, table, **arguments)
    numbered = worklist._numbered
    monkeypatch.setattr(worklist, "_numbered", lambda parts: numbered(parts[::-1]))
    shelf_of.cache_clear()
    out, fresh = run(q, k, v, LAYOUT, table, **arguments)
    assert torch.equal(out, wanted) and torch.equal(fresh, wanted_fresh)


SMALL = agreement.Case(Layout((7, 9), prefix=2, suffix=1))


@pytest.mark.parametrize(
    "damage",
    [
        lambda out, q, k, v: out[0, 0, 7, 3].fill_(torch.nan),
        lambda out, q, k, v: out.mul_(0.9),
        lambda out, q, k, v: out[:, 3, 11].mul_(0.98),
    ],
    ids=["not a number", "a tenth too small", "one row"],
)
def test_a_trial_sees_what_is_wrong(damage, monkeypatch):
    def wrong(q, k, v, layout, table, out, **arguments):
        fresh = launch.head_wise(q, k, v, layout, table, out, **arguments)
        damage(out, q, k, v)
        return fresh

    monkeypatch.setattr(agreement, "head_wise", wrong)
    monkeypatch.setattr(trial, "device_configs", lambda *_: (LARGER,))
    assert "from the tiled path" in trial.survey(CPU, torch.float16, 64, cases=(SMALL,)).reason


@pytest.mark.parametrize("wrong", ["scale", "key"])
def test_a_trial_sees_a_scale_three_per_cent_off_and_a_key_that_no_query_sees(wrong):
    """On the layer that is timed, by the dense attention of bfloat16 in place of a kernel."""
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, 1, 1296, 64, generator=generator).bfloat16() for _ in range(3))
    exact = torch.nn.functional.scaled_dot_product_attention(q.float(), k.float(), v.float())
    right = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    assert agreement.distance(right, exact, exact) < agreement.ALLOWED / 1.5
    if wrong == "scale":
        found = torch.nn.functional.scaled_dot_product_attention(q, k, v, scale=1.03 / 8)
    else:
        found = torch.nn.functional.scaled_dot_product_attention(q, k[:, :, :-1], v[:, :, :-1])
    assert agreement.distance(found, exact, exact) > 2 * agreement.ALLOWED


def test_a_survey_times_each_right_configuration_and_keeps_the_fastest(monkeypatch):
    last = Config(128, 64, 4, 2)
    broken = Config(128, 63, 4, 2)  # no power of two, which Triton refuses
    crashed = Config(64, 32, 8, 2)
    monkeypatch.setattr(trial, "device_configs", lambda *_: (LARGER, broken, crashed, last))
    milliseconds = iter((5.0, 4.0, 3.0, 2.0))

    def clock(call):
        call()
        return next(milliseconds)

    tried = []
    found = trial.survey(
        CPU, torch.float16, 64, clock=clock, layout=Layout((9, 9)), cases=(SMALL,), crashed=(str(crashed),),
        trying=tried.append,
    )  # fmt: skip
    assert found.reason is None and found.config == LARGER and found.difference < 5e-3
    assert found.timed == ((last, 3.0), (LARGER, 2.0)) and (found.tiled_ms, found.dense_ms) == (5.0, 4.0)
    assert tried == [last, LARGER, broken, last, LARGER]
    assert len(found.dropped) == 2 and str(broken) in found.dropped[1] and found.compile_seconds > 0
    assert "took ComfyUI or the driver down" in found.dropped[0] and str(crashed) in found.dropped[0]
    assert "2.000 ms" in str(found) and "5.000 ms by the tiled path" in str(found)


@pytest.mark.parametrize("case", [agreement.Case(Layout((6, 10), 3), 2, 2), agreement.Case(Layout((2, 5, 9)))], ids=str)
@pytest.mark.parametrize("pooled", [False, True], ids=["", "pooled"])
@pytest.mark.parametrize("wide", [False, True], ids=["", "wide"])
def test_the_trials_layers_of_every_way_come_out_alike(case, pooled, wide, monkeypatch):
    config = replace(BLOCKS, wide=wide)
    monkeypatch.setattr(agreement, "device_configs", lambda *_: (config,))
    assert agreement.difference_of(CPU, torch.float16, 64, config, pooled, case) < 5e-3


@pytest.mark.parametrize("ways", [(FULL, FULL, LOCAL, FULL), (FULL, LOCAL, FULL, REUSE, FULL), (WHOLE, LOCAL, FULL)])
def test_full_heads_that_are_left_to_the_caller_come_out_alike(ways):
    table = HeadTable(ways, (LOCAL, *(None,) * (len(ways) - 1)) if ways[0] is FULL else (None,) * len(ways))
    q, k, v = qkv(2, len(ways), LAYOUT.length, 64, torch.float16)
    arguments, calls = caches(q, LAYOUT, table), []

    def dense(q, k, v):
        calls.append(q.shape[1])
        return torch.nn.functional.scaled_dot_product_attention(q.float(), k.float(), v.float()).half()

    wanted, wanted_fresh = run(q, k, v, LAYOUT, table, **arguments)
    out, fresh = run(q, k, v, LAYOUT, table, dense=dense, **arguments)
    torch.testing.assert_close(out, wanted, rtol=0, atol=2e-3)
    assert calls == [sum(way in (FULL, WHOLE) for way in ways) - (ways[0] is FULL)]
    if wanted_fresh is not None:
        assert torch.equal(fresh, wanted_fresh)


@pytest.mark.parametrize("host, one, leaves", [(2.0, 3.0, True), (3.0, 2.0, False), (2.0, 2.0, True)])
def test_full_heads_go_where_they_were_measured_to_be_faster(host, one, leaves, monkeypatch):
    monkeypatch.setattr(full_heads, "LAYOUT", Layout((9, 9)))
    monkeypatch.setattr(full_heads, "_found", {})
    monkeypatch.setattr(full_heads, "VERDICTS", Verdicts())
    seconds = iter((host, one))

    def clock(call):
        call()
        return next(seconds)

    def dense(q, k, v):
        return torch.zeros_like(q)

    assert full_heads.leaves_full(CPU, torch.float16, 64, LARGER, dense)  # nothing is known
    assert full_heads.times(CPU, torch.float16, 64, LARGER, dense, clock) == (host, one)
    assert full_heads.leaves_full(CPU, torch.float16, 64, LARGER, dense) is leaves
