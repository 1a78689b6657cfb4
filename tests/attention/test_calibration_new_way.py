"""A way that stands in its own file and the list alone is calibrated, carried by plans, followed and counted."""

from dataclasses import replace

import pytest
import torch
from second_key import SecondKey

from host import tiny

tiny.require_host()

from ditfastattn.attention.calibration.measurement import SamplerSettings, measure, solve  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.attention.replay import timeline  # noqa: E402
from ditfastattn.attention.replay.apply import PlanRefused  # noqa: E402
from ditfastattn.kernels import WAYS, HeadTable, Layout, flops, ways  # noqa: E402
from ditfastattn.plans import WaySpec, dumps, loads  # noqa: E402
from host.applying import apply_plan  # noqa: E402

pytestmark = pytest.mark.host
STEPS = 4
SPEC = WaySpec.of("second_key", first=0)


@pytest.fixture(scope="module")
def planned():
    """A plan that was calibrated with the new way in the list, and the table that it was solved from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ways, "WAYS", (*WAYS[:-1], SecondKey, WAYS[-1]))
        settings = SamplerSettings("euler", "simple", STEPS, 4.0, 1.0, 7)
        with torch.inference_mode():
            measured = measure(
                HostModel.of(tiny.shared_model("sd3")), settings, lambda patched: tiny.sample(patched, "sd3")
            )
        return solve(measured).plan, measured.table


@pytest.fixture
def listed(monkeypatch):
    monkeypatch.setattr(ways, "WAYS", (*WAYS[:-1], SecondKey, WAYS[-1]))
    monkeypatch.setattr(timeline, "WAYS", ways.WAYS)


def test_calibration_scores_it_beside_the_windows_and_the_plan_names_it(planned):
    plan, table = planned
    assert table.ways[-2] == plan.ways[-1] == SPEC and len(table.ways) > 1
    errors = table.way_error[1:, :, -2]
    assert (errors > 0).all() and (errors < 1e3).all()
    assert loads(dumps(plan)) == plan


def test_a_plan_that_uses_it_is_followed_and_counted(planned, listed):
    plan, model = planned[0], tiny.shared_model("sd3")
    letter = str(len(plan.ways) - 1)
    path = "f" + letter * (STEPS - 1)
    level = replace(plan.levels[0], paths=(path,) * plan.model.heads, share=("0" * STEPS,) * len(plan.model.sites))
    patched = apply_plan(model, replace(plan, levels=(level,)), "D1", strict=True)
    output = tiny.sample(patched, "sd3")
    record = attached(patched).runs.latest()
    assert torch.isfinite(output).all() and not record.notes
    assert record.methods == ["f" * len(plan.model.sites)] + ["s" * len(plan.model.sites)] * (STEPS - 1)
    layout = Layout(plan.measurement.grid, plan.measurement.text_tokens)
    per_head = flops(layout, HeadTable.uniform(1, SecondKey()), plan.model.head_dim)
    assert [step.kept for step in record.steps[1:]] == [2 * per_head * plan.model.heads] * (STEPS - 1)


def test_a_version_without_it_refuses_the_plan_and_says_so(planned):
    with pytest.raises(PlanRefused, match="does not know .*second_key"):
        apply_plan(tiny.shared_model("sd3"), planned[0], "D1", strict=True)
