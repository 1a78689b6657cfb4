"""The two papers' own plan searches, on the host's model: baselines to compare with, and to reproduce the papers.

DiTFastAttn (V1, arXiv 2406.08552, section 3.4) tries one method after another for a whole layer and looks at what the
model's output becomes. DiTFastAttnV2 (arXiv 2503.22796, section 3.3) looks at each head's attention output and solves a
small 0/1 programme for every layer. Both decide step by step while they sample, so that each decision sees the
compressed run before it. Their windows are bands of raster order; here they are the bands of whole rows of tiles that
come nearest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import comfy.model_management
import numpy as np
import torch
from comfy.patcher_extension import WrappersMP

from ....kernels import HeadTable, Method, Window, dense_flops, flops, head_wise
from ....plans.knapsack import best_choice
from ....plans.letters import FULL, RESIDUAL, REUSE, WAY
from ...hooks.call import AttentionCall
from ...hooks.patch import KEY
from ...hooks.run import Forward, SiteCall
from ...replay.replay import Replay
from ...replay.timeline import SiteStep
from ..dense_run import Progress

V1_THRESHOLDS = (0.025, 0.05, 0.075, 0.1, 0.125, 0.15)
V2_THRESHOLDS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)  # the paper's five, and a milder one
HEAD_CAP = 1.5  # V2: a single head's error may be this many times its part of a layer's threshold
LARGEST_LOSS = 10.0  # V1 clips the relative error of each element here
SMALL = 1e-6


def band(total: float, rank: int) -> Window:
    """A band of raster order that holds `total` (a fraction) of the tokens: whole rows, or whole frames of a video."""
    return Window((total, *(1.0,) * (rank - 1)))


@dataclass(frozen=True)
class Choice:
    """One way to compute a layer in V1's search. letter: of all heads, see `plans.letters`."""

    letter: int
    share: bool


# In the order in which V1 tries them: the cheapest first. AST, WA-RS + ASC, WA-RS, ASC in the paper.
V1_CHOICES = (Choice(REUSE, False), Choice(RESIDUAL, True), Choice(RESIDUAL, False), Choice(FULL, True))
AS_IS = Choice(FULL, False)


class _Layers:
    """Stands in for a `Timeline` whose entries are still being decided: (steps, sites) of `Choice`."""

    def __init__(self, sites, steps: int, window: Window):
        self._sites, self._window = sites, window
        self.choices = [[AS_IS] * len(sites) for _ in range(steps)]
        every = [tuple(range(site.heads)) for site in sites]
        self.residual_heads = every
        self.output_heads = [() if site.skippable else heads for site, heads in zip(sites, every, strict=True)]
        self.keeps_projected = [site.skippable for site in sites]

    def at(self, step: int, site: int) -> SiteStep:
        """What a site does at a step; sources are the last steps that computed, and that computed in full."""
        choice, heads = self.choices[step][site], self._sites[site].heads
        method = {FULL: Method.FULL, RESIDUAL: Method.WINDOW_RESIDUAL, REUSE: Method.REUSE}[choice.letter]
        skippable = self._sites[site].skippable
        computed = self._last(step, site, lambda letter: letter != REUSE)
        return SiteStep(
            table=HeadTable.uniform(heads, method, self._window, refresh=method is Method.FULL),
            keep=(not skippable,) * heads,
            source=(computed,) * heads,
            residual_source=(self._last(step, site, lambda letter: letter == FULL),) * heads,
            share=choice.share,
            alone=(),
            whole=choice.letter == REUSE and skippable,
            keep_projected=skippable,
            projected_source=computed,
        )

    def _last(self, step: int, site: int, wanted: Callable[[int], bool]) -> int:
        return next((s for s in range(step - 1, -1, -1) if wanted(self.choices[s][site].letter)), -1)


class LayerSearch(Replay):
    """V1's search as a `Processor`: greedy over layers, at every step, against the model's output.

    threshold: δ; after layer l of L the output's loss may be δ · (l + 1) / L. outputs: filled by `watch_outputs` with
    what the model returned since it was emptied. progress: told how many of the (step, layer) pairs are decided.
    """

    def __init__(
        self, family, sites, run, threshold: float, outputs: list[torch.Tensor], progress: Progress | None = None
    ):
        rank_window = Window((0.25, 1.0))
        self.layers = _Layers(sites, len(run.positions), rank_window)
        super().__init__(family, sites, self.layers, run, 1 << 62, True, 0)
        self.threshold, self.outputs = threshold, outputs
        self.evaluations = 0
        self._progress = progress
        self._frozen = False
        self._decided: set[int] = set()

    @property
    def window(self) -> Window:
        """The one window of the search."""
        return self.layers._window

    @property
    def windows(self) -> tuple[Window]:
        """The windows that the letters refer to."""
        return (self.window,)

    def announce(self, noise_shape, model) -> int:
        """The window's rank is the grid's: a half-width of an eighth of the tokens on each side."""
        rank = len(self.family.grid(model.model.diffusion_model, tuple(noise_shape)))
        self.layers._window = band(0.25, rank)
        return 0

    def evaluate(self, predict, x, sigma: float):
        """Decide the step at its first evaluation, then evaluate as decided."""
        step = self.run.nearest(sigma)
        if step and step not in self._decided:
            self._decided.add(step)
            self._frozen = True
            try:
                self._search(predict, step)
            finally:
                self._frozen = False
        self._tell(step, len(self.sites))
        self.evaluations += 1
        return super().evaluate(predict, x, sigma)

    def _tell(self, step: int, sites: int) -> None:
        if self._progress is not None:
            count = len(self.sites)
            self._progress.evaluated(step * count + sites, len(self.run.positions) * count)

    def _search(self, predict, step: int) -> None:
        choices, count = self.layers.choices[step], len(self.sites)
        wanted = self._output(predict)
        for site in range(count):
            for choice in V1_CHOICES:
                if choice.share and not self.run.shares_guidance:
                    continue
                choices[site] = choice
                if _relative_loss(wanted, self._output(predict)) < self.threshold * (site + 1) / count:
                    break
                choices[site] = AS_IS
            self._tell(step, site + 1)

    def _output(self, predict) -> torch.Tensor:
        comfy.model_management.throw_exception_if_processing_interrupted()
        self.outputs.clear()
        self.evaluations += 1
        super().evaluate(predict, None, 0.0)
        return torch.cat([output.flatten(1) for output in self.outputs])

    def leave(self, forward, call, stream, output) -> None:
        """Trials leave no trace in the caches."""
        if not self._frozen:
            super().leave(forward, call, stream, output)

    def _keep(self, *args) -> None:
        if not self._frozen:
            super()._keep(*args)

    def plain(self, forward, call, rows, length) -> bool:
        """Never: residuals are refreshed at every full step."""
        return False

    def methods(self) -> np.ndarray:
        """Letters of the choices: uint8 (steps, heads of all sites)."""
        heads = [site.heads for site in self.sites]
        letters = [[choice.letter for choice in step] for step in self.layers.choices]
        return np.repeat(np.array(letters, np.uint8), heads, axis=1)

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
    """V1's loss: mean of |a - b| / max(a, b), element by element, clipped."""
    error = ((wanted - output) / (torch.maximum(wanted, output) + SMALL)).abs()
    return float(error.clamp(0, LARGEST_LOSS).mean())


class HeadSearch:
    """V2's search as a `Processor`: at each attention call a 0/1 programme over heads and methods.

    threshold: δ, the sum of the chosen heads' relative squared errors that a layer may reach at a step. Each decision
    is taken at a step's first call of a site and holds for its other calls. progress: told how many steps are over.
    """

    def __init__(self, family, sites, run, threshold: float, cap: float = HEAD_CAP, progress: Progress | None = None):
        self._progress = progress
        self.family, self.sites, self.run = family, sites, run
        self.threshold, self.cap = threshold, cap
        self.windows: tuple[Window, ...] = ()
        self._letters = np.full((len(run.positions), sum(site.heads for site in sites)), FULL, np.uint8)
        self._offsets = np.concatenate(([0], np.cumsum([site.heads for site in sites])))
        self._decided: set[tuple[int, int]] = set()
        self._previous: dict[tuple, torch.Tensor] = {}

    def announce(self, noise_shape, model) -> int:
        """The windows: bands that hold an eighth, a sixteenth and a thirty-second of the tokens."""
        grid = self.family.grid(model.model.diffusion_model, tuple(noise_shape))
        self.windows = _distinct(grid, (band(1 / f, len(grid)) for f in (8, 16, 32)))
        return 0

    def evaluate(self, predict, x, sigma: float):
        """One model evaluation."""
        output = predict()
        if self._progress is not None:
            self._progress.evaluated(self.run.step + 1, len(self.run.positions))
        return output

    def plain(self, forward, call, rows, length) -> bool:
        """Never: every attention is looked at."""
        return False

    def open(self, forward: Forward, call: SiteCall) -> None:
        """Nothing is skipped."""

    def leave(self, forward, call, stream, output) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Free the outputs of the last step."""
        self._previous.clear()

    def attend(self, forward: Forward, call: SiteCall, attention: AttentionCall) -> torch.Tensor:
        """The site's attention as decided, heads pasted together from the candidates."""
        exact = attention.host()
        layout = forward.layout(call.site, attention.q.shape[2], attention.options)
        if attention.obstacle or layout is None:
            return exact
        key = (call.number, tuple(branch.key for branch in forward.branches))
        output, heads = attention.buffer()
        heads.copy_(attention.as_heads(exact))
        if forward.step:
            self._compress(forward, call, attention, layout, heads, self._previous.get(key))
        self._previous[key] = heads.clone()
        return output

    def _compress(self, forward, call, attention, layout, heads, previous) -> None:
        candidates = {WAY + k: self._windowed(attention, layout, window) for k, window in enumerate(self.windows)}
        if previous is not None and previous.shape == heads.shape:
            candidates[REUSE] = previous
        place = slice(self._offsets[call.number], self._offsets[call.number + 1])
        if (forward.step, call.number) not in self._decided:
            self._decided.add((forward.step, call.number))
            self._letters[forward.step, place] = self._choice(call, layout, heads, candidates)
        for head, letter in enumerate(self._letters[forward.step, place]):
            if letter != FULL and letter in candidates:
                heads[:, head] = candidates[letter][:, head]

    def _windowed(self, attention, layout, window) -> torch.Tensor:
        table = HeadTable.uniform(attention.q.shape[1], Method.WINDOW, window)
        call = (attention.q, attention.k, attention.v, layout, table)
        return head_wise(*call, scale=attention.scale, dense=attention.dense).out

    def _choice(self, call: SiteCall, layout, exact, candidates: dict[int, torch.Tensor]) -> np.ndarray:
        letters = np.array([FULL, *candidates], np.uint8)
        error = np.stack([np.zeros(exact.shape[1])] + [_rse(some, exact) for some in candidates.values()], axis=1)
        limit = self.threshold
        error[error >= self.cap * limit / exact.shape[1]] = np.inf
        error[:, 0] = 0.0
        gain = np.array([self._gain(letter, layout, call.site.head_dim) for letter in letters])
        return letters[best_choice(error, np.broadcast_to(gain, error.shape), limit)]

    def _gain(self, letter: int, layout, head_dim: int) -> float:
        """Fraction of a head's attention FLOPs that a method saves."""
        if letter in (FULL, REUSE):
            return float(letter == REUSE)
        table = HeadTable.uniform(1, Method.WINDOW, self.windows[letter - WAY])
        return 1 - flops(layout, table, head_dim) / dense_flops(layout, 1, head_dim)

    def methods(self) -> np.ndarray:
        """Letters of the choices: uint8 (steps, heads of all sites)."""
        return self._letters

    def share(self) -> np.ndarray:
        """V2 shares nothing between the guidance branches: bool (steps, sites)."""
        return np.zeros((len(self._letters), len(self.sites)), bool)


def _rse(some: torch.Tensor, exact: torch.Tensor) -> np.ndarray:
    """Relative squared error per head, text and image, both branches together: (B, H, L, D) each -> (H,)."""
    exact = exact.float()
    mean = exact.mean(dim=(0, 2, 3), keepdim=True)
    error = (some.float() - exact).pow(2).mean(dim=(0, 2, 3))
    return (error / (exact - mean).pow(2).mean(dim=(0, 2, 3))).double().cpu().numpy()


def _distinct(grid, windows: Iterable[Window]) -> tuple[Window, ...]:
    """Windows that differ on this grid, where narrow bands may round to the same tiles."""
    from ....kernels.geometry import half_widths

    kept: dict[tuple, Window] = {}
    for window in windows:
        kept.setdefault(half_widths(grid, window), window)
    return tuple(kept.values())
