"""Finding plans: from what calibration measured to a plan's levels. NumPy only, as all of `plans`.

Calibration fills a `CalibrationTable` with errors and `Costs`; `solve_plan` turns it into a plan. Inside, one level
after another: `goals` are what levels are asked for, `forecasts` says which evaluations of the model can be left out,
`goal_search` tries some choices of them, `price_search` looks for the Lagrange multiplier that meets a goal,
`relaxation` solves for one multiplier with `shortest_path` for each head, `mixing` fills a goal exactly, and
`error_model` says what the errors of a solution add up to.
"""

from .costs import FLOPS, MILLISECONDS, UNITS, Costs
from .deviation import Course
from .evaluate import attention_work, live_bytes, skipped_work
from .forecasts import Forecasts
from .goals import CUSTOM, LEVELS, KeepAttention, KeepWork
from .levels import Solved, solve_plan
from .precision import INT8, in_16_bits, in_int8
from .table import CalibrationTable

__all__ = [
    "CUSTOM",
    "FLOPS",
    "INT8",
    "LEVELS",
    "MILLISECONDS",
    "UNITS",
    "CalibrationTable",
    "Costs",
    "Course",
    "Forecasts",
    "KeepAttention",
    "KeepWork",
    "Solved",
    "attention_work",
    "in_16_bits",
    "in_int8",
    "live_bytes",
    "skipped_work",
    "solve_plan",
]
