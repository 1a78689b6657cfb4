"""The results as pictures, in colours that colour-blind people tell apart (Okabe and Ito), each with its own mark."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np

from .methods import ATTENTION_BUDGETS, EASY, FEWER, FORECAST, LAZY, OURS, V1, V2
from .summary import saves

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402

STYLES = {
    OURS: ("#000000", "o"),
    FEWER: ("#e69f00", "s"),
    EASY: ("#56b4e9", "^"),
    LAZY: ("#0072b2", "v"),
    FORECAST: ("#009e73", "D"),
    V1: ("#d55e00", "P"),
    V2: ("#cc79a7", "X"),
}
ERROR = ("latent_relative_error", "relative error of the latent")
PANELS = (ERROR, ("psnr_db", "PSNR, dB"), ("ssim", "SSIM"))
WORKS = (("model_flops_kept", "model FLOPs kept"), ("seconds_ratio", "seconds, relative to a dense run"))
MOST_DB = 60  # of the axis: equal pictures count as 120 dB
TICKS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0)


def frontier(found: dict, rows: list[dict], file: Path) -> None:
    """Error, PSNR and SSIM against model FLOPs and, where they were measured, against seconds, of one setting."""
    works = [one for one in WORKS if any(entry[one[0]] is not None for entry in found["levels"])]
    size = (15, 4.3 * len(works))
    figure, axes = plt.subplots(len(works), 3, figsize=size, layout="constrained", squeeze=False)
    for line, (work, work_label) in zip(axes, works):
        for axis, (name, label) in zip(line, PANELS):
            _draw(axis, found["levels"], rows, work, name)
            axis.set_xlabel(work_label)
            axis.set_ylabel(label)
    _legend(figure, axes[0][0])
    judged = f"Pictures: {found['pictures']}; lines: means; bands: 10th to 90th percentile."
    figure.suptitle(f"{found['sentence']}. {judged}", fontsize=12)
    figure.savefig(file, dpi=100)
    plt.close(figure)


def settings(by_setting: dict[str, dict], rows: list[dict], file: Path) -> None:
    """Error against model FLOPs, a panel a setting. by_setting: {name: summary.of_setting, with "sentence"}."""
    columns = min(3, len(by_setting))
    lines = -(-len(by_setting) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(5.2 * columns, 4.2 * lines), layout="constrained", squeeze=False
    )
    for axis, (name, found) in zip(axes.flat, by_setting.items()):
        own = [row for row in rows if row["setting"] == name]
        _draw(axis, found["levels"], own, "model_flops_kept", ERROR[0])
        axis.set_title(f"{name}; pictures: {found['pictures']}\n{found['sentence']}", fontsize=8)
        axis.set_xlabel("model FLOPs kept")
        axis.set_ylabel(ERROR[1])
    for axis in list(axes.flat)[len(by_setting) :]:
        axis.axis("off")
    _legend(figure, *axes.flat)
    figure.savefig(file, dpi=100)
    plt.close(figure)


def _legend(figure, *axes) -> None:
    """One for all axes, the methods in the order of STYLES."""
    found: dict = {}
    for axis in axes:
        found |= dict(zip(*reversed(axis.get_legend_handles_labels())))
    names = [method for method in STYLES if method in found]
    handles = [found[method] for method in names]
    columns = len(names) if figure.get_figwidth() > 12 else 4
    figure.legend(handles, names, loc="outside lower center", ncols=columns, frameon=False, fontsize=11)


def _draw(axis, means: list[dict], rows: list[dict], work: str, name: str) -> None:
    for method in reversed(STYLES):  # this pack's on top
        groups = [
            entry
            for entry in means
            if entry["method"] == method
            and saves(entry)
            # This pack's levels of a budget of attention are compared at equal attention only.
            and not (method == OURS and entry["level"] in ATTENTION_BUDGETS)
        ]
        if not groups:
            continue
        colour, mark = STYLES[method]
        axis.plot([e[work] for e in groups], [e[name] for e in groups], mark, color=colour, markersize=6)
        best = _frontier(groups, work)
        spreads = [
            [row[name] for row in rows if (row["method"], row["level"]) == (method, entry["level"])] for entry in best
        ]
        x = [entry[work] for entry in best]
        low, high = ([np.percentile(spread, q) for spread in spreads] for q in (10, 90))
        axis.fill_between(x, low, high, color=colour, alpha=0.07, linewidth=0)
        axis.plot(
            x,
            [entry[name] for entry in best],
            marker=mark,
            color=colour,
            label=method,
            markersize=6,
            linewidth=2.6 if method == OURS else 1.4,
        )
    axis.grid(alpha=0.25)
    low, high = axis.get_ylim()
    if name == "psnr_db":
        axis.set_ylim(low, min(high, MOST_DB))
    if name == ERROR[0]:
        axis.set_yscale("log")
        axis.set_ylim(max(axis.get_ylim()[0], TICKS[0]), None)
        low, high = axis.get_ylim()
        axis.set_yticks([tick for tick in TICKS if low <= tick <= high])
        axis.yaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
        axis.yaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())


def _frontier(groups: list[dict], work: str) -> list[dict]:
    """The levels of a method that the line goes through: none of the method's others has less work and error."""
    best: list[dict] = []
    for entry in sorted(groups, key=lambda entry: (entry[work], entry[ERROR[0]])):
        if not best or entry[ERROR[0]] < best[-1][ERROR[0]]:
            best.append(entry)
    return best
