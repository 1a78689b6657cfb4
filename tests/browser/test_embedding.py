"""The plan gets into the workflow that was calibrated, into no other, and stays there."""

import json

import pytest

APPLY, CALIBRATE = 8, 7


def plan_id(text: str) -> str:
    return json.loads(text)["id"]


@pytest.fixture
def opened(editor, workflow):
    return editor.open(workflow)


def node_of(workflow: dict, number: int) -> dict:
    return next(node for node in workflow["nodes"] if node["id"] == number)


def test_a_result_is_embedded_in_the_linked_node_of_its_workflow(editor, queue, opened, plans):
    assert editor.plan_text() == "" and "by link" in editor.status()
    depth = editor.undo_depth()
    editor.queue()
    queue.report(plans[0])
    assert editor.plan_text() == plans[0]
    assert plan_id(plans[0]) in editor.status() and "share" in editor.status()
    assert editor.undo_depth() >= depth + 1
    saved = node_of(editor.save(), APPLY)
    assert saved["widgets_values"] == ["D3", plans[0], 0, False, False]


def test_the_same_result_again_changes_nothing(editor, queue, opened, plans):
    editor.queue()
    queue.report(plans[0])
    depth = editor.undo_depth()
    queue.report(plans[0])
    assert editor.undo_depth() == depth


def test_undo_takes_the_plan_out_again(editor, queue, opened, plans):
    editor.queue()
    queue.report(plans[0])
    editor.run("await manager.workflow.activeWorkflow.changeTracker.undo()")
    assert editor.plan_text() == ""


def test_a_result_of_another_tab_waits_until_that_tab_is_shown(editor, queue, opened, workflow, plans):
    first = opened
    editor.queue()
    second = editor.open(workflow)
    assert second != first
    queue.report(plans[0])
    assert editor.plan_text() == "", "the node of the same number in the other workflow got the plan"
    editor.show(first)
    editor.settle(500)
    assert editor.plan_text() == plans[0]
    editor.show(second)
    editor.settle(500)
    assert editor.plan_text() == ""


def test_two_tabs_that_were_both_queued_get_their_own_plans(editor, queue, opened, workflow, plans):
    first = opened
    editor.queue()
    node_of(workflow, CALIBRATE)["widgets_values"][2] = 12
    second = editor.open(workflow)
    editor.queue()
    queue.report(plans[0], prompt=-2)
    assert editor.plan_text() == ""
    queue.report(plans[1])
    assert editor.plan_text() == plans[1]
    editor.show(first)
    editor.settle(500)
    assert editor.plan_text() == plans[0]
    editor.show(second)
    editor.settle(500)
    assert editor.plan_text() == plans[1]


def test_a_result_that_this_page_did_not_queue_is_left_alone(editor, queue, opened, workflow, plans):
    foreign = {**workflow, "id": "another"}
    queue.entries.append([99, "foreign", {}, {"extra_pnginfo": {"workflow": foreign}}, []])
    queue.report(plans[0])
    assert editor.plan_text() == ""
    queue.entries.append([99, "without a workflow", {}, {}, []])
    queue.report(plans[0])
    assert editor.plan_text() == ""


def test_only_the_linked_node_gets_the_plan(editor, queue, workflow, plans):
    editor.open(workflow)
    other = editor.run(
        "const node = LiteGraph.createNode('DiTFastAttnApplyPlan'); graph.add(node); return Number(node.id)"
    )
    editor.queue()
    queue.report(plans[0])
    assert editor.plan_text(APPLY) == plans[0] and editor.plan_text(other) == ""
    assert editor.status(other) == "No plan yet"


def test_changes_made_while_calibrating_do_not_lose_the_plan(editor, queue, opened, plans):
    editor.queue()
    editor.run("const node = graph.getNodeById(9); node.pos = [node.pos[0] + 40, node.pos[1]]")
    queue.report(plans[0])
    assert editor.plan_text() == plans[0]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": "other/1"}', "x" * 300_000])
def test_what_is_no_plan_is_not_embedded(editor, queue, opened, text):
    editor.queue()
    queue.report(text)
    assert editor.plan_text() == ""


def test_a_calibrate_node_inside_a_subgraph_reaches_its_neighbour(editor, queue, workflow, plans):
    editor.open(workflow)
    number = editor.run(
        f"const items = new Set([graph.getNodeById({CALIBRATE}), graph.getNodeById({APPLY})]);"
        "const { node } = graph.convertToSubgraph(items); return String(node.id)"
    )
    editor.settle()
    inner = editor.run(
        "const inside = graph.getNodeById(argument).subgraph.nodes; "
        "return String(inside.find((n) => n.type === 'DiTFastAttnCalibrate').id)",
        number,
    )
    editor.queue()
    queue.report(plans[0], node=f"{number}:{inner}")
    found = editor.run(
        "return graph.getNodeById(argument).subgraph.nodes.find((n) => n.type === 'DiTFastAttnApplyPlan')"
        ".widgets.find((w) => w.name === 'plan').value",
        number,
    )
    assert found == plans[0]


def test_the_plan_survives_saving_and_loading(editor, opened, plans):
    editor.set_plan(plans[0])
    saved = editor.save()
    editor.open(saved)
    assert editor.plan_text() == plans[0]
    editor.settle(100)
    assert plan_id(plans[0]) in editor.status()
    assert node_of(editor.save(), APPLY)["widgets_values"] == ["D3", plans[0], 0, False, False]


def test_the_plan_survives_copy_and_paste_of_the_node(editor, opened, plans):
    editor.set_plan(plans[0])
    copies = editor.run(
        f"const node = graph.getNodeById({APPLY}); app.canvas.selectItems([node]); app.canvas.copyToClipboard([node]);"
        "app.canvas.pasteFromClipboard(); const all = graph.nodes.filter((n) => n.type === node.type);"
        "return all.map((n) => n.widgets.find((w) => w.name === 'plan').value)"
    )
    assert copies == [plans[0], plans[0]]


def test_an_export_holds_the_plan_unless_calibrate_delivers_it(editor, opened, plans):
    """With a live link the text would only change the node's cache key, and the picture would be sampled again."""
    editor.set_plan(plans[0])
    exported = editor.prompt()[str(APPLY)]["inputs"]
    assert exported["plan"] == "" and exported["plan_in"] == [str(CALIBRATE), 0]
    for mode in (2, 4):
        editor.run("graph.getNodeById(argument[0]).mode = argument[1]", [CALIBRATE, mode])
        exported = editor.prompt()[str(APPLY)]["inputs"]
        assert exported["plan"] == plans[0] and "plan_in" not in exported
    editor.run("graph.remove(graph.getNodeById(argument))", CALIBRATE)
    exported = editor.prompt()[str(APPLY)]["inputs"]
    assert exported["plan"] == plans[0] and "plan_in" not in exported
    editor.settle(100)
    assert editor.status() == f"Plan {plan_id(plans[0])} embedded"


def test_the_menu_copies_pastes_and_removes(editor, opened, plans):
    assert editor.menu("Copy plan") == "disabled" and editor.menu("Remove embedded plan") == "disabled"
    editor.run("await navigator.clipboard.writeText(argument)", f"  {plans[0]}\n")
    depth = editor.undo_depth()
    editor.menu("Paste plan")
    editor.settle()
    assert editor.plan_text() == plans[0] and editor.undo_depth() == depth + 1
    editor.run("await navigator.clipboard.writeText('something else')")
    editor.menu("Paste plan")
    editor.settle()
    assert editor.plan_text() == plans[0]
    for length, kept in ((160 * 1024 + 1, False), (160 * 1024, True)):
        long_text = plans[1][:-1] + " " * (length - len(plans[1])) + "}"
        editor.run("await navigator.clipboard.writeText(argument)", long_text)
        editor.menu("Paste plan")
        editor.settle()
        assert editor.plan_text() == (long_text if kept else plans[0])
        if not kept:
            editor.page.get_by_text("too long for a compression plan").wait_for(timeout=5_000)
    editor.set_plan(plans[0])
    editor.menu("Copy plan")
    editor.settle()
    assert editor.run("return navigator.clipboard.readText()") == plans[0]
    editor.menu("Remove embedded plan")
    assert editor.plan_text() == "" and "by link" in editor.status()


def test_other_nodes_get_no_menu_items(editor, opened):
    items = editor.run(
        "return [1, 7, 9, 10].flatMap((id) => app.collectNodeMenuItems(graph.getNodeById(id)).map((i) => i?.content))"
    )
    assert not {"Copy plan", "Paste plan", "Remove embedded plan"} & set(items)
