"""What is compared: the names of the methods and the levels at which each is sampled."""

from __future__ import annotations

from .forecast import distinct_schedules
from .settings import Setting

OURS, V1, V2 = "ours", "DiTFastAttn", "DiTFastAttnV2"
FEWER, EASY, LAZY, FORECAST = "fewer steps", "easycache", "lazycache", "forecast schedule"
PLANNED = (OURS, V1, V2)  # those that need a calibration
PAPERS = (V1, V2)
METHODS = (FEWER, EASY, LAZY, FORECAST, OURS, V2, V1)  # in the order in which they are sampled

# Fractions of the model's FLOPs at which methods are compared; this pack has a level of its own for each.
BUDGETS = (0.85, 0.70, 0.60, 0.50, 0.35)
WORK_BUDGETS = {f"W{round(100 * budget)}": budget for budget in BUDGETS}
# Chosen so that the papers' searches keep 0.3 to 0.7 of attention, and the host's caches 0.45 to 0.95 of the model's
# evaluations; the caches' default is 0.2.
THRESHOLDS = {
    V1: (0.06, 0.11, 0.18),
    V2: (0.05, 0.1, 0.2, 0.4),
    EASY: (0.04, 0.05, 0.1, 0.2, 0.4),
    LAZY: (0.1, 0.15, 0.2, 0.4, 0.8),
}
# Attention FLOPs at which this pack and the papers are compared, and the budgets of this pack's levels around them.
KEEPS = (0.6, 0.45, 0.32)
ATTENTION_BUDGETS = {"K62": 0.62, "K46": 0.46, "K33": 0.33, "K25": 0.25}


def levels(method: str, setting: Setting) -> dict[str, object]:
    """{name: what it stands for} of a method that needs no plan, mild to strong."""
    if method == FEWER:
        counts = dict.fromkeys(round(setting.steps * budget) for budget in BUDGETS)
        return {f"{steps} steps": steps for steps in counts}
    if method in (EASY, LAZY):
        return {f"{threshold:g}": threshold for threshold in THRESHOLDS[method]}
    return {str(schedule): schedule for schedule in distinct_schedules(setting.steps)}
