"""Real runs through the real server: what it sends is what the panel shows."""

import pytest

from .panel import APPLY, SAMPLER, STATS, in_node, open_sidebar

STEPS = 8


@pytest.fixture(scope="module")
def panel(editor):
    return open_sidebar(editor)


def test_a_watched_run_then_a_compressed_one_then_a_level_from_the_curve(editor, panel, screenshot):
    from .panel import BUILD

    editor.run(BUILD, 1)
    editor.choose("steps", STEPS, SAMPLER)
    editor.choose("level", "D6", APPLY)
    editor.queue()
    panel.wait(".dfa-headline", "Watching this run")
    panel.wait(".dfa-headline", "Plan made")
    stats = in_node(editor, STATS)
    stats.wait(".dfa-headline", "Plan made")
    editor.wait_until_idle()
    editor.choose("seed", 5, SAMPLER)
    editor.queue()
    panel.wait(".dfa-state", "Done")
    editor.wait_until_idle()
    panel.part(".dfa-facts").filter(has_text="D6 of").wait_for(timeout=20_000)
    assert f"{STEPS} steps" in panel.text(".dfa-facts")
    assert panel.part(".dfa-done rect").count() == STEPS
    stats.wait(".dfa-facts", "D6 of")
    screenshot("panel_real_run")
    panel.part(".dfa-curve.dfa-free").wait_for()
    panel.part(".dfa-levels").get_by_role("button", name="D2", exact=True).click()
    assert editor.value("level", APPLY) == "D2"


def test_after_a_reload_the_servers_runs_are_listed_and_a_cached_run_is_shown_in_the_node(editor, panel):
    editor.settle(1000)  # until the front end has kept a draft of it
    editor.page.reload()
    editor.wait_until_ready()
    panel = open_sidebar(editor)
    panel.part(".dfa-runs button").nth(1).wait_for()
    editor.choose("level", "D6", APPLY)
    editor.queue()
    in_node(editor, STATS).wait(".dfa-facts", "D6 of")
    editor.wait_until_idle()


def test_a_second_tab_shows_the_same_runs(browser, server, editor, panel):
    from .editor import Editor

    context = browser.new_context(viewport={"width": 1400, "height": 900})
    try:
        other = Editor(context.new_page(), server.url)
        shown = open_sidebar(other)
        shown.part(".dfa-runs button").nth(1).wait_for()
        shown.wait(".dfa-hint", "open the workflow that this run came from")
        assert not other.errors
    finally:
        context.close()


def test_a_cancelled_run_says_so(editor, panel):
    editor.choose("steps", 200, SAMPLER)
    editor.queue()
    panel = open_sidebar(editor)
    panel.wait(".dfa-state", "of 200")
    editor.run("await window.comfyAPI.api.api.interrupt()")
    panel.wait(".dfa-state", "Cancelled")
    editor.wait_until_idle()
