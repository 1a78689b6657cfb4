"""DiTFastAttn A/B in the real editor and host: both pictures under a slider, their difference, and the figures."""

import itertools
import json
import urllib.request

import pytest

AB = 3
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
    const tiny = add(1, 'DiTFastAttnTestTinyModel', 40, 120, { batch: argument.batch ?? 1 })
    const apply = add(argument.apply, 'DiTFastAttnApplyPlan', 340, 120, { level: argument.level ?? 'D6' })
    const sampling = { steps: argument.steps ?? 6, cfg: 4, sampler_name: 'euler', scheduler: 'simple' }
    link(tiny, 0, apply, 'model')
    for (const [number, seed] of argument.seeds.entries()) {
      const ab = add(3 + number, 'DiTFastAttnCompare', 780 + 460 * number, 60, { ...sampling, seed })
      link(apply, 0, ab, 'model')
      link(tiny, 1, ab, 'positive')
      link(tiny, 2, ab, 'negative')
      link(tiny, 3, ab, 'latent_image')
      link(tiny, 4, ab, 'vae')
    }
    app.canvas.ds.scale = 1
    app.canvas.ds.offset = [-200, 20]
    app.canvas.setDirty(true, true)
    manager.workflow.activeWorkflow.changeTracker.captureCanvasState()
"""
VIEW = "graph.getNodeById(argument).widgets.find((w) => w.name === 'ditfastattn_compare').element"
_seeds = itertools.count(1)


def get(server, path: str):
    with urllib.request.urlopen(server.url + path, timeout=30) as answer:
        return json.loads(answer.read())


@pytest.fixture(scope="module", autouse=True)
def needs_tiny_nodes(server):
    if "DiTFastAttnTestTinyModel" not in get(server, "/object_info"):
        pytest.skip("the server's Python lacks pytest, which the test model needs")


def build(editor, count=1, **values):
    """A workflow with so many A/B nodes on one model, each with a seed that no other test has. Returns the id of the
    Apply node, which no other test's has: plans are kept by it.
    """
    number = 100 + next(_seeds)
    editor.run(BUILD, {**values, "apply": number, "seeds": [next(_seeds) for _ in range(count)]})
    return number


def wait_for(editor, state, node=AB, seconds=60):
    """Until a node shows a state, and its pictures have come."""
    shows = f"(argument) => {{ const graph = window.app.rootGraph; const view = {VIEW};"
    ready = "[...view.querySelectorAll('img')].every((i) => i.complete && i.naturalWidth)"
    editor.page.wait_for_function(
        f"{shows} return view.dataset.state === '{state}' && {ready} }}", arg=node, timeout=1000 * seconds
    )


def run(editor, state="compared", node=AB):
    editor.queue()
    wait_for(editor, state, node)
    editor.wait_until_idle()


def output(server, node=str(AB)):
    """What the server has on record of the newest prompt."""
    (entry,) = get(server, "/history?max_items=1").values()
    assert entry["status"]["status_str"] == "success"
    return entry["outputs"][node]["ditfastattn_compare"][0]


def view(editor):
    return editor.page.get_by_test_id("ditfastattn-compare").filter(visible=True).first


@pytest.fixture
def compared(editor):
    """A node with two pictures."""
    build(editor)
    run(editor)
    return view(editor)


def test_the_node_says_what_it_is_for_until_it_has_run(editor, screenshot):
    build(editor)
    editor.settle()
    assert editor.run(f"return {VIEW}.dataset.state", AB) == "empty"
    assert "Run the workflow" in view(editor).inner_text()
    screenshot("compare_empty")


def test_the_figures_are_those_of_the_server(server, editor, compared, screenshot):
    found, text = output(server), compared.inner_text()
    assert f"About {found['faster']:.1f} times as fast" in text and "run again for better ones" in text
    assert f"PSNR {found['psnr_db']:.1f} dB · SSIM {found['ssim']:.3f}" in text
    assert f"{found['seconds']['full']:.2f} s in full, {found['seconds']['plan']:.2f} s with the plan" in text
    assert f"latent error {found['latent_error']:.3f}, predicted {found['predicted_error']:.3f}" in text
    screenshot("compare_figures")
    editor.choose("seed", next(_seeds), AB)
    editor.queue()
    editor.page.wait_for_function(
        "(before) => !document.querySelector('[data-testid=ditfastattn-compare]')?.innerText.includes(before)",
        arg="About",
        timeout=60_000,
    )
    editor.wait_until_idle()
    assert f"{output(server)['faster']:.2f} times as fast" in compared.inner_text()


def test_the_pictures_are_the_servers_and_the_plans_lies_over_the_full_one(server, editor, compared):
    (pair,) = output(server)["pairs"]
    shown = editor.run(f"return [...{VIEW}.querySelectorAll('img')].map((i) => i.src)", AB)
    assert [pair[name]["filename"] in source for name, source in zip(("dense", "compressed"), shown, strict=True)] == [
        True,
        True,
    ]
    assert compared.locator("img").nth(1).evaluate("(e) => e.style.clipPath") == "inset(0px 0px 0px 50%)"


def test_the_slider_follows_the_pointer(editor, compared):
    slider, frame = compared.get_by_role("slider"), editor.place(compared.locator("img").first)
    before = editor.run("return [...graph.getNodeById(3).pos]")
    across = lambda part: (frame["x"] + part * frame["width"], frame["y"] + frame["height"] / 2)  # noqa: E731
    editor.page.mouse.move(*across(0.5))
    editor.page.mouse.down()
    editor.page.mouse.move(*across(0.3), steps=4)
    assert slider.get_attribute("aria-valuenow") == "30"
    assert "30%" in compared.locator("img").nth(1).evaluate("(e) => e.style.clipPath")
    editor.page.mouse.move(frame["x"] - 80, frame["y"] + 5, steps=4)
    assert slider.get_attribute("aria-valuenow") == "0", "the pointer has left the picture to the left"
    editor.page.mouse.up()
    editor.page.mouse.move(*across(0.8), steps=2)
    assert slider.get_attribute("aria-valuenow") == "0", "the button is up"
    assert editor.run("return [...graph.getNodeById(3).pos]") == before


def test_the_slider_follows_the_keys_and_says_where_it_is(editor, compared):
    slider = compared.get_by_role("slider", name="Where the picture with full attention ends")
    assert (slider.get_attribute("aria-valuemin"), slider.get_attribute("aria-valuemax")) == ("0", "100")
    before = editor.run("return [...graph.getNodeById(3).pos]")
    editor.run("app.canvas.selectItems([graph.getNodeById(3)])")
    slider.focus()
    for key, value in (
        ("ArrowLeft", 49), ("ArrowDown", 48), ("ArrowRight", 49), ("Shift+ArrowRight", 59), ("PageDown", 49),
        ("End", 100), ("ArrowRight", 100), ("Home", 0), ("ArrowLeft", 0), ("PageUp", 10),
    ):  # fmt: skip
        slider.press(key)
        assert slider.get_attribute("aria-valuenow") == str(value), key
        assert slider.get_attribute("aria-valuetext") == f"{value} % full attention"
    assert editor.run("return [...graph.getNodeById(3).pos]") == before, "the keys have moved the node"


def test_the_difference_is_shown_and_says_by_how_much_it_is_amplified(server, editor, compared, screenshot):
    times = output(server)["amplify"]
    button = compared.get_by_role("button", name=f"Difference ×{times}")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    assert button.get_attribute("aria-pressed") == "true" and compared.get_by_role("slider").count() == 0
    stack = compared.get_by_test_id("ditfastattn-difference")
    assert stack.evaluate("(e) => getComputedStyle(e).filter") == f"brightness({times})"
    assert stack.locator("img").nth(1).evaluate("(e) => getComputedStyle(e).mixBlendMode") == "difference"
    screenshot("compare_difference")
    button.click()
    assert compared.get_by_role("slider").count() == 1


def test_pictures_of_a_batch_are_turned_over(server, editor):
    build(editor, batch=3)
    run(editor)
    shown = view(editor)
    sources = []
    for number in (1, 2, 3):
        assert f"{number} of 3" in shown.inner_text()
        sources.append(shown.locator("img").first.get_attribute("src"))
        shown.get_by_role("button", name="Next picture").click()
    assert len(set(sources)) == 3 and "1 of 3" in shown.inner_text()
    shown.get_by_role("button", name="Previous picture").click()
    assert "3 of 3" in shown.inner_text()


def test_where_nothing_is_followed_one_picture_and_the_reason_are_shown(editor, screenshot):
    build(editor, level="off")
    run(editor, "nothing")
    shown = view(editor)
    assert "Nothing to compare" in shown.inner_text() and "times as fast" not in shown.inner_text()
    assert shown.locator("img").count() == 1 and shown.get_by_role("slider").count() == 0
    screenshot("compare_nothing")


def test_two_nodes_in_one_graph_show_their_own_and_one_in_a_subgraph_too(server, editor):
    build(editor, 2)
    outer = editor.run("return graph.convertToSubgraph(new Set([graph.getNodeById(4)])).node.id")
    inner = (
        f"window.app.rootGraph.getNodeById({json.dumps(outer)})"
        ".subgraph.nodes.find((n) => n.type === 'DiTFastAttnCompare')"
        ".widgets.find((w) => w.name === 'ditfastattn_compare').element"
    )
    run(editor)
    editor.page.wait_for_function(f"() => {inner}.dataset.state === 'compared'", timeout=60_000)
    (entry,) = get(server, "/history?max_items=1").values()
    results = {
        node: found["ditfastattn_compare"][0]
        for node, found in entry["outputs"].items()
        if "ditfastattn_compare" in found
    }
    assert len(results) == 2 and len({found["seed"] for found in results.values()}) == 2
    for node, found in results.items():
        element = inner if ":" in node else VIEW.replace("argument", "3")
        source = editor.run(f"return {element}.querySelector('img').src")
        assert found["pairs"][0]["dense"]["filename"] in source


def test_pictures_stay_over_a_switch_of_tabs_and_do_not_get_into_another_workflow(editor):
    build(editor)
    first = editor.run("return manager.workflow.activeWorkflow.path")
    saved = editor.save()
    editor.queue()
    second = editor.open({**saved, "id": "11111111-2222-4333-8444-555555555555"})
    editor.wait_until_idle()
    editor.settle(800)
    assert editor.run(f"return {VIEW}.dataset.state", AB) == "empty"
    editor.show(first)
    wait_for(editor, "compared", seconds=10)
    editor.show(second)
    wait_for(editor, "empty", seconds=10)


def test_pictures_come_back_when_the_page_is_reloaded(editor, screenshot):
    build(editor)
    editor.settle(1000)  # until the front end has kept a draft of it
    run(editor)
    editor.settle(1000)
    text = view(editor).inner_text()
    editor.page.reload()
    editor.wait_until_ready()
    wait_for(editor, "compared", seconds=20)
    assert view(editor).inner_text() == text


def test_previews_that_are_gone_are_one_sentence(editor, compared):
    editor.page.route("**/view?*", lambda route: route.fulfill(status=404))
    try:
        compared.get_by_role("button", name="Difference").click()
        compared.get_by_text("ComfyUI empties its previews").wait_for(timeout=5_000)
    finally:
        editor.page.unroute("**/view?*")


def test_cancel_leaves_the_node_as_it_was(editor):
    apply = build(editor, steps=1000)  # so that none is over before the page has said to stop
    editor.queue()
    editor.wait_for_state("watching", apply)
    editor.run("await window.comfyAPI.api.api.interrupt()")
    editor.wait_for_state("cancelled", apply)
    editor.wait_until_idle()
    assert editor.run(f"return {VIEW}.dataset.state", AB) == "empty" and editor.plan_text(apply) == ""


def test_values_keep_their_places_beside_the_view(editor, compared):
    saved = next(node for node in editor.save()["nodes"] if node["id"] == AB)
    assert saved["widgets_values"][1:] == ["fixed", 6, 4, "euler", "simple", 1]


@pytest.mark.parametrize("vue", [False, True], ids=["classic", "nodes2"])
def test_it_works_in_both_renderers_and_themes(editor, compared, screenshot, vue):
    try:
        editor.setting("Comfy.VueNodes.Enabled", vue)
        editor.settle(1200)
        shown = view(editor)
        for theme in ("dark", "light"):
            editor.setting("Comfy.ColorPalette", theme)
            editor.settle(600)
            screenshot(f"compare_{'nodes2' if vue else 'classic'}_{theme}")
        box = editor.place(shown.locator("img").first)
        assert box["width"] > 200 and box["height"] > 100
        slider = shown.get_by_role("slider")
        editor.page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + box["height"] / 2)
        assert abs(int(slider.get_attribute("aria-valuenow")) - 25) <= 1
        slider.press("ArrowLeft")
        assert abs(int(slider.get_attribute("aria-valuenow")) - 24) <= 1
    finally:
        editor.setting("Comfy.VueNodes.Enabled", False)
        editor.setting("Comfy.ColorPalette", "dark")
