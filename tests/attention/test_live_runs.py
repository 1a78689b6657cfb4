"""A run tells the editor what it is going to do, what it has done after every step, and in the end what it was."""

import json
import math
import sys
import time
from types import SimpleNamespace

import pytest
import torch

from host import tiny

tiny.require_host()

import comfy.model_management  # noqa: E402
from comfy_execution.utils import CurrentNodeContext  # noqa: E402

from ditfastattn.attention.applied.kept import KEPT  # noqa: E402
from ditfastattn.attention.calibration.calibrate import METHODS  # noqa: E402
from ditfastattn.attention.report.dense_times import DENSE_TIMES  # noqa: E402
from ditfastattn.attention.report.statistics import statistics  # noqa: E402
from ditfastattn.attention.report.store import RUNS  # noqa: E402
from ditfastattn.nodes.apply_plan import ApplyCompressionPlan  # noqa: E402
from ditfastattn.nodes.calibrate import Calibrate  # noqa: E402
from ditfastattn.plans import dumps  # noqa: E402
from host.hand_plans import hand_plan  # noqa: E402

pytestmark = pytest.mark.host
STEPS = 4
RUN, STEP = "ditfastattn.run", "ditfastattn.step"


@pytest.fixture(autouse=True)
def nothing_known():
    for store in (KEPT, RUNS, DENSE_TIMES):
        store.clear()


class Editor:
    """In the place of the host's server."""

    client_id = "a tab"

    def __init__(self):
        self.sent = []

    def send_sync(self, event, payload, client=None):
        assert client == self.client_id
        self.sent.append((event, json.loads(json.dumps(payload))))

    def send_progress_text(self, text, node, client=None):
        pass

    def of(self, event):
        return [payload for name, payload in self.sent if name == event]


@pytest.fixture
def editor(monkeypatch):
    editor = Editor()
    monkeypatch.setitem(sys.modules, "server", SimpleNamespace(PromptServer=SimpleNamespace(instance=editor)))
    return editor


def node(model, family="sd3", paths="f0r0", node="12", **inputs):
    """The model of an Apply node with a plan; without paths, of one that watches."""
    ApplyCompressionPlan.hidden = SimpleNamespace(unique_id=node, prompt=None, extra_pnginfo=None)
    plan = dumps(hand_plan(tiny.shared_model(family), family, paths)) if paths else ""
    try:
        return ApplyCompressionPlan.execute(model, **{"level": "D1", "plan": plan, **inputs}).args[0]
    finally:
        ApplyCompressionPlan.hidden = None


def sampled(model, family="sd3", prompt="a prompt", **extra):
    with CurrentNodeContext(prompt, "31"):
        return tiny.sample(model, family, **{"steps": STEPS, **extra})


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_what_is_planned_is_known_before_the_first_step_and_is_what_is_done(family, editor):
    latent = sampled(node(tiny.shared_model(family), family), family)
    events = [event for event, _ in editor.sent if event in (RUN, STEP)]
    assert events == [RUN, *[STEP] * STEPS, RUN]
    begun, ended = editor.of(RUN)
    assert (begun["state"], ended["state"], begun["kind"], begun["done"]) == ("running", "done", "plan", [])
    assert (begun["node"], begun["prompt"], begun["plan"]["level"]) == ("12", "a prompt", "D1")
    assert torch.isfinite(latent).all()
    for planned, (attention, model, _) in zip(begun["steps"], ended["done"], strict=True):
        assert 100 * planned["attention"] == pytest.approx(attention, abs=1.5)
        assert 100 * planned["model"] == pytest.approx(model, abs=1.5)
    assert 0 < ended["kept"]["attention"] < 1 and ended["map"] == begun["map"]
    assert [len(row) for row in begun["map"]] == [len(begun["sites"])] * STEPS
    assert begun["ceiling"] is not None and begun["model"]["tokens"] == ended["model"]["tokens"]


def test_each_message_alone_tells_the_whole_run_so_far(editor):
    sampled(node(tiny.shared_model("sd3")))
    messages = editor.of(STEP)
    assert [message["step"] for message in messages] == [1, 2, 3, 4]
    assert all(len(message["done"]) == message["step"] for message in messages)
    assert all(len(json.dumps(message)) < 2048 for message in messages)
    assert messages[-1]["seconds"] == pytest.approx(sum(step[2] for step in messages[-1]["done"]) / 1000, abs=0.01)


def test_a_run_of_many_steps_sends_no_more_than_others_and_takes_no_longer_a_step(editor):
    sampled(node(tiny.shared_model("sd3"), paths="f0r0"), steps=260, shape=(16, 2, 2))
    messages = editor.of(STEP)
    assert len(messages) == 260 and max(len(json.dumps(message)) for message in messages) < 2048
    assert messages[-1]["from"] == 180 and len(messages[-1]["done"]) == 80
    assert len(RUNS.all()[-1]["done"]) == 260


@pytest.mark.parametrize("sampler", ["heun", "dpmpp_2s_ancestral", "uni_pc", "dpmpp_2m_sde"])
def test_samplers_that_evaluate_twice_or_draw_noise_have_one_entry_a_step(sampler, editor):
    sampled(node(tiny.shared_model("sd3")), sampler=sampler)
    begun, ended = editor.of(RUN)
    assert len(ended["done"]) == len(ended["steps"]) == STEPS and ended["state"] == "done"
    assert [message["step"] for message in editor.of(STEP)][-1] == STEPS


def test_a_batch_a_part_of_the_schedule_and_a_subgraph_are_one_run_each(editor):
    model = node(tiny.shared_model("sd3"), node="7:12")
    sampled(model, batch=2)
    sampled(model, denoise=0.5, prompt="another")
    runs = RUNS.all()
    assert [run["batch"] for run in runs] == [2, 1] and [run["node"] for run in runs] == ["7:12"] * 2
    assert [run["prompt"] for run in runs] == ["a prompt", "another"]
    assert [len(run["done"]) for run in runs] == [STEPS, STEPS]


def test_two_nodes_in_one_graph_are_told_apart(editor):
    one, other = node(tiny.shared_model("sd3"), node="12"), node(tiny.shared_model("flux"), "flux", node="13")
    sampled(one)
    sampled(other, "flux", cfg=1.0)
    assert [(run["node"], run["model"]["family"]) for run in RUNS.all()] == [("12", "sd3"), ("13", "flux")]


def test_a_watched_run_is_full_and_ends_with_the_plan_and_all_levels(editor):
    model = node(tiny.shared_model("sd3"), paths="", level="D3")
    sampled(model)
    begun, ended = editor.of(RUN)
    assert begun["kind"] == ended["kind"] == "watch" and begun["levels"] == [] and len(ended["levels"]) == 6
    assert ended["plan"]["level"] == "D3" and [step[:2] for step in ended["done"]] == [[100, 100]] * STEPS
    assert ended["dense"]["source"] == "measured" and ended["speed"] is None
    assert 0 < ended["dense"]["seconds"] <= ended["seconds"] and 0 < ended["ceiling"] < 1
    sampled(model, seed=8)
    following = editor.of(RUN)[-1]
    assert following["kind"] == "plan" and following["speed"]["source"] == "measured"
    assert following["dense"]["seconds"] == ended["dense"]["seconds"]


def test_dense_seconds_are_measured_for_the_same_settings_and_estimated_or_unknown_for_others(editor):
    model = tiny.shared_model("sd3")
    sampled(node(model, level="off"))
    assert editor.of(RUN)[-1]["kind"] == "full"
    following = node(model, paths="f00r")
    for settings, source in (
        ({}, "measured"),
        ({"steps": 8}, "estimated"),
        ({"shape": (16, 8, 12)}, None),
        ({"batch": 2}, None),
        ({"cfg": 1.0}, None),
        ({"sampler": "heun"}, None),
        ({"positive": tiny.conditioning("sd3", 1, 12)}, None),
    ):
        sampled(following, **settings)
        speed = editor.of(RUN)[-1]["speed"]
        assert (speed and speed["source"]) == source, settings


def test_where_no_dense_run_was_seen_full_steps_of_the_run_itself_tell(editor):
    sampled(node(tiny.shared_model("sd3"), paths="ffff00"), steps=6)
    ended = editor.of(RUN)[-1]
    assert ended["dense"]["source"] == ended["speed"]["source"] == "estimated"
    assert ended["dense"]["how"]["values"] == {"count": 3}, "the first step warms up and does not count"
    assert editor.of(STEP)[0]["speed"] is None and editor.of(STEP)[1]["speed"] is not None


def test_the_first_step_of_a_process_makes_no_later_run_look_faster(editor):
    from ditfastattn.attention.hooks.record import RunRecord, StepCount

    record = RunRecord([StepCount(1.0, seconds=60.0), *(StepCount(0.5, seconds=2.0, overhead=1.0) for _ in range(3))])
    record.state = "done"
    assert DENSE_TIMES.saw("a workload", record) == pytest.approx(4.0)


def interrupted(step, *rest):
    if step == 1:
        raise comfy.model_management.InterruptProcessingException()


def broken(step, *rest):
    if step == 1:
        raise RuntimeError("a broken preview")


@pytest.mark.parametrize(("callback", "state"), [(interrupted, "cancelled"), (broken, "failed")])
def test_a_run_that_does_not_finish_says_how_it_ended(callback, state, editor):
    with pytest.raises((comfy.model_management.InterruptProcessingException, RuntimeError)):
        sampled(node(tiny.shared_model("sd3")), callback=callback)
    ended = editor.of(RUN)[-1]
    assert ended["state"] == state and len(ended["done"]) == 1


@pytest.mark.parametrize(
    ("inputs", "kind", "word"),
    [
        ({"level": "off"}, "full", None),
        ({"paths": "", "calibrate": "never"}, "refused", "no plan"),
        ({"paths": "", "plan": "damaged", "calibrate": "never"}, "refused", "not a plan"),
    ],
)
def test_runs_in_full_are_told_with_the_reason_and_leave_every_bit_alone(inputs, kind, word, editor):
    model = tiny.shared_model("sd3")
    assert torch.equal(sampled(node(model, **inputs)), tiny.sample(model, "sd3", steps=STEPS))
    ended = editor.of(RUN)[-1]
    assert (ended["kind"], ended["state"], ended["kept"]) == (
        kind,
        "done",
        {"attention": 1.0, "module": 1.0, "model": 1.0},
    )
    assert [word in note["text"] for note in ended["notes"]] == ([True] if word else [])


def test_a_model_of_no_family_is_told_by_its_name(editor):
    model = tiny.shared_model("sd15")
    sampled(node(model, paths=""), "sd15")
    ended = editor.of(RUN)[-1]
    assert ended["kind"] == "refused" and ended["model"]["family"] == "SD15" and ended["sites"] == []
    assert len(ended["done"]) == STEPS and ended["notes"][0]["cure"] == "level off"
    sampled(node(model, paths="", level="off"), "sd15")
    assert editor.of(RUN)[-1]["notes"] == []


def test_an_off_node_behind_another_leaves_the_telling_to_that_one(editor):
    sampled(node(node(tiny.shared_model("sd3"), node="12"), node="13", level="off"))
    assert [run["node"] for run in RUNS.all()] == ["12"] and RUNS.all()[0]["kind"] == "plan"


def test_a_difference_to_the_plan_is_told_and_calibrating_again_cures_it(editor):
    model = tiny.shared_model("sd3")
    sampled(node(model), cfg=7.0)
    (note,) = editor.of(RUN)[-1]["notes"]
    assert note["key"] == "Calibrated at CFG {measured}, sampled at CFG {sampled}."
    assert note["cure"] == "calibrate again"
    again = node(model, calibrate="again")
    sampled(again, cfg=7.0)
    sampled(again, cfg=7.0)
    assert editor.of(RUN)[-1]["kind"] == "plan" and editor.of(RUN)[-1]["notes"] == []


@pytest.mark.parametrize("inputs", [{"paths": "", "calibrate": "never"}, {"family": "flux", "calibrate": "never"}])
def test_a_refusal_that_says_so_is_cured_by_calibrating_again(inputs, editor):
    model = tiny.shared_model("sd3")
    sampled(node(model, **inputs))
    assert editor.of(RUN)[-1]["notes"][0]["cure"] == "calibrate again"
    sampled(node(model, **{**inputs, "calibrate": "again"}))
    assert editor.of(RUN)[-1]["kind"] == "watch" and editor.of(RUN)[-1]["plan"] is not None


def test_every_note_of_a_run_can_be_translated(editor):
    sampled(node(tiny.shared_model("sd3"), guard=True), cfg=7.0, steps=7)
    notes = editor.of(RUN)[-1]["notes"]
    assert len(notes) >= 2 and all(note["key"] for note in notes)


def test_a_head_that_the_guard_made_full_is_full_in_the_map_at_the_end(editor):
    plan = hand_plan(tiny.shared_model("sd3"), "sd3", "f222", expected=1e-9)
    sampled(node(tiny.shared_model("sd3"), plan=dumps(plan), guard=True))
    begun, ended = editor.of(RUN)
    assert "w" in begun["head_map"][-1] and "w" not in ended["head_map"][-1] and ended["guard"]["promoted"]


def test_without_a_server_or_a_client_nothing_is_sent_and_the_run_is_remembered(editor):
    editor.client_id = None
    sampled(node(tiny.shared_model("sd3")))
    assert editor.sent == [] and len(RUNS.all()) == 1
    sys.modules.pop("server")
    sampled(node(tiny.shared_model("sd3")))
    assert len(RUNS.all()) == 2


def test_nothing_that_fails_while_a_run_is_told_reaches_the_run(editor, monkeypatch):
    from ditfastattn.attention.report import live

    model = tiny.shared_model("sd3")
    plain = sampled(node(model))
    editor.send_sync = lambda *args: 1 / 0
    assert torch.equal(sampled(node(model)), plain)
    for name in ("document", "progress", "schedule_name"):
        monkeypatch.setattr(live, name, lambda *args, **rest: 1 / 0)
        assert torch.equal(sampled(node(model)), plain)


def test_the_store_keeps_the_last_eight_and_stats_show_the_run_of_a_latent(editor):
    model = node(tiny.shared_model("sd3"))
    latents = [sampled(model, seed=seed, steps=2) for seed in range(10)]
    assert len(RUNS.all()) == 8
    told = statistics(model, latents[5])
    assert told["sampler"]["seed"] == 5 and told in RUNS.all()


def test_a_calibration_tells_its_runs_and_ends_with_levels_and_what_was_verified(editor):
    from ditfastattn.attention.calibration.store import STORE

    STORE.clear()
    positive, negative = tiny.conditioning("sd3", 1), tiny.conditioning("sd3", 2)
    latent = {"samples": tiny.latent("sd3")}
    settings = {"seed": 1, "steps": STEPS, "cfg": 4.0, "sampler_name": "euler", "scheduler": "simple"}
    with CurrentNodeContext("a prompt", "40"), torch.inference_mode():
        Calibrate.execute(
            tiny.shared_model("sd3"), **settings, positive=positive, negative=negative, latent_image=latent, verify="D3"
        )
    runs = RUNS.all()
    assert {run["kind"] for run in runs} == {"calibrate", "verify"} and {run["node"] for run in runs} == {"40"}
    assert all(run["state"] == "done" and len(run["done"]) == STEPS for run in runs)
    last = editor.of(RUN)[-1]
    assert len(last["levels"]) == 6 and last["plan"]["level"] == "D3" and math.isfinite(last["plan"]["verified"])
    assert any(note["text"].startswith("D3 checked: relative error ") and note["key"] for note in last["notes"])


@pytest.mark.parametrize("method", METHODS)
def test_every_method_of_calibration_tells_its_runs_and_only_dense_ones_count_as_dense(method, editor):
    latent = {"samples": tiny.latent("sd3")}
    settings = {"seed": 3, "steps": 2, "cfg": 4.0, "sampler_name": "euler", "scheduler": "simple", "method": method}
    with CurrentNodeContext("a prompt", "40"), torch.inference_mode():
        Calibrate.execute(
            tiny.shared_model("sd3"),
            **settings,
            positive=tiny.conditioning("sd3", 1),
            negative=tiny.conditioning("sd3", 2),
            latent_image=latent,
        )
    runs = editor.of(RUN)
    assert {run["kind"] for run in runs} == {"calibrate"} and len(runs[-1]["levels"]) == 6
    dense = [run["dense"] is not None for run in runs if run["state"] == "done"]
    assert dense[0] and (method == METHODS[0] or not any(dense[1:]))


def test_telling_costs_less_than_a_millisecond_a_step(editor, monkeypatch):
    from ditfastattn.attention.report.live import Live

    spent = []
    plain = Live.step

    def timed(self, run):
        begin = time.thread_time()
        plain(self, run)
        spent.append(time.thread_time() - begin)

    monkeypatch.setattr(Live, "step", timed)
    sampled(node(tiny.shared_model("sd3")), steps=50, shape=(16, 2, 2))
    assert len(spent) == 50 and sorted(spent)[25] < 1e-3
