"""The benchmark's baselines in the real host: what was computed is what is counted."""

import sys
from pathlib import Path

import pytest

from host import tiny

tiny.require_host()
sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

from quality.forecast import Schedule  # noqa: E402
from quality.methods import EASY, FEWER, FORECAST, LAZY  # noqa: E402
from quality.rows import Picture  # noqa: E402
from quality.sampling import Clock, dense_run, without_plan  # noqa: E402
from quality.settings import Setting  # noqa: E402

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("one_thread")]
CLOCK = Clock(threads=1)
NEVER, OFTEN = 0.0, 3.0


@pytest.fixture(scope="module")
def dense():
    """A small picture of ten steps, with guidance."""
    return dense_run(Picture(Setting("small", steps=10, size=(128, 128)), prompt=1, seed=5), CLOCK)


def test_a_dense_run_counts_both_branches_of_every_step(dense):
    assert dense.items == 20


@pytest.mark.parametrize(
    ("method", "value", "kept"),
    [(FEWER, 6, 0.6), (FORECAST, Schedule(4, 1, 2), 0.7), (EASY, NEVER, 1), (LAZY, NEVER, 1)],
)
def test_work_kept_is_the_part_of_the_evaluations_that_were_made(dense, method, value, kept):
    figures = without_plan(method, value, dense, CLOCK)
    assert figures["model_flops_kept"] == figures["attention_flops_kept"] == kept
    assert (figures["latent_relative_error"] == 0) == (kept == 1)


@pytest.mark.parametrize("method", [EASY, LAZY])
def test_the_hosts_caches_leave_out_evaluations_of_this_model(dense, method):
    figures = without_plan(method, OFTEN, dense, CLOCK)
    assert figures["model_flops_kept"] <= 0.6
    assert figures["latent_relative_error"] > 0


def test_easycache_leaves_the_samplers_own_tensor_alone(dense):
    figures = without_plan(EASY, 0.2, dense, CLOCK)
    assert figures["model_flops_kept"] == 0.6
    assert figures["latent_relative_error"] < 0.4  # 0.2; about 0.9 where it adds to what the host goes on with
