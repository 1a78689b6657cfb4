"""From a plan to its canonical text body: the one place that decides what a plan's bytes look like.

A JSON object: schema, id, model, measured, positions, windows, profiles and levels, each under the names of `schema`'s
classes. In a level, `heads` holds one text per site, in which each head is a reference of one or two characters
(`reference_width`) into `profiles`, in base 64 with ALPHABET; `share` holds per site '' or one '0' or '1' per row;
`promises` holds one number per site and is left out where the level makes none. `pooled` holds one '0' or '1' per
window and is left out where no window pools.

Reads attributes only and imports no other module of this package, so that the plan itself can derive its id from it.
"""

from __future__ import annotations

import hashlib
import json

SCHEMA = "ditfastattn.plan/1"
ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"


def body_of(plan) -> dict:
    """The JSON-able content of `plan`, without its id."""
    return {
        "schema": SCHEMA,
        "model": _model(plan.model),
        "measured": _measured(plan.measurement),
        "positions": list(plan.positions),
        "windows": [list(window) for window in plan.windows],
        "profiles": list(plan.profiles),
        "levels": [_level(level, reference_width(len(plan.profiles))) for level in plan.levels],
        **({"pooled": "".join("01"[flag] for flag in plan.pooled)} if plan.pooled else {}),
    }


def canonical(body: dict) -> str:
    """Equal bodies give equal text: sorted keys, no spaces, ASCII."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def id_of(body: dict) -> str:
    """First 12 hex digits of the SHA-256 of the canonical body."""
    return hashlib.sha256(canonical(body).encode("ascii")).hexdigest()[:12]


def reference_width(profiles: int) -> int:
    """Characters that one reference to a profile takes: one up to 64 profiles, two up to 4096."""
    return 1 if profiles <= len(ALPHABET) else 2


def _model(model) -> dict:
    return {
        "family": model.family,
        "fingerprint": model.fingerprint,
        "head_dim": model.head_dim,
        "hidden": model.hidden,
        "note": model.note,
        "sites": [[site.name, site.heads] for site in model.sites],
    }


def _measured(measurement) -> dict:
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
    }


def _level(level, width: int) -> dict:
    return {
        "name": level.name,
        "heads": ["".join(_reference(index, width) for index in site) for site in level.profiles_of_heads],
        # A site that never shares is written as empty text: most models and most levels.
        "share": [bits if "1" in bits else "" for bits in level.share],
        "error": level.predicted_error,
        "attention": level.attention_flops_kept,
        "model": level.model_flops_kept,
        "cache_bytes": level.cache_bytes,
        **({"promises": list(level.promises)} if level.promises else {}),
    }


def _reference(index: int, width: int) -> str:
    return ALPHABET[index] if width == 1 else ALPHABET[index // 64] + ALPHABET[index % 64]
