"""How far an attention error travels: from a site's heads to the model's prediction, measured by a few probes.

A probe repeats one evaluation with a known error (every head of a group of sites windowed) and looks at how much the
prediction changed. Its gain is that change over the error put in. Probes are few, so gains are modelled as a product,
gain(site group, step) = a(group) · b(step), fitted in the logarithm, and b is interpolated between probed steps.
"""

from __future__ import annotations

import numpy as np

MOST_GROUPS = 4
PROBED_STEPS = 3
RIDGE = 1e-6
MOST_GROWTH = 6.0


class Probes:
    """The schedule of probes of a run with `steps` steps, and the gains that they gave.

    budget: probes as a fraction of the steps; each costs one evaluation of the model.
    """

    window = 0  # the narrowest window: an error well above rounding at every site

    def __init__(self, sites: int, steps: int, budget: float = 0.2):
        count = max(PROBED_STEPS, round(budget * steps)) if steps > 1 else 0
        places = min(PROBED_STEPS, steps)
        groups = max(1, min(MOST_GROUPS, sites, count - places + 1))
        chosen = np.unique((np.linspace(0.1, 0.9, places) * (steps - 1)).round().astype(int))
        self._bounds = np.linspace(0, sites, groups + 1).round().astype(int)
        self._steps = steps
        self._due: dict[int, list[int]] = {}
        for group, place in _staircase(groups, len(chosen)) if count else ():
            self._due.setdefault(int(chosen[place]), []).append(group)
        self._changes: list[tuple[int, int, float]] = []

    @property
    def count(self) -> int:
        """Probes of the whole run."""
        return sum(map(len, self._due.values()))

    def due(self, step: int) -> list[int]:
        """Groups to probe at a step."""
        return self._due.get(step, [])

    def sites(self, group: int) -> tuple[int, ...]:
        """Site numbers of a group."""
        return tuple(range(self._bounds[group], self._bounds[group + 1]))

    def add(self, group: int, step: int, change: float) -> None:
        """The mean squared change of the prediction that a probe made."""
        self._changes.append((group, step, change))

    def gains(self, errors: np.ndarray) -> np.ndarray:
        """(steps, sites) gains from squared head error to squared change of the prediction.

        errors (steps, sites): the squared error that a probe puts in at each site and step.
        """
        points = []
        for group, step, change in self._changes:
            put_in = float(np.nansum(errors[step, list(self.sites(group))]))
            if put_in > 0 and change > 0:
                points.append((group, step, np.log(change / put_in)))
        sites = errors.shape[1]
        if not points:
            return np.ones((self._steps, sites))
        by_group, by_step = _fit(points, len(self._bounds) - 1)
        steps = np.interp(np.arange(self._steps), list(by_step), list(by_step.values()))
        group_of_site = np.repeat(np.arange(len(by_group)), np.diff(self._bounds))
        return np.exp(steps[:, None] + by_group[group_of_site][None, :])


def _staircase(groups: int, steps: int) -> list[tuple[int, int]]:
    """(group, step) pairs from corner to corner: the fewest that tie all groups and all steps together for the fit."""
    pairs, group, step = [(0, 0)], 0, 0
    while (group, step) != (groups - 1, steps - 1):
        behind = group * (steps - 1) <= step * (groups - 1) and group < groups - 1
        group, step = (group + 1, step) if behind or step == steps - 1 else (group, step + 1)
        pairs.append((group, step))
    return pairs


def _fit(points, groups: int) -> tuple[np.ndarray, dict[int, float]]:
    """Least squares of log gain = a(group) + b(step), lightly pulled together where probes do not decide."""
    steps = sorted({step for _, step, _ in points})
    mean = float(np.mean([value for _, _, value in points]))
    rows, values = [], []
    for group, step, value in points:
        row = np.zeros(groups + len(steps))
        row[group] = row[groups + steps.index(step)] = 1.0
        rows.append(row)
        values.append(value - mean)
    matrix = np.array(rows)
    normal = matrix.T @ matrix + RIDGE * np.eye(matrix.shape[1])
    solution = np.linalg.solve(normal, matrix.T @ np.array(values))
    return solution[:groups], {step: mean + float(solution[groups + place]) for place, step in enumerate(steps)}


def growth(signal):
    """Squared growth, on the way to the final latent, of a deviation where the picture's factor is `signal`.

    The model takes a deviation for picture, and the picture's factor rises to 1 by the end; MOST_GROWTH bounds that
    where the latent is nearly all noise, and the model does not believe it.
    """
    return 1.0 / (signal**2 + MOST_GROWTH**-2)


def reach(sigmas: np.ndarray, signal: np.ndarray) -> np.ndarray:
    """(steps,) squared size in the final latent of a unit error in the prediction of each step.

    sigmas: noise level of each step. signal: factor of the clean picture in the latent at each, 1 - sigma for flow
    models. An Euler step from sigma to sigma' takes the share 1 - sigma' / sigma of the prediction into the latent.
    """
    share = 1.0 - np.append(sigmas[1:], 0.0) / np.maximum(sigmas, 1e-12)
    return share**2 * growth(signal)
