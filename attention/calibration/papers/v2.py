"""DiTFastAttnV2's search (arXiv 2503.22796, section 3.3), on the host's model: head by head, a 0/1 programme a layer.

It looks at each head's attention output and decides step by step while it samples, so that each decision sees the
compressed run before it. Its windows are bands of raster order, see `bands`, or what the caller gives.
"""

from __future__ import annotations

import numpy as np
import torch

from ....kernels import Approximation, HeadTable, dense_flops, flops
from ....plans import letters
from ...families import along_most, window_axes
from ...hooks.call import AttentionCall
from ...hooks.forward import Forward, SiteCall
from ...hooks.processor import Processor
from ..approximated import approximated
from ..progress import Progress
from .bands import V2_BANDS, V2_VIDEO_BANDS
from .knapsack import best_choice

THRESHOLDS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)  # the paper's five, and a milder one
HEAD_CAP, VIDEO_HEAD_CAP = 1.5, 1.0  # a single head's error may be this many times its part of a layer's threshold


class HeadSearch(Processor):
    """The search: at each attention call a 0/1 programme over heads and methods.

    threshold: the sum of the chosen heads' relative squared errors that a layer may reach at a step. Each decision
    is taken at a step's first call of a site and holds for its other calls. windows: to choose from. cap: see HEAD_CAP.
    Where they are not given they are the authors' for pictures, or for videos. progress: told how many steps are over.
    Layers that attend along fewer axes than others, as time alone, stay in full.
    """

    def __init__(
        self,
        family,
        sites,
        run,
        threshold: float,
        cap: float | None = None,
        windows: tuple[Approximation, ...] = (),
        progress: Progress | None = None,
    ):
        self._progress = progress
        self.family, self.sites, self.run = family, sites, run
        self.threshold, self.cap = threshold, cap
        self.windows = windows
        self._letters = np.full((len(run.positions), sum(site.heads for site in sites)), letters.FULL, np.uint8)
        self._offsets = np.concatenate(([0], np.cumsum([site.heads for site in sites])))
        self._decided: set[tuple[int, int]] = set()
        self._searched = frozenset(along_most(sites))
        self._previous: dict[tuple, torch.Tensor] = {}

    def announce(self, noise_shape, model) -> int:
        """Whether pictures or videos are made is known from here on."""
        whole = len(self.family.grid(model.model.diffusion_model, self.run.picture_shape(noise_shape)))
        video = window_axes(self.sites, whole) == 3
        self.windows = self.windows or (V2_VIDEO_BANDS if video else V2_BANDS)
        if self.cap is None:
            self.cap = VIDEO_HEAD_CAP if video else HEAD_CAP
        return 0

    def evaluate(self, predict, x, sigma: float):
        """One model evaluation."""
        output = predict()
        if self._progress is not None:
            self._progress.evaluated(self.run.step + 1, len(self.run.positions))
        return output

    def close(self) -> None:
        """Free the outputs of the last step."""
        self._previous.clear()

    def attend(self, forward: Forward, call: SiteCall, attention: AttentionCall) -> torch.Tensor:
        """The site's attention as decided, heads pasted together from the candidates."""
        exact = attention.host()
        layout = attention.layout
        if attention.obstacle or layout is None or call.number not in self._searched:
            return exact
        key = (call.number, call.ordinal, tuple(branch.key for branch in forward.branches))
        output, heads = attention.buffer()
        heads.copy_(attention.as_heads(exact))
        if forward.step:
            self._compress(forward, call, attention, layout, heads, self._previous.get(key))
        self._previous[key] = heads.clone()
        return output

    def _compress(self, forward, call, attention, layout, heads, previous) -> None:
        candidates = {
            letters.WAY + k: attention.as_heads(approximated(attention, window))
            for k, window in enumerate(self.windows)
        }
        if previous is not None and previous.shape == heads.shape:
            candidates[letters.REUSE] = previous
        place = slice(self._offsets[call.number], self._offsets[call.number + 1])
        if (forward.step, call.number) not in self._decided:
            self._decided.add((forward.step, call.number))
            self._letters[forward.step, place] = self._choice(call, layout, heads, candidates)
        for head, letter in enumerate(self._letters[forward.step, place]):
            if letter != letters.FULL and letter in candidates:
                heads[:, head] = candidates[letter][:, head]

    def _choice(self, call: SiteCall, layout, exact, candidates: dict[int, torch.Tensor]) -> np.ndarray:
        options = np.array([letters.FULL, *candidates], np.uint8)
        error = np.stack([np.zeros(exact.shape[1])] + [_rse(some, exact) for some in candidates.values()], axis=1)
        limit = self.threshold
        error[error >= self.cap * limit / exact.shape[1]] = np.inf
        error[:, 0] = 0.0
        gain = np.array([self._gain(letter, layout, call.site.head_dim) for letter in options])
        return options[best_choice(error, np.broadcast_to(gain, error.shape), limit)]

    def _gain(self, letter: int, layout, head_dim: int) -> float:
        """Fraction of a head's attention FLOPs that a method saves; the authors' estimate is the same to a token."""
        if letter in (letters.FULL, letters.REUSE):
            return float(letter == letters.REUSE)
        table = HeadTable.uniform(1, self.windows[letter - letters.WAY])
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
