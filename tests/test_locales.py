"""The locale files translate what the node schemas say, all of it and nothing else.

English has no file: the front end shows the schema's own texts where a locale has none (shown in a real editor by
browser/test_front_end.py).
"""

import json
import re

import pytest
from product_code import ROOT

from host import tiny

pytestmark = pytest.mark.host
LOCALES = sorted(path.name for path in (ROOT / "locales").iterdir())
SCRIPTS = {
    "zh": "[\u4e00-\u9fff]",
    "zh-TW": "[\u4e00-\u9fff]",
    "ja": "[\u3041-\u30ff\u4e00-\u9fff]",
    "ko": "[\uac00-\ud7a3]",
}
QUOTED = {"zh": "\u201c(.+?)\u201d", "zh-TW": "\u300c(.+?)\u300d", "ja": "\u300c(.+?)\u300d", "ko": "'([^']+)'"}


@pytest.fixture(scope="module")
def schemas():
    tiny.require_host()
    from ditfastattn.nodes import NODES

    return {node.define_schema().node_id: node.define_schema() for node in NODES}


def locale(language: str) -> dict:
    return json.loads((ROOT / "locales" / language / "nodeDefs.json").read_text("utf-8"))


def texts_of(schema) -> dict:
    """The texts of a node as a locale file holds them."""
    return {
        "display_name": schema.display_name,
        "description": schema.description,
        "inputs": {entry.id: named(entry, entry.id) for entry in schema.inputs},
        "outputs": {str(number): named(entry, entry.id) for number, entry in enumerate(schema.outputs)},
    }


def named(entry, name: str) -> dict:
    texts = {"name": entry.display_name or name, "tooltip": entry.tooltip}
    return {key: text for key, text in texts.items() if text}


def keys_of(texts) -> object:
    return {key: keys_of(value) for key, value in texts.items()} if isinstance(texts, dict) else None


def test_english_texts_stand_in_the_schemas_alone():
    assert sorted(LOCALES) == ["ja", "ko", "zh", "zh-TW"]


@pytest.mark.parametrize("language", LOCALES)
def test_a_locale_names_the_nodes_inputs_and_outputs_that_there_are(language, schemas):
    assert keys_of(locale(language)) == {name: keys_of(texts_of(schema)) for name, schema in schemas.items()}


@pytest.mark.parametrize("language", LOCALES)
def test_texts_are_written_in_their_language(language):
    script = re.compile(SCRIPTS[language])
    for node in locale(language).values():
        assert script.search(node["display_name"]) and script.search(node["description"])
        tooltips = [
            entry["tooltip"] for entry in (*node["inputs"].values(), *node["outputs"].values()) if "tooltip" in entry
        ]
        assert all(map(script.search, tooltips))


@pytest.mark.parametrize("language", LOCALES)
def test_texts_name_nodes_and_inputs_as_they_are_named_in_that_language(language):
    """A quoted name is one that the reader sees: of a node, an input or an output."""
    nodes = locale(language)
    names = {
        entry["name"] for node in nodes.values() for part in ("inputs", "outputs") for entry in node[part].values()
    }
    names |= {node["display_name"] for node in nodes.values()}
    for text in re.findall(r'"(?:tooltip|description)": "((?:[^"\\]|\\.)*)"', json.dumps(nodes, ensure_ascii=False)):
        assert [quoted for quoted in re.findall(QUOTED[language], text) if quoted not in names] == []
