"""What the browser gets: it is in the published archive, and it holds nothing that a scanner or a reader would fear."""

import json
import re
from pathlib import Path

import pytest

from ditfastattn.plans import codec
from host.archive import shipped_files

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted((ROOT / "web").rglob("*.js"))
NODES = ("DiTFastAttnCalibrate", "DiTFastAttnApplyPlan", "DiTFastAttnStats", "DiTFastAttnCompare")
# Evaluated text, markup out of strings, requests past the host's own api object, storage, globals, other hosts.
FORBIDDEN = re.compile(
    r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|(?<!\.)\bfetch\(|XMLHttpRequest|"
    r"WebSocket|sendBeacon|\bimport\(|localStorage|sessionStorage|document\.cookie|\bwindow\.|globalThis|\.prototype\b|"
    r"https?://|atob\("
)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_evaluate_nothing_and_reach_nothing_but_the_host(path):
    found = [line for line in path.read_text("utf-8").splitlines() if FORBIDDEN.search(line)]
    assert not found


def test_scripts_pages_and_translations_are_in_the_archive():
    shipped = set(shipped_files(ROOT))
    wanted = {path.relative_to(ROOT).as_posix() for path in SCRIPTS}
    wanted |= {f"web/docs/{name}{language}.md" for name in NODES for language in ("", "/zh")}
    assert wanted | {"locales/zh/nodeDefs.json"} <= shipped


def test_the_editor_and_the_server_have_one_limit_for_a_plans_text():
    (written,) = re.findall(r"MAX_LENGTH = (\d+) \* (\d+)", (ROOT / "web" / "plan_text.js").read_text("utf-8"))
    assert int(written[0]) * int(written[1]) == codec.MAX_TEXT == 160 * 1024


def test_the_editors_sentences_are_the_same_ones_in_each_language():
    text = (ROOT / "web" / "strings.js").read_text("utf-8")
    english, chinese = (re.findall(r"^    (\w+):", part, re.M) for part in text.split("  zh: {"))
    assert english == chinese and "tooLong" in english


def test_translations_are_of_the_nodes_that_have_help_pages():
    """What they say of each node is compared with its schema in test_locales.py, which needs the host."""
    assert set(json.loads((ROOT / "locales" / "zh" / "nodeDefs.json").read_text("utf-8"))) == set(NODES)


def test_imports_between_scripts_are_by_neighbouring_files():
    for path in SCRIPTS:
        for target in re.findall(r"from '([^']+)'", path.read_text("utf-8")):
            assert target in ("../../scripts/app.js", "../../scripts/api.js") or (path.parent / target).is_file()
