"""The plan gets into the node that used it, in the workflow that was queued, in no other, and stays there."""

import json

import pytest

APPLY, SAMPLER = 8, 9


def plan_id(text: str) -> str:
    return json.loads(text)["id"]


@pytest.fixture
def opened(editor, workflow):
    node_of(workflow, APPLY)["widgets_values"][0] = "D1"
    # A seed that is drawn with each run is a change of the workflow, too.
    node_of(workflow, SAMPLER)["widgets_values"][1] = "fixed"
    return editor.open(workflow)


def node_of(workflow: dict, number: int) -> dict:
    return next(node for node in workflow["nodes"] if node["id"] == number)


def undo(editor) -> None:
    editor.run("await manager.workflow.activeWorkflow.changeTracker.undo()")


def redo(editor) -> None:
    editor.run("await manager.workflow.activeWorkflow.changeTracker.redo()")


def test_a_plan_is_embedded_in_the_node_that_reports_it_as_one_step(editor, queue, opened, plans):
    assert editor.plan_text() == "" and editor.state() == "none"
    depth = editor.undo_depth()
    editor.queue()
    queue.made(plans[0])
    assert editor.plan_text() == plans[0]
    assert editor.undo_depth() == depth + 1
    assert node_of(editor.save(), APPLY)["widgets_values"] == ["D1", plans[0], 0, False, False, "when needed"]


def test_the_same_plan_again_changes_nothing(editor, queue, opened, plans):
    editor.queue()
    queue.made(plans[0])
    depth, saved = editor.undo_depth(), editor.save()
    queue.made(plans[0])
    queue.report("in use", plan_id=plan_id(plans[0]))
    assert editor.undo_depth() == depth and editor.save() == saved


def test_undo_takes_the_plan_out_and_redo_puts_it_back_and_the_line_knows(editor, queue, opened, plans):
    editor.queue()
    queue.made(plans[0])
    assert editor.state() == "made"
    undo(editor)
    editor.wait_for_state("remembered", seconds=5)
    assert editor.plan_text() == "" and "ComfyUI still has it" in editor.status()
    redo(editor)
    editor.wait_for_state("made", seconds=5)
    assert editor.plan_text() == plans[0]


def test_what_the_user_was_changing_stays_a_step_of_its_own(editor, queue, opened, plans):
    editor.queue()
    depth = editor.undo_depth()
    editor.run("const node = graph.getNodeById(9); node.pos = [node.pos[0] + 40, node.pos[1]]")
    queue.made(plans[0])
    assert editor.undo_depth() == depth + 2
    undo(editor)
    assert editor.plan_text() == ""


def test_a_plan_for_another_tab_waits_until_that_tab_is_shown(editor, queue, opened, workflow, plans):
    first = opened
    editor.queue()
    second = editor.open(workflow)
    assert second != first
    queue.made(plans[0])
    assert editor.plan_text() == "", "the node of the same number in the other workflow got the plan"
    assert editor.state() == "none"
    editor.show(first)
    editor.wait_for_state("made", seconds=5)
    assert editor.plan_text() == plans[0]
    editor.show(second)
    editor.wait_for_state("none", seconds=5)
    assert editor.plan_text() == ""


def test_two_tabs_of_one_workflow_that_were_both_queued_get_their_own_plans(editor, queue, opened, workflow, plans):
    """Nothing tells the two apart but which tab was on screen: not even their ids differ."""
    first = opened
    editor.queue()
    second = editor.open(workflow)
    editor.queue()
    sent = [entry[3]["extra_pnginfo"]["workflow"]["id"] for entry in queue.entries[-2:]]
    assert sent[0] == sent[1]
    queue.made(plans[0], prompt=-2)
    assert editor.plan_text() == ""
    queue.made(plans[1])
    assert editor.plan_text() == plans[1]
    for path, text in ((first, plans[0]), (second, plans[1])):
        editor.show(path)
        editor.wait_for_state("made", seconds=5)
        assert editor.plan_text() == text


def test_a_plan_that_this_page_did_not_queue_is_left_alone(editor, queue, opened, workflow, plans):
    for extra in (
        {"extra_pnginfo": {"workflow": {**workflow, "id": "another"}}},
        {"extra_pnginfo": {"workflow": workflow}, "client_id": "somebody else"},
        {},
    ):
        queue.entries.append([99, f"foreign {len(queue.entries)}", {}, extra, []])
        queue.made(plans[0])
        assert editor.plan_text() == ""


def test_the_mark_of_what_was_queued_is_not_saved(editor, queue, opened):
    depth = editor.undo_depth()
    editor.queue()
    editor.settle()
    assert "ditfastattn_queued" in queue.entries[-1][3]["extra_pnginfo"]["workflow"]["extra"]
    assert "ditfastattn_queued" not in json.dumps(editor.save()) and editor.undo_depth() == depth
    editor.open(queue.entries[-1][3]["extra_pnginfo"]["workflow"])
    assert "ditfastattn_queued" not in json.dumps(editor.save())


def test_other_nodes_are_left_alone(editor, queue, opened, plans):
    other = editor.run(
        "const node = LiteGraph.createNode('DiTFastAttnApplyPlan'); graph.add(node); return Number(node.id)"
    )
    editor.queue()
    queue.made(plans[0])
    assert editor.plan_text(APPLY) == plans[0] and editor.plan_text(other) == ""
    assert editor.state(other) == "none"
    queue.made(plans[1], node="9")
    queue.made(plans[1], node="4711:3")
    assert editor.plan_text(APPLY) == plans[0]


@pytest.mark.parametrize("depth", [1, 2])
def test_a_node_inside_subgraphs_gets_its_plan_whatever_the_links(editor, queue, opened, plans, depth):
    path = editor.run(
        f"""
        let node = graph.getNodeById({APPLY}), path = []
        for (let i = 0; i < argument; i++) {{
          node = graph.convertToSubgraph(new Set([node])).node
          path.push(node.id)
        }}
        const walk = (node) => node.subgraph ? [node.id, ...walk(node.subgraph.nodes[0])] : [node.id]
        return walk(node).join(':')
        """,
        depth,
    )
    assert path.count(":") == depth
    editor.settle()
    editor.queue()
    assert path in queue.entries[-1][2]
    steps = editor.undo_depth()
    queue.made(plans[0], node=path)
    found = editor.run(
        "const walk = (node) => node.subgraph ? walk(node.subgraph.nodes[0]) : node;"
        "const apply = walk(graph.getNodeById(argument));"
        "return [apply.widgets.find((w) => w.name === 'plan').value, apply.widgets.at(-1).element.dataset.state]",
        path.split(":")[0],
    )
    assert found == [plans[0], "made"]
    assert editor.undo_depth() == steps + 1
    assert editor.prompt()[path]["inputs"]["plan"] == plans[0]


@pytest.mark.parametrize("state", ["watching", "refused", "cancelled", "off"])
def test_no_other_state_embeds(editor, queue, opened, plans, state):
    editor.queue()
    queue.report(state, plan=plans[0], plan_id=plan_id(plans[0]))
    assert editor.plan_text() == ""


def test_the_wish_for_a_new_calibration_is_taken_back_when_it_is_done(editor, queue, opened, plans):
    editor.set_plan(plans[0])
    editor.choose("calibrate", "again")
    editor.run("manager.workflow.activeWorkflow.changeTracker.captureCanvasState()")
    editor.queue()
    assert queue.entries[-1][2]["8"]["inputs"]["calibrate"] == "again"
    for state in ("watching", "cancelled"):
        queue.report(state)
        assert editor.value("calibrate") == "again"
    depth = editor.undo_depth()
    queue.made(plans[1])
    assert editor.value("calibrate") == "when needed" and editor.plan_text() == plans[1]
    assert editor.undo_depth() == depth + 1


def test_a_wish_that_was_made_during_a_run_stays(editor, queue, opened, plans):
    editor.queue()
    editor.choose("calibrate", "again")
    queue.made(plans[0])
    assert editor.value("calibrate") == "again" and editor.plan_text() == plans[0]


def test_the_plan_survives_saving_and_loading(editor, opened, plans):
    editor.set_plan(plans[0])
    saved = editor.save()
    editor.open(saved)
    assert editor.plan_text() == plans[0]
    editor.wait_for_state("ready", seconds=5)
    assert node_of(editor.save(), APPLY)["widgets_values"] == ["D1", plans[0], 0, False, False, "when needed"]


def test_the_plan_survives_copy_and_paste_of_the_node(editor, opened, plans):
    editor.set_plan(plans[0])
    copies = editor.run(
        f"const node = graph.getNodeById({APPLY}); app.canvas.selectItems([node]); app.canvas.copyToClipboard([node]);"
        "app.canvas.pasteFromClipboard(); const all = graph.nodes.filter((n) => n.type === node.type);"
        "return all.map((n) => n.widgets.find((w) => w.name === 'plan').value)"
    )
    assert copies == [plans[0], plans[0]]


def test_an_export_holds_the_plan_beside_the_link(editor, opened, plans):
    """The server asks for what is linked only when this text does not fit."""
    editor.set_plan(plans[0])
    exported = editor.prompt()[str(APPLY)]["inputs"]
    assert exported["plan"] == plans[0] and exported["plan_in"] == ["7", 0]


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
            editor.wait_for_toast("too long for a compression plan")
    editor.set_plan(plans[0])
    editor.menu("Copy plan")
    editor.settle()
    assert editor.run("return navigator.clipboard.readText()") == plans[0]
    editor.menu("Remove embedded plan")
    assert editor.plan_text() == "" and editor.state() == "none"


def test_commands_that_keys_can_be_bound_to_do_the_same_with_the_selected_node(editor, opened, plans):
    run = "await manager.command.execute(argument)"
    editor.run("app.canvas.deselectAll()")
    editor.run(run, "DiTFastAttn.PastePlan")
    editor.wait_for_toast("Select an Apply Compression Plan node first")
    editor.run(f"app.canvas.selectItems([graph.getNodeById({APPLY})])")
    editor.run("await navigator.clipboard.writeText(argument)", plans[0])
    editor.run(run, "DiTFastAttn.PastePlan")
    editor.settle()
    assert editor.plan_text() == plans[0]
    editor.run("await navigator.clipboard.writeText('something else')")
    editor.run(run, "DiTFastAttn.CopyPlan")
    assert editor.run("return navigator.clipboard.readText()") == plans[0]
    editor.run(run, "DiTFastAttn.RemovePlan")
    assert editor.plan_text() == ""


def test_other_nodes_get_no_menu_items(editor, opened):
    items = editor.run(
        "return [1, 7, 9, 10].flatMap((id) => app.collectNodeMenuItems(graph.getNodeById(id)).map((i) => i?.content))"
    )
    assert not {"Copy plan", "Paste plan", "Remove embedded plan"} & set(items)
