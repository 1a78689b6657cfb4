"""Whether hooks are still where they were put: nodes further on may have put something else into the same place."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterable

import torch

MOST_LOOKED_AT = 200  # callables that one chain is followed through. Chosen by hand: real ones have two or three


def reaches(found, wanted) -> bool:
    """Whether a callable is another one, or holds it where callables keep what they call: a closure, an attribute, an
    argument that was bound. One that looks it up elsewhere when it is called is not seen through.
    """
    seen: set[int] = set()
    queue = [found]
    while queue and len(seen) < MOST_LOOKED_AT:
        one = queue.pop()
        if one is wanted:
            return True
        if id(one) not in seen:
            seen.add(id(one))
            queue += [held for held in _held(one) if _may_call(held)]
    return False


def _may_call(thing) -> bool:
    # Models are callable and hold the whole of what is patched; so do modules of Python.
    return callable(thing) and not isinstance(thing, (type, torch.nn.Module))


def _held(one) -> Iterable:
    if isinstance(one, types.FunctionType):
        cells = one.__closure__ or ()
        held = [_content(cell) for cell in cells] + list(one.__defaults__ or ()) + list(vars(one).values())
    elif isinstance(one, types.MethodType):
        held = [one.__func__, one.__self__, *_attributes(one.__self__)]
    elif isinstance(one, functools.partial):
        held = [one.func, *one.args, *one.keywords.values()]
    else:
        held = _attributes(one)
    return [inner for thing in held for inner in _flat(thing)]


def _attributes(one) -> list:
    return [] if isinstance(one, (type, torch.nn.Module)) else list(getattr(one, "__dict__", {}).values())


def _flat(thing) -> Iterable:
    if isinstance(thing, (list, tuple)):
        return thing
    return thing.values() if isinstance(thing, dict) else (thing,)


def _content(cell):
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None
