"""A short name for a model's architecture, the same on every machine."""

from __future__ import annotations

import hashlib
import json


def fingerprint(description: object) -> str:
    """16 hex digits of the SHA-256 of a JSON-like description of an architecture (family, sites, sizes ...).

    `description` consists of dict with text keys, list, tuple, str, int, bool, None and finite float; key order and the
    difference between list and tuple do not matter. Raises TypeError or ValueError for anything else.
    """
    text = json.dumps(_plain(description), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


def _plain(value: object) -> object:
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("a description's keys must be text")
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        # 2.0 and 2 describe the same model; whether a config holds one or the other is an accident of its source.
        return int(value) if value.is_integer() else value
    raise TypeError(f"a description cannot hold a {type(value).__name__}")
