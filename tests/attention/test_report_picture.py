"""The picture of a run document: any state and size draws, and what it shows is what the figures say."""

import numpy as np
import pytest
import torch
from plans_samples import plan_of

from ditfastattn.attention.hooks.record import RunRecord, StepCount
from ditfastattn.attention.report.canvas import BAR, printable, shortened, text_width, wrapped
from ditfastattn.attention.report.document import FULL, PLAN, REFUSED, WATCH, Subject, document
from ditfastattn.attention.report.picture import BARS, HEADER, LEFT, TILES, WIDTH, draw
from ditfastattn.attention.report.plan_map import COLOURS, MethodMap
from ditfastattn.attention.report.text import text_report


def run_of(steps: int, layers: int, letters: str = "fdwrFDWR", kind: str = PLAN, finished: int | None = None) -> dict:
    """The document of a run that computed a quarter of attention at every step."""
    finished = steps if finished is None else finished
    plan = plan_of(np.random.default_rng(0), levels=3)
    counts = [StepCount(1 - step / steps) for step in range(steps)]
    for count in counts[:finished]:
        count.dense, count.kept, count.items, count.seconds = 4_000_000, 1_000_000, 2, 0.1
    record = RunRecord(counts, "euler", cfg=4.5, seed=1, plan=plan, level="D3", tokens=4096, text_tokens=256)
    record.methods = [
        "".join(letters[(step * 3 + layer) % len(letters)] for layer in range(layers)) for step in range(steps)
    ]
    record.sampling_seconds, record.finished, record.state = 0.1 * finished, finished, "done"
    names = tuple(f"blocks.{layer}" for layer in range(layers))
    subject = Subject("12", None, "sd3", 10, "CPU", names, (4,) * layers)
    return document(record, subject, kind, planned=[(0.25, 0.6)] * steps)


def pixels(run: dict) -> np.ndarray:
    picture = draw(run)
    assert picture.dtype == torch.float32 and picture.ndim == 4 and picture.shape[0] == 1 and picture.shape[3] == 3
    assert 0.0 <= picture.min() and picture.max() <= 1.0
    return (picture[0].numpy() * 255).round().astype(np.uint8)


@pytest.mark.parametrize("steps", [1, 2, 20, 50, 256, 1000])
@pytest.mark.parametrize("layers", [1, 24, 57, 512])
def test_any_number_of_steps_and_layers_draws_at_one_width(steps, layers):
    picture = pixels(run_of(steps, layers))
    assert picture.shape[1] == WIDTH
    assert 500 < picture.shape[0] < 1500


@pytest.mark.parametrize("kind", [FULL, REFUSED, WATCH])
@pytest.mark.parametrize("notes", [["Calibrate with this model."], ["long " * 300] * 20])
def test_a_run_without_savings_draws_and_shows_its_notes(kind, notes):
    run = run_of(4, 2, kind=kind)
    picture = pixels({**run, "notes": [{"text": note} for note in notes]})
    assert picture.shape[1] == WIDTH and picture.shape[0] > pixels(run).shape[0]


@pytest.mark.parametrize("finished", [0, 3])
def test_a_run_that_did_not_finish_draws_and_says_how_far_it_came(finished):
    run = {**run_of(8, 3, finished=finished), "state": "cancelled"}
    pixels(run)
    assert f"Not complete: {finished} of 8 steps, cancelled" in text_report(run)


def test_a_run_without_steps_or_of_an_unknown_model_draws():
    empty = document(RunRecord([]), Subject(), FULL)
    pixels(empty)
    pixels({**empty, "state": "none"})
    pixels(run_of(3, 0))


def test_a_bar_is_as_tall_as_its_share():
    picture = pixels(run_of(4, 2))
    column = picture[HEADER + TILES + 52 : HEADER + TILES + 52 + BARS, LEFT + 100]
    kept = (column == BAR).all(axis=-1).sum()
    assert kept / (BARS / 1.14) == pytest.approx(0.25, abs=0.02)


def test_the_map_shows_each_method_in_its_colour():
    grid = MethodMap(["fdwr", "FDWR"], 2)
    assert grid.cells == [["f", "d", "w", "r"], ["F", "D", "W", "R"]]
    assert grid.shares and grid.counts == {"f": 2, "d": 2, "w": 2, "r": 2}
    picture = pixels(run_of(8, 8))
    for method in "fdwr":
        assert (picture == COLOURS[method]).all(axis=-1).sum() > 1000


def test_thinning_takes_the_commonest_method():
    grid = MethodMap(["f" * 512, "f" * 512, "r" * 512] * 300, 300)
    assert {letter for column in grid.cells for letter in column} == {"f"}
    assert grid.per_row > 1


def test_equal_figures_give_equal_pictures():
    run = run_of(20, 24)
    assert torch.equal(draw(run), draw(run))


def test_text_stays_inside_its_width_and_has_a_glyph_for_every_character():
    assert printable("a \u00d7 b \u2013 \u4e2d") == "a x b - ?"
    assert text_width(shortened("w" * 500, 100, 14), 14) <= 100
    lines = wrapped("word " * 400, 300, 14, most=3)
    assert len(lines) == 3 and all(text_width(line, 14) <= 300 for line in lines) and lines[-1].endswith("\u2026")


def test_steps_that_were_forecast_stand_out_in_the_map():
    run = run_of(10, 6, "fdwr")
    without = pixels(run)
    run["map"][4] = "p" * 6
    picture = pixels(run)
    colour = np.array(COLOURS["p"])
    assert colour.tolist() not in [list(COLOURS[letter]) for letter in "fdwr?"]
    painted = (picture == colour).all(axis=2)
    assert painted.sum() > 500 and not (without == colour).all(axis=2).any()
    # One column of the map, and a swatch of the legend.
    columns = np.flatnonzero(painted.sum(axis=0) > 40)
    assert columns.max() - columns.min() < (WIDTH - LEFT) / 10


@pytest.mark.parametrize(
    ("speed", "line"),
    [
        ({"times": 1.284, "source": "measured"}, "1.28 times faster than full attention (measured)"),
        ({"times": 0.8, "source": "estimated"}, "1.25 times slower than full attention (estimated)"),
    ],
)
def test_the_report_says_how_much_faster_and_how_that_is_known(speed, line):
    run = run_of(4, 2)
    assert "than full attention" not in text_report(run)
    assert line in text_report({**run, "speed": speed})
    assert "Attention saved: 75.0%" in text_report(run)
