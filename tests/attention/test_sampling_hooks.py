"""Hooks that other nodes take over: put back where that can be, in full where it cannot, and always said."""

import pytest
import torch

from host import tiny

tiny.require_host()

from comfy.patcher_extension import CallbacksMP  # noqa: E402

from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.attention.report.statistics import statistics  # noqa: E402
from ditfastattn.attention.report.text import text_report  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import hand_plan  # noqa: E402

pytestmark = pytest.mark.host
MIX = ["ffrr", "f0rf", "fAfr", "frfr"]
SLOT = "optimized_attention_override"
CHAINED = ("sd3", "flux", "wan21_t2v")  # families whose attention calls go through the host's slot


def plain_override(func, *args, **kwargs):
    """Of a node that chooses another back end."""
    return func(*args, **kwargs)


def compressed(model, family, profiles=MIX, strict=False):
    return apply_plan(model, hand_plan(model, family, profiles), "D1", strict=strict)


def later(model, override):
    changed = model.clone()
    changed.model_options["transformer_options"][SLOT] = override
    return changed


def record_of(model):
    return attached(model).runs.latest()


@pytest.mark.parametrize("family", CHAINED)
def test_a_plan_stays_whole_under_a_later_override_that_forgets_it(family):
    model = tiny.shared_model(family)
    patched = compressed(model, family, strict=True)
    expected = tiny.sample(patched, family)
    kept = record_of(patched).attention_flops()
    calls = []

    def foreign(func, *args, **kwargs):
        calls.append(1)
        return func(*args, **kwargs)

    covered = later(patched, foreign)
    assert torch.equal(tiny.sample(covered, family), expected)
    assert record_of(covered).attention_flops() == kept and not record_of(covered).notes
    assert calls, "heads in full are the other node's"
    # What the user's graph holds is as the other node left it.
    assert covered.model_options["transformer_options"][SLOT] is foreign


@pytest.mark.parametrize("family", CHAINED)
def test_an_override_that_somebody_removed_is_there_again(family):
    patched = compressed(tiny.shared_model(family), family)
    expected = tiny.sample(patched, family)
    bare = patched.clone()
    del bare.model_options["transformer_options"][SLOT]
    assert torch.equal(tiny.sample(bare, family), expected)


class Keeps:
    """An override that calls the one before it, as an object; other nodes do it as a function."""

    def __init__(self, previous):
        self.previous = previous

    def __call__(self, func, *args, **kwargs):
        return self.previous(func, *args, **kwargs) * 1.5


def as_function(previous):
    return lambda func, *args, **kwargs: previous(func, *args, **kwargs) * 1.5


@pytest.mark.parametrize(("family", "make"), [("sd3", Keeps), ("flux", as_function), ("wan21_t2v", as_function)])
def test_a_later_override_that_calls_ours_stays_around_it(family, make):
    patched = compressed(tiny.shared_model(family), family, "ffff")
    around = later(patched, make(patched.model_options["transformer_options"][SLOT]))
    before = later(tiny.shared_model(family), as_function(lambda func, *args, **kwargs: func(*args, **kwargs)))
    assert torch.equal(tiny.sample(around, family), tiny.sample(before, family))
    windows = compressed(tiny.shared_model(family), family, "f0f0")
    around = later(windows, make(windows.model_options["transformer_options"][SLOT]))
    beneath = compressed(before, family, "f0f0")
    assert not torch.equal(tiny.sample(around, family), tiny.sample(beneath, family)), "windows are scaled as well"


# -- object patches ----------------------------------------------------------------------------------------------------

PATCHED = {
    "sd3 entry of the image": ("sd3", "joint_blocks.1.x_block.attn.pre_attention", 1),
    "sd3 entry of the text": ("sd3", "joint_blocks.0.context_block.attn.pre_attention", 0),
    "sd3 exit": ("sd3", "joint_blocks.0.x_block.attn.post_attention", 0),
    "flux projection": ("flux", "double_blocks.1.img_attn.qkv.forward", 1),
    "wan module": ("wan21_t2v", "blocks.1.self_attn.forward", 1),
    "pixart module": ("pixart_sigma", "blocks.0.attn.forward", 0),
}


def replaced(model, path):
    """As other nodes do it: a function of their own in the place of ours, which does what the host's does."""
    changed = model.clone()
    owner, _, name = f"diffusion_model.{path}".rpartition(".")
    module = model.get_model_object(owner)
    changed.add_object_patch(
        f"{owner}.{name}", lambda *args, **kwargs: getattr(type(module), name)(module, *args, **kwargs)
    )
    return changed


def full_at(model, family, site):
    """The letters of all heads, with those of one site full."""
    found, number = [], 0
    for place, one in enumerate(HostModel.of(model).sites):
        for _ in range(one.heads):
            found.append("ffff" if place == site else MIX[number % len(MIX)])
            number += 1
    return found


@pytest.mark.parametrize(("family", "path", "site"), PATCHED.values(), ids=PATCHED.keys())
def test_a_site_that_lost_a_hook_runs_in_full_and_the_others_by_the_plan(family, path, site):
    model = tiny.shared_model(family)
    planned = compressed(model, family, full_at(model, family, site))
    expected = tiny.sample(planned, family)
    lost = replaced(compressed(model, family), path)
    made = tiny.sample(lost, family)
    torch.testing.assert_close(made, expected, rtol=1e-5, atol=1e-6)
    (note,) = record_of(lost).notes
    assert "1 of" in note and "another node" in note.lower()
    assert record_of(lost).attention_flops() == record_of(planned).attention_flops(), "what ran in full is counted"


@pytest.mark.parametrize(("family", "path"), [("sd3", PATCHED["sd3 exit"][1]), ("wan21_t2v", PATCHED["wan module"][1])])
def test_strict_stops_where_a_hook_was_lost(family, path):
    lost = replaced(compressed(tiny.shared_model(family), family, strict=True), path)
    with pytest.raises(ValueError, match="(?i)another node"):
        tiny.sample(lost, family)
    assert attached(lost).run is None
    tiny.sample(compressed(tiny.shared_model(family), family, strict=True), family)


def test_a_later_patch_that_calls_ours_loses_nothing():
    patched = compressed(tiny.shared_model("wan21_t2v"), "wan21_t2v", strict=True)
    expected = tiny.sample(patched, "wan21_t2v")
    name = "diffusion_model.blocks.1.self_attn.forward"
    ours = patched.get_model_object(name)
    chained = patched.clone()
    chained.add_object_patch(name, lambda *args, **kwargs: ours(*args, **kwargs))
    assert torch.equal(tiny.sample(chained, "wan21_t2v"), expected) and not record_of(chained).notes


# -- an override that comes back on top at every step ------------------------------------------------------------------


class OnTop:
    """As the host's own node for sparse attention does it: it takes the calls that it can, and hands on the rest."""

    def __init__(self, takes):
        self.takes = takes
        self.taken = 0

    def put(self, patcher, timestep, model_options):
        options = model_options["transformer_options"]
        before = options.get(SLOT)
        if getattr(before, "owner", None) is self:
            return

        def override(func, *args, **kwargs):
            if self.takes(args[0]):
                self.taken += 1
                return func(*args, **kwargs)
            return (before or plain_override)(func, *args, **kwargs)

        override.owner = self
        options[SLOT] = override

    def on(self, model):
        changed = model.clone()
        changed.add_callback_with_key(CallbacksMP.ON_PREPARE_STATE, "sparse", self.put)
        return changed


@pytest.mark.parametrize("family", CHAINED)
def test_calls_that_another_node_answers_are_counted_and_nothing_is_promised(family):
    top = OnTop(lambda q: True)
    model = top.on(compressed(tiny.shared_model(family), family))
    made = tiny.sample(model, family)
    record, document = record_of(model), statistics(model, made)
    assert top.taken and record.calls_missed == record.calls_expected > 0
    assert any(
        f"answered {record.calls_missed} of {record.calls_expected} attention calls" in one for one in record.notes
    )
    assert set(document["kept"].values()) == {None} and document["plan"]["error"] is None
    text = text_report(document)
    assert "%" not in text.replace("100.0", "") and "predicted" not in text


@pytest.mark.parametrize("family", CHAINED)
def test_calls_that_another_node_leaves_to_us_are_no_reason_for_a_note(family):
    patched = compressed(tiny.shared_model(family), family)
    expected = tiny.sample(patched, family)
    model = OnTop(lambda q: False).on(patched)
    assert torch.equal(tiny.sample(model, family), expected)
    record = record_of(model)
    assert not record.notes and record.calls_missed == 0


def test_a_part_of_the_calls_that_another_node_answers_is_said_as_that():
    count = iter(range(10**6))
    model = OnTop(lambda q: next(count) % 2 == 0).on(compressed(tiny.shared_model("sd3"), "sd3", "ffff"))
    tiny.sample(model, "sd3")
    record = record_of(model)
    assert (record.calls_missed, record.calls_expected) == (4, 8)
