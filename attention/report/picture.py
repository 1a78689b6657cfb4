"""The statistics as one picture: headline figures, FLOPs per step, the plan as a map, and the notes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from .canvas import BAR, FAINT, GRID, INK, MUTED, PANEL, WARNING, Canvas, text_width, wrapped
from .plan_map import MethodMap, columns_of

WIDTH, MARGIN = 1024, 32
LEFT = 78  # where the columns of steps begin: room for the numbers of both vertical axes
HEADER, TILES, BARS = 96, 84, 190
NOTE_SIZE, MOST_NOTES = 14, 6
MIB = 2**20
EMPTY = {
    "dense": (
        "Full attention",
        "No compression plan is applied to this model. Connect the model that Apply Compression Plan puts out.",
    ),
    "refused": ("Plan not used", "Full attention was used everywhere."),
    "no run": ("No run yet", "Queue the workflow: the figures appear when the sampler has finished."),
}


def draw(stats: dict) -> torch.Tensor:
    """The picture of `report.statistics`: an image batch of one, (1, H, W, 3) float32 in 0..1. Any state, any size."""
    steps = [step for step in stats.get("steps") or [] if isinstance(step, dict)]
    notes = _note_lines(stats)
    if stats.get("state") in EMPTY or not steps:
        canvas = _empty_state(stats, notes)
    else:
        canvas = _run(stats, steps, notes)
    return torch.from_numpy(np.asarray(canvas.image, dtype=np.float32) / 255.0)[None]


def _run(stats: dict, steps: list[dict], notes: list[str]) -> Canvas:
    width = WIDTH - MARGIN - LEFT
    # Below three pixels a step, neighbours are drawn as one.
    columns = min(len(steps), width // 3)
    borders = columns_of(columns, LEFT, width)
    grid = (
        MethodMap([str(letters) for letters in stats.get("methods") or []], columns) if stats.get("methods") else None
    )
    map_height = 86 + grid.height if grid and grid.cells and grid.height else 0
    top = HEADER + TILES + 52
    canvas = Canvas(WIDTH, top + BARS + 62 + map_height + _notes_height(notes))
    _header(canvas, stats)
    _tiles(canvas, stats)
    _bars(canvas, steps, borders, top)
    _step_axis(canvas, steps, borders, top + BARS)
    if map_height:
        y = top + BARS + 92
        canvas.text(MARGIN, y, "Plan", 17)
        grid.legend(canvas, LEFT, y, WIDTH - MARGIN)
        grid.draw(canvas, borders, y + 20)
        thinned = f", {grid.per_row} to a row" if grid.per_row > 1 else ""
        canvas.text(
            LEFT,
            y + 20 + grid.height + 18,
            f"layers down{thinned}, steps across; the commonest method of a layer's heads",
            12,
            MUTED,
        )
    _notes(canvas, notes)
    return canvas


def _header(canvas: Canvas, stats: dict) -> None:
    model, sampler = stats.get("model") or {}, stats.get("sampler") or {}
    canvas.text(MARGIN, 50, "Attention Stats", 27)
    parts = [
        model.get("family"),
        _counted(model.get("layers"), "layer"),
        None if not model.get("heads") else f"{model['heads']} heads each",
        _counted(model.get("tokens"), "image token"),
        _counted(model.get("text_tokens"), "text token"),
        sampler.get("sampler"),
        _counted(sampler.get("steps"), "step"),
        None if sampler.get("cfg") is None else f"CFG {sampler['cfg']:g}",
    ]
    canvas.fitted(
        MARGIN, 78, "  \u00b7  ".join(str(part) for part in parts if part), WIDTH - 2 * MARGIN, (14, 13, 12, 11), MUTED
    )
    if stats.get("plan_id"):
        canvas.fitted(WIDTH - MARGIN, 50, f"plan {stats['plan_id']}", 420, (14, 13, 12, 11), MUTED, "rs")


def _tiles(canvas: Canvas, stats: dict) -> None:
    ceiling, error = stats.get("ceiling"), stats.get("predicted_error")
    tiles = [
        ("attention FLOPs kept", _percent(stats.get("attention_flops_kept")), "of full attention"),
        (
            "whole-model FLOPs kept",
            _percent(stats.get("model_flops_kept")),
            "" if not ceiling else f"{1 / ceiling:.0%} if attention were free",
        ),
        ("sampling time", _seconds(stats.get("seconds")), "measured, whole run"),
        ("cache", _mebibytes(stats.get("cache_bytes")), "kept outputs"),
        ("level", stats.get("level") or "-", "" if error is None else f"predicted error {error:.3f}"),
    ]
    gap = 12
    width = (WIDTH - 2 * MARGIN - gap * (len(tiles) - 1)) // len(tiles)
    for index, (name, figure, detail) in enumerate(tiles):
        x = MARGIN + index * (width + gap)
        canvas.box(x, HEADER, x + width, HEADER + TILES, fill=PANEL, radius=8)
        canvas.fitted(x + 14, HEADER + 23, name, width - 24, (13, 12, 11), MUTED)
        canvas.fitted(x + 14, HEADER + 53, figure, width - 24, (28, 24, 20, 16))
        canvas.fitted(x + 14, HEADER + 73, detail, width - 24, (12, 11, 10), MUTED)


def _bars(canvas: Canvas, steps: list[dict], borders: list[int], top: int) -> None:
    columns = len(borders) - 1
    dense, kept = (_per_column(steps, key, columns) for key in ("dense", "kept"))
    highest = max(dense.max(), kept.max())
    factor, unit = _unit(highest)
    ceiling = highest * 1.14 or 1.0  # room for the percentages
    bottom = top + BARS
    title = canvas.text(MARGIN, top - 18, "Attention FLOPs per step", 17)
    x = MARGIN + title + 28
    canvas.box(x, top - 30, x + 21, top - 17, outline=FAINT)
    x += 30 + canvas.text(x + 30, top - 18, "full attention", 14, MUTED) + 22
    canvas.box(x, top - 30, x + 21, top - 17, fill=BAR)
    canvas.text(x + 30, top - 18, "kept, and its share in percent", 14, MUTED)
    for value in _ticks(highest / factor):
        y = bottom - round(value * factor / ceiling * BARS)
        canvas.pen.line((LEFT, y, WIDTH - MARGIN - 1, y), fill=GRID)
        canvas.text(LEFT - 8, y, f"{value:g}", 12, MUTED, "rm")
    canvas.text(LEFT - 8, top - 1, unit, 12, MUTED, "rm")
    for column in range(columns):
        _bar(
            canvas,
            borders[column],
            borders[column + 1],
            bottom,
            dense[column] / ceiling * BARS,
            kept[column] / ceiling * BARS,
        )
    sign = "%" if borders[1] - borders[0] > 40 else ""
    shares = [_percent(k / d, sign) if d else None for k, d in zip(kept, dense, strict=True)]
    every = _thinning(max((text_width(share or "", 12) for share in shares), default=0) + 5, borders)
    for column in range(0, columns, every):
        if shares[column] is not None:
            height = max(dense[column], kept[column]) / ceiling * BARS
            canvas.text((borders[column] + borders[column + 1]) / 2, bottom - height - 5, shares[column], 12, INK, "ms")
    canvas.pen.line((LEFT, bottom, WIDTH - MARGIN - 1, bottom), fill=MUTED)


def _bar(canvas: Canvas, left: int, right: int, bottom: int, dense: float, kept: float) -> None:
    inset = 0 if right - left < 5 else min(6, (right - left) // 8 + 1)
    low, high = left + inset, right - 1 - inset
    if right - left < 5:
        # Too narrow for an outline: a pale bar behind.
        canvas.box(low, bottom - round(dense), high, bottom, fill=GRID)
    else:
        canvas.box(low, bottom - round(dense), high, bottom, fill=(250, 251, 252), outline=FAINT)
    if kept > 0:
        canvas.box(low, bottom - max(1, round(kept)), high, bottom, fill=BAR)


def _step_axis(canvas: Canvas, steps: list[dict], borders: list[int], y: int) -> None:
    columns = len(borders) - 1
    per_column = len(steps) / columns
    positions = [step.get("position") for step in steps]
    known = all(position is not None for position in positions)
    every = _thinning(text_width(len(steps), 12) + 8, borders, nice=True)
    every_noise = _thinning(text_width("0.00", 11) + 8, borders, nice=True)
    canvas.text(LEFT - 20, y + 19, "step", 12, MUTED, "rs")
    if known:
        canvas.text(LEFT - 20, y + 37, "noise", 12, FAINT, "rs")
    for column in range(columns):
        x = (borders[column] + borders[column + 1]) / 2
        if column % every == 0:
            canvas.text(x, y + 19, round(column * per_column) + 1, 12, MUTED, "ms")
        if known and column % every_noise == 0:
            canvas.text(x, y + 37, f"{positions[round(column * per_column)]:.2f}", 11, FAINT, "ms")


def _note_lines(stats: dict) -> list[str]:
    notes = [str(note) for note in stats.get("notes") or [] if note]
    shown = notes[:MOST_NOTES] if len(notes) <= MOST_NOTES else notes[: MOST_NOTES - 1]
    lines = [line for note in shown for line in wrapped(note, WIDTH - 2 * MARGIN - 40, NOTE_SIZE)]
    return lines + (
        [f"\u2026 and {len(notes) - len(shown)} more notes in the report."] if len(notes) > len(shown) else []
    )


def _notes_height(lines: list[str]) -> int:
    return MARGIN if not lines else MARGIN + 16 + 20 * len(lines) + 14


def _notes(canvas: Canvas, lines: list[str]) -> None:
    if not lines:
        return
    bottom = canvas.image.height - MARGIN
    top = bottom - 20 * len(lines) - 14
    canvas.box(MARGIN, top, WIDTH - MARGIN, bottom, fill=(253, 246, 236), radius=6)
    canvas.box(MARGIN, top, MARGIN + 4, bottom, fill=WARNING)
    for index, line in enumerate(lines):
        canvas.text(MARGIN + 20, top + 23 + 20 * index, line, NOTE_SIZE)


def _empty_state(stats: dict, notes: list[str]) -> Canvas:
    title, hint = EMPTY.get(stats.get("state"), ("No figures", "This run has no recorded steps."))
    hints = wrapped(hint, 720, 15)
    height = HEADER + 190 + 22 * len(hints)
    canvas = Canvas(WIDTH, height + (_notes_height(notes) if notes else MARGIN))
    _header(canvas, stats)
    canvas.box(MARGIN, HEADER, WIDTH - MARGIN, height, fill=PANEL, radius=10)
    middle = WIDTH // 2
    for index in range(9):
        x = middle - 112 + index * 25
        canvas.box(x, HEADER + 34, x + 17, HEADER + 94, outline=FAINT, radius=2)
    canvas.text(middle, HEADER + 138, title, 24, WARNING if stats.get("state") == "refused" else INK, "ms")
    for index, line in enumerate(hints):
        canvas.text(middle, HEADER + 168 + 22 * index, line, 15, MUTED, "ms")
    _notes(canvas, notes)
    return canvas


def _per_column(steps: list[dict], key: str, columns: int) -> np.ndarray:
    values = np.nan_to_num(np.array([float(step.get(key) or 0) for step in steps]), posinf=0.0)
    limits = [len(values) * i // columns for i in range(columns + 1)]
    return np.array([values[low:high].mean() for low, high in pairwise(limits)])


def _thinning(label: float, borders: list[int], nice: bool = False) -> int:
    column = (borders[-1] - borders[0]) / (len(borders) - 1)
    least = max(1, int(np.ceil(label / column)))
    return next((n for n in (1, 2, 5, 10, 20, 25, 50, 100) if n >= least), least) if nice else least


def _unit(value: float) -> tuple[float, str]:
    return next(
        (
            (factor, unit)
            for factor, unit in ((1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP"), (1e6, "MFLOP"))
            if value >= factor
        ),
        (1.0, "FLOP"),
    )


def _ticks(highest: float) -> list[float]:
    if highest <= 0:
        return [0]
    size = 10 ** np.floor(np.log10(highest))
    step = next(size * n for n in (0.2, 0.25, 0.5, 1, 2, 2.5, 5) if highest / (size * n) <= 5)
    return [round(step * n, 10) for n in range(int(highest / step) + 1)]


def _counted(number, noun: str) -> str | None:
    return None if not number else f"{number:,} {noun}{'' if number == 1 else 's'}"


def _percent(fraction, sign: str = "%") -> str:
    return "-" if fraction is None else f"{100 * fraction:.0f}{sign}"


def _mebibytes(count) -> str:
    if count is None:
        return "-"
    return f"{count / MIB:,.0f} MiB" if count >= 10 * MIB or not count else f"{count / MIB:.2g} MiB"


def _seconds(seconds) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s" if seconds < 100 else f"{seconds:,.0f} s"
