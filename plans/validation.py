"""Checks that turn a wrong value into one clear sentence, and right values into one canonical form.

Every function raises PlanError with that sentence; `what` names the value in it.
"""

from __future__ import annotations

import math
import numbers
import re

from ..sentences import say

SIGNIFICANT_DIGITS = 6

# Control characters, line separators, text direction overrides and lone surrogates: nothing a person types, and each
# can break or disguise the line it is shown in. Fixed ranges, because str.isprintable() changes between Python
# versions.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_.\-]{1,120}\Z")


class PlanError(ValueError):
    """A plan or a table is not valid; the message is one sentence that a user can act on."""


def freeze(instance, **values) -> None:
    """Write canonical values into a frozen dataclass while it is being constructed."""
    for key, value in values.items():
        object.__setattr__(instance, key, value)


def require(condition: bool, template: str, **values: str | int | float) -> None:
    """Raise PlanError with a sentence (see `sentences.say`) unless `condition`."""
    if not condition:
        raise PlanError(say(template, **values))


def whole(value, low: int, high: int, what: str) -> int:
    """`value` as int within low..high; bool and float are refused."""
    good = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    require(
        good and low <= value <= high,
        "The plan's {what} must be a whole number from {low} to {high}.",
        what=what,
        low=low,
        high=high,
    )
    return int(value)


def number(value, low: float, high: float, what: str, digits: int = SIGNIFICANT_DIGITS) -> float:
    """`value` as a finite float within low..high, rounded to the significant digits that a plan keeps."""
    good = isinstance(value, numbers.Real) and not isinstance(value, bool)
    require(
        good and low <= value <= high,
        "The plan's {what} must be a number from {low} to {high}.",
        what=what,
        low=f"{low:g}",
        high=f"{high:g}",
    )
    rounded = float(f"{float(value):.{digits}g}")
    require(math.isfinite(rounded), "The plan's {what} must be a finite number.", what=what)
    return rounded + 0.0  # turns -0.0 into 0.0, so that equal values have equal text


def text(value, longest: int, what: str) -> str:
    """`value` as a short text without control characters."""
    good = isinstance(value, str) and len(value) <= longest and not _UNSAFE.search(value)
    require(good, "The plan's {what} must be plain text of at most {longest} characters.", what=what, longest=longest)
    return str(value)


def identifier(value, what: str) -> str:
    """`value` as an identifier: 1 to 120 letters, digits, dots, dashes, underscores."""
    good = isinstance(value, str) and _IDENTIFIER.match(value) is not None
    require(good, "The plan's {what} must be 1 to 120 letters, digits, dots, dashes or underscores.", what=what)
    return str(value)


def items(value, low: int, high: int, what: str) -> tuple:
    """`value`, a list or tuple of low..high items, as a tuple."""
    good = isinstance(value, (list, tuple)) and low <= len(value) <= high
    require(good, "The plan's {what} must be a list of {low} to {high} items.", what=what, low=low, high=high)
    return tuple(value)
