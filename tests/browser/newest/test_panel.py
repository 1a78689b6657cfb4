"""The panel in the sidebar and in Attention Stats, fed in the server's place, in the newest front end."""

# ruff: noqa: F401
from host import provision

from ..test_panel import (
    test_a_cell_of_the_map_says_in_words_how_it_is_computed,
    test_bars_are_planned_at_the_start_and_fill_as_steps_finish,
    test_figures_follow_within_a_tenth_of_a_second,
    test_the_badge_says_what_attention_the_newest_run_saves,
    test_the_panel_speaks_the_editors_language_at_once,
)
from ..test_panel_levels import queued, test_a_click_on_a_level_sets_it_on_the_node_as_one_step
from ..test_panel_looks import themed
from ..test_panel_node import test_the_node_has_the_same_size_in_both_renderers_and_the_panel_fills_it


def test_the_front_end_is_the_newest(editor):
    version = editor.run("return window.__COMFYUI_FRONTEND_VERSION__")
    assert provision.FRONT_END_PACKAGE.endswith(f"=={version}")
