"""One node: Apply Compression Plan makes its plan in the user's own run, whatever drives it, and every later run is
compressed."""

import math
import sys
from types import SimpleNamespace

import pytest
import torch

from host import tiny

tiny.require_host()

import comfy.model_management  # noqa: E402
import comfy.samplers  # noqa: E402
import comfy_extras.nodes_custom_sampler as custom  # noqa: E402
import comfy_extras.nodes_perpneg as perpneg  # noqa: E402
from comfy_execution.utils import CurrentNodeContext  # noqa: E402

from ditfastattn.attention.applied.kept import KEPT, Kept  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.attention.replay.apply import PlanRefused  # noqa: E402
from ditfastattn.attention.report.statistics import statistics  # noqa: E402
from ditfastattn.attention.report.text import text_report  # noqa: E402
from ditfastattn.nodes.apply_plan import ApplyCompressionPlan  # noqa: E402
from ditfastattn.plans import dumps  # noqa: E402
from host.hand_plans import hand_plan  # noqa: E402

pytestmark = pytest.mark.host
STEPS = 6


@pytest.fixture(autouse=True)
def nothing_kept():
    KEPT.clear()
    yield
    KEPT.clear()


class Editor:
    """In the place of the host's server: notes what it is sent."""

    client_id = "a tab"

    def __init__(self):
        self.sent, self.texts = [], []

    def send_sync(self, event, data, client=None):
        assert client == self.client_id
        self.sent.append((event, data))

    def send_progress_text(self, text, node, client=None):
        self.texts.append((node, text))


@pytest.fixture
def editor(monkeypatch):
    editor = Editor()
    monkeypatch.setitem(sys.modules, "server", SimpleNamespace(PromptServer=SimpleNamespace(instance=editor)))
    return editor


class Node:
    """An executed Apply node on a tiny model."""

    def __init__(self, model, **inputs):
        done = ApplyCompressionPlan.execute(model, **{"level": "D6", **inputs})
        self.model, self._reports = done.args[0], done.ui["ditfastattn_apply"][0]["reports"]

    @property
    def states(self):
        return [report["state"] for report in self._reports]

    @property
    def last(self):
        return self._reports[-1]


def conds(family, count):
    return [tiny.conditioning(family, number) for number in range(1, count + 1)]


def ksampler(model, family, **extra):
    return tiny.sample(model, family, steps=STEPS, **extra)


def advanced(model, family, start=0, end=STEPS, seed=7, latent=None, noise=True, leftover=False):
    """As KSamplerAdvanced does it."""
    import comfy.sample

    latent = tiny.latent(family) if latent is None else latent
    drawn = comfy.sample.prepare_noise(latent, seed) if noise else torch.zeros_like(latent)
    with torch.inference_mode():
        return comfy.sample.sample(
            model, drawn, STEPS, 4.0, "euler", "simple", *conds(family, 2), latent,
            disable_noise=not noise, start_step=start, last_step=end, force_full_denoise=not leftover, seed=seed,
            disable_pbar=True,
        )  # fmt: skip


def basic(model, family):
    return custom.BasicGuider.execute(model, *conds(family, 1)).args[0]


def usual(model, family):
    return custom.CFGGuider.execute(model, *conds(family, 2), 4.0).args[0]


def dual(model, family, style="regular"):
    return custom.DualCFGGuider.execute(model, *conds(family, 3), 3.0, 2.0, style).args[0]


def nested(model, family):
    return dual(model, family, "nested")


def perpendicular(model, family):
    return perpneg.PerpNegGuider.execute(model, *conds(family, 3), 4.0, 1.0).args[0]


def two_models(model, family):
    return custom.DualModelGuider.execute(
        model, conds(family, 1)[0], 4.0, tiny.shared_model(family), conds(family, 2)[1]
    ).args[0]


GUIDERS = [basic, usual, dual, nested, perpendicular, two_models]


def guided(model, family, make=usual, seed=7, sampler="euler", sigmas=None):
    """As SamplerCustomAdvanced does it."""
    sampling = model.get_model_object("model_sampling")
    sigmas = comfy.samplers.calculate_sigmas(sampling, "simple", STEPS) if sigmas is None else sigmas
    latent = {"samples": tiny.latent(family)}
    noise = custom.Noise_RandomNoise(seed)
    with torch.inference_mode():
        done = custom.SamplerCustomAdvanced.execute(
            noise, make(model, family), comfy.samplers.sampler_object(sampler), sigmas, latent
        )
    return done.args[0]["samples"]


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_the_first_run_is_the_dense_one_bit_for_bit_and_the_second_is_compressed(family):
    model = tiny.shared_model(family)
    plain, node = ksampler(model, family), Node(model)
    assert node.states == ["watching"]
    assert torch.equal(ksampler(node.model, family), plain)
    assert node.states == ["watching", "made"] and node.last["levels"][-1]["model"] < 0.97
    assert not torch.equal(ksampler(node.model, family), plain)
    assert node.states[2:] == ["in use"] and node.last["figures"]["attention_flops_kept"] < 1
    assert attached(node.model).processor is None


@pytest.mark.parametrize("make", GUIDERS, ids=lambda make: make.__name__)
def test_every_guider_of_the_host_is_watched_without_a_bit_changed_and_then_compressed(make):
    model = tiny.shared_model("sd3")
    plain, node = guided(model, "sd3", make), Node(model)
    assert torch.equal(guided(node.model, "sd3", make), plain) and node.states[1:] == ["made"]
    assert not torch.equal(guided(node.model, "sd3", make, seed=8), guided(model, "sd3", make, seed=8))
    assert node.states[2:] == ["in use"]


@pytest.mark.parametrize(
    "sampler", ["euler_ancestral", "dpmpp_2m_sde", "heun", "dpmpp_2s_ancestral", "uni_pc", "ddim", "lcm"]
)
def test_samplers_that_draw_noise_or_evaluate_twice_are_watched_without_a_bit_changed(sampler):
    model = tiny.shared_model("sd3")
    torch.manual_seed(1)
    plain = ksampler(model, "sd3", sampler=sampler)
    after = torch.rand(3)
    node = Node(model)
    torch.manual_seed(1)
    assert torch.equal(ksampler(node.model, "sd3", sampler=sampler), plain) and node.states[1:] == ["made"]
    assert torch.equal(torch.rand(3), after), "random numbers went another way"


def test_later_runs_with_another_prompt_seed_size_and_step_count_do_not_calibrate_again():
    node = Node(tiny.shared_model("sd3"))
    ksampler(node.model, "sd3")
    plan = node.last["plan_id"]
    tiny.sample(node.model, "sd3", steps=9, seed=3, positive=tiny.conditioning("sd3", 9))
    tiny.sample(node.model, "sd3", steps=STEPS, seed=4, shape=(16, 8, 12), cfg=2.0)
    assert node.states[2:] == ["in use", "in use"] and node.last["plan_id"] == plan
    assert node.last["differences"][0] == "Calibrated at CFG 4, sampled at CFG 2."
    assert (
        node.last["differences"][1].startswith("Calibrated at ") and "sampled at 4 x 6" in node.last["differences"][1]
    )


def test_reports_name_the_model_that_they_are_of_also_where_its_plan_is_refused():
    model, other = tiny.shared_model("sd3"), dumps(hand_plan(tiny.shared_model("flux"), "flux", "f000"))
    for node in (Node(model), Node(model, level="off"), Node(model, plan=other, calibrate="never")):
        assert node.last["model"] == HostModel.of(model).identity.fingerprint
    assert Node(tiny.make_model("sd15")).last["model"] == ""


def test_callbacks_and_previews_of_the_watched_run_are_the_hosts_own():
    model, heard = tiny.shared_model("sd3"), []
    ksampler(model, "sd3", callback=lambda step, x0, x, total: heard.append((step, x0.clone(), total)))
    plain, heard = heard, []
    node = Node(model)
    ksampler(node.model, "sd3", callback=lambda step, x0, x, total: heard.append((step, x0.clone(), total)))
    assert [(step, total) for step, _, total in heard] == [(step, total) for step, _, total in plain]
    assert all(torch.equal(one, other) for (_, one, _), (_, other, _) in zip(heard, plain, strict=True))


def cancelling(step, *args):
    if step == 2:
        raise comfy.model_management.InterruptProcessingException()


def failing(step, *args):
    if step == 2:
        raise RuntimeError("a broken preview")


@pytest.mark.parametrize("callback", [cancelling, failing])
def test_a_run_that_does_not_finish_leaves_nothing_and_the_next_one_watches(callback):
    model = tiny.shared_model("sd3")
    plain, node = ksampler(model, "sd3"), Node(model)
    with pytest.raises((comfy.model_management.InterruptProcessingException, RuntimeError)):
        ksampler(node.model, "sd3", callback=callback)
    assert node.states == ["watching", "cancelled"] and "next run is watched" in node.last["sentence"]
    assert torch.equal(ksampler(node.model, "sd3"), plain) and node.states[2:] == ["made"]


def test_a_run_of_one_step_is_too_short_and_the_next_one_watches():
    model = tiny.shared_model("sd3")
    node = Node(model)
    assert torch.equal(tiny.sample(node.model, "sd3", steps=1), tiny.sample(model, "sd3", steps=1))
    assert node.states == ["watching", "watching"] and "too short" in node.last["sentence"]
    ksampler(node.model, "sd3")
    assert node.states[2:] == ["made"]


def test_an_error_while_measuring_costs_no_picture(monkeypatch):
    from ditfastattn.attention.calibration import observer

    model = tiny.shared_model("sd3")
    plain, node = ksampler(model, "sd3"), Node(model)
    monkeypatch.setattr(observer, "output_root", lambda *args: 1 / 0)
    assert torch.equal(ksampler(node.model, "sd3"), plain)
    assert node.states[1:] == ["watching"] and "division by zero" in node.last["sentence"]
    monkeypatch.undo()
    ksampler(node.model, "sd3")
    assert node.states[2:] == ["made"]


def test_an_error_while_solving_costs_no_picture(monkeypatch):
    from ditfastattn.attention.applied import apply

    model = tiny.shared_model("sd3")
    plain, node = ksampler(model, "sd3"), Node(model)
    monkeypatch.setattr(apply, "solve", lambda *args: 1 / 0)
    assert torch.equal(ksampler(node.model, "sd3"), plain)


def test_a_model_whose_output_is_not_finite_is_named_and_not_measured():
    model = tiny.make_model("sd3")
    with torch.no_grad():
        model.model.diffusion_model.final_layer.linear.bias.fill_(math.nan)
    node = Node(model)
    ksampler(node.model, "sd3")
    assert node.states[1:] == ["watching"] and "not finite (NaN or infinite) at step 1 of 6" in node.last["sentence"]


def test_a_cfg_that_is_no_number_is_named_and_not_measured():
    node = Node(tiny.shared_model("sd3"))
    ksampler(node.model, "sd3", cfg=math.nan)
    assert node.states[1:] == ["watching"] and "CFG is not a finite number (nan)" in node.last["sentence"]


def test_runs_that_cannot_be_measured_are_not_watched_for_ever():
    model = tiny.make_model("sd3")
    with torch.no_grad():
        model.model.diffusion_model.final_layer.linear.bias.fill_(math.nan)
    node = Node(model)
    for _ in range(3):
        ksampler(node.model, "sd3")
    assert node.states == ["watching", "watching", "refused", "refused"]
    first, second, third = (report["sentence"] for report in node._reports[1:])
    assert "not finite" in first and first.endswith("The next run is watched.")
    assert "measured again" in second and "set calibrate to 'again'" in second
    assert "no longer watched" in third and "full attention" in third


def test_asking_again_has_one_more_run_watched():
    kept = Kept()
    for why in ("one", "other", "other"):
        assert not kept.hopeless
        kept.failed(why)
    assert kept.hopeless
    kept.ask("again")
    assert not kept.hopeless and kept.due
    kept.failed("other")
    assert kept.due
    kept.failed("other")
    assert kept.hopeless and not kept.due


def test_sigmas_that_are_no_numbers_are_named_whether_there_is_a_plan_or_not():
    node, broken = Node(tiny.shared_model("sd3")), torch.tensor([1.0, 0.8, math.nan, 0.4, 0.0])
    guided(node.model, "sd3", sigmas=broken)
    assert node.states[1:] == ["watching"] and "(sigmas) hold nan" in node.last["sentence"]
    guided(node.model, "sd3")
    guided(node.model, "sd3", sigmas=broken)
    assert node.states[2:] == ["made", "refused"] and "(sigmas) hold nan" in node.last["sentence"]


@pytest.mark.parametrize(("steps", "extra"), [(2, 1), (4, 1), (8, 2), (20, 2), (40, 3)])
def test_the_watched_run_evaluates_the_model_few_times_more_than_the_dense_one(steps, extra):
    model, counted = tiny.shared_model("sd3"), []
    node = Node(model)
    counting = node.model.clone()
    counting.set_model_unet_function_wrapper(
        lambda function, given: counted.append(1) or function(given["input"], given["timestep"], **given["c"])
    )
    tiny.sample(counting, "sd3", steps=steps)
    assert len(counted) == steps + extra and node.states[1:] == ["made"]


def test_never_means_full_attention_and_a_sentence():
    model = tiny.shared_model("sd3")
    node = Node(model, calibrate="never")
    assert node.states == ["refused"] and "must not make one" in node.last["sentence"]
    assert torch.equal(ksampler(node.model, "sd3"), ksampler(model, "sd3"))
    assert statistics(node.model)["kind"] == "refused"


def test_off_changes_nothing_of_the_model_and_watches_nothing():
    model = tiny.shared_model("sd3")
    node = Node(model, level="off")
    assert node.model.object_patches == model.object_patches and node.states == ["off"]
    assert torch.equal(ksampler(node.model, "sd3"), ksampler(model, "sd3"))


def test_a_plan_of_another_model_is_named_and_a_new_one_is_made():
    text = dumps(hand_plan(tiny.shared_model("flux"), "flux", "f000"))
    node = Node(tiny.shared_model("sd3"), plan=text)
    assert node.states == ["watching"] and node.last["sentence"].startswith("This plan was made for flux")
    ksampler(node.model, "sd3")
    assert node.states[1:] == ["made"]


def test_strict_stops_at_a_plan_that_does_not_fit_and_watches_where_there_is_none():
    model = tiny.shared_model("sd3")
    with pytest.raises(PlanRefused, match="made for flux"):
        Node(model, plan=dumps(hand_plan(tiny.shared_model("flux"), "flux", "f000")), strict=True)
    assert Node(model, strict=True).states == ["watching"]


def test_the_level_custom_is_not_watched_for_because_no_run_makes_it():
    node = Node(tiny.shared_model("sd3"), level="custom")
    assert node.states == ["refused"] and "keep_attention" in node.last["sentence"]


def test_a_model_that_is_not_covered_passes_through_and_is_named_with_what_is():
    model = tiny.shared_model("sd15")
    node = Node(model)
    assert node.states == ["refused"]
    for word in ("SD15", "SD3 and SD3.5", "Flux", "PixArt", "Wan", "full attention"):
        assert word in node.last["sentence"]
    assert torch.equal(tiny.sample(node.model, "sd15"), tiny.sample(model, "sd15"))


def test_a_lora_put_on_after_the_node_is_measured_with_it_and_told_when_it_is_gone():
    node = Node(tiny.shared_model("sd3"))
    patched = node.model.clone()
    name = next(name for name, weight in patched.model.state_dict().items() if weight.ndim == 2)
    patched.add_patches({name: ("diff", (torch.zeros_like(patched.model.state_dict()[name]),))})
    ksampler(patched, "sd3")
    ksampler(node.model, "sd3")
    assert node.states[1:] == ["made", "in use"]
    assert node.last["differences"] == ["Calibrated with 1 patched weights (LoRA), sampled with no LoRA."]


def test_stats_say_that_the_watched_run_was_computed_in_full():
    node = Node(tiny.shared_model("sd3"))
    first = ksampler(node.model, "sd3")
    ksampler(node.model, "sd3", seed=8)
    stats = statistics(node.model, first)
    assert stats["kind"] == "watch" and stats["kept"] == {"attention": 1, "module": 1, "model": 1}
    assert stats["plan"]["id"] == statistics(node.model)["plan"]["id"] == node.last["plan_id"]


def test_each_stage_of_a_two_stage_run_is_measured_on_its_own_part_of_the_schedule():
    model = tiny.shared_model("sd3")
    half = advanced(model, "sd3", 0, 3, leftover=True)
    plain = advanced(model, "sd3", 3, STEPS, latent=half, noise=False)
    high, low = Node(model, level="D5"), Node(model, level="D5")
    first = advanced(high.model, "sd3", 0, 3, leftover=True)
    assert torch.equal(first, half)
    assert torch.equal(advanced(low.model, "sd3", 3, STEPS, latent=first, noise=False), plain)
    assert high.states[1:] == low.states[1:] == ["made"]
    plans = [attached(node.model).runs for node in (high, low)]
    advanced(high.model, "sd3", 0, 3, leftover=True)
    advanced(low.model, "sd3", 3, STEPS, latent=half, noise=False)
    positions = [runs.latest().plan.positions for runs in plans]
    assert min(positions[0]) > max(positions[1]) and len(positions[0]) == len(positions[1]) == 3
    assert [runs.latest().plan.measurement.scheduler[:6] for runs in plans] == ["custom", "custom"]


def test_custom_sigmas_have_a_name_of_their_own():
    model = tiny.shared_model("sd3")
    names = []
    for last in (0.2, 0.3):
        node = Node(model)
        guided(node.model, "sd3", sigmas=torch.tensor([1.0, 0.8, 0.6, 0.4, last, 0.0]))
        guided(node.model, "sd3")
        names.append(attached(node.model).runs.latest().plan.measurement.scheduler)
    assert len(set(names)) == 2 and all(name.startswith("custom ") for name in names)


def test_a_second_model_of_a_guider_runs_in_full_and_is_said():
    model = tiny.shared_model("sd3")
    other = tiny.make_model("sd3", seed=5)

    def make(patched, family):
        return custom.DualModelGuider.execute(patched, conds(family, 1)[0], 4.0, other, conds(family, 2)[1]).args[0]

    plain, node = guided(model, "sd3", make), Node(model)
    assert torch.equal(guided(node.model, "sd3", make), plain) and node.states[1:] == ["made"]
    guided(node.model, "sd3", make)
    assert node.last["state"] == "in use" and any("second model" in note for note in node.last["notes"])


def test_progress_time_left_and_ceiling_are_told_under_the_node_that_samples(editor, monkeypatch):
    monkeypatch.setattr("ditfastattn.attention.calibration.progress.TEXT_INTERVAL", 0.0)
    node = Node(tiny.shared_model("sd3"))
    with CurrentNodeContext("a prompt", "31"):
        ksampler(node.model, "sd3")
    assert {at for at, _ in editor.texts} == {"31"}
    texts = [text for _, text in editor.texts]
    assert texts[0].startswith("Watching this run to make its plan")
    assert any("about " in text and " s left" in text for text in texts)
    assert texts[-1].count("Attention is") == 1 and "x faster" in texts[-1]
    told = len(texts)
    with CurrentNodeContext("a prompt", "31"):
        ksampler(node.model, "sd3")
    assert len(editor.texts) == told, "a compressed run has the sampler's own bar and nothing else"


def test_without_a_node_id_only_runs_are_told_and_none_of_the_nodes_states(editor):
    node = Node(tiny.shared_model("sd3"))
    ksampler(node.model, "sd3")
    assert {event for event, _ in editor.sent} == {"ditfastattn.run", "ditfastattn.step"}
    assert node.states == ["watching", "made"]


def worthless(monkeypatch):
    """As if no level of any plan saved more than a hundredth."""
    from ditfastattn.attention.applied import worth

    monkeypatch.setattr(worth, "WORTH", 1.0)


def test_where_nothing_is_worth_having_the_node_says_so_and_leaves_the_model_alone(monkeypatch):
    worthless(monkeypatch)
    model = tiny.shared_model("sd3")
    node, plain = Node(model), ksampler(model, "sd3")
    assert torch.equal(ksampler(node.model, "sd3"), plain) and torch.equal(ksampler(node.model, "sd3"), plain)
    assert node.states == ["watching", "nothing to save", "nothing to save"]
    assert node.last["sentence"].startswith("Nothing to save. Attention is ") and " %" in node.last["sentence"]
    assert f"One step fewer of {STEPS} would save 17 %." in node.last["sentence"]


def test_the_node_and_the_statistics_say_to_how_many_steps_the_work_amounts():
    model = tiny.shared_model("sd3")
    node = Node(model)
    ksampler(node.model, "sd3")
    level = next(one for one in node.last["levels"] if one["name"] == "D6")
    assert node.last["figures"]["steps_of_work"] is None
    assert f"the work of {round(level['model'] * STEPS)} of {STEPS} steps" in node.last["sentence"]
    latent = ksampler(node.model, "sd3")
    kept, count = (node.last["figures"][name] for name in ("model_flops_kept", "steps_of_work"))
    assert count == round(kept * STEPS) < STEPS
    told = f"the work of {count} of {STEPS} steps"
    assert told in node.last["sentence"] and told in text_report(statistics(node.model, latent))


def test_a_compiled_model_is_watched_as_it_is_compiled():
    from comfy_api.torch_helpers import set_torch_compile_wrapper

    def compiled(model):
        clone = model.clone()
        set_torch_compile_wrapper(clone, backend="eager")
        return clone

    model = tiny.shared_model("sd3")
    plain, node = ksampler(compiled(model), "sd3"), Node(model)
    patched = compiled(node.model)
    assert torch.equal(ksampler(patched, "sd3"), plain) and node.states[1:] == ["made"]
    assert not torch.equal(ksampler(patched, "sd3"), plain) and node.states[2:] == ["in use"]


def test_a_step_cache_of_another_node_in_the_way_changes_no_bit_of_the_watched_run():
    import comfy_extras.nodes_easycache as easycache

    def cached(model):
        return easycache.EasyCacheNode.execute(model, 3.0, 0.1, 0.95, False).args[0]

    model = tiny.shared_model("flux")
    plain = tiny.sample(cached(model), "flux", steps=30)
    assert not torch.equal(plain, tiny.sample(model, "flux", steps=30)), "nothing was cached"
    for put in (lambda: cached(Node(model).model), lambda: Node(cached(model)).model):
        assert torch.equal(tiny.sample(put(), "flux", steps=30), plain)


def test_a_guider_of_its_own_kind_shares_nothing_and_says_so():
    node = Node(tiny.shared_model("sd3"))
    guided(node.model, "sd3", dual)
    assert node.last["state"] == "made" and any("none serves another" in note for note in node.last["notes"])
    ksampler(Node(tiny.shared_model("sd3")).model, "sd3")


def lazily_asked(model, plan_in=None, **inputs):
    return ApplyCompressionPlan.check_lazy_status(model=model, plan_in=plan_in, **{"level": "D2", **inputs})


def test_a_linked_plan_is_asked_for_only_where_it_is_needed():
    model, other = tiny.shared_model("sd3"), tiny.shared_model("flux")
    fitting, foreign = dumps(hand_plan(model, "sd3", "f000")), dumps(hand_plan(other, "flux", "f000"))
    assert (
        lazily_asked(model) == lazily_asked(model, plan=foreign) == lazily_asked(model, plan="damaged") == ["plan_in"]
    )
    assert lazily_asked(model, plan=fitting, calibrate="again") == ["plan_in"]
    assert lazily_asked(model, plan=fitting) == lazily_asked(model, level="off") == []
    assert lazily_asked(model, plan_in="there already") == []
    assert ApplyCompressionPlan.check_lazy_status(model=model, level="D2") == [], "nothing is linked"
    uncovered = tiny.shared_model("sd15")
    assert lazily_asked(uncovered) == lazily_asked(uncovered, plan=fitting) == []


def test_the_place_of_the_plan_among_the_saved_values_is_the_schemas():
    from ditfastattn.attention.applied.metadata import CALIBRATE_AT, NODE, PLAN_AT

    schema = ApplyCompressionPlan.define_schema()
    given = ApplyCompressionPlan.GET_NODE_INFO_V1()["input"]
    names = [name for group in ("required", "optional") for name in given[group] if name not in ("model", "plan_in")]
    assert (names[PLAN_AT], names[CALIBRATE_AT], schema.node_id) == ("plan", "calibrate", NODE)


def test_a_run_on_another_part_of_the_schedule_than_was_calibrated_is_told():
    node = Node(tiny.shared_model("sd3"))
    ksampler(node.model, "sd3", denoise=0.3)
    ksampler(node.model, "sd3", denoise=0.3, seed=9)
    assert node.states[1:] == ["made", "in use"] and node.last["differences"] == []
    ksampler(node.model, "sd3")
    assert any("another part of the noise schedule" in one for one in node.last["differences"])
