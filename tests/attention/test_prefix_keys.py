"""Models that attend the picture by itself, with the keys of what stands before it (Qwen-Image 2.1 of later hosts)."""

import pytest
import torch

from host import tiny

tiny.require_host()

from ditfastattn.attention.applied.apply import Applied  # noqa: E402
from ditfastattn.attention.applied.choice import Asked  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.kernels import FULL, REUSE, HeadTable, Layout, Window, dense_flops, flops, head_wise  # noqa: E402
from ditfastattn.kernels import why_not as kernels_why_not  # noqa: E402
from host import prefix_model  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import hand_plan  # noqa: E402

pytestmark = pytest.mark.host
IMAGE = 16 * 24
SAME, SMALL = (16, 24), (4, 6)  # references of the picture's own size and of another
REFERENCES = {"no reference": (), "a reference": (SMALL,), "one as large as the picture": (SAME,), "two": (SMALL, SAME)}
LETTERS = ["frfr", "ffrr"]
cases = pytest.mark.parametrize("references", REFERENCES.values(), ids=REFERENCES.keys())
kept = pytest.mark.parametrize("keeps", [False, True], ids=["every step anew", "kept over steps"])


def sample(model, references=(), cfg=4.0, steps=4, seed=7, lengths=(7, 7)):
    """The stand-in's latent is SD3's."""
    model.model.diffusion_model.kept.clear()
    positive, negative = (
        prefix_model.conditioning(number, references, tokens) for number, tokens in zip((1, 2), lengths)
    )
    given = {"cfg": cfg, "steps": steps, "seed": seed, "positive": positive, "negative": negative}
    return tiny.sample(model, "sd3", **given)


def compressed(model, profiles, share=None):
    return apply_plan(model, hand_plan(model, "sd3", profiles, share, windows=()), "D1", strict=True)


def test_the_model_is_known_by_its_class_and_never_left_out_layer_by_layer():
    host = HostModel.of(prefix_model.make_model(False))
    assert [site.name for site in host.sites] == ["transformer_blocks.0.attn", "transformer_blocks.1.attn"]
    assert host.family.title == "Qwen-Image 2.1" and not host.family.windowed
    assert not any(site.skippable for site in host.sites)


@kept
@cases
def test_a_plan_in_full_has_the_hosts_bits(references, keeps):
    model = prefix_model.make_model(keeps)
    plain = sample(model, references)
    assert torch.equal(sample(compressed(model, ["ffff"]), references), plain)


class Meant:
    """What letters mean, by the picture's own calls alone: in the order of the sites, a branch at a time."""

    def __init__(self, total):
        self.total, self.calls, self.store = total, 0, {}

    def __call__(self, inner, q, k, v, heads, **given):
        out = inner(q, k, v, heads, **given)
        if (q.shape[1], k.shape[1]) != (IMAGE, self.total):
            return out
        site, step = self.calls % 2, self.calls // 2
        self.calls += 1
        out = out.clone().unflatten(2, (heads, -1))
        for head in range(heads):
            if LETTERS[head][step] == "r":
                out[:, :, head] = self.store[site, head]
            self.store[site, head] = out[:, :, head].clone()
        return out.flatten(2)


@kept
@cases
def test_heads_are_reused_in_the_pictures_call_and_in_no_other(references, keeps, monkeypatch):
    model = prefix_model.make_model(keeps)
    before = 7 + sum(height * width for height, width in references)
    patched = compressed(model, LETTERS)
    made, plain = sample(patched, references), sample(model, references)
    record = attached(patched).runs.latest()
    meant, inner = Meant(before + IMAGE), prefix_model.optimized_attention
    monkeypatch.setattr(prefix_model, "optimized_attention", lambda *args, **given: meant(inner, *args, **given))
    expected = sample(model, references)
    assert meant.calls == 8
    torch.testing.assert_close(made, expected, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(made, plain, rtol=1e-3, atol=1e-3)
    each = 4 * prefix_model.HEAD_DIM * IMAGE * (before + IMAGE)  # a head, an item of the batch, a step
    assert record.attention_flops() == (2 * 2 * 2 * 4 * each, 2 * 2 * (2 + 2) * each) and not record.notes


@kept
def test_the_conditional_branch_serves_the_other_in_the_picture_alone(keeps):
    model = prefix_model.make_model(keeps)
    patched = compressed(model, ["ffff"], "0111")
    made = sample(patched, (SMALL,))
    dense, computed = attached(patched).runs.latest().attention_flops()
    assert not torch.equal(made, sample(model, (SMALL,))) and computed == dense * 5 // 8
    split = compressed(model, ["ffff"], "0111")
    assert not torch.equal(sample(split, lengths=(7, 9)), sample(model, lengths=(7, 9)))


@kept
def test_the_first_run_is_watched_and_the_next_compressed(keeps):
    model = prefix_model.make_model(keeps)
    patched = Applied(model, Asked(level="D6")).install()
    assert torch.equal(sample(patched, (SMALL,), steps=8), sample(model, (SMALL,), steps=8))
    sample(patched, (SMALL,), steps=8, seed=8)
    record = attached(patched).runs.latest()
    dense, computed = record.attention_flops()
    assert 0 < computed < dense and record.plan.ways == () and not record.calls_missed


def test_another_node_that_answers_the_pictures_calls_is_noticed():
    model = compressed(prefix_model.make_model(False), LETTERS)
    ours = model.model_options["transformer_options"]["optimized_attention_override"]

    def on_top(func, q, k, v, heads, **given):
        return func(q, k, v, heads, **given) if q.shape[1] == IMAGE else ours(func, q, k, v, heads, **given)

    model.model_options["transformer_options"]["optimized_attention_override"] = on_top
    sample(model)
    assert attached(model).runs.latest().calls_missed or attached(model).runs.latest().notes


def test_keys_without_queries_are_attended_by_heads_in_full_and_stop_windows():
    generator = torch.Generator().manual_seed(0)
    q = torch.randn(1, 2, 12, 8, generator=generator)
    k, v = torch.randn(2, 1, 2, 17, 8, generator=generator)
    layout, table = Layout((3, 4), ahead=5), HeadTable((FULL, REUSE), (None, None))
    cached = torch.randn(1, 1, 12, 8, generator=generator)
    made = head_wise(q, k, v, layout, table, cached=cached, out=torch.empty_like(q)).out
    expected = torch.softmax(q[:, 0].double() @ k[:, 0].double().transpose(1, 2) * 8**-0.5, -1) @ v[:, 0].double()
    torch.testing.assert_close(made[:, 0].double(), expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(made[:, 1], cached[:, 0])
    assert flops(layout, table, 8) == 4 * 8 * 12 * 17 and dense_flops(layout, 2, 8) == 2 * 4 * 8 * 12 * 17
    assert "without queries" in kernels_why_not(q, k, v, layout, HeadTable((FULL, Window((1.0, 0.5))), (None, None)))
    assert "12 queries and 17 keys" in kernels_why_not(q, k, v, Layout((3, 4)), HeadTable.uniform(2, FULL))
    with pytest.raises(ValueError, match="without queries"):
        Layout((3, 4), prefix=2, padding=((0, 1),), ahead=5)
