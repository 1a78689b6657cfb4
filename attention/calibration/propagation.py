"""Error propagation: from a site's heads to the model's prediction, measured by a few probes, and from there to the
final latent.

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

# Chosen on the demo model at 20 steps of euler, by the errors of single cells (`python dev.py bench cells`) and of
# levels (`python dev.py bench quality`); the same commands judge another choice.
MOST_GROUPS = 4
PROBE_FRACTION = 0.15  # probes as a fraction of the steps; each costs one evaluation of the model
LEAST_PROBES = 2
PROBED_AT = 0.35  # part of the steps after which the probes are made
MOST_GROWTH = 5.5  # of an amplitude, from where the latent is nearly all noise to the end; see `growth`
MOST_TERMS = 4  # predictions, the newest and those before, that a sampler may make a step of, as UniPC does
LEAST_REACH = 0.25  # of what a step alone takes of its prediction, when later steps take it back. Chosen by hand
MOST_FACTOR = 30.0  # beyond, a factor found for reuse says that its probe was not above rounding
WINDOWED, REUSED = "window", "reuse"


@dataclass(frozen=True)
class Probe:
    """What one probe puts in: the kind of error, and the group of sites that err (None = as many as can be kept)."""

    kind: str
    group: int | None


class Probes:
    """The probes of a run with `steps` steps over `sites` sites, and the gains that they gave. fraction: of the steps,
    how many probes there are, but `least` or more. windows: whether there are any; else reuse tells the gains.
    """

    way = 0  # the narrowest window: an error well above rounding at every site

    def __init__(
        self,
        sites: int,
        steps: int,
        fraction: float = PROBE_FRACTION,
        least: int = LEAST_PROBES,
        windows: bool = True,
    ):
        count = max(least, round(fraction * steps)) if steps > 1 else 0
        groups = max(1, min(MOST_GROUPS, sites, count - 1))
        self.step = max(1, round(PROBED_AT * (steps - 1)))
        self._kind = WINDOWED if windows else REUSED
        self.list = [Probe(WINDOWED, group) for group in range(groups)] if count and windows else []
        if count > 1 or (count and not windows):
            self.list.append(Probe(REUSED, None))
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
        if self._kind == REUSED:
            windowed = reused
        by_site = np.full(windowed.shape[1], self._fallback(windowed))
        for probe, sites, change in self._changes:
            put_in = float(np.nansum(windowed[self.step, list(sites)]))
            if probe.kind == self._kind and put_in > 0 and change > 0:
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
        good = [(sites, change) for probe, sites, change in self._changes if probe.kind == self._kind and change > 0]
        put_in = sum(float(np.nansum(windowed[self.step, list(sites)])) for sites, _ in good)
        return sum(change for _, change in good) / put_in if put_in > 0 else 1.0


def growth(signal: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Squared growth, on the way to the clean latent, of a deviation where the picture's factor is `signal`.

    The model cannot tell a deviation of the latent from the picture in it. By the end of the run the picture's factor
    in the latent has risen from `signal` to 1, and a deviation grows along with it. Where the latent is nearly all
    noise the model takes only a part of a deviation for picture, which MOST_GROWTH stands for. scale: of the host's
    latent, see `noise.signal_scale`. On the demo model, whose cells were perturbed one by one at nine steps (`python
    dev.py bench cells`), deviations grew by 0.7 to 1.5 times this, in the geometric mean over sites and ways.
    """
    return 1.0 / (signal**2 + MOST_GROWTH**-2) / scale**2


def euler_shares(sigmas: np.ndarray, end: float = 0.0) -> np.ndarray:
    """(steps, terms) part of each step's prediction that an Euler step from sigma to sigma' takes into the next latent,
    1 - sigma' / sigma, and of the predictions of the steps before: none. end: the noise level that the last step leads
    to.
    """
    result = np.zeros((len(sigmas), MOST_TERMS))
    result[:, 0] = 1.0 - np.append(sigmas[1:], end) / np.maximum(sigmas, 1e-12)
    return result


def reach(shares: np.ndarray, signal: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(steps,) squared size in the clean latent of a unit error in the prediction of each step.

    shares: (steps, terms) parts of the prediction of a step, and of the steps before, that go into the next step's
    latent, from where they grow. signal, scale (steps + 1,): see `noise.signal_scale`; the last of each is where the
    run ends. If that is above noise level 0, an error goes on growing in whatever takes the latent on, and what counts
    is the picture in the end.
    """
    grown = np.sqrt(growth(signal[1:], scale[1:]))
    size = np.zeros(len(shares))
    for back in range(min(shares.shape[1], len(shares))):
        size[: len(size) - back] += (shares[:, back] * grown)[back:]
    # Later steps may take nearly all of it back on paper; an error is not quite the same to them.
    return np.maximum(size, LEAST_REACH * np.abs(shares[:, 0]) * grown) ** 2
