"""A sampling run with full attention: where its sites' tokens lie, and what work the model has beside attention."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import torch
from torch.utils.flop_counter import FlopCounterMode

from ...kernels import Layout, dense_flops
from ..hooks.forward import SiteCall
from ..hooks.model import HostModel
from ..hooks.processor import Processor
from ..hooks.run import SamplingRun
from .progress import Progress


class DenseRun(Processor):
    """Computes everything in full through the host, and notes what costs and plans need to know of the run.

    layouts: of each site that attended, by number. folds: sequences of one batch item that attend there. branches: of
    guidance, one entry each. dtype, device: of q, k and v, as text; "" before the first call. other_flops: FLOPs of one
    batch item of one evaluation outside attention.
    """

    in_full = True

    def __init__(self, model: HostModel, run: SamplingRun, progress: Progress | None = None):
        self.family, self.sites = model.family, model.sites
        self.run = run
        self.layouts: dict[int, Layout] = {}
        self.folds: dict[int, int] = {}
        self.branches: set = set()
        self.dtype = self.device = ""
        self.diffusion_model = model.diffusion_model
        self.work = WorkCounter()
        self.progress = progress
        self._evaluations = 0
        self._told = False

    @property
    def evaluations(self) -> int:
        """Model evaluations that are over."""
        return self._evaluations

    @property
    def attention_flops(self) -> int:
        """FLOPs of one batch item in the attention of one model evaluation."""
        # The host attends padding, too.
        seen = ((self.sites[number], self.folds[number], layout) for number, layout in self.layouts.items())
        return sum(
            fold * dense_flops(replace(layout, padding=()), site.heads, site.head_dim) for site, fold, layout in seen
        )

    @property
    def other_flops(self) -> int:
        """See the class."""
        return self.work.other_flops

    def evaluate(self, predict, x, sigma: float) -> torch.Tensor:
        """One model evaluation; the work of the first is counted."""
        output = self.work.count(predict)
        self.evaluated(len(self.run.positions))
        return output

    def attend(self, forward, call, attention) -> torch.Tensor:
        """The host's own attention."""
        if attention.layout is not None and not attention.obstacle:
            self.layouts[call.number] = attention.layout
            self.folds[call.number] = forward.fold(call.site)
            self.branches |= {branch.index for branch in forward.branches}
        self.note_tensors(attention)
        with self.work.excluded(call, forward.batch):
            return attention.host()

    def note_tensors(self, attention) -> None:
        """Remember what kind of tensors the sites attend."""
        self.dtype, self.device = str(attention.q.dtype).removeprefix("torch."), str(attention.q.device)

    def evaluated(self, expected: int) -> None:
        """One more evaluation of about `expected` is over: told to whom it may concern."""
        self._evaluations += 1
        if self.progress is not None:
            if not self._told and self.other_flops:
                self._told = True
                self.progress.counted(self.attention_flops, self.other_flops)
            self.progress.evaluated(self._evaluations, max(expected, self._evaluations))


class WorkCounter:
    """FLOPs of one batch item of the model outside attention, counted by torch in the first evaluation."""

    def __init__(self):
        self.other_flops = 0
        self._counter: FlopCounterMode | None = None
        self._counted = False
        self._inside = 0
        self._batch: dict[int, int] = {}

    def count(self, predict):
        if self._counted:
            return predict()
        self._counted = True
        self._counter = FlopCounterMode(display=False)
        try:
            with self._counter:
                output = predict()
            batch = max(self._batch.values(), default=1)
            self.other_flops = max(0, self._counter.get_total_flops() - self._inside) // batch
            return output
        finally:
            self._counter = None

    @contextmanager
    def excluded(self, call: SiteCall, batch: int):
        """What runs inside is attention, or ours: not counted. batch: items of this forward."""
        before = self._counter.get_total_flops() if self._counter else 0
        yield
        if self._counter:
            self._inside += self._counter.get_total_flops() - before
            if not call.ordinal:
                self._batch[call.number] = self._batch.get(call.number, 0) + batch
