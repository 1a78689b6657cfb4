"""The editor in the languages that the pack is translated to: names of nodes from the host, sentences from the pack."""

import pytest

SAID = {
    "zh-TW": ("套用壓縮方案", "尚無方案"),
    "ja": ("圧縮プランを適用", "プランはまだありません"),
    "ko": ("압축 플랜 적용", "아직 플랜이 없습니다"),
}
# A sentence as the server sends it.
SERVER = "The picture is made with full attention."


@pytest.fixture(scope="module", autouse=True)
def english_again(editor):
    yield
    editor.setting("Comfy.Locale", "en")
    editor.page.reload()
    editor.wait_until_ready()


@pytest.mark.parametrize("language", SAID)
def test_nodes_and_sentences_are_in_the_editors_language(editor, workflow, language, screenshot):
    editor.setting("Comfy.Locale", language)
    editor.page.reload()
    editor.wait_until_ready()
    editor.open(workflow)
    editor.settle(500)
    title, headline = SAID[language]
    assert editor.run("return LiteGraph.createNode('DiTFastAttnApplyPlan').title") == title
    assert headline in editor.status()
    said = editor.run(
        "const { serverSentence } = await import('/extensions/ditfastattn/strings.js');"
        "return serverSentence(argument[0], { text: argument[1], key: argument[1], values: {} })",
        [language, SERVER],
    )
    assert said != SERVER and said.rstrip(".\u3002") != said
    screenshot(f"language_{language}")
