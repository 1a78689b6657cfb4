"""What a user asks of a calibration: a budget, and settings with what a guider, a sampler and noise levels say in
their place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ...plans.search import CUSTOM, FLOPS, LEVELS, KeepAttention, KeepWork
from ...sentences import say
from ..hooks.guidance import cfg_of
from ..hooks.noise import schedule_name
from ..hooks.run import sampler_name
from ..hooks.sampling import Setup
from .measurement import CalibrationError, SamplerSettings


@dataclass(frozen=True)
class Budget:
    """What a user sets beside the levels. keep_attention, keep_work: fraction of attention's FLOPs, or of the model's,
    for the level "custom"; only one of them. 0 = no limit, each. price: what the levels D1 to D6 save, see
    `plans.search.solve_plan`.
    """

    keep_attention: float = 0.0
    max_cache_bytes: int = 0
    price: str = FLOPS
    keep_work: float = 0.0

    @property
    def levels(self) -> tuple:
        """Levels and goals of the plan."""
        if self.keep_work > 0:
            return (*LEVELS, (CUSTOM, KeepWork(self.keep_work)))
        return (*LEVELS, (CUSTOM, KeepAttention(self.keep_attention))) if self.keep_attention > 0 else LEVELS


def sampled_model(model_patcher, setup: Setup):
    """The model that is sampled: the guider's, where there is one. Raises CalibrationError where there is no prompt."""
    if setup.guider is not None:
        return setup.guider.model_patcher
    if setup.positive is None or setup.negative is None:
        raise CalibrationError(say("There is no prompt to sample: connect positive and negative, or a guider."))
    return model_patcher


def settings_given(model_patcher, settings: SamplerSettings, setup: Setup) -> SamplerSettings:
    """The settings with what a guider, a sampler and noise levels say in their place."""
    if setup.guider is not None:
        settings = replace(settings, cfg=cfg_of(setup.guider))
    if setup.sampler is not None:
        settings = replace(settings, name=sampler_name(setup.sampler))
    if setup.sigmas is not None:
        name = schedule_name(model_patcher.get_model_object("model_sampling"), setup.sigmas.tolist())
        settings = replace(settings, scheduler=name, steps=len(setup.sigmas) - 1, denoise=1.0)
    return settings


def require_finite(settings: SamplerSettings, setup: Setup, budget: Budget) -> None:
    """Raise CalibrationError with the name of a setting that is NaN or infinite."""
    named = {
        "cfg": [settings.cfg],
        "the guider's cfg": [cfg_of(setup.guider)],
        "denoise": [settings.denoise],
        "keep_attention": [budget.keep_attention],
        "keep_work": [budget.keep_work],
        "sigmas": [] if setup.sigmas is None else setup.sigmas.tolist(),
    }
    for name, values in named.items():
        wrong = next((value for value in values if not math.isfinite(value)), None)
        if wrong is not None:
            raise CalibrationError(
                say("{name} must be finite, not {wrong}: set it to what you sample with.", name=name, wrong=wrong)
            )
    if budget.keep_attention > 0 and budget.keep_work > 0:
        raise CalibrationError(say("The level 'custom' has one budget: set keep_work or keep_attention to 0."))
    if setup.sigmas is not None and len(setup.sigmas) < 2:
        raise CalibrationError(say("sigmas holds no step: connect the noise levels that you sample with."))
