"""Compression plans: what they are, their text, and how they move onto a run. `plans.search` finds them.

A plan says for every noise level, layer and head how attention is computed. It knows neither the model nor the kernels:
`WaySpec` names an approximation and its parameters, and `letters` says how a head's decisions are written down.
"""

from . import letters
from .codec import Refusal, dumps, loads
from .fingerprint import fingerprint
from .level import Level
from .measurement import Measurement
from .model_identity import ModelIdentity, Site
from .reference_grid import ReferenceGrid
from .schedule import RunSchedule, resolve, steps_of_work
from .schema import Plan
from .validation import PlanError
from .way_spec import WaySpec

__all__ = [
    "Level",
    "Measurement",
    "ModelIdentity",
    "Plan",
    "PlanError",
    "ReferenceGrid",
    "Refusal",
    "RunSchedule",
    "Site",
    "WaySpec",
    "dumps",
    "fingerprint",
    "letters",
    "loads",
    "resolve",
    "steps_of_work",
]
