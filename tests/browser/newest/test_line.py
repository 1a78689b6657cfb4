"""What Apply Compression Plan says of itself and how a plan gets into it, in the newest front end."""

# ruff: noqa: F401
from ..test_front_end import test_the_plan_is_hidden_and_the_status_is_shown_in_both_renderers
from ..test_node_line import (
    opened,
    pictured,
    plan,
    test_a_compressed_run_says_what_it_kept,
    test_a_refused_plan_is_red_and_says_what_to_do_until_something_is_done,
    test_nothing_to_save_says_why,
    test_the_vue_renderer_lists_levels_with_their_figures,
)
