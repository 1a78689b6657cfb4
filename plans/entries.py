"""Parts of a plan's text that are the same in every version of it. All raise PlanError."""

from __future__ import annotations

import re
from typing import Any

from .measurement import FIELDS_OF_MEASUREMENT, Measurement
from .model_identity import MAX_SITES, ModelIdentity, Site
from .reference_grid import MAX_REFERENCES, ReferenceGrid
from .validation import items, require

_SEED = re.compile(r"[0-9]{1,20}\Z", re.ASCII)


def entry(data: Any, key: str) -> Any:
    """The value of `key` in a JSON object, which must be there."""
    require(isinstance(data, dict) and key in data, "The plan is not complete: it lacks {key}.", key=f"{key!r}")
    return data[key]


def model_from(data: Any) -> ModelIdentity:
    """The model, as `encode.model_of` writes it."""
    sites = items(entry(data, "sites"), 1, MAX_SITES, "layers")
    return ModelIdentity(
        family=entry(data, "family"),
        fingerprint=entry(data, "fingerprint"),
        sites=tuple(Site(*items(site, 2, 2, "layer")) for site in sites),
        head_dim=entry(data, "head_dim"),
        hidden=entry(data, "hidden"),
        note=entry(data, "note"),
    )


def measurement_from(data: Any) -> Measurement:
    """The measurement, as `encode.measured_of` writes it."""
    values = {field: entry(data, field) for field in FIELDS_OF_MEASUREMENT if field != "references"}
    references = items(data.get("references", ()), 0, MAX_REFERENCES, "references")
    seeds = items(values["seeds"], 0, 64, "seeds")
    require(
        all(isinstance(seed, str) and _SEED.match(seed) for seed in seeds),
        "The plan's seeds must be numbers written as text.",
    )
    return Measurement(
        **{**values, "seeds": tuple(int(seed) for seed in seeds)},
        references=tuple(ReferenceGrid(entry(one, "grid"), entry(one, "place")) for one in references),
    )


def require_heads(sites: list, model: ModelIdentity) -> None:
    """Raise PlanError unless a level has, for each of the model's sites, as many entries as the site has heads."""
    require(
        [len(site) for site in sites] == [site.heads for site in model.sites],
        "A level of the plan does not have the layers and heads of the plan's model.",
    )
