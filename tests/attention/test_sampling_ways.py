"""However a run is sampled, a plan means the same: latents agree with the oracle to rounding, and full is full."""

import os

import pytest

from host import tiny

tiny.require_host()

from matrix import sampling  # noqa: E402

pytestmark = pytest.mark.host
# All cases of tests/matrix/sampling.py instead of the suite's part of them, where this is set.
ALL = bool(os.environ.get("DITFASTATTN_ALL_CASES"))
# One of each kind: what the kinds share is in the others' files.
KINDS = (
    *("sampler heun", "sampler uni_pc", "the second part of split sigmas", "differential diffusion"),
    *("CFG that is 1 in between", "an area that leaves a part without", "ranges of steps", "a longer negative"),
    *("batch of three, split by memory", "passes beside the branches", "ControlNet", "scheduled LoRA"),
    "partial loading with a LoRA",
)
OTHERS = (
    *("wan21_t2v, sampling: context windows that move, heads", "flux, sampling: EasyCache after, heads"),
    *("sd3, sampling: two models", "ltxav, sampling: as usual, shared", "qwen, sampling: fp8 weights, heads"),
)
SOME = [one for one in sampling.CASES if one.family == "sd3" and one.title in KINDS and one.mode == "heads"]
SOME += [one for one in sampling.CASES if one.family == "wan21_t2v" and one.title == "batch of two"]
SOME += [one for one in sampling.CASES if one.name in OTHERS]


@pytest.mark.parametrize("case", sampling.CASES if ALL else SOME, ids=lambda case: case.name)
def test_the_latent_is_the_oracles(case):
    verdict = case.run()
    assert not (verdict.wrong or verdict.other_bits or verdict.leaked), verdict
