"""The demo model at the prices of larger runs, in which attention is more of the work."""

from __future__ import annotations

from dataclasses import replace

from ditfastattn.plans import Plan
from ditfastattn.plans.search import CalibrationTable


def priced(table: CalibrationTable, attention_share: float) -> CalibrationTable:
    """The same errors where attention is `attention_share` of a dense run's FLOPs: all else, with the projections of
    attention, is dearer or cheaper by one factor.
    """
    costs = table.costs
    other = float(costs.full.sum()) * (1 - attention_share) / attention_share
    factor = other / costs.other
    return replace(table, costs=replace(costs, other=other, projection=costs.projection * factor))


def attention_share(plan: Plan) -> float:
    """Attention's part of the FLOPs of the dense run that a plan was made from."""
    stamp = plan.measurement
    return stamp.attention_flops / (stamp.attention_flops + stamp.other_flops)


def model_kept(model: float, attention: float, measured_share: float, share: float) -> float:
    """The part of the model's FLOPs that a run keeps where attention is `share` of a dense run's.

    model, attention: the parts that it keeps of all FLOPs and of attention's, where attention is `measured_share`.
    """
    rest = (model - measured_share * attention) / (1 - measured_share)
    return share * attention + (1 - share) * rest
