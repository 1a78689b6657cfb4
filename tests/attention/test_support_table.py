"""docs/models.md says what the records and the tests' configurations are."""

import pytest

from host import tiny

tiny.require_host()

from matrix import records, support  # noqa: E402

from ditfastattn.attention import families  # noqa: E402

pytestmark = pytest.mark.host


def test_the_table_of_models_is_current():
    assert support.FILE.read_text("utf-8") == support.text(), "run: python tests/matrix/support.py"


def test_every_record_has_a_configuration_that_the_tests_run():
    assert not [row for row in support.text().splitlines() if row.startswith("|") and row.endswith("|  |")]


def test_a_record_takes_at_most_twelve_lines():
    lines = {family.name: records.record_lines(family) for family in families.FAMILIES}
    assert max(lines.values()) <= 12, lines
