"""One node between loader and sampler in the real editor and host: it watches, keeps its plan, and says so."""

import io
import itertools
import json
import urllib.request
import uuid

import pytest

SAMPLER, SAVE = 3, 5
BUILD = """
    await manager.command.execute('Comfy.NewBlankWorkflow')
    const add = (id, type, x, y, values = {}) => {
      const node = LiteGraph.createNode(type)
      node.id = id
      node.pos = [x, y]
      graph.add(node)
      for (const [name, value] of Object.entries(values)) node.widgets.find((w) => w.name === name).value = value
      return node
    }
    const link = (from, slot, to, name) => from.connect(slot, to, to.findInputSlot(name))
    const tiny = add(1, 'DiTFastAttnTestTinyModel', 40, 120, { family: argument.family })
    const apply = add(argument.apply, 'DiTFastAttnApplyPlan', 340, 120, { level: argument.level })
    const sampling = { steps: argument.steps, cfg: 4, sampler_name: 'euler', scheduler: 'simple' }
    const sampler = add(3, 'KSampler', 780, 120, { ...sampling, seed: 1, control_after_generate: 'fixed' })
    const decode = add(4, 'DiTFastAttnTestPicture', 1120, 120)
    const picture = add(5, 'SaveImage', 1120, 240, { filename_prefix: argument.prefix })
    link(tiny, 0, apply, 'model')
    link(apply, 0, sampler, 'model')
    link(tiny, 1, sampler, 'positive')
    link(tiny, 2, sampler, 'negative')
    link(tiny, 3, sampler, 'latent_image')
    link(sampler, 0, decode, 'samples')
    link(decode, 0, picture, 'images')
    app.canvas.ds.scale = 1
    app.canvas.ds.offset = [60, 0]
    app.canvas.setDirty(true, true)
    manager.workflow.activeWorkflow.changeTracker.captureCanvasState()
"""


def get(server, path: str):
    with urllib.request.urlopen(server.url + path, timeout=30) as answer:
        return answer.read()


_numbers = itertools.count(100)


def build(editor, family="sd3", level="D6", steps=6) -> int:
    """Returns the id of the node, which no other test's has: plans are kept, and results cached, by it."""
    number = next(_numbers)
    values = {"apply": number, "level": level, "family": family, "steps": steps, "prefix": uuid.uuid4().hex}
    editor.run(BUILD, values)
    return number


def reports(server) -> list[dict]:
    """What the node said in the newest prompt, from the host's history."""
    (entry,) = json.loads(get(server, "/history?max_items=1")).values()
    (output,) = [one for one in entry["outputs"].values() if "ditfastattn_apply" in one]
    return [one for one in output["ditfastattn_apply"][0]["reports"] if one["prompt"] == entry["prompt"][1]]


def picture(server) -> str:
    """The address of the picture that the newest prompt saved."""
    (entry,) = json.loads(get(server, "/history?max_items=1")).values()
    (image,) = entry["outputs"][str(SAVE)]["images"]
    return "/view?" + "&".join(f"{key}={image[key]}" for key in ("filename", "subfolder", "type"))


def states(server) -> list[str]:
    return [one["state"] for one in reports(server)]


@pytest.fixture(scope="module", autouse=True)
def needs_tiny_nodes(server):
    if "DiTFastAttnTestTinyModel" not in json.loads(get(server, "/object_info")):
        pytest.skip("the server's Python lacks pytest, which the test model needs")


def test_the_first_run_is_watched_and_every_other_is_compressed_and_does_not_calibrate_again(
    server, editor, screenshot
):
    node = build(editor)
    assert editor.state(node) == "none"
    editor.queue()
    editor.wait_for_state("made", node)
    editor.wait_until_idle()
    assert states(server) == ["watching", "made"]
    made = json.loads(editor.plan_text(node))["id"]
    screenshot("one_node_made")
    another_seed = "graph.getNodeById(3).widgets.find((w) => w.name === 'seed').value = 2"
    another_prompt = "graph.getNodeById(1).connect(2, graph.getNodeById(3), 1)"
    for change in (another_seed, another_prompt):
        editor.run(change)
        editor.queue()
        editor.wait_for_state("inUse", node)
        editor.wait_until_idle()
        assert states(server) == ["in use"]
    assert json.loads(editor.plan_text(node))["id"] == made
    assert reports(server)[0]["plan_id"] == made
    screenshot("one_node_in_use")


def test_the_picture_of_the_first_run_carries_the_plan_into_a_fresh_editor(browser, server, editor):
    from .editor import Editor

    node = build(editor)
    editor.queue()
    editor.wait_for_state("made", node)
    editor.wait_until_idle()
    query = picture(server)
    text = editor.plan_text(node)
    context = browser.new_context(viewport={"width": 1680, "height": 950})
    try:
        other = Editor(context.new_page(), server.url)
        other.run(
            "const picture = await (await fetch(argument)).blob();"
            "await app.handleFile(new File([picture], 'first.png', { type: 'image/png' }))",
            query,
        )
        other.wait_for_state("ready", node, 10)
        assert other.plan_text(node) == text and "Plan ready · D6" in other.status(node)
        other.choose("seed", 7, SAMPLER)
        other.queue()
        other.wait_for_state("inUse", node)
        other.wait_until_idle()
        assert states(server) == ["in use"] and not other.errors
    finally:
        context.close()


def test_a_node_inside_a_subgraph_keeps_its_plan_and_its_picture_carries_it(server, editor, screenshot):
    node = build(editor)
    outer = editor.run(
        "const items = [argument, 3].map((id) => graph.getNodeById(id));"
        "return graph.convertToSubgraph(new Set(items)).node.id",
        node,
    )
    inner = (
        "window.app.rootGraph.getNodeById(" + json.dumps(outer) + ")"
        ".subgraph.nodes.find((n) => n.type === 'DiTFastAttnApplyPlan').widgets"
    )
    editor.queue()
    editor.page.wait_for_function(f"() => {inner}.at(-1).element.dataset.state === 'made'", timeout=60_000)
    editor.wait_until_idle()
    text = editor.run(f"return {inner}.find((w) => w.name === 'plan').value")
    image = pytest.importorskip("PIL.Image").open(io.BytesIO(get(server, picture(server))))
    (definition,) = json.loads(image.text["workflow"])["definitions"]["subgraphs"]
    (saved,) = [one for one in definition["nodes"] if one["type"] == "DiTFastAttnApplyPlan"]
    assert saved["widgets_values"][1] == text
    # The host has made the seed an input of the subgraph, as it does.
    editor.choose("seed", 5, outer)
    editor.queue()
    editor.page.wait_for_function(f"() => {inner}.at(-1).element.dataset.state === 'inUse'", timeout=60_000)
    editor.wait_until_idle()
    assert states(server) == ["in use"]


def test_a_plan_of_another_model_is_refused_in_red_when_none_may_be_made(server, editor, screenshot):
    node = build(editor)
    editor.queue()
    editor.wait_for_state("made", node)
    editor.wait_until_idle()
    editor.choose("family", "flux", 1)
    editor.choose("calibrate", "never", node)
    editor.queue()
    editor.wait_for_state("refused", node)
    editor.wait_until_idle()
    assert states(server) == ["refused"]
    screenshot("one_node_refused")


def test_a_model_that_is_not_covered_is_named_and_the_picture_is_made(server, editor, screenshot):
    node = build(editor, family="sd15")
    editor.queue()
    editor.wait_for_state("refused", node)
    editor.wait_until_idle()
    (entry,) = json.loads(get(server, "/history?max_items=1")).values()
    assert entry["status"]["status_str"] == "success" and str(SAVE) in entry["outputs"]
    screenshot("one_node_not_covered")


def test_off_neither_calibrates_nor_compresses(server, editor):
    node = build(editor, level="off")
    editor.queue()
    editor.settle(500)
    editor.wait_until_idle()
    assert states(server) == ["off"] and editor.state(node) == "off" and editor.plan_text(node) == ""


def test_a_new_calibration_is_made_once_when_it_is_asked_for(server, editor):
    node = build(editor)
    editor.queue()
    editor.wait_for_state("made", node)
    editor.wait_until_idle()
    editor.choose("calibrate", "again", node)
    editor.choose("seed", 11, SAMPLER)
    editor.settle(50)
    assert editor.state(node) == "again"
    first = editor.plan_text(node)
    editor.queue()
    editor.wait_for_state("made", node)
    editor.wait_until_idle()
    assert editor.value("calibrate", node) == "when needed" and editor.plan_text(node) != first
    editor.choose("seed", 12, SAMPLER)
    editor.queue()
    editor.wait_for_state("inUse", node)
    editor.wait_until_idle()
    assert states(server) == ["in use"]


def test_a_cancelled_run_leaves_nothing_and_the_next_is_watched(server, editor):
    node = build(editor, steps=200)
    editor.queue()
    editor.wait_for_state("watching", node)
    editor.run("await window.comfyAPI.api.api.interrupt()")
    editor.wait_for_state("cancelled", node)
    editor.wait_until_idle()
    assert editor.plan_text(node) == ""
    editor.choose("steps", 6, SAMPLER)
    editor.queue()
    editor.wait_for_state("made", node)
    editor.wait_until_idle()
    assert states(server) == ["made"]


def test_a_plan_that_is_made_while_another_workflow_is_shown_waits_for_its_own(server, editor):
    node = build(editor, steps=60)
    first = editor.run("return manager.workflow.activeWorkflow.path")
    saved = editor.save()
    editor.queue()
    editor.wait_for_state("watching", node)
    second = editor.open(saved)
    assert editor.state(node) == "none"
    editor.wait_until_idle()
    editor.settle(500)
    assert editor.plan_text(node) == "" and editor.state(node) == "none"
    editor.show(first)
    editor.wait_for_state("made", node, 10)
    assert editor.plan_text(node)
    editor.show(second)
    editor.wait_for_state("none", node, 10)


def test_a_page_that_is_reloaded_in_mid_run_says_so_and_gets_the_plan(server, editor, screenshot):
    node = build(editor, steps=150)
    editor.settle(1000)  # until the front end has kept a draft of it
    editor.queue()
    editor.wait_for_state("watching", node)
    editor.page.reload()
    editor.wait_until_ready()
    editor.wait_for_state("busy", node)
    screenshot("one_node_reloaded")
    editor.wait_for_state("made", node)
    editor.wait_until_idle()
    assert editor.plan_text(node) and states(server) == ["watching", "made"]
