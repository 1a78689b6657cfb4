"""The workflows that the pack ships: what they hold, and that each compresses from its second run on.

They are run with tiny stand-ins for the models, as the official templates are in test_templates.py; what they look
like in the editor is in browser/test_examples.py.
"""

import copy
import json
import logging
import sys
from pathlib import Path

import pytest

from host import tiny
from host.provision import ROOT

tiny.require_host()
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

from templates import models, prompt  # noqa: E402
from templates.rows import MADE, same_latents  # noqa: E402
from templates.run import Host  # noqa: E402

pytestmark = [pytest.mark.host]
APPLY = "DiTFastAttnApplyPlan"
FILES = sorted((ROOT / "example_workflows").glob("*.json"))
BY_NAME = {path.stem: path for path in FILES}
FAMILIES = {"flux1", "flux2", "sd3", "pixart", "wan", "qwen-image", "z-image", "ltx-2"}
TWO_MODELS = "wan2.2_14B_text_to_video"
STEPS = "Faster in three steps"


def workflow(name: str) -> dict:
    return json.loads(BY_NAME[name].read_text("utf-8"))


@pytest.fixture(scope="module")
def host():
    with Host() as running:
        yield running


@pytest.fixture(scope="module")
def read(host):
    """An example as the prompts that are run: with stand-ins, its own nodes in it; and without them."""

    def one(name: str) -> tuple[dict, dict, list[str]]:
        found = prompt.read(name, workflow(name), host.info, host.outputs)
        # The example has its nodes: none is put in.
        sent = copy.deepcopy(found.plain)
        ours = [node for node, entry in sent.items() if entry["class_type"] == APPLY]
        plain = copy.deepcopy(sent)
        for node in ours:
            plain[node]["inputs"]["level"] = "off"
        return sent, plain, ours

    return one


@pytest.mark.slow
@pytest.mark.parametrize("name", BY_NAME)
def test_an_example_is_calibrated_by_its_first_run_and_compressed_in_its_second(name, host, read, caplog):
    caplog.set_level(logging.CRITICAL)
    from ditfastattn.attention.report.statistics import statistics

    sent, plain, ours = read(name)
    full = host.run(host.session(), plain, f"{name}, off")
    session = host.session()
    first = host.run(session, sent, name, ours)
    assert not first.error and same_latents(full, first)
    assert all(first.said(node)[-1]["state"] == MADE for node in ours)
    second = host.run(session, prompt.another_seed(sent, 1), name, ours)
    assert not second.error
    assert all(statistics(second.outputs[node])["kept"]["model"] < 1 for node in ours)


def test_each_family_has_an_example_and_the_two_model_one_has_a_node_for_each():
    families = [models.tiny_of(file["name"]) for name in BY_NAME for file in declared(workflow(name))]
    assert {family.family for family in families if family} == FAMILIES
    assert {name: len(nodes(name, APPLY)) for name in BY_NAME} == {
        name: 2 if name == TWO_MODELS else 1 for name in BY_NAME
    }


def nodes(name: str, kind: str) -> list[dict]:
    return [node for node in workflow(name)["nodes"] if node["type"] == kind]


def declared(content: dict) -> list[dict]:
    return [file for node in content["nodes"] for file in node["properties"].get("models", ())]


@pytest.mark.parametrize("name", BY_NAME)
def test_an_example_needs_no_other_node_of_ours_and_starts_without_a_plan_at_the_default_level(name):
    ours = [node for node in workflow(name)["nodes"] if node["type"].startswith("DiTFastAttn")]
    assert ours and all(node["type"] == APPLY and node["widgets_values"][:2] == ["D2", ""] for node in ours)


@pytest.mark.parametrize("name", BY_NAME)
def test_every_model_file_says_where_it_comes_from_and_the_note_links_to_it(name):
    content = workflow(name)
    (note,) = [node["widgets_values"][0] for node in content["nodes"] if node.get("title") == "Model files"]
    named = {
        value
        for node in content["nodes"]
        for value in node["widgets_values"]
        if isinstance(value, str) and value.endswith(".safetensors")
    }
    files = declared(content)
    assert {file["name"] for file in files} == named
    for file in files:
        assert file["url"].startswith("https://huggingface.co/") and file["url"].endswith(".safetensors")
        assert f"[{file['name']}]({file['url']}) in *models/{file['directory']}*" in note


@pytest.mark.parametrize("name", BY_NAME)
def test_the_note_says_the_three_steps(name):
    (note,) = [node["widgets_values"][0] for node in workflow(name)["nodes"] if node.get("title") == STEPS]
    assert all(f"\n{number}. **" in note for number in (1, 2, 3))
