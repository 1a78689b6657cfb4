"""What the node says of itself, in every state, is what is."""

import json
import time

import pytest

from ditfastattn.sentences import say, together

APPLY, SAMPLER = 8, 9
LEVELS = [
    {"name": name, "attention": attention, "model": 0.4 + attention / 2, "error": error}
    for name, attention, error in (("D1", 0.81, 0.02), ("D2", 0.64, 0.05), ("D3", 0.42, 0.1))
]
FIGURES = {"attention_flops_kept": 0.43, "model_flops_kept": 0.62, "predicted_error": 0.1}
DIFFERENCES = ["Calibrated at CFG 4.5, sampled at CFG 7.", "Calibrated with euler, sampled with dpmpp_2m."]
IN_FULL = say("The picture is made with full attention.")
REFUSAL = (
    "The plan was made for Flux with 57 attention layers, but the connected model is SD3.5 Medium with 24: choose "
    "'again' for a plan of this model, or connect the model that the plan was made for."
)
COLOR = f"getComputedStyle(graph.getNodeById({APPLY}).widgets.at(-1).element.children[2]).color"
THEMES = ("dark", "light")


def node_of(workflow: dict, number: int) -> dict:
    return next(node for node in workflow["nodes"] if node["id"] == number)


@pytest.fixture(scope="session")
def plan(plans):
    """A plan's text with the levels above. Its check sum is the server's business."""
    data = json.loads(plans[0])
    data["levels"] = [{**data["levels"][0], **level} for level in LEVELS]
    return json.dumps(data)


@pytest.fixture
def opened(editor, workflow):
    node_of(workflow, SAMPLER)["widgets_values"][1] = "fixed"
    # Beside the others, to be looked at.
    node_of(workflow, APPLY)["pos"] = [2000, 100]
    editor.open(workflow)
    editor.settle()


@pytest.fixture
def pictured(editor, opened, screenshot):
    """Save pictures of the node as it is, in both renderers and themes."""

    def take(name: str) -> None:
        if not screenshot.wanted:
            return
        editor.run("app.canvas.ds.scale = 1.5; app.canvas.ds.offset = [-1900, 20]; app.canvas.setDirty(true, true)")
        for renderer, vue in (("classic", False), ("nodes2", True)):
            editor.setting("Comfy.VueNodes.Enabled", vue)
            for theme in THEMES:
                editor.setting("Comfy.ColorPalette", theme)
                editor.settle(700)
                box = editor.run(
                    "const { pos, size } = graph.getNodeById(8), { offset, scale } = app.canvas.ds;"
                    "return [...[0, 1].map((i) => (pos[i] + offset[i]) * scale), ...[0, 1].map((i) => size[i] * scale)]"
                )
                area = {"x": box[0] - 15, "y": box[1] - 60, "width": box[2] + 30, "height": box[3] + 90}
                screenshot(f"line_{name}_{renderer}_{theme}", clip=area)
        editor.setting("Comfy.VueNodes.Enabled", False)
        editor.setting("Comfy.ColorPalette", "dark")

    return take


def embed(editor, text: str) -> None:
    editor.choose("plan", text)
    editor.settle(50)


def test_without_a_plan_the_next_run_is_watched_or_computed_in_full(editor, opened, pictured):
    assert editor.state() == "none" and "every run after it is compressed" in editor.status()
    pictured("none")
    editor.choose("calibrate", "never")
    editor.settle(50)
    assert editor.state() == "never" and "full attention" in editor.status()


def test_an_embedded_plan_is_ready_with_the_figures_of_the_level(editor, opened, plan, pictured):
    embed(editor, plan)
    assert editor.status() == (
        "●Plan ready · D3 | 42 % of attention · 61 % of all work · error 0.10 | "
        "Calibrated with euler, 28 steps, CFG 1, 64 × 64 tokens."
    )
    pictured("ready")
    editor.choose("level", "D1")
    editor.settle(50)
    assert "Plan ready · D1 | 81 % of attention" in editor.status() and "error 0.02" in editor.status()


def test_levels_are_listed_with_their_figures_and_stored_without(editor, opened, plan):
    embed(editor, plan)
    shown = editor.run(
        f"const level = graph.getNodeById({APPLY}).widgets.find((w) => w.name === 'level');"
        "return [level._displayValue, ...level.options.values.map((v) => level.options.getOptionLabel(v))]"
    )
    assert shown[:5] == [
        "D3 · 42 % of attention · error 0.10",
        "off",
        "D1 · 81 % of attention · error 0.02",
        "D2 · 64 % of attention · error 0.05",
        "D3 · 42 % of attention · error 0.10",
    ]
    assert shown[-1] == "custom"
    assert editor.value("level") == "D3" and editor.prompt()["8"]["inputs"]["level"] == "D3"
    assert node_of(editor.save(), APPLY)["widgets_values"][0] == "D3"


def test_the_vue_renderer_lists_levels_with_their_figures(editor, opened, plan, screenshot):
    try:
        editor.setting("Comfy.VueNodes.Enabled", True)
        editor.settle(500)
        node = editor.page.locator(f"[data-node-id='{APPLY}']")
        level = node.get_by_role("combobox", name="level")
        assert level.inner_text() == "D3"
        embed(editor, plan)
        editor.settle()
        assert level.inner_text() == "D3 · 42 % of attention · error 0.10"
        level.focus()
        editor.page.keyboard.press("Enter")
        options = editor.page.get_by_role("option")
        options.first.wait_for()
        assert "D2 · 64 % of attention · error 0.05" in options.all_inner_texts()
        screenshot("line_levels_nodes2")
        options.nth(2).click()
        editor.settle()
        assert editor.value("level") == "D2" and "Plan ready · D2" in editor.status()
    finally:
        editor.page.keyboard.press("Escape")
        editor.setting("Comfy.VueNodes.Enabled", False)


def test_a_level_that_the_plan_lacks_is_said_in_red(editor, opened, plan):
    embed(editor, plan)
    editor.choose("level", "custom")
    editor.settle(50)
    assert editor.state() == "noLevel" and "Choose one of D1, D2, D3." in editor.status()


def test_a_text_that_is_no_plan_is_said_in_red(editor, opened, pictured):
    embed(editor, "{")
    assert editor.state() == "damaged"
    pictured("damaged")


def test_off_is_said_at_once_and_the_plan_stays(editor, opened, plan, pictured):
    embed(editor, plan)
    editor.choose("level", "off")
    editor.settle(50)
    assert editor.state() == "offKept" and "full attention" in editor.status() and "stays" in editor.status()
    pictured("off")
    assert editor.plan_text() == plan


def test_bypass_is_said(editor, opened, plan):
    embed(editor, plan)
    editor.run(f"graph.getNodeById({APPLY}).mode = 4")
    editor.wait_for_state("skipped", seconds=5)
    editor.run(f"graph.getNodeById({APPLY}).mode = 0")
    editor.wait_for_state("ready", seconds=5)


def test_a_run_is_watched_while_it_lasts(editor, queue, opened, pictured):
    editor.queue()
    queue.begin()
    queue.report("watching", level="D3")
    assert editor.state() == "watching" and "Watching this run" in editor.status()
    pictured("watching")
    queue.end("execution_error")
    editor.settle(50)
    assert editor.state() == "next"


def test_a_cancelled_run_leaves_nothing_and_says_so(editor, queue, opened, pictured):
    editor.queue()
    queue.begin()
    queue.report("watching", level="D3")
    said = "The run did not finish, so nothing was measured and nothing is kept. The next run is watched."
    queue.report("cancelled", level="D3", sentence=said)
    queue.end("execution_interrupted")
    assert editor.state() == "cancelled" and said in editor.status() and editor.plan_text() == ""
    pictured("cancelled")


def test_a_plan_that_was_made_says_what_the_next_run_will_be(editor, queue, opened, plan, pictured):
    editor.queue()
    queue.made(plan, level="D3")
    assert editor.state() == "made"
    assert "Plan made · D3 from the next run | 42 % of attention · 61 % of all work · error 0.10" in editor.status()
    pictured("made")
    editor.choose("level", "D2")
    editor.settle(50)
    assert "Plan ready · D2 | 64 % of attention" in editor.status(), "the report is of another level"


def test_a_compressed_run_says_what_it_kept(editor, queue, opened, plan, pictured):
    embed(editor, plan)
    editor.queue()
    queue.report("in use", level="D3", plan_id=json.loads(plan)["id"], figures=FIGURES)
    assert "In use · D3 | 43 % of attention · 62 % of all work · error 0.10" in editor.status()
    pictured("in_use")


def test_a_plan_that_is_taken_out_is_followed_only_if_the_node_made_it(editor, queue, opened, plan):
    used = {"level": "D3", "plan_id": json.loads(plan)["id"], "figures": FIGURES}
    embed(editor, plan)
    editor.queue()
    queue.report("in use", **used)
    embed(editor, "")
    assert editor.state() == "none"
    editor.queue()
    queue.made(plan, level="D3")
    queue.report("in use", **used)
    assert editor.state() == "inUse"
    embed(editor, "")
    assert editor.state() == "remembered"


def test_differences_stand_where_the_error_is_predicted(editor, queue, opened, plan, pictured):
    embed(editor, plan)
    editor.queue()
    queue.report("in use", level="D3", plan_id=json.loads(plan)["id"], figures=FIGURES, differences=DIFFERENCES)
    assert f"error 0.10 | {' | '.join(DIFFERENCES)}" in editor.status() and editor.status().startswith("≠")
    pictured("differences")


def test_nothing_to_save_says_why(editor, queue, opened, plan, pictured):
    part = "Attention is {part} of the work at this size, and leaving out steps costs more than it brings."
    why = together(
        say("Nothing to save."), say(part, part="9 %"), say("For a larger picture, set calibrate to 'again'.")
    )
    editor.queue()
    queue.report("nothing to save", level="D3", sentence=why, plan=plan, plan_id=json.loads(plan)["id"])
    assert "Nothing to save | Attention is 9 % of the work" in editor.status()
    pictured("nothing")


def test_a_refused_plan_is_red_and_says_what_to_do_until_something_is_done(editor, queue, opened, plan, pictured):
    embed(editor, plan)
    usual = editor.run(f"return {COLOR}")
    editor.queue()
    queue.report("refused", level="D3", sentence=together(REFUSAL, IN_FULL))
    assert editor.state() == "refused"
    assert editor.status() == f"!Not compressed: full attention | {REFUSAL}"
    assert editor.run(f"return {COLOR}") != usual
    pictured("refused")
    editor.choose("calibrate", "again")
    editor.settle(50)
    assert editor.state() == "again"


@pytest.mark.parametrize("language", ["zh", "zh-TW", "ja", "ko"])
def test_what_the_server_says_stands_on_the_node_in_the_editors_language(editor, queue, opened, plan, language):
    why = "Attention is {part} of the work at this size, and leaving out steps costs more than it brings."
    note = "The picture is made with full attention."
    look_up = (
        "const { serverSentence } = await import('/extensions/ditfastattn/strings.js');"
        "return argument[1].map((key) => serverSentence(argument[0], { text: key, key, values: { part: '9 %' } }))"
    )
    translated = editor.run(look_up, [language, [why, note]])
    assert not {why.replace("{part}", "9 %"), note} & set(translated)
    identity = json.loads(plan)["id"]
    editor.setting("Comfy.Locale", language)
    try:
        editor.settle(500)  # the editor draws its nodes anew for another language
        embed(editor, plan)
        editor.queue()
        told = together(say("Nothing to save."), say(why, part="9 %"))
        queue.report("nothing to save", level="D3", sentence=told, plan_id=identity)
        editor.wait_for_state("nothing", seconds=10)
        ends_with(editor, f" | {translated[0]}")
        queue.report("in use", level="D3", plan_id=identity, figures=FIGURES, notes=[say(note)])
        editor.wait_for_state("inUse", seconds=10)
        ends_with(editor, f" | {translated[1]}")
    finally:
        editor.setting("Comfy.Locale", "en")


def ends_with(editor, text: str) -> None:
    """The node's line does, as soon as the language that was chosen is there."""
    until = time.monotonic() + 10
    while not editor.status().endswith(text):
        assert time.monotonic() < until, editor.status()
        time.sleep(0.05)


def test_a_text_longer_than_its_place_can_be_scrolled_by_keys(editor, queue, opened):
    editor.queue()
    queue.report("refused", level="D3", sentence=REFUSAL * 3)
    notes = "graph.getNodeById(8).widgets.at(-1).element.children[2]"
    assert editor.run(f"const notes = {notes}; notes.focus(); return document.activeElement === notes")
    editor.page.keyboard.press("End")
    editor.page.wait_for_function(f"() => {{ const graph = window.app.rootGraph; return {notes}.scrollTop > 0 }}")


def test_the_node_keeps_its_size_whatever_it_says(editor, queue, opened, plan):
    size = f"return [...graph.getNodeById({APPLY}).size]"
    before = editor.run(size)
    editor.queue()
    for state in ("watching", "refused", "in use"):
        queue.report(state, level="D3", sentence=REFUSAL)
        assert editor.run(size) == before


def test_a_dropped_api_file_with_a_plan_says_so_at_once(editor, queue, opened, plan):
    embed(editor, plan)
    exported = editor.prompt()
    editor.run(
        "const file = new File([JSON.stringify(argument)], 'api.json', { type: 'application/json' });"
        "await app.handleFile(file)",
        exported,
    )
    editor.wait_for_state("ready", seconds=5)
    assert editor.plan_text() == plan and "Plan ready · D3 | 42 % of attention" in editor.status()


def test_a_workflow_with_a_plan_that_is_opened_elsewhere_says_so_at_once(editor, queue, opened, plan):
    embed(editor, plan)
    saved = editor.save()
    editor.run("await manager.command.execute('Comfy.NewBlankWorkflow')")
    editor.open(saved)
    editor.wait_for_state("ready", seconds=5)
    editor.queue()
    assert queue.entries[-1][2]["8"]["inputs"]["plan"] == plan
