"""Plans as files: a library in the user's folder on the server, and files of the user's computer."""

import json

import pytest

APPLY = 8
FOLDER = "ditfastattn"


@pytest.fixture
def opened(editor, workflow):
    node = next(node for node in workflow["nodes"] if node["id"] == APPLY)
    node["widgets_values"][0] = "D1"
    path = editor.open(workflow)
    yield path
    for entry in stored(editor):
        editor.run("await window.comfyAPI.api.api.deleteUserData(argument)", f"{FOLDER}/{entry}")


def stored(editor) -> list[str]:
    """The files of the library, as the server has them."""
    found = editor.run("return await window.comfyAPI.api.api.listUserDataFullInfo(argument)", FOLDER)
    return sorted(entry["path"] for entry in found)


def put(editor, name: str, text: str) -> None:
    """Put a file into the library without the pack."""
    editor.run(
        "await window.comfyAPI.api.api.storeUserData(argument[0], argument[1], { overwrite: true })",
        [f"{FOLDER}/{name}", text],
    )


def kept(editor, name: str) -> str:
    return editor.run("return (await window.comfyAPI.api.api.getUserData(argument)).text()", f"{FOLDER}/{name}")


def start(editor, command: str) -> None:
    """Run a command on the node without waiting for its end."""
    editor.run(f"app.canvas.selectItems([graph.getNodeById({APPLY})])")
    editor.run("manager.command.execute(argument)", command)


def menu(editor, label: str) -> None:
    """Choose an item of the node's menu without waiting for its end."""
    editor.run(
        "const item = app.collectNodeMenuItems(graph.getNodeById(argument[0])).find((i) => i?.content === argument[1]);"
        "if (item.disabled) throw new Error('disabled'); item.callback()",
        [APPLY, label],
    )


def answer(editor, text: str) -> None:
    """Fill in the front end's own question."""
    field = editor.page.get_by_role("dialog").get_by_role("textbox")
    field.fill(text)
    field.press("Enter")


def library(editor):
    found = editor.page.get_by_test_id("ditfastattn-library")
    found.wait_for(timeout=5_000)
    return found


def row(editor, name: str):
    return library(editor).locator(f'li[data-name="{name}"]')


def undo(editor) -> None:
    editor.run("await manager.workflow.activeWorkflow.changeTracker.undo()")


def test_a_plan_is_saved_and_loaded_again_as_one_step_that_can_be_undone(editor, opened, plans, screenshot):
    editor.set_plan(plans[0])
    menu(editor, "Save plan to library")
    editor.page.get_by_role("dialog").get_by_role("textbox").wait_for()
    proposed = editor.page.get_by_role("dialog").get_by_role("textbox").input_value()
    assert json.loads(plans[0])["id"] in proposed
    answer(editor, "My plan")
    editor.wait_for_toast('Plan saved as "My plan"')
    assert stored(editor) == ["My plan.json"] and kept(editor, "My plan.json") == plans[0]
    editor.set_plan(plans[1])
    editor.run("manager.workflow.activeWorkflow.changeTracker.captureCanvasState()")
    depth = editor.undo_depth()
    menu(editor, "Load plan from library")
    row(editor, "My plan").get_by_role("button", name="Load").click()
    editor.settle()
    assert editor.plan_text() == plans[0] and editor.undo_depth() == depth + 1
    assert editor.page.get_by_test_id("ditfastattn-library").count() == 0
    undo(editor)
    assert editor.plan_text() == plans[1]


def test_loading_leaves_what_the_user_was_changing_a_step_of_its_own(editor, opened, plans):
    put(editor, "a.json", plans[0])
    depth = editor.undo_depth()
    editor.run("const node = graph.getNodeById(9); node.pos = [node.pos[0] + 40, node.pos[1]]")
    menu(editor, "Load plan from library")
    row(editor, "a").get_by_role("button", name="Load").click()
    editor.settle()
    assert editor.undo_depth() == depth + 2


def test_the_list_says_what_each_plan_is_and_refuses_what_is_none(editor, opened, plans, screenshot):
    put(editor, "one.json", plans[0])
    put(editor, "broken.json", '{"schema": "something else"}')
    put(editor, "note.txt", "no plan")
    menu(editor, "Load plan from library")
    plan = json.loads(plans[0])
    wanted = f"{plan['model']['family']} · D1 · {plan['measured']['sampler']}, {plan['measured']['steps']} steps"
    row(editor, "one").get_by_text(wanted).wait_for(timeout=5_000)
    assert plan["id"] in row(editor, "one").inner_text()
    row(editor, "broken").get_by_text("not a compression plan").wait_for(timeout=5_000)
    assert row(editor, "broken").get_by_role("button", name="Load").is_disabled()
    assert library(editor).locator("li").count() == 2
    assert "after its first run" in library(editor).inner_text()
    library(editor).get_by_role("button", name="Close").click()
    assert editor.plan_text() == ""


def test_the_list_says_which_plans_are_for_the_model_of_the_last_run(editor, queue, opened, plans, screenshot):
    model = json.loads(plans[0])["model"]
    other = {**json.loads(plans[1]), "model": {**model, "fingerprint": "0" * len(model["fingerprint"])}}
    put(editor, "ours.json", plans[0])
    put(editor, "theirs.json", json.dumps(other))
    editor.queue()
    queue.report("refused", model=model["fingerprint"])
    menu(editor, "Load plan from library")
    row(editor, "ours").get_by_text("✓ for the model of the last run").wait_for(timeout=5_000)
    row(editor, "theirs").get_by_text("≠ for another model").wait_for(timeout=5_000)
    for theme in ("dark", "light"):
        editor.setting("Comfy.ColorPalette", theme)
        editor.settle(400)
        screenshot(f"library_{theme}")
    editor.setting("Comfy.ColorPalette", "dark")
    library(editor).press("Escape")
    editor.settle()
    assert editor.page.get_by_test_id("ditfastattn-library").count() == 0 and editor.plan_text() == ""


def test_plans_are_renamed_and_deleted_in_the_list(editor, opened, plans, screenshot):
    put(editor, "old.json", plans[0])
    put(editor, "other.json", plans[1])
    menu(editor, "Load plan from library")
    row(editor, "old").get_by_role("button", name="Rename").click()
    field = library(editor).get_by_role("textbox", name="New name")
    field.fill("other")
    field.press("Enter")
    library(editor).get_by_text('There is a plan called "other" already').wait_for(timeout=5_000)
    field.fill("new/name?")
    screenshot("library_rename")
    field.press("Enter")
    row(editor, "new_name_").wait_for(timeout=5_000)
    assert stored(editor) == ["new_name_.json", "other.json"] and kept(editor, "new_name_.json") == plans[0]
    row(editor, "other").get_by_role("button", name="Delete").click()
    screenshot("library_delete")
    row(editor, "other").get_by_role("button", name="Keep").click()
    assert len(stored(editor)) == 2
    row(editor, "other").get_by_role("button", name="Delete").click()
    row(editor, "other").get_by_role("button", name="Delete for good").click()
    row(editor, "other").wait_for(state="detached", timeout=5_000)
    assert stored(editor) == ["new_name_.json"]
    library(editor).press("Escape")


def test_keys_in_the_list_do_not_reach_the_editor(editor, opened, plans):
    put(editor, "a.json", plans[0])
    editor.run(f"app.canvas.selectItems([graph.getNodeById({APPLY})])")
    menu(editor, "Load plan from library")
    row(editor, "a").get_by_role("button", name="Rename").focus()
    editor.page.keyboard.press("Delete")
    library(editor).press("Escape")
    assert editor.run(f"return Boolean(graph.getNodeById({APPLY}))")


def test_a_name_that_is_taken_is_replaced_only_when_the_user_says_so(editor, opened, plans):
    put(editor, "mine.json", plans[1])
    editor.set_plan(plans[0])
    for choice, expected in (("Cancel", plans[1]), ("Overwrite", plans[0])):
        menu(editor, "Save plan to library")
        answer(editor, "mine")
        editor.page.get_by_text('There is a plan called "mine" already. Replace it?').wait_for(timeout=5_000)
        editor.page.get_by_role("button", name=choice).click()
        editor.settle(600)
        assert kept(editor, "mine.json") == expected and stored(editor) == ["mine.json"]


@pytest.mark.parametrize(
    ("asked", "file"),
    [
        ("../../outside", "outside.json"),
        ("a/b\\c:d*e", "a_b_c_d_e.json"),
        ("name.json", "name.json"),
        ("CON", "CON_.json"),
        ("方案 1", "方案 1.json"),
        ("x" * 200, "x" * 80 + ".json"),
        ("../..", None),
    ],
)
def test_names_are_made_fit_for_files(editor, opened, plans, asked, file):
    editor.set_plan(plans[0])
    menu(editor, "Save plan to library")
    answer(editor, asked)
    editor.wait_for_toast(f'Plan saved as "{file[:-5]}"' if file else "no letter or digit")
    assert stored(editor) == ([file] if file else [])


def test_an_empty_library_says_what_to_do(editor, opened, screenshot):
    menu(editor, "Load plan from library")
    library(editor).get_by_text("No plan is saved yet").wait_for(timeout=5_000)
    screenshot("library_empty")
    library(editor).get_by_role("button", name="Close").click()


def test_a_plan_file_is_downloaded_and_opened_again_byte_for_byte(editor, opened, plans, tmp_path):
    editor.set_plan(plans[0])
    with editor.page.expect_download() as found:
        menu(editor, "Download plan file")
    path = tmp_path / found.value.suggested_filename
    found.value.save_as(path)
    assert path.suffix == ".json" and path.read_text("utf-8") == plans[0]
    editor.set_plan("")
    editor.run("manager.workflow.activeWorkflow.changeTracker.captureCanvasState()")
    depth = editor.undo_depth()
    with editor.page.expect_file_chooser() as chooser:
        menu(editor, "Open plan file")
    chooser.value.set_files(path)
    editor.settle()
    assert editor.plan_text() == plans[0] and editor.undo_depth() == depth + 1
    undo(editor)
    assert editor.plan_text() == ""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"something else", "not a compression plan"),
        (b'{"schema": "ditfastattn.calibration/1"}', "not a compression plan"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "not a compression plan"),
        (b"", "not a compression plan"),
        (b'{"schema": "ditfastattn.plan/2"' + b" " * (160 * 1024) + b"}", "too long for a compression plan"),
    ],
    ids=["text", "another schema", "picture", "empty", "too long"],
)
def test_a_file_that_is_no_plan_is_one_sentence_and_changes_nothing(editor, opened, plans, tmp_path, content, says):
    editor.set_plan(plans[0])
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with editor.page.expect_file_chooser() as chooser:
        start(editor, "DiTFastAttn.OpenPlan")
    chooser.value.set_files(path)
    editor.wait_for_toast(says)
    assert editor.plan_text() == plans[0]


def test_commands_do_the_same_with_the_selected_node_and_have_no_keys(editor, opened, plans):
    start(editor, "DiTFastAttn.SavePlan")
    editor.wait_for_toast("There is no plan in this node yet")
    editor.set_plan(plans[0])
    start(editor, "DiTFastAttn.SavePlan")
    answer(editor, "by command")
    editor.wait_for_toast('Plan saved as "by command"')
    editor.set_plan("")
    start(editor, "DiTFastAttn.LoadPlan")
    row(editor, "by command").get_by_role("button", name="Load").click()
    editor.settle()
    assert editor.plan_text() == plans[0]
    labels = editor.run(
        "const ours = manager.command.commands.filter((c) => c.id.startsWith('DiTFastAttn.'));"
        "return ours.map((c) => [c.id, typeof c.label === 'function' ? c.label() : c.label, c.keybinding ?? null])"
    )
    assert {"DiTFastAttn.SavePlan", "DiTFastAttn.LoadPlan", "DiTFastAttn.DownloadPlan", "DiTFastAttn.OpenPlan"} <= {
        identity for identity, _, _ in labels
    }
    assert all(label and key is None for _, label, key in labels)


def test_a_library_that_cannot_be_reached_is_one_sentence(editor, opened, plans):
    editor.page.route("**/userdata?dir=ditfastattn*", lambda route: route.fulfill(status=500))
    try:
        menu(editor, "Load plan from library")
        library(editor).get_by_text("The library could not be used").wait_for(timeout=5_000)
    finally:
        editor.page.unroute("**/userdata?dir=ditfastattn*")
    library(editor).get_by_role("button", name="Close").click()
