"""Reading plans of version 1, which the pack wrote until 0.1.0 and no longer writes.

There `windows` holds sizes, and `pooled` one '0' or '1' per window or nothing where none pools; `profiles` holds the
distinct paths, ascending, and a level's `heads` one text per site, in which each head is a reference of one or two
characters into them, in base 64 with ALPHABET. `share` holds per site '' or one '0' or '1' per noise level;
`promises` the expected errors.
"""

from __future__ import annotations

from typing import Any

from . import encode
from .entries import entry, measurement_from, model_from, require_heads
from .letters import MAX_WAYS
from .level import MAX_ROWS, Level
from .model_identity import MAX_HEADS, MAX_SITES, ModelIdentity
from .schema import MAX_LEVELS, Plan
from .validation import items, require
from .way_spec import WaySpec

SCHEMA = "ditfastattn.plan/1"
ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
MAX_PROFILES = len(ALPHABET) ** 2

_INDEX_OF = {letter: index for index, letter in enumerate(ALPHABET)}


def read(data: dict) -> tuple[Plan, str]:
    """The plan, and the id that its text must name. Raises PlanError."""
    profiles = items(entry(data, "profiles"), 1, MAX_PROFILES, "profiles")
    positions = items(entry(data, "positions"), 1, MAX_ROWS, "noise positions")
    levels = items(entry(data, "levels"), 1, MAX_LEVELS, "levels")
    model = model_from(entry(data, "model"))
    plan = Plan(
        model=model,
        measurement=measurement_from(entry(data, "measured")),
        positions=positions,
        ways=_ways(entry(data, "windows"), data.get("pooled", "")),
        levels=tuple(_level(level, model, profiles, len(positions)) for level in levels),
    )
    return plan, encode.id_of(_body_of(plan))


def _ways(windows: Any, bits: Any) -> tuple[WaySpec, ...]:
    sizes = items(windows, 0, MAX_WAYS, "windows")
    good = isinstance(bits, str) and len(bits) in (0, len(sizes)) and not bits.strip("01")
    require(good, "The plan's marks of pooled windows must be a text with one 0 or 1 for each of them.")
    return tuple(WaySpec.window(size, bit == "1") for size, bit in zip(sizes, bits or "0" * len(sizes), strict=True))


def _level(data: Any, model: ModelIdentity, profiles: tuple, rows: int) -> Level:
    width = _width(len(profiles))
    sites = [
        _referred_to(site, width, profiles) for site in items(entry(data, "heads"), 1, MAX_SITES, "layers of a level")
    ]
    require_heads(sites, model)
    return Level(
        name=entry(data, "name"),
        paths=tuple(profile for site in sites for profile in site),
        share=tuple(
            "0" * rows if bits == "" else bits
            for bits in items(entry(data, "share"), 1, MAX_SITES, "sharing texts of a level")
        ),
        predicted_error=entry(data, "error"),
        attention_flops_kept=entry(data, "attention"),
        model_flops_kept=entry(data, "model"),
        cache_bytes=entry(data, "cache_bytes"),
        expected_errors=data.get("promises", ()),
    )


def _referred_to(site: Any, width: int, profiles: tuple) -> list:
    good = isinstance(site, str) and 0 < len(site) <= MAX_HEADS * width and len(site) % width == 0
    require(good and all(letter in _INDEX_OF for letter in site), "The plan's references to profiles are damaged.")
    digits = [_INDEX_OF[letter] for letter in site]
    numbers = digits if width == 1 else [64 * high + low for high, low in zip(digits[::2], digits[1::2], strict=True)]
    require(max(numbers) < len(profiles), "The plan's references to profiles are damaged.")
    return [profiles[number] for number in numbers]


def _width(profiles: int) -> int:
    """Characters of one reference."""
    return 1 if profiles <= len(ALPHABET) else 2


def _body_of(plan: Plan) -> dict:
    """The canonical body of a plan in version 1, of which its id is the check sum."""
    profiles = sorted({path for level in plan.levels for path in level.paths})
    width, bounds = _width(len(profiles)), plan.model.offsets
    reference = {
        profile: ALPHABET[index] if width == 1 else ALPHABET[index // 64] + ALPHABET[index % 64]
        for index, profile in enumerate(profiles)
    }
    parameters: list[dict[str, Any]] = [dict(way.parameters) for way in plan.ways]
    pooled = "".join("01"[one["pooled"]] for one in parameters)
    return {
        "schema": SCHEMA,
        "model": encode.model_of(plan.model),
        "measured": encode.measured_of(plan.measurement),
        "positions": list(plan.positions),
        "windows": [list(one["size"]) for one in parameters],
        "profiles": profiles,
        "levels": [
            {
                "name": level.name,
                "heads": [
                    "".join(reference[path] for path in level.paths[low:high]) for low, high in zip(bounds, bounds[1:])
                ],
                "share": [bits if "1" in bits else "" for bits in level.share],
                "error": level.predicted_error,
                "attention": level.attention_flops_kept,
                "model": level.model_flops_kept,
                "cache_bytes": level.cache_bytes,
                **({"promises": list(level.expected_errors)} if level.expected_errors else {}),
            }
            for level in plan.levels
        ],
        **({"pooled": pooled} if "1" in pooled else {}),
    }
