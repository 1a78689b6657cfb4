"""What a timeline is going to compute, known before the first step: fractions of work, and a letter for every head."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence

import numpy as np
import torch

from ...kernels import FULL, REUSE, Counter, Layout, Reference, Residual, dense_flops
from ...plans import Measurement, letters
from ..families import ALL, IMAGE, JOINT, TEXT, Site
from ..hooks.projections import flops_per_token
from .timeline import Timeline

_REPEATED = re.compile(r"(.)\1+")


def fractions(
    timeline: Timeline,
    sites: Sequence[Site],
    diffusion_model,
    grid: tuple[int, ...],
    measurement: Measurement,
    shares: bool,
    device: torch.device,
    dtype: torch.dtype,
) -> list[tuple[float, float]]:
    """(attention, whole model) of each step: what is computed over what full attention at every step would compute.

    grid: tokens of the latent. measurement: of the plan, for the length of the text and the work beside attention.
    shares: whether one branch serves the other where the plan says so. device, dtype: of queries and keys.
    """
    layouts = [_layout(site.grid(grid), measurement, site.scope == JOINT) for site in sites]
    folds = np.array([site.fold(grid) for site in sites])
    dense = folds * [
        dense_flops(layout, site.heads, site.head_dim) for layout, site in zip(layouts, sites, strict=True)
    ]
    entries = [[timeline.at(step, site) for site in range(len(sites))] for step in range(timeline.steps)]
    kept = folds * _computed(timeline, sites, layouts, device, dtype)
    if shares:
        own_text = folds * [
            4 * site.head_dim * site.heads * layout.globals * layout.length
            for layout, site in zip(layouts, sites, strict=True)
        ]
        shared = np.array([[entry.share for entry in step] for step in entries])
        kept = np.where(shared, (kept + own_text) / 2, kept)
    skips = np.array([[entry.skips for entry in step] for step in entries])
    kept = np.where(skips, 0.0, kept)
    of_streams = [
        {IMAGE: layout.image + layout.referenced, TEXT: layout.globals, ALL: layout.length} for layout in layouts
    ]
    per_token = [flops_per_token(diffusion_model, site) for site in sites]
    linear = folds * [
        sum(flops * tokens[stream] for stream, flops in one.items())
        for one, tokens in zip(per_token, of_streams, strict=True)
    ]
    other = measurement.other_flops * _layout(grid, measurement, True).length / measurement.tokens
    evaluated = timeline.schedule.evaluated
    attention = np.where(evaluated, kept.sum(axis=1), 0.0)
    rest = np.where(evaluated, other - skips @ linear, 0.0)
    whole = dense.sum() + other
    return [
        (float(part / dense.sum()), float((part + beside) / whole))
        for part, beside in zip(attention, rest, strict=True)
    ]


def _layout(grid: tuple[int, ...], measurement: Measurement, text: bool) -> Layout:
    """A site's tokens with the text and the references that a plan was measured with; those of the picture's size have
    this one's."""
    references, start = [], (measurement.text_tokens if text else 0) + math.prod(grid)
    for one in measurement.references:
        references.append(Reference(grid if one.grid == measurement.grid else one.grid, start, one.place))
        start = references[-1].stop
    prefix = measurement.text_tokens if text else 0
    return Layout(grid, prefix, start - prefix - math.prod(grid), tuple(references))


def _computed(timeline: Timeline, sites: Sequence[Site], layouts: list[Layout], device, dtype) -> np.ndarray:
    """FLOPs of each step and site for one sequence that computes for itself: (steps, sites)."""
    codes, refresh = timeline.schedule.methods, timeline.schedule.refresh
    found = np.zeros((len(codes), len(sites)))
    prices: dict[tuple, tuple[np.ndarray, np.ndarray]] = {}
    for number, (site, layout) in enumerate(zip(sites, layouts, strict=True)):
        key = (layout, site.head_dim)
        if key not in prices:
            prices[key] = _prices(timeline, *key, Counter.of(device, dtype, site.head_dim))
        of_code, of_update = prices[key]
        heads = slice(timeline.offsets[number], timeline.offsets[number + 1])
        # The last entry of the updates is that of -1, no update.
        found[:, number] = of_code[codes[:, heads]].sum(axis=1) + of_update[refresh[:, heads]].sum(axis=1)
    return found


def _prices(timeline: Timeline, layout: Layout, head_dim: int, counter: Counter) -> tuple[np.ndarray, np.ndarray]:
    """FLOPs of one head by its code, and of the update of one head's residual by the number of the way."""
    of_code = np.zeros(256)
    of_code[letters.FULL], of_code[letters.REUSE] = counter.head(layout, FULL, head_dim), 0.0
    of_update = np.zeros(len(timeline.ways) + 1)
    for k, way in enumerate(timeline.ways):
        if not layout.references and way.why_not(layout) is not None:  # computed in full, see `tables.feasible`
            of_code[[letters.WAY + k, letters.RESIDUAL + k]] = of_code[letters.FULL]
            continue
        of_code[letters.WAY + k] = counter.head(layout, way, head_dim)
        of_code[letters.RESIDUAL + k] = counter.head(layout, Residual(way), head_dim)
        of_update[k] = counter.update(layout, way, head_dim)
    return of_code, of_update


def head_map(timeline: Timeline, in_full: Collection[int]) -> list[str]:
    """For each step a letter of every head of all sites, in order, with its count where it repeats: "f12wr3". Upper
    case where the branches share; empty where the step is forecast.

    in_full: steps that were computed in full, whatever the timeline says.
    """
    of_code = np.zeros(256, dtype=np.uint8)
    of_code[letters.FULL], of_code[letters.REUSE] = ord(FULL.letter), ord(REUSE.letter)
    for k, way in enumerate(timeline.ways):
        of_code[letters.WAY + k], of_code[letters.RESIDUAL + k] = ord(way.letter), ord(Residual(way).letter)
    codes = of_code[timeline.schedule.methods]
    codes = codes - (_shared_heads(timeline) * (ord("a") - ord("A"))).astype(np.uint8)
    rows = [bytes(row).decode("ascii") for row in codes]
    for step, evaluated in enumerate(timeline.schedule.evaluated):
        if step in in_full:
            rows[step] = FULL.letter * len(rows[step])
        elif not evaluated:
            rows[step] = ""
    return [_REPEATED.sub(lambda found: f"{found[1]}{len(found[0])}", row) for row in rows]


def _shared_heads(timeline: Timeline) -> np.ndarray:
    """Where a head's output serves both branches: bool (steps, heads)."""
    heads = np.diff(timeline.offsets)
    shared = np.repeat(timeline.schedule.share, heads, axis=1)
    for site, alone in timeline.unshared.items():
        shared[:, [timeline.offsets[site] + head for head in alone]] = False
    return shared
