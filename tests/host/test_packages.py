"""What pip says, in words for a person."""

import pytest

from host.packages import compact, explain


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("WARNING: Retrying ... NewConnectionError('<...>: Failed to establish a new connection')", "No network"),
        ("Temporary failure in name resolution\nERROR: No matching distribution found for torch", "No network"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "hash mismatch"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk filled up"),
        ("ERROR: No matching distribution found for torch==2.11.0", "has no torch"),
        ("ERROR: something new", "something new"),
        ("", "no reason"),
    ],
)
def test_a_failure_is_one_sentence(output, sentence):
    said = explain(output, "torch")
    assert sentence in said and said.endswith(".") and "\n" not in said


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("  Downloading https://x.org/a/torch-2.11.0.whl (530 MB)", "downloading torch-2.11.0.whl"),
        ("Collecting numpy<2.4", "collecting numpy<2.4"),
        ("Installing collected packages: a, b, c", "unpacking 3 packages"),
        ("  ━━━━━━━━ 1/2 MB", ""),
    ],
)
def test_a_line_is_shown_by_its_package(line, shown):
    assert compact(line) == shown
