"""One node in a served host: what a prompt through the API does, what the editor is told and what a picture carries."""

import itertools
import json
import struct
import uuid

import pytest

from ditfastattn.plans import Plan, loads
from host.client import Client

pytestmark = pytest.mark.host

APPLY = "DiTFastAttnApplyPlan"
EVENT = "ditfastattn.apply"
SUBGRAPH = "8f0b2f6a-1111-4222-8333-444455556666"


@pytest.fixture(scope="module")
def client(server):
    with Client(server.url) as client:
        yield client


_numbers = itertools.count(100)


@pytest.fixture
def node():
    """An id that no other test's node has: plans are kept, and results cached, by it."""
    return str(next(_numbers))


def prompt(node, seed=1, family="sd3", steps=6, **inputs):
    """A tiny model through the node `node` into KSampler, and its latent saved."""
    settings = {"level": "D6", "plan": "", "max_cache_mb": 0, "strict": False, **inputs}
    sampling = {
        "steps": steps,
        "cfg": 4.0,
        "sampler_name": "euler",
        "scheduler": "simple",
        "denoise": 1.0,
        "seed": seed,
    }
    return {
        "1": {"class_type": "DiTFastAttnTestTinyModel", "inputs": {"family": family}},
        node: {"class_type": APPLY, "inputs": {"model": ["1", 0], **settings}},
        "3": {
            "class_type": "KSampler",
            "inputs": {
                "model": [node, 0],
                "positive": ["1", 1],
                "negative": ["1", 2],
                "latent_image": ["1", 3],
                **sampling,
            },
        },
        "4": {"class_type": "SaveLatent", "inputs": {"samples": ["3", 0], "filename_prefix": uuid.uuid4().hex}},
    }


def workflow(node, calibrate="when needed", name="one node"):
    """As the editor saves it, as far as the pack looks at it; "12:7" is node 7 inside the subgraph node 12."""
    outer, _, inner = node.rpartition(":")
    own = {"id": int(inner), "type": APPLY, "widgets_values": ["D6", "", 0, False, False, calibrate]}
    if not outer:
        return {"id": name, "nodes": [own]}
    definitions = {"subgraphs": [{"id": SUBGRAPH, "nodes": [own]}]}
    return {"id": name, "nodes": [{"id": int(outer), "type": SUBGRAPH}], "definitions": definitions}


def saved_by(client, result):
    """The metadata of the file that a prompt saved: (prompt, workflow)."""
    data = client.file(result.outputs["4"]["latents"][0])
    (length,) = struct.unpack("<Q", data[:8])
    kept = json.loads(data[8 : 8 + length])["__metadata__"]
    return json.loads(kept["prompt"]), json.loads(kept["workflow"]) if "workflow" in kept else None


def reports(result, node):
    """Those of this prompt, from the host's history."""
    shown = result.outputs[node]["ditfastattn_apply"][0]["reports"]
    return [report for report in shown if report["prompt"] == result.prompt_id]


def states(result, node):
    return [report["state"] for report in reports(result, node)]


def test_a_second_prompt_with_another_seed_is_compressed_within_the_process(client, node):
    first = client.run(prompt(node, seed=1))
    assert states(first, node) == ["watching", "made"]
    second = client.run(prompt(node, seed=2, steps=8))
    assert node in second.cached, "the node need not be executed for the plan to be followed"
    assert states(second, node) == ["in use"]
    assert 0 < reports(second, node)[0]["figures"]["attention_flops_kept"] < 1


def test_a_node_that_is_executed_anew_follows_the_plan_that_it_made(client, node):
    first = client.run(prompt(node))
    second = client.run(prompt(node, level="D3"))
    assert states(second, node) == ["in use"] and reports(second, node)[0]["level"] == "D3"
    assert reports(second, node)[0]["plan_id"] == reports(first, node)[-1]["plan_id"]


def test_the_editor_is_told_when_the_node_is_executed_and_when_each_run_ends(client, node):
    first = client.run(prompt(node, seed=1))
    second = client.run(prompt(node, seed=2))
    assert client.wait_for_event(EVENT, 10, state="in use", prompt=second.prompt_id)
    told = [one for one in client.messages(EVENT) if one["prompt"] == first.prompt_id]
    assert [(one["node"], one["state"], one["level"]) for one in told] == [
        (node, "watching", "D6"),
        (node, "made", "D6"),
    ]
    assert told[0]["plan"] == "" and loads(told[1]["plan"]).id == told[1]["plan_id"]
    assert [one["name"] for one in told[1]["levels"]] == ["D1", "D2", "D3", "D4", "D5", "D6"]
    assert set(told[1]["levels"][0]) == {"name", "attention", "model", "error"}
    assert set(told[1]["figures"]) == {
        "attention_flops_kept",
        "model_flops_kept",
        "predicted_error",
        "steps_of_work",
    }


@pytest.mark.parametrize("place", ["{}", "12:{}", "12:13:{}"], ids=["plain", "subgraph", "nested"])
def test_the_first_picture_carries_the_plan_in_its_workflow_and_in_its_prompt(client, node, place):
    node = place.format(node)
    saved = workflow(node.removeprefix("12:") if place.startswith("12:13") else node)
    if place.startswith("12:13"):
        saved["nodes"] = [{"id": 12, "type": "outer"}]
        saved["definitions"]["subgraphs"].append({"id": "outer", "nodes": [{"id": 13, "type": SUBGRAPH}]})
    done = client.run(prompt(node), saved)
    in_prompt, in_workflow = saved_by(client, done)
    graph = in_workflow if place == "{}" else in_workflow["definitions"]["subgraphs"][0]
    text = in_prompt[node]["inputs"]["plan"]
    assert isinstance(loads(text), Plan) and loads(text).id == reports(done, node)[-1]["plan_id"]
    assert graph["nodes"][0]["widgets_values"] == ["D6", text, 0, False, False, "when needed"]


def test_a_run_after_a_cancelled_one_carries_the_plan_although_the_node_is_not_executed_again(client, node):
    queued = client.queue(prompt(node, steps=400), workflow(node))
    assert client.wait_for_event("progress", 60, node="3", prompt_id=queued)
    client.interrupt()
    assert client.wait(queued).ending == "execution_interrupted"
    done = client.run(prompt(node), workflow(node))
    assert node in done.cached and states(done, node) == ["made"]
    in_prompt, in_workflow = saved_by(client, done)
    assert isinstance(loads(in_workflow["nodes"][0]["widgets_values"][1]), Plan)
    assert isinstance(loads(in_prompt[node]["inputs"]["plan"]), Plan)


def test_a_later_run_writes_the_plan_into_a_workflow_that_lacks_it(client, node):
    client.run(prompt(node, seed=1), workflow(node))
    done = client.run(prompt(node, seed=2), workflow(node))
    assert isinstance(loads(saved_by(client, done)[1]["nodes"][0]["widgets_values"][1]), Plan)


def test_a_workflow_with_a_plan_never_calibrates(client, node):
    made = client.run(prompt(node), workflow(node))
    text = saved_by(client, made)[0][node]["inputs"]["plan"]
    done = client.run(prompt("999", plan=text), workflow("999", name="elsewhere"))
    assert states(done, "999") == ["in use"]


def test_another_workflow_with_a_node_of_the_same_number_has_a_plan_of_its_own(client, node):
    client.run(prompt(node, seed=1), workflow(node))
    done = client.run(prompt(node, seed=1, level="D5"), workflow(node, name="another"))
    assert states(done, node) == ["watching", "made"]


def test_a_plan_that_the_editor_lacks_is_sent_again_and_one_that_it_has_is_not(client, node):
    text = saved_by(client, client.run(prompt(node, seed=1)))[0][node]["inputs"]["plan"]
    lacking = client.run(prompt(node, seed=2))
    having = client.run(prompt(node, seed=3, plan=text))
    assert client.wait_for_event(EVENT, 10, prompt=having.prompt_id)
    sent = {one["prompt"]: one["plan"] for one in client.messages(EVENT)}
    assert sent[lacking.prompt_id] == text and sent[having.prompt_id] == ""


def test_again_calibrates_once_and_the_picture_does_not_ask_for_it(client, node):
    client.run(prompt(node, seed=1), workflow(node))
    found = []
    for seed in (2, 3):
        done = client.run(prompt(node, seed=seed, calibrate="again"), workflow(node, "again"))
        found.append(states(done, node))
        in_prompt, in_workflow = saved_by(client, done)
        assert in_workflow["nodes"][0]["widgets_values"][5] == in_prompt[node]["inputs"]["calibrate"] == "when needed"
    assert found == [["watching", "made"], ["in use"]]


def with_calibrate(node, **inputs):
    """The same with a Calibrate node linked to the node."""
    linked = prompt(node, plan_in=["5", 0], **inputs)
    sampled = {"model": ["1", 0], "positive": ["1", 1], "negative": ["1", 2], "latent_image": ["1", 3]}
    settings = {"steps": 6, "cfg": 4.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}
    # A seed of its own: the host would have the result of another test.
    inputs = {**sampled, **settings, "seed": int(node)}
    return linked | {"5": {"class_type": "DiTFastAttnCalibrate", "inputs": inputs}}


def test_a_linked_plan_is_asked_for_where_there_is_none_and_sent_to_be_embedded(client, node):
    done = client.run(with_calibrate(node))
    assert "5" in done.seconds and states(done, node) == ["in use"]
    told = [one for one in client.messages(EVENT) if one["prompt"] == done.prompt_id]
    assert told[-1]["plan"] and told[-1]["plan_id"] == reports(done, node)[0]["plan_id"]


def test_a_linked_plan_is_not_asked_for_at_level_off(client, node):
    done = client.run(with_calibrate(node, level="off"))
    assert "5" not in done.seconds and states(done, node) == ["off"]


def test_a_linked_plan_is_not_asked_for_where_the_embedded_one_fits(client, node):
    text = saved_by(client, client.run(prompt(node, seed=1)))[0][node]["inputs"]["plan"]
    done = client.run(with_calibrate(node, seed=2, plan=text))
    assert "5" not in done.seconds and reports(done, node)[0]["plan_id"] == loads(text).id
    again = client.run(with_calibrate(node, seed=2, plan=text, calibrate="again"))
    assert "5" in again.seconds and reports(again, node)[-1]["plan_id"] != loads(text).id


def test_calibrate_on_a_model_that_is_not_covered_stops_no_job(client, node):
    done = client.run(with_calibrate(node, family="sd15"))
    assert states(done, node) == ["refused"] and "SD15 is not a model that DiTFastAttn covers" in (
        done.outputs["5"]["ditfastattn_refused"][0] if "5" in done.outputs else reports(done, node)[0]["sentence"]
    )
