"""Attention functions that a checkpoint or a LoRA names for single layers (hosts from 0.40 on).

Such a layer carries `comfy_attention`, with the function as `function` and what the file says as `config`. The host
leaves them aside wherever anything overrides its attention function, so that whoever does has to call them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from ..families import Site

_ATTRIBUTE = "comfy_attention"


def function_of(module) -> Callable | None:
    """What a layer's file asks for; None where it asks for nothing."""
    return getattr(getattr(module, _ATTRIBUTE, None), "function", None)


def preferred_at(diffusion_model, site: Site) -> Callable | None:
    """The function that the file names for a site's attention."""
    found = (function_of(_layer(diffusion_model, path)) for path in layers_of(site))
    return next((function for function in found if function is not None), None)


def names(diffusion_model, sites: tuple[Site, ...]) -> dict[str, str]:
    """By site, what its file asks for; empty where it asks for nothing."""
    told = {}
    for site in sites:
        for path in layers_of(site):
            layer = _layer(diffusion_model, path)
            function = function_of(layer)
            if function is not None:
                config = getattr(getattr(layer, _ATTRIBUTE), "config", None)
                said = json.dumps(config, sort_keys=True, default=str) if config else ""
                told[site.name] = said or getattr(function, "__name__", type(function).__name__)
                break
    return told


def others(diffusion_model, sites: tuple[Site, ...]) -> list[str]:
    """Paths of the layers that may name a function and belong to no site, such as cross-attention."""
    ours = {path for site in sites for path in layers_of(site)}
    return [path for path, one in diffusion_model.named_modules() if path not in ours and hasattr(one, _ATTRIBUTE)]


def layers_of(site: Site) -> Iterator[str]:
    """Paths of the modules that a site's attention may belong to, the innermost first."""
    seen = set()
    within = [site.module or site.name, *filter(None, [site.output_linear]), *(entry.path for entry in site.entries)]
    for path in within:
        while path.count("."):
            if path not in seen and not path.endswith((".forward", ".pre_attention", ".post_attention")):
                seen.add(path)
                yield path
            path = path.rpartition(".")[0]


def _layer(diffusion_model, path: str):
    """The module of that path; None where a site's name is no module's."""
    try:
        return diffusion_model.get_submodule(path)
    except AttributeError:
        return None
