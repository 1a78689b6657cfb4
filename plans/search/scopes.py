"""A calibration as it is solved for one pattern of evaluations, and for all patterns that are worth trying."""

from __future__ import annotations

import math

import numpy as np

from .error_model import Predictor, amplified
from .forecasts import Forecasts, Pattern
from .price_search import Search
from .table import CalibrationTable

# A model with more heads than twice these has its patterns compared by so many, of layers spread over all of it.
SAMPLED_HEADS = 96


class Scope:
    """What is solved for one pattern of evaluations; None = all of them, of a table that knows no forecasts.

    table: of the evaluated noise levels. part: of the noise levels, that are evaluated.
    """

    def __init__(self, whole: CalibrationTable, pattern: Pattern | None):
        self.pattern = pattern
        self.whole = whole
        self.table = whole if pattern is None or not pattern.marks else whole.evaluated_at(pattern)
        self.part = self.table.rows / whole.rows
        self.squared_error = 0.0 if pattern is None else pattern.squared_error
        self.predictor = Predictor(self.table)
        self._searches: dict[str, Search] = {}

    def search(self, unit: str) -> Search:
        """For work in a unit of `costs.UNITS`."""
        if unit not in self._searches:
            self._searches[unit] = Search(amplified(self.table).in_unit(unit))
        return self._searches[unit]

    def predicted_error(self, methods: np.ndarray, share: np.ndarray) -> float:
        """Of the final latent, forecasts included."""
        return math.hypot(self.predictor.predicted_error(methods, share), math.sqrt(self.squared_error))

    def over_all_levels(self, texts: tuple[str, ...], otherwise: str) -> tuple[str, ...]:
        """Texts of one letter an evaluated noise level, as such of all levels, with `otherwise` at the rest."""
        if self.pattern is None or not self.pattern.marks:
            return texts
        evaluated = self.pattern.evaluated.tolist()
        spread = []
        for text in texts:
            letters = iter(text)
            spread.append("".join(next(letters) if here else otherwise for here in evaluated))
        return tuple(spread)


class Scopes:
    """The patterns of evaluations of one calibration, most evaluations first, solved when they are asked for.

    sample: the same of some of the layers, and the part of the heads that these have; None in a small model.
    """

    def __init__(self, table: CalibrationTable):
        self._table = table
        # Too few levels for a direction to go on in, or none known: all are evaluated.
        known: Forecasts | None = table.forecasts
        self.patterns: tuple[Pattern | None, ...] = (None,) if known is None else known.patterns
        self._made: dict[int, Scope] = {}
        self.sample: tuple[Scopes, float] | None = None
        if len(self.patterns) > 1 and table.heads > 2 * SAMPLED_HEADS:
            every = -(-table.heads // SAMPLED_HEADS)
            some = table.of_sites(range(every // 2, len(table.sites), every))
            self.sample = Scopes(some), some.heads / table.heads

    def __getitem__(self, number: int) -> Scope:
        if number not in self._made:
            self._made[number] = Scope(self._table, self.patterns[number])
        return self._made[number]

    def within(self, squared_error: float) -> int:
        """How many patterns, from the one that evaluates everything on, err by no more than this."""
        return max(1, sum(one is None or one.squared_error <= squared_error for one in self.patterns))

    def of_part(self, part: float) -> int:
        """Number of the pattern that evaluates about this part of the noise levels."""
        parts = [1.0 if one is None else one.count / self._table.rows for one in self.patterns]
        return min(range(len(parts)), key=lambda number: abs(parts[number] - part))
