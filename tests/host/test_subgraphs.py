"""Saved workflows without their subgraphs."""

import copy

import pytest

from host.subgraphs import SubgraphError, flatten
from host.workflow import BYPASSED, to_prompt

INFO = {
    "Load": {"input": {"required": {"name": ["STRING", {}]}}},
    "Change": {"input": {"required": {"model": ["MODEL"], "amount": ["FLOAT", {}]}}},
    "Sample": {"input": {"required": {"model": ["MODEL"], "steps": ["INT", {}]}}},
    "Choose": {
        "input": {
            "required": {
                "how": [
                    "COMFY_DYNAMICCOMBO_V3",
                    {
                        "options": [
                            {"key": "sides", "inputs": {"required": {"width": ["INT", {}], "height": ["INT", {}]}}},
                            {"key": "whole", "inputs": {"required": {}}},
                        ]
                    },
                ],
                "last": ["STRING", {"default": "as the editor fills it in"}],
            }
        }
    },
}


def slot(name, kind, link=None, widget=False):
    return {"name": name, "type": kind, "link": link, **({"widget": {"name": name}} if widget else {})}


def inner(kind, *nested):
    """A subgraph that passes its model through one node, whose amount is on its border."""
    return {
        "id": kind,
        "inputs": [{"name": "model"}, {"name": "strength"}],
        "outputs": [{"name": "model"}],
        "nodes": [
            {
                "id": 5,
                "type": nested[0] if nested else "Change",
                "inputs": [
                    slot("model", "MODEL", 1),
                    slot("strength" if nested else "amount", "FLOAT", 2, widget=True),
                ],
                "widgets_values": [] if nested else [0.5],
            }
        ],
        "links": [
            {"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 5, "target_slot": 0, "type": "MODEL"},
            {"id": 2, "origin_id": -10, "origin_slot": 1, "target_id": 5, "target_slot": 1, "type": "FLOAT"},
            {"id": 3, "origin_id": 5, "origin_slot": 0, "target_id": -20, "target_slot": 0, "type": "MODEL"},
        ],
    }


def workflow(kind="inner", *definitions, **instance):
    """Load -> an instance of a subgraph -> Sample."""
    return {
        "nodes": [
            {"id": 1, "type": "Load", "widgets_values": ["a"]},
            {
                "id": 2,
                "type": kind,
                "inputs": [slot("model", "MODEL", 1)],
                "outputs": [{"name": "model", "type": "MODEL"}],
                **instance,
            },
            {"id": 3, "type": "Sample", "inputs": [slot("model", "MODEL", 2)], "widgets_values": [20]},
        ],
        "links": [[1, 1, 0, 2, 0, "MODEL"], [2, 2, 0, 3, 0, "MODEL"]],
        "definitions": {"subgraphs": list(definitions) or [inner("inner")]},
    }


def test_inner_nodes_stand_where_their_subgraph_stood():
    prompt = to_prompt(workflow(), INFO)
    assert set(prompt) == {"1", "2:5", "3"}
    assert prompt["2:5"]["inputs"] == {"model": ["1", 0], "amount": 0.5}
    assert prompt["3"]["inputs"]["model"] == ["2:5", 0]


def test_a_workflow_without_subgraphs_is_left_alone():
    plain = workflow()
    del plain["definitions"]
    assert flatten(plain) is plain


@pytest.mark.parametrize(
    "shown",
    [{"properties": {"proxyWidgets": [["-1", "strength"]]}}, {"properties": {"proxyWidgets": [["5", "amount"]]}}, {}],
    ids=["border", "inner widget", "in the definition's order"],
)
def test_a_value_on_an_instance_goes_before_the_definitions(shown):
    prompt = to_prompt(workflow(widgets_values=[0.25], **shown), INFO)
    assert prompt["2:5"]["inputs"]["amount"] == 0.25


def test_two_instances_keep_their_own_values():
    one = workflow(widgets_values=[0.25])
    other = copy.deepcopy(one["nodes"][1])
    other.update(id=4, widgets_values=[0.75])
    one["nodes"].append(other)
    prompt = to_prompt(one, INFO)
    assert (prompt["2:5"]["inputs"]["amount"], prompt["4:5"]["inputs"]["amount"]) == (0.25, 0.75)


def test_a_subgraph_in_a_subgraph_takes_values_and_links_through_both_borders():
    prompt = to_prompt(workflow("outer", inner("outer", "inner"), inner("inner"), widgets_values=[0.25]), INFO)
    assert set(prompt) == {"1", "2:5:5", "3"}
    assert prompt["2:5:5"]["inputs"] == {"model": ["1", 0], "amount": 0.25}
    assert prompt["3"]["inputs"]["model"] == ["2:5:5", 0]


@pytest.mark.parametrize("outer, kept, value", [("inner", [], 0.5), ("inner", [0.25], 0.25), ("outer", [0.25], 0.25)])
def test_an_input_without_a_widget_gets_the_value_of_the_widget_on_the_same_border_input(outer, kept, value):
    """As the editor does: a preview beside a sampler whose steps are on the border, say."""
    subgraph = inner("inner")
    subgraph["nodes"].append({"id": 6, "type": "Show", "inputs": [slot("source", "*", 4)], "widgets_values": []})
    subgraph["links"].append(
        {"id": 4, "origin_id": -10, "origin_slot": 1, "target_id": 6, "target_slot": 0, "type": "*"}
    )
    around = [inner("outer", "inner")] if outer == "outer" else []
    info = {**INFO, "Show": {"input": {"required": {"source": ["*"]}}}}
    prompt = to_prompt(workflow(outer, *around, subgraph, widgets_values=kept), info)
    assert prompt["2:5:6" if around else "2:6"]["inputs"] == {"source": value}


def test_an_input_without_a_widget_on_an_outer_border_shares_the_inner_widgets_value():
    around = inner("outer", "inner")
    around["nodes"].append({"id": 6, "type": "Show", "inputs": [slot("source", "*", 4)], "widgets_values": []})
    around["links"].append({"id": 4, "origin_id": -10, "origin_slot": 1, "target_id": 6, "target_slot": 0, "type": "*"})
    info = {**INFO, "Show": {"input": {"required": {"source": ["*"]}}}}
    prompt = to_prompt(workflow("outer", around, inner("inner")), info)
    assert prompt["2:6"]["inputs"] == {"source": 0.5}


def test_a_bypassed_subgraph_passes_its_model_on():
    prompt = to_prompt(workflow(mode=BYPASSED), INFO)
    assert set(prompt) == {"1", "3"} and prompt["3"]["inputs"]["model"] == ["1", 0]


def test_a_subgraph_that_holds_itself_is_refused():
    with pytest.raises(SubgraphError, match="contains itself"):
        flatten(workflow("inner", inner("inner", "inner")))


@pytest.mark.parametrize(
    ("saved", "sent"),
    [
        (["sides", 8, 6, "x"], {"how": "sides", "how.width": 8, "how.height": 6, "last": "x"}),
        (["whole", "x"], {"how": "whole", "last": "x"}),
        (["whole"], {"how": "whole", "last": "as the editor fills it in"}),
    ],
)
def test_a_dynamic_combo_brings_its_own_widgets_and_what_is_missing_has_its_default(saved, sent):
    prompt = to_prompt({"nodes": [{"id": 1, "type": "Choose", "widgets_values": saved}], "links": []}, INFO)
    assert prompt["1"]["inputs"] == sent
