"""What the benchmark says of the papers: figures that are arithmetic agree with what was published, where they can."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

from papers import counted, published  # noqa: E402
from papers.systems import SYSTEMS  # noqa: E402

from ditfastattn.attention.calibration.papers.bands import V1_BANDS  # noqa: E402

RESULTS = Path(__file__).parent / "benchmarks" / "results" / "papers-cpu.json"


def rows(**wanted):
    return [row for row in counted.rows() if all(row[name] == value for name, value in wanted.items())]


def test_the_results_are_of_this_code():
    assert json.loads(RESULTS.read_text("utf-8"))["rows"] == counted.rows()


def test_every_row_says_what_differs_and_no_unknown_is_a_number():
    for row in counted.rows():
        assert {"system", "setting", "figure", "published", "ours", "why"} <= set(row) and row["why"]
        assert row["ours"] is not None or row["why"] == counted.NO_WEIGHTS


@pytest.mark.parametrize("method", published.TABLE_2)
def test_one_method_alone_is_counted_as_in_table_2(method):
    found = rows(setting=f"{method} alone")
    assert [row["recounted"] for row in found] == pytest.approx(published.TABLE_2[method], abs=0.0075)
    assert all("ASC" in method or row["ours"] == row["recounted"] for row in found)


@pytest.mark.parametrize("level", published.PLANS)
def test_published_plans_keep_what_table_1_says_by_the_authors_count(level):
    plan = published.PLANS[level]
    assert len(plan) == 20 and {len(step) for step in plan} == {28} and set("".join(plan)) <= set(counted.CELLS)
    figure = published.TABLE_1["DiT-XL/2-512"][int(level[1]) - 1]
    assert counted.authors_count(plan) == pytest.approx(figure, abs=0.01)
    found = counted.kept(SYSTEMS["DiT-XL/2-512"], plan)
    assert figure < found[counted.MATMULS] < found[counted.MODULE] < found[counted.ALL_WORK] < 1


def test_dense_runs_are_as_large_as_published():
    for row in rows(figure="attention, 10^12 multiply-adds"):
        assert row["ours"] == pytest.approx(row["published"], rel=0.01)
    costs = SYSTEMS["DiT-XL/2-512"].costs(V1_BANDS)
    # The model's authors give 525 * 10^9 multiply-adds for one picture.
    assert (costs.full.sum() + costs.other) / 2 / 2 / 1e9 == pytest.approx(525, rel=0.01)


def test_windows_of_v2_save_what_its_code_estimates():
    found = [row for row in counted.rows() if row["setting"].startswith("a window of")]
    assert len(found) == 9
    assert [row["ours"] for row in found] == pytest.approx([row["published"] for row in found], abs=1e-3)


def test_rows_of_tiles_had_one_window_where_v2_has_three():
    found = rows(system="64 x 64 tokens", figure=counted.WINDOW_KEEPS)
    exact, rounded = ([row[name] for row in found if "V2" in row["setting"]] for name in ("ours", "in_tiles"))
    assert len(set(exact)) == 3 and exact == sorted(exact, reverse=True) and len(set(rounded)) == 1
