"""The benchmark of quality: what it computes beside the sampling, on made-up data."""

import math
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

from quality import effort, summary  # noqa: E402
from quality.forecast import SCHEDULES, Forecaster, Schedule, distinct_schedules  # noqa: E402
from quality.methods import BUDGETS, FEWER, METHODS, PLANNED, levels  # noqa: E402
from quality.rows import KEYS, Picture, Store, row_of  # noqa: E402
from quality.settings import HOME, SETTINGS, Setting  # noqa: E402

FIGURES = {
    "model_flops_kept": 0.6,
    "attention_flops_kept": 0.5,
    "seconds_ratio": 0.7,
    "latent_relative_error": 0.04,
    "psnr_db": 45.0,
    "ssim": 0.99,
}
PICTURE = Picture(SETTINGS[HOME], prompt=3, seed=5)


# -- forecasts ---------------------------------------------------------------------------------------------------------


def test_a_schedule_forecasts_the_evaluations_that_its_name_says():
    assert Schedule(4, 1, 2).forecasts(20) == (4, 6, 8, 10, 12, 14, 16, 18)
    assert Schedule(6, 1, 2).forecasts(20) == (6, 8, 10, 12, 14, 16, 18)
    assert Schedule(4, 2, 3).forecasts(20) == (4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19)
    assert str(Schedule(4, 2, 3)) == "2 of 3 from 4"


def test_the_schedules_keep_the_work_that_they_were_chosen_for():
    kept = [1 - len(schedule.forecasts(20)) / 20 for schedule in SCHEDULES]
    assert kept == pytest.approx([0.85, 0.70, 0.65, 0.60, 0.55, 0.45, 0.35])


@pytest.mark.parametrize("evaluations", [4, 8, 20])
def test_schedules_of_a_run_differ_in_what_they_forecast_and_all_forecast_something(evaluations):
    found = [schedule.forecasts(evaluations) for schedule in distinct_schedules(evaluations)]
    assert found and all(found) and len(set(found)) == len(found)
    assert min(map(min, found)) >= 2  # a line needs two evaluations made


class Sampled:
    """A Forecaster on a run whose velocity is `velocity(sigma)`; which evaluations were made, and what came back."""

    def __init__(self, schedule, velocity, sigmas):
        self.made, self.velocities = [], []
        forecaster, x = Forecaster(schedule), torch.full((1, 2), 3.0, dtype=torch.float64)
        for number, sigma in enumerate(sigmas):

            def model(x, timestep, number=number, sigma=sigma):
                self.made.append(number)
                return x - sigma * velocity(sigma)

            denoised = forecaster(model, x, torch.tensor([sigma], dtype=torch.float64))
            self.velocities.append(float(((x - denoised) / sigma)[0, 0]))


def test_forecast_evaluations_are_not_made_and_all_others_are():
    sampled = Sampled(Schedule(4, 2, 3), lambda sigma: sigma, [1 - 0.05 * step for step in range(20)])
    assert sampled.made == [0, 1, 2, 3, 6, 9, 12, 15, 18]


def test_a_velocity_linear_in_sigma_is_forecast_exactly_at_uneven_steps():
    sigmas = [1.0, 0.93, 0.9, 0.71, 0.6, 0.33, 0.2, 0.05]
    sampled = Sampled(Schedule(2, 2, 3), lambda sigma: 2 - 5 * sigma, sigmas)
    assert sampled.velocities == pytest.approx([2 - 5 * sigma for sigma in sigmas])


def test_a_forecast_continues_the_line_through_the_last_two_evaluations_that_were_made():
    sampled = Sampled(Schedule(2, 2, 3), lambda sigma: sigma**2, [1.0, 0.9, 0.8, 0.7, 0.6, 0.5])
    slope = 1.0 + 0.9  # of sigma squared between 1.0 and 0.9
    assert sampled.velocities[2:4] == pytest.approx([0.81 - 0.1 * slope, 0.81 - 0.2 * slope])
    slope = 0.9 + 0.6  # the two forecasts between them do not count
    assert sampled.velocities[5] == pytest.approx(0.36 - 0.1 * slope)


# -- levels and effort -------------------------------------------------------------------------------------------------


def test_fewer_steps_keep_the_budgets_exactly_and_no_count_twice():
    assert [steps / 20 for steps in levels(FEWER, SETTINGS[HOME]).values()] == list(BUDGETS)
    assert list(levels(FEWER, SETTINGS["4steps"])) == ["3 steps", "2 steps", "1 steps"]


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=list(SETTINGS))
def test_every_setting_has_levels_of_every_method_without_a_plan(setting):
    for method in set(METHODS) - set(PLANNED):
        assert len(levels(method, setting)) >= 2


def test_the_effort_of_a_run_follows_steps_guidance_and_size():
    assert SETTINGS[HOME].dense_cost == 1
    assert Setting("half", steps=10, cfg=1.0).dense_cost == 0.25
    assert Setting("four times the tokens", size=(1024, 1024)).dense_cost == pytest.approx(4 * (0.6 + 0.4 * 4))
    one = effort.rows(SETTINGS[HOME], [(FEWER, "10 steps", 10)])
    assert one == pytest.approx(1 + 0.5 + 2 * effort.DECODED)


# -- rows --------------------------------------------------------------------------------------------------------------


def test_a_row_has_the_keys_that_are_promised_and_no_others():
    row = row_of(PICTURE, "fewer steps", "12 steps", FIGURES)
    assert tuple(row) == KEYS
    assert {
        "method", "level", "model", "sampler", "cfg", "steps", "prompt", "seed", "model_flops_kept",
        "attention_flops_kept", "seconds_ratio", "latent_relative_error", "psnr_db", "ssim", "predicted_error",
    } <= set(row)  # fmt: skip
    assert row["steps"] == 20 and row["predicted_error"] is None
    assert row_of(PICTURE, "ours", "D1", FIGURES | {"predicted_error": 0.03})["predicted_error"] == 0.03


def test_a_row_without_one_of_its_figures_is_refused():
    with pytest.raises(KeyError, match="ssim"):
        row_of(PICTURE, "ours", "D1", {name: value for name, value in FIGURES.items() if name != "ssim"})


def test_rows_outlive_a_stopped_run_and_the_line_that_was_cut_off_is_made_again(tmp_path):
    row = row_of(PICTURE, "fewer steps", "12 steps", FIGURES)
    Store(tmp_path).add(PICTURE, row, None)
    (file,) = tmp_path.iterdir()
    with file.open("a") as out:
        out.write('{"setting": "home", "meth')
    assert Store(tmp_path).read(PICTURE, {"fewer steps": None}) == [row]
    assert Store(tmp_path).read(Picture(SETTINGS[HOME], 4, 5), {"fewer steps": None}) == []


def test_rows_of_another_plan_or_of_methods_not_asked_for_are_not_read(tmp_path):
    store = Store(tmp_path)
    store.add(PICTURE, row_of(PICTURE, "ours", "D1", FIGURES), "old")
    store.add(PICTURE, row_of(PICTURE, "fewer steps", "12 steps", FIGURES), None)
    assert store.read(PICTURE, {"ours": "new"}) == []
    assert [row["method"] for row in store.read(PICTURE, {"ours": "old"})] == ["ours"]


# -- the frontier ------------------------------------------------------------------------------------------------------


def test_errors_between_two_levels_are_interpolated_in_their_logarithm():
    assert summary.error_at([(0.4, 0.1), (0.8, 0.001)], 0.6) == pytest.approx(0.01)
    assert summary.error_at([(0.4, 0.1), (0.8, 0.001)], 0.4) == pytest.approx(0.1)


def test_a_budget_above_the_levels_buys_the_best_of_them_and_one_below_buys_nothing():
    points = [(0.5, 0.1), (0.7, 0.02)]
    assert summary.error_at(points, 0.85) == pytest.approx(0.02)
    assert summary.error_at(points, 0.35) is None
    assert summary.error_at([], 0.5) is None


def test_levels_that_are_beaten_in_both_are_not_on_the_frontier():
    points = [(0.5, 0.1), (0.6, 0.3), (0.7, 0.02), (0.9, 0.02)]
    assert summary.frontier(points) == [(0.5, 0.1), (0.7, 0.02)]


def rows_of(method, *levels_of):
    """Rows of two pictures; each level (work, error, seconds)."""
    return [
        row_of(
            Picture(SETTINGS[HOME], prompt, 5),
            method,
            f"D{number}",
            FIGURES
            | {"model_flops_kept": work, "latent_relative_error": error * (1 + prompt), "seconds_ratio": seconds}
            | {"predicted_error": error},
        )
        for number, (work, error, seconds) in enumerate(levels_of)
        for prompt in (0, 1)
    ]


def test_each_budget_names_the_best_alternative_and_how_ours_compares():
    rows = (
        rows_of("ours", (0.4, 0.06, 0.5), (0.9, 0.01, 0.95))
        + rows_of("fewer steps", (0.35, 0.2, 0.4), (0.85, 0.02, 0.9))
        + rows_of("lazycache", (0.6, 0.01, 0.7))
    )
    by_budget = {entry["model_flops_kept"]: entry for entry in summary.at_budgets(summary.level_means(rows))}
    assert set(by_budget) == set(BUDGETS)
    assert by_budget[0.60]["best_alternative"] == "lazycache"
    assert by_budget[0.60]["best_alternative_error"] == pytest.approx(0.015)  # the mean over both pictures
    ours = 1.5 * math.exp(math.log(0.06) + 0.2 / 0.5 * math.log(0.01 / 0.06))
    assert by_budget[0.60]["ours"] == pytest.approx(ours)
    assert by_budget[0.60]["ours_over_best"] == pytest.approx(ours / 0.015)
    assert by_budget[0.50]["best_alternative"] == "fewer steps"
    assert by_budget[0.35]["ours"] is None and by_budget[0.35]["ours_over_best"] is None


def test_a_level_that_leaves_pictures_dense_is_no_alternative_to_the_dense_run():
    rows = rows_of("easycache", (0.8, 0.01, 0.8), (0.5, 0.1, 0.5))
    rows[0] |= {"model_flops_kept": 1.0, "latent_relative_error": 0.0}  # one of the two pictures of D0
    by_budget = {entry["model_flops_kept"]: entry for entry in summary.at_budgets(summary.level_means(rows))}
    assert by_budget[0.85]["best_alternative_error"] == pytest.approx(0.15)  # of D1


def test_speed_is_compared_among_levels_of_a_small_error():
    rows = rows_of("ours", (0.4, 0.2, 0.2), (0.6, 0.05, 0.5), (0.9, 0.01, 0.8)) + rows_of("easycache", (1.0, 0.0, 0.9))
    assert summary.fastest_within(summary.level_means(rows)) == {"ours": {"level": "D1", "speed_up": 2.0}}


def test_this_packs_speed_is_said_beside_the_fastest_alternatives():
    rows = (
        rows_of("ours", (0.6, 0.05, 0.5))
        + rows_of("easycache", (0.6, 0.05, 0.8))
        + rows_of("fewer steps", (0.4, 0.06, 0.4), (0.3, 0.2, 0.3))  # the second one errs too much
    )
    found = summary.of_setting(rows)
    assert found["fastest_within"]["compared"] == {"fastest_alternative": "fewer steps", "ours_over_fastest": 0.8}
    assert "ours 0.80 times as fast as fewer steps" in summary.table(found)
    assert (
        summary.ours_over_fastest(summary.fastest_within(summary.level_means(rows_of("ours", (0.6, 0.05, 0.5)))))
        is None
    )


def test_what_was_not_timed_is_nowhere_fastest():
    rows = [
        row | {"seconds_ratio": None}
        for row in rows_of("ours", (0.4, 0.06, 0.5)) + rows_of("easycache", (0.6, 0.05, 0.5))
    ]
    found = summary.of_setting(rows)
    assert found["fastest_within"]["compared"] is None and found["levels"][0]["seconds_ratio"] is None
    assert "not timed" in summary.table(found)


def test_the_table_of_a_setting_has_every_method_and_every_budget():
    rows = rows_of("ours", (0.4, 0.06, 0.5)) + rows_of("forecast schedule", (0.45, 0.1, 0.5), (0.85, 0.02, 0.9))
    found = summary.of_setting(rows)
    text = summary.table(found)
    assert all(f"| {budget:.2f} |" in text for budget in BUDGETS)
    assert "forecast schedule" in text and found["pictures"] == 2
    assert found["prediction"]["within_factor_1.5"] == 0.5  # the second picture's errors are twice those predicted
