"""Turning a saved workflow into a prompt, and the saved workflows themselves."""

import json

import pytest

from ditfastattn.plans import Plan, loads
from host.provision import ROOT
from host.workflow import (
    BYPASSED,
    FOLDER,
    MUTED,
    SAMPLING,
    WIDGETS,
    WorkflowError,
    saved,
    set_values,
    to_prompt,
    values_of,
)

INFO = {
    "Load": {"input": {"required": {"name": [["a", "b"], {}]}}, "display_name": "Loader"},
    "Change": {"input": {"required": {"model": ["MODEL"], "amount": ["FLOAT", {}]}}},
    "Sample": {
        "input": {
            "required": {"model": ["MODEL"], "seed": ["INT", {"control_after_generate": True}], "steps": ["INT", {}]},
            "optional": {
                "plan": ["STRING", {"socketless": True, "hidden": True}],
                "mode": ["COMBO", {"options": ["x"]}],
                "text": ["STRING", {"forceInput": True}],
                "last": ["BOOLEAN", {}],
            },
            "hidden": {"unique_id": "UNIQUE_ID"},
        }
    },
}


def chain(change_mode=0):
    """Load -> Change -> Sample."""
    return {
        "nodes": [
            {"id": 1, "type": "Load", "outputs": [{"type": "MODEL"}], "widgets_values": ["b"]},
            {
                "id": 2,
                "type": "Change",
                "mode": change_mode,
                "inputs": [{"name": "model", "type": "MODEL", "link": 1}],
                "outputs": [{"type": "MODEL"}],
                "widgets_values": [0.5],
            },
            {
                "id": 3,
                "type": "Sample",
                "inputs": [{"name": "model", "type": "MODEL", "link": 2}],
                "widgets_values": [7, "randomize", 20, "{plan}", "x", True],
            },
            {"id": 4, "type": "MarkdownNote", "widgets_values": ["for people"]},
        ],
        "links": [[1, 1, 0, 2, 0, "MODEL"], [2, 2, 0, 3, 0, "MODEL"]],
    }


def test_widget_values_go_to_their_inputs_past_the_editors_own_and_hidden_ones():
    inputs = to_prompt(chain(), INFO)["3"]["inputs"]
    expected = {"seed": 7, "steps": 20, "plan": "{plan}", "mode": "x", "last": True, "model": ["2", 0]}
    assert inputs == expected


def test_notes_are_not_sent():
    assert set(to_prompt(chain(), INFO)) == {"1", "2", "3"}


def test_a_bypassed_node_passes_its_input_on():
    prompt = to_prompt(chain(BYPASSED), INFO)
    assert "2" not in prompt and prompt["3"]["inputs"]["model"] == ["1", 0]


def test_what_hangs_on_a_muted_node_has_no_input():
    prompt = to_prompt(chain(MUTED), INFO)
    assert "2" not in prompt and "model" not in prompt["3"]["inputs"]


def test_a_link_wins_over_the_widget_it_is_plugged_into():
    workflow = chain()
    workflow["nodes"][2]["inputs"].append({"name": "steps", "type": "INT", "widget": {"name": "steps"}, "link": 3})
    workflow["links"].append([3, 1, 1, 3, 1, "INT"])
    assert to_prompt(workflow, INFO)["3"]["inputs"]["steps"] == ["1", 1]


def test_a_reroute_is_followed_to_its_source():
    workflow = chain()
    workflow["nodes"][1].update(type="Reroute", widgets_values=[])
    assert to_prompt(workflow, INFO)["3"]["inputs"]["model"] == ["1", 0]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda w: w["nodes"][0].update(type="Gone"), "no node Gone"),
        (lambda w: w["links"].pop(), "Link 2"),
    ],
)
def test_what_cannot_be_sent_is_refused_in_a_sentence(change, sentence):
    workflow = chain()
    change(workflow)
    with pytest.raises(WorkflowError, match=sentence):
        to_prompt(workflow, INFO)


def links_disagree(workflow):
    """Every way in which the links and the nodes of a workflow contradict each other."""
    nodes = {node["id"]: node for node in workflow["nodes"]}
    for number, source, slot, target, place, kind in workflow["links"]:
        output, goal = nodes[source]["outputs"][slot], nodes[target]["inputs"][place]
        if number not in output["links"] or goal["link"] != number:
            yield f"link {number} is not known at both ends"
        if output["type"] != kind or goal["type"] not in (kind, "*"):
            yield f"link {number} joins {output['type']} and {goal['type']}"
    known = {link[0] for link in workflow["links"]}
    for node in nodes.values():
        used = {slot["link"] for slot in node.get("inputs", ()) if slot["link"] is not None}
        used |= {link for slot in node.get("outputs", ()) for link in slot["links"]}
        if used - known:
            yield f"node {node['id']} names links {used - known} that do not exist"
    if len(nodes) != len(workflow["nodes"]) or max(nodes) > workflow["last_node_id"]:
        yield "node numbers repeat or exceed the last one"
    if len(known) != len(workflow["links"]) or max(known) > workflow["last_link_id"]:
        yield "link numbers repeat or exceed the last one"


SHIPPED = sorted((ROOT / "example_workflows").glob("*.json"))
ALL = {path.stem: path for path in [*sorted(FOLDER.glob("*.json")), *SHIPPED]}


@pytest.fixture(params=ALL)
def example(request):
    """Every workflow that the pack ships, and those with the demo model."""
    return json.loads(ALL[request.param].read_text("utf-8"))


def test_every_link_of_an_example_is_the_same_from_both_ends(example):
    assert list(links_disagree(example)) == []


def test_an_example_saves_as_many_values_as_its_nodes_have_widgets(example):
    for node in example["nodes"]:
        if node["type"] in WIDGETS:
            assert len(node["widgets_values"]) == len(WIDGETS[node["type"]]), node["type"]


def test_the_demo_calibrates_with_the_settings_it_samples_with_and_another_seed():
    demo = saved("three_nodes")
    calibrate, sampler = (values_of(demo, kind) for kind in ("DiTFastAttnCalibrate", "KSampler"))
    same = set(SAMPLING) - {"seed", "control_after_generate"}
    assert all(calibrate[name] == sampler[name] for name in same) and calibrate["seed"] != sampler["seed"]


def test_the_demos_own_workflow_carries_a_plan_for_the_level_that_it_is_set_to():
    apply = values_of(saved("sd3_demo"), "DiTFastAttnApplyPlan")
    plan = loads(apply["plan"])
    assert isinstance(plan, Plan) and apply["level"] in [level.name for level in plan.levels]


def test_setting_values_changes_those_that_are_named_and_no_other():
    demo = saved("three_nodes")
    before = values_of(demo, "KSampler")
    set_values(demo, "KSampler", {"seed": 5})
    assert values_of(demo, "KSampler") == {**before, "seed": 5} != before
