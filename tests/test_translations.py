"""Every sentence that people read is there in every language: the editor's by key, the server's by English template,
and each node's help page by its headings, lists and tables."""

import json
import re

import pytest
from product_code import ROOT

LANGUAGES = ("zh", "zh-TW", "ja", "ko")
FOLDER = ROOT / "web" / "locales"
PAGES = sorted((ROOT / "web" / "docs").glob("*.md"))
PARTS = {
    "heading": r"#{1,3} ",
    "point": r"- ",
    "numbered point": r"\d+\. ",
    "row": r"\|",
    "paragraph": r"(?![#|\-]|\d+\. )\S",
}
ENTRY = re.compile(
    r"""^\ \ (?: '([^']+)' | "((?:[^"\\]|\\.)+)" | (\w+) ) :\s*
        ( \[[^\n]*\] | '(?:[^'\\\n]|\\.)*' | "(?:[^"\\\n]|\\.)*" ) ,?$""",
    re.M | re.X,
)
# What a language is written with.
SCRIPTS = {"zh": "[\u4e00-\u9fff]", "zh-TW": "[\u4e00-\u9fff]", "ja": "[\u3041-\u30ff]", "ko": "[\uac00-\ud7a3]"}
# Of the commonest words here: characters that are written so in Mainland China alone, and so in Taiwan alone.
SIMPLIFIED, TRADITIONAL = "样长压缩计数应图执运设时间层", "樣長壓縮計數應圖執運設時間層"


def catalogue(name: str) -> dict[str, str]:
    """A file's entries by key, in order: their source text with escapes read, quotes and brackets included."""
    text = (FOLDER / name).read_text("utf-8")
    entries = ENTRY.findall(text)
    assert len(entries) == len(re.findall(r"^  ['\"\w].*:", text, re.M)), f"{name} is not written line by line"
    return {one or json.loads(f'"{two}"') or three: unescaped(value) for one, two, three, value in entries}


def unescaped(text: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), text)


def places(text: str) -> list[str]:
    return sorted(set(re.findall(r"\{(\w+)\}", text)))


@pytest.fixture(params=[(folder, language) for folder in ("", "editor/") for language in LANGUAGES], ids="".join)
def pair(request):
    """(language, English, translation) of one file."""
    folder, language = request.param
    return language, catalogue(f"{folder}en.js"), catalogue(f"{folder}{language}.js")


def test_a_translation_has_every_sentence_with_its_places_and_no_other(pair):
    _, english, translated = pair
    assert set(translated) == set(english) and len(english) > 100
    differ = [key for key in english if places(english[key]) != places(translated[key])]
    assert differ == []


def test_a_headline_stays_a_headline(pair):
    """What is a list in English has as many parts, and the same ones are empty."""
    _, english, translated = pair
    shape = re.compile(r"''|'(?:[^'\\]|\\.)+'|\"(?:[^\"\\]|\\.)+\"")
    for key, text in english.items():
        if text.startswith("["):
            parts = [[len(part) > 2 for part in shape.findall(one)] for one in (text, translated[key])]
            assert parts[0] == parts[1], key


def test_a_translation_is_written_in_its_language(pair):
    language, english, translated = pair
    script = re.compile(SCRIPTS[language])
    # Names, formats and what is made of other texts alone are the same everywhere.
    plain = [
        key for key, text in translated.items() if not script.search(text) and re.search(r"[a-z]{3}", unplaced(text))
    ]
    assert plain == []


def unplaced(text: str) -> str:
    return re.sub(r"\{\w+\}", "", text)


def test_chinese_is_written_as_its_readers_write(pair):
    language, _, translated = pair
    assert written_elsewhere(language, "".join(translated.values())) == []


def written_elsewhere(language: str, text: str) -> list[str]:
    """Characters of a Chinese text that its readers write otherwise."""
    here, there = {"zh": (SIMPLIFIED, TRADITIONAL), "zh-TW": (TRADITIONAL, SIMPLIFIED)}.get(language, ("", ""))
    return [one for one in sorted(set(there) - set(here)) if one in text]


@pytest.fixture(
    params=[(page, language) for page in PAGES for language in LANGUAGES], ids=lambda pair: pair[0].stem + "-" + pair[1]
)
def help_page(request):
    """(node, language, English page, translated page): the front end asks for NODE/LANGUAGE.md, then for NODE.md."""
    page, language = request.param
    translated = page.with_suffix("") / f"{language}.md"
    return page.stem, language, page.read_text("utf-8"), translated.read_text("utf-8")


def test_every_node_has_a_help_page_in_every_language():
    nodes = sorted(json.loads((ROOT / "locales" / "zh" / "nodeDefs.json").read_text("utf-8")))
    assert [page.stem for page in PAGES] == nodes
    for page in PAGES:
        assert sorted(path.name for path in page.with_suffix("").iterdir()) == sorted(f"{one}.md" for one in LANGUAGES)


def test_a_translated_help_page_has_the_parts_of_the_english_one_in_its_order(help_page):
    _, _, english, translated = help_page
    assert parts_of(translated) == parts_of(english)
    assert {"heading", "row"} <= {kind for kind, _, _ in parts_of(english)}


def parts_of(page: str) -> list[tuple[str, int, int]]:
    """Of each line that is not empty: what it is, how deep a heading or how many cells, and how many words are bold."""
    parts = []
    for line in filter(None, page.splitlines()):
        (kind,) = [kind for kind, pattern in PARTS.items() if re.match(pattern, line)]
        parts.append((kind, line.count("|") or len(line) - len(line.lstrip("#")), line.count("**")))
    return parts


def test_a_help_page_calls_things_as_the_nodes_in_its_language_do(help_page):
    node, language, english, translated = help_page
    nodes = json.loads((ROOT / "locales" / language / "nodeDefs.json").read_text("utf-8"))
    named = {
        entry["name"] for texts in nodes.values() for kind in ("inputs", "outputs") for entry in texts[kind].values()
    }
    assert translated.startswith(f"# {nodes[node]['display_name']}\n")
    assert {entry["name"] for entry in nodes[node]["inputs"].values()} <= spans(translated)
    # Whatever else is set as code is a value, which is the same in every language.
    identifiers = {name for texts in nodes.values() for name in texts["inputs"]}
    assert spans(translated) - named <= spans(english) - identifiers


def spans(page: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", page))


def test_a_help_page_names_the_models_that_the_english_one_names(help_page):
    node, _, english, translated = help_page
    listed = re.findall(r"\*\*(SD3[^*]+)\*\*", english)
    assert len(listed) == (node in ("DiTFastAttnApplyPlan", "DiTFastAttnCalibrate"))
    for names in listed:
        models = re.split(r", | and ", names)
        assert len(models) > 30 and [model for model in models if model not in translated] == []


def test_a_help_page_is_written_in_its_language(help_page):
    _, language, _, translated = help_page
    lines = [re.sub(r"`[^`]*`", "", line) for line in translated.splitlines()[1:]]
    plain = [line for line in lines if re.search(r"[a-z]{3}", line) and not re.search(SCRIPTS[language], line)]
    assert plain == [] and written_elsewhere(language, translated) == []


def test_the_editor_knows_every_language_that_there_is_a_file_of():
    text = (ROOT / "web" / "strings.js").read_text("utf-8")
    for language in LANGUAGES:
        assert f"from './locales/{language}.js'" in text and f"from './locales/editor/{language}.js'" in text
        used = [table for table in re.findall(r"^const \w+ = \{(.+)\}$", text, re.M)]
        assert all(re.search(rf"(?:^|\W)'?{language.lower()}\b", table) for table in used) and len(used) == 2
    assert sorted(path.name for path in (ROOT / "locales").iterdir()) == sorted(LANGUAGES)
