"""The statistics picture: any state and size draws, and what it shows is what the figures say."""

import numpy as np
import pytest
import torch

from ditfastattn.attention.report.canvas import BAR, printable, shortened, text_width, wrapped
from ditfastattn.attention.report.picture import BARS, HEADER, LEFT, TILES, WIDTH, draw
from ditfastattn.attention.report.plan_map import COLOURS, MethodMap

EMPTY = {
    "v": 1,
    "state": "dense",
    "model": {"family": "sd3", "parameters": 10, "layers": 2, "heads": 4, "tokens": 64, "text_tokens": 0},
    "sampler": {},
    "plan_id": None,
    "level": "off",
    "predicted_error": None,
    "attention_flops_kept": 1.0,
    "model_flops_kept": 1.0,
    "ceiling": None,
    "seconds": None,
    "cache_bytes": 0,
    "steps": [],
    "methods": [],
    "sites": [],
    "notes": [],
}


def run_of(steps: int, layers: int, letters: str = "fdwrFDWR", **changes) -> dict:
    rows = ["".join(letters[(step * 3 + layer) % len(letters)] for layer in range(layers)) for step in range(steps)]
    counts = [
        {"position": 1 - step / steps, "dense": 4_000_000, "kept": 1_000_000, "projections_skipped": 0, "seconds": 0.1}
        for step in range(steps)
    ]
    return {
        **EMPTY,
        "state": "done",
        "plan_id": "abc",
        "level": "D3",
        "predicted_error": 0.1,
        "seconds": 12.0,
        "ceiling": 1.3,
        "sampler": {"sampler": "euler", "steps": steps, "cfg": 4.5, "seed": 1},
        "steps": counts,
        "methods": rows,
        **changes,
    }


def pixels(stats: dict) -> np.ndarray:
    picture = draw(stats)
    assert picture.dtype == torch.float32 and picture.ndim == 4 and picture.shape[0] == 1 and picture.shape[3] == 3
    assert 0.0 <= picture.min() and picture.max() <= 1.0
    return (picture[0].numpy() * 255).round().astype(np.uint8)


@pytest.mark.parametrize("steps", [1, 2, 20, 50, 256, 1000])
@pytest.mark.parametrize("layers", [1, 24, 57, 512])
def test_any_number_of_steps_and_layers_draws_at_one_width(steps, layers):
    picture = pixels(run_of(steps, layers))
    assert picture.shape[1] == WIDTH
    assert 500 < picture.shape[0] < 1500


@pytest.mark.parametrize("state", ["dense", "refused", "no run", "done", "running", None, "something new"])
@pytest.mark.parametrize("notes", [[], ["Calibrate with this model."], ["long " * 300] * 20, None])
def test_a_state_without_figures_draws_and_shows_its_notes(state, notes):
    picture = pixels({**EMPTY, "state": state, "notes": notes})
    assert picture.shape[1] == WIDTH
    assert not notes or picture.shape[0] > pixels({**EMPTY, "state": state}).shape[0]


@pytest.mark.parametrize("key", [*EMPTY])
def test_no_missing_figure_stops_the_picture(key):
    pixels({**run_of(5, 3), key: None})
    without = run_of(5, 3)
    without.pop(key, None)
    pixels(without)


def test_steps_without_figures_draw():
    pixels(
        {
            **run_of(3, 2),
            "steps": [
                {"position": None, "dense": None, "kept": None},
                {},
                {"dense": float("nan"), "kept": float("inf")},
            ],
        }
    )
    pixels(run_of(3, 2, methods=["ff"]))
    pixels(run_of(3, 2, methods=["", "", ""]))
    pixels(run_of(3, 2, methods=["fx", "f", "?!#"]))
    pixels({})


def test_a_kept_bar_is_as_tall_as_its_share():
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
    assert torch.equal(draw(run_of(20, 24)), draw(run_of(20, 24)))


def test_text_stays_inside_its_width_and_has_a_glyph_for_every_character():
    assert printable("a \u00d7 b \u2013 \u4e2d") == "a x b - ?"
    assert text_width(shortened("w" * 500, 100, 14), 14) <= 100
    lines = wrapped("word " * 400, 300, 14, most=3)
    assert len(lines) == 3 and all(text_width(line, 14) <= 300 for line in lines) and lines[-1].endswith("\u2026")


def test_steps_that_were_forecast_stand_out_in_the_map():
    stats = run_of(10, 6, "fdwr")
    without = pixels(stats)
    stats["methods"][4] = "p" * 6
    stats["steps"][4] |= {"kept": 0, "forecast": 1}
    picture = pixels(stats)
    colour = np.array(COLOURS["p"])
    assert colour.tolist() not in [list(COLOURS[letter]) for letter in "fdwr?"]
    painted = (picture == colour).all(axis=2)
    assert painted.sum() > 500 and not (without == colour).all(axis=2).any()
    # One column of the map, and a swatch of the legend.
    columns = np.flatnonzero(painted.sum(axis=0) > 40)
    assert columns.max() - columns.min() < (WIDTH - LEFT) / 10
