"""Plans that are kept by node, and asking for a new one once."""

from ditfastattn.attention.applied.kept import AGAIN, NEVER, WHEN_NEEDED, KeptPlans


def asked(kept, *choices):
    found = []
    for choice in choices:
        kept.ask(choice)
        found.append(kept.due)
        kept.due = False  # as a run that made the plan leaves it
    return found


def test_again_counts_once_until_another_choice_was_made():
    kept = KeptPlans().of(("", "5", "model"))
    assert asked(kept, WHEN_NEEDED, AGAIN, AGAIN, WHEN_NEEDED, AGAIN, NEVER, AGAIN) == [
        *(False, True, False, False, True, False, True)
    ]


def test_again_stays_due_until_a_run_made_the_plan_and_is_off_when_it_is_taken_back():
    kept = KeptPlans().of(("", "5", "model"))
    kept.ask(AGAIN)
    kept.ask(AGAIN)
    assert kept.due
    kept.ask(WHEN_NEEDED)
    assert not kept.due


def test_a_node_and_model_have_one_entry_and_others_have_others():
    plans = KeptPlans()
    assert plans.of(("flow", "5", "a")) is plans.of(("flow", "5", "a"))
    others = [plans.of(key) for key in (("flow", "5", "b"), ("flow", "6", "a"), ("other", "5", "a"), None)]
    assert all(one is not plans.of(("flow", "5", "a")) for one in others) and plans.of(None) is not others[-1]


def test_the_nodes_that_were_executed_longest_ago_make_room():
    plans = KeptPlans(most=2)
    first, second = plans.of(("1",)), plans.of(("2",))
    plans.of(("1",))
    plans.of(("3",))
    assert plans.of(("1",)) is first and plans.of(("2",)) is not second
