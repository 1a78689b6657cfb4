"""A plan that cannot be used: one clear sentence, and the picture is made with full attention."""

import json
from dataclasses import replace

import pytest
import torch

from host import tiny

tiny.require_host()

from ditfastattn.attention.replay.apply import PlanRefused  # noqa: E402
from ditfastattn.attention.report.statistics import statistics  # noqa: E402
from ditfastattn.attention.report.text import text_report  # noqa: E402
from ditfastattn.nodes.apply_plan import ApplyCompressionPlan  # noqa: E402
from ditfastattn.plans import WaySpec, dumps  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import hand_plan  # noqa: E402

pytestmark = pytest.mark.host


def good_text():
    return dumps(hand_plan(tiny.shared_model("sd3"), "sd3", "f000"))


HOSTILE = {
    "empty": lambda: "",
    "not JSON": lambda: "hello",
    "a list": lambda: "[1, 2, 3]",
    "cut off": lambda: good_text()[:-20],
    "another schema": lambda: json.dumps({**json.loads(good_text()), "schema": "ditfastattn.plan/99"}),
    "one digit changed": lambda: good_text().replace('"steps":4', '"steps":5', 1),
    "oversized": lambda: good_text() + " " * (300 * 1024),
    "deeply nested": lambda: "[" * 100_000,
    "code": lambda: "__import__('os').system('true')",
    "not a number": lambda: (
        good_text().replace("4.0", "NaN", 1) if "4.0" in good_text() else good_text().replace("4", "NaN", 1)
    ),
    "for another model": lambda: dumps(hand_plan(tiny.shared_model("flux"), "flux", "f000")),
    "a lone surrogate": lambda: '{"schema": "\ud800"}',
}


def one_sentence(text: str) -> bool:
    return text.endswith(".") and "\n" not in text and "Traceback" not in text and 20 < len(text) < 400


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_bad_plan_text_gives_one_sentence_and_a_full_attention_picture(make):
    model = tiny.shared_model("sd3")
    text = make()
    patched = ApplyCompressionPlan.execute(model, level="D1", plan=text, calibrate="never").args[0]
    assert torch.equal(tiny.sample(patched, "sd3"), tiny.sample(model, "sd3"))
    stats = statistics(patched)
    (note,) = (note["text"] for note in stats["notes"])
    assert stats["kind"] == "refused" and one_sentence(note.removesuffix(" The picture is made with full attention."))
    assert note in text_report(stats)
    with pytest.raises(PlanRefused) as refusal:
        ApplyCompressionPlan.execute(model, level="D1", plan=text, calibrate="never", strict=True)
    assert note.startswith(str(refusal.value))


def test_good_plan_text_inside_the_node_is_used():
    model = tiny.shared_model("sd3")
    linked = apply_plan(model, hand_plan(model, "sd3", "f000"), "D1", strict=True)
    embedded = ApplyCompressionPlan.execute(model, level="D1", plan=good_text()).args[0]
    assert torch.equal(tiny.sample(embedded, "sd3"), tiny.sample(linked, "sd3"))
    assert not torch.equal(tiny.sample(embedded, "sd3"), tiny.sample(model, "sd3"))


def test_a_linked_plan_goes_before_the_embedded_one():
    model = tiny.shared_model("sd3")
    patched = ApplyCompressionPlan.execute(
        model, level="D1", plan="nonsense", plan_in=hand_plan(model, "sd3", "f000")
    ).args[0]
    assert statistics(patched)["state"] == "none"


def test_off_only_listens_and_changes_no_bit():
    model = tiny.shared_model("sd3")
    off = ApplyCompressionPlan.execute(model, level="off", plan=good_text()).args[0]
    assert off.object_patches == model.object_patches and off.model_options.keys() == model.model_options.keys()
    assert torch.equal(tiny.sample(off, "sd3"), tiny.sample(model, "sd3"))


def test_a_level_that_the_plan_lacks_is_refused_by_name():
    model = tiny.shared_model("sd3")
    with pytest.raises(PlanRefused, match="D6"):
        apply_plan(model, hand_plan(model, "sd3", "f000"), "D6", strict=True)


def test_a_model_of_the_same_family_and_another_size_is_refused():
    small, other = tiny.shared_model("sd3"), tiny.shared_model("sd35m")
    with pytest.raises(PlanRefused, match="have a new plan made"):
        apply_plan(other, hand_plan(small, "sd3", "f000"), "D1", strict=True)


def test_a_plan_whose_windows_have_fewer_axes_than_the_models_is_refused():
    model = tiny.shared_model("sd3")
    plan = replace(hand_plan(model, "sd3", "f000"), ways=(WaySpec.window((0.5,)),))
    with pytest.raises(PlanRefused, match="a list of 2 fractions"):
        apply_plan(model, plan, "D1", strict=True)


def test_a_model_that_no_family_covers_is_refused_by_name():
    model = tiny.shared_model("sd15")
    patched = apply_plan(model, hand_plan(tiny.shared_model("sd3"), "sd3", "f000"), "D1")
    stats = statistics(patched)
    (note,) = (note["text"] for note in stats["notes"])
    assert stats["state"] == "none" and "SD15" in note and one_sentence(note)
    assert torch.equal(tiny.sample(patched, "sd15"), tiny.sample(model, "sd15"))


def test_an_error_in_our_own_code_falls_back_to_full_attention_and_says_so(monkeypatch):
    from ditfastattn.attention.replay import computing

    model = tiny.shared_model("sd3")
    plan = hand_plan(model, "sd3", "f000")
    lenient = apply_plan(model, plan, "D1")
    strict = apply_plan(model, plan, "D1", strict=True)

    def broken(*args, **kwargs):
        raise ArithmeticError("no")

    monkeypatch.setattr(computing, "head_wise", broken)
    assert torch.equal(tiny.sample(lenient, "sd3"), tiny.sample(model, "sd3"))
    stats = statistics(lenient)
    assert len(stats["notes"]) == 1 and "computed in full" in stats["notes"][0]["text"]
    with pytest.raises(ArithmeticError):
        tiny.sample(strict, "sd3")


def test_steps_outside_the_measured_schedule_run_in_full_and_are_reported():
    model = tiny.shared_model("sd3")
    plan = hand_plan(model, "sd3", "f000")
    narrow = replace(plan, positions=(0.3, 0.28, 0.26, 0.24))
    patched = apply_plan(model, narrow, "D1", strict=True)
    tiny.sample(patched, "sd3")
    stats = statistics(patched)
    assert stats["done"][0][0] == 100
    assert any("outside" in note["text"].lower() for note in stats["notes"])


def test_a_plan_that_fails_while_a_run_begins_leaves_a_full_attention_run_and_a_note(monkeypatch):
    from ditfastattn.attention.replay import apply

    model = tiny.shared_model("sd3")
    lenient = apply_plan(model, hand_plan(model, "sd3", "f000"), "D1")
    strict = apply_plan(model, hand_plan(model, "sd3", "f000"), "D1", strict=True)

    def broken(*args, **kwargs):
        raise ArithmeticError("no")

    monkeypatch.setattr(apply, "resolve", broken)
    output = tiny.sample(lenient, "sd3")
    assert torch.equal(output, tiny.sample(model, "sd3"))
    assert any("full attention" in note["text"] for note in statistics(lenient, output)["notes"])
    with pytest.raises(ArithmeticError):
        tiny.sample(strict, "sd3")
