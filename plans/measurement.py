"""What a plan was measured on: size, sampler, machine, and the work of one dense evaluation."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from .reference_grid import MAX_REFERENCES, ReferenceGrid
from .validation import freeze, items, number, require, text, whole

_LARGEST = 1e30


@dataclass(frozen=True)
class Measurement:
    """What a plan was measured on.

    grid: token grid, 1 to 3 axes. text_tokens: text tokens in the same attention. references: grids of reference
    pictures there; plans of old count their tokens as text. prompts: how many. created: ISO 8601,
    UTC. seconds: the whole calibration; dense_seconds: one dense sampling run (0 = not measured).
    attention_flops, other_flops: dense FLOPs of one model evaluation of one batch item on that grid, in attention
    matmuls and in everything else.
    """

    grid: tuple[int, ...]
    text_tokens: int
    sampler: str
    scheduler: str
    steps: int
    cfg: float
    denoise: float
    seeds: tuple[int, ...]
    prompts: int
    dtype: str
    device: str
    host_version: str
    pack_version: str
    created: str
    seconds: float
    dense_seconds: float
    attention_flops: float
    other_flops: float
    references: tuple[ReferenceGrid, ...] = ()

    def __post_init__(self):
        axes = items(self.grid, 1, 3, "token grid")
        references = items(self.references, 0, MAX_REFERENCES, "references")
        require(
            all(isinstance(one, ReferenceGrid) and len(one.grid) == len(axes) for one in references),
            "The plan's references must have grids of as many axes as its token grid.",
        )
        seeds = items(self.seeds, 0, 64, "seeds")
        freeze(
            self,
            grid=tuple(whole(axis, 1, 1 << 20, "token grid") for axis in axes),
            text_tokens=whole(self.text_tokens, 0, 1 << 24, "text length"),
            steps=whole(self.steps, 1, 100_000, "step count"),
            seeds=tuple(whole(seed, 0, (1 << 64) - 1, "seed") for seed in seeds),
            prompts=whole(self.prompts, 0, 100_000, "prompt count"),
            cfg=number(self.cfg, -1e6, 1e6, "CFG"),
            denoise=number(self.denoise, 0, 1, "denoise"),
            references=references,
        )
        for field in ("sampler", "scheduler", "dtype", "device", "host_version", "pack_version", "created"):
            freeze(self, **{field: text(getattr(self, field), 200, field.replace("_", " "))})
        for field in ("seconds", "dense_seconds", "attention_flops", "other_flops"):
            freeze(self, **{field: number(getattr(self, field), 0, _LARGEST, field.replace("_", " "))})

    @property
    def reference_tokens(self) -> int:
        """Tokens of all references."""
        return sum(math.prod(one.grid) for one in self.references)

    @property
    def tokens(self) -> int:
        """Tokens of the whole sequence."""
        return math.prod(self.grid) + self.text_tokens + self.reference_tokens


FIELDS_OF_MEASUREMENT = tuple(field.name for field in fields(Measurement))
