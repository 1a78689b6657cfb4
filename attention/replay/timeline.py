"""A plan's methods laid out over the sites and steps of one run, as tables for the kernels.

Known before the first step: which step's output a reusing head will read, which outputs are worth keeping, and which
sites are skipped whole, projections included. No tensors, no host.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from ...kernels import HeadTable, Method, Window
from ...plans import RunSchedule
from ...plans.methods import FULL, REUSE, is_residual, refresh_windows, sources, window_index


@dataclass(frozen=True)
class SiteStep:
    """What one site does at one step, in a run where every cache is there. Tuples hold one entry a head.

    keep: the output is read by a later step. source: step that computed the output that a reusing head reads.
    residual_source: full step that yielded the residual. skips: every head reuses and the projections are skipped;
    keep_projected: the next step is whole and replays this step's projected output, of step projected_source. unshared:
    heads that do not share when the others do, but are computed in both branches.
    """

    table: HeadTable
    keep: tuple[bool, ...]
    source: tuple[int, ...]
    residual_source: tuple[int, ...]
    share: bool
    skips: bool
    keep_projected: bool
    projected_source: int
    unshared: tuple[int, ...]

    @property
    def dense(self) -> bool:
        """Whether the host's own attention does all there is to do."""
        return self.table.all_full and not (any(self.keep) or self.share or self.keep_projected)


class Timeline:
    """`SiteStep` entries of a run, and what its caches must have room for. Made by `build`."""

    def __init__(
        self,
        schedule: RunSchedule,
        windows: tuple[Window, ...],
        offsets: tuple[int, ...],
        skippable: tuple[bool, ...],
        unshared: Mapping[int, tuple[int, ...]],
        steps: list[list[SiteStep]],
    ):
        self._schedule = schedule
        self._windows = windows
        self._offsets = offsets
        self._skippable = skippable
        self._unshared = unshared
        self._steps = steps
        sites = range(len(steps[0]))
        self.output_heads = [self._marked(site, lambda entry: entry.keep) for site in sites]
        self.residual_heads = [self._marked(site, lambda entry: entry.table.refresh) for site in sites]
        self.keeps_projected = [any(step[site].keep_projected for step in steps) for site in sites]

    def at(self, step: int, site: int) -> SiteStep:
        """The entry of one step and site."""
        return self._steps[step][site]

    def promoted(self, heads: Mapping[int, tuple[int, ...]]) -> Timeline:
        """The same run with some heads (per site number) full at every step, and none of their sites skipped whole."""
        letters, unshared = self._schedule.methods.copy(), dict(self._unshared)
        for site, some in heads.items():
            letters[:, [self._offsets[site] + head for head in some]] = FULL
            unshared[site] = unshared.get(site, ()) + some
        schedule = replace(self._schedule, methods=letters, refresh=refresh_windows(letters))
        return build(schedule, self._windows, self._offsets, self._skippable, unshared)

    def letters(self) -> list[str]:
        """Per step one letter a site, see `runlog.RunRecord.methods`."""
        return ["".join(_letter(entry) for entry in step) for step in self._steps]

    def _marked(self, site: int, flags) -> tuple[int, ...]:
        return tuple(np.flatnonzero(np.any([flags(step[site]) for step in self._steps], axis=0)).tolist())


def _letter(entry: SiteStep) -> str:
    methods = entry.table.methods
    commonest = max(Method, key=lambda method: (methods.count(method), -method))
    letter = {Method.FULL: "f", Method.WINDOW: "w", Method.WINDOW_RESIDUAL: "d", Method.REUSE: "r"}[commonest]
    return letter.upper() if entry.share else letter


def build(
    schedule: RunSchedule,
    windows: tuple[Window, ...],
    offsets: tuple[int, ...],
    skippable: tuple[bool, ...],
    unshared: Mapping[int, tuple[int, ...]] | None = None,
) -> Timeline:
    """Lay a resolved schedule out.

    windows: the plan's, in order. offsets: first head of each site and the total, length sites + 1. skippable: whether
    a site can leave its projections out. unshared: per site number, heads that never share.
    """
    unshared = unshared or {}
    letters = schedule.methods
    method, window = _methods(letters), window_index(letters)
    used = np.where(schedule.refresh >= 0, schedule.refresh, window)
    source, residual_source = (array.astype(int) for array in sources(letters))
    spans = [slice(low, high) for low, high in pairwise(offsets)]
    whole = np.stack(
        [(letters[:, span] == REUSE).all(axis=1) & can for span, can in zip(spans, skippable, strict=True)], 1
    )
    keep = _read_by_single_heads(letters, np.repeat(whole, np.diff(offsets), axis=1), source)
    keep_projected = np.zeros_like(whole)
    keep_projected[:-1] = whole[1:] & ~whole[:-1]

    def entry(step: int, site: int) -> SiteStep:
        at = (step, spans[site])
        return SiteStep(
            table=HeadTable(
                methods=tuple(Method(int(code)) for code in method[at]),
                windows=tuple(windows[index] if index >= 0 else None for index in used[at]),
                refresh=tuple((schedule.refresh[at] >= 0).tolist()),
            ),
            keep=tuple(keep[at].tolist()),
            source=tuple(source[at].tolist()),
            residual_source=tuple(residual_source[at].tolist()),
            share=bool(schedule.share[step, site]),
            skips=bool(whole[step, site]),
            keep_projected=bool(keep_projected[step, site]),
            projected_source=int(np.flatnonzero(~whole[: step + 1, site])[-1]),
            unshared=unshared.get(site, ()),
        )

    steps = [[entry(step, site) for site in range(len(spans))] for step in range(len(letters))]
    return Timeline(schedule, windows, offsets, skippable, unshared, steps)


def _methods(letters: np.ndarray) -> np.ndarray:
    """(T, N) letters → codes of `kernels.Method`."""
    codes = np.full(letters.shape, int(Method.WINDOW))
    codes[letters == FULL] = Method.FULL
    codes[letters == REUSE] = Method.REUSE
    codes[is_residual(letters)] = Method.WINDOW_RESIDUAL
    return codes


def _read_by_single_heads(letters: np.ndarray, whole: np.ndarray, source: np.ndarray) -> np.ndarray:
    """(T, N) bool: a later step reads this output head by head; a whole-site reuse replays the projection instead."""
    steps, heads = np.nonzero((letters == REUSE) & ~whole)
    read = np.zeros(letters.shape, bool)
    read[source[steps, heads], heads] = True
    return read
