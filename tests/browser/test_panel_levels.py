"""What the panel changes in the graph: one node, in the workflow that a run came from, as one undoable step."""

import pytest

from .panel import APPLY
from .run_samples import document

NOTES = [
    {"text": "Calibrated at CFG 4.5, sampled at CFG 7.", "key": None, "values": {}, "cure": "calibrate again"},
    {"text": "No cheaper way was faster here.", "key": None, "values": {}, "cure": "level off"},
    {"text": "Nothing can be done about this.", "key": None, "values": {}},
]


@pytest.fixture
def queued(editor, queue, feed, panel):
    """A run of a workflow that is on screen; returns its prompt's id."""
    feed.build()
    editor.queue()
    return queue.entries[-1][1]


def level(panel, name: str):
    return panel.part(".dfa-levels").get_by_role("button", name=name, exact=True)


def test_a_click_on_a_level_sets_it_on_the_node_as_one_step(editor, feed, panel, queued):
    feed.run(document(prompt=queued, node=str(APPLY)))
    panel.part(".dfa-curve.dfa-free").wait_for()
    depth = editor.undo_depth()
    level(panel, "D5").click()
    assert editor.value("level", APPLY) == "D5" and editor.undo_depth() == depth + 1
    assert level(panel, "D5").get_attribute("aria-pressed") == "true"
    assert panel.text(".dfa-detail").startswith("D5: attention 28 %, all work 51 %, error 0.21")
    level(panel, "Off").click()
    assert editor.value("level", APPLY) == "off" and editor.undo_depth() == depth + 2


def test_a_key_and_the_curve_set_a_level_too(editor, feed, panel, queued):
    feed.run(document(prompt=queued, node=str(APPLY)))
    panel.part(".dfa-curve.dfa-free").wait_for()
    level(panel, "D1").focus()
    editor.page.keyboard.press("Enter")
    assert editor.value("level", APPLY) == "D1"
    point = panel.part(".dfa-point").nth(3)
    point.scroll_into_view_if_needed()
    box = editor.place(point)
    editor.page.mouse.click(box["x"] + 4, box["y"] + 4)
    assert editor.value("level", APPLY) == "D4"


def test_a_level_that_is_set_on_the_node_is_shown(editor, feed, panel, queued):
    feed.run(document(prompt=queued, node=str(APPLY)))
    panel.part(".dfa-curve.dfa-free").wait_for()
    editor.choose("level", "D6", APPLY)
    panel.part(
        ".dfa-levels button[aria-pressed=true]",
    ).filter(has_text="D6").wait_for(timeout=5000)


def test_a_node_of_another_workflow_is_never_changed(editor, feed, panel, queued):
    """Another tab with a node of the same id."""
    feed.run(document(prompt=queued, node=str(APPLY)))
    panel.part(".dfa-curve.dfa-free").wait_for()
    first = editor.run("return manager.workflow.activeWorkflow.path")
    second = editor.open(editor.save())
    panel.wait(".dfa-hint", "open the workflow that this run came from")
    before = editor.value("level", APPLY)
    level(panel, "D6").click(force=True)
    assert editor.value("level", APPLY) == before != "D6"
    editor.show(first)
    panel.part(".dfa-curve.dfa-free").wait_for()
    level(panel, "D6").click()
    assert editor.value("level", APPLY) == "D6"
    editor.show(second)
    editor.settle()
    assert editor.value("level", APPLY) == before


def test_a_run_of_another_client_changes_nothing(editor, feed, panel, queued):
    feed.run(document(prompt="of somebody else", node=str(APPLY)))
    panel.wait(".dfa-hint", "open the workflow that this run came from")
    before = editor.value("level", APPLY)
    level(panel, "D6").click(force=True)
    assert editor.value("level", APPLY) == before


def test_a_node_in_a_subgraph_is_set(editor, queue, feed, panel):
    feed.build()
    outer = editor.run(
        "return graph.convertToSubgraph(new Set([argument, argument + 1].map((id) => graph.getNodeById(id)))).node.id",
        APPLY,
    )
    editor.queue()
    inner = next(key for key, one in queue.entries[-1][2].items() if one["class_type"] == "DiTFastAttnApplyPlan")
    assert inner.startswith(f"{outer}:")
    feed.run(document(prompt=queue.entries[-1][1], node=inner))
    panel.part(".dfa-curve.dfa-free").wait_for()
    level(panel, "D5").click()
    value = editor.run(
        "const node = graph.getNodeById(argument).subgraph.nodes.find((n) => n.type === 'DiTFastAttnApplyPlan');"
        "return node.widgets.find((w) => w.name === 'level').value",
        outer,
    )
    assert value == "D5"


def test_a_note_with_a_cure_has_a_button_that_cures(editor, feed, panel, queued, screenshot):
    feed.run(document(prompt=queued, node=str(APPLY), notes=NOTES))
    notes = panel.part(".dfa-notes li")
    assert notes.count() == 3 and "Notes (3)" in panel.section("Notes").inner_text()
    again = notes.nth(0).get_by_role("button", name="Calibrate again")
    again.wait_for()
    assert not notes.nth(2).get_by_role("button").is_visible()
    depth = editor.undo_depth()
    again.click()
    assert editor.value("calibrate", APPLY) == "again" and editor.undo_depth() == depth + 1
    assert "Set for the next run" in notes.nth(0).inner_text()
    notes.nth(1).get_by_role("button", name="Turn off").click()
    assert editor.value("level", APPLY) == "off"
    screenshot("panel_notes")
