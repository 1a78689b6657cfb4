"""All searches on the papers' own models, tiny and with random weights."""

import pytest

from host import tiny

tiny.require_host()

from systems.searching import attention_kept, calibrated, searched  # noqa: E402

from ditfastattn.attention.calibration.papers.search import V1, V2  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.attention.hooks.run import Forward  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import hand_plan  # noqa: E402

pytestmark = pytest.mark.host
FAMILIES = pytest.mark.parametrize("family", ["dit", "stdit2"])
FOREVER = 1e9


@FAMILIES
@pytest.mark.parametrize("method", [V1, V2])
def test_the_papers_searches_find_plans(family, method):
    plan = searched(family, method, FOREVER)
    assert attention_kept(family, plan, plan.levels[0].name) < 0.9


@FAMILIES
def test_all_six_levels_of_a_calibration_are_followed(family):
    plan = calibrated(family)
    assert [level.name for level in plan.levels] == ["D1", "D2", "D3", "D4", "D5", "D6"]
    for level in plan.levels:
        assert attention_kept(family, plan, level.name) == pytest.approx(level.attention_flops_kept, abs=0.02)


@FAMILIES
def test_the_caches_of_all_frames_are_announced(family):
    model, asked = tiny.shared_model(family), []
    patched = apply_plan(model, hand_plan(model, family, "frrf"), "D1", strict=True)
    watched = patched.clone()

    def prepare(executor, model, noise_shape, *args, **kwargs):
        asked.append(attached(patched).processor.announce((1, *noise_shape[1:]), model))
        return executor(model, noise_shape, *args, **kwargs)

    watched.add_wrapper_with_key("prepare_sampling", "test", prepare)
    tiny.sample(watched, family)
    held = attached(patched).runs.latest().cache_bytes
    assert 0 < held <= asked[0] <= 1.25 * held


def test_calibration_looks_at_other_frames_from_layer_to_layer(monkeypatch):
    looked, sampled = set(), Forward.sampled

    def watched(forward, branch, number):
        looked.add((number, sampled(forward, branch, number)))
        return sampled(forward, branch, number)

    monkeypatch.setattr(Forward, "sampled", watched)
    calibrated("stdit2")  # two layers, two branches of three frames
    assert looked == {(0, 0), (0, 3), (1, 1), (1, 4)}


def test_the_guard_looks_at_other_frames_from_layer_to_layer(monkeypatch):
    looked, sampled = set(), Forward.sampled

    def watched(forward, branch, number):
        looked.add((number, sampled(forward, branch, number)))
        return sampled(forward, branch, number)

    monkeypatch.setattr(Forward, "sampled", watched)
    model = tiny.shared_model("stdit2")
    patched = apply_plan(model, hand_plan(model, "stdit2", "f222", expected=1e6), "D1", strict=True, guard=True)
    tiny.sample(patched, "stdit2", steps=4)
    record = attached(patched).runs.latest()
    assert record.guard.checks > 0 and looked == {(0, 0), (0, 3), (1, 1), (1, 4)}
