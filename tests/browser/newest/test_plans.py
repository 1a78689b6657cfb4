"""Plans in nodes and as files, in the newest front end."""

# ruff: noqa: F401
from ..test_plan_files import (
    opened,
    test_a_name_that_is_taken_is_replaced_only_when_the_user_says_so,
    test_a_plan_is_saved_and_loaded_again_as_one_step_that_can_be_undone,
    test_plans_are_renamed_and_deleted_in_the_list,
)
