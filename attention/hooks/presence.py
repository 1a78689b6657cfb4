"""Whether hooks are still where they were put: nodes further on may have put something else into the same place."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterable, Mapping

import torch
from comfy.patcher_extension import WrappersMP

from ...sentences import say
from .guidance import KEY

SLOT = "optimized_attention_override"  # the host's name for it
MOST_LOOKED_AT = 200  # callables that one chain is followed through. Chosen by hand: real ones have two or three


def look_after(guider, override, hooks: Mapping) -> set[int]:
    """At the beginning of a run: put the override back around whatever has taken its place, and the wrappers where
    they see what they must; the numbers of the sites that a hook is missing from.

    override: of the pack, None where it needs none. hooks: the pack's by the names of what they replace.
    """
    options = guider.model_options.get("transformer_options", {})
    if override is not None and not reaches(options.get(SLOT), override):
        options[SLOT] = override.around(options.get(SLOT))
    # What the sampler asks for is seen before anybody moves it, and what the model gets after everybody has.
    wrappers = options.get("wrappers", {})
    for kind, last in ((WrappersMP.PREDICT_NOISE, False), (WrappersMP.APPLY_MODEL, True)):
        some = wrappers.get(kind, {})
        if KEY in some:
            own = {KEY: some[KEY]}
            rest = {name: found for name, found in some.items() if name != KEY}
            wrappers[kind] = {**rest, **own} if last else {**own, **rest}
    patches = guider.model_patcher.object_patches
    missing = {hook.number for name, hook in hooks.items() if not reaches(patches.get(name), hook)}
    return {number for number in missing if number >= 0}  # others are of layers that are no sites


def told_of(lost: set[int], sites: int) -> str:
    """What there is to say of sites that a hook is missing from."""
    return say(
        "Another node has put functions of its own in the place of {count} of {all} attention layers, which ran in "
        "full: put DiTFastAttn's node behind it.",
        count=len(lost),
        all=sites,
    )


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
