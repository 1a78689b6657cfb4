"""Real runs through the real server, in the newest front end: one node, the panel, A/B."""

# ruff: noqa: F401
from ..test_compare import compared, test_it_works_in_both_renderers_and_themes
from ..test_one_node import (
    needs_tiny_nodes,
    test_the_first_run_is_watched_and_every_other_is_compressed_and_does_not_calibrate_again,
)
from ..test_panel_run import panel, test_a_watched_run_then_a_compressed_one_then_a_level_from_the_curve
