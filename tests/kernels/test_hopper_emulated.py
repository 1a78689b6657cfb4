"""The Gluon kernel for Hopper on a CPU, its groups, copies and products in an order drawn at random (`gluon_emulator`).

Run by test_triton.py in a process of its own: the launches before it go through Triton's interpreter. By hand:
TRITON_INTERPRET=1 python -m pytest tests/kernels/test_hopper_emulated.py
"""

import importlib.util
import os
from dataclasses import replace
from pathlib import Path

import pytest

if os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("runs in a process of its own, started by test_triton.py", allow_module_level=True)
pytest.importorskip("triton", reason="Triton is not installed")

import torch
from gluon_emulator import Emulated
from gluon_machine import EmulationError
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from kernel_cases import ORDERS, caches, layouts, mixed, qkv, tables
from triton_cases import assert_matches_reference, run

from ditfastattn.kernels import FULL, HeadTable, Layout, Residual, Window
from ditfastattn.kernels.triton.configs import HEAD_DIMS, PINGPONG, Config
from ditfastattn.kernels.triton.hopper import kernel as hopper
from ditfastattn.kernels.triton.hopper.records import records_of
from ditfastattn.kernels.triton.pattern import pattern
from ditfastattn.kernels.triton.tile_order import tile_order

TURNS = Config(queries=128, keys=64, warps=4, stages=2, path=PINGPONG)
# Ragged in both axes, three blocks of queries in a row of tiles, global tokens at both ends.
LAYOUT = Layout((6, 37), prefix=3, suffix=2)
LOCAL, WIDE = Window((0.3, 0.3)), Window((0.7, 0.5))
MIXED = mixed(LOCAL, WIDE)
POOLED = mixed(replace(LOCAL, pooled=True), replace(WIDE, pooled=True))
KERNEL = hopper.pingpong_kernel

pytestmark = pytest.mark.usefixtures("one_thread")
brief = settings(
    deadline=None, max_examples=12, derandomize=True, database=None, phases=(Phase.explicit, Phase.generate)
)


def halves(batch, heads, length, dim, order="tokens first"):
    return qkv(batch, heads, length, dim, torch.float16, order)


@pytest.fixture(autouse=True)
def emulated(monkeypatch):
    """Puts the emulated kernel in place; `emulated(seed)` draws another order of events, `emulated(seed, kernel)` runs
    another source."""

    def draw(seed, kernel=KERNEL):
        machine = Emulated(kernel, seed)
        monkeypatch.setattr(hopper, "pingpong_kernel", machine)
        return machine.machine

    draw(0)
    return draw


@brief
@given(st.data())
def test_any_mix_of_ways_matches_the_float64_reference_in_any_order_of_events(data):
    layout = data.draw(layouts(largest=300))
    table = data.draw(tables(len(layout.grid)))
    dim, order = data.draw(st.sampled_from(tuple(HEAD_DIMS))), data.draw(st.sampled_from(ORDERS[:4]))
    hopper.pingpong_kernel = Emulated(KERNEL, data.draw(st.integers(0, 1000)))
    config = replace(TURNS, keys=data.draw(st.sampled_from((64, 128))), stages=data.draw(st.integers(2, 4)))
    q, k, v = halves(data.draw(st.integers(1, 2)), len(table), layout.length, dim, order)
    assert_matches_reference(q, k, v, layout, table, config)


@pytest.mark.parametrize("dim", HEAD_DIMS)
def test_every_head_size_matches_the_reference(dim):
    assert_matches_reference(*halves(1, 6, LAYOUT.length, dim), LAYOUT, POOLED, replace(TURNS, keys=128, stages=3))


@pytest.mark.parametrize("table", [MIXED, POOLED], ids=["windows", "pooled windows"])
def test_bfloat16_stays_within_its_rounding(table):
    q, k, v = (x.bfloat16() for x in halves(1, 6, LAYOUT.length, 64))
    assert_matches_reference(q, k, v, LAYOUT, table, TURNS)


@pytest.mark.parametrize("table", [MIXED, POOLED], ids=["windows", "pooled windows"])
def test_the_order_of_events_does_not_touch_the_bits(table, emulated):
    q, k, v = halves(1, 6, LAYOUT.length, 64)
    arguments = caches(q, LAYOUT, table)
    seen = set()
    for seed in range(3):
        machine = emulated(seed)
        out, fresh = run(q, k, v, LAYOUT, table, blocks=TURNS, **arguments)
        assert machine.seen["products"] > 100 and machine.seen["copies"] > 100
        seen.add((out.numpy().tobytes(), fresh.numpy().tobytes()))
    assert len(seen) == 1


def test_the_window_inside_a_refresh_is_the_windows_output_to_a_rounding():
    q, k, v = halves(1, 2, LAYOUT.length, 64)
    _, residual = run(q, k, v, LAYOUT, HeadTable.uniform(2, FULL, refresh=LOCAL), blocks=TURNS)
    full, _ = run(q, k, v, LAYOUT, HeadTable.uniform(2, FULL), blocks=TURNS)
    both, _ = run(q, k, v, LAYOUT, HeadTable.uniform(2, Residual(LOCAL)), blocks=TURNS, residual=residual)
    torch.testing.assert_close(both, full, rtol=0, atol=4e-3)


def test_poison_in_blocks_that_are_not_listed_never_leaks():
    layout = Layout((9, 41), prefix=4)
    q, k, v = halves(1, 2, layout.length, 64)
    table = HeadTable.uniform(2, LOCAL)
    clean, _ = run(q, k, v, layout, table, blocks=TURNS)
    slots = tile_order(layout).slots
    blocks, records = records_of(pattern(layout, LOCAL, False, TURNS.queries, TURNS.keys), layout, TURNS.keys)
    start, count, _, _, first, last = blocks[0, :6]
    visited = torch.zeros(layout.length, dtype=torch.bool)
    for at in records[first:last, 0]:
        visited[slots[at : at + TURNS.keys]] = True
    rows = torch.from_numpy(slots[start : start + count]).long()
    assert not visited.all()
    k[:, :, ~visited], v[:, :, ~visited] = torch.nan, torch.nan
    poisoned, _ = run(q, k, v, layout, table, blocks=TURNS)
    assert torch.equal(poisoned[:, :, rows], clean[:, :, rows])


def test_reused_heads_are_copied_bit_for_bit_and_their_tokens_not_read():
    q, k, v = halves(1, 6, LAYOUT.length, 72)
    arguments = caches(q, LAYOUT, MIXED)
    q[:, 2], k[:, 2], v[:, 2] = torch.nan, torch.nan, torch.nan
    out, _ = run(q, k, v, LAYOUT, MIXED, blocks=TURNS, **arguments)
    assert torch.equal(out[:, 2], arguments["cached"][:, 0]) and not out.isnan().any()


def test_the_output_is_written_where_the_caller_wants_it_and_nowhere_else():
    q, k, v = halves(1, 6, LAYOUT.length, 80)
    room = torch.full((LAYOUT.length + 2, 8, 80), torch.nan, dtype=torch.float16)
    out = room[1:-1, 1:-1].transpose(0, 1)[None]
    run(q, k, v, LAYOUT, MIXED, out=out, blocks=TURNS, **caches(q, LAYOUT, MIXED))
    assert not out.isnan().any()
    out.fill_(torch.nan)
    assert room.isnan().all()


def test_a_block_of_another_size_is_refused():
    q, k, v = halves(1, 1, LAYOUT.length, 64)
    with pytest.raises(ValueError, match="128 queries a block, not 64"):
        run(q, k, v, LAYOUT, HeadTable.uniform(1, FULL), blocks=replace(TURNS, queries=64))


# What a slip of the pen would be, and which a GPU may let pass a thousand times.
SLIPS = {
    "keys released before their scores": (
        "        s = warpgroup_mma_wait(0, [s])\n        mbarrier.arrive(k_free.index(0), count=1)\n",
        "        mbarrier.arrive(k_free.index(0), count=1)\n        s = warpgroup_mma_wait(0, [s])\n",
    ),
    "values released before they are read": (
        "            acc0, acc1 = _wait_values(pending0, pending1, p, D1)\n"
        "            mbarrier.arrive(v_free.index(before), count=1)\n",
        "            mbarrier.arrive(v_free.index(before), count=1)\n"
        "            acc0, acc1 = _wait_values(pending0, pending1, p, D1)\n",
    ),
    "values never released": ("            mbarrier.arrive(v_free.index(before), count=1)\n", ""),
    "scores used before they are there": ("warpgroup_mma_wait(1 if D1 == 0 else 2, [s])", "s"),
    "one wait too lax": ("warpgroup_mma_wait(1 if D1 == 0 else 2, [s])", "warpgroup_mma_wait(2, [s])"),
    "too few bytes expected": ("mbarrier.expect(ready, BN * BYTES)", "mbarrier.expect(ready, BN * BYTES // 2)"),
    "keys not waited for": ("pred=i + 1 < last)", "pred=False)"),
    "values not waited for": ("            mbarrier.wait(v_ready.index(before), (n - 1) // STAGES & 1)\n", ""),
    "the ring's phase inverted": ("free = (n // STAGES & 1) ^ 1", "free = n // STAGES & 1"),
    "the ring's phase not alternating": ("free = (n // STAGES & 1) ^ 1", "free = 1"),
    "nobody begins": ("(n & 1) ^ (1 if group == 0 else 0)", "n & 1"),
    "a turn not passed on": ("            _pass_turn(turn, group)\n", ""),
    "one group's arrival enough": ("(k_free.index(stage), count=GROUPS)", "(k_free.index(stage), count=1)"),
    "queries not waited for": ("        mbarrier.wait(q_ready, 0)\n", ""),
    "the other group's queries": ("q = tiles[0].index(group)", "q = tiles[0].index(1 - group)"),
    "no rescaling": ("acc0 = acc0 * gl.convert_layout(rescale, gl.SliceLayout(1, lanes0))[:, None]", "acc0 = acc0"),
    "the window stored a step late": ("if i - 1 == window_end:", "if i - 2 == window_end:"),
    "no mask": ("if (tile != 0) | (count < BN):", "if False:"),
}  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS)
def test_the_emulator_sees_a_slip(slip, emulated, tmp_path, monkeypatch):
    before, after = SLIPS[slip]
    source = Path(hopper.__file__).read_text()
    assert source.count(before) >= 1
    path = tmp_path / "slip.py"
    path.write_text(source.replace(before, after))
    spec = importlib.util.spec_from_file_location(f"{hopper.__package__}.slip", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    q, k, v = halves(1, 2, 330, 64)
    table = HeadTable((FULL, FULL), (LOCAL, None))
    with pytest.raises((EmulationError, AssertionError)):
        for seed in range(8):
            emulated(seed, module.pingpong_kernel)
            assert_matches_reference(q, k, v, Layout((16, 20), 7, 3), table, TURNS)
