"""What a sampling run did, step by step, as plain data for the statistics node and the panel."""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections import deque
from dataclasses import dataclass, field

import torch

log = logging.getLogger(__name__)

KEPT_RUNS = 8
FORECAST = "p"  # letter, in a run's map, of a step at which the model is not evaluated but predicted


@dataclass
class StepCount:
    """FLOPs and wall time of one sampling step, all branches and model evaluations together. forecast: evaluations that
    were not made but forecast; what they would have computed is in `dense`. projections: of the linear layers around
    attention, those of forecast evaluations as well; projections_skipped: of evaluations that were made, left out.
    items: batch items that went through the model, and those that would have if none had been forecast, those of a part
    of the picture as that part. forecast_items, forecast_projections: of forecast evaluations alone.
    """

    position: float
    dense: int = 0
    kept: int = 0
    projections: int = 0
    projections_skipped: int = 0
    forecast: int = 0
    items: float = 0
    forecast_items: float = 0
    forecast_projections: int = 0
    seconds: float = 0.0
    overhead: float = 0.0


@dataclass
class GuardRecord:
    """What the run-time guard did. checks: how many times it looked at a site. promoted: [step, site number, head] of
    each head that was full after that step.
    """

    checks: int = 0
    promoted: list[list[int]] = field(default_factory=list)


@dataclass
class RunRecord:
    """One run: figures that never mix (attention FLOPs, model FLOPs, seconds, bytes) and the notes a user should see.

    id: 12 hex digits. started: seconds since 1970. sampler, scheduler: their names, as the host's nodes list them.
    seed: None where the host gives none. batch: items of the latent. plan, level: what was followed, None and "" where
    nothing was. seconds: of the whole run, loading the model included; sampling_seconds: from the first evaluation on.
    finished: how many steps the sampler is through with. tokens, references, text_tokens: of the picture, grids of
    reference pictures, and the rest, in the longest sequence. forwards, side_passes: of the model, and those of them
    that guidance makes beside its branches. calls_expected, calls_missed: attention calls of sites, and those of them
    that other nodes answered. second_model: the guider ran another one as well. methods: per step
    one letter a site, the method of most of its heads: f full, w window, b band, d either + residual, r reuse;
    uppercase where the branches share; p at all sites of a step that is forecast. guard: None when it was off. calls:
    attention calls by what served them: "fused", "tiled", "copied", or "dense", the host's own attention. full_heads:
    fused calls with some heads in full attention, by who computed those: "host" or "kernel". refusals: why the fused
    kernel did not serve calls on a GPU, each sentence once. state: running, done, cancelled or failed. document: what
    the panel shows of it, see `report.document`.
    """

    steps: list[StepCount]
    sampler: str = ""
    scheduler: str = ""
    cfg: float = 1.0
    seed: int | None = None
    plan: object = None
    level: str = ""
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    sampling_seconds: float = 0.0
    finished: int = 0
    cache_bytes: int = 0
    batch: int = 1
    tokens: int = 0
    references: tuple[tuple[int, ...], ...] = ()
    text_tokens: int = 0
    forwards: int = 0
    side_passes: int = 0
    calls_expected: int = 0
    calls_missed: int = 0
    second_model: bool = False
    methods: list[str] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)
    full_heads: dict[str, int] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    guard: GuardRecord | None = None
    state: str = "running"
    digest: tuple | None = None
    document: dict | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    started: float = field(default_factory=time.time)

    def note(self, sentence: str) -> None:
        """Add a sentence once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def served(self, path: str, refusal: str | None = None, left: bool | None = None) -> None:
        """Count a call by its path; a reason why it was not fused is kept, and logged the first time in a run. left:
        whether its full heads were left to the host, None without any."""
        self.calls[path] = self.calls.get(path, 0) + 1
        if left is not None and path == "fused":
            who = "host" if left else "kernel"
            self.full_heads[who] = self.full_heads.get(who, 0) + 1
        if refusal is not None and refusal not in self.refusals:
            self.refusals.append(refusal)
            log.info("[DiTFastAttn] Windows run as plain torch attention. %s", refusal)

    def attention_flops(self) -> tuple[int, int]:
        """(dense, kept) attention-matmul FLOPs of the run."""
        return sum(step.dense for step in self.steps), sum(step.kept for step in self.steps)

    @property
    def reference_tokens(self) -> int:
        """Tokens of all reference pictures."""
        return sum(map(math.prod, self.references))

    @property
    def promises(self) -> bool:
        """Whether the plan's predicted error is of this run: the run's attention was the plan's, in every branch."""
        return not self.calls_missed and not self.second_model

    @property
    def batch_items(self) -> float:
        """Batch items of all evaluations together, those that were forecast as well."""
        return sum(step.items for step in self.steps)

    @property
    def forecast_items(self) -> float:
        """Batch items of the evaluations that were forecast."""
        return sum(step.forecast_items for step in self.steps)


class RunLog:
    """The last few runs of one patched model; lives as long as the model object.

    plan, level: what the model follows, if anything. refusal: why it follows nothing.
    """

    def __init__(self, refusal: str | None = None, plan=None, level=None):
        self.refusal = refusal
        self.plan = plan
        self.level = level
        self._runs: deque[RunRecord] = deque(maxlen=KEPT_RUNS)

    def open(self, record: RunRecord) -> None:
        """Add a run that begins now."""
        self._runs.append(record)

    def latest(self, digest: tuple | None = None) -> RunRecord | None:
        """The run that made the latent with this digest, else the last finished run, else None."""
        runs = [run for run in reversed(self._runs) if run.state == "done"]
        return next((run for run in runs if digest is not None and run.digest == digest), runs[0] if runs else None)


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self):
        self._start = time.perf_counter()

    def __call__(self) -> float:
        return time.perf_counter() - self._start


def latent_digest(samples) -> tuple | None:
    """A cheap fingerprint of a latent, to match a result with the run that made it."""
    if not isinstance(samples, torch.Tensor) or samples.numel() == 0:
        return None
    flat = samples.detach().reshape(-1)
    picked = flat[:: max(1, flat.numel() // 64)].float().cpu()
    return (tuple(samples.shape), *picked.tolist())
