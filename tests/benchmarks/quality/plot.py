"""The results as pictures, in colours that colour-blind people tell apart (Okabe and Ito), each with its own mark."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np

from .methods import ATTENTION_BUDGETS, EASY, FEWER, FORECAST, LAZY, METHODS, OURS, V1, V2

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
WORKS = (("model_flops_kept", "model FLOPs kept"), ("seconds_ratio", "seconds, of a dense run's"))
MOST_DB = 60  # of the axis: equal pictures count as 120 dB
TICKS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


def frontier(found: dict, rows: list[dict], sentence: str, file: Path) -> None:
    """Error, PSNR and SSIM against model FLOPs and against seconds, of one setting; bands: the middle 80 %."""
    figure, axes = plt.subplots(2, 3, figsize=(15, 8.6), layout="constrained")
    for line, (work, work_label) in zip(axes, WORKS):
        for axis, (name, label) in zip(line, PANELS):
            _draw(axis, found["levels"], rows, work, name)
            axis.set_xlabel(work_label)
            axis.set_ylabel(label)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=11)
    figure.suptitle(
        f"{sentence}. Means over {found['pictures']} pictures; bands: 10th to 90th percentile.", fontsize=12
    )
    figure.savefig(file, dpi=100)
    plt.close(figure)


def settings(by_setting: dict[str, dict], rows: list[dict], file: Path) -> None:
    """Error against model FLOPs, a panel a setting. by_setting: {name: summary.of_setting, with "sentence"}."""
    columns = min(3, len(by_setting))
    lines = -(-len(by_setting) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(5.2 * columns, 4.2 * lines), layout="constrained", squeeze=False
    )
    labelled: dict = {}
    for axis, (name, found) in zip(axes.flat, by_setting.items()):
        own = [row for row in rows if row["setting"] == name]
        _draw(axis, found["levels"], own, "model_flops_kept", ERROR[0])
        axis.set_title(f"{name}: {found['sentence'].partition(', ')[2]}\n{found['pictures']} pictures", fontsize=9)
        axis.set_xlabel("model FLOPs kept")
        axis.set_ylabel(ERROR[1])
        labelled |= dict(zip(*reversed(axis.get_legend_handles_labels())))
    for axis in list(axes.flat)[len(by_setting) :]:
        axis.axis("off")
    figure.legend(
        labelled.values(), labelled, loc="outside lower center", ncols=min(4, len(labelled)), frameon=False, fontsize=11
    )
    figure.savefig(file, dpi=100)
    plt.close(figure)


def _draw(axis, means: list[dict], rows: list[dict], work: str, name: str) -> None:
    for method in METHODS[::-1]:
        groups = [
            entry
            for entry in means
            if entry["method"] == method
            and entry["model_flops_kept"] < 1 - 1e-9  # a cache that saved nothing made the dense picture
            # This pack's levels of a budget of attention are compared at equal attention only.
            and not (method == OURS and entry["level"] in ATTENTION_BUDGETS)
        ]
        if not groups:
            continue
        groups.sort(key=lambda entry: entry[work])
        colour, mark = STYLES[method]
        spreads = [
            [row[name] for row in rows if (row["method"], row["level"]) == (method, entry["level"])] for entry in groups
        ]
        x = [entry[work] for entry in groups]
        low, high = ([np.percentile(spread, q) for spread in spreads] for q in (10, 90))
        axis.fill_between(x, low, high, color=colour, alpha=0.07, linewidth=0)
        axis.plot(
            x,
            [entry[name] for entry in groups],
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
