"""The tensors a run keeps between steps, per branch and site: head outputs, residuals, projected outputs.

Every buffer is allocated once, at its first write, with room for just the heads that will ever be read again; later
writes copy into it. Memory is therefore fixed after the first steps and known before the run.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch

from ...sentences import say
from ..hooks.forward import Branch, SiteCall
from ..hooks.record import RunRecord
from .timeline import Timeline

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
        for place, slot, count in _runs([(place, self._slot[head]) for place, head in wanted]):
            self._buffer[:, slot : slot + count].copy_(values[:, place : place + count])
        self._step.update((head, step) for _, head in wanted)

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


def _runs(pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """(first, second, length) of neighbouring pairs of which both numbers rise by one: each is copied at once."""
    start = 0
    for end in range(1, len(pairs) + 1):
        if end == len(pairs) or pairs[end] != (pairs[end - 1][0] + 1, pairs[end - 1][1] + 1):
            yield *pairs[start], end - start
            start = end


class BranchCache:
    """What one branch keeps for one site."""

    def __init__(self, output_heads: Sequence[int], residual_heads: Sequence[int], allocate: Allocate):
        self.outputs = HeadStore(output_heads, allocate)
        self.residuals = HeadStore(residual_heads, allocate)
        self._allocate = allocate
        self._projected: dict[int, torch.Tensor] = {}
        self._projected_step: dict[int, int] = {}
        self.tokens: dict[str, int] = {}  # of each stream of the sequence that the projected outputs come from

    def write_projected(self, stream: int, value: torch.Tensor, step: int, tokens: dict[str, int]) -> None:
        """Keep a stream's output after its projection, (B, tokens, C). tokens: of each stream of the sequence."""
        self.tokens = tokens
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


class RunCaches:
    """The caches of all branches and sites of a run, within a budget of bytes.

    timeline: which heads of which sites are ever read again. cache_budget: most bytes, over all caches. record: is told
    of the bytes held and of what could not be kept.
    """

    def __init__(self, timeline: Timeline, cache_budget: int, record: RunRecord):
        self._timeline = timeline
        self._cache_budget = cache_budget
        self._record = record
        self._caches: dict[tuple, BranchCache] = {}
        self._held: Counter[int] = Counter()  # bytes of each site

    def of(self, branch: Branch, call: SiteCall) -> BranchCache:
        """The cache of a branch for one call of a site."""
        site = call.number
        key = (branch.key, site, call.ordinal)
        if key not in self._caches:
            outputs, residuals = self._timeline.output_heads[site], self._timeline.residual_heads[site]
            self._caches[key] = BranchCache(outputs, residuals, partial(self._allocate, site))
        return self._caches[key]

    def follow(self, timeline: Timeline) -> None:
        """From now on the run follows another timeline: sites of which it keeps more heads begin with empty caches.

        A missing cache means that a head is computed once more.
        """
        before, self._timeline = self._timeline, timeline
        for site, heads in enumerate(timeline.output_heads):
            if set(heads) - set(before.output_heads[site]):
                for key in [key for key in self._caches if key[1] == site]:
                    del self._caches[key]
                del self._held[site]

    def drop(self, sentence: str) -> None:
        """Free everything and keep nothing more in this run; the sentence tells the user why."""
        self._caches.clear()
        self._cache_budget = 0
        self._record.note(sentence)

    def close(self) -> None:
        """Free every tensor."""
        self._caches.clear()

    def _allocate(self, site: int, shape: Sequence[int], like: torch.Tensor) -> torch.Tensor | None:
        count = like.element_size() * math.prod(shape)
        if self._held.total() + count > self._cache_budget:
            self._record.note(
                say(
                    "The cache budget was reached, so some heads were computed again instead of reused; raise "
                    "the budget of Apply Compression Plan or choose a milder level."
                )
            )
            return None
        try:
            buffer = torch.empty(tuple(shape), dtype=like.dtype, device=like.device)
        except torch.cuda.OutOfMemoryError:
            self.drop(say("Memory ran out while caching, so the rest of the run was computed in full."))
            return None
        self._held[site] += count
        self._record.cache_bytes = max(self._record.cache_bytes, self._held.total())
        return buffer
