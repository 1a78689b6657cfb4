"""The workflows that the pack ships, in the real editor: nothing covers anything, in either renderer."""

import json
from itertools import combinations

import pytest

from host.provision import ROOT
from host.workflow import FOLDER

FILES = [*sorted((ROOT / "example_workflows").glob("*.json")), FOLDER / "sd3_demo.json"]
BLUEPRINT = "KSampler + DiTFastAttn"
RENDERERS = {"classic": False, "nodes2": True}
# Where a node really is, in the graph's units: title and foot included.
PLACES = """
    const { scale, offset } = app.canvas.ds
    const canvas = app.canvas.canvas.getBoundingClientRect()
    return graph.nodes.map((node) => {
      const element = document.querySelector(`[data-node-id="${node.id}"]`)
      if (element) {
        const { left, top, width, height } = element.getBoundingClientRect()
        const x = (left - canvas.left) / scale - offset[0], y = (top - canvas.top) / scale - offset[1]
        return [node.title, x, y, width / scale, height / scale]
      }
      node.updateArea()
      const [x, y, width, height] = node.boundingRect
      const [least, high] = node.computeSize()
      return [node.title, x, y, Math.max(width, least), Math.max(height, high + LiteGraph.NODE_TITLE_HEIGHT)]
    })
"""
GROUPS = "return graph.groups.map((group) => [group.title, ...group.boundingRect])"
FIT = "app.canvas.ds.scale = 0.6; app.canvas.ds.offset = [100, 60]; app.canvas.setDirty(true, true)"


@pytest.fixture(params=RENDERERS)
def renderer(request, editor):
    editor.setting("Comfy.VueNodes.Enabled", RENDERERS[request.param])
    editor.settle(300)
    yield request.param
    editor.setting("Comfy.VueNodes.Enabled", False)


def meet(one, other) -> bool:
    (_, x, y, width, height), (_, x2, y2, width2, height2) = one, other
    return x < x2 + width2 and x2 < x + width and y < y2 + height2 and y2 < y + height


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_no_node_covers_another_and_each_is_inside_its_group(editor, renderer, file, screenshot):
    editor.open(json.loads(file.read_text("utf-8")))
    editor.run(FIT)
    editor.settle(900)
    places, groups = editor.run(PLACES), editor.run(GROUPS)
    assert [(one[0], other[0]) for one, other in combinations(places, 2) if meet(one, other)] == []
    assert [(one[0], other[0]) for one, other in combinations(groups, 2) if meet(one, other)] == []
    assert [name for name, *box in places if not any(holds(group, box) for _, *group in groups)] == []
    if screenshot.wanted:
        for theme in ("dark", "light"):
            editor.setting("Comfy.ColorPalette", theme)
            editor.settle(500)
            screenshot(f"example_{file.stem}_{renderer}_{theme}")
        editor.setting("Comfy.ColorPalette", "dark")


def holds(group, box) -> bool:
    return (
        group[0] <= box[0]
        and group[1] <= box[1]
        and box[0] + box[2] <= group[0] + group[2]
        and box[1] + box[3] <= group[1] + group[3]
    )


def test_the_blueprint_is_offered_and_makes_a_sampler_with_all_that_it_needs(editor, screenshot):
    listed = editor.run("return Object.values(await (await fetch('/global_subgraphs')).json())")
    assert [one["name"] for one in listed if one["info"]["node_pack"] == "custom_nodes.ditfastattn"] == [BLUEPRINT]
    found = json.loads((ROOT / "subgraphs" / f"{BLUEPRINT}.json").read_text("utf-8"))
    editor.open(found)
    editor.settle(500)
    (shown,) = editor.run("return graph.nodes.map((n) => [n.title, n.inputs.map((i) => i.name)])")
    assert shown[0] == BLUEPRINT and shown[1][:4] == ["model", "positive", "negative", "latent_image"]
    names = set(editor.run("return graph.nodes[0].widgets.map((w) => w.name)"))
    assert {"level", "seed", "steps", "cfg", "sampler_name", "scheduler", "denoise"} <= names
    prompt = editor.prompt()
    kinds = {one["class_type"]: node for node, one in prompt.items()}
    assert set(kinds) == {"DiTFastAttnApplyPlan", "KSampler", "DiTFastAttnStats"}
    assert prompt[kinds["KSampler"]]["inputs"]["model"] == [kinds["DiTFastAttnApplyPlan"], 0]
    screenshot("blueprint")


def test_the_demos_workflow_is_compressed_as_it_was_dropped(editor, renderer, screenshot):
    """The README's picture of the graph is this one."""
    editor.open(json.loads((FOLDER / "sd3_demo.json").read_text("utf-8")))
    editor.run("app.canvas.ds.scale = 0.58; app.canvas.ds.offset = [80, 120]; app.canvas.setDirty(true, true)")
    editor.choose("steps", 20 if screenshot.wanted else 6, 7)
    # A prompt that was run before would be served from the host's cache.
    editor.choose("seed", 2024 + RENDERERS[renderer], 7)
    assert editor.state(6) == "ready"
    editor.queue()
    editor.wait_for_state("inUse", 6, 120)
    editor.wait_until_idle()
    editor.settle(1500)
    screenshot(f"graph_{renderer}", clip={"x": 60, "y": 88, "width": 1490, "height": 440})
