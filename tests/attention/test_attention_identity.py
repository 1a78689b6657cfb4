"""Where a plan changes nothing, not one bit changes."""

import pytest
import torch

from host import tiny

tiny.require_host()

from ditfastattn.attention.hooks.patch import attached, remove  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import hand_plan  # noqa: E402

pytestmark = pytest.mark.host
SETTINGS = {
    "guided": {},
    "unguided": {"cfg": 1.0},
    "batch of two": {"batch": 2},
    "branches split": {"split": True},
    "batch of two, split, unguided": {"batch": 2, "split": True, "cfg": 1.0},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS.keys())
@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_all_full_plan_gives_the_plain_hosts_bits(family, settings):
    model = tiny.shared_model(family)
    plain = tiny.sample(model, family, **settings)
    patched = apply_plan(model, hand_plan(model, family, "ffff"), "D1", strict=True)
    assert torch.equal(tiny.sample(patched, family, **settings), plain)
    record = attached(patched).runs.latest()
    dense, kept = record.attention_flops()
    assert dense == kept > 0 and record.cache_bytes == 0 and not record.notes


@pytest.mark.parametrize("family", [*tiny.FAMILIES, "pixart_alpha", "flux2"])
def test_model_is_untouched_after_a_compressed_run(family):
    model = tiny.shared_model(family)
    plain = tiny.sample(model, family)
    patched = apply_plan(model, hand_plan(model, family, "f0r0"), "D1", strict=True)
    compressed = tiny.sample(patched, family)
    assert not torch.equal(compressed, plain)
    assert torch.equal(tiny.sample(model, family), plain)


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_removing_the_hooks_leaves_a_plain_model(family):
    model = tiny.shared_model(family)
    patched = apply_plan(model, hand_plan(model, family, "f000"), "D1", strict=True)
    clean = remove(patched)
    assert not clean.object_patches and not clean.wrappers["outer_sample"]
    assert "optimized_attention_override" not in clean.model_options["transformer_options"]
    assert torch.equal(tiny.sample(clean, family), tiny.sample(model, family))


def test_a_second_plan_replaces_the_first():
    model = tiny.shared_model("sd3")
    first = apply_plan(model, hand_plan(model, "sd3", "f000"), "D1", strict=True)
    again = apply_plan(first, hand_plan(model, "sd3", "ffff"), "D1", strict=True)
    assert torch.equal(tiny.sample(again, "sd3"), tiny.sample(model, "sd3"))


@pytest.mark.parametrize("family", ["sd3", "flux", "wan21_t2v"])
def test_an_earlier_override_is_called_through(family):
    model = tiny.shared_model(family).clone()
    calls = []

    def earlier(func, *args, **kwargs):
        calls.append(1)
        return func(*args, **kwargs) * 1.5

    model.model_options["transformer_options"]["optimized_attention_override"] = earlier
    changed = tiny.sample(model, family)
    before = len(calls)
    patched = apply_plan(model, hand_plan(model, family, "ffff"), "D1", strict=True)
    assert torch.equal(tiny.sample(patched, family), changed)
    assert len(calls) == 2 * before > 0
    assert remove(patched).model_options["transformer_options"]["optimized_attention_override"] is earlier
