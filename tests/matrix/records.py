"""How each configuration is served, and how long its record is."""

from __future__ import annotations

import inspect

from ditfastattn.attention import families
from ditfastattn.attention.families import find_family
from host import tiny


def described(name: str) -> dict:
    """served, reason (why not, where it is not), family (its title), record_lines (of the record's own code)."""
    model = tiny.skeleton(name)
    family, reason = find_family(model), families.refusal(model)
    return {
        "served": family is not None,
        "reason": reason or "",
        "family": "" if family is None else family.title,
        "record_lines": 0 if family is None else record_lines(family),
    }


def record_lines(family) -> int:
    """Lines of the statement that makes a family's record, without what functions of its own it names."""
    for module in vars(families).values():
        if not inspect.ismodule(module) or family not in vars(module).values():
            continue
        name = next(name for name, value in vars(module).items() if value is family)
        lines = inspect.getsource(module).splitlines()
        start = next((n for n, line in enumerate(lines) if line.startswith(f"{name} = Family(")), None)
        if start is None:
            continue
        end = start if lines[start].endswith(")") else next(n for n in range(start, len(lines)) if lines[n] == ")")
        return end - start + 1
    raise LookupError(family.name)
