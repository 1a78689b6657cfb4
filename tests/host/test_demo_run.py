"""The demo's run, small: its workflow through a real server, with the demo model."""

import json

import numpy as np
import pytest

from host import basedir, demo
from host.client import Client
from host.fidelity import relative_error
from host.server import Server
from host.workflow import saved, set_values

pytestmark = [pytest.mark.host, pytest.mark.slow]

SMALL = {"steps": 6}


@pytest.fixture(scope="module")
def ran(comfyui, tmp_path_factory):
    """Dense, D3, dense, D3; with them what Calibrate returned."""
    base = basedir.fill(tmp_path_factory.mktemp("demo"))
    workflow = saved(demo.WORKFLOW)
    set_values(workflow, "EmptySD3LatentImage", {"width": 256, "height": 256})
    for kind in ("KSampler", "DiTFastAttnCalibrate"):
        set_values(workflow, kind, SMALL)
    options = ("--cache-classic",)
    with Server(comfyui, base, options=options, log=base / "server.log") as server:
        with Client(server.url, server.still_running) as client, pytest.MonkeyPatch.context() as patch:
            patch.setattr(demo, "ROUNDS", ((demo.DENSE, "D3"),) * 2)
            # Raises when Calibrate runs a second time: that it is served from the cache is part of what is tested.
            return demo.Demo(client, workflow).samples(repeats=2)


def test_calibrate_hands_out_its_plan_and_its_times(ran):
    calibrated = ran[1]
    assert json.loads(demo.plan_of(calibrated)) and demo.calibration_of(calibrated)["ratio_to_dense_run"] > 0


def test_every_run_is_timed_and_gives_the_same_bits(ran):
    assert all(len(sample.seconds) == 2 and min(sample.seconds) > 0 for sample in ran[0].values())
    assert all(sample.repeats for sample in ran[0].values())


def test_the_compressed_picture_differs_from_the_dense_one_but_resembles_it(ran):
    dense, compressed = ran[0][demo.DENSE], ran[0]["D3"]
    assert dense.latent.shape[-3:] == (16, 32, 32) and np.isfinite(compressed.latent).all()
    assert 0 < relative_error(compressed.latent, dense.latent) < 1


def test_statistics_say_what_was_kept(ran):
    row = demo.level_figures("D3", ran[0]["D3"], ran[0][demo.DENSE])
    assert 0 < row["attention_flops_kept"] < 1 and 0 < row["model_flops_kept"] < 1 and row["cache_bytes"] > 0
    assert demo.model_figures(ran[0]["D3"].stats)["tokens"] == 256
