"""Milliseconds of every way to compute attention, measured in the watched run, and the plans that they give."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from host import tiny

tiny.require_host()

from ditfastattn.attention.calibration import timing  # noqa: E402
from ditfastattn.attention.calibration.measurement import SamplerSettings, measure, solve  # noqa: E402
from ditfastattn.attention.calibration.timing import SiteTimes, Timing, _medians, _site_costs  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.plans import dumps, loads  # noqa: E402
from ditfastattn.plans.search import MILLISECONDS  # noqa: E402
from host.applying import apply_plan  # noqa: E402

pytestmark = pytest.mark.host
STEPS = 4
SETTINGS = SamplerSettings("euler", "simple", STEPS, 4.0, 1.0, 7)


def measured(family, timed=True, **extra):
    model = tiny.shared_model(family)
    outputs = []

    def sample(patched):
        outputs.append(tiny.sample(patched, family, steps=STEPS, **extra))
        return outputs[0]

    with torch.inference_mode():
        return measure(HostModel.of(model), SETTINGS, sample, timed=timed), outputs[0]


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_a_timed_run_gives_positive_milliseconds_and_a_plan_that_can_be_followed(family):
    found, _ = measured(family)
    times = found.table.milliseconds
    for name in ("full", "way", "residual", "reuse"):
        assert (getattr(times, name) > 0).all(), name
    assert ((times.projection > 0) == (found.table.costs.projection > 0)).all()
    assert (times.residual >= times.way).all() and times.other >= 0
    solved = solve(found, price=MILLISECONDS)
    assert loads(dumps(solved.plan)) == solved.plan
    assert solved.milliseconds["dense"] == pytest.approx(times.full.sum())
    for level in ("D1", "D6"):
        patched = apply_plan(tiny.shared_model(family), solved.plan, level, strict=True)
        tiny.sample(patched, family, steps=STEPS)
        record = attached(patched).runs.latest()
        dense, kept = record.attention_flops()
        assert kept / dense == pytest.approx(solved.plan.level(level).attention_flops_kept, abs=0.02)
        assert not record.notes


def test_timing_changes_neither_the_picture_nor_what_is_measured_beside_it():
    timed, plain = measured("sd3"), measured("sd3", timed=False)
    assert torch.equal(timed[1], plain[1])
    assert plain[0].table.milliseconds is None
    np.testing.assert_array_equal(timed[0].table.way_error, plain[0].table.way_error)
    np.testing.assert_array_equal(timed[0].table.costs.way, plain[0].table.costs.way)


def test_each_shape_of_a_site_is_timed_once(monkeypatch):
    timed = []
    monkeypatch.setattr(timing, "_medians", lambda ways, *rest: timed.append(set(ways)) or dict.fromkeys(ways, 1.0))
    found, _ = measured("sd35m")  # joint attention and, in the first blocks, attention of the image alone
    attentions = [ways for ways in timed if "full" in ways]
    assert len(attentions) == 2 and len(found.table.sites) > 2
    assert {"full", "kept", "reuse", "refresh", "residual", "shared", "way 0"} <= attentions[0]


def test_branches_in_forwards_of_their_own_are_timed_each_and_added(monkeypatch):
    monkeypatch.setattr(timing, "_medians", lambda ways, *rest: dict.fromkeys(ways, 1.0))
    batched, split = measured("sd3")[0].table, measured("sd3", split=True)[0].table
    np.testing.assert_allclose(split.milliseconds.full, 2 * batched.milliseconds.full)
    assert (batched.milliseconds.share_saving == 0).all()  # sharing took as long as full
    np.testing.assert_array_equal(split.milliseconds.share_saving, split.costs.share_saving)


def test_costs_of_a_head_are_its_part_of_what_its_site_took():
    one = SiteTimes(8.0, (4.0, 6.0), residual=5.0, refresh=13.0, kept=9.0, reuse=1.0, shared=6.0, projections=7.0)
    costs = _site_costs([one], 2, 0.5)
    assert (costs["full"], costs["reuse"], costs["keep"]) == (4.0, 0.5, 0.5)
    assert costs["way"].tolist() == [2.0, 3.0] and costs["residual"].tolist() == [2.5, 3.5]
    assert costs["refresh"].tolist() == [2.5, 3.5]
    assert (costs["projection"], costs["share_saving"]) == (7.0, 0.25)


@pytest.mark.parametrize("mixed, way", [(6.0, 2.0), (7.0, 3.0), (5.0, 2.0)])
def test_what_a_mixed_site_takes_more_than_its_parts_is_laid_on_its_windows(mixed, way):
    times = SiteTimes(8.0, (4.0,), 5.0, 13.0, 9.0, 1.0, None, 0.0, mixed)
    costs = _site_costs([times], 2, 0.5)
    assert costs["way"].tolist() == [way] and costs["residual"].tolist() == [way + 0.5]
    assert costs["full"] == 4.0 and costs["refresh"].tolist() == [2.5]
    assert costs["full"] + costs["way"][0] == max(mixed, 6.0)


def test_rounds_end_with_the_budget_and_one_is_always_made(monkeypatch):
    calls = []
    _medians({"way": lambda: calls.append(1)}, 0.0, torch.device("cpu"))
    assert len(calls) == 2  # one to warm up
    calls.clear()
    _medians({"way": lambda: calls.append(1)}, 60.0, torch.device("cpu"))
    assert len(calls) == 1 + timing.MOST_ROUNDS


def test_without_a_timed_call_of_every_site_there_are_no_milliseconds():
    assert Timing((object(),), ()).milliseconds(None, 1.0) is None


def test_the_demo_asks_for_a_price_that_calibrate_offers():
    from ditfastattn.attention.calibration.calibrate import BY_TIME
    from host.demo import PRICE

    assert PRICE == BY_TIME
