"""A plan's methods laid out over the sites and steps of one run, as tables for the kernels.

Known before the first step: which step's output a reusing head will read, which outputs are worth keeping, and which
sites are skipped whole, projections included. No tensors, no host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from ...kernels import FULL, REUSE, WAYS, Approximation, HeadTable, Residual, Way
from ...plans import RunSchedule, letters
from ..hooks.record import FORECAST


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
    """`SiteStep` entries of a run, and what its caches must have room for. Made by `build`; holds its arguments."""

    def __init__(
        self,
        schedule: RunSchedule,
        ways: tuple[Approximation, ...],
        offsets: tuple[int, ...],
        skippable: tuple[bool, ...],
        unshared: Mapping[int, tuple[int, ...]],
        steps: list[list[SiteStep]],
    ):
        self.schedule = schedule
        self.ways = ways
        self.offsets = offsets
        self._skippable = skippable
        self.unshared = unshared
        self._steps = steps
        sites = range(len(steps[0]))
        self.output_heads = [self._marked(site, lambda entry: entry.keep) for site in sites]
        self.residual_heads = [
            self._marked(site, lambda entry: [way is not None for way in entry.table.refresh]) for site in sites
        ]
        self.keeps_projected = [any(step[site].keep_projected for step in steps) for site in sites]

    @property
    def steps(self) -> int:
        """Of the run."""
        return len(self._steps)

    def at(self, step: int, site: int) -> SiteStep:
        """The entry of one step and site."""
        return self._steps[step][site]

    def tables(self, sites: Iterable[int]) -> list[HeadTable]:
        """All tables of some sites, each once, in the order in which a run comes by them."""
        chosen = list(sites)
        return list(dict.fromkeys(step[site].table for step in self._steps for site in chosen))

    def promoted(self, heads: Mapping[int, tuple[int, ...]]) -> Timeline:
        """The same run with some heads (per site number) full at every step, and none of their sites skipped whole."""
        codes, unshared = self.schedule.methods.copy(), dict(self.unshared)
        for site, some in heads.items():
            codes[:, [self.offsets[site] + head for head in some]] = letters.FULL
            unshared[site] = unshared.get(site, ()) + some
        schedule = replace(self.schedule, methods=codes, refresh=letters.refresh_ways(codes))
        return build(schedule, self.ways, self.offsets, self._skippable, unshared)

    def map(self) -> list[str]:
        """Per step one letter a site, see `runlog.RunRecord.methods`."""
        evaluated = self.schedule.evaluated
        return [
            "".join(_letter(entry) for entry in step) if evaluated[number] else FORECAST * len(step)
            for number, step in enumerate(self._steps)
        ]

    def _marked(self, site: int, flags) -> tuple[int, ...]:
        return tuple(np.flatnonzero(np.any([flags(step[site]) for step in self._steps], axis=0)).tolist())


def _letter(entry: SiteStep) -> str:
    used = [way.letter for way in entry.table.ways]
    # Where two are equally common, the one that needs nothing from earlier steps.
    letter = max((way.letter for way in sorted(WAYS, key=lambda way: way.reads is not None)), key=used.count)
    return letter.upper() if entry.share else letter


def build(
    schedule: RunSchedule,
    ways: tuple[Approximation, ...],
    offsets: tuple[int, ...],
    skippable: tuple[bool, ...],
    unshared: Mapping[int, tuple[int, ...]] | None = None,
) -> Timeline:
    """Lay a resolved schedule out.

    ways: the plan's approximations, in order. offsets: first head of each site and the total, length sites + 1.
    skippable: whether a site can leave its projections out. unshared: per site number, heads that never share.
    """
    unshared = unshared or {}
    steps = np.flatnonzero(schedule.evaluated)
    codes, by_letter = schedule.methods[steps], _by_letter(ways)
    # In the arrays that follow a row is an evaluated step; sources are steps of the run.
    earlier = [array.astype(int) for array in letters.sources(codes)]
    source, residual_source = (np.where(array >= 0, steps[array], -1) for array in earlier)
    spans = [slice(low, high) for low, high in pairwise(offsets)]
    whole = np.stack(
        [(codes[:, span] == letters.REUSE).all(axis=1) & can for span, can in zip(spans, skippable, strict=True)], 1
    )
    keep = _read_by_single_heads(codes, np.repeat(whole, np.diff(offsets), axis=1), earlier[0])
    keep_projected = np.zeros_like(whole)
    keep_projected[:-1] = whole[1:] & ~whole[:-1]

    def entry(row: int, site: int) -> SiteStep:
        at, step = (row, spans[site]), steps[row]
        return SiteStep(
            table=HeadTable(
                ways=tuple(by_letter[letter] for letter in codes[at].tolist()),
                refresh=tuple(ways[index] if index >= 0 else None for index in schedule.refresh[step, spans[site]]),
            ),
            keep=tuple(keep[at].tolist()),
            source=tuple(source[at].tolist()),
            residual_source=tuple(residual_source[at].tolist()),
            share=bool(schedule.share[step, site]),
            skips=bool(whole[row, site]),
            keep_projected=bool(keep_projected[row, site]),
            projected_source=int(steps[np.flatnonzero(~whole[: row + 1, site])[-1]]),
            unshared=unshared.get(site, ()),
        )

    # A step that is forecast stays dense, in case that it has to be computed after all.
    entries = [[_dense(count) for count in np.diff(offsets)] for _ in schedule.evaluated]
    for row, step in enumerate(steps):
        entries[step] = [entry(row, site) for site in range(len(spans))]
    return Timeline(schedule, ways, offsets, skippable, unshared, entries)


def _dense(heads: int) -> SiteStep:
    """Full attention in all heads of a site, nothing kept."""
    none, absent = (False,) * heads, (-1,) * heads
    return SiteStep(HeadTable.uniform(heads, FULL), none, absent, absent, False, False, False, -1, ())


def _by_letter(ways: tuple[Approximation, ...]) -> dict[int, Way]:
    """The way that each of a plan's codes means."""
    plain = {letters.WAY + k: way for k, way in enumerate(ways)}
    corrected = {letters.RESIDUAL + k: Residual(way) for k, way in enumerate(ways)}
    return {letters.FULL: FULL, letters.REUSE: REUSE, **plain, **corrected}


def _read_by_single_heads(codes: np.ndarray, whole: np.ndarray, source: np.ndarray) -> np.ndarray:
    """(T, N) bool: a later step reads this output head by head; a whole-site reuse replays the projection instead."""
    steps, heads = np.nonzero((codes == letters.REUSE) & ~whole)
    read = np.zeros(codes.shape, bool)
    read[source[steps, heads], heads] = True
    return read
