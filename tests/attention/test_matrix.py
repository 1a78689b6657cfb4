"""A fraction of the matrix of families, ways and settings, of which `python dev.py bench matrix` runs the whole."""

import pytest

from host import tiny

tiny.require_host()

from matrix import cases  # noqa: E402
from matrix.judge import Bench  # noqa: E402

from host.layouts import LAYOUTS  # noqa: E402

pytestmark = pytest.mark.host
SETTINGS = {setting.name: setting for setting in cases.SETTINGS}
# Two streams, packed latents, sequences without a batch axis, calls without options, and one setting of each kind.
FRACTION = (("sd3", "split"), ("lumina2", "batch"), ("ltxav", "CFG"), ("minimax", "CFG 1"), ("hydit", "found"))


@pytest.mark.parametrize(("family", "setting"), FRACTION)
def test_no_plan_of_a_fraction_of_the_matrix_is_wrong(family, setting):
    bench = Bench(family, SETTINGS[setting])
    verdicts = [bench.judge(plan) for plan in cases.plans_of(family, SETTINGS[setting])]
    assert not [one for one in verdicts if one.wrong or one.other_bits or one.leaked]
    assert max(one.error for one in verdicts) > 0


def test_the_matrix_has_two_thousand_cases_and_every_family():
    count = sum(len(cases.plans_of(family, one)) for family in LAYOUTS for one in cases.settings_of(family))
    assert count >= 2000 and cases.families() == list(LAYOUTS)


def test_a_run_that_is_not_what_its_plan_says_is_found():
    """The judge with a plan that the oracle takes for another one."""
    bench = Bench("sd3", SETTINGS["CFG"])
    meant = bench._meant
    bench._meant = lambda plan, steps: meant(cases.Plan("another"), steps)
    assert "error" in bench.judge(cases.Plan("window", ("f0f",))).wrong
