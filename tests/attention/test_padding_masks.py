"""Text padded to a fixed length: what a mask hides is left out, and a mask that does more is left to the host."""

import pytest
import torch

from host import tiny

tiny.require_host()

from ditfastattn.attention.calibration.measurement import SamplerSettings, measure, solve  # noqa: E402
from ditfastattn.attention.hooks.call import AttentionCall  # noqa: E402
from ditfastattn.attention.hooks.layouts import Hidden, SiteLayout, hidden_keys  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import WINDOWS, hand_plan  # noqa: E402
from host.oracle import Oracle  # noqa: E402

pytestmark = pytest.mark.host
PROFILES, SHARE = ["ffr0", "f0rr", "fAf2"], "0100"
AFTER, MORE, BEFORE, ONCE = ([1] * 5 + [0] * 2, [1] * 3 + [0] * 4, [0] * 3 + [1] * 4, [1, 0, 1, 1, 0, 1, 1])
GRIDS = {"qwen": (1, 8, 12), "hunyuan_video": (3, 8, 12), "flux": (8, 12)}
SITES = {"qwen": 2, "hunyuan_video": 4, "flux": 4}


def padded(family, masks, seed=1):
    """A conditioning of seven tokens of text for each of some masks of them."""
    rows = [tiny.conditioning(family, seed + 10 * number)[0] for number in range(len(masks))]
    extra = {name: value.repeat(len(masks), 1) for name, value in rows[0][1].items() if name == "pooled_output"}
    return [[torch.cat([embeddings for embeddings, _ in rows]), {**extra, "attention_mask": torch.tensor(masks)}]]


def meant(model, family, settings, share=SHARE):
    """What the oracle makes of the plan."""
    grid = GRIDS[family]
    windows = tuple((1.0,) * (len(grid) - 2) + window for window in WINDOWS)
    oracle = Oracle(grid, [(7, 0, number) for number in range(SITES[family])], PROFILES, share, windows)
    with oracle.inside(model) as patched:
        return tiny.sample(patched, family, **settings)


@pytest.mark.parametrize(
    ("family", "masks", "others", "batch"),
    [
        ("qwen", [AFTER], [AFTER], 1),
        ("qwen", [AFTER], [MORE], 2),
        ("qwen", [BEFORE], [ONCE], 1),
        ("qwen", [AFTER, MORE], [ONCE, [1] * 7], 2),
        ("hunyuan_video", [AFTER], None, 1),
        ("hunyuan_video", [BEFORE], None, 1),
    ],
)
def test_windows_of_a_padded_prompt_are_what_the_plan_means(family, masks, others, batch):
    model = tiny.shared_model(family)
    settings = {"positive": padded(family, masks), "batch": batch}
    settings |= {"cfg": 1.0} if others is None else {"negative": padded(family, others, 2)}
    share = SHARE if others else "0000"
    plain = tiny.sample(model, family, **settings)
    full = apply_plan(model, hand_plan(model, family, "ffff"), "D1", strict=True)
    assert torch.equal(tiny.sample(full, family, **settings), plain)
    patched = apply_plan(model, hand_plan(model, family, PROFILES, share), "D1", strict=True)
    made, expected = tiny.sample(patched, family, **settings), meant(model, family, settings, share)
    error, effect = (float((made - other).norm() / other.norm()) for other in (expected, plain))
    assert error < 1e-5 < effect
    record = attached(patched).runs.latest()
    dense, kept = record.attention_flops()
    assert kept < dense and not record.notes


def test_what_padding_leaves_out_is_counted():
    model = tiny.shared_model("qwen")
    settings = {"positive": padded("qwen", [MORE]), "cfg": 1.0}
    whole = {"positive": padded("qwen", [[1] * 7]), "cfg": 1.0}
    patched = apply_plan(model, hand_plan(model, "qwen", "f000"), "D1", strict=True)
    counts = []
    for one in (settings, whole):
        tiny.sample(patched, "qwen", **one)
        counts.append([(step.dense, step.kept) for step in attached(patched).runs.latest().steps])
    (first, windows, *_), (same, more, *_) = counts
    assert first == same and first[0] == first[1] and windows[0] == more[0]
    # Each of 103 queries, in each head of each site, leaves out the four keys of padding.
    sites = HostModel.of(model).sites
    assert more[1] - windows[1] == sum(4 * site.head_dim * site.heads * 103 * 4 for site in sites)


@pytest.mark.parametrize("guard", [False, True])
def test_a_padded_prompt_calibrates_and_follows_its_plan(guard):
    model = HostModel.of(tiny.shared_model("qwen"))
    both = {"positive": padded("qwen", [AFTER]), "negative": padded("qwen", [MORE], 2)}
    settings = SamplerSettings("euler", "simple", 3, 4.0, 1.0, 7)
    plan = solve(measure(model, settings, lambda patched: tiny.sample(patched, "qwen", steps=3, **both))).plan
    patched = apply_plan(model.patcher, plan, "D6", strict=True, guard=guard)
    tiny.sample(patched, "qwen", steps=3, **both)
    record = attached(patched).runs.latest()
    dense, kept = record.attention_flops()
    assert kept / dense == pytest.approx(plan.level("D6").attention_flops_kept, abs=0.02) and not record.notes


# Those whose conditionings have a mask, but for those above and where the host itself takes none with padding.
MASKED = (
    *("pixart_sigma", "lumina2", "zimage", "ltxv", "hydit", "mochi", "krea2"),
    *("hunyuan_image21", "mage_flow", "kandinsky5", "cosmos_predict2", "aura", "chroma"),
)


@pytest.mark.parametrize("family", MASKED)
def test_a_padded_prompt_costs_no_family_its_windows(family):
    ((embeddings, extra),) = tiny.conditioning(family, 1)
    mask = torch.ones(1, embeddings.shape[1], dtype=torch.int64)
    mask[:, -2:] = 0
    settings = {"positive": [[embeddings, {**extra, "attention_mask": mask}]], "cfg": 1.0, "steps": 2}
    model = tiny.shared_model(family)
    patched = apply_plan(model, hand_plan(model, family, "f2"), "D1", strict=True)
    assert torch.isfinite(tiny.sample(patched, family, **settings)).all()
    record = attached(patched).runs.latest()
    assert record.steps[1].kept < record.steps[1].dense and not record.notes


def masked(mask):
    """A prompt of Flux with a mask over all pairs of its 7 tokens of text and 8 x 12 of the picture."""
    ((embeddings, extra),) = tiny.conditioning("flux", 1)
    return [[embeddings, {**extra, "attention_mask": mask, "attention_mask_img_shape": (8, 12)}]]


def test_a_mask_that_weighs_keys_runs_in_full_and_says_so():
    """That of a style picture at part of its strength (Redux)."""
    model = tiny.shared_model("flux")
    mask = torch.zeros(1, 103, 103)
    mask[:, :, :3] = -0.7
    settings = {"positive": masked(mask), "cfg": 1.0}
    patched = apply_plan(model, hand_plan(model, "flux", "f000"), "D1", strict=True)
    made = tiny.sample(patched, "flux", **settings)
    assert torch.equal(made, tiny.sample(model, "flux", **settings))
    record = attached(patched).runs.latest()
    dense, kept = record.attention_flops()
    assert any("masks its attention" in note for note in record.notes) and kept == dense


def test_a_segment_of_padding_that_attends_itself_alone_is_padding():
    """That of a packed sequence (Ideogram 4), and of a style picture at no strength: its tokens attend one another."""
    model = tiny.shared_model("flux")
    segment = torch.tensor([0] * 4 + [1] * 3 + [0] * 96)
    mask = torch.zeros(1, 103, 103).masked_fill(segment[:, None] != segment, -torch.inf)
    settings = {"positive": masked(mask), "cfg": 1.0}
    patched = apply_plan(model, hand_plan(model, "flux", PROFILES, "0000"), "D1", strict=True)
    made = tiny.sample(patched, "flux", **settings)
    plain, expected = tiny.sample(model, "flux", **settings), meant(model, "flux", settings, "0000")
    error, effect = (float((made - other).norm() / other.norm()) for other in (expected, plain))
    record = attached(patched).runs.latest()
    assert error < 1e-5 < effect and not record.notes
    dense, kept = record.attention_flops()
    assert kept < dense


def test_rows_of_padding_with_keys_of_their_own_are_the_hosts():
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 2, 22, 8, generator=generator) for _ in range(3))
    segment = torch.tensor([0, 1, 1, 0, *[0] * 18])
    mask = torch.zeros(22, 22).masked_fill(segment[:, None] != segment, -torch.inf)

    def function(q, k, v, heads, mask=None, **kwargs):
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)

    layout = SiteLayout((3, 6), 4, text=4)
    given = ((q, k, v, 2), {"mask": mask, "skip_reshape": True, "skip_output_reshape": True}, layout, hidden_keys)
    call = AttentionCall.of_host(function, *given)
    assert call.obstacle is None and call.hidden == (((1, 3),),) * 2
    out = torch.zeros_like(q)
    assert call.own_rows(out) == 2 * 2 * 2 * 22
    torch.testing.assert_close(out[:, :, 1:3], call.host()[:, :, 1:3])
    assert not out[:, :, 3:].any()


def test_a_mask_that_hides_tokens_of_the_picture_is_an_obstacle():
    q = torch.zeros(1, 2, 22, 8)
    mask = torch.ones(1, 1, 1, 22).bool()
    mask[..., 10] = False
    for layout in (SiteLayout((3, 6), 4), None):
        call = AttentionCall.of_host(
            lambda *a, **k: a[0], (q, q, q, 2), {"mask": mask, "skip_reshape": True}, layout, hidden_keys
        )
        assert "masks" in call.obstacle and call.hidden == ()


LOWEST = torch.finfo(torch.float32).min


@pytest.mark.parametrize(
    ("mask", "found"),
    [
        (torch.tensor([[1, 1, 0, 0]]).bool()[:, None], (((2, 4),),) * 2),
        (torch.tensor([[1, 0, 1, 0], [1, 1, 1, 1]]).bool()[:, None, None], (((1, 2), (3, 4)), ())),
        (torch.tensor([[0.0, 0.0, LOWEST, -1e4]]).expand(4, 4), (((2, 4),),) * 2),
        (torch.tensor([[0.0, 0.0, 0.0, -torch.inf]]), (((3, 4),),) * 2),
        (torch.zeros(2, 3, 4, 4), ((),) * 2),
        (torch.ones(4, 4).bool(), ((),) * 2),
        (torch.tensor([[0.0, 0.0, -1.0, 0.0]]), None),
        (torch.ones(4, 4).triu().bool(), None),
        (torch.tensor([[[[1, 1, 1, 0]], [[1, 1, 0, 0]]]]).bool(), None),
        (torch.zeros(1, 1, 4).bool(), None),
        (torch.zeros(1, 1, 5), None),
        (torch.zeros(3, 1, 4), None),
        (torch.zeros(4), None),
    ],
)
def test_only_a_mask_that_hides_keys_from_all_is_padding(mask, found):
    hidden = hidden_keys(mask, 2, 4)
    assert hidden == (None if found is None else Hidden(found))
