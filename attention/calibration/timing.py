"""What each way of computing attention takes here, in milliseconds, for plans that save time instead of FLOPs.

Measured on real q, k and v in the middle of the watched run, once for each shape of a site, through the same calls and
caches as in a run that follows a plan. A plan's cost is then a sum over its cells, a head's part of a site's time each.
What heads of different methods in one site take beyond that (full heads that are gathered for the host's attention, or
computed by the kernel where that was found to be faster) is measured on a site of which half the heads are full, and
laid on the heads in windows.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace

import comfy.model_management
import numpy as np
import torch

from ...kernels import FULL, REUSE, Approximation, HeadTable, Residual, global_rows, head_wise
from ...plans.search import MILLISECONDS, Costs
from ..families import Site
from ..hooks.call import AttentionCall
from ..hooks.forward import Forward, SiteCall
from ..hooks.layouts import SiteLayout
from ..hooks.record import Stopwatch
from ..replay.caches import BranchCache
from .approximated import approximated

CHEAPEST = 0  # of the approximations, which come in rising cost, see `kernels.approximations`
TIME_FRACTION = 0.05  # of one dense run's time
MOST_ROUNDS = 5
LINEAR_ROUNDS = 2


@dataclass(frozen=True)
class SiteTimes:
    """Milliseconds of one site, all heads, in one forward: medians.

    ways: one an approximation. residual: with the cheapest of them. refresh: full, and the residual from that one.
    kept: full, with the outputs written to the caches. mixed: every other head full, the rest by the cheapest
    approximation, None where that was not measured. shared: full in one branch and copied to the other, None where a
    forward does not hold both. projections: the linear layers that a skipped site leaves out.
    """

    full: float
    ways: tuple[float, ...]
    residual: float
    refresh: float
    kept: float
    reuse: float
    shared: float | None
    projections: float
    mixed: float | None = None


class Timing:
    """Times of the sites of a watched run. Holds no tensor."""

    def __init__(self, sites: tuple[Site, ...], ways: tuple[Approximation, ...]):
        self._sites = sites
        self._ways = ways
        self._seconds = 0.0
        self._shapes: dict[tuple, dict[str, float]] = {}
        self._linears: dict[tuple, float] = {}
        self._times: dict[int, list[SiteTimes]] = {}  # of each site, one a forward

    def begin(self, run_seconds: float) -> None:
        """The evaluation to measure in begins; run_seconds: about what the dense run takes."""
        self._seconds = TIME_FRACTION * run_seconds

    def measure(self, forward: Forward, call: SiteCall, attention: AttentionCall) -> None:
        """Time one attention call, unless one of the same shape was timed before."""
        layout = attention.layout
        if attention.obstacle or layout is None or attention.q.shape[0] != forward.sequences(call.site):
            return
        rows = [forward.rows(branch, call.site) for branch in forward.branches]
        places = tuple((some.start, some.stop) for some in rows)
        q = attention.q
        shape = (tuple(q.shape), q.dtype, q.device, layout, attention.hidden, places, attention.heads_out)
        if shape not in self._shapes:
            comfy.model_management.throw_exception_if_processing_interrupted()
            alike = sum(
                (site.heads, site.scope, site.axes) == (call.site.heads, call.site.scope, call.site.axes)
                for site in self._sites
            )
            fitting = tuple(way for way in self._ways if layout.references or way.why_not(layout) is None)
            ways = _Ways(forward, call.site, attention, fitting).all()
            self._shapes[shape] = _medians(ways, self._seconds * alike / len(self._sites), q.device)
        found = self._shapes[shape]
        if "residual" not in found:  # no way fits: the search has none to choose here, and none is cheaper
            found = {name: found["full"] for name in ("residual", "refresh")} | found
        times = SiteTimes(
            ways=tuple(found.get(f"way {number}", found["full"]) for number in range(len(self._ways))),
            projections=self._projections(forward, call.site, layout, attention.q),
            **{name: found.get(name) for name in ("full", "residual", "refresh", "kept", "reuse", "shared", "mixed")},
        )
        self._times.setdefault(call.number, []).append(times)

    def milliseconds(self, flops: Costs, evaluation_seconds: float) -> Costs | None:
        """The costs in milliseconds, or None unless every site was timed. flops: the same in FLOPs, of which sites and
        bytes are taken over, and what sharing saves where that could not be timed; ways that it has beyond the timed
        ones are not computed here, and take what full attention takes. evaluation_seconds: of a dense model evaluation.
        """
        if set(self._times) != set(range(len(self._sites))):
            return None
        costs = [
            _site_costs(self._times[number], site.heads, float(saving))
            for number, (site, saving) in enumerate(zip(self._sites, flops.share_saving, strict=True))
        ]
        heads = [site.heads for site in self._sites]
        of_heads = ("full", "way", "residual", "refresh", "reuse", "keep")
        per_head = {name: np.repeat([cost[name] for cost in costs], heads, axis=0) for name in of_heads}
        if flops.ways > len(self._ways):  # measured for other devices
            as_full = np.repeat(per_head["full"][:, None], flops.ways - len(self._ways), axis=1)
            for name in ("way", "residual", "refresh"):
                per_head[name] = np.concatenate([per_head[name], as_full], axis=1)
        return replace(
            flops,
            unit=MILLISECONDS,
            **per_head,
            projection=np.array([cost["projection"] for cost in costs]),
            share_saving=np.array([cost["share_saving"] for cost in costs]),
            other=max(0.0, 1000 * evaluation_seconds - float(per_head["full"].sum())),
        )

    def _projections(self, forward: Forward, site: Site, layout: SiteLayout, like: torch.Tensor) -> float:
        """Milliseconds of the linear layers that a skipped site leaves out: they are called, because their rate is not
        that of attention.
        """
        total = 0.0
        for path, stream in site.linears if site.skippable else ():
            layer = forward.diffusion_model.get_submodule(path)
            tokens = layout.streams[stream]
            batch = forward.sequences(site)
            shape = (type(layer), layer.in_features, layer.out_features, batch, tokens, like.dtype)
            if tokens and shape not in self._linears:
                x = torch.randn(batch, tokens, layer.in_features, dtype=like.dtype, device=like.device)
                ways = {"layer": lambda layer=layer, x=x: layer(x)}
                self._linears[shape] = _medians(ways, math.inf, like.device, LINEAR_ROUNDS)["layer"]
            total += self._linears[shape] if tokens else 0.0
        return total


class _Ways:
    """The ways to compute one attention call, as a run that follows a plan computes them."""

    def __init__(self, forward: Forward, site: Site, attention: AttentionCall, ways: tuple[Approximation, ...]):
        self.attention, self.approximations = attention, ways
        self.branches = [forward.rows(branch, site) for branch in forward.branches]
        self._all = slice(0, attention.q.shape[0])
        pair = forward.pair()
        self.pair = None if pair is None else [forward.rows(branch, site) for branch in pair]
        self.cheapest = ways[CHEAPEST] if ways else None
        self.heads = range(attention.q.shape[1])
        self.caches = [BranchCache(self.heads, self.heads, _allocate) for _ in self.branches]

    def all(self) -> dict[str, Callable[[], object]]:
        """Functions by name. In this order: each finds in the caches what the ones before it wrote."""
        ways = {"full": self.attention.host, "kept": self.kept, "reuse": self.reuse}
        if self.approximations:
            ways |= {"refresh": self.refresh, "residual": self.residual}
        for number, way in enumerate(self.approximations):
            ways[f"way {number}"] = lambda way=way: approximated(self.attention, way)
        if len(self.heads) > 1 and self.approximations:
            ways["mixed"] = self.mixed
        if self.pair is not None:
            ways["shared"] = self.shared
        return ways

    def kept(self) -> None:
        """Full, and every head's output written."""
        out = self.attention.buffer()[1]
        self._compute(HeadTable.uniform(len(self.heads), FULL), self._all, out)
        for rows, cache in zip(self.branches, self.caches, strict=True):
            cache.outputs.write(self.heads, out[rows], 0)

    def reuse(self) -> None:
        """Every head from the cache, branch by branch."""
        out = self.attention.buffer()[1]
        table = HeadTable.uniform(len(self.heads), REUSE)
        for rows, cache in zip(self.branches, self.caches, strict=True):
            self._compute(table, rows, out, cached=cache.outputs.read(self.heads))

    def refresh(self) -> None:
        """Full, and every head's residual written."""
        out = self.attention.buffer()[1]
        table = HeadTable.uniform(len(self.heads), FULL, refresh=self.cheapest)
        residual = self._compute(table, self._all, out)
        for rows, cache in zip(self.branches, self.caches, strict=True):
            cache.residuals.write(self.heads, residual[rows], 0)

    def mixed(self) -> None:
        """Every other head in full, the first among them, the rest by the cheapest approximation."""
        table = tuple(self.cheapest if head % 2 else FULL for head in self.heads)
        self._compute(HeadTable(table, (None,) * len(table)), self._all, self.attention.buffer()[1])

    def residual(self) -> None:
        """Every head by the cheapest approximation with its residual, branch by branch."""
        out = self.attention.buffer()[1]
        table = HeadTable.uniform(len(self.heads), Residual(self.cheapest))
        for rows, cache in zip(self.branches, self.caches, strict=True):
            self._compute(table, rows, out, residual=cache.residuals.read(self.heads))

    def shared(self) -> None:
        """Full in the conditional branch; the other gets its image rows and computes its own global tokens."""
        out = self.attention.buffer()[1]
        source, target = self.pair
        self._compute(HeadTable.uniform(len(self.heads), FULL), source, out)
        local = self.attention.layout.local
        out[target][:, :, local] = out[source][:, :, local]
        for items, layout in self.attention.parts(target):
            q, k, v = (x[items] for x in (self.attention.q, self.attention.k, self.attention.v))
            global_rows(q, k, v, layout, self.attention.scale, out[items])

    def _compute(self, table: HeadTable, rows: slice, out: torch.Tensor, **caches) -> torch.Tensor | None:
        """Returns the new residuals, if there are any."""
        call, fresh = self.attention, []
        for items, layout in call.parts(rows):
            q, k, v = call.q[items], call.k[items], call.v[items]
            of_items = {name: x[items.start - rows.start : items.stop - rows.start] for name, x in caches.items()}
            result = head_wise(q, k, v, layout, table, scale=call.scale, dense=call.dense, out=out[items], **of_items)
            fresh.append(result.residual)
        return None if fresh[0] is None else torch.cat(fresh)


def _site_costs(forwards: list[SiteTimes], heads: int, share_saving: float) -> dict:
    """Costs of one head (projections and sharing: of the site) in one evaluation; forwards: each branch's, or one."""
    ways = np.sum([times.ways for times in forwards], axis=0)

    def total(name: str) -> float:
        return sum(getattr(times, name) for times in forwards)

    windowed, beside = heads // 2, 0.0
    if windowed and all(times.mixed is not None for times in forwards):
        apart = (total("full") * (heads - windowed) + ways[CHEAPEST] * windowed) / heads
        beside = max(0.0, total("mixed") - apart) * heads / windowed
    # A residual, and its update, adds as much to any approximation as it adds to the cheapest.
    residual = max(0.0, total("residual") - ways[CHEAPEST])
    refresh = total("refresh") - total("full") - ways[CHEAPEST]
    if len(forwards) == 1 and forwards[0].shared is not None:
        share_saving = float(np.clip(1 - forwards[0].shared / forwards[0].full, 0, 1))
    return {
        "full": total("full") / heads,
        "way": (ways + beside) / heads,
        "residual": (ways + beside + residual) / heads,
        "refresh": np.maximum(ways + refresh, 0.0) / heads,
        "reuse": total("reuse") / heads,
        "keep": max(0.0, total("kept") - total("full")) / heads,
        "projection": total("projections"),
        "share_saving": share_saving,
    }


def _medians(
    ways: dict[str, Callable[[], object]], seconds_allowed: float, device: torch.device, most_rounds: int = MOST_ROUNDS
) -> dict[str, float]:
    """Milliseconds of each function: medians over rounds in which each runs once, after one round to warm up.

    There is at least one round; no other begins when `seconds_allowed`, the first round's included, are over.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    whole = Stopwatch()
    for number in range(1 + most_rounds):
        if number > 1 and whole() > seconds_allowed:
            break
        for name, way in ways.items():
            wait(device)
            watch = Stopwatch()
            way()
            wait(device)
            if number:
                seconds[name].append(watch())
    return {name: 1000 * statistics.median(times) for name, times in seconds.items()}


def _allocate(shape, like: torch.Tensor) -> torch.Tensor:
    return torch.empty(tuple(shape), dtype=like.dtype, device=like.device)


def wait(device: torch.device) -> None:
    """Let a GPU finish, so that a time means something. Only calibration waits, never a user's run."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
