"""A plan on a run that is not the one it was measured on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans_samples import identity, measurement, plan_of, positions

from ditfastattn.plans import Level, Plan, WaySpec, resolve
from ditfastattn.plans.letters import is_residual

WAYS = (WaySpec.window((0.5, 0.5)), WaySpec.window((0.25, 0.25)))


def plan_with(*paths, share=None, at=None):
    rows = len(paths[0])
    level = Level("D1", paths, (share or "0" * rows,), 0.1, 0.5, 0.8, 0)
    return Plan(identity((len(paths),)), measurement(), at or positions(rows), WAYS, (level,))


def texts(schedule):
    return ["".join(map(chr, column)) for column in schedule.methods.T]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 20))
def test_own_positions_give_the_plan_itself(seed, rows):
    plan = plan_of(np.random.default_rng(seed), rows=rows)
    for level in plan.levels:
        schedule = resolve(plan, level, plan.positions)
        assert (schedule.methods == plan.table(level)).all()
        assert schedule.rows.tolist() == list(range(rows))
        assert (schedule.share[1:] == plan.share(level)[1:]).all()
        assert schedule.notes == ()


def test_more_steps_repeat_each_row_and_keep_their_caches():
    plan = plan_with("ffrfA0", "f0r1fB")
    twice = np.interp(np.arange(12) / 2, np.arange(6), plan.positions)
    schedule = resolve(plan, "D1", twice)
    assert len(schedule.methods) == 12
    assert schedule.notes == ()
    assert set(schedule.methods[0]) == {ord("f")}
    assert (schedule.methods == ord("r")).any() and is_residual(schedule.methods).any()


def test_fewer_steps_drop_caches_that_have_become_too_old():
    plan = plan_with("ffffffrfff", "ffffffAfff")
    schedule = resolve(plan, "D1", (1.0, plan.positions[6], 0.05))
    assert texts(schedule) == ["fff", "fff"]
    assert len(schedule.notes) == 1 and "too far apart" in schedule.notes[0]


def test_fewer_steps_keep_caches_that_are_still_near():
    plan = plan_with("fr" * 5, "fA" * 5)
    schedule = resolve(plan, "D1", [plan.positions[i] for i in (0, 1, 2, 3, 6, 7)])
    assert texts(schedule) == ["frfrfr", "fAfAfA"]


def test_source_limit_is_one_and_a_half_planned_distances_plus_half_a_gap():
    plan = plan_with("ffr", at=(0.9, 0.8, 0.7))
    assert texts(resolve(plan, "D1", (0.89, 0.7))) == ["fr"]  # 0.19 from its source, 0.20 allowed
    assert texts(resolve(plan, "D1", (0.91, 0.7))) == ["ff"]  # 0.21


def test_part_of_the_schedule_starts_full():
    plan = plan_with("frrrfrrrfr", "f000fAAA00")
    schedule = resolve(plan, "D1", plan.positions[5:])
    first, second = texts(schedule)
    assert first == "frrfr"  # row 5 reused the output of row 4, which this run has not got
    assert second == "fAA00"  # row 5 had row 4's residual; here the first step is full and yields it
    assert schedule.refresh[0].tolist() == [-1, 0]


def test_steps_outside_the_measured_range_are_full_and_reported():
    plan = plan_with("frrrr", at=(0.6, 0.55, 0.5, 0.45, 0.4))
    schedule = resolve(plan, "D1", (1.0, 0.8, 0.64, 0.55, 0.5, 0.36, 0.2))
    assert texts(schedule)[0][:2] == "ff" and texts(schedule)[0][-1] == "f"
    assert any("3 of 7 steps" in note for note in schedule.notes)


def test_not_a_number_is_outside():
    schedule = resolve(plan_with("frr"), "D1", (1.0, float("nan"), 0.05))
    assert texts(schedule)[0][1] == "f" and schedule.notes


def test_going_back_to_more_noise_recomputes():
    plan = plan_with("frrrrrrrrr")
    schedule = resolve(plan, "D1", (*plan.positions, *plan.positions[1:]))
    assert texts(schedule)[0][10] in "fr"
    assert max_staleness(plan, schedule, (*plan.positions, *plan.positions[1:])) <= 1


def test_evaluations_at_one_position_share_its_row():
    plan = plan_with("f0r")
    doubled = [position for position in plan.positions for _ in range(2)]
    assert texts(resolve(plan, "D1", doubled)) == ["f" + "f00rr"]


def test_two_residuals_never_rest_on_one_full_step():
    plan = plan_with("fAfB", at=(1.0, 0.9, 0.89, 0.88))
    schedule = resolve(plan, "D1", (1.0, 0.9, 0.88))  # the full row between them is left out
    assert texts(schedule) == ["fAf"]


def test_share_follows_the_rows_but_never_the_first_step():
    plan = plan_with("f000", share="1011")
    assert resolve(plan, "D1", plan.positions).share[:, 0].tolist() == [False, False, True, True]
    assert resolve(plan, "D1", plan.positions[2:]).share[:, 0].tolist() == [False, True]


def test_no_steps_and_one_step():
    plan = plan_with("frr")
    assert resolve(plan, "D1", ()).methods.shape == (0, 1)
    assert texts(resolve(plan, "D1", (0.5,))) == ["f"]


def test_look_ahead_of_a_known_schedule():
    schedule = resolve(plan_with("frBf0r", "fAfBBr"), "D1", positions(6))
    assert schedule.refresh.T.tolist() == [[1, -1, -1, -1, -1, -1], [0, -1, 1, -1, -1, -1]]


def test_arrays_are_read_only():
    schedule = resolve(plan_with("frr"), "D1", positions(3))
    with pytest.raises(ValueError):
        schedule.methods[0, 0] = 0


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 20), st.lists(st.floats(0, 1), min_size=1, max_size=40), st.booleans())
def test_any_run_is_safe(seed, rows, run, ordered):
    """Whatever the run: full first, every cache read has a source, and no source is staler than allowed."""
    plan = plan_of(np.random.default_rng(seed), rows=rows, windows=2)
    run = sorted(run, reverse=True) if ordered else run
    schedule = resolve(plan, "D1", run)
    assert (schedule.methods[0] == ord("f")).all()
    assert max_staleness(plan, schedule, run) <= 1
    planned = plan.table("D1")[schedule.rows]
    assert ((schedule.methods == planned) | (schedule.methods == ord("f"))).all()


def max_staleness(plan, schedule, run) -> float:
    """Largest distance of a cache read from its source as a fraction of what is allowed; checks on the way that every
    residual read is refreshed.
    """
    measured, planned = np.array(plan.positions), plan.table("D1")
    gaps = np.abs(np.diff(measured)) if len(measured) > 1 else np.ones(1)
    worst = 0.0
    for head in range(planned.shape[1]):
        output = full = None
        for step, letter in enumerate(map(chr, schedule.methods[:, head])):
            row = schedule.rows[step]
            gap = max(gaps[max(row - 1, 0)], gaps[min(row, len(gaps) - 1)])
            source = output if letter == "r" else full
            if letter == "r" or letter.isupper():
                before = [
                    r
                    for r in range(row)
                    if planned[r, head] == ord("f") or (letter == "r" and planned[r, head] != ord("r"))
                ]
                allowed = 1.5 * (measured[before[-1]] - measured[row]) + gap / 2 + 1e-9
                worst = max(worst, abs(run[source] - run[step]) / allowed)
            if letter.isupper():
                assert schedule.refresh[full, head] == ord(letter) - ord("A")
            output = step if letter != "r" else output
            full = step if letter == "f" else full
    return worst
