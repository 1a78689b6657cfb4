"""Wan: reference pictures put tokens before and after the video's; windows are then the video's alone."""

import math

import pytest
import torch

from host import tiny

tiny.require_host()

from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import hand_plan  # noqa: E402

pytestmark = pytest.mark.host
FAMILY = "wan21_t2v"
FRAMES, *SIDES = tiny.configs()[FAMILY]["latent_shape"][1:]
A_FRAME = math.prod(side // 2 for side in SIDES)
REFERENCE = {"reference_latents": [torch.ones(1, 16, 1, *SIDES)]}
CONTEXT = {"context_latents": [torch.ones(1, 16, FRAMES, *SIDES), torch.ones(1, 16, 1, 8, 8)]}
BEFORE, AFTER = A_FRAME, FRAMES * A_FRAME + 16


@pytest.fixture(scope="module")
def model():
    entry = tiny.configs()[FAMILY]
    return tiny.model_of("WAN21_T2V", {**entry["unet_config"], "in_dim_ref_conv": 16})


def sample(model, extra):
    (embeddings, keys) = tiny.conditioning(FAMILY, 1)[0]
    return tiny.sample(model, FAMILY, positive=[[embeddings, {**keys, **extra}]], cfg=1.0)


@pytest.mark.parametrize(
    ("extra", "beside"),
    [(REFERENCE, BEFORE), (CONTEXT, AFTER), ({**REFERENCE, **CONTEXT}, BEFORE + AFTER)],
    ids=["before", "after", "both"],
)
def test_attention_over_reference_pictures_is_compressed_and_counted(model, extra, beside):
    plain = sample(model, extra)
    full = apply_plan(model, hand_plan(model, FAMILY, "ffff"), "D1", strict=True)
    assert torch.equal(sample(full, extra), plain)
    patched = apply_plan(model, hand_plan(model, FAMILY, "f0rf"), "D1", strict=True)
    assert not torch.equal(sample(patched, extra), plain)
    record = attached(patched).runs.latest()
    assert not record.notes and (record.text_tokens, record.reference_tokens) == (0, beside)
    length = FRAMES * A_FRAME + beside
    sites = HostModel.of(model).sites
    dense = sum(4 * site.head_dim * site.heads * length**2 for site in sites)
    assert [step.dense for step in record.steps] == [dense] * 4
    full_step, windows, reuse, _ = (step.kept for step in record.steps)
    assert full_step == dense > windows > reuse == 0
    # Every token of these sites goes through their layers.
    weights = sum(
        model.model.diffusion_model.get_submodule(path).weight.numel() for s in sites for path, _ in s.linears
    )
    assert record.steps[2].projections_skipped == 2 * weights * length
