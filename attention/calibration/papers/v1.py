"""DiTFastAttn's search (arXiv 2406.08552, section 3.4), on the host's model: greedy, layer by layer.

It tries one method after another for a whole layer and looks at what the model's output becomes. It decides step by
step while it samples, so that each decision sees the compressed run before it. Its window is a band of raster order,
see `bands`, or what the caller gives. Loss, order and thresholds are those of the authors' code; the channels of a
learned variance, which that compares as well, are left out by the host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import comfy.model_management
import numpy as np
import torch
from comfy.patcher_extension import WrappersMP

from ....kernels import FULL, REUSE, Approximation, HeadTable, Residual
from ....plans import letters
from ...families import along_most
from ...hooks.patch import KEY
from ...replay.replay import Replay
from ...replay.timeline import SiteStep
from ..progress import Progress
from .bands import V1_BANDS

THRESHOLDS = (0.025, 0.05, 0.075, 0.1, 0.125, 0.15)
LARGEST_LOSS = 10.0  # the relative error of each element is clipped here
SMALL = 1e-6


@dataclass(frozen=True)
class Choice:
    """One way to compute a layer in the search. letter: of all heads, see `plans.letters`."""

    letter: int
    share: bool


# In the order in which they are tried: the cheapest first. AST, WA-RS + ASC, WA-RS, ASC in the paper.
CHOICES = (
    Choice(letters.REUSE, False),
    Choice(letters.RESIDUAL, True),
    Choice(letters.RESIDUAL, False),
    Choice(letters.FULL, True),
)
AS_IS = Choice(letters.FULL, False)


class LayerChoices:
    """Stands in for a `Timeline` whose entries are still being decided: (steps, sites) of `Choice`."""

    def __init__(self, sites, steps: int, window: Approximation):
        self._sites, self.window = sites, window
        self.choices = [[AS_IS] * len(sites) for _ in range(steps)]
        every = [tuple(range(site.heads)) for site in sites]
        self.residual_heads = every
        self.output_heads = [() if site.skippable else heads for site, heads in zip(sites, every, strict=True)]
        self.keeps_projected = [site.skippable for site in sites]

    def at(self, step: int, site: int) -> SiteStep:
        """What a site does at a step; sources are the last steps that computed, and that computed in full."""
        choice, heads = self.choices[step][site], self._sites[site].heads
        way = {letters.FULL: FULL, letters.RESIDUAL: Residual(self.window), letters.REUSE: REUSE}[choice.letter]
        skippable = self._sites[site].skippable
        computed = self._last(step, site, lambda letter: letter != letters.REUSE)
        return SiteStep(
            table=HeadTable.uniform(heads, way, refresh=self.window if way == FULL else None),
            keep=(not skippable,) * heads,
            source=(computed,) * heads,
            residual_source=(self._last(step, site, lambda letter: letter == letters.FULL),) * heads,
            share=choice.share,
            unshared=(),
            skips=choice.letter == letters.REUSE and skippable,
            keep_projected=skippable,
            projected_source=computed,
        )

    def tables(self, sites: Iterable[int]) -> list[HeadTable]:
        """Those of the step at hand are not decided before it: nothing is known beforehand."""
        return []

    def _last(self, step: int, site: int, wanted: Callable[[int], bool]) -> int:
        return next((s for s in range(step - 1, -1, -1) if wanted(self.choices[s][site].letter)), -1)


class LayerSearch(Replay):
    """The search: greedy over layers, at every step, against the model's output.

    threshold: after layer l of L the output's loss may be (l + 1) / L of it. outputs: filled by `watch_outputs` with
    what the model returned since it was emptied. windows: the one window. progress: told how many of the (step, layer)
    pairs are decided. Layers that attend along fewer axes than others stay in full and are not counted: of Open-Sora,
    the authors compress attention within frames alone.
    """

    def __init__(
        self,
        family,
        sites,
        run,
        threshold: float,
        outputs: list[torch.Tensor],
        windows: tuple[Approximation, ...] = V1_BANDS,
        progress: Progress | None = None,
    ):
        (window,) = windows
        self.layers = LayerChoices(sites, len(run.positions), window)
        self._searched = along_most(sites)
        super().__init__(family, sites, self.layers, run, 1 << 62, True, (0, 0))
        self.threshold, self.outputs = threshold, outputs
        self._progress = progress
        self._decided: set[int] = set()

    @property
    def windows(self) -> tuple[Approximation]:
        """The windows that the letters refer to: one."""
        return (self.layers.window,)

    def announce(self, noise_shape, model) -> int:
        """Nothing: what will be kept is not decided yet."""
        return 0

    def evaluate(self, predict, x, sigma: float):
        """Decide the step at its first evaluation, then evaluate as decided."""
        step = self.run.nearest(sigma)
        if step and step not in self._decided:
            self._decided.add(step)
            self._computing.keeps = False
            try:
                self._search(predict, step)
            finally:
                self._computing.keeps = True
        self._tell(step, len(self._searched))
        return super().evaluate(predict, x, sigma)

    def _tell(self, step: int, sites: int) -> None:
        if self._progress is not None:
            count = len(self._searched)
            self._progress.evaluated(step * count + sites, len(self.run.positions) * count)

    def _search(self, predict, step: int) -> None:
        choices, count = self.layers.choices[step], len(self._searched)
        wanted = self._output(predict)
        for number, site in enumerate(self._searched):
            for choice in CHOICES:
                if choice.share and not self.run.shares_guidance:
                    continue
                choices[site] = choice
                if _relative_loss(wanted, self._output(predict)) < self.threshold * (number + 1) / count:
                    break
                choices[site] = AS_IS
            self._tell(step, number + 1)

    def _output(self, predict) -> torch.Tensor:
        comfy.model_management.throw_exception_if_processing_interrupted()
        self.outputs.clear()
        super().evaluate(predict, None, 0.0)
        return torch.cat([output.flatten(1) for output in self.outputs])

    def leave(self, forward, call, stream, output) -> None:
        """Trials leave no trace in the caches."""
        if self._computing.keeps:
            super().leave(forward, call, stream, output)

    def leaves_to_host(self, forward, call, batch, length) -> bool:
        """Never: residuals are refreshed at every full step."""
        return False

    def methods(self) -> np.ndarray:
        """Letters of the choices: uint8 (steps, heads of all sites)."""
        heads = [site.heads for site in self.sites]
        chosen = [[choice.letter for choice in step] for step in self.layers.choices]
        return np.repeat(np.array(chosen, np.uint8), heads, axis=1)

    def share(self) -> np.ndarray:
        """Sharing between the guidance branches: bool (steps, sites)."""
        return np.array([[choice.share for choice in step] for step in self.layers.choices])


def watch_outputs(patcher, outputs: list[torch.Tensor]) -> None:
    """Append what the model predicts (noise, or velocity in flow models) to `outputs`, forward by forward."""

    def keep(executor, x, t, *args, **kwargs):
        result = executor(x, t, *args, **kwargs)
        level = t.float().view(-1, *(1,) * (x.ndim - 1)).clamp_min(SMALL)
        outputs.append((x.float() - result.float()) / level)
        return result

    patcher.add_wrapper_with_key(WrappersMP.APPLY_MODEL, f"{KEY}.outputs", keep)


def _relative_loss(wanted: torch.Tensor, output: torch.Tensor) -> float:
    """The loss of the authors' code: mean of |(a - b) / max(a, b)|, element by element, clipped.

    The paper has magnitudes inside the maximum; its figures come from the code, which has signed values.
    """
    error = ((wanted - output) / (torch.maximum(wanted, output) + SMALL)).abs()
    return float(error.clamp(0, LARGEST_LOSS).mean())
