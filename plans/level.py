"""One quality level of a plan: how its heads are computed, which evaluations are forecast, and what it errs by."""

from __future__ import annotations

from dataclasses import dataclass

from .model_identity import MAX_HEADS, MAX_SITES
from .validation import freeze, identifier, items, number, require, whole

MAX_ROWS = 256  # noise levels
MAX_CORRECTION = 8.0  # of a plan's slopes and corrections, each way

_CORRECTION_DIGITS = 3  # of slopes, too
_EXPECTED_DIGITS = 3  # of an expected error: an estimate, and there is one for every site and level


@dataclass(frozen=True)
class Level:
    """One quality level of a plan.

    paths: for each head over all sites, one letter a noise level (see `letters`). share: for each site a text of '0'
    and '1' over noise levels, '1' where the conditional branch's result serves the unconditional one. predicted_error:
    relative error of the final latent. attention_flops_kept, model_flops_kept: fractions of the dense run's FLOPs, over
    the measured noise levels. cache_bytes: largest size of the live caches during the measured run. expected_errors:
    for each site the relative error to expect of its attention output where the level compresses it,
    sqrt(sum E[e^T M e] / sum E[o^T M o]) over heads and noise levels, each noise level weighted by what an error there
    does to the final latent; e is a head's error and o its exact output, both combined over the branches as guidance
    does, M the Gram matrix of the head's slice of the output projection. Empty where nobody knows. evaluated: one '1'
    or '0' a noise level, '0' where the model is not evaluated but forecast from the evaluations before, and no way is
    carried out ('r' stands in the paths); empty where all are evaluated. slopes, corrections: one number a noise level
    each, other than 0 only where the level or the one before it is not evaluated; with p the predictions, a and b the
    last two levels that were evaluated before it, and line what a straight line through these goes on by (0 where there
    is one), a level that is forecast gives p(a) + slope * line, and an evaluated one c after forecasts
    p(c) + correction * (p(c) - p(a)) + slope * line, which makes up for them. Empty where all are 0. Raises PlanError.
    """

    name: str
    paths: tuple[str, ...]
    share: tuple[str, ...]
    predicted_error: float
    attention_flops_kept: float
    model_flops_kept: float
    cache_bytes: int
    expected_errors: tuple[float, ...] = ()
    evaluated: str = ""
    slopes: tuple[float, ...] = ()
    corrections: tuple[float, ...] = ()

    def __post_init__(self):
        paths = items(self.paths, 1, MAX_SITES * MAX_HEADS, "heads of a level")
        require(
            all(isinstance(path, str) and 0 < len(path) <= MAX_ROWS for path in paths),
            "The plan's paths must be texts of 1 to {most} letters.",
            most=MAX_ROWS,
        )
        share = items(self.share, 1, MAX_SITES, "sharing texts of a level")
        require(
            all(isinstance(bits, str) and len(bits) <= MAX_ROWS and not bits.strip("01") for bits in share),
            "The plan's sharing must be given as texts of 0 and 1.",
        )
        expected = items(self.expected_errors, 0, MAX_SITES, "expected errors")
        require(
            len(expected) in (0, len(share)),
            "The plan's level expects errors of {count} of {layers} layers; it must be all or none.",
            count=len(expected),
            layers=len(share),
        )
        freeze(
            self,
            name=identifier(self.name, "level name"),
            paths=paths,
            share=share,
            predicted_error=number(self.predicted_error, 0, 1e6, "predicted error"),
            attention_flops_kept=number(self.attention_flops_kept, 0, 4, "kept attention work"),
            model_flops_kept=number(self.model_flops_kept, 0, 4, "kept model work"),
            cache_bytes=whole(self.cache_bytes, 0, 1 << 50, "cache size"),
            expected_errors=tuple(number(error, 0, 1e6, "expected error", _EXPECTED_DIGITS) for error in expected),
        )
        evaluated = _evaluated(self.evaluated)
        freeze(
            self,
            evaluated=evaluated if "0" in evaluated else "",
            slopes=_of_forecasts(evaluated, self.slopes, "slope", after=False),
            corrections=_of_forecasts(evaluated, self.corrections, "correction", after=True),
        )


def _evaluated(marks) -> str:
    """A level's marks, checked. Raises PlanError."""
    good = isinstance(marks, str) and len(marks) <= MAX_ROWS and not marks.strip("01")
    require(good, "The plan's marks of evaluated noise levels must be a text of 0 and 1.")
    require(not marks.startswith("0"), "The plan must evaluate the model at the first noise level.")
    return marks


def _of_forecasts(evaluated: str, values, name: str, *, after: bool) -> tuple[float, ...]:
    """A level's slopes or corrections in canonical form. after: only evaluated levels after forecasts may have one.
    Raises PlanError.
    """
    given = items(values, 0, MAX_ROWS, f"{name}s")
    numbers = tuple(number(one, -MAX_CORRECTION, MAX_CORRECTION, name, _CORRECTION_DIGITS) for one in given)
    if not any(numbers):
        return ()
    require("0" in evaluated, "The plan gives {names} of forecasts at a level that has none.", names=f"{name}s")
    require(len(numbers) == len(evaluated), "The plan's {names} must be one for each noise level.", names=f"{name}s")
    for one, mark, before in zip(numbers, evaluated, ("1", *evaluated)):
        allowed = before == "0" and mark == "1" if after else "0" in (before, mark)
        require(
            not one or allowed,
            "The plan gives a {name} to a noise level that does not follow a forecast one.",
            name=name,
        )
    return numbers
