"""Models that no record covers: their sites are found in the first evaluation, and heads and steps are saved from then
on. Models of covered families with their records hidden, so that it is known what is to be found.
"""

import pytest
import torch

from host import tiny

tiny.require_host()

from ditfastattn.attention import families  # noqa: E402
from ditfastattn.attention.applied.apply import Applied  # noqa: E402
from ditfastattn.attention.applied.choice import Asked  # noqa: E402
from ditfastattn.attention.hooks import discovery  # noqa: E402
from ditfastattn.attention.hooks.finder import Around  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel, NotCovered  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.plans import dumps  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import hand_plan  # noqa: E402
from host.oracle import Oracle  # noqa: E402

pytestmark = pytest.mark.host
# Of each configuration: the modules around its attention in the order that the host's code runs them, and for each call
# over the grid's tokens the number of its module. Written from that code.
FOUND = {
    # Inlined in the block, twice in one of those of SD3.5 medium.
    "sd35m": ([f"joint_blocks.{n}" for n in range(3)], [0, 0, 1, 1, 2]),
    "flux": (["double_blocks.0", "double_blocks.1", "single_blocks.0", "single_blocks.1"], [0, 1, 2, 3]),
    # The call carries no options, so that no override sees it.
    "hydit": ([f"blocks.{n}.attn1" for n in range(4)], [0, 1, 2, 3]),
    "zimage": ([f"{kind}.{n}.attention" for kind in ("noise_refiner", "layers") for n in (0, 1)], [0, 1, 2, 3]),
    "krea2": (["blocks.0.attn", "blocks.1.attn"], [0, 1]),
    # Two control videos go through the second of them, one after the other.
    "wan_vace": (["blocks.0.self_attn", "vace_blocks.0.self_attn", "blocks.1.self_attn"], [0, 1, 1, 2]),
    # A latent of sound beside the video's.
    "ltxav": (["transformer_blocks.0.attn1", "transformer_blocks.1.attn1"], [0, 1]),
    # Without a batch axis; each branch in a forward of its own.
    "minimax": (["blocks.0.attn", "blocks.1.attn"], [0, 1]),
}
BESIDE = {"sd35m": (7, 0), "zimage": (32, 0), "krea2": (7, 0), "minimax": (17, 0), "flux": (7, 0)}
GRIDS = {"wan_vace": (3, 8, 12), "ltxav": (2, 4, 6), "minimax": (3, 8, 12)}
EVERY = pytest.mark.parametrize("family", FOUND)


@pytest.fixture(autouse=True)
def _hidden(monkeypatch):
    """No family has a record, and nothing has been found yet."""
    monkeypatch.setattr(families, "FAMILIES", ())
    discovery._KNOWN.clear()


@EVERY
def test_the_first_run_finds_the_sites_and_makes_a_plan_that_the_next_follows(family):
    model = tiny.shared_model(family)
    plain = tiny.sample(model, family, steps=8)
    applied = Applied(model, Asked(level="D6"))
    patched = applied.install()
    assert torch.equal(tiny.sample(patched, family, steps=8), plain)
    assert [site.name for site in HostModel.of(model).sites] == FOUND[family][0]
    made = tiny.sample(patched, family, steps=8)
    assert [one["state"] for one in applied.history] == ["watching", "made", "in use"]
    record = attached(patched).runs.latest()
    dense, kept = record.attention_flops()
    assert kept < dense and not record.notes and made.isfinite().all() and not torch.equal(made, plain)
    assert record.document["sites"] == FOUND[family][0]
    # The text of the plan, in a host that has not seen the model: it looks once, and follows the plan in its first run.
    discovery._KNOWN.clear()
    opened = Applied(model, Asked(level="D6", text=dumps(record.plan)))
    elsewhere = opened.install()
    assert torch.equal(tiny.sample(elsewhere, family, steps=8), made)
    assert [one["state"] for one in opened.history] == ["in use"]
    inside = (vars(module).get("forward") for module in model.model.diffusion_model.modules())
    assert not any(isinstance(one, Around) for one in inside)


@EVERY
def test_reused_heads_and_nothing_else_is_what_a_plan_for_a_found_model_does(family):
    model = tiny.shared_model(family)
    tiny.sample(Applied(model, Asked(level="D1")).install(), family, steps=2)
    plain = tiny.sample(model, family, steps=3)
    full = apply_plan(model, hand_plan(model, family, "fff"), "D1", strict=True)
    assert torch.equal(tiny.sample(full, family, steps=3), plain)
    profiles = ["frr", "fff", "ffr"]
    patched = apply_plan(model, hand_plan(model, family, profiles, windows=()), "D1", strict=True)
    made = tiny.sample(patched, family, steps=3)
    before, after = BESIDE.get(family, (0, 0))
    calls = [(before, after, number) for number in FOUND[family][1]]
    if family == "sd35m":
        calls = [(0 if n in (1, 3) else 7, 0, number) for n, (*_, number) in enumerate(calls)]
    if family == "zimage":
        calls = [(32 if number > 1 else 0, 0, number) for *_, number in calls]
    oracle = Oracle(GRIDS.get(family, (8, 12)), calls, profiles, "000", ())
    with oracle.inside(model) as meant:
        expected = tiny.sample(meant, family, steps=3)
    effect = float((made - plain).norm() / plain.norm())
    assert float((made - expected).norm() / expected.norm()) < min(1e-5, max(0.2 * effect, 1e-6)) and effect > 0


def test_a_plan_that_names_layers_in_which_the_model_does_not_attend_is_not_followed():
    model = tiny.shared_model("krea2")
    tiny.sample(Applied(model, Asked(level="D1")).install(), "krea2", steps=2)
    plan = hand_plan(model, "krea2", ["fr"], windows=())
    discovery.discovery_of(model.model.diffusion_model).found.pop("blocks.1.attn")
    patched = apply_plan(model, plan, "D1", strict=False)
    made = tiny.sample(patched, "krea2", steps=2)
    assert "does not attend in blocks.1.attn" in attached(patched).runs.latest().notes[0]
    assert torch.equal(made, tiny.sample(model, "krea2", steps=2))


def test_what_keeps_keys_itself_and_what_is_no_transformer_is_not_looked_into():
    refused = tiny.model_of("WAN21_CausalAR_T2V", dict(tiny.configs()["wan21_t2v"]["unet_config"]))
    for model in (refused, tiny.shared_model("sd15")):
        with pytest.raises(NotCovered):
            HostModel.of(model)
