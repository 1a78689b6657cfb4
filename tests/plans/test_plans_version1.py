"""Texts that the pack wrote before version 2 of the format are read to the same decisions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ditfastattn.plans import Plan, Refusal, WaySpec, dumps, loads

# Written by the code of that time: a text each, and what it decided, read by that code.
FOLDER = Path(__file__).with_name("version1")
DECISIONS = json.loads((FOLDER / "decisions.json").read_text("utf-8"))


def text_of(name):
    return (FOLDER / f"{name}.json").read_text("utf-8")


@pytest.mark.parametrize("name", DECISIONS)
def test_an_old_text_gives_the_same_decisions_and_figures(name):
    plan, wanted = loads(text_of(name)), DECISIONS[name]
    assert isinstance(plan, Plan), plan
    assert json.loads(text_of(name))["id"] == wanted["id"] and list(plan.positions) == wanted["positions"]
    windows = [WaySpec.window(size, pooled) for size, pooled in zip(wanted["windows"], wanted["pooled"], strict=True)]
    assert list(plan.ways) == windows
    for level, one in zip(plan.levels, wanted["levels"], strict=True):
        assert ["".join(map(chr, column)) for column in plan.table(level).T] == one["paths"]
        assert list(level.share) == one["share"] and list(level.expected_errors) == one["promises"]
        figures = (level.predicted_error, level.attention_flops_kept, level.model_flops_kept, level.cache_bytes)
        assert figures == tuple(one[key] for key in ("error", "attention", "model", "cache_bytes"))
        assert level.name == one["name"]


@pytest.mark.parametrize("name", DECISIONS)
def test_an_old_plan_is_written_anew_in_the_format_of_now(name):
    plan = loads(text_of(name))
    assert json.loads(dumps(plan))["schema"] == "ditfastattn.plan/2" and loads(dumps(plan)) == plan


def changed(name, path, value):
    data = json.loads(text_of(name))
    target = data
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return json.dumps(data)


DAMAGED = {
    "too many windows": (["windows"], [[0.5, 0.5]] * 11),
    "windows of one axis": (["windows"], [[0.5]] * 3),
    "pooled as numbers": (["pooled"], [1, 0, 0]),
    "pooled letters": (["pooled"], "x00"),
    "too few pooled": (["pooled"], "11"),
    "too many pooled": (["pooled"], "1" * 11),
    "edited pooled": (["pooled"], "111"),
    "pooled missing": (["pooled"], None),
    "too many profiles": (["profiles"], ["f"] * 4097),
    "profiles of numbers": (["profiles"], [1, 2]),
    "unknown letter": (["levels", 0, "heads", 0], "!!"),
    "reference outside": (["levels", 0, "heads", 0], "__"),
    "wrong heads": (["levels", 0, "heads", 0], "0"),
    "heads as list": (["levels", 0, "heads", 0], ["0", "0"]),
    "no heads": (["levels", 0, "heads", 0], ""),
    "share letters": (["levels", 0, "share", 0], "0120"),
    "share too short": (["levels", 0, "share", 0], "01"),
    "share number": (["levels", 0, "share", 0], 7),
    "expected error for one layer": (["levels", 0, "promises"], [0.1]),
    "edited expected error": (["levels", 0, "promises"], [0.1, 0.2, 0.3]),
    "edited figure": (["levels", 0, "error"], 0.5),
    "edited window": (["windows", 0], [0.75, 0.5]),
    "wrong id": (["id"], "0" * 12),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_old_text_gives_one_reason(name):
    result = loads(changed("pooled", *DAMAGED[name]))
    assert isinstance(result, Refusal) and result.reason.endswith(".") and len(result.reason) < 250


@pytest.mark.parametrize("key", ["id", "model", "measured", "positions", "windows", "profiles", "levels"])
def test_a_missing_entry_of_an_old_text_gives_one_reason(key):
    data = json.loads(text_of("solved"))
    del data[key]
    assert key in loads(json.dumps(data)).reason


def test_an_old_text_in_another_layout_and_with_unknown_fields_is_the_same_plan():
    data = json.loads(text_of("pooled"))
    data["comment"] = "by hand"
    data["measured"]["cfg"] = 1  # as a browser writes 1.0
    assert loads(json.dumps(data, indent=2)) == loads(text_of("pooled"))


def test_every_truncation_of_an_old_text_is_refused():
    text = text_of("solved")
    for length in range(0, len(text), 13):
        assert isinstance(loads(text[:length]), Refusal)
