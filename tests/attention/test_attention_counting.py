"""The FLOPs a run counts are the FLOPs of its masks."""

import math

import pytest

from host import tiny

tiny.require_host()

from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.attention.report.statistics import statistics  # noqa: E402
from ditfastattn.attention.report.text import text_report  # noqa: E402
from ditfastattn.kernels import Layout, Window  # noqa: E402
from ditfastattn.kernels.ways.window import window_mask  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import WINDOWS, hand_plan  # noqa: E402

pytestmark = pytest.mark.host
PROFILES = ["ff0r", "fA2f", "f20r", "frff", "ffCr"]
TEXT = {"sd3": 7, "sd35m": 7, "flux": 7, "pixart_sigma": 0, "wan21_t2v": 0}


def masked_pairs(profiles, layout, head):
    """Pairs that one head computes at each step, by adding up masks element by element."""
    profile = profiles[head % len(profiles)]
    windows = [Window((1.0,) * (len(layout.grid) - 2) + window) for window in WINDOWS]
    full = layout.length**2
    image = slice(layout.prefix, layout.prefix + layout.image)
    pairs = []
    for step, letter in enumerate(profile):
        if letter == "f":
            later = profile[step + 1 :].split("f")[0]
            reads = {ch for ch in later if ch.isupper()}
            extra = sum(int(window_mask(layout, windows[ord(ch) - ord("A")])[image].sum()) for ch in reads)
            pairs.append(full + extra)
        elif letter == "r":
            pairs.append(0)
        else:
            index = int(letter) if letter.isdigit() else ord(letter) - ord("A")
            pairs.append(int(window_mask(layout, windows[index]).sum()))
    return pairs


@pytest.mark.parametrize("cfg,branches", [(4.0, 2), (1.0, 1)])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_counted_flops_equal_a_count_from_the_masks(family, batch, cfg, branches):
    model = tiny.shared_model(family)
    patched = apply_plan(model, hand_plan(model, family, PROFILES), "D1", strict=True)
    tiny.sample(patched, family, batch=batch, cfg=cfg)
    record = attached(patched).runs.latest()
    kind, sites = HostModel.of(model).family, HostModel.of(model).sites
    grid = kind.grid(model.model.diffusion_model, tuple(tiny.latent(family).shape))
    expected, dense, head = [0] * 4, 0, 0
    for site in sites:
        layout = Layout(grid, TEXT[family] if site.scope == "joint" else 0)
        for _ in range(site.heads):
            for step, pairs in enumerate(masked_pairs(PROFILES, layout, head)):
                expected[step] += 4 * site.head_dim * pairs * batch * branches
            dense += 4 * site.head_dim * layout.length**2 * batch * branches
            head += 1
    assert [step.kept for step in record.steps] == expected
    assert [step.dense for step in record.steps] == [dense] * 4


@pytest.mark.parametrize("family", ["sd3", "wan21_t2v"])
def test_sharing_counts_the_conditional_branch_and_the_others_own_global_rows(family):
    model = tiny.shared_model(family)
    patched = apply_plan(model, hand_plan(model, family, "ffff", "0101"), "D1", strict=True)
    tiny.sample(patched, family)
    steps = attached(patched).runs.latest().steps
    kind, sites = HostModel.of(model).family, HostModel.of(model).sites
    image = 1
    for side in kind.grid(model.model.diffusion_model, tuple(tiny.latent(family).shape)):
        image *= side
    length = image + TEXT[family]
    share = sum(4 * site.head_dim * site.heads * (length**2 + TEXT[family] * length) for site in sites)
    assert [step.kept for step in steps] == [steps[0].dense, share, steps[0].dense, share]


@pytest.mark.parametrize("family", ["sd3", "flux", "pixart_sigma", "wan21_t2v"])
def test_skipped_projections_are_counted_from_the_layers(family):
    import torch

    model = tiny.shared_model(family)
    patched = apply_plan(model, hand_plan(model, family, "frff"), "D1", strict=True)
    tiny.sample(patched, family)
    record = attached(patched).runs.latest()
    kind, sites = HostModel.of(model).family, HostModel.of(model).sites
    image = 1
    for side in kind.grid(model.model.diffusion_model, tuple(tiny.latent(family).shape)):
        image *= side
    tokens = {"image": image, "text": TEXT[family], "all": image + TEXT[family]}
    expected = 0
    for site in sites:
        for path, stream in site.linears:
            weight = model.model.diffusion_model.get_submodule(path).weight
            assert isinstance(weight, torch.Tensor)
            expected += 2 * weight.numel() * tokens[stream] * 2
    assert sum(step.projections_skipped for step in record.steps) == expected


@pytest.mark.parametrize("family", ["sd3", "flux", "pixart_sigma", "wan21_t2v"])
def test_a_module_is_its_attention_and_the_linear_layers_around_it(family):
    model = tiny.shared_model(family)
    patched = apply_plan(model, hand_plan(model, family, "fr0f"), "D1", strict=True)
    made = tiny.sample(patched, family)
    record, document = attached(patched).runs.latest(), statistics(patched, made)
    kind, sites = HostModel.of(model).family, HostModel.of(model).sites
    image = math.prod(kind.grid(model.model.diffusion_model, tuple(tiny.latent(family).shape)))
    tokens = {"image": image, "text": TEXT[family], "all": image + TEXT[family]}
    linear = [
        sum(
            2 * model.model.diffusion_model.get_submodule(path).weight.numel() * tokens[stream] * 2
            for path, stream in site.linears
        )
        for site in sites
    ]
    skipped = sum(flops for flops, site in zip(linear, sites, strict=True) if site.skippable)
    assert [step.projections for step in record.steps] == [sum(linear)] * 4
    dense, kept = record.attention_flops()
    assert document["flops"]["module"] == [dense + 4 * sum(linear), kept + 4 * sum(linear) - skipped]
    assert document["kept"]["module"] == pytest.approx((kept + 4 * sum(linear) - skipped) / (dense + 4 * sum(linear)))
    assert f"{1 - document['kept']['module']:.1%}" in text_report(document)
