"""Several prompts and seeds in one calibration, taken up again after Cancel, and its progress."""

import gc
import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from host import tiny

tiny.require_host()

import comfy.model_management  # noqa: E402

from ditfastattn.attention.calibration import runs as accumulate  # noqa: E402
from ditfastattn.attention.calibration.asked import Budget  # noqa: E402
from ditfastattn.attention.calibration.calibrate import ONE_RUN, V2, plan_by  # noqa: E402
from ditfastattn.attention.calibration.measurement import CalibrationError, SamplerSettings, solve  # noqa: E402
from ditfastattn.attention.calibration.progress import Meter, ceiling_text, duration  # noqa: E402
from ditfastattn.attention.calibration.runs import measure_runs  # noqa: E402
from ditfastattn.attention.calibration.store import STORE, Store, subject_of  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.attention.replay.apply import PlanRefused  # noqa: E402
from ditfastattn.plans import dumps, loads  # noqa: E402
from ditfastattn.plans.search import CUSTOM, FLOPS, MILLISECONDS  # noqa: E402
from host.applying import apply_plan  # noqa: E402

pytestmark = pytest.mark.host
STEPS = 4
SETTINGS = SamplerSettings("euler", "simple", STEPS, 4.0, 1.0, 7)
PROMPT, LATENT = tiny.conditioning("sd3", 1), {"samples": tiny.latent("sd3")}


class Sampler:
    """Samples the tiny SD3 and remembers the seeds of the watched runs; may press Cancel at a run and step."""

    def __init__(self, cancel_at=None, prompt=PROMPT, meter=None):
        self.seeds, self.prompt, self._cancel_at, self._meter = [], prompt, cancel_at, meter

    def __call__(self, patched, settings, meter=None):
        if settings.seed not in self.seeds:
            self.seeds.append(settings.seed)
        meter = meter or self._meter

        def callback(step, x0, x, total):
            if (len(self.seeds), step) == self._cancel_at:
                raise comfy.model_management.InterruptProcessingException()
            if meter is not None:
                meter.sampled(step + 1, total)

        return tiny.sample(
            patched,
            "sd3",
            steps=settings.steps,
            cfg=settings.cfg,
            seed=settings.seed,
            sampler=settings.name,
            positive=self.prompt,
            callback=callback,
        )


@pytest.fixture(scope="module")
def model():
    return tiny.make_model("sd3")


@pytest.fixture
def store():
    return Store()


def runs_of(model, sampler, store, runs=1, settings=SETTINGS, **extra):
    with torch.inference_mode():
        return measure_runs(
            HostModel.of(model), settings, sampler, runs=runs, inputs=(sampler.prompt, LATENT), store=store, **extra
        )


def test_runs_use_the_seeds_that_follow_and_their_table_is_the_mean(model, store):
    sampler = Sampler()
    both = runs_of(model, sampler, store, runs=2)
    assert sampler.seeds == [7, 8] and both.resumed == 0
    alone = [runs_of(model, Sampler(), store, settings=replace(SETTINGS, seed=seed)) for seed in (7, 8)]
    first, second = (one.measured.table.way_error for one in alone)
    np.testing.assert_allclose(both.measured.table.way_error, (first + second) / 2)
    assert both.measured.measurement.seeds == (7, 8)
    assert (both.measured.measurement.prompts, both.measured.table.runs) == (1, 2)


def test_cancel_in_the_second_run_leaves_the_first_to_be_taken_up(model, store):
    sampler = Sampler(cancel_at=(2, 1))
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        runs_of(model, sampler, store, runs=3)
    assert attached(model) is None and not model.object_patches and not model.wrappers and len(store) == 1
    sampler = Sampler()
    done = runs_of(model, sampler, store, runs=3)
    assert sampler.seeds == [8, 9] and (done.runs, done.resumed) == (3, 1)
    assert done.measured.measurement.seeds == (7, 8, 9)


def parts(value):
    """A value and everything in it."""
    yield value
    if hasattr(value, "__dataclass_fields__"):
        value = [getattr(value, name) for name in value.__dataclass_fields__]
    for entry in value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ():
        yield from parts(entry)


def test_the_store_holds_no_tensor(model, store):
    runs_of(model, Sampler(), store)
    held = list(parts(store._entries))
    assert any(isinstance(one, np.ndarray) for one in held) and not any(isinstance(one, torch.Tensor) for one in held)


@pytest.mark.parametrize(
    "change",
    [
        lambda model, inputs: (model.clone(), inputs),
        lambda model, inputs: (model, (tiny.conditioning("sd3", 3), inputs[1])),
        lambda model, inputs: (model, (inputs[0], {"samples": torch.zeros(1, 16, 8, 8)})),
        lambda model, inputs: (model, (inputs[0], {**inputs[1], "noise_mask": torch.ones(1, 1, 8, 8)})),
        lambda model, inputs: (model, (inputs[0], {**inputs[1], "control": SimpleNamespace()})),
    ],
    ids=["patched clone", "prompt", "size", "mask", "object"],
)
def test_another_subject_is_not_taken_from_the_store(model, store, change):
    inputs = (PROMPT, LATENT)
    store.add(subject_of(model, *inputs), SETTINGS, (1.0,))
    assert store.find(subject_of(model, *inputs), SETTINGS) == (1.0,)
    other, changed = change(model, inputs)
    assert store.find(subject_of(other, *changed), SETTINGS) is None
    assert store.find(subject_of(model, *inputs), replace(SETTINGS, cfg=2.0)) is None


def test_a_lora_that_is_added_to_the_same_model_makes_another_subject():
    patched = tiny.make_model("sd3")
    before = subject_of(patched).text
    name = next(name for name, weight in patched.model.state_dict().items() if weight.ndim == 2)
    patched.add_patches({name: (torch.zeros_like(patched.model.state_dict()[name]),)})
    assert subject_of(patched).text != before


def test_the_store_forgets_what_is_gone_and_what_is_too_much():
    store, patched = Store(most_entries=2, most_bytes=100), tiny.make_model("sd3")
    for key in range(3):
        store.add(subject_of(patched), key, (np.zeros(1),))
    assert [store.find(subject_of(patched), key) is None for key in range(3)] == [True, False, False]
    store.add(subject_of(patched), 3, (np.zeros(1000),))
    assert len(store) == 1
    del patched
    gc.collect()
    store.find(None, 0)
    assert len(store) == 0


def test_chained_prompts_stand_in_one_plan(model, store):
    first = runs_of(model, Sampler(), store)
    other = Sampler(prompt=tiny.conditioning("sd3", 5))
    both = runs_of(model, other, store, before=first.measured)
    assert both.measured.measurement.prompts == 2 and both.measured.table.runs == 2
    plan = solve(both.measured).plan
    assert loads(dumps(plan)) == plan and plan.measurement.prompts == 2
    assert plan.measurement.dense_seconds < both.measured.dense_seconds


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"steps": STEPS + 1}, r"differ in steps \(4 and 5\)"),
        ({"cfg": 1.0, "scheduler": "karras"}, r"CFG \(4.0 and 1.0\), scheduler \(simple and karras\)"),
    ],
)
def test_measurements_that_do_not_belong_together_are_refused_before_sampling(model, store, change, sentence):
    first, sampler = runs_of(model, Sampler(), store).measured, Sampler()
    with pytest.raises(CalibrationError, match=sentence):
        runs_of(model, sampler, store, settings=replace(SETTINGS, **change), before=first)
    assert sampler.seeds == []


def test_measurements_of_another_model_or_size_are_refused(model, store):
    first = runs_of(model, Sampler(), store).measured
    with pytest.raises(CalibrationError, match="differ in model"):
        runs_of(tiny.shared_model("sd35m"), Sampler(), store, before=first)
    smaller = replace(first, measurement=replace(first.measurement, grid=(2, 2)))
    with pytest.raises(CalibrationError, match="differ in picture size .2×2 and"):
        accumulate._added(smaller, first)


def planned(model, sampler, budget=None, **extra):
    with torch.inference_mode():
        return plan_by(
            ONE_RUN, model, SETTINGS, sampler, inputs=(sampler.prompt, LATENT), budget=budget or Budget(), **extra
        )


def test_a_new_budget_is_answered_without_sampling_again(model):
    STORE.clear()
    plain = planned(model, Sampler())
    sampler = Sampler()
    result = planned(model, sampler, Budget(0.6, 40_000))
    STORE.clear()
    assert sampler.seeds == [] and result.figures["resumed_runs"] == 1
    assert [level.name for level in result.plan.levels] == ["D1", "D2", "D3", "D4", "D5", "D6", CUSTOM]
    assert result.plan.level(CUSTOM).attention_flops_kept <= 0.6
    assert all(level.cache_bytes <= 40_000 for level in result.plan.levels)
    assert max(level.cache_bytes for level in plain.plan.levels) > 40_000
    assert 0 <= result.figures["gap"] < 0.5 and result.figures["ceiling"] > 1
    patched = apply_plan(model, result.plan, CUSTOM, strict=True)
    tiny.sample(patched, "sd3", steps=STEPS)
    record = attached(patched).runs.latest()
    assert record.level == CUSTOM and not record.notes
    with pytest.raises(PlanRefused, match="no level 'custom': set keep_work or keep_attention"):
        apply_plan(model, plain.plan, CUSTOM, strict=True)


def test_milliseconds_as_the_price_are_measured_once_and_serve_flops_too(model):
    STORE.clear()
    untimed, sampler = planned(model, Sampler()), Sampler()
    timed = planned(model, sampler, Budget(price=MILLISECONDS))
    again = Sampler()
    by_flops = planned(model, again, Budget(price=FLOPS))
    STORE.clear()
    assert sampler.seeds == [7] and again.seeds == []
    assert untimed.figures["levels_ms"] is None
    assert list(timed.figures["levels_ms"]) == ["dense", "D1", "D2", "D3", "D4", "D5", "D6"]
    assert json.loads(json.dumps(timed.figures)) == timed.figures
    assert by_flops.plan.levels == untimed.plan.levels and by_flops.plan.ways == untimed.plan.ways
    assert loads(dumps(timed.plan)) == timed.plan


def test_linked_measurements_without_milliseconds_are_refused_before_sampling(model, store):
    first, sampler = runs_of(model, Sampler(), store).measured, Sampler(prompt=tiny.conditioning("sd3", 5))
    with pytest.raises(CalibrationError, match="hold no milliseconds: set price"):
        runs_of(model, sampler, store, before=first, timed=True)
    assert sampler.seeds == []


def test_the_papers_methods_take_neither_budgets_nor_measurements(model):
    for extra in ({"budget": Budget(keep_attention=0.5)}, {"budget": Budget(price=MILLISECONDS)}, {"runs": 2}):
        with pytest.raises(CalibrationError, match="know no budget"):
            plan_by(V2, model, SETTINGS, Sampler(), **extra)


def test_the_node_hands_plan_measurements_and_figures_on(model):
    from ditfastattn.nodes import Calibrate

    def node(prompt, **extra):
        inputs = (model, 7, STEPS, 4.0, "euler", "simple", prompt, tiny.conditioning("sd3", 2), LATENT)
        with torch.inference_mode():
            return Calibrate.execute(*inputs, **extra)

    STORE.clear()
    first = node(PROMPT)
    last = node(tiny.conditioning("sd3", 5), measurements=first.args[1], runs=2, keep_attention=0.5)
    STORE.clear()
    (figures,), (text,) = last.ui["ditfastattn_calibration"], last.ui["ditfastattn_plan"]
    assert (figures["runs"], figures["resumed_runs"], figures["measured_runs"]) == (2, 0, 3)
    assert json.loads(json.dumps(figures)) == figures and figures["ratio_to_dense_run"] > 0
    assert loads(text) == last.args[0] and last.args[0].measurement.prompts == 2
    with pytest.raises(CalibrationError, match="leave no measurements"):
        node(PROMPT, measurements=plan_by(V2, model, SETTINGS, Sampler()).measurements)


def test_what_was_saved_before_an_input_was_added_still_runs():
    from ditfastattn.nodes import Calibrate

    info = Calibrate.GET_NODE_INFO_V1()["input"]
    added = ["measurements", "runs", "keep_attention", "max_cache_mib", "method", "verify", "price"]
    added += ["guider", "sampler", "sigmas", "keep_work"]
    assert list(info["optional"])[-11:] == added and not set(added) & set(info["required"])
    added = [*added[:-4], "keep_work"]
    assert all(info["optional"][name][1].get("advanced") for name in added[1:])


def bars_and_texts(monkeypatch):
    bars, texts = [], []

    def update(self, value, total=None, preview=None):
        bars.append(value / total)

    monkeypatch.setattr("comfy.utils.ProgressBar.update_absolute", update)
    return bars, texts


def test_one_bar_goes_over_all_runs_and_never_back(model, store, monkeypatch):
    bars, texts = bars_and_texts(monkeypatch)
    monkeypatch.setattr("ditfastattn.attention.calibration.progress.TEXT_INTERVAL", 0.0)
    meter = Meter(say=texts.append)
    runs_of(model, Sampler(meter=meter), store, runs=2, progress=meter)
    assert bars == sorted(bars) and bars[0] < 0.2 and bars[-1] == 1.0
    assert texts[0].startswith("Run 1 of 2") and "Attention is" in texts[0] and "x faster" in texts[0]
    assert any(text.startswith(f"Run 2 of 2, step 3 of {STEPS}, about ") and " s left" in text for text in texts)


def test_a_sampler_that_evaluates_twice_a_step_moves_the_bar_as_evenly(monkeypatch):
    bars, texts = bars_and_texts(monkeypatch)
    meter = Meter(say=texts.append)
    for step in range(10):
        for evaluation in (1, 2):
            meter.evaluated(2 * step + evaluation, max(10, 2 * step + evaluation))
        meter.sampled(step + 1, 10)
    # After the first two steps, in which the meter does not know the sampler yet.
    assert bars == sorted(bars) and all(abs(bars[3 * step + 2] - (step + 1) / 10) < 0.01 for step in range(1, 10))


def test_runs_that_are_known_count_in_the_text_and_not_in_the_bar(model, store, monkeypatch):
    bars, texts = bars_and_texts(monkeypatch)
    runs_of(model, Sampler(), store)
    meter = Meter(say=texts.append)
    runs_of(model, Sampler(meter=meter), store, runs=2, progress=meter)
    assert bars[0] < 0.3 and texts[0].startswith("Run 2 of 2")


def test_the_text_goes_to_the_node_that_runs_and_a_host_without_it_is_no_error(monkeypatch):
    sent = []
    server = SimpleNamespace(client_id="me", send_progress_text=lambda *args: sent.append(args))
    monkeypatch.setitem(sys.modules, "server", SimpleNamespace(PromptServer=SimpleNamespace(instance=server)))
    from comfy_execution.utils import CurrentNodeContext

    with CurrentNodeContext("p", "5:2"):
        Meter().finish("Done.")
    assert sent == [("Done.", "5:2", "me")]
    monkeypatch.delitem(sys.modules, "server")
    Meter().finish("Done.")
    assert len(sent) == 1


def test_cancel_is_heard_at_every_evaluation(monkeypatch):
    comfy.model_management.interrupt_current_processing()
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        Meter().evaluated(1, 10)


def test_figures_read_as_people_say_them():
    assert ceiling_text(41, 59) == (
        "Attention is 41% of the work at this size: compressing it alone makes at most 1.69x faster; leaving out steps "
        "can go beyond."
    )
    assert ceiling_text(0, 1) == ""
    assert [duration(seconds) for seconds in (12.2, 200, 9000)] == ["12 s", "3 min", "2.5 h"]
