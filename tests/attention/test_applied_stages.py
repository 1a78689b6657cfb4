"""What a stage that ends above noise level 0 promises is the error of the picture in the end, on the demo model."""

import sys
from pathlib import Path

import pytest
import torch

from host import tiny

tiny.require_host()
sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import comfy.sample  # noqa: E402
import demo_model  # noqa: E402

from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.nodes.apply_plan import ApplyCompressionPlan  # noqa: E402
from host.fidelity import relative_error  # noqa: E402

pytestmark = [pytest.mark.host, pytest.mark.slow, pytest.mark.usefixtures("one_thread")]
STEPS, CUT, SEED = 20, 8, 5


def prompt(text):
    context, pooled = demo_model.captions.encode(text, 0)
    return [[context, {"pooled_output": pooled}]]


def stage(model, latent=None):
    """The steps before the cut, or with a latent of these the ones after it."""
    start = torch.zeros(1, 16, 64, 64) if latent is None else latent
    noise = comfy.sample.prepare_noise(start, SEED) if latent is None else torch.zeros_like(start)
    part = {"start_step": 0, "last_step": CUT} if latent is None else {"start_step": CUT, "force_full_denoise": True}
    with torch.inference_mode():
        return comfy.sample.sample(
            model,
            noise,
            STEPS,
            4.0,
            "euler",
            "simple",
            prompt(demo_model.caption(0)),
            prompt(""),
            start,
            disable_noise=latent is not None,
            disable_pbar=True,
            seed=SEED,
            **part,
        )


def test_the_promise_of_a_high_noise_stage_is_the_error_of_the_picture_in_the_end():
    model = demo_model.model()
    dense = stage(model)
    watched = ApplyCompressionPlan.execute(model, level="D3").args[0]
    assert torch.equal(stage(watched), dense)
    compressed = stage(watched)
    plan = attached(watched).runs.latest().plan
    promised = plan.level("D3").predicted_error
    true = relative_error(stage(model, compressed).numpy(), stage(model, dense).numpy())
    assert promised / 1.5 < true < 1.5 * promised
    assert plan.level("D3").model_flops_kept < 0.8
