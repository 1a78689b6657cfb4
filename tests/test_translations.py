"""Every sentence that people read is there in every language: the editor's by key, the server's by English template."""

import json
import re

import pytest
from product_code import ROOT

LANGUAGES = ("zh", "zh-TW", "ja", "ko")
FOLDER = ROOT / "web" / "locales"
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
    wrong = {"zh": TRADITIONAL, "zh-TW": SIMPLIFIED}.get(language, "")
    only = {one for one, other in zip(SIMPLIFIED, TRADITIONAL)} if language == "zh-TW" else set(wrong)
    text = "".join(translated.values())
    assert [one for one in only - set(TRADITIONAL if language == "zh-TW" else SIMPLIFIED) if one in text] == []


def test_the_editor_knows_every_language_that_there_is_a_file_of():
    text = (ROOT / "web" / "strings.js").read_text("utf-8")
    for language in LANGUAGES:
        assert f"from './locales/{language}.js'" in text and f"from './locales/editor/{language}.js'" in text
        used = [table for table in re.findall(r"^const \w+ = \{(.+)\}$", text, re.M)]
        assert all(re.search(rf"(?:^|\W)'?{language.lower()}\b", table) for table in used) and len(used) == 2
    assert sorted(path.name for path in (ROOT / "locales").iterdir()) == sorted(LANGUAGES)
