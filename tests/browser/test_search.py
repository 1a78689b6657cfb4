"""What people type when they look for something that makes a model faster finds the nodes, the right one first."""

import pytest

WORDS = ("faster", "speed", "flux", "qwen", "wan", "teacache", "sage", "sparse", "compress")
OURS = ("Apply Compression Plan", "DiTFastAttn Calibrate", "Attention Stats")


@pytest.fixture(scope="module")
def results(editor):
    """The titles of our nodes among the results for a word, in the order in which the real search box lists them."""

    def search(word: str) -> list[str]:
        box = editor.page.get_by_role("combobox").first
        if not box.is_visible():
            editor.run("await manager.command.execute('Workspace.SearchBox.Toggle')")
            box.wait_for()
        box.fill(word)
        editor.settle(600)
        shown = editor.page.get_by_test_id("result-item").all_inner_texts()
        titles = [next((title for title in OURS if text.strip().startswith(title)), None) for text in shown]
        return [title for title in titles if title]

    yield search
    editor.page.keyboard.press("Escape")


@pytest.mark.parametrize("word", WORDS)
def test_a_word_finds_the_node_that_does_it_before_the_one_that_reports_it(results, word):
    found = results(word)
    assert OURS[0] in found
    assert OURS[2] not in found or found.index(OURS[2]) > max(found.index(title) for title in OURS[:2])


@pytest.mark.parametrize("word", ["statistics", "flops"])
def test_words_for_figures_find_the_node_that_has_them(results, word):
    assert results(word)[0] == OURS[2]
