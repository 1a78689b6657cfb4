"""The model families that the pack can compress, one declarative record each."""

from .base import IMAGE, JOINT, Entry, Family, Site
from .flux import FLUX
from .pixart import PIXART
from .sd3 import SD3
from .wan import WAN

FAMILIES = (SD3, FLUX, PIXART, WAN)
TITLES = tuple(family.title for family in FAMILIES)  # as people know them

__all__ = ["FAMILIES", "TITLES", "IMAGE", "JOINT", "Entry", "Family", "Site", "find_family"]


def find_family(diffusion_model) -> Family | None:
    """The family of a host diffusion model, by the name of its class; None when no family covers it."""
    name = type(diffusion_model).__name__
    return next((family for family in FAMILIES if name in family.classes), None)
