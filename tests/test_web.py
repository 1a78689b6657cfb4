"""What the browser gets: it is in the published archive, and it holds nothing that a scanner or a reader would fear."""

import json
import re
from pathlib import Path

import pytest

from ditfastattn.plans import codec
from host.archive import shipped_files

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted((ROOT / "web").rglob("*.js"))
LANGUAGES = ("zh", "zh-TW", "ja", "ko")
NODES = (
    *("DiTFastAttnCalibrate", "DiTFastAttnApplyPlan", "DiTFastAttnStats", "DiTFastAttnCompare"),
    *("DiTFastAttnLoadModel", "DiTFastAttnImageNetClass", "DiTFastAttnOpenSora", "DiTFastAttnLoadVAE"),
    "DiTFastAttnFrames",
)
# Evaluated text, markup out of strings, requests past the host's own api object, storage, globals, other hosts.
FORBIDDEN = re.compile(
    r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|(?<!\.)\bfetch\(|XMLHttpRequest|"
    r"WebSocket|sendBeacon|\bimport\(|localStorage|sessionStorage|document\.cookie|\bwindow\.\w|globalThis|\.prototype\b|"
    r"https?://|atob\(|"
    # What other packs and the editor share: the page outside our own elements.
    r"document\.(head|body|documentElement)\b|document\.querySelector|document\.addEventListener|adoptedStyleSheets"
)

# A name, not an address.
SVG = "http://www.w3.org/2000/svg"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_evaluate_nothing_and_reach_nothing_but_the_host(path):
    lines = [line.replace(SVG, "") for line in path.read_text("utf-8").splitlines()]
    assert not [line for line in lines if FORBIDDEN.search(line)]


def test_scripts_pages_and_translations_are_in_the_archive():
    shipped = set(shipped_files(ROOT))
    wanted = {path.relative_to(ROOT).as_posix() for path in SCRIPTS}
    wanted |= {
        f"web/docs/{name}{language}.md" for name in NODES for language in ("", *(f"/{one}" for one in LANGUAGES))
    }
    assert wanted | {f"locales/{language}/nodeDefs.json" for language in LANGUAGES} <= shipped


def test_the_editor_and_the_server_have_one_limit_for_a_plans_text():
    (written,) = re.findall(r"MAX_LENGTH = (\d+) \* (\d+)", (ROOT / "web" / "plan_text.js").read_text("utf-8"))
    assert int(written[0]) * int(written[1]) == codec.MAX_TEXT == 160 * 1024


def sentences_of(path: Path) -> dict[str, list[str]]:
    """By key, the {places} in a sentence."""
    entries = re.findall(r"^  '?([\w.]+)'?: (.+)$", path.read_text("utf-8"), re.M)
    return {key: sorted(set(re.findall(r"\{(\w+)\}", text))) for key, text in entries}


@pytest.mark.parametrize("path", sorted((ROOT / "web" / "locales" / "editor").glob("*.js")), ids=lambda path: path.stem)
def test_the_editors_sentences_are_the_same_ones_in_each_language(path):
    english = sentences_of(path.with_name("en.js"))
    assert len(english) > 150 and sentences_of(path) == english


def test_every_sentence_that_is_said_is_in_the_catalogue_and_the_other_way_round():
    english = set(sentences_of(ROOT / "web" / "locales" / "editor" / "en.js"))
    scripts = "".join(path.read_text("utf-8") for path in (ROOT / "web" / "panel").glob("*.js"))
    said = set(re.findall(r"'(panel\.[\w.]+)'", scripts))
    # Keys that are put together: by kind, state, measure, source.
    built = [re.split(r"\$\{[^}]*\}", key) for key in re.findall(r"`(panel\.[^`]+)`", scripts)]
    patterns = [r"\w+".join(map(re.escape, parts)) for parts in built]
    assert said <= english
    unused = {key for key in english - said if key.startswith("panel.")}
    assert not {key for key in unused if not any(re.fullmatch(pattern, key) for pattern in patterns)}


def test_translations_are_of_the_nodes_that_have_help_pages():
    """What they say of each node is compared with its schema in test_locales.py, which needs the host."""
    assert set(json.loads((ROOT / "locales" / "zh" / "nodeDefs.json").read_text("utf-8"))) == set(NODES)


def test_imports_between_scripts_are_by_neighbouring_files():
    for path in SCRIPTS:
        for target in re.findall(r"from '([^']+)'", path.read_text("utf-8")):
            # The host serves web/ two folders below what it serves itself.
            up = "../" * (2 + len(path.relative_to(ROOT / "web").parts) - 1)
            assert target in (f"{up}scripts/app.js", f"{up}scripts/api.js") or (path.parent / target).is_file()
