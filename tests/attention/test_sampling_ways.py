"""However a run is sampled, a plan means the same: latents agree with the oracle to rounding, and full is full."""

import os

import pytest

from host import tiny

tiny.require_host()

from matrix import sampling  # noqa: E402

pytestmark = pytest.mark.host
# All cases of tests/matrix/sampling.py instead of the suite's part of them, where this is set.
ALL = bool(os.environ.get("DITFASTATTN_ALL_CASES"))
SOME = [
    case
    for number, case in enumerate(sampling.CASES)
    if case.family == "sd3" and (case.mode == "heads" or number % 5 == 0) and "scheduler" not in case.title
]
SOME += [case for case in sampling.CASES if case.family != "sd3" and case.title in ("heun", "batch of two", "a mask")]


@pytest.mark.parametrize("case", sampling.CASES if ALL else SOME, ids=lambda case: case.name)
def test_the_latent_is_the_oracles(case):
    verdict = case.run()
    assert not (verdict.wrong or verdict.other_bits or verdict.leaked), verdict
