"""The tensors a run keeps between steps, per branch and site: head outputs, residuals, projected outputs.

Every buffer is allocated once, at its first write, with room for just the heads that will ever be read again; later
writes copy into it. Memory is therefore fixed after the first steps and known before the run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

Allocate = Callable[[Sequence[int], torch.Tensor], "torch.Tensor | None"]


class HeadStore:
    """Per-head tensors (B, ..., D) of one branch and site, each stamped with the step that wrote it."""

    def __init__(self, heads: Sequence[int], allocate: Allocate):
        self._slot = {head: slot for slot, head in enumerate(heads)}
        self._step: dict[int, int] = {}
        self._buffer: torch.Tensor | None = None
        self._allocate = allocate

    def write(self, heads: Sequence[int], values: torch.Tensor, step: int, places: Sequence[int] | None = None) -> None:
        """Keep the values (B, n, tokens, D) of `heads`, which lie at `places` of the head axis (at their own number by
        default). Heads that nobody will read are left out.
        """
        wanted = [(place, head) for place, head in zip(places or heads, heads, strict=True) if head in self._slot]
        if not wanted:
            return
        shape = (values.shape[0], len(self._slot), *values.shape[2:])
        if self._buffer is None or self._buffer.shape != shape or self._buffer.dtype != values.dtype:
            self._step.clear()
            self._buffer = self._allocate(shape, values)
            if self._buffer is None:
                return
        for place, head in wanted:
            self._buffer[:, self._slot[head]].copy_(values[:, place])
            self._step[head] = step

    def fresh(self, head: int, since: int, like: torch.Tensor, tokens: int) -> bool:
        """Whether `head` was written at step `since` or later, in the batch, dtype and device of `like`."""
        buffer = self._buffer
        return (
            buffer is not None
            and self._step.get(head, -1) >= since >= 0
            and buffer.dtype == like.dtype
            and buffer.device == like.device
            and buffer.shape[0] == like.shape[0]
            and buffer.shape[2] == tokens
        )

    def read(self, heads: Sequence[int]) -> torch.Tensor | None:
        """(B, len(heads), tokens, D) of heads that are `fresh`; None when none is asked for."""
        if not heads:
            return None
        slots = [self._slot[head] for head in heads]
        if slots == list(range(slots[0], slots[0] + len(slots))):
            return self._buffer[:, slots[0] : slots[0] + len(slots)]
        return self._buffer[:, slots]


class BranchCache:
    """What one branch keeps for one site."""

    def __init__(self, output_heads: Sequence[int], residual_heads: Sequence[int], allocate: Allocate):
        self.outputs = HeadStore(output_heads, allocate)
        self.residuals = HeadStore(residual_heads, allocate)
        self._allocate = allocate
        self._projected: dict[int, torch.Tensor] = {}
        self._projected_step: dict[int, int] = {}

    def write_projected(self, stream: int, value: torch.Tensor, step: int) -> None:
        """Keep a stream's output after its projection, (B, tokens, C)."""
        kept = self._projected.get(stream)
        if kept is None or kept.shape != value.shape or kept.dtype != value.dtype:
            kept = self._allocate(value.shape, value)
            if kept is None:
                return
            self._projected[stream] = kept
        kept.copy_(value)
        self._projected_step[stream] = step

    def projected(self, stream: int, since: int) -> torch.Tensor | None:
        """The stream's kept output when it was written at step `since` or later."""
        return self._projected.get(stream) if self._projected_step.get(stream, -1) >= since >= 0 else None
