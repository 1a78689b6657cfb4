"""docs/models.md, made from the records and the configurations that the tests run.

COMFYUI_PATH=... python tests/matrix/support.py      writes it; tests/attention/test_support_table.py compares
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import conftest  # noqa: E402, F401  (makes `ditfastattn` importable)

from host import tiny  # noqa: E402

tiny.load_host()

from ditfastattn.attention import families  # noqa: E402
from ditfastattn.attention.families import JOINT, along_most, find_family  # noqa: E402
from host import prefix_model  # noqa: E402
from host.layouts import LAYOUTS  # noqa: E402

FILE = Path(__file__).resolve().parents[2] / "docs" / "models.md"
HEAD = """# Models

Made by `python tests/matrix/support.py`; a test says whether it is current. *Layers* are where the pack works: every
head of them can be a window, reuse an earlier step or serve the other branch. *Left out whole*: where all heads of a
layer are reused, its projections do not run either; elsewhere only attention is saved. Whole steps are forecast with
every model. *Verified*: configurations of `tests/host/families.json` that `tests/attention/test_families.py` holds
against the host's bits, an oracle and what torch counts, and `python dev.py bench matrix` in 2,000 cases.

| model | host's class | layers | left out whole | verified |
|---|---|---|---|---|
"""
TAIL = """
What else stands in the same attention (text, references, padding, registers, sound) is attended exactly. What the host
computes beside these layers (text refiners, cross-attention, sound) runs in full.

Qwen-Image 2.1 comes with hosts that these tests do not have: a stand-in calls the attention function as its source
does, with and without keys kept over the steps. Its pictures are attended with the keys of what stands before them, so
that heads are reused and serve the other branch, and there are no windows.

## Models that have no row

Any other transformer that the host loads is looked at in its first evaluation: each innermost module that attends a
sequence to itself, with at least as many tokens as the picture has, is a layer. Its heads reuse earlier steps, and
whole steps are forecast; there are no windows, no sharing, and nothing is left out whole, because it is not known where
the picture's tokens stand. `tests/attention/test_discovery.py` does so with covered models whose records are hidden.

Not compressed, with the reason in the node:

| host's class | reason |
|---|---|
"""


def text() -> str:
    """The page."""
    return HEAD + "".join(map(_row, families.FAMILIES)) + TAIL + "".join(map(_refused, families.REFUSED.items()))


def _row(family) -> str:
    names = [name for name in LAYOUTS if find_family(tiny.skeleton(name)) is family]
    models = [tiny.skeleton(name) for name in names]
    if not names and find_family(prefix_model.skeleton()) is family:
        names, models = ["a stand-in: `tests/attention/test_prefix_keys.py`"], [prefix_model.skeleton()]
    sites = [site for model in models for site in family.sites(model)]
    kinds = {re.sub(r"\b\d+\b", "*", site.name): site for site in sites}
    wide = [sites[number] for number in along_most(sites)]
    layers = "; ".join(f"`{kind}` ({_told(site, site in wide)})" for kind, site in kinds.items())
    halves = {re.sub(r"\b\d+\b", "*", site.name) for site in sites if not site.skippable}
    whole = [kind for kind in kinds if kind not in halves]
    skipped = "all" if len(whole) == len(kinds) else ", ".join(f"`{kind}`" for kind in whole) or "none"
    classes = ", ".join(f"`{one}`" for one in family.classes)
    return f"| {family.title} | {classes} | {layers} | {skipped} | {', '.join(names)} |\n"


def _told(site, windows: bool) -> str:
    scope = "with text" if site.scope == JOINT else "image alone"
    return scope if windows else f"{scope}, along time, no windows"


def _refused(entry) -> str:
    return f"| `{entry[0]}` | {entry[1]} |\n"


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
