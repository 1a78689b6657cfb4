"""Which path an attention call takes, and what the user is told of it."""

import logging

import pytest
import torch

from host import tiny

tiny.require_host()

from ditfastattn.attention.hooks import sites as hooks  # noqa: E402
from ditfastattn.attention.hooks.call import AttentionCall  # noqa: E402
from ditfastattn.attention.replay import computing  # noqa: E402
from ditfastattn.attention.report.statistics import statistics  # noqa: E402
from ditfastattn.attention.report.text import text_report  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import hand_plan  # noqa: E402

pytestmark = pytest.mark.host


def zeros(*shape):
    return torch.zeros(shape)


FOREIGN = {
    "a mask": ((zeros(1, 9, 8),) * 3, {"mask": zeros(9, 9)}, "masks"),
    "a mask in its place": ((zeros(1, 9, 8),) * 3, {}, "masks"),
    "cross-attention": ((zeros(1, 9, 8), *(zeros(1, 5, 8),) * 2), {}, "differ in shape"),
    "another value size": ((zeros(1, 9, 8), zeros(1, 9, 8), zeros(1, 9, 12)), {}, "differ in shape"),
}


@pytest.mark.parametrize("qkv, extra, words", FOREIGN.values(), ids=FOREIGN.keys())
def test_calls_beyond_self_attention_go_to_the_host_untouched(qkv, extra, words):
    seen = []
    split = qkv[0].dim() == 4
    args = (*qkv, 4 if split else 2, *([zeros(9, 9)] if words == "masks" and not extra else []))
    kwargs = {**extra, "skip_reshape": split, "something_new": 3}
    call = AttentionCall.of_host(lambda *a, **k: seen.append((a, k)), args, kwargs)
    assert words in call.obstacle
    call.host()
    ((given, named),) = seen
    assert all(a is b for a, b in zip(given, args)) and len(given) == len(args) and named == kwargs


@pytest.mark.parametrize("split", [True, False], ids=["heads", "one width"])
def test_grouped_keys_and_values_are_those_of_each_query_head(split):
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, heads, 9, 8, generator=generator) for heads in (4, 2, 2))
    given = (q, k, v) if split else tuple(x.transpose(1, 2).flatten(2) for x in (q, k, v))
    called = []

    def function(q, k, v, heads, **kwargs):
        called.append((q.shape, k.shape, kwargs.get("enable_gqa")))
        return torch.nn.functional.scaled_dot_product_attention(q, k, v)

    call = AttentionCall.of_host(function, (*given, 4), {"skip_reshape": split, "enable_gqa": True})
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    assert call.obstacle is None and call.k.shape == call.v.shape == q.shape
    torch.testing.assert_close(call.dense(call.q[:, 1:3], call.k[:, 1:3], call.v[:, 1:3]), expected[:, 1:3])
    assert called == [((1, 2, 9, 8), (1, 2, 9, 8), None)]


def test_a_masked_model_runs_in_full_with_its_mask_and_a_note(monkeypatch):
    model = tiny.shared_model("sd3")
    masks = []

    class Masked(AttentionCall):
        @classmethod
        def of_host(cls, function, args, kwargs, *told):
            def spy(*a, **k):
                masks.append(k["mask"])
                return function(*a, **k)

            length = args[0].shape[-2]
            # As much for every key, which softmax does not see.
            return AttentionCall.of_host(spy, args, {**kwargs, "mask": torch.ones(length, length)}, *told)

    monkeypatch.setattr(hooks, "AttentionCall", Masked)
    patched = apply_plan(model, hand_plan(model, "sd3", "f000"), "D1", strict=True)
    output = tiny.sample(patched, "sd3")
    torch.testing.assert_close(output, tiny.sample(model, "sd3"), rtol=1e-4, atol=1e-5)
    stats = statistics(patched, output)
    # The first of four steps is planned in full: the host's call is not even looked at there.
    sites = len(stats["sites"])
    assert stats["backends"] == {"fused": 0, "tiled": 0, "dense": 4 * sites, "copied": 0} and len(masks) == 3 * sites
    assert stats["kept"]["attention"] == 1.0
    assert any("masks its attention" in note["text"] for note in stats["notes"])


def test_calls_are_counted_by_what_served_them():
    model = tiny.shared_model("sd3")
    patched = apply_plan(model, hand_plan(model, "sd3", ["f0fr", "f0ff"]), "D1", strict=True)
    output = tiny.sample(patched, "sd3")
    stats = statistics(patched, output)
    sites = len(stats["sites"])
    assert stats["backends"]["dense"] == 2 * sites
    assert {name for name, count in stats["backends"].items() if count} == {"dense", "tiled"}
    assert stats["not_fused"] == []


def test_the_reason_why_calls_were_not_fused_reaches_the_report_and_once_the_log(monkeypatch, caplog):
    model = tiny.shared_model("sd3")
    patched = apply_plan(model, hand_plan(model, "sd3", "f0f0"), "D1", strict=True)
    sentence, whole = "The GPU's compute capability is 7.5, and the Triton kernel needs 8.0.", computing.head_wise

    def on_an_old_gpu(*args, **arguments):
        return whole(*args, **arguments)._replace(refusals=(sentence,))

    monkeypatch.setattr(computing, "head_wise", on_an_old_gpu)
    with caplog.at_level(logging.INFO):
        output = tiny.sample(patched, "sd3")
    stats = statistics(patched, output)
    assert [told["text"] for told in stats["not_fused"]] == [sentence] and f"Not fused: {sentence}" in text_report(
        stats
    )
    assert sum(sentence in record.getMessage() for record in caplog.records) == 1
