"""DiTFastAttn A/B samples what the bypassed and what the applied model give, and nothing else happens."""

import json
import math

import pytest
import torch

from host import tiny

tiny.require_host()

import comfy.model_management  # noqa: E402
import comfy.sampler_helpers as helpers  # noqa: E402
import comfy.samplers  # noqa: E402
import comfy_extras.nodes_custom_sampler as custom  # noqa: E402
import folder_paths  # noqa: E402

from ditfastattn.attention.applied import apply  # noqa: E402
from ditfastattn.attention.applied.kept import KEPT  # noqa: E402
from ditfastattn.attention.calibration import watch  # noqa: E402
from ditfastattn.attention.calibration.predictions import Predictions  # noqa: E402
from ditfastattn.attention.comparison import pair as pairs  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.nodes.apply_plan import ApplyCompressionPlan  # noqa: E402
from ditfastattn.nodes.compare import Compare  # noqa: E402
from ditfastattn.plans import dumps  # noqa: E402
from host.hand_plans import NARROW, hand_plan  # noqa: E402

pytestmark = pytest.mark.host
STEPS, SEED = 6, 7
SETTINGS = {"seed": SEED, "steps": STEPS, "cfg": 4.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}


@pytest.fixture(autouse=True)
def nothing_kept(tmp_path):
    KEPT.clear()
    before = folder_paths.get_temp_directory()
    folder_paths.set_temp_directory(str(tmp_path))
    yield
    folder_paths.set_temp_directory(before)
    KEPT.clear()


class Decoder:
    """In the place of a VAE: a latent's first channels as colours, eight times as large."""

    def decode(self, latent):
        pictures = latent[:, :3].float().movedim(1, -1).sigmoid()
        return pictures.repeat_interleave(8, -3).repeat_interleave(8, -2)


def decoded(latent):
    pictures = Decoder().decode(latent)
    return pictures.reshape(-1, *pictures.shape[-3:])


def applied(model, **inputs):
    return ApplyCompressionPlan.execute(model, **{"level": "D6", **inputs}).args[0]


def with_plan(family="sd3"):
    """(a model, its Apply node's model with a plan by hand)"""
    model = tiny.shared_model(family)
    plan = hand_plan(model, family, "f" + "0" * (STEPS - 1), windows=(NARROW,))
    return model, applied(model, plan=dumps(plan), level="D1")


class Node:
    """An executed A/B."""

    def __init__(self, model=None, family="sd3", batch=1, latent=None, **inputs):
        latent = {"samples": tiny.latent(family, batch)} if latent is None else latent
        if "guider" not in inputs:
            inputs = {"positive": tiny.conditioning(family, 1), "negative": tiny.conditioning(family, 2), **inputs}
        with torch.inference_mode():
            done = Compare.execute(latent, Decoder(), **{**SETTINGS, "model": model, **inputs})
        self.compressed, self.dense, self.report = done.args
        (self.figures,) = done.ui["ditfastattn_compare"]
        json.dumps(self.figures, allow_nan=False)


@pytest.mark.parametrize("family", ["sd3", "wan21_t2v"])
def test_one_picture_is_the_bypassed_ones_and_the_other_a_plain_samplers_with_the_plan(family):
    model, patched = with_plan(family)
    node = Node(patched, family)
    assert torch.equal(node.dense, decoded(tiny.sample(model, family, steps=STEPS)))
    assert torch.equal(node.compressed, decoded(tiny.sample(patched, family, steps=STEPS)))
    assert not torch.equal(node.dense, node.compressed)
    assert node.figures["state"] == "compared" and node.figures["first"] == "plan"
    assert attached(patched).processor is None and attached(patched).run is None


def test_without_a_plan_the_first_run_is_watched_and_the_plan_made_then_is_followed_in_the_second():
    model = tiny.shared_model("sd3")
    patched = applied(model)
    node = Node(patched)
    assert torch.equal(node.dense, decoded(tiny.sample(model, "sd3", steps=STEPS)))
    assert torch.equal(node.compressed, decoded(tiny.sample(patched, "sd3", steps=STEPS)))
    assert node.figures["watched"] and node.figures["first"] == "full" and node.figures["level"] == "D6"
    assert node.figures["plan"] == attached(patched).runs.latest().plan.id
    assert "watched to make the plan" in node.report


class Time:
    """A clock that goes on only where a test says so."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        for module in (pairs, watch, apply):
            monkeypatch.setattr(module, "Stopwatch", self.started)

    def started(self):
        start = self.now
        return lambda: self.now - start

    def passes(self, seconds, call):
        """A function that takes so long."""

        def slow(*args, **kwargs):
            self.now += seconds
            return call(*args, **kwargs)

        return slow

    def evaluations_take(self, seconds, model, first=0.0):
        """A clone of a model whose evaluations do; the first one longer."""
        heard, left = model.clone(), [first]

        def slow(executor, *args, **kwargs):
            self.now += seconds + (left.pop() if left else 0.0)
            return executor(*args, **kwargs)

        heard.add_wrapper_with_key("predict_noise", "another pack", slow)
        return heard


def test_seconds_are_of_the_steps_without_loading_and_without_the_first_use_of_the_model(monkeypatch):
    time = Time(monkeypatch)
    monkeypatch.setattr(helpers, "_prepare_sampling", time.passes(100, helpers._prepare_sampling))
    node = Node(time.evaluations_take(1, with_plan()[1], first=1000))
    assert node.figures["seconds"] == {"full": STEPS, "plan": STEPS} and node.figures["faster"] == 1


def test_measuring_is_not_in_the_seconds_of_the_watched_run(monkeypatch):
    time = Time(monkeypatch)
    monkeypatch.setattr(Predictions, "add", time.passes(10, Predictions.add))
    node = Node(time.evaluations_take(1, applied(tiny.shared_model("sd3"))))
    # Its probes evaluate the model again, which takes time as well.
    assert node.figures["watched"] and node.figures["seconds"]["full"] == STEPS
    assert 1 <= node.figures["seconds"]["plan"] <= STEPS


@pytest.mark.parametrize("cfg", [1.0, 4.0])
def test_a_guider_with_sampler_sigmas_and_noise_gives_what_the_custom_sampler_gives(cfg):
    model, patched = with_plan()
    sampling = model.get_model_object("model_sampling")
    sigmas = comfy.samplers.calculate_sigmas(sampling, "simple", STEPS)
    sampler = comfy.samplers.sampler_object("dpmpp_2m")
    noise = custom.Noise_RandomNoise(11)
    conds = tiny.conditioning("sd3", 1), tiny.conditioning("sd3", 2)

    def guider(of):
        return custom.CFGGuider.execute(of, *conds, cfg).args[0]

    def expected(of):
        latent = {"samples": tiny.latent("sd3")}
        with torch.inference_mode():
            return custom.SamplerCustomAdvanced.execute(noise, guider(of), sampler, sigmas, latent).args[0]["samples"]

    node = Node(guider=guider(patched), sampler=sampler, sigmas=sigmas, noise=noise)
    assert torch.equal(node.dense, decoded(expected(model)))
    assert torch.equal(node.compressed, decoded(expected(patched)))
    assert not torch.equal(node.dense, node.compressed)
    assert (node.figures["sampler"], node.figures["steps"], node.figures["seed"]) == ("dpmpp_2m", STEPS, "11")
    assert node.figures["cfg"] == cfg


def test_cfg_1_and_a_part_of_the_schedule_are_as_ksampler_samples_them():
    model, patched = with_plan()
    node = Node(patched, cfg=1.0, denoise=0.6)
    for pictures, of in ((node.dense, model), (node.compressed, patched)):
        assert torch.equal(pictures, decoded(tiny.sample(of, "sd3", steps=STEPS, cfg=1.0, denoise=0.6)))


def test_a_batch_is_compared_as_a_whole_and_eight_of_it_are_shown(tmp_path):
    from PIL import Image

    model, patched = with_plan()
    node = Node(patched, batch=9)
    assert torch.equal(node.dense, decoded(tiny.sample(model, "sd3", steps=STEPS, batch=9)))
    assert node.figures["pictures"] == 9 and [one["number"] for one in node.figures["pairs"]] == [
        0, 1, 2, 3, 5, 6, 7, 8,
    ]  # fmt: skip
    error = float((node.compressed.double() - node.dense.double()).square().mean())
    assert node.figures["psnr_db"] == pytest.approx(-10 * math.log10(error), abs=1e-9)
    last = node.figures["pairs"][-1]
    saved = Image.open(tmp_path / last["dense"]["subfolder"] / last["dense"]["filename"])
    assert saved.size == (node.dense.shape[2], node.dense.shape[1])
    shown = torch.frombuffer(bytearray(saved.tobytes()), dtype=torch.uint8).reshape(node.dense.shape[1:])
    assert float((shown / 255 - node.dense[8]).abs().max()) <= 1 / 255 + 1e-6
    assert {entry["type"] for pair in node.figures["pairs"] for entry in (pair["dense"], pair["compressed"])} == {
        "temp"
    }
    assert len(list(tmp_path.rglob("*"))) == 16, "nothing but the previews is written"


def test_frames_of_a_video_are_pictures_of_it():
    node = Node(with_plan("wan21_t2v")[1], "wan21_t2v")
    frames = tiny.latent("wan21_t2v").shape[2]
    assert frames > 1 and node.figures["pictures"] == frames == len(node.dense)


def test_a_nested_latent_is_compared_in_all_and_its_first_part_is_shown():
    from comfy.nested_tensor import NestedTensor

    from ditfastattn.attention.comparison.compare import _decoded

    video, audio = tiny.latent("sd3"), torch.zeros(1, 2, 3)
    assert torch.equal(_decoded(Decoder(), NestedTensor([video, audio])), decoded(video))


@pytest.mark.parametrize("step", [0, STEPS, 2 * STEPS - 1])
def test_cancel_leaves_nothing_behind(monkeypatch, tmp_path, step):
    """In the step before the runs, in the first run and in the second."""
    _, patched = with_plan()
    before = dict(vars(attached(patched)))
    heard = []
    patched = patched.clone()

    def cancel(executor, *args, **kwargs):
        heard.append(1)
        if len(heard) == step + 1:
            comfy.model_management.interrupt_current_processing()
        return executor(*args, **kwargs)

    patched.add_wrapper_with_key("predict_noise", "another pack", cancel)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        Node(patched)
    assert len(heard) <= step + 2 and not list(tmp_path.rglob("*"))
    assert vars(attached(patched)) == before and attached(patched).run is None
    wrappers = patched.model_options["transformer_options"].get("wrappers", {})
    assert not any(pairs._KEY in keyed for keyed in (*wrappers.values(), *patched.wrappers.values()))


def test_a_cancelled_watched_run_makes_no_plan():
    patched, heard = applied(tiny.shared_model("sd3")).clone(), []

    def cancel(executor, *args, **kwargs):
        heard.append(1)
        if len(heard) == 4:
            comfy.model_management.interrupt_current_processing()
        return executor(*args, **kwargs)

    patched.add_wrapper_with_key("predict_noise", "another pack", cancel)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        Node(patched)
    assert attached(patched).runs.latest() is None


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda model: model, "Put Apply Compression Plan between the model and this node"),
        (lambda model: applied(model, level="off"), "with a level other than off"),
        (lambda model: applied(model, calibrate="never"), "has no plan and must not make one"),
        (lambda model: applied(model, calibrate="never", plan=flux_plan()), "made for flux"),
    ],
    ids=["no node", "off", "no plan", "another model's plan"],
)
def test_where_nothing_is_followed_the_picture_is_made_and_one_sentence_says_why(make, says):
    model = tiny.shared_model("sd3")
    node = Node(make(model))
    plain = decoded(tiny.sample(model, "sd3", steps=STEPS))
    assert torch.equal(node.dense, plain) and torch.equal(node.compressed, plain)
    assert node.figures["state"] == "nothing" and says in node.figures["sentence"]
    assert node.report.splitlines()[0] == node.figures["sentence"]
    assert node.figures["psnr_db"] is None and len(node.figures["pairs"]) == 1


def test_one_step_cannot_be_watched_and_says_so():
    node = Node(applied(tiny.shared_model("sd3")), steps=1)
    assert node.figures["state"] == "nothing" and "Apply Compression Plan says why" in node.figures["sentence"]


def flux_plan():
    model = tiny.shared_model("flux")
    return dumps(hand_plan(model, "flux", "f000"))


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"positive": None}, "connect positive and negative, or a guider"),
        ({"denoise": 0.0}, "no step to sample"),
        ({"cfg": math.nan}, "cfg must be finite"),
        ({"sigmas": torch.tensor([1.0])}, "holds no step"),
    ],
)
def test_what_cannot_be_sampled_is_one_sentence(inputs, says):
    with pytest.raises((ValueError, RuntimeError), match=says):
        Node(with_plan()[1], **inputs)
    with pytest.raises(ValueError, match="connect the model of Apply Compression Plan, or a guider"):
        Node(None)


def test_kernels_that_were_compiled_in_the_plans_run_are_not_in_its_seconds(monkeypatch):
    made = iter([0, 1])
    monkeypatch.setattr(pairs, "trials", lambda: next(made))
    _, patched = with_plan()
    node = Node(patched)
    assert "sampled twice" in node.report
    assert torch.equal(node.compressed, decoded(tiny.sample(patched, "sd3", steps=STEPS)))


def test_conditionings_are_asked_for_only_where_there_is_no_guider():
    assert Compare.check_lazy_status(positive=None, negative=None) == ["positive", "negative"]
    assert Compare.check_lazy_status(positive=None, negative=None, guider=object()) == []
