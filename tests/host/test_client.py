"""Reading what the host says."""

import pytest

from host.client import _error_text, _Event, _Events, _refusal_text


def test_a_nodes_seconds_end_where_the_next_begins_and_only_its_own_prompt_counts():
    events = _Events("http://x")
    told = [(0, "execution_start", None), (1, "executing", "4"), (3, "executing", "5"), (4, "executed", "5")]
    told += [(7, "executing", None), (7, "execution_success", None)]
    events._events = [_Event(at, kind, {"prompt_id": "a", "node": node}) for at, kind, node in told]
    events._events.insert(2, _Event(2, "executing", {"prompt_id": "b", "node": "9"}))
    assert events.seconds_per_node("a") == {"4": 2, "5": 4}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            b'{"node_errors": {"3": {"class_type": "KSampler", "errors": [{"message": "Bad value", "details": "x"}]}}}',
            "ComfyUI refused KSampler: Bad value x",
        ),
        (b'{"error": {"message": "No outputs"}, "node_errors": {}}', "ComfyUI refused: No outputs"),
        (b"<html>", "ComfyUI refused: <html>"),
    ],
)
def test_a_refused_prompt_is_one_sentence(body, sentence):
    assert _refusal_text(body) == sentence


def test_a_failed_node_is_named():
    error = {"node_type": "KSampler", "exception_message": "out of memory\n"}
    assert _error_text(error) == "KSampler failed: out of memory" and _error_text(None) == ""
