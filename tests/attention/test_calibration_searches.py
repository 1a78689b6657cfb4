"""The papers' searches as calibration methods."""

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from host import tiny

tiny.require_host()

import itertools  # noqa: E402
import time  # noqa: E402

import comfy.model_management  # noqa: E402

from ditfastattn.attention.calibration.measurement import CalibrationError, SamplerSettings  # noqa: E402
from ditfastattn.attention.calibration.papers import bands, v1, v2  # noqa: E402
from ditfastattn.attention.calibration.papers.knapsack import best_choice  # noqa: E402
from ditfastattn.attention.calibration.papers.search import V1, V2, search  # noqa: E402
from ditfastattn.attention.calibration.progress import Meter  # noqa: E402
from ditfastattn.attention.calibration.store import Store  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.kernels import Window  # noqa: E402
from ditfastattn.plans import WaySpec, dumps, loads  # noqa: E402
from host.applying import apply_plan  # noqa: E402

pytestmark = pytest.mark.host
STEPS = 4
FOREVER = 1e9
FULL = {"f" * STEPS}


class Sampler:
    """Samples a tiny model and counts its runs; may press Cancel at a run's second step."""

    def __init__(self, family="sd3", cfg=4.0, cancel_in=None, meter=None):
        self.settings = SamplerSettings("euler", "simple", STEPS, cfg, 1.0, 7)
        self.latents, self.runs, self._family = [], 0, family
        self._cancel_in, self._meter = cancel_in, meter

    def __call__(self, patched):
        self.runs += 1

        def callback(step, x0, x, total):
            if step == 1 and self.runs == self._cancel_in:
                raise comfy.model_management.InterruptProcessingException()
            if self._meter is not None:
                self._meter.sampled(step + 1, total)

        self.latents.append(tiny.sample(patched, self._family, steps=STEPS, cfg=self.settings.cfg, callback=callback))
        return self.latents[-1]


def searched(method, thresholds, family="sd3", cfg=4.0):
    sampler, model = Sampler(family, cfg), tiny.shared_model(family)
    with torch.inference_mode():
        plan = search_plan(model, sampler.settings, sampler, method, thresholds)
    return model, plan, sampler


def search_plan(model, sampler_settings, sample, method, thresholds, progress=None):
    """The plan of `search` alone, with nothing remembered."""
    return search(
        HostModel.of(model), sampler_settings, sample, method, thresholds, progress=progress, store=Store()
    ).plan


def paths_of(plan, level=0):
    return set(plan.levels[level].paths)


@pytest.mark.parametrize("method", [V1, V2])
def test_a_threshold_of_nothing_leaves_everything_full(method):
    model, plan, _ = searched(method, [0.0])
    (level,) = plan.levels
    assert paths_of(plan) == FULL and not any("1" in bits for bits in level.share)
    assert (level.attention_flops_kept, level.model_flops_kept, level.cache_bytes) == (1.0, 1.0, 0)
    assert level.predicted_error < 1e-5
    assert attached(model) is None and not model.object_patches and not model.wrappers


@pytest.mark.parametrize("method", [V1, V2])
def test_a_threshold_without_end_reuses_everywhere_after_the_first_step(method):
    _, plan, _ = searched(method, [FOREVER])
    assert paths_of(plan) == {"f" + "r" * (STEPS - 1)}
    assert plan.levels[0].attention_flops_kept == pytest.approx(1 / STEPS)
    assert plan.levels[0].model_flops_kept < 1 - 0.7 * plan.measurement.attention_flops / (
        plan.measurement.attention_flops + plan.measurement.other_flops
    )


@pytest.mark.parametrize(
    ("family", "method", "threshold"),
    [("sd3", V1, 0.3), ("flux", V1, 0.4), ("wan21_t2v", V1, 0.3), ("sd3", V2, 0.5), ("pixart_sigma", V2, 0.5)],
)
def test_the_plan_repeats_the_latent_of_its_own_search(family, method, threshold):
    model, plan, sampler = searched(method, [threshold], family)
    assert paths_of(plan) != FULL
    patched = apply_plan(model, plan, "D1", strict=True)
    replayed = tiny.sample(patched, family, steps=STEPS, cfg=sampler.settings.cfg)
    torch.testing.assert_close(replayed, sampler.latents[1], rtol=1e-4, atol=1e-4 * float(replayed.abs().max()))
    dense = sampler.latents[0]
    error = float((replayed - dense).norm() / dense.norm())
    assert plan.levels[0].predicted_error == pytest.approx(error, rel=1e-2)
    record = attached(patched).runs.latest()
    whole, kept = record.attention_flops()
    assert kept / whole == pytest.approx(plan.levels[0].attention_flops_kept, abs=0.03) and not record.notes


def test_the_greedy_search_tries_the_cheapest_choice_first():
    names = [(chr(choice.letter), choice.share) for choice in v1.CHOICES]
    assert names == [("r", False), ("A", True), ("A", False), ("f", True)]


def test_without_guidance_nothing_is_shared():
    _, plan, _ = searched(V1, [FOREVER, 0.2], cfg=1.0)
    assert not any("1" in bits for level in plan.levels for bits in level.share)


def test_blocks_that_cannot_be_skipped_reuse_head_by_head():
    model, plan, sampler = searched(V1, [FOREVER], "flux")
    sites = HostModel.of(model).sites
    assert not all(site.skippable for site in sites) and paths_of(plan) == {"f" + "r" * (STEPS - 1)}
    replayed = tiny.sample(apply_plan(model, plan, "D1", strict=True), "flux", steps=STEPS)
    torch.testing.assert_close(replayed, sampler.latents[1], rtol=1e-4, atol=1e-4 * float(replayed.abs().max()))


def test_a_cancelled_search_goes_on_with_the_next_threshold():
    model, store, sampler = tiny.make_model("sd3"), Store(), Sampler(cancel_in=3)
    thresholds = [0.2, 0.6, 1.0]

    def go(sampler):
        with torch.inference_mode():
            return search(HostModel.of(model), sampler.settings, sampler, V2, thresholds, store=store)

    with pytest.raises(comfy.model_management.InterruptProcessingException):
        go(sampler)
    assert attached(model) is None and len(store) == 1
    sampler = Sampler()
    done = go(sampler)
    assert sampler.runs == 3 and (done.runs, done.resumed) == (3, 1)  # dense, and two searches
    assert go(Sampler(cancel_in=1)).resumed == 3
    assert [level.name for level in done.plan.levels] == ["D1", "D2", "D3"] and loads(dumps(done.plan)) == done.plan
    with torch.inference_mode():
        assert search_plan(model, sampler.settings, Sampler(), V2, thresholds).levels == done.plan.levels


def test_the_progress_of_a_greedy_search_says_what_it_costs(monkeypatch):
    bars, texts = [], []
    monkeypatch.setattr(
        "comfy.utils.ProgressBar.update_absolute",
        lambda self, value, total=None, preview=None: bars.append(value / total),
    )
    meter = Meter(say=texts.append)
    sampler = Sampler(meter=meter)
    with torch.inference_mode():
        search_plan(tiny.shared_model("sd3"), sampler.settings, sampler, V1, [FOREVER], meter)
    layers = len(HostModel.of(tiny.shared_model("sd3")).sites)
    assert bars == sorted(bars) and bars[-1] == 1.0
    assert texts[0].startswith("Run 1 of 2") and f"up to {4 * layers + 2} times a step" in texts[0]


def test_each_level_has_its_threshold():
    assert len(v1.THRESHOLDS) == len(v2.THRESHOLDS) == 6
    assert list(v1.THRESHOLDS) == sorted(v1.THRESHOLDS) and list(v2.THRESHOLDS) == sorted(v2.THRESHOLDS)


def test_a_search_without_attention_gets_one_sentence():
    model = tiny.shared_model("sd3")
    with pytest.raises(CalibrationError, match="nothing was searched"):
        search_plan(model, Sampler().settings, lambda patched: None, V2, [0.5])


OPTIONS = st.tuples(
    st.integers(0, 1200).map(lambda part: part / 1000), st.sampled_from([0.0, 0.752, 0.803, 0.829, 1.0, 3.0])
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(OPTIONS, min_size=2, max_size=2), min_size=1, max_size=6), st.sampled_from([0.0, 0.3, 1.0]))
def test_the_knapsack_finds_the_best_of_all_choices(heads, limit):
    error = np.array([[0.0, *(part for part, _ in head)] for head in heads])
    gain = np.array([[0.0, *(worth for _, worth in head)] for head in heads])
    chosen = best_choice(error, gain, limit)
    rows = np.arange(len(heads))
    assert error[rows, chosen].sum() <= limit + 1e-9
    best = max(
        gain[rows, list(choice)].sum()
        for choice in itertools.product(range(3), repeat=len(heads))
        if error[rows, list(choice)].sum() <= limit + 1e-9
    )
    assert gain[rows, chosen].sum() == pytest.approx(best)


def test_the_knapsack_takes_no_option_that_is_not_available():
    error = np.array([[0.0, np.inf, np.nan], [0.0, 0.2, 0.1]])
    gain = np.array([[0.0, 9.0, 9.0], [0.0, 1.0, 1.0]])
    assert best_choice(error, gain, 1.0)[0] == 0 and best_choice(error, gain, 1.0)[1] != 0
    assert best_choice(error, gain, 0.15).tolist() == [0, 2]
    assert best_choice(error, gain, 0.0).tolist() == [0, 0]


def test_the_greedy_searchs_loss_is_relative_to_the_larger_value_and_clipped():
    wanted = torch.tensor([[2.0, 1.0, 0.0, -1.0]])
    assert v1._relative_loss(wanted, wanted) == 0
    near = v1._relative_loss(wanted[:, :2], torch.tensor([[1.0, 2.0]]))
    assert near == pytest.approx(0.5, rel=1e-4)  # half of the larger one, both ways
    assert v1._relative_loss(torch.tensor([[0.0]]), torch.tensor([[-1.0]])) == v1.LARGEST_LOSS


def test_the_head_wise_error_is_relative_to_how_much_the_output_varies():
    generator = torch.Generator().manual_seed(0)
    exact = torch.randn(2, 3, 40, 8, generator=generator)
    mean = exact.mean(dim=(0, 2, 3), keepdim=True)
    some = exact.clone()
    some[:, 1] = mean[:, 1]  # a constant explains nothing
    some[:, 2] = 0.9 * exact[:, 2] + 0.1 * mean[:, 2]
    np.testing.assert_allclose(v2._rse(some, exact), [0, 1, 0.01], rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(v2._rse(5 * some + 3, 5 * exact + 3), [0, 1, 0.01], rtol=1e-3, atol=1e-9)


def test_the_knapsack_of_forty_heads_is_solved_at_once():
    rng = np.random.default_rng(0)
    error = np.concatenate((np.zeros((40, 1)), np.sort(rng.gamma(0.5, 0.02, (40, 4)), axis=1)), axis=1)
    gain = np.broadcast_to([0.0, 0.752, 0.803, 0.829, 1.0], error.shape)
    begin = time.process_time()
    chosen = best_choice(error, gain, 0.2)
    assert time.process_time() - begin < 1
    rows = np.arange(40)
    assert error[rows, chosen].sum() <= 0.2 + 1e-9
    # Within the greatest gain of one head of what the relaxed programme, which is not whole, can reach.
    bound = min(m * 0.2 + (gain - m * error).max(axis=1).sum() for m in np.geomspace(1e-3, 1e5, 4000))
    assert bound - 1 <= gain[rows, chosen].sum() <= bound + 1e-9


@pytest.mark.parametrize(
    ("family", "bands_of", "cap"),
    [("sd3", bands.V2_BANDS, v2.HEAD_CAP), ("wan21_t2v", bands.V2_VIDEO_BANDS, v2.VIDEO_HEAD_CAP)],
)
def test_the_searches_have_the_papers_windows_and_caps(family, bands_of, cap, monkeypatch):
    made, search_of = [], v2.HeadSearch
    monkeypatch.setattr(v2, "HeadSearch", lambda *args, **kwargs: made.append(search_of(*args, **kwargs)) or made[-1])
    _, plan, _ = searched(V2, [0.5], family)
    assert plan.ways == tuple(WaySpec.of("band", half=band.half) for band in bands_of)
    assert made[-1].cap == cap
    if family == "sd3":
        assert searched(V1, [FOREVER])[1].ways == (WaySpec.of("band", half=1 / 8),)


def test_a_layers_sources_are_the_last_steps_that_computed_and_that_computed_in_full():
    sites = HostModel.of(tiny.shared_model("sd3")).sites
    layers = v1.LayerChoices(sites, 5, bands.V1_BANDS[0])
    reuse, residual = v1.CHOICES[0], v1.CHOICES[2]
    for step, choice in enumerate((v1.AS_IS, residual, reuse, reuse)):
        layers.choices[step][0] = choice
    entries = [layers.at(step, 0) for step in range(1, 5)]
    assert [entry.source[0] for entry in entries] == [0, 1, 1, 1]
    assert [entry.residual_source[0] for entry in entries] == [0, 0, 0, 0]
    assert [entry.skips for entry in entries] == [False, sites[0].skippable, sites[0].skippable, False]
    assert not any(entry.unshared for entry in entries)


@pytest.mark.parametrize("family", ["sd3", "wan21_t2v"])
@pytest.mark.parametrize(
    ("method", "threshold", "windows"),
    [(V1, 0.3, (Window((0.2, 0.2)),)), (V2, 0.5, (Window((0.3, 0.3)), Window((0.5, 0.1)), Window((0.1, 0.1))))],
)
def test_windows_of_the_caller_take_the_place_of_the_papers(family, method, threshold, windows):
    rank = 3 if family.startswith("wan") else 2
    windows = tuple(replace(window, extent=(1.0,) * (rank - 2) + window.extent) for window in windows)
    model, sampler = tiny.shared_model(family), Sampler(family)
    with torch.inference_mode():
        plan = search(
            HostModel.of(model), sampler.settings, sampler, method, [threshold], windows=windows, store=Store()
        ).plan
    assert plan.ways == tuple(WaySpec.window(window.extent) for window in windows)
    replayed = tiny.sample(apply_plan(model, plan, "D1", strict=True), family, steps=STEPS, cfg=sampler.settings.cfg)
    torch.testing.assert_close(replayed, sampler.latents[1], rtol=1e-4, atol=1e-4 * float(replayed.abs().max()))


def test_thresholds_are_remembered_for_their_windows_alone():
    model, store, sampler = tiny.make_model("sd3"), Store(), Sampler()
    given = {"windows": (Window((0.5, 0.5)),), "store": store}
    with torch.inference_mode():
        search(HostModel.of(model), sampler.settings, sampler, V2, [0.2], store=store)
        assert search(HostModel.of(model), sampler.settings, sampler, V2, [0.2], **given).resumed == 0
        assert search(HostModel.of(model), sampler.settings, sampler, V2, [0.2], **given).resumed == 1
