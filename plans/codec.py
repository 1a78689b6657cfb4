"""A plan as text and back. Reading is total: any input gives a Plan or one clear reason."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from . import encode
from .checks import PlanError, items, require, whole
from .schema import (
    FIELDS_OF_MEASUREMENT,
    MAX_HEADS,
    MAX_LEVELS,
    MAX_PROFILES,
    MAX_SITES,
    MAX_WINDOWS,
    Level,
    Measurement,
    ModelIdentity,
    Plan,
    Site,
)

MAX_TEXT = 256 * 1024
MAX_DEPTH = 16

_STRING = re.compile(r'"(?:[^"\\]+|\\.)*"?', re.DOTALL)
_SCHEMA = re.compile(r"ditfastattn\.plan/([0-9]{1,6})\Z")
_SEED = re.compile(r"[0-9]{1,20}\Z", re.ASCII)
_INDEX_OF = {letter: index for index, letter in enumerate(encode.ALPHABET)}


@dataclass(frozen=True)
class Refusal:
    """Why a text is not a plan that can be used: one sentence for the user."""

    reason: str


def dumps(plan: Plan) -> str:
    """Canonical JSON text of `plan`, ASCII; equal plans give equal text. Raises PlanError above 256 KiB."""
    result = encode.canonical({**encode.body_of(plan), "id": plan.id})
    require(
        len(result) <= MAX_TEXT,
        f"The plan's text would be {len(result)} characters long; at most {MAX_TEXT} are allowed.",
    )
    return result


def loads(text: object) -> Plan | Refusal:
    """The plan in `text`, or the reason why there is none. Never raises; memory is bounded by the size limit."""
    try:
        plan, written = _plan(_parsed(text))
    except PlanError as error:
        return Refusal(str(error))
    if written != plan.id:
        return Refusal(
            "The plan was edited or damaged after it was made: calibrate again, or take it anew from where it came."
        )
    return plan


def _parsed(text: object) -> dict:
    require(isinstance(text, str), "A plan must be given as text.")
    require(
        len(text) <= MAX_TEXT,
        f"The text is too long for a plan: {len(text)} characters, at most {MAX_TEXT} are allowed.",
    )
    require(bool(text.strip()), "There is no plan yet: run DiTFastAttn Calibrate, or paste a plan.")
    require(_depth(text) <= MAX_DEPTH, "The text is nested too deeply to be a plan.")
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant)
    except PlanError:
        raise
    except (ValueError, RecursionError):
        raise PlanError(
            "The text is not a plan: it is not valid JSON, perhaps because a part of it was cut off."
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
    raise PlanError("The plan holds a number that is not finite.")


def _plan(data: dict) -> tuple[Plan, object]:
    _check_schema(data.get("schema"))
    profiles = items(_entry(data, "profiles"), 1, MAX_PROFILES, "profiles")
    width = encode.reference_width(len(profiles))
    positions = items(_entry(data, "positions"), 1, 256, "noise positions")
    plan = Plan(
        model=_model(_entry(data, "model")),
        measurement=_measurement(_entry(data, "measured")),
        positions=positions,
        windows=_entry(data, "windows"),
        profiles=profiles,
        levels=tuple(
            _level(level, width, len(positions)) for level in items(_entry(data, "levels"), 1, MAX_LEVELS, "levels")
        ),
        pooled=_flags(data.get("pooled", "")),
    )
    return plan, _entry(data, "id")


def _check_schema(schema: object) -> None:
    match = _SCHEMA.match(schema) if isinstance(schema, str) else None
    require(match is not None, "The text is JSON, but not a DiTFastAttn plan.")
    require(
        int(match.group(1)) <= 1, "The plan was made by a newer version of DiTFastAttn: update the node pack to use it."
    )
    require(schema == encode.SCHEMA, "The plan is of a version that does not exist.")


def _entry(data: object, key: str):
    require(isinstance(data, dict) and key in data, f"The plan is not complete: it lacks {key!r}.")
    return data[key]


def _flags(bits: object) -> tuple[bool, ...]:
    good = isinstance(bits, str) and len(bits) <= MAX_WINDOWS and not bits.strip("01")
    require(good, "The plan's marks of pooled windows must be a text of 0 and 1.")
    return tuple(bit == "1" for bit in bits)


def _model(data: object) -> ModelIdentity:
    sites = items(_entry(data, "sites"), 1, MAX_SITES, "layers")
    return ModelIdentity(
        family=_entry(data, "family"),
        fingerprint=_entry(data, "fingerprint"),
        sites=tuple(Site(*items(site, 2, 2, "layer")) for site in sites),
        head_dim=_entry(data, "head_dim"),
        hidden=_entry(data, "hidden"),
        note=_entry(data, "note"),
    )


def _measurement(data: object) -> Measurement:
    values = {field: _entry(data, field) for field in FIELDS_OF_MEASUREMENT}
    seeds = items(values["seeds"], 0, 64, "seeds")
    require(
        all(isinstance(seed, str) and _SEED.match(seed) for seed in seeds),
        "The plan's seeds must be numbers written as text.",
    )
    return Measurement(**{**values, "seeds": tuple(int(seed) for seed in seeds)})


def _level(data: object, width: int, rows: int) -> Level:
    share = items(_entry(data, "share"), 1, MAX_SITES, "sharing rows of a level")
    return Level(
        name=_entry(data, "name"),
        profiles_of_heads=tuple(
            _references(site, width) for site in items(_entry(data, "heads"), 1, MAX_SITES, "layers of a level")
        ),
        share=tuple("0" * rows if bits == "" else bits for bits in share),
        predicted_error=_entry(data, "error"),
        attention_flops_kept=_entry(data, "attention"),
        model_flops_kept=_entry(data, "model"),
        cache_bytes=whole(_entry(data, "cache_bytes"), 0, 1 << 50, "cache size"),
        promises=data.get("promises", ()),
    )


def _references(site: object, width: int) -> tuple[int, ...]:
    good = isinstance(site, str) and 0 < len(site) <= MAX_HEADS * width and len(site) % width == 0
    require(good and all(letter in _INDEX_OF for letter in site), "The plan's references to profiles are damaged.")
    digits = [_INDEX_OF[letter] for letter in site]
    return (
        tuple(digits)
        if width == 1
        else tuple(64 * high + low for high, low in zip(digits[::2], digits[1::2], strict=True))
    )
