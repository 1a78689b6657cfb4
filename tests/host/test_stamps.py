"""What is done is skipped; what is half done, gone or different is done again."""

import pytest

from host.stamps import Stamp, key_of


@pytest.fixture
def stamp(tmp_path):
    return Stamp(tmp_path / "made" / "step.json")


def test_the_same_inputs_are_done_once(stamp):
    runs = []
    assert stamp.once("k", lambda: runs.append(1)) and not stamp.once("k", lambda: runs.append(2))
    assert runs == [1]


def test_other_inputs_are_done_again(stamp):
    stamp.once(key_of("torch", 1), lambda: None)
    assert stamp.once(key_of("torch", 2), lambda: None)


def test_a_result_that_went_missing_is_made_again(stamp):
    stamp.once("k", lambda: None)
    assert stamp.once("k", lambda: None, still_there=lambda: False)


def test_an_interrupted_step_is_seen_and_done_again(stamp):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stamp.once("k", interrupted)
    assert stamp.is_half_done() and stamp.once("k", lambda: None) and not stamp.is_half_done()


@pytest.mark.parametrize("content", ["", "{", "[]", '"done"', "\x00"])
def test_a_damaged_stamp_means_not_done(stamp, content):
    stamp.path.parent.mkdir()
    stamp.path.write_text(content)
    assert not stamp.is_done("k") and stamp.once("k", lambda: None)
