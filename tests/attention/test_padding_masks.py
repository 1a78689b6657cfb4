"""Text padded to a fixed length: tokens that a mask hides are left out, and a mask that does more is left to the host."""

import pytest
import torch

from host import tiny

tiny.require_host()

from ditfastattn.attention.calibration.measurement import SamplerSettings, measure, solve  # noqa: E402
from ditfastattn.attention.hooks.layouts import hidden_keys  # noqa: E402
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


def meant(model, family, settings):
    """What the oracle makes of the plan."""
    grid = GRIDS[family]
    windows = tuple((1.0,) * (len(grid) - 2) + window for window in WINDOWS)
    oracle = Oracle(grid, [(7, 0, number) for number in range(SITES[family])], PROFILES, SHARE, windows)
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
    plain = tiny.sample(model, family, **settings)
    full = apply_plan(model, hand_plan(model, family, "ffff"), "D1", strict=True)
    assert torch.equal(tiny.sample(full, family, **settings), plain)
    patched = apply_plan(model, hand_plan(model, family, PROFILES, SHARE), "D1", strict=True)
    made, expected = tiny.sample(patched, family, **settings), meant(model, family, settings)
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


def test_a_mask_that_weighs_keys_runs_in_full_and_says_so():
    """Flux's mask of a style picture (Redux)."""
    model = tiny.shared_model("flux")
    ((embeddings, extra),) = tiny.conditioning("flux", 1)
    mask = torch.zeros(1, 103, 103)
    mask[:, :, :3] = -0.7
    settings = {"positive": [[embeddings, {**extra, "attention_mask": mask, "attention_mask_img_shape": (16, 24)}]]}
    patched = apply_plan(model, hand_plan(model, "flux", "f000"), "D1", strict=True)
    # The host scales it to the picture: what arrives is a mask over pairs.
    monkey = tiny.sample(patched, "flux", **settings)
    assert torch.isfinite(monkey).all()
    record = attached(patched).runs.latest()
    dense, kept = record.attention_flops()
    assert any("masks its attention" in note for note in record.notes) and kept == dense


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
        (torch.ones(4, 4).tril().bool(), None),
        (torch.tensor([[[[1, 1, 1, 0]], [[1, 1, 0, 0]]]]).bool(), None),
        (torch.zeros(1, 1, 4).bool(), None),
        (torch.zeros(1, 1, 5), None),
        (torch.zeros(3, 1, 4), None),
        (torch.zeros(4), None),
    ],
)
def test_only_a_mask_that_hides_keys_from_all_is_padding(mask, found):
    assert hidden_keys(mask, 2, 4) == found
