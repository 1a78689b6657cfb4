"""The panel inside Attention Stats: the runs of its own model, in both renderers, and nothing that is saved."""

import pytest

from .panel import APPLY, STATS, in_node
from .run_samples import begun, document

RENDERERS = {"classic": False, "nodes2": True}


@pytest.fixture
def queued(editor, queue, feed):
    """Two models, samplers and Attention Stats in one graph; returns the prompt's id."""
    feed.build(2)
    editor.queue()
    return queue.entries[-1][1]


def finish(feed, prompt: str, node: int, whole) -> None:
    """Attention Stats puts out its document."""
    feed.send(
        "executed",
        {"node": str(node), "display_node": str(node), "prompt_id": prompt, "output": {"ditfastattn": [whole]}},
    )


def test_each_node_shows_the_runs_of_its_own_model(editor, feed, queued):
    first, second = in_node(editor, STATS), in_node(editor, STATS + 10)
    one = document(steps=11, prompt=queued, node=str(APPLY))
    feed.run(begun(one))
    first.wait(".dfa-state", "step 0 of 11")
    feed.steps(one, 3)
    first.wait(".dfa-state", "step 3 of 11")
    feed.run(document(steps=13, prompt=queued, node=str(APPLY + 10)))
    assert "11 steps" in first.text(".dfa-facts")
    editor.run("app.canvas.ds.offset = [0, -900]; app.canvas.setDirty(true, true)")
    second.wait(".dfa-facts", "13 steps")


def test_a_cached_run_is_shown_again(editor, queue, feed, queued):
    """No message of a run comes then, only what the node put out: also of a run that has left the last eight."""
    old = document(steps=17, prompt="long gone", node=str(APPLY))
    for _ in range(8):
        feed.run(document(steps=5, prompt="of others"))
    finish(feed, queued, STATS, old)
    in_node(editor, STATS).wait(".dfa-facts", "17 steps")


def test_a_node_of_another_workflow_shows_nothing_of_it(editor, queue, feed, queued):
    first = editor.run("return manager.workflow.activeWorkflow.path")
    editor.open(editor.save())
    finish(feed, queued, STATS, document(steps=19, prompt=queued, node=str(APPLY)))
    editor.settle(1200)
    assert not in_node(editor, STATS).part(".dfa-body").is_visible()
    editor.show(first)
    in_node(editor, STATS).wait(".dfa-facts", "19 steps")


def test_a_node_without_a_run_says_why(editor, feed, queued):
    why = {"text": "The model has not been sampled yet.", "key": None, "values": {}}
    finish(feed, queued, STATS, {"v": 1, "id": "", "state": "none", "notes": [why]})
    in_node(editor, STATS).wait(".dfa-empty", "The model has not been sampled yet.")


def test_nothing_of_the_panel_is_saved(editor, queued):
    saved = editor.save()
    stats = [node for node in saved["nodes"] if node["id"] in (STATS, STATS + 10)]
    assert [node.get("widgets_values") or [] for node in stats] == [[], []]
    assert set(queue_inputs(editor)) == {"model", "latent"}


def queue_inputs(editor) -> dict:
    return editor.prompt()[str(STATS)]["inputs"]


def test_the_node_has_the_same_size_in_both_renderers_and_the_panel_fills_it(editor, feed, queued, screenshot):
    feed.run(document(steps=20, prompt=queued, node=str(APPLY)))
    panel = in_node(editor, STATS)
    panel.wait(".dfa-facts", "20 steps")
    try:
        sizes = []
        for renderer, vue in RENDERERS.items():
            editor.setting("Comfy.VueNodes.Enabled", vue)
            editor.settle(1500)
            sizes.append(editor.run("return [...graph.getNodeById(argument).size]", STATS))
            box = editor.place(panel.root)
            assert box["width"] > sizes[-1][0] - 50 and 300 < box["height"] < sizes[-1][1]
            assert panel.root.evaluate("(e) => e.scrollHeight > e.clientHeight && e.scrollWidth <= e.clientWidth")
            for theme in ("dark", "light"):
                editor.setting("Comfy.ColorPalette", theme)
                editor.settle(500)
                screenshot(f"panel_node_{renderer}_{theme}")
        assert sizes[0] == pytest.approx(sizes[1], abs=4)
    finally:
        editor.setting("Comfy.VueNodes.Enabled", False)
        editor.setting("Comfy.ColorPalette", "dark")


def test_the_wheel_scrolls_the_panel_and_not_the_canvas(editor, feed, queued):
    feed.run(document(steps=20, prompt=queued, node=str(APPLY)))
    panel = in_node(editor, STATS)
    panel.wait(".dfa-facts", "20 steps")
    scale = editor.run("return app.canvas.ds.scale")
    panel.part(".dfa-headline").hover()
    editor.page.mouse.wheel(0, 200)
    editor.settle(400)
    assert panel.root.evaluate("(e) => e.scrollTop") > 100 and editor.run("return app.canvas.ds.scale") == scale
