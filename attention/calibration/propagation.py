"""How far an attention error travels: from a site's heads to the model's prediction, measured by a few probes, and from
there to the final latent.

A probe repeats one evaluation with a known error (every head of a group of sites windowed, or reusing the step before)
and looks at how much the prediction changed. Its gain is that change over the error put in. The network sees an error
in the same way at every step; what the prediction of the clean picture makes of it grows with the noise level, since
it is x - sigma * output for flow models and for those that predict noise. So gains are modelled as

    gain(site, step, kind) = sigma(step)^2 * a(group of the site) * c(kind),

on the demo model within a factor of 1.5 from the second to the last step, and all probes can be made at one step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST_GROUPS = 4
BUDGET = 0.15  # probes as a fraction of the steps; each costs one evaluation of the model
LEAST_PROBES = 2
PROBED_AT = 0.35  # part of the steps after which the probes are made
MOST_GROWTH = 5.5
MOST_FACTOR = 30.0
WINDOWED, REUSED = "window", "reuse"


@dataclass(frozen=True)
class Probe:
    """What one probe puts in: the kind of error, and the group of sites that err (None = as many as can be kept)."""

    kind: str
    group: int | None


class Probes:
    """The probes of a run with `steps` steps over `sites` sites, and the gains that they gave."""

    window = 0  # the narrowest window: an error well above rounding at every site

    def __init__(self, sites: int, steps: int):
        count = max(LEAST_PROBES, round(BUDGET * steps)) if steps > 1 else 0
        groups = max(1, min(MOST_GROUPS, sites, count - 1))
        self.step = max(1, round(PROBED_AT * (steps - 1)))
        self.list = [Probe(WINDOWED, group) for group in range(groups)] + [Probe(REUSED, None)] if count else []
        self._bounds = np.linspace(0, sites, groups + 1).round().astype(int)
        self._changes: list[tuple[Probe, tuple[int, ...], float]] = []

    def due(self, step: int) -> list[Probe]:
        """Probes to make at a step."""
        return self.list if step == self.step else []

    def sites(self, group: int) -> tuple[int, ...]:
        """Site numbers of a group."""
        return tuple(range(self._bounds[group], self._bounds[group + 1]))

    def add(self, probe: Probe, sites: tuple[int, ...], change: float) -> None:
        """The mean squared change of the prediction that a probe at some sites made."""
        self._changes.append((probe, sites, change))

    def gains(self, sigmas: np.ndarray, windowed: np.ndarray, reused: np.ndarray) -> tuple[np.ndarray, float]:
        """((steps, sites) gains from squared head error to squared change of the prediction, factor for reuse).

        windowed, reused (steps, sites): the squared error that a probe of each kind puts in at each site and step.
        """
        by_site = np.full(windowed.shape[1], self._fallback(windowed))
        for probe, sites, change in self._changes:
            put_in = float(np.nansum(windowed[self.step, list(sites)]))
            if probe.kind == WINDOWED and put_in > 0 and change > 0:
                by_site[list(sites)] = change / put_in
        factor = 1.0
        for probe, sites, change in self._changes:
            expected = float(np.nansum(reused[self.step, list(sites)] * by_site[list(sites)])) if sites else 0.0
            if probe.kind == REUSED and expected > 0 and change > 0:
                factor = min(MOST_FACTOR, max(1 / MOST_FACTOR, change / expected))
        relative = (sigmas / max(sigmas[min(self.step, len(sigmas) - 1)], 1e-12)) ** 2
        return relative[:, None] * by_site[None, :], factor

    def _fallback(self, windowed: np.ndarray) -> float:
        """The gain of groups whose own probe gave nothing: that of all that did."""
        good = [(sites, change) for probe, sites, change in self._changes if probe.kind == WINDOWED and change > 0]
        put_in = sum(float(np.nansum(windowed[self.step, list(sites)])) for sites, _ in good)
        return sum(change for _, change in good) / put_in if put_in > 0 else 1.0


def growth(signal: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Squared growth, on the way to the final latent, of a deviation where the picture's factor is `signal`.

    The model takes a deviation for picture, and the picture's factor rises to 1 by the end; MOST_GROWTH bounds that
    where the latent is nearly all noise, and the model does not believe it. scale: of the host's latent, see
    `host.signal_scale`. On the demo model, whose cells were perturbed one by one at nine steps, deviations grew by 0.7
    to 1.5 times of this, in the geometric mean over sites and methods.
    """
    return 1.0 / (signal**2 + MOST_GROWTH**-2) / scale**2


def reach(sigmas: np.ndarray, signal: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(steps,) squared size in the final latent of a unit error in the prediction of each step.

    sigmas: noise level of each step; signal, scale: see `host.signal_scale`. An Euler step from sigma to sigma' takes
    the share 1 - sigma' / sigma of the prediction into the next step's latent, from where it grows.
    """
    share = 1.0 - np.append(sigmas[1:], 0.0) / np.maximum(sigmas, 1e-12)
    return share**2 * growth(np.append(signal[1:], 1.0), np.append(scale[1:], 1.0))
