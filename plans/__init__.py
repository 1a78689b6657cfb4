"""Compression plans: what they are, their text, their search, and how they move onto a run."""

from .build import LevelPaths, all_full_plan, build_plan
from .checks import PlanError, plain_text
from .codec import Refusal, dumps, loads
from .fingerprint import fingerprint
from .presets import CUSTOM, FLOPS, LEVELS, MILLISECONDS, PRICES, KeepAttention, Solved, solve_levels, solve_plan
from .schedule import RunSchedule, resolve
from .schema import Level, Measurement, ModelIdentity, Plan, Site
from .solver import Solution, solve
from .table import CalibrationTable, Milliseconds

__all__ = [
    "CUSTOM",
    "FLOPS",
    "LEVELS",
    "MILLISECONDS",
    "PRICES",
    "CalibrationTable",
    "KeepAttention",
    "Level",
    "LevelPaths",
    "Measurement",
    "Milliseconds",
    "ModelIdentity",
    "Plan",
    "PlanError",
    "Refusal",
    "RunSchedule",
    "Site",
    "Solution",
    "Solved",
    "all_full_plan",
    "build_plan",
    "dumps",
    "fingerprint",
    "loads",
    "plain_text",
    "resolve",
    "solve",
    "solve_levels",
    "solve_plan",
]
