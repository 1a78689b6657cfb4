"""Every model family: what a plan changes is what its letters say, and what is counted is what was left out."""

import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from host import tiny

tiny.require_host()

from ditfastattn.attention.calibration.measurement import SamplerSettings, measure, solve  # noqa: E402
from ditfastattn.attention.families import find_family  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel, NotCovered  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import WINDOWS, hand_plan  # noqa: E402
from host.layouts import (  # noqa: E402
    AXES,
    LAYOUTS,
    ONE_AT_A_TIME,
    REFERENCES,
    TEXT_LAST,
    VARIANTS,
    calls_of,
    grids_of,
    sites_of,
    window_axes,
)
from host.oracle import Oracle  # noqa: E402

pytestmark = pytest.mark.host
FAMILIES = pytest.mark.parametrize("family", LAYOUTS)
BASES = pytest.mark.parametrize("family", [family for family in LAYOUTS if family not in VARIANTS])
# Letters a step of four, for heads in turn; what is shared.
CASES = {
    "reuse": (["fr", "ff"], "00"),
    "windows": (["f0", "f2"], "00"),
    "residuals": (["fAA", "fCC"], "000"),
    "sharing": (["ff"], "01"),
    "all ways": (["ffr0", "f0rr", "fAf2"], "0100"),
}
ROUNDING = 1e-5


def relative(a, b):
    return float((a.double() - b.double()).norm() / b.double().norm())


@pytest.fixture(scope="module")
def plain():
    """What the host makes without the pack, by family and settings: made once."""
    made = {}

    def of(family, **settings):
        key = (family, *sorted(settings.items()))
        if key not in made:
            made[key] = tiny.sample(tiny.shared_model(family), family, **settings)
        return made[key]

    return of


@FAMILIES
def test_sites_are_where_the_hosts_code_has_them(family):
    model = HostModel.of(tiny.shared_model(family))
    grid = model.family.grid(model.diffusion_model, tuple(tiny.latent(family).shape))
    assert (grid, len(model.sites)) == (LAYOUTS[family][0], len({number for *_, number in sites_of(family)}))


@FAMILIES
def test_an_all_full_plan_gives_the_plain_hosts_bits(family, plain):
    model = tiny.shared_model(family)
    patched = apply_plan(model, hand_plan(model, family, "ff"), "D1", strict=True)
    for settings in ({"steps": 2}, {"steps": 2, "split": True, "batch": 1 if family in ONE_AT_A_TIME else 2}):
        assert torch.equal(tiny.sample(patched, family, **settings), plain(family, **settings))
        record = attached(patched).runs.latest()
        dense, kept = record.attention_flops()
        assert dense == kept > 0 and record.cache_bytes == 0 and not record.notes


@pytest.mark.parametrize(
    ("family", "case"),
    [(family, case) for family in LAYOUTS for case in CASES if case == "all ways" or family not in VARIANTS],
)
def test_what_a_plan_makes_is_what_its_letters_mean(family, case, plain):
    profiles, share = CASES[case]
    steps = len(share)
    model = tiny.shared_model(family)
    patched = apply_plan(model, hand_plan(model, family, profiles, share), "D1", strict=True)
    made = tiny.sample(patched, family, steps=steps)
    grid = LAYOUTS[family][0]
    windows = tuple((1.0,) * (window_axes(family) - 2) + window for window in WINDOWS)
    grids = [own for own, _ in grids_of(family)] if family in AXES else None
    references = REFERENCES.get(family)
    oracle = Oracle(
        *(grid, calls_of(family), profiles, share, windows, family in TEXT_LAST), references=references, grids=grids
    )
    with oracle.inside(model) as meant:
        expected = tiny.sample(meant, family, steps=steps)
    assert oracle.steps == steps
    effect = relative(made, plain(family, steps=steps))
    assert relative(made, expected) < min(ROUNDING, max(0.2 * effect, 1e-6)) and effect > 0
    if case == "all ways":
        assert torch.equal(tiny.sample(patched, family, steps=steps), made)
    record = attached(patched).runs.latest()
    dense, kept = record.attention_flops()
    assert kept < dense and not record.notes


@FAMILIES
def test_a_skipped_site_leaves_out_as_much_as_is_counted(family):
    """All linear layers and all of attention, as torch counts them in the whole model."""
    model = tiny.shared_model(family)
    patched = apply_plan(model, hand_plan(model, family, "fr"), "D1", strict=True)
    dense, second = (counted(one, family)[1] for one in (model, patched))
    linear = {op: dense[op] - second.get(op, 0) for op in dense if "attention" not in op}
    record = attached(patched).runs.latest()
    skipping = [site for site in HostModel.of(model).sites if site.skippable]
    assert sum(linear.values()) == sum(step.projections_skipped for step in record.steps)
    assert (sum(step.projections_skipped for step in record.steps) > 0) == bool(skipping)
    sites, dense = HostModel.of(model).sites, 0
    for (before, after, number), (grid, sequences) in zip(calls_of(family), grids_of(family), strict=True):
        if number is not None:
            site, length = sites[number], before + math.prod(grid) + after
            dense += 2 * sequences * 4 * site.heads * site.head_dim * length**2
    assert [(step.dense, step.kept) for step in record.steps] == [(dense, dense), (dense, 0)]


def counted(model, family) -> list[dict]:
    """FLOPs by operation, as torch counts them, of the two evaluations of a run."""
    evaluations, watched = [], model.clone()

    def count(executor, *args, **kwargs):
        with FlopCounterMode(display=False) as counter:
            output = executor(*args, **kwargs)
        evaluations.append({str(op): flops for op, flops in counter.get_flop_counts()["Global"].items()})
        return output

    watched.add_wrapper_with_key("predict_noise", "test", count)
    tiny.sample(watched, family, steps=2)
    return evaluations


def test_no_tensor_of_any_family_stays_allocated_after_a_run():
    """Of all families at once, since to look at everything that lives takes longer than to sample them."""
    models = {}
    for family in LAYOUTS:
        if family not in VARIANTS:
            model = tiny.shared_model(family)
            models[family] = apply_plan(model, hand_plan(model, family, ["fr", "fA"]), "D1", strict=True)
            tiny.sample(models[family], family, steps=2, seed=1)
    before = tiny.live_tensors()
    for family, patched in models.items():
        tiny.sample(patched, family, steps=2, seed=2)
        assert attached(patched).runs.latest().cache_bytes > 0
    assert tiny.live_tensors() == before


@BASES
def test_every_family_calibrates_and_follows_its_plan(family):
    settings = SamplerSettings("euler", "simple", 3, 4.0, 1.0, 7)
    model = HostModel.of(tiny.shared_model(family))
    measured = measure(model, settings, lambda patched: tiny.sample(patched, family, steps=3))
    plan = solve(measured).plan
    assert plan.measurement.grid == LAYOUTS[family][0]
    patched = apply_plan(model.patcher, plan, "D6", strict=True)
    tiny.sample(patched, family, steps=3)
    record = attached(patched).runs.latest()
    dense, kept = record.attention_flops()
    assert kept / dense == pytest.approx(plan.level("D6").attention_flops_kept, abs=0.02) and not record.notes


def test_what_is_derived_from_a_covered_model_is_covered():
    """Wan's Animate and Dancer, Anima, LTX-2 and whatever another pack makes of a model."""
    model = tiny.shared_model("wan21_t2v").model.diffusion_model

    class AnimateWanModel(type(model)):
        pass

    derived = AnimateWanModel.__new__(AnimateWanModel)
    derived.__dict__ = model.__dict__
    assert find_family(derived) is find_family(model) is not None


def test_a_model_of_another_name_is_known_by_what_it_is_made_of():
    model = tiny.shared_model("krea2").model.diffusion_model
    renamed = torch.nn.Module()
    renamed.blocks, renamed.patch = model.blocks, model.patch
    assert find_family(renamed) is find_family(model) is not None
    renamed.blocks = torch.nn.ModuleList([torch.nn.Linear(2, 2)])
    assert find_family(renamed) is None


def test_a_covered_models_relative_that_keeps_keys_itself_is_refused_with_its_reason():
    model = tiny.model_of("WAN21_CausalAR_T2V", dict(tiny.configs()["wan21_t2v"]["unet_config"]))
    with pytest.raises(NotCovered, match="keys and values that it keeps itself, so it runs with full attention"):
        HostModel.of(model)


def test_a_layer_whose_forward_another_node_replaced_runs_in_full_and_says_so():
    """The host's call carries no options there: only the layer's own forward can be given another function."""
    model = tiny.shared_model("ernie").clone()
    name = "diffusion_model.layers.0.self_attention.forward"
    original = model.get_model_object(name)
    model.add_object_patch(name, lambda *args, **kwargs: original(*args, **kwargs))
    patched = apply_plan(model, hand_plan(model, "ernie", "f0"), "D1", strict=True)
    tiny.sample(patched, "ernie", steps=2)
    notes = attached(patched).runs.latest().notes
    assert notes[0].startswith("layers.0.self_attention ran in full: another node")
