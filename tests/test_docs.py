"""What the pages say of the repository is so."""

import re

import pytest
from product_code import ROOT

from host.archive import shipped_files

PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/design.md", "docs/benchmarks.md", "docs/kernels.md")
RESULTS = ROOT / "tests" / "benchmarks" / "results"
FIRST_TABLE = re.compile(r"\| model FLOPs kept \| this pack \|.*?\n\n", re.S)


def read(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_everything_that_a_page_shows_or_links_to_is_in_the_archive(page):
    shipped = {name for name in shipped_files(ROOT)}
    targets = [target for target in re.findall(r"\]\(([^)#\s]+)", read(page)) if not re.match(r"\w+:", target)]
    found = [((ROOT / page).parent / target).resolve().relative_to(ROOT.resolve()).as_posix() for target in targets]
    assert [name for name in (page, *found) if name not in shipped] == []


def test_the_readme_shows_the_first_table_and_the_plot_of_the_benchmarks():
    """Whoever measures anew changes both pages, and copies the plot that the benchmark drew."""
    assert FIRST_TABLE.search(read("README.md")).group() == FIRST_TABLE.search(read("docs/benchmarks.md")).group()
    drawn = (RESULTS / "quality-cpu.png").read_bytes()
    assert (ROOT / "docs" / "images" / "frontier.png").read_bytes() == drawn


def test_files_of_results_that_a_page_names_are_there():
    named = {name for page in PAGES for name in re.findall(r"tests/benchmarks/results/[\w.-]+\w", read(page))}
    assert named and all((ROOT / name).is_file() for name in named)


def test_the_readme_names_the_two_commands_and_every_example():
    text = re.sub(r"\s+", " ", read("README.md"))
    assert "python dev.py demo" in text and "python dev.py test" in text
    for path in (ROOT / "example_workflows").glob("*.json"):
        kind = {"flux1": "Flux.1 dev", "flux2": "Flux.2 dev", "sd3.5": "SD3.5 Large", "pixart": "PixArt Sigma"}
        assert kind.get(path.stem.split("_")[0], "Wan 2.2 14B") in text
    for path in (ROOT / "subgraphs").glob("*.json"):
        assert path.stem in text
