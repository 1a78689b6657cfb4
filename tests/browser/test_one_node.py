"""One node between loader and sampler, in the real editor and the real host: it watches, keeps its plan, and says so."""

import json
import urllib.request

import pytest

APPLY = 2
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
    const apply = add(2, 'DiTFastAttnApplyPlan', 340, 120, { level: argument.level })
    const sampler = add(3, 'KSampler', 740, 120, { steps: 6, cfg: 4, sampler_name: 'euler', scheduler: 'simple',
      seed: argument.seed, control_after_generate: 'fixed' })
    const decode = add(4, 'DiTFastAttnTestPicture', 1080, 120)
    const picture = add(5, 'SaveImage', 1080, 240, { filename_prefix: argument.prefix })
    link(tiny, 0, apply, 'model')
    link(apply, 0, sampler, 'model')
    link(tiny, 1, sampler, 'positive')
    link(tiny, 2, sampler, 'negative')
    link(tiny, 3, sampler, 'latent_image')
    link(sampler, 0, decode, 'samples')
    link(decode, 0, picture, 'images')
    app.canvas.ds.scale = 1; app.canvas.ds.offset = [60, 0]; app.canvas.setDirty(true, true)
    manager.workflow.activeWorkflow.changeTracker.captureCanvasState()
"""


@pytest.fixture
def built(editor):
    editor.run(BUILD, {"level": "D6", "family": "sd3", "seed": 1, "prefix": "first"})


def test_look(editor, built, screenshot):
    print(editor.status(APPLY))
    screenshot("new")
    editor.queue()
    editor.page.wait_for_function(
        "() => window.app.rootGraph.getNodeById(2).widgets.at(-1).element.dataset.state === 'made'", timeout=60_000)
    print(editor.status(APPLY))
    screenshot("made")
    editor.run("graph.getNodeById(3).widgets.find((w) => w.name === 'seed').value = 2")
    editor.queue()
    editor.page.wait_for_function(
        "() => window.app.rootGraph.getNodeById(2).widgets.at(-1).element.dataset.state === 'inUse'", timeout=60_000)
    print(editor.status(APPLY))
    screenshot("in_use")
    print(editor.run("return graph.getNodeById(2).widgets.map((w) => [w.name, w._displayValue ?? null])"))
    editor.setting("Comfy.VueNodes.Enabled", True)
    editor.settle(1500)
    screenshot("in_use_vue")
    print(editor.page.locator("[data-testid=widget-select-default-trigger]").all_inner_texts())
    editor.setting("Comfy.VueNodes.Enabled", False)
