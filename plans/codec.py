"""A plan as text and back. Reading is total: any input gives a Plan or one clear reason."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ..sentences import say
from . import encode, version1
from .entries import entry, measurement_from, model_from, require_heads
from .letters import MAX_WAYS
from .level import MAX_ROWS, Level
from .model_identity import MAX_HEADS, MAX_SITES, ModelIdentity
from .schema import MAX_LEVELS, Plan
from .validation import PlanError, items, require
from .way_spec import MAX_PARAMETERS, WaySpec

MAX_TEXT = 160 * 1024  # characters, of which web/plan_text.js knows, too: a plan travels in every picture that is saved
MAX_DEPTH = 16

_STRING = re.compile(r'"(?:[^"\\]+|\\.)*"?', re.DOTALL)
_SCHEMA = re.compile(r"ditfastattn\.plan/([0-9]{1,6})\Z")
_NEWEST = 2
_RUN = re.compile(r"([A-Za-z])([0-9]{0,3})", re.ASCII)
_LETTERS = {written: letter for letter, written in encode.WORD_LETTERS.items()}
_SHARE = {written: letter for letter, written in encode.SHARE_LETTERS.items()}
_EVALUATED = {written: letter for letter, written in encode.EVALUATED_LETTERS.items()}


@dataclass(frozen=True)
class Refusal:
    """Why a text is not a plan that can be used: one sentence for the user."""

    reason: str


def dumps(plan: Plan) -> str:
    """Canonical JSON text of `plan`, ASCII; equal plans give equal text. Raises PlanError above MAX_TEXT characters."""
    result = _text(plan)
    require(
        len(result) <= MAX_TEXT,
        "The plan's text would be {length} characters long, at most {most} are allowed: calibrate with fewer steps.",
        length=len(result),
        most=MAX_TEXT,
    )
    return result


def length(plan: Plan) -> int:
    """Characters that the plan's text has, whether `dumps` allows so many or not."""
    return len(_text(plan))


def _text(plan: Plan) -> str:
    return encode.canonical({**encode.body_of(plan), "id": plan.id})


def loads(text: object) -> Plan | Refusal:
    """The plan in `text`, or the reason why there is none. Never raises; memory is bounded by the size limit."""
    try:
        data = _parsed(text)
        version = _version(data.get("schema"))
        plan, expected = version1.read(data) if version == 1 else _read(data)
        require(
            entry(data, "id") == expected,
            "The plan was edited or damaged after it was made: calibrate again, or take it anew from where it came.",
        )
    except PlanError as error:
        return Refusal(str(error))
    return plan


def _parsed(text: object) -> dict:
    if not isinstance(text, str):
        raise PlanError(say("A plan must be given as text."))
    require(
        len(text) <= MAX_TEXT,
        "The text is too long for a plan: {length} characters, at most {most} are allowed.",
        length=len(text),
        most=MAX_TEXT,
    )
    require(bool(text.strip()), "There is no plan yet: run DiTFastAttn Calibrate, or paste a plan.")
    require(_depth(text) <= MAX_DEPTH, "The text is nested too deeply to be a plan.")
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant)
    except PlanError:
        raise
    except (ValueError, RecursionError):
        raise PlanError(
            say("The text is not a plan: it is not valid JSON, perhaps because a part of it was cut off.")
        ) from None
    require(isinstance(data, dict), "The text is not a plan: it must be one JSON object.")
    return data


def _depth(text: str) -> int:
    """Deepest nesting of brackets outside of strings, counted before the parser recurses into them."""
    depth = deepest = 0
    for character in _STRING.sub("", text):
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _object(pairs: list) -> dict:
    result = dict(pairs)
    require(len(result) == len(pairs), "The text is not a plan: it gives one entry twice.")
    return result


def _integer(digits: str) -> int:
    require(len(digits) <= 20, "The plan holds a number that is too long.")
    return int(digits)


def _constant(_: str) -> float:
    raise PlanError(say("The plan holds a number that is not finite."))


def _version(schema: object) -> int:
    match = _SCHEMA.match(schema) if isinstance(schema, str) else None
    if match is None:
        raise PlanError(say("The text is JSON, but not a DiTFastAttn plan."))
    version = int(match.group(1))
    require(version <= _NEWEST, "The plan was made by a newer version of DiTFastAttn: update the node pack to use it.")
    require(schema in (version1.SCHEMA, encode.SCHEMA), "The plan is of a version that does not exist.")
    return version


def _read(data: dict) -> tuple[Plan, str]:
    """The plan, and the id that its text must name."""
    positions = items(entry(data, "positions"), 1, MAX_ROWS, "noise positions")
    model = model_from(entry(data, "model"))
    plan = Plan(
        model=model,
        measurement=measurement_from(entry(data, "measured")),
        positions=positions,
        ways=tuple(_way(way) for way in items(entry(data, "ways"), 0, MAX_WAYS, "ways")),
        levels=tuple(
            _level(level, model, len(positions)) for level in items(entry(data, "levels"), 1, MAX_LEVELS, "levels")
        ),
    )
    return plan, plan.id


def _way(data: Any) -> WaySpec:
    kind = entry(data, "kind")
    require(len(data) <= MAX_PARAMETERS + 1, "A way of the plan has more than {most} parameters.", most=MAX_PARAMETERS)
    return WaySpec(kind, tuple((key, value) for key, value in data.items() if key != "kind"))


def _level(data: Any, model: ModelIdentity, rows: int) -> Level:
    known: dict[str, str] = {}  # equal words give one text in memory
    words = [_words(site) for site in items(entry(data, "heads"), 1, MAX_SITES, "layers of a level")]
    require_heads(words, model)
    return Level(
        name=entry(data, "name"),
        paths=tuple(_unrolled(word, rows, _LETTERS, known) for site in words for word in site),
        share=tuple(
            "0" * rows if word == "" else _unrolled(word, rows, _SHARE, {})
            for word in items(entry(data, "share"), 1, MAX_SITES, "sharing texts of a level")
        ),
        predicted_error=entry(data, "error"),
        attention_flops_kept=entry(data, "attention"),
        model_flops_kept=entry(data, "model"),
        cache_bytes=entry(data, "cache_bytes"),
        expected_errors=data.get("expected", ()),
        evaluated=_unrolled(data["evaluated"], rows, _EVALUATED, {}) if "evaluated" in data else "",
        slopes=data.get("slopes", ()),
        corrections=data.get("corrections", ()),
    )


def _words(site: object) -> tuple[str, ...]:
    if not isinstance(site, str):
        raise PlanError(say("The plan's heads must be given as texts, one for each layer."))
    return items(site.split(" "), 1, MAX_HEADS, "heads of a layer")


def _unrolled(word: object, rows: int, letters: dict[str, str], known: dict[str, str]) -> str:
    """The letters of a word of `encode`, which must be `rows` many."""
    if not isinstance(word, str):
        raise PlanError(say("The plan's sharing and its evaluated noise levels must be given as texts."))
    if word not in known:
        runs = _RUN.findall(word)
        good = "".join(letter + count for letter, count in runs) == word
        good = good and all(letter in letters and int(count or 1) for letter, count in runs)
        require(good, "A text of letters and numbers in the plan is damaged.")
        require(
            sum(int(count or 1) for _, count in runs) == rows,
            "Each text of letters and numbers in the plan must cover {rows} noise levels.",
            rows=rows,
        )
        known[word] = "".join(letters[letter] * int(count or 1) for letter, count in runs)
    return known[word]
