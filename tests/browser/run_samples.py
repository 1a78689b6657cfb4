"""Documents of runs as the server sends them, of any size, for tests that need no server to make them."""

from __future__ import annotations

import itertools
import math
import random

LEVELS = (
    ("D1", 0.86, 0.93, 0.018),
    ("D2", 0.69, 0.86, 0.046),
    ("D3", 0.44, 0.74, 0.094),
    ("D4", 0.36, 0.62, 0.142),
    ("D5", 0.28, 0.51, 0.205),
    ("D6", 0.21, 0.42, 0.291),
)
MIB = 2**20
WINDOW = {"text": "0.25 x 0.25 of the picture, the rest pooled", "key": None, "values": {}}
HOW = {"text": "From 3 steps that were computed in full.", "key": None, "values": {}}
_numbers = itertools.count(1)


def document(
    kind: str = "plan", *, steps: int = 20, layers: int = 24, heads: int = 8, done: int | None = None, **other
):
    """One document. done: how many steps are finished; all of them if not given, and then the run is done."""
    number = next(_numbers)
    finished = steps if done is None else done
    plan = kind == "plan"
    table = _letters(steps, layers, heads) if plan else []
    planned = [_planned(step, steps) if plan else (1.0, 1.0, 0) for step in range(steps)]
    entries = [[round(100 * a), round(100 * m), 180 + round(500 * m)] for a, m, _ in planned[:finished]]
    made = {
        "v": 1,
        "id": f"{number:012x}",
        "prompt": None,
        "node": None,
        "started": 1_790_000_000 + 60 * number,
        "state": "done" if done is None else "running",
        "kind": kind,
        "model": {
            "family": "SD3.5 Medium",
            "parameters": 2_500_000_000,
            "layers": layers,
            "heads": heads,
            "tokens": 4096,
            "text_tokens": 154,
        },
        "device": "NVIDIA GeForce RTX 4090",
        "sampler": {"sampler": "dpmpp_2m", "scheduler": "sgm_uniform", "steps": steps, "cfg": 4.5, "seed": 7},
        "plan": _plan() if plan else None,
        "levels": [_level(*level) for level in LEVELS]
        if plan or (kind in ("watch", "calibrate") and done is None)
        else [],
        "steps": [
            {"position": round(1 - step / steps, 4), "attention": a, "model": m, "forecast": f}
            for step, (a, m, f) in enumerate(planned)
        ],
        "done": entries,
        "kept": _kept(entries),
        "seconds": sum(entry[2] for entry in entries) / 1000,
        "dense": {"seconds": 0.68 * steps, "source": "estimated", "how": HOW} if plan else None,
        "speed": {"times": 1.38, "source": "estimated"} if plan and finished else None,
        "ceiling": 0.59 if plan or kind == "watch" else None,
        "cache": {"bytes": 213 * MIB, "limit": 6.2 * 1024 * MIB} if plan else None,
        "sites": [f"joint_blocks.{layer}" for layer in range(layers)],
        "heads": [heads] * layers,
        "map": ["".join(_commonest(row) for row in step) for step in table],
        "head_map": ["" if step[0][0] == "p" else _packed("".join(step)) for step in table],
        "windows": {"w": [WINDOW], "d": [WINDOW]} if plan else {},
        "notes": [],
        "backends": {"fused": 812, "tiled": 40, "dense": 96, "copied": 120},
    }
    return {**made, **other}


def messages(whole: dict):
    """The message of each step of a run, as they come while it goes on."""
    for count in range(1, len(whole["steps"]) + 1):
        yield {
            "v": 1,
            "id": whole["id"],
            "prompt": whole["prompt"],
            "node": whole["node"],
            "step": count,
            "done": whole["done"][:count],
            "seconds": sum(entry[2] for entry in whole["done"][:count]) / 1000,
            "state": "running",
            "from": 0,
            "kept": _kept(whole["done"][:count]),
            "dense": whole["dense"],
            "speed": whole["speed"],
        }


def begun(whole: dict) -> dict:
    """The document of the same run as it is sent at its start."""
    return {**whole, "state": "running", "done": [], "seconds": 0.0, "speed": None}


def _kept(entries: list[list[int]]) -> dict:
    count = len(entries) or 1
    means = {key: sum(entry[at] for entry in entries) / count / 100 for at, key in enumerate(("attention", "model"))}
    return {**means, "module": (means["attention"] + 1) / 2}


def _plan() -> dict:
    return {"id": "79efbea137fc", "level": "D3", "error": 0.094, "attention": 0.44, "model": 0.74, "verified": 0.101}


def _level(name: str, attention: float, model: float, error: float) -> dict:
    return {"name": name, "attention": attention, "model": model, "error": error, "cache_bytes": 213 * MIB}


def _planned(step: int, steps: int) -> tuple[float, float, int]:
    if step > 2 and step % 5 == 3:
        return 0.0, 0.0, 1
    part = step / max(1, steps - 1)
    attention = 1.0 if step < 2 else 0.2 + 0.5 * abs(math.cos(7 * part)) * (1 - 0.5 * part)
    return round(attention, 4), round(0.59 + 0.41 * attention, 4), 0


def _letters(steps: int, layers: int, heads: int) -> list[list[str]]:
    """Per step and layer a string of the heads' letters."""
    rng = random.Random(5)
    made = []
    for step in range(steps):
        attention, _, forecast = _planned(step, steps)
        if forecast:
            made.append(["p" * heads] * layers)
            continue
        rows = []
        for _ in range(layers):
            way = rng.choices("fwdr", [attention, 0.5, 0.2, 0.5 if step else 0])[0] if step > 1 else "f"
            row = "".join(way if rng.random() < 0.75 else rng.choice("fwd") for _ in range(heads))
            rows.append(row.upper() if rng.random() < 0.1 else row)
        made.append(rows)
    return made


def _commonest(row: str) -> str:
    return max("rwdfpRWDF", key=row.count)


def _packed(row: str) -> str:
    groups = ((letter, len(list(group))) for letter, group in itertools.groupby(row))
    return "".join(letter + (str(count) if count > 1 else "") for letter, count in groups)
