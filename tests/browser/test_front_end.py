"""What a user sees of the pack in the real front end."""

import json
import urllib.request
from pathlib import Path

import pytest

from .editor import PACK_PATH

ROOT = Path(__file__).resolve().parents[2]
NODES = (
    *("DiTFastAttnCalibrate", "DiTFastAttnApplyPlan", "DiTFastAttnStats", "DiTFastAttnCompare"),
    *("DiTFastAttnLoadModel", "DiTFastAttnImageNetClass", "DiTFastAttnOpenSora", "DiTFastAttnLoadVAE"),
    "DiTFastAttnFrames",
)
RENDERERS = {"classic": False, "nodes2": True}


def get(server, path: str) -> bytes:
    with urllib.request.urlopen(server.url + path, timeout=30) as answer:
        return answer.read()


@pytest.fixture(scope="module")
def schemas(server):
    info = json.loads(get(server, "/object_info"))
    return {name: info[name] for name in NODES}


@pytest.fixture
def texts(schemas, name, language):
    """A node's texts in a language: English ones stand in the schema, others in a locale file."""
    if language == "en":
        return texts_of(schemas[name])
    return json.loads((ROOT / "locales" / language / "nodeDefs.json").read_text("utf-8"))[name]


def texts_of(schema: dict) -> dict:
    """The name that is shown of the node and of every input."""
    given = {**schema["input"].get("required", {}), **schema["input"].get("optional", {})}
    options = {name: spec[1] if len(spec) > 1 else {} for name, spec in given.items()}
    inputs = {name: {"name": entry.get("display_name") or name} for name, entry in options.items()}
    return {"display_name": schema["display_name"], "inputs": inputs}


def test_the_nodes_load(editor):
    for name in NODES:
        assert editor.run(
            "const node = LiteGraph.createNode(argument); return Boolean(node?.comfyClass === argument)", name
        )


def test_each_script_is_loaded_once_from_the_packs_own_folder(editor):
    loaded = editor.run("return performance.getEntriesByType('resource').map((e) => new URL(e.name).pathname)")
    ours = sorted(path for path in loaded if "ditfastattn" in path and path.endswith(".js"))
    web = ROOT / "web"
    assert ours == sorted(PACK_PATH + path.relative_to(web).as_posix() for path in web.rglob("*.js"))


def test_without_a_locale_file_the_editor_shows_the_schemas_texts(editor, schemas):
    """The host's front end falls back to the schema, so English needs no file that repeats it."""
    for name, schema in schemas.items():
        shown = editor.run(
            """
            const node = LiteGraph.createNode(argument), data = node.constructor.nodeData
            const named = (list) => Object.fromEntries((list ?? []).map((i) => [i.name, i.label ?? i.localized_name]))
            const tooltips = Object.fromEntries(Object.entries(data.inputs).map(([name, i]) => [name, i.tooltip]))
            const inputs = { ...named(node.inputs), ...named(node.widgets) }
            const { title, outputs } = node, { description } = data
            return { title, description, inputs, tooltips, outputs: named(outputs) }
            """,
            name,
        )
        assert shown["title"] == schema["display_name"] and shown["description"] == schema["description"]
        texts = texts_of(schema)["inputs"]
        assert {key: shown["inputs"][key] for key in texts} == {key: entry["name"] for key, entry in texts.items()}
        given = {**schema["input"].get("required", {}), **schema["input"].get("optional", {})}
        assert shown["tooltips"] == {key: spec[1]["tooltip"] for key, spec in given.items()}
        assert list(shown["outputs"].values()) == schema["output_name"]


@pytest.mark.parametrize("language", ["en", "zh", "zh-TW", "ja", "ko"])
@pytest.mark.parametrize("name", NODES)
def test_help_pages_are_served_and_name_every_input(server, texts, name, language):
    page = get(server, f"{PACK_PATH}docs/{name}{'' if language == 'en' else f'/{language}'}.md").decode()
    assert page.startswith(f"# {texts['display_name']}\n")
    for entry in texts["inputs"].values():
        assert f"`{entry['name']}`" in page


def test_the_help_button_shows_the_page(editor, workflow, screenshot):
    editor.open(workflow)
    editor.run("app.canvas.selectItems([graph.getNodeById(8)])")
    editor.page.get_by_test_id("info-button").click()
    help_page = editor.page.locator(".node-help-content")
    help_page.get_by_text("Where the plan comes from").wait_for(timeout=10_000)
    assert help_page.locator("table").count() >= 2
    screenshot("help")


def test_the_editor_speaks_chinese(editor, workflow, screenshot):
    try:
        editor.setting("Comfy.Locale", "zh")
        editor.page.reload()
        editor.wait_until_ready()
        editor.open(workflow)
        editor.settle(500)
        assert editor.run("return LiteGraph.createNode('DiTFastAttnApplyPlan').title") == "应用压缩方案"
        assert editor.status().startswith("○尚无方案 | 下一次运行会被观测")
        items = editor.run("return app.collectNodeMenuItems(graph.getNodeById(8)).map((i) => i?.content)")
        assert {"复制方案", "粘贴方案", "移除嵌入的方案"} <= set(items)
        screenshot("chinese")
        editor.run("app.canvas.selectItems([graph.getNodeById(8)])")
        editor.page.get_by_test_id("info-button").click()
        editor.page.locator(".node-help-content").get_by_text("方案从哪里来").wait_for(timeout=10_000)
        screenshot("chinese_help")
    finally:
        editor.setting("Comfy.Locale", "en")
        editor.page.reload()
        editor.wait_until_ready()


def test_the_example_opens_with_nothing_of_ours_missing(editor, workflow):
    editor.open(workflow)
    found = editor.run(
        "const known = (n) => Boolean(n.constructor.nodeData) || !n.type.startsWith('DiTFastAttn');"
        "return graph.nodes.map((n) => [Number(n.id), n.type, known(n)])"
    )
    assert [[node["id"], node["type"]] for node in workflow["nodes"]] == sorted(
        [number, kind] for number, kind, _ in found
    )
    assert all(known for _, _, known in found)
    saved = editor.save()
    assert sorted(link[:5] for link in saved["links"]) == sorted(link[:5] for link in workflow["links"])
    prompt = editor.prompt()
    assert prompt["8"]["inputs"]["plan_in"] == ["7", 0]
    assert set(prompt["8"]["inputs"]) == {
        "model",
        "level",
        "plan",
        "plan_in",
        "max_cache_mb",
        "strict",
        "guard",
        "calibrate",
    }


def test_saved_values_keep_their_places(editor, workflow):
    """The status line is a widget that is not saved: it must not push the saved ones aside."""
    editor.open(workflow)

    def values(saved: dict) -> dict:
        return {node["id"]: node.get("widgets_values") or [] for node in saved["nodes"] if node["type"] in NODES}

    assert values(editor.save()) == values(workflow)


def test_the_plan_is_hidden_and_the_status_is_shown_in_both_renderers(editor, workflow, plans, screenshot):
    editor.open(workflow)
    editor.set_plan(plans[0])
    editor.open(editor.save())
    try:
        for renderer, vue in RENDERERS.items():
            editor.setting("Comfy.VueNodes.Enabled", vue)
            editor.settle(1200)
            status = editor.page.get_by_test_id("ditfastattn-status").filter(visible=True)
            assert status.count() == 1 and "level D3" in status.inner_text()
            assert "ditfastattn.plan/" not in editor.page.inner_text("body")
            for theme in ("dark", "light"):
                editor.setting("Comfy.ColorPalette", theme)
                editor.settle(600)
                screenshot(f"{renderer}_{theme}")
                box = editor.run(
                    "const { pos, size } = graph.getNodeById(8), { offset, scale } = app.canvas.ds;"
                    "return { x: (pos[0] + offset[0]) * scale, y: (pos[1] + offset[1]) * scale,"
                    " w: size[0] * scale, h: size[1] * scale }"
                )
                screenshot(
                    f"{renderer}_{theme}_apply",
                    clip={
                        "x": max(0, box["x"] - 20),
                        "y": max(0, box["y"] - 60),
                        "width": box["w"] + 40,
                        "height": box["h"] + 100,
                    },
                )
    finally:
        editor.setting("Comfy.VueNodes.Enabled", False)
        editor.setting("Comfy.ColorPalette", "dark")


def test_a_linked_plan_is_embedded_when_it_is_used_and_never_asked_for_again(server, editor, plans, screenshot):
    """The whole way: DiTFastAttn Calibrate measures in a run of its own, once."""
    if "DiTFastAttnTestTinyModel" not in json.loads(get(server, "/object_info")):
        pytest.skip("the server's Python lacks pytest, which the test model needs")
    editor.run("await manager.command.execute('Comfy.NewBlankWorkflow')")
    editor.run("""
        const add = (type, x, y, values = {}) => {
          const node = LiteGraph.createNode(type)
          node.pos = [x, y]
          if (type === 'DiTFastAttnApplyPlan') node.id = 8
          graph.add(node)
          for (const [name, value] of Object.entries(values)) node.widgets.find((w) => w.name === name).value = value
          return node
        }
        const link = (from, slot, to, name) => from.connect(slot, to, to.findInputSlot(name))
        const sampling = { steps: 4, cfg: 4, sampler_name: 'euler', scheduler: 'simple', seed: 3 }
        const tiny = add('DiTFastAttnTestTinyModel', 40, 120)
        const calibrate = add('DiTFastAttnCalibrate', 340, 120, sampling)
        const apply = add('DiTFastAttnApplyPlan', 340, 560)
        const sampler = add('KSampler', 700, 120, { ...sampling, control_after_generate: 'fixed' })
        const stats = add('DiTFastAttnStats', 700, 460)
        const plot = add('PreviewImage', 1040, 120)
        plot.size = [560, 640]
        link(tiny, 0, calibrate, 'model')
        link(tiny, 0, apply, 'model')
        for (const node of [calibrate, sampler]) {
          link(tiny, 1, node, 'positive')
          link(tiny, 2, node, 'negative')
          link(tiny, 3, node, 'latent_image')
        }
        link(calibrate, 0, apply, 'plan_in')
        link(apply, 0, sampler, 'model')
        link(apply, 0, stats, 'model')
        link(sampler, 0, stats, 'latent')
        link(stats, 3, plot, 'images')
    """)
    editor.queue()
    editor.wait_for_state("inUse")
    editor.wait_until_idle()
    assert json.loads(editor.plan_text())["schema"] == "ditfastattn.plan/2"
    editor.run("app.canvas.ds.scale = 0.9; app.canvas.ds.offset = [60, 0]; app.canvas.setDirty(true, true)")
    editor.settle(500)
    screenshot("real_run")
    assert calibrated(server)
    editor.run("graph.nodes.find((n) => n.type === 'KSampler').widgets[0].value = 4")
    editor.run("graph.nodes.find((n) => n.type === 'DiTFastAttnCalibrate').widgets[0].value = 4")
    editor.queue()
    editor.settle(500)
    editor.wait_until_idle()
    assert not calibrated(server) and editor.state() == "inUse"


def calibrated(server) -> bool:
    """Whether the newest prompt came to DiTFastAttn Calibrate, from the host's history."""
    (entry,) = json.loads(get(server, "/history?max_items=1")).values()
    assert entry["status"]["status_str"] == "success"
    return any("ditfastattn_calibration" in output for output in entry["outputs"].values())
