"""Branches that do not cover the whole picture all the time: what of them is in the prediction, and what errors do."""

import numpy as np
import pytest
import torch

from host import tiny

tiny.require_host()

import comfy_extras.nodes_custom_sampler as custom  # noqa: E402
import comfy_extras.nodes_perpneg as perpneg  # noqa: E402
from matrix import others  # noqa: E402
from matrix.others import both, carrying  # noqa: E402
from matrix.sampled import Sampled, sample  # noqa: E402

from ditfastattn.attention.calibration import measurement  # noqa: E402
from ditfastattn.attention.calibration.guidance import Guidance  # noqa: E402
from ditfastattn.attention.calibration.place_weights import PlaceWeights, covered  # noqa: E402
from ditfastattn.attention.calibration.watch import Watch  # noqa: E402
from ditfastattn.attention.hooks.guidance import GuidanceKind  # noqa: E402
from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import install  # noqa: E402
from ditfastattn.attention.hooks.record import RunLog  # noqa: E402
from ditfastattn.plans.search import Course  # noqa: E402
from host.applying import apply_plan  # noqa: E402

pytestmark = pytest.mark.host
CFG, STEPS = 4.0, 5
AREA = (8, 12, 4, 6)  # a quarter of the latent of 16 x 24
HALF_MASK = carrying(1, mask=others.half_mask("sd3"))


def watched(sampling) -> Watch:
    """What a dense run of SD3 showed. sampling: samples a model."""
    made = []

    def processor(run):
        made.append(Watch(model, run))
        return made[-1]

    model = HostModel.of(tiny.shared_model("sd3"))
    with torch.inference_mode():
        sampling(install(model, processor, RunLog()))
    return made[-1]


def sampled(how: Sampled, family: str = "sd3"):
    return lambda model: sample(model, family, how, STEPS)


def sums_of(how: Sampled) -> list:
    """Of each step: the sums of the branches' weights that there are, and the part of the picture that has each."""
    weights = watched(sampled(how)).place_weights
    result = []
    for step in range(STEPS):
        values, counts = np.unique(np.round(np.atleast_1d(weights._sums[step]), 6), return_counts=True)
        result.append(dict(zip(values.tolist(), (counts / counts.sum()).tolist(), strict=True)))
    return result


@pytest.mark.parametrize(
    ("how", "part"),
    [
        (Sampled(positive=carrying(1, area=AREA)), 0.75),
        (Sampled(positive=HALF_MASK), 0.5),
        (Sampled(positive=carrying(1, area=AREA, strength=0.3)), 0.75),
        (Sampled(positive=both(carrying(1, area=(8, 12, 0, 0)), carrying(3, area=(8, 12, 8, 12)))), 0.5),
    ],
    ids=["an area", "a mask", "an area at a strength below 1", "two areas"],
)
def test_beyond_a_positives_areas_and_masks_there_is_the_negative_alone_times_1_less_cfg(how, part):
    for found in sums_of(how):
        assert found == pytest.approx({1.0 - CFG: part, 1.0: 1.0 - part}, abs=0.02)


def test_where_only_the_negative_has_an_area_the_positive_is_alone_beyond_it_times_cfg():
    for found in sums_of(Sampled(negative=carrying(2, area=AREA))):
        assert found == pytest.approx({CFG: 0.75, 1.0: 0.25}, abs=0.02)


def test_a_range_of_steps_is_a_branch_of_zero_in_the_others():
    """To the host, whose prediction is cfg times that, less than nothing of the other."""
    found = [list(one) for one in sums_of(Sampled(positive=carrying(1, end_percent=0.5)))]
    assert found[0] == [1.0] and found[-1] == [1.0 - CFG] and all(one in ([1.0], [1.0 - CFG]) for one in found)


@pytest.mark.parametrize(
    "how",
    [
        Sampled(),
        Sampled(cfg=1.0),
        Sampled(positive=both(carrying(1, strength=0.7), carrying(3, strength=0.4))),
        Sampled(positive=both(carrying(1, area=AREA), carrying(3))),
        Sampled(positive=both(carrying(1, area=(16, 12, 0, 0)), carrying(3, area=(16, 12, 0, 12)))),
        Sampled(positive=both(HALF_MASK, carrying(3))),
        Sampled(positive=both(carrying(1, end_percent=0.5), carrying(3, start_percent=0.5))),
        Sampled(before=others.side_pass),
        Sampled(mask=True),
        Sampled(batch=2),
    ],
    ids=[
        *("as usual", "CFG 1", "strengths", "an area on a background", "areas that leave nothing", "a mask over all"),
        *("ranges without a gap", "a side pass", "inpainting", "a batch"),
    ],
)
def test_where_both_branches_cover_everything_nothing_is_changed(how, monkeypatch):
    """No factor is asked for, so that the table has the bits that it would have without."""

    def never(self, *args):
        raise AssertionError("asked for")

    monkeypatch.setattr(PlaceWeights, "growth", never)
    monkeypatch.setattr(PlaceWeights, "answers", never)
    model, settings = HostModel.of(tiny.shared_model("sd3")), measurement.SamplerSettings("euler", "simple", 5, 4, 1, 7)
    with torch.inference_mode():
        measured = measurement.measure(model, settings, sampled(how))
    assert np.isfinite(measured.table.weight).all()


def guided(make):
    def sampling(model):
        made = make(model, [tiny.conditioning("sd3", number) for number in (1, 2, 3)])
        sampler, levels = custom.KSamplerSelect.execute("euler").args[0], torch.tensor([1.0, 0.7, 0.4, 0.0])
        noise, latent = custom.Noise_RandomNoise(3), {"samples": tiny.latent("sd3")}
        custom.SamplerCustomAdvanced.execute(noise, made, sampler, levels, latent)

    return sampling


@pytest.mark.parametrize(
    "make",
    [
        lambda model, conds: custom.DualCFGGuider.execute(model, *conds, 3.0, 2.0, "regular").args[0],
        lambda model, conds: custom.DualCFGGuider.execute(model, *conds, 3.0, 2.0, "nested").args[0],
        lambda model, conds: perpneg.PerpNegGuider.execute(model, *conds, 4.0, 1.0).args[0],
    ],
    ids=["dual CFG", "nested dual CFG", "perpendicular"],
)
def test_three_conditionings_of_the_whole_picture_add_up_to_1_whatever_the_guider(make):
    assert watched(guided(make)).place_weights.ordinary


def test_a_third_conditioning_with_an_area_is_missing_beyond_it():
    """Regular dual CFG: 3 of the first, 2 - 3 of the second, 1 - 2 of the negative: 1, and -2 without the first."""

    def make(model, conds):
        first = [[embeddings, {**more, "area": AREA}] for embeddings, more in conds[0]]
        return custom.DualCFGGuider.execute(model, first, *conds[1:], 3.0, 2.0, "regular").args[0]

    for sums in watched(guided(make)).place_weights._sums.values():
        values, counts = np.unique(np.round(sums, 3), return_counts=True)
        assert dict(zip(values, counts / counts.sum())) == pytest.approx({-2.0: 0.75, 1.0: 0.25}, abs=0.02)


def test_a_lone_branch_counts_as_the_host_counts_it():
    """The host takes a branch without conditionings for a prediction of zero."""
    guidance = Guidance(GuidanceKind(4.0, True, True))
    assert guidance.weights([(0, 1)], torch.zeros(1)) == {(0, 1): -3.0}
    assert guidance.weights([(0, 0)], torch.zeros(1)) == {(0, 0): 4.0}
    assert Guidance(GuidanceKind(1.0, False, True)).weights([(0, 0)], torch.zeros(1)) == {(0, 0): 1.0}


def test_a_few_zeros_are_values_of_the_model():
    output = torch.ones(1, 1, 40, 40)
    output[..., 0, :7] = 0
    assert covered(output) is None
    output[..., :4, :] = 0
    assert float(covered(output).float().mean()) == pytest.approx(0.9, abs=0.01)


def test_growth_is_that_of_a_deviation_that_is_followed_step_by_step():
    """In the open: a vector with its answers along it and across it, in a direction of its own at every step."""
    generator = np.random.default_rng(0)
    steps, at = 4, 12
    takes = generator.uniform(0.1, 0.5, (steps, 1))
    answers = np.stack([generator.uniform(0.5, 1, steps), generator.uniform(0.2, 0.5, steps)], axis=1)
    keeps = 1 - takes[:, 0]
    sums = np.where(np.arange(at) < 4, 1.0, -3.0)
    weights = PlaceWeights(steps)
    for step in range(steps):
        # From the third step on the branch that covers a third alone is missing everywhere.
        where = torch.tensor(sums == 1.0) if step < 2 else torch.zeros(at, dtype=torch.bool)
        weights.add(step, [(4.0, where), (-3.0, None)])
    found = weights.growth(Course(takes, keeps, answers))

    def followed(place, start, factor):
        deviation = np.eye(steps + 1)[0]
        for step in range(start + 1, steps):
            w = factor(place, step)
            along, across = answers[step]
            new = np.eye(steps + 1)[step] * np.linalg.norm(deviation)
            deviation = keeps[step] * deviation + takes[step, 0] * w * (along * deviation + across * new)
        return np.linalg.norm(deviation) ** 2

    def real(place, step):
        return -3.0 if step >= 2 else sums[place]

    for start in range(steps):
        powers = [25.0 if real(place, start) == 1.0 else 9.0 for place in range(at)]
        ratio = [followed(p, start, real) / followed(p, start, lambda place, step: 1.0) for p in range(at)]
        assert found[start] == pytest.approx(np.dot(powers, ratio) / np.sum(powers), rel=1e-9)


def test_levels_keep_their_promise_where_an_area_leaves_a_part_without():
    """At eight steps; while branches were assumed to add up to 1 everywhere these erred 1.5 to 2.2 times as much."""
    base, how, steps = tiny.shared_model("sd3"), Sampled(positive=carrying(1, area=AREA)), 8
    settings = measurement.SamplerSettings("euler", "simple", steps, CFG, 1, 7)
    with torch.inference_mode():
        measured = measurement.measure(HostModel.of(base), settings, lambda model: sample(model, "sd3", how, steps))
        plan, dense = measurement.solve(measured).plan, sample(base, "sd3", how, steps)
        for level in ("D2", "D3", "D4"):
            made = sample(apply_plan(base, plan, level), "sd3", how, steps)
            error = float((made - dense).norm() / dense.norm())
            assert 0 < error < plan.level(level).predicted_error, (level, error)
