"""Compression plans: what they are, their text, their search, and how they move onto a run."""

from .build import LevelPaths, all_full_plan, build_plan
from .checks import PlanError, plain_text
from .codec import Refusal, dumps, loads
from .fingerprint import fingerprint
from .presets import LEVELS, solve_levels
from .schedule import RunSchedule, resolve
from .schema import Level, Measurement, ModelIdentity, Plan, Site
from .solver import Solution, solve
from .table import CalibrationTable

__all__ = [
    "LEVELS",
    "CalibrationTable",
    "Level",
    "LevelPaths",
    "Measurement",
    "ModelIdentity",
    "Plan",
    "PlanError",
    "Refusal",
    "RunSchedule",
    "Site",
    "Solution",
    "all_full_plan",
    "build_plan",
    "dumps",
    "fingerprint",
    "loads",
    "plain_text",
    "resolve",
    "solve",
    "solve_levels",
]
