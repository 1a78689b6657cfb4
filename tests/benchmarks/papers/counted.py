"""Rows of published figures beside ours: what a setting keeps by the pack's counters, and by the authors' own count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ditfastattn.attention.calibration.papers.bands import V1_BANDS, V2_BANDS
from ditfastattn.kernels import Band, HeadTable, Layout, Way, Window, dense_flops, flops
from ditfastattn.plans import letters
from ditfastattn.plans.search import attention_work, skipped_work

from .published import (
    FIGURE_10,
    FIGURES_8_9,
    PLANS,
    TABLE_1,
    TABLE_2,
    V1_THRESHOLDS,
    V2_FASTER,
    V2_SPARSITY,
    V2_WINDOWS,
)
from .systems import SYSTEMS, System

# A cell of a published plan: the letter of all heads of the layer, and whether the branches share.
CELLS = {
    "f": (letters.FULL, False),
    "d": (letters.RESIDUAL, False),
    "F": (letters.FULL, True),
    "D": (letters.RESIDUAL, True),
    "r": (letters.REUSE, False),
}
METHODS = {"WA-RS": "d", "ASC": "F", "WA-RS + ASC": "D", "AST": "r"}
# Of the tokens, the window that the authors' code counts: both sides together, and no residual update.
COUNTED_WINDOW = 1 / 8
MODULE, MATMULS, ALL_WORK = "attention layers kept", "attention kept", "all work kept"
WINDOW_KEEPS = "attention kept by a window"
NO_WEIGHTS = "its plan is not published, and follows from the weights"


def rows() -> list[dict]:
    """All rows, in the papers' order."""
    return [*_table_2(), *_table_1(), *_figures_8_9(), *_figure_10(), *_v2(), *_windows()]


def kept(system: System, plan: Sequence[str], bands: tuple[Band, ...] = V1_BANDS) -> dict[str, float]:
    """What a plan (a line a step, a letter a layer) keeps by the pack's counters, as fractions."""
    methods = np.array([[CELLS[cell][0] for cell in step] for step in plan], np.uint8)
    share = np.array([[CELLS[cell][1] for cell in step] for step in plan])
    costs = system.costs(bands)
    methods = np.repeat(methods, system.heads, axis=1)
    attention = float(attention_work(costs, methods, share).sum())
    skipped = float(skipped_work(costs, methods).sum())
    dense, linear = len(plan) * float(costs.full.sum()), len(plan) * float(costs.projection.sum())
    whole = dense + len(plan) * costs.other
    return {
        MATMULS: attention / dense,
        MODULE: (attention + linear - skipped) / (dense + linear),
        ALL_WORK: (whole - dense + attention - skipped) / whole,
    }


def authors_count(plan: Sequence[str], window: float = COUNTED_WINDOW) -> float:
    """The fraction of a plan's matrix products that V1's code counts: a window as its width over the tokens."""
    price = {"f": 1.0, "d": window, "F": 0.5, "D": window / 2, "r": 0.0}
    return float(np.mean([[price[cell] for cell in step] for step in plan]))


def part_of(layout: Layout, way: Way) -> float:
    """The fraction of a head's attention that a way computes."""
    return flops(layout, HeadTable.uniform(1, way), 1) / dense_flops(layout, 1, 1)


def module_of_the_paper(system: System, method: str) -> float:
    """A method alone as Table 2 counts it: an exact band, and ASC without the projections of the shared branch."""
    layout, width = system.layout, system.width
    part = part_of(layout, V1_BANDS[0]) if "WA-RS" in method else 1.0
    linear, products = 4 * width**2 * layout.length, 2 * layout.length**2 * width
    shared = 0.5 if "ASC" in method else 1.0
    return 0.0 if method == "AST" else shared * (linear + part * products) / (linear + products)


def _row(system: str, setting: str, figure: str, published, ours, why: str, recounted=None) -> dict:
    """recounted: what the authors' own way of counting gives, where it is known."""
    row = {"system": system, "setting": setting, "figure": figure, "published": published}
    row["ours"] = None if ours is None else round(ours, 4)
    if recounted is not None:
        row["recounted"] = round(recounted, 4)
    return row | {"why": why}


def _table_2() -> Iterator[dict]:
    systems = ("DiT-XL/2-512", "PixArt-Sigma 1K", "PixArt-Sigma 2K")
    for method, published in TABLE_2.items():
        for name, figure in zip(systems, published, strict=True):
            system = SYSTEMS[name]
            why = "the same to the last digit that is printed"
            if "ASC" in method:
                why = "the host projects both branches: what sharing saves is attention, not its projections"
            ours = kept(system, [METHODS[method] * system.layers])[MODULE]
            yield _row(name, f"{method} alone", MODULE, figure, ours, why, module_of_the_paper(system, method))


def _table_1() -> Iterator[dict]:
    for name, published in TABLE_1.items():
        for number, (figure, threshold) in enumerate(zip(published, V1_THRESHOLDS, strict=True), 1):
            setting = f"D{number} ({threshold:g})"
            plan = PLANS.get(f"D{number}") if name.startswith("DiT") else None
            if plan is None:
                yield _row(name, setting, MATMULS, figure, None, NO_WEIGHTS)
                continue
            found, recounted = kept(SYSTEMS[name], plan), authors_count(plan)
            setting += ", published plan of 20 steps"
            why = (
                "recounted: the matrix products alone, a window as an eighth of the tokens in all where the kernel has "
                "one to either side, no residual updates; the table is of 50 steps"
            )
            yield _row(name, setting, MATMULS, figure, found[MATMULS], why, recounted)
            yield _row(name, setting, MODULE, figure, found[MODULE], "projections included: not what the table counts")


def _figures_8_9() -> Iterator[dict]:
    for name, published in FIGURES_8_9.items():
        system = SYSTEMS[name]
        ours = 50 * float(system.costs(V1_BANDS).full.sum()) / 2 / 1e12
        yield _row(name, "uncompressed, 50 steps", "attention, 10^12 multiply-adds", published, ours, "the same")


def _figure_10() -> Iterator[dict]:
    system = SYSTEMS["Open-Sora 1.1 240p"]
    costs = system.costs(V1_BANDS)
    attention, modules = float(costs.full.sum()), float(costs.full.sum() + costs.projection.sum())
    whole = float(costs.full.sum() + costs.other)
    for threshold, published in FIGURE_10.items():
        yield _row(system.name, f"threshold {threshold:g}", "work saved", published, None, NO_WEIGHTS)
    why = "the most that can be saved of all work: the largest published figure must be of attention alone"
    most = f"threshold {max(FIGURE_10):g}, every spatial layer left out"
    yield _row(system.name, most, "all work saved", FIGURE_10[max(FIGURE_10)], modules / whole, why)
    why = "the matrix products alone are so little there that the cut must count projections"
    yield _row(system.name, most, "attention's part of all work", None, attention / whole, why)


def _v2() -> Iterator[dict]:
    for name, published in V2_WINDOWS.items():
        system = SYSTEMS[name]
        for band, figure in zip(V2_BANDS, published, strict=True):
            setting, saved = f"a window of 1/{round(1 / (2 * band.half))}", 1 - part_of(system.layout, band)
            yield _row(name, setting, "attention saved", figure, saved, "the same to a token")
    for name, settings in V2_SPARSITY.items():
        for threshold, published in settings.items():
            yield _row(name, f"threshold {threshold:g}", "attention saved", published, None, NO_WEIGHTS)
    system = SYSTEMS["FLUX 2K"]
    costs = system.costs(V2_BANDS)
    share = float(costs.full.sum() / (costs.full.sum() + costs.other))
    for threshold, published in V2_FASTER.items():
        saved = V2_SPARSITY["FLUX 2K"][threshold]
        why = "work beside seconds: attention takes more of the time than of the work"
        setting = f"threshold {threshold:g}, {saved:g} of attention saved"
        yield _row(system.name, setting, "times faster", published, 1 / (1 - share * saved), why)


def _windows() -> Iterator[dict]:
    """What the searches' windows keep of a head, exact and as rows of tiles, without text."""
    for side in (32, 64, 128):
        layout = Layout((side, side))
        for name, bands in (("DiTFastAttn", V1_BANDS), ("DiTFastAttnV2", V2_BANDS)):
            for band in bands:
                setting = f"{name}, {band.reach(layout)} tokens to either side"
                rounded = part_of(layout, Window((2 * band.half, 1.0)))
                why = "in_tiles: the same in whole rows of tiles"
                found = _row(f"{side} x {side} tokens", setting, WINDOW_KEEPS, None, part_of(layout, band), why)
                yield found | {"in_tiles": round(rounded, 4)}
