"""All searches on the papers' own models, tiny and with random weights."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from host import tiny

tiny.require_host()

from systems.searching import SETTINGS, attention_kept, calibrated, searched  # noqa: E402

from ditfastattn.attention.calibration.measurement import measure  # noqa: E402
from ditfastattn.attention.calibration.papers.search import V1, V2  # noqa: E402
from ditfastattn.attention.hooks.forward import Forward  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.attention.report.figures import beside_attention, work_of_step  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import hand_plan  # noqa: E402

pytestmark = pytest.mark.host
FAMILIES = pytest.mark.parametrize("family", ["dit", "stdit2", "stdit3"])
VIDEOS = pytest.mark.parametrize("family", ["stdit2", "stdit3"])
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


@pytest.fixture
def looked(monkeypatch):
    """{(site, its rows of the batch that are looked at)}."""
    found, sampled = set(), Forward.sampled

    def watched(forward, branch, call):
        rows = sampled(forward, branch, call)
        found.add((call.number, *range(rows.start, rows.stop, rows.step)))
        return rows

    monkeypatch.setattr(Forward, "sampled", watched)
    return found


# Two branches. Within frames: all of the three. Along time: four of the 96 places, others in each layer.
OF_FRAMES = {(site, *range(3 * branch, 3 * branch + 3)) for site in (0, 2) for branch in (0, 1)}
OF_PLACES = {(site, *range(96 * branch + site, 96 * branch + 96, 24)) for site in (1, 3) for branch in (0, 1)}


def test_calibration_looks_at_several_frames_and_at_places_all_over_them(looked):
    calibrated("stdit2")
    assert looked == OF_FRAMES | OF_PLACES


def test_the_guard_looks_at_several_frames_and_at_places_all_over_them(looked):
    model = tiny.shared_model("stdit2")
    plan = hand_plan(model, "stdit2", ["f2r2", "f22r"], expected=1e6)
    patched = apply_plan(model, plan, "D1", strict=True, guard=True)
    tiny.sample(patched, "stdit2", steps=4)
    assert attached(patched).runs.latest().guard.checks > 0 and looked == OF_FRAMES | OF_PLACES


@VIDEOS
def test_the_papers_searches_leave_attention_along_time_in_full(family):
    for method in (V1, V2):
        plan = searched(family, method, FOREVER)
        of_time = [site.axes == (0,) for site in HostModel.of(tiny.shared_model(family)).sites]
        kept = [set(path) == {"f"} for path in plan.levels[0].paths]
        assert kept == [along for along in of_time for _ in range(2)]


@VIDEOS
def test_calibration_reuses_layers_along_time_whole_and_has_no_windows_for_them(family):
    plan, sites = calibrated(family), HostModel.of(tiny.shared_model(family)).sites
    for level in plan.levels:
        along = [path for head, path in enumerate(level.paths) if sites[head // 2].axes == (0,)]
        assert set("".join(along)) <= {"f", "r"}
    # Both heads of a layer at once, so that its projections are left out as well.
    assert any("r" in path for path in along) and along[0::2] == along[1::2]


def test_layers_along_time_are_timed_with_no_way_that_is_cheaper_than_full_attention():
    model = HostModel.of(tiny.shared_model("stdit3"))
    costs = measure(model, SETTINGS, lambda one: tiny.sample(one, "stdit3", steps=3), timed=True).table.milliseconds
    along = np.repeat([site.axes == (0,) for site in model.sites], 2)
    assert (costs.full > 0).all() and (costs.projection > 0).all() and (costs.way > 0).all()
    assert np.array_equal(costs.way[along], np.repeat(costs.full[along][:, None], costs.ways, axis=1))


@VIDEOS
def test_a_levels_bytes_are_those_of_all_frames_and_places(family):
    plan = calibrated(family)
    patched = apply_plan(tiny.shared_model(family), plan, "D1", strict=True)
    tiny.sample(patched, family, steps=3)
    held = attached(patched).runs.latest().cache_bytes
    assert 0 < plan.levels[0].cache_bytes <= held <= 1.3 * plan.levels[0].cache_bytes


@VIDEOS
def test_what_is_planned_of_a_videos_steps_is_what_is_counted(family):
    model, plan, planned = tiny.shared_model(family), calibrated(family), []
    patched = apply_plan(model, plan, "D6", strict=True)
    watched = patched.clone()

    def prepare(executor, model, noise_shape, *args, **kwargs):
        planned.append(attached(patched).processor.planned((1, *noise_shape[1:])))
        return executor(model, noise_shape, *args, **kwargs)

    watched.add_wrapper_with_key("prepare_sampling", "test", prepare)
    tiny.sample(watched, family, steps=3)
    record = attached(patched).runs.latest()
    counted = [work_of_step(step, beside_attention(record, plan.measurement)) for step in record.steps]
    assert [work.attention for work in counted] == pytest.approx([part for part, _ in planned[0]], abs=1e-6)
    assert [work.model for work in counted] == pytest.approx([part for _, part in planned[0]], abs=1e-4)
    assert counted[-1].model < 0.9


@VIDEOS
def test_what_calibration_says_of_a_videos_work_is_what_torch_counts(family):
    """One item of the batch, all its frames and places: attention, and the rest of the model."""
    model = tiny.shared_model(family)
    measurement, whole = calibrated(family).measurement, []
    watched = model.clone()

    def count(executor, *args, **kwargs):
        with FlopCounterMode(display=False) as counter:
            output = executor(*args, **kwargs)
        whole.append(counter.get_flop_counts()["Global"])
        return output

    watched.add_wrapper_with_key("predict_noise", "test", count)
    tiny.sample(watched, family, steps=1)
    # Two branches; three frames of 96 tokens, 96 places of three, in two layers of either kind; 2 heads of 72 channels.
    of_site = 4 * 144 * (3 * 96**2 + 96 * 3**2)
    # Plans keep six digits.
    assert measurement.attention_flops == pytest.approx(2 * of_site, rel=1e-5)
    # Of some processors' fused attention torch counts nothing.
    counted = sum(counted_attention(*shape) for shape in ((3, 96), (96, 3)))
    assert counted in (0, of_site)
    assert measurement.other_flops == pytest.approx(sum(whole[0].values()) / 2 - 2 * counted, rel=1e-5)


def counted_attention(sequences, tokens):
    """FLOPs that torch counts for so many sequences in 2 heads of 72 channels."""
    q = k = v = torch.randn(sequences, 2, tokens, 72)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        torch.nn.functional.scaled_dot_product_attention(q, k, v)
    return counter.get_total_flops()
