"""The benchmark's baselines in the real host: what was computed is what is counted."""

import json
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import plans_samples
import pytest
import torch

from host import tiny

tiny.require_host()
sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

import demo_model as demo  # noqa: E402
from quality import plans, prices, report  # noqa: E402
from quality.forecast import Schedule  # noqa: E402
from quality.methods import EASY, FEWER, FORECAST, LAZY, OURS, V1, V2  # noqa: E402
from quality.rows import Picture, row_of  # noqa: E402
from quality.run import Run  # noqa: E402
from quality.sampling import Clock, dense_run, with_plan, without_plan  # noqa: E402
from quality.settings import HOME, SETTINGS, Setting  # noqa: E402

from ditfastattn.attention.report.statistics import statistics  # noqa: E402
from ditfastattn.plans import dumps  # noqa: E402
from ditfastattn.plans.search import LEVELS  # noqa: E402
from host.applying import apply_plan  # noqa: E402

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("one_thread")]
CLOCK = Clock(threads=1)
NEVER, OFTEN = 0.0, 3.0


@pytest.fixture(scope="module")
def dense():
    """A small picture of ten steps, with guidance; by one thread, as in the tests: more of them round otherwise."""
    demo.model()  # sets the number of threads when it is loaded
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield dense_run(Picture(Setting("small", steps=10, size=(128, 128)), prompt=1, seed=5), CLOCK)
    torch.set_num_threads(before)


def test_a_dense_run_counts_both_branches_of_every_step(dense):
    assert dense.items == 20


@pytest.mark.parametrize(
    ("method", "value", "kept"),
    [(FEWER, 6, 0.6), (FORECAST, Schedule(4, 1, 2), 0.7), (EASY, NEVER, 1), (LAZY, NEVER, 1)],
)
def test_work_kept_is_the_part_of_the_evaluations_that_were_made(dense, method, value, kept):
    figures = without_plan(method, value, dense, CLOCK)
    assert figures["model_flops_kept"] == figures["attention_flops_kept"] == kept
    assert (figures["latent_relative_error"] == 0) == (kept == 1)


@pytest.mark.parametrize("method", [EASY, LAZY])
def test_the_hosts_caches_leave_out_evaluations_of_this_model(dense, method):
    figures = without_plan(method, OFTEN, dense, CLOCK)
    assert figures["model_flops_kept"] <= 0.6
    assert figures["latent_relative_error"] > 0


def test_easycache_leaves_the_samplers_own_tensor_alone(dense):
    figures = without_plan(EASY, 0.2, dense, CLOCK)
    assert figures["model_flops_kept"] == 0.6
    assert figures["latent_relative_error"] < 0.4  # 0.2; about 0.9 where it adds to what the host goes on with


# -- prices ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def measured():
    """A calibration of a small picture."""
    with torch.inference_mode():
        return plans._measured(demo.Job(demo.caption(1), 5, 6, size=(128, 128)))


def test_at_other_prices_attention_has_its_share_and_plans_made_for_it_are_no_dearer(measured):
    table, dear = measured.table, prices.priced(measured.table, 0.72)
    assert dear.costs.full.sum() / (dear.costs.full.sum() + dear.costs.other) == pytest.approx(0.72)
    np.testing.assert_allclose(dear.costs.projection / dear.costs.other, table.costs.projection / table.costs.other)
    plain, adapted = (plans.solve(replace(measured, table=one)).plan for one in (table, dear))
    share = prices.attention_share(plain)
    for one, other, (_, goal) in zip(plain.levels, adapted.levels, LEVELS):
        kept = prices.model_kept(one.model_flops_kept, one.attention_flops_kept, share, 0.72)
        assert other.predicted_error <= goal and other.model_flops_kept <= kept + 0.01


def test_a_run_is_counted_at_any_price_as_its_level_is(measured):
    """What a level is said to keep at other prices follows from what it keeps at the model's own."""
    plan = plans.solve(replace(measured, table=prices.priced(measured.table, 0.72))).plan
    share = prices.attention_share(plan)
    setting = Setting("small", steps=6, size=(128, 128))
    dense = dense_run(Picture(setting, 1, 5), CLOCK)
    for name in ("D2", "D6"):
        figures, level = with_plan(plan, name, dense, CLOCK), plan.level(name)
        model, attention = figures["model_flops_kept"], figures["attention_flops_kept"]
        assert prices.model_kept(model, attention, share, share) == pytest.approx(model)
        assert prices.model_kept(model, attention, share, 0.72) == pytest.approx(level.model_flops_kept, abs=0.01)


def test_attention_is_in_a_run_the_part_that_the_plan_says(measured):
    patched = apply_plan(demo.model(), plans.solve(measured).plan, "D3", strict=True)
    latent = demo.sample(patched, demo.Job(demo.caption(2), 5, 6, size=(128, 128)))
    ceiling = statistics(patched, latent)["ceiling"]
    assert prices.attention_share(plans.solve(measured).plan) == pytest.approx(1 - ceiling)


# -- the folder of a run -----------------------------------------------------------------------------------------------

FIGURES = {
    "model_flops_kept": 0.6,
    "attention_flops_kept": 0.4,
    "seconds_ratio": 0.7,
    "latent_relative_error": 0.04,
    "psnr_db": 45.0,
    "ssim": 0.99,
}
DEAR = SETTINGS["attention72"]


def run_in(folder, methods, settings=(HOME, DEAR.name), **options):
    chosen = [replace(SETTINGS[name], prompts=1, seeds=1) for name in settings]
    options = {"shard": "0/1", "report": False, "json": None, "device_name": ""} | options
    return Run(Namespace(settings=chosen, methods=methods, work=folder, **options), CLOCK)


def keep_plan(folder, method, setting, seed=0, code=None):
    """As if it had been made; attention is a fifth of its model's work."""
    plan = plans_samples.plan_of(np.random.default_rng(seed), levels=2)
    entry = {"plan": dumps(plan), "calibration_ratio": 1.4, "code": code or plans.product()}
    plans._file(folder, method, setting).write_text(json.dumps(entry))
    return plans.read(folder, method, setting)


def keep_rows(run, setting, method, levels, made_by=None, **changes):
    picture = Picture(setting, 0, 5)
    for level in levels:
        run.store.add(picture, row_of(picture, method, level, FIGURES | changes), made_by)


def test_other_prices_take_the_rows_of_home_except_for_this_packs_own(tmp_path):
    methods = [FEWER, OURS, V2]
    run = run_in(tmp_path, methods)
    paper = keep_plan(tmp_path, V2, SETTINGS[HOME])
    own = {name: keep_plan(tmp_path, OURS, SETTINGS[name], seed) for seed, name in enumerate((HOME, DEAR.name), 1)}
    run.read_plans()
    keep_rows(run, SETTINGS[HOME], FEWER, ["12 steps"], attention_flops_kept=0.6)
    keep_rows(run, SETTINGS[HOME], V2, ["D1", "D2"], paper.source)
    keep_rows(run, SETTINGS[HOME], OURS, ["D1", "D2"], own[HOME].source)
    keep_rows(run, DEAR, OURS, ["D2"], own[DEAR.name].source, latent_relative_error=0.01)

    rows = {(row["method"], row["level"]): row for row in run.rows(Picture(DEAR, 0, 5))}
    assert set(rows) == {(FEWER, "12 steps"), (V2, "D1"), (V2, "D2"), (OURS, "D2")}
    assert {row["model"] for row in rows.values()} == {"demo_sd3 priced as 72 % attention"}
    assert {row["setting"] for row in rows.values()} == {DEAR.name}
    assert {row["seconds_ratio"] for row in rows.values()} == {None}
    assert rows[FEWER, "12 steps"]["model_flops_kept"] == 0.6
    rest = (0.6 - 0.2 * 0.4) / 0.8
    assert rows[V2, "D1"]["model_flops_kept"] == pytest.approx(0.72 * 0.4 + 0.28 * rest)
    assert rows[OURS, "D2"]["latent_relative_error"] == 0.01
    assert {row["model_flops_kept"] for row in run.rows(Picture(SETTINGS[HOME], 0, 5))} == {0.6}

    left = {(picture.setting.name, entry[:2]) for picture, entries in run.left() for entry in entries}
    assert (DEAR.name, (OURS, "D1")) in left
    assert {method for name, (method, _) in left if name == DEAR.name} == {OURS}


def test_rows_that_other_prices_need_are_sampled_once_and_kept_with_home(tmp_path, monkeypatch):
    monkeypatch.setattr("quality.run.dense_run", lambda picture, clock: None)
    monkeypatch.setattr("quality.run.without_plan", lambda *_: FIGURES)
    run = run_in(tmp_path, [FEWER], (DEAR.name, HOME))
    assert run._sample_all() and not run._sample_all()
    (file,) = tmp_path.iterdir()
    assert file.name.startswith("rows-home") and len(file.read_text().splitlines()) == 5


def test_plans_of_other_code_are_reported_but_not_sampled(tmp_path, capsys):
    other = "000000000000"
    keep_plan(tmp_path, OURS, SETTINGS[HOME], code=other)
    with pytest.raises(SystemExit, match="made by other code .*delete it"):
        run_in(tmp_path, [OURS], (HOME,)).read_plans()
    reported = run_in(tmp_path, [OURS, V2], (HOME,), report=True)
    keep_rows(reported, SETTINGS[HOME], OURS, ["D1"], keep_plan(tmp_path, OURS, SETTINGS[HOME], code=other).source)
    keep_rows(reported, SETTINGS[HOME], V2, ["D1"], keep_plan(tmp_path, V2, SETTINGS[HOME]).source)
    report.report(reported, tmp_path)
    assert f"more than one version of the code: {other}, " in capsys.readouterr().out


def test_rows_of_the_same_plan_under_other_code_are_not_read(tmp_path):
    run = run_in(tmp_path, [OURS], (HOME,))
    planned = keep_plan(tmp_path, OURS, SETTINGS[HOME])
    run.read_plans()
    keep_rows(run, SETTINGS[HOME], OURS, ["D1"], f"{planned.plan.id} 0123456789ab")
    keep_rows(run, SETTINGS[HOME], OURS, ["D2"], planned.source)
    assert [row["level"] for row in run.rows(Picture(SETTINGS[HOME], 0, 5))] == ["D2"]


def test_a_shard_makes_the_rows_of_plans_that_came_while_it_was_busy(tmp_path, monkeypatch):
    def with_plan_made_meanwhile(*_):
        keep_plan(tmp_path, OURS, SETTINGS[HOME])
        return FIGURES

    monkeypatch.setattr(Run, "announce", lambda self: None)
    monkeypatch.setattr("quality.run.dense_run", lambda picture, clock: None)
    monkeypatch.setattr("quality.run.without_plan", with_plan_made_meanwhile)
    monkeypatch.setattr("quality.run.with_plan", lambda *_: FIGURES)
    run = run_in(tmp_path, [FEWER, OURS], (HOME,), shard="1/2")
    run.options.settings = [replace(SETTINGS[HOME], prompts=2, seeds=1)]
    run.sample()
    rows = run.rows(Picture(run.options.settings[0], 1, 5))
    assert {row["method"] for row in rows} == {FEWER, OURS} and not list(run.left())


def test_the_results_say_how_many_pictures_they_stand_on_and_what_made_them(tmp_path, capsys):
    run = run_in(tmp_path, [FEWER, V1])
    planned = keep_plan(tmp_path, V1, SETTINGS[HOME])
    run.read_plans()
    keep_rows(run, SETTINGS[HOME], FEWER, [f"{steps} steps" for steps in (17, 14, 12, 10, 7)], model_flops_kept=0.7)
    keep_rows(run, SETTINGS[HOME], V1, ["D1", "D2"], planned.source)
    report.report(run, tmp_path / "nowhere")
    result = json.loads((tmp_path / "quality.json").read_text())
    assert result["rows_missing"] == 0
    assert {name: found["pictures"] for name, found in result["settings"].items()} == {HOME: 1, DEAR.name: 1}
    assert result["settings"][DEAR.name]["made_by"] == {V1: planned.source}
    assert result["settings"][HOME]["fastest_within"][FEWER]["speed_up"] == pytest.approx(1 / 0.7)
    assert "pictures: 1" in capsys.readouterr().out
    assert {file.name for file in tmp_path.glob("*.png")} == {"quality.png", "quality-settings.png"}
