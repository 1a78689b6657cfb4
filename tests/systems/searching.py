"""Calibration and the papers' searches of a tiny model, and what a run that follows a plan computes."""

from __future__ import annotations

import torch

from ditfastattn.attention.calibration.measurement import SamplerSettings, measure, solve
from ditfastattn.attention.calibration.papers.search import search
from ditfastattn.attention.calibration.store import Store
from ditfastattn.attention.hooks.model import HostModel
from ditfastattn.attention.hooks.patch import attached
from host import tiny
from host.applying import apply_plan

STEPS = 3
SETTINGS = SamplerSettings("euler", "simple", STEPS, 4.0, 1.0, 7)


def calibrated(family: str):
    """The plan of a calibration."""
    model = HostModel.of(tiny.shared_model(family))
    return solve(measure(model, SETTINGS, lambda one: tiny.sample(one, family, steps=STEPS))).plan


def searched(family: str, method: str, threshold: float):
    """The plan of a paper's search."""
    model = HostModel.of(tiny.shared_model(family))
    with torch.inference_mode():
        found = search(
            model, SETTINGS, lambda one: tiny.sample(one, family, steps=STEPS), method, [threshold], store=Store()
        )
    return found.plan


def attention_kept(family: str, plan, level: str) -> float:
    """The part of attention that a run computes; nothing of it may be left to the host unsaid."""
    patched = apply_plan(tiny.shared_model(family), plan, level, strict=True)
    tiny.sample(patched, family, steps=STEPS)
    record = attached(patched).runs.latest()
    assert not record.notes
    dense, kept = record.attention_flops()
    return kept / dense
