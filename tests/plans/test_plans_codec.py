"""Text and back: byte-identical for plans, one clear reason for everything else."""

from __future__ import annotations

import json
import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans_samples import identity, measurement, plan_of, positions

from ditfastattn.plans import Level, Plan, PlanError, Refusal, WaySpec, codec, dumps, loads


@st.composite
def plans(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sites = tuple(draw(st.lists(st.integers(1, 6), min_size=1, max_size=4)))
    note = draw(st.sampled_from(["", "LoRA a.safetensors", 'quote " \\ back', "\u30c6\u30b9\u30c8 \U0001f3a8"]))
    return plan_of(
        rng,
        sites,
        draw(st.integers(1, 12)),
        draw(st.integers(0, 10)),
        draw(st.integers(1, 6)),
        None,
        note,
        expected=draw(st.booleans()),
        pool=draw(st.booleans()),
    )


@settings(max_examples=60, deadline=None)
@given(plans())
def test_round_trip_is_byte_identical(plan):
    text = dumps(plan)
    read = loads(text)
    assert read == plan
    assert read.id == plan.id
    assert dumps(read) == text
    assert text.isascii()


def test_all_ten_ways_survive_with_and_without_residual():
    plan = plan_of(np.random.default_rng(0), sites=(40,) * 4, rows=20, windows=10)
    assert set("0123456789ABCDEFGHIJfr") == {letter for level in plan.levels for path in level.paths for letter in path}
    assert loads(dumps(plan)) == plan


def test_paths_are_written_as_runs_of_letters():
    ways = (WaySpec.window((0.5, 0.5), pooled=True), WaySpec.of("int8", bits=8, smooth=False))
    paths = ("fffrr0AA", "f11111BB", "ffffffff", "fAAAAAAA", "frrrrrrr")
    level = Level("D1", paths, ("00011100", "00000000"), 0.1, 0.5, 0.8, 0)
    data = json.loads(dumps(Plan(identity(), measurement(), positions(8), ways, (level,))))
    assert data["levels"][0]["heads"] == ["f3r2aA2 fb5B2", "f8 fA7 fr7"]
    assert data["levels"][0]["share"] == ["n3s3n2", ""]
    assert data["ways"] == [
        {"kind": "window", "pooled": True, "size": [0.5, 0.5]},
        {"bits": 8.0, "kind": "int8", "smooth": False},
    ]


def test_runs_may_be_written_in_other_ways_and_mean_the_same():
    plan = plan_of(np.random.default_rng(0), rows=5)
    data = json.loads(dumps(plan))
    heads = data["levels"][0]["heads"]
    heads[0] = heads[0].replace("f", "f1", 1) if not heads[0].startswith("f2") else "f1f" + heads[0][2:]
    assert loads(json.dumps(data)) == plan


def test_text_is_canonical_json():
    text = dumps(plan_of(np.random.default_rng(0)))
    data = json.loads(text)
    assert json.dumps(data, sort_keys=True, separators=(",", ":")) == text
    assert data["schema"] == "ditfastattn.plan/2"
    assert data["measured"]["seeds"] == [str(2**64 - 1), "7"]  # text: a browser would round them


def test_expected_errors_are_short_numbers_and_their_absence_is_not_written():
    silent, speaking = (plan_of(np.random.default_rng(0), expected=expected) for expected in (False, True))
    assert "expected" not in dumps(silent) and silent.levels[0].expected_errors == ()
    for level in json.loads(dumps(speaking))["levels"]:
        assert len(level["expected"]) == 2
        assert all(error == float(f"{error:.3g}") for error in level["expected"])


def test_no_expected_errors_written_out_are_the_same_plan():
    silent = plan_of(np.random.default_rng(0))
    data = json.loads(dumps(silent))
    data["levels"][0]["expected"] = []
    assert loads(json.dumps(data)) == silent


def test_other_layout_of_the_same_json_is_the_same_plan():
    plan = plan_of(np.random.default_rng(0))
    data = json.loads(dumps(plan))
    data["measured"]["cfg"] = 1  # as a browser writes 1.0
    assert loads(json.dumps(data, indent=2)) == plan


def test_unknown_fields_are_ignored():
    plan = plan_of(np.random.default_rng(0))
    data = json.loads(dumps(plan))
    data["comment"] = {"by": "hand"}
    data["levels"][0]["colour"] = "green"
    assert loads(json.dumps(data)) == plan


def flux_plan(rows=28, levels=6):
    """Every head on a path of its own, with runs that are shorter than those of real paths."""
    rng = np.random.default_rng(0)
    return plan_of(rng, sites=(24,) * 57, rows=rows, windows=4, levels=levels, share=False, expected=True)


def test_a_text_that_would_be_too_long_is_not_written():
    plan = flux_plan(rows=60)
    assert codec.length(plan) > codec.MAX_TEXT
    with pytest.raises(PlanError, match="fewer steps"):
        dumps(plan)


def test_reading_a_flux_plan_is_quick():
    text = dumps(flux_plan(levels=5))
    assert len(text) > 0.75 * codec.MAX_TEXT
    start = time.perf_counter()
    assert isinstance(loads(text), Plan)
    assert time.perf_counter() - start < 1


def test_heads_on_equal_paths_have_one_text_in_memory():
    plan = loads(dumps(plan_of(np.random.default_rng(0), sites=(40,) * 4, rows=20, kinds=3)))
    assert len({id(path) for path in plan.levels[0].paths}) <= 3


VALID = dumps(plan_of(np.random.default_rng(1), note="note", expected=True))


def with_entry(path, value):
    data = json.loads(VALID)
    target = data
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    return json.dumps(data)


HOSTILE = {
    "none": None,
    "bytes": VALID.encode(),
    "number": 3,
    "list": [VALID],
    "empty": "",
    "blank": "  \n",
    "null": "null",
    "true": "true",
    "a text": '"plan"',
    "an array": "[]",
    "an object": "{}",
    "another json": '{"schema":"something/1"}',
    "huge": "x" * (160 * 1024 + 1),
    "huge spaces": " " * 10_000_000,
    "deep arrays": "[" * 60_000 + "]" * 60_000,
    "deep objects": '{"a":' * 30_000,
    "deep unclosed": "[" * 150_000,
    "deep after string": '"]]]]"' + "[" * 100_000,
    "quotes": '"\\' * 75_000,
    "unterminated": '"' + '\\"' * 75_000,
    "many strings": '"a"' * 50_000,
    "nan": with_entry(["measured", "cfg"], float("nan")),
    "infinity": with_entry(["levels", 0, "error"], float("inf")),
    "minus infinity": with_entry(["positions", 0], float("-inf")),
    "too large a float": VALID.replace('"cfg":1.0', '"cfg":1e999'),
    "long integer": VALID.replace('"steps":28', '"steps":' + "9" * 5000),
    "huge integer": VALID.replace('"steps":28', '"steps":' + "9" * 19),
    "twice": VALID.replace('"steps":28', '"steps":28,"steps":28'),
    "twice at the top": "{" + '"schema":"ditfastattn.plan/1",' + VALID[1:],
    "surrogate": VALID.replace('"note":"note"', '"note":"\\ud800"'),
    "raw surrogate": VALID.replace('"note":"note"', '"note":"\ud800"'),
    "control": VALID.replace('"note":"note"', '"note":"a\\u0000b"'),
    "direction override": VALID.replace('"note":"note"', '"note":"a\\u202eb"'),
    "bom": "\ufeff" + VALID,
    "trailing": VALID + "{}",
    "bool as int": with_entry(["measured", "steps"], True),
    "bool as float": with_entry(["measured", "cfg"], True),
    "float as int": with_entry(["measured", "steps"], 28.5),
    "text as int": with_entry(["measured", "steps"], "28"),
    "seed as int": with_entry(["measured", "seeds"], [7]),
    "seed other digits": with_entry(["measured", "seeds"], ["\u0667"]),
    "seed too large": with_entry(["measured", "seeds"], ["99999999999999999999"]),
    "object as list": with_entry(["positions"], {"0": 1.0}),
    "positions of texts": with_entry(["positions"], ["1.0"]),
    "model as list": with_entry(["model"], []),
    "sites of texts": with_entry(["model", "sites"], ["ab"]),
    "site of three": with_entry(["model", "sites"], [["a", 1, 2]]),
    "too many sites": with_entry(["model", "sites"], [[f"s{i}", 1] for i in range(513)]),
    "too many heads": with_entry(["model", "sites"], [["a", 257]]),
    "too many rows": with_entry(["positions"], [1 - i / 300 for i in range(257)]),
    "too many ways": with_entry(["ways"], [{"kind": "window", "size": [0.5, 0.5]}] * 11),
    "ways of sizes": with_entry(["ways"], [[0.5, 0.5]] * 2),
    "ways of texts": with_entry(["ways"], ["window", "window"]),
    "way without kind": with_entry(["ways", 0], {"size": [0.5, 0.5]}),
    "way of a number": with_entry(["ways", 0, "kind"], 1),
    "way of no axes": with_entry(["ways", 0, "size"], []),
    "way of three axes": with_entry(["ways", 0, "size"], [0.5, 0.5, 0.5]),
    "way of nothing": with_entry(["ways", 0, "size"], [0.0, 0.5]),
    "way of texts": with_entry(["ways", 0, "size"], ["0.5", "0.5"]),
    "way nested": with_entry(["ways", 0, "size"], [[0.5, 0.5]]),
    "way of an object": with_entry(["ways", 0, "size"], {"0": 0.5}),
    "way of many parameters": with_entry(["ways", 0], {"kind": "a", **{f"p{i}": 1 for i in range(10_000)}}),
    "way with a path in its name": with_entry(["ways", 0], {"kind": "../../etc"}),
    "pooled as number": with_entry(["ways", 0, "pooled"], 0),
    "edited pooled": with_entry(["ways", 0, "pooled"], True),
    "one way too few": with_entry(["ways"], []),
    "too many levels": with_entry(["levels"], [0] * 17),
    "path in a name": with_entry(["model", "family"], "../../etc"),
    "unknown letter": with_entry(["levels", 0, "heads", 0], "f5 !5"),
    "letter without a way": with_entry(["levels", 0, "heads", 0], "f5 fk4"),
    "heads as list": with_entry(["levels", 0, "heads", 0], ["f5", "f5"]),
    "head of nothing": with_entry(["levels", 0, "heads", 0], "f5 "),
    "heads by more spaces": with_entry(["levels", 0, "heads", 0], "f5  f5"),
    "run of nothing": with_entry(["levels", 0, "heads", 0], "f5 f5r0"),
    "endless run": with_entry(["levels", 0, "heads", 0], "f5 f" + "9" * 20_000),
    "many long runs": with_entry(["levels", 0, "heads", 0], "f5 " + "f999" * 30_000),
    "signed run": with_entry(["levels", 0, "heads", 0], "f5 f-5"),
    "other digits": with_entry(["levels", 0, "heads", 0], "f5 f\u0665"),
    "number first": with_entry(["levels", 0, "heads", 0], "f5 5f"),
    "run too short": with_entry(["levels", 0, "heads", 0], "f5 f4"),
    "run too long": with_entry(["levels", 0, "heads", 0], "f5 f6"),
    "not full first": with_entry(["levels", 0, "heads", 0], "f5 r5"),
    "wrong heads": with_entry(["levels", 0, "heads", 0], "f5"),
    "heads of another layer": with_entry(["levels", 0, "heads"], ["f5 f5 f5", "f5 f5"]),
    "too many heads in a level": with_entry(["levels", 0, "heads", 0], " ".join(["f5"] * 50_000)),
    "share in other letters": with_entry(["levels", 0, "share", 0], "01010"),
    "share letters": with_entry(["levels", 0, "share", 0], "nnsx1"),
    "share too short": with_entry(["levels", 0, "share", 0], "n2"),
    "share number": with_entry(["levels", 0, "share", 0], 7),
    "expected error of one layer of two": with_entry(["levels", 0, "expected"], [0.1]),
    "negative expected error": with_entry(["levels", 0, "expected"], [0.1, -0.1]),
    "expected error not a number": with_entry(["levels", 0, "expected"], [0.1, float("nan")]),
    "endless expected error": VALID.replace('"expected":[', '"expected":[1e999,', 1),
    "expected error as text": with_entry(["levels", 0, "expected"], ["0.1", 0.2]),
    "expected error as truth": with_entry(["levels", 0, "expected"], [True, 0.2]),
    "expected errors missing": with_entry(["levels", 0, "expected"], None),
    "expected errors as object": with_entry(["levels", 0, "expected"], {"0": 0.1, "1": 0.2}),
    "too many expected errors": with_entry(["levels", 0, "expected"], [0.1] * 513),
    "edited expected error": with_entry(["levels", 0, "expected"], [0.1, 0.2]),
    "negative bytes": with_entry(["levels", 0, "cache_bytes"], -1),
    "edited": with_entry(["levels", 0, "error"], 0.5),
    "wrong id": with_entry(["id"], "0" * 12),
    "id as number": with_entry(["id"], 12),
    "schema as number": with_entry(["schema"], 1),
    "schema zero": with_entry(["schema"], "ditfastattn.plan/0"),
    "schema padded": with_entry(["schema"], "ditfastattn.plan/01"),
    "html": "<!DOCTYPE html><html></html>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_gives_one_reason(name):
    start = time.perf_counter()
    result = loads(HOSTILE[name])
    assert isinstance(result, Refusal), result
    assert_clear(result.reason)
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize("key", ["schema", "id", "model", "measured", "positions", "ways", "levels"])
def test_missing_entry_gives_one_reason(key):
    data = json.loads(VALID)
    del data[key]
    assert_clear(loads(json.dumps(data)).reason)


def test_reasons_name_the_cause():
    assert "newer version" in loads(with_entry(["schema"], "ditfastattn.plan/3")).reason
    assert "edited or damaged" in loads(HOSTILE["edited"]).reason
    assert "too long" in loads(HOSTILE["huge"]).reason
    assert "nested" in loads(HOSTILE["deep arrays"]).reason
    assert "twice" in loads(HOSTILE["twice"]).reason
    assert "no plan yet" in loads("").reason
    assert "not a DiTFastAttn plan" in loads(HOSTILE["another json"]).reason


def test_every_truncation_is_refused():
    for length in range(0, len(VALID), 7):
        assert isinstance(loads(VALID[:length]), Refusal)


def test_mutated_plans_never_raise():
    rng = random.Random(0)
    pool = list('0123456789abcfrnsABD"[]{},:.-eE\\u \x00\ud800') + [
        "null",
        "true",
        "NaN",
        "1e400",
        '""',
        "[[",
        "-0",
        "9" * 30,
    ]
    for _ in range(1500):
        text = list(VALID)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(text))
            text[at : at + rng.choice([0, 1, 1, 5])] = [rng.choice(pool)]
        result = loads("".join(text))
        assert isinstance(result, (Plan, Refusal))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


def entries(data, path=()):
    yield path
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from entries(value, (*path, key))


PATHS = [path for path in entries(json.loads(VALID)) if path]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PATHS), json_values)
def test_any_value_in_any_place_never_raises(path, value):
    result = loads(with_entry(path, value))
    if isinstance(result, Refusal):
        assert_clear(result.reason)
    else:
        assert result == loads(VALID)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=200))
def test_any_text_never_raises(text):
    assert isinstance(loads(text), Refusal)


def assert_clear(reason):
    assert reason.endswith(".") and "\n" not in reason and 10 < len(reason) < 250, reason
