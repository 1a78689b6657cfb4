"""Text and back: byte-identical for plans, one clear reason for everything else."""

from __future__ import annotations

import json
import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans_samples import plan_of

from ditfastattn.plans import Plan, Refusal, dumps, loads


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
        promises=draw(st.booleans()),
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


def test_wide_references_survive():
    plan = plan_of(np.random.default_rng(0), sites=(40,) * 4, rows=20)
    assert len(plan.profiles) > 64
    assert loads(dumps(plan)) == plan


def test_text_is_canonical_json():
    text = dumps(plan_of(np.random.default_rng(0)))
    data = json.loads(text)
    assert json.dumps(data, sort_keys=True, separators=(",", ":")) == text
    assert data["schema"] == "ditfastattn.plan/1"
    assert data["measured"]["seeds"] == [str(2**64 - 1), "7"]  # text: a browser would round them


def test_promises_are_short_numbers_and_their_absence_is_not_written():
    silent, speaking = (plan_of(np.random.default_rng(0), promises=promises) for promises in (False, True))
    assert "promises" not in dumps(silent) and silent.levels[0].promises == ()
    for level in json.loads(dumps(speaking))["levels"]:
        assert len(level["promises"]) == 2
        assert all(promise == float(f"{promise:.3g}") for promise in level["promises"])


def test_empty_promises_written_out_are_the_same_plan():
    silent = plan_of(np.random.default_rng(0))
    data = json.loads(dumps(silent))
    data["levels"][0]["promises"] = []
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


def flux_plan(kinds):
    rng = np.random.default_rng(0)
    return plan_of(rng, sites=(24,) * 57, rows=28, windows=4, levels=6, kinds=kinds, share=False, promises=True)


def test_flux_with_six_levels_fits_into_64_kib():
    plan = flux_plan(220)
    assert len(plan.profiles) > 1000
    assert len(dumps(plan)) <= 64 * 1024


def test_reading_a_flux_plan_is_quick():
    text = dumps(flux_plan(220))
    start = time.perf_counter()
    assert isinstance(loads(text), Plan)
    assert time.perf_counter() - start < 1


VALID = dumps(plan_of(np.random.default_rng(1), note="note", promises=True))


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
    "huge": "x" * (256 * 1024 + 1),
    "huge spaces": " " * 10_000_000,
    "deep arrays": "[" * 100_000 + "]" * 100_000,
    "deep objects": '{"a":' * 40_000,
    "deep unclosed": "[" * 250_000,
    "deep after string": '"]]]]"' + "[" * 100_000,
    "quotes": '"\\' * 120_000,
    "unterminated": '"' + '\\"' * 120_000,
    "many strings": '"a"' * 80_000,
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
    "too many windows": with_entry(["windows"], [[0.5, 0.5]] * 11),
    "pooled as numbers": with_entry(["pooled"], [1, 0]),
    "pooled letters": with_entry(["pooled"], "x0"),
    "too few pooled": with_entry(["pooled"], "1"),
    "too many pooled": with_entry(["pooled"], "1" * 11),
    "edited pooled": with_entry(["pooled"], "11"),
    "pooled missing": with_entry(["pooled"], None),
    "too many levels": with_entry(["levels"], [0] * 17),
    "too many profiles": with_entry(["profiles"], ["f"] * 4097),
    "profiles of numbers": with_entry(["profiles"], [1, 2]),
    "path in a name": with_entry(["model", "family"], "../../etc"),
    "unknown letter": with_entry(["levels", 0, "heads", 0], "!!"),
    "reference outside": with_entry(["levels", 0, "heads", 0], "__"),
    "wrong heads": with_entry(["levels", 0, "heads", 0], "0"),
    "share letters": with_entry(["levels", 0, "share", 0], "0120"),
    "share too short": with_entry(["levels", 0, "share", 0], "01"),
    "share number": with_entry(["levels", 0, "share", 0], 7),
    "promise for one layer of two": with_entry(["levels", 0, "promises"], [0.1]),
    "negative promise": with_entry(["levels", 0, "promises"], [0.1, -0.1]),
    "promise not a number": with_entry(["levels", 0, "promises"], [0.1, float("nan")]),
    "endless promise": VALID.replace('"promises":[', '"promises":[1e999,', 1),
    "promise as text": with_entry(["levels", 0, "promises"], ["0.1", 0.2]),
    "promise as truth": with_entry(["levels", 0, "promises"], [True, 0.2]),
    "promises missing": with_entry(["levels", 0, "promises"], None),
    "promises as object": with_entry(["levels", 0, "promises"], {"0": 0.1, "1": 0.2}),
    "too many promises": with_entry(["levels", 0, "promises"], [0.1] * 513),
    "edited promise": with_entry(["levels", 0, "promises"], [0.1, 0.2]),
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


@pytest.mark.parametrize("key", ["schema", "id", "model", "measured", "positions", "windows", "profiles", "levels"])
def test_missing_entry_gives_one_reason(key):
    data = json.loads(VALID)
    del data[key]
    assert_clear(loads(json.dumps(data)).reason)


def test_reasons_name_the_cause():
    assert "newer version" in loads(with_entry(["schema"], "ditfastattn.plan/2")).reason
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
    pool = list('0123456789abcfrABD"[]{},:.-eE\\u \x00\ud800') + [
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
