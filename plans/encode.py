"""From a plan to its canonical text, version 2: the one place that decides what a plan's bytes look like.

A JSON object: schema, id, model, measured, positions, ways and levels. A way is an object of its `kind` and its
parameters by name. In a level, `heads` holds one text per site with one word per head, and `share` one word per site,
or '' where the site never shares; `expected` holds the expected errors and is left out where there are none. A word
gives letters with the number of noise levels in a row at which they hold, 1 left out: 'f3r2a' is 'fffrr0'. Digits
being taken by the numbers, letters of ways are other ones there than in a plan (`WORD_LETTERS`), and sharing is 's',
not sharing 'n'. A level that forecasts whole evaluations has in `evaluated` one word of its noise levels, 'e' where the
model is evaluated and 'p' where it is predicted, and its `slopes` and `corrections` where they are not all 0.

Reads attributes only and imports no other module of this package, so that the plan itself can derive its id from it.
"""

from __future__ import annotations

import hashlib
import json
from itertools import groupby

SCHEMA = "ditfastattn.plan/2"
# Way k is a lower-case letter in a word and with its residual the same one in upper case; f and r have their meaning.
WORD_LETTERS = dict(zip("fr0123456789ABCDEFGHIJ", "frabcdeghijkABCDEGHIJK", strict=True))
SHARE_LETTERS = {"0": "n", "1": "s"}
EVALUATED_LETTERS = {"0": "p", "1": "e"}


def body_of(plan) -> dict:
    """The JSON-able content of `plan`, without its id."""
    bounds = plan.model.offsets
    return {
        "schema": SCHEMA,
        "model": model_of(plan.model),
        "measured": measured_of(plan.measurement),
        "positions": list(plan.positions),
        "ways": [_way(way) for way in plan.ways],
        "levels": [_level(level, bounds) for level in plan.levels],
    }


def canonical(body: dict) -> str:
    """Equal bodies give equal text: sorted keys, no spaces, ASCII."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def id_of(body: dict) -> str:
    """First 12 hex digits of the SHA-256 of the canonical body."""
    return hashlib.sha256(canonical(body).encode("ascii")).hexdigest()[:12]


def model_of(model) -> dict:
    """The JSON-able content of a `ModelIdentity`."""
    return {
        "family": model.family,
        "fingerprint": model.fingerprint,
        "head_dim": model.head_dim,
        "hidden": model.hidden,
        "note": model.note,
        "sites": [[site.name, site.heads] for site in model.sites],
    }


def measured_of(measurement) -> dict:
    """The JSON-able content of a `Measurement`."""
    return {
        "grid": list(measurement.grid),
        "text_tokens": measurement.text_tokens,
        "sampler": measurement.sampler,
        "scheduler": measurement.scheduler,
        "steps": measurement.steps,
        "cfg": measurement.cfg,
        "denoise": measurement.denoise,
        # As text: seeds go up to 2**64, which a browser that parses and re-saves the plan would round.
        "seeds": [str(seed) for seed in measurement.seeds],
        "prompts": measurement.prompts,
        "dtype": measurement.dtype,
        "device": measurement.device,
        "host_version": measurement.host_version,
        "pack_version": measurement.pack_version,
        "created": measurement.created,
        "seconds": measurement.seconds,
        "dense_seconds": measurement.dense_seconds,
        "attention_flops": measurement.attention_flops,
        "other_flops": measurement.other_flops,
        **_references(measurement.references),
    }


def _references(references) -> dict:
    """Left out where there are none, as in all plans that were written before there were any."""
    return {"references": [{"grid": list(one.grid), "place": one.place} for one in references]} if references else {}


def _way(way) -> dict:
    return {
        "kind": way.kind,
        **{key: list(value) if isinstance(value, tuple) else value for key, value in way.parameters},
    }


def _level(level, bounds) -> dict:
    words = [_word(path, WORD_LETTERS) for path in level.paths]
    return {
        "name": level.name,
        "heads": [" ".join(words[low:high]) for low, high in zip(bounds, bounds[1:])],
        # A site that never shares is written as empty text: most models and most levels.
        "share": [_word(bits, SHARE_LETTERS) if "1" in bits else "" for bits in level.share],
        "error": level.predicted_error,
        "attention": level.attention_flops_kept,
        "model": level.model_flops_kept,
        "cache_bytes": level.cache_bytes,
        **({"expected": list(level.expected_errors)} if level.expected_errors else {}),
        **({"evaluated": _word(level.evaluated, EVALUATED_LETTERS)} if level.evaluated else {}),
        **({"slopes": list(level.slopes)} if level.slopes else {}),
        **({"corrections": list(level.corrections)} if level.corrections else {}),
    }


def _word(letters: str, written: dict[str, str]) -> str:
    runs = [(written[letter], sum(1 for _ in run)) for letter, run in groupby(letters)]
    return "".join(letter if count == 1 else f"{letter}{count}" for letter, count in runs)
