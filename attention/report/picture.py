"""A run document as one picture: headline figures, work per step, the plan as a map, and the notes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from .canvas import BAR, FAINT, GRID, INK, MUTED, PANEL, WARNING, Canvas, text_width, wrapped
from .document import forecast_steps
from .plan_map import MethodMap, columns_of

WIDTH, MARGIN = 1024, 32
LEFT = 78  # where the columns of steps begin: room for the numbers of both vertical axes
HEADER, TILES, BARS = 96, 84, 190
NOTE_SIZE, MOST_NOTES = 14, 6
MIB = 2**20
EMPTY = {
    "none": ("No run yet", "Queue the workflow: the figures appear when the sampler has finished."),
    "refused": ("Not compressed", "Full attention was used at every step."),
    "full": ("Full attention", "Nothing was left out in this run."),
    "watch": ("Watched", "This run was computed in full and measured: the plan for the runs to come follows from it."),
}


def draw(document: dict) -> torch.Tensor:
    """The picture of a run document: an image batch of one, (1, H, W, 3) float32 in 0..1. Any state, any size."""
    notes = _note_lines(document)
    empty = EMPTY.get("none" if document["state"] == "none" else document["kind"])
    canvas = _empty_state(document, empty, notes) if empty or not document["steps"] else _run(document, notes)
    return torch.from_numpy(np.asarray(canvas.image, dtype=np.float32) / 255.0)[None]


def _run(document: dict, notes: list[str]) -> Canvas:
    steps = document["steps"]
    width = WIDTH - MARGIN - LEFT
    # Below three pixels a step, neighbours are drawn as one.
    columns = min(len(steps), width // 3)
    borders = columns_of(columns, LEFT, width)
    grid = MethodMap(document["map"], columns)
    map_height = 86 + grid.height if grid.cells and grid.height else 0
    top = HEADER + TILES + 52
    canvas = Canvas(WIDTH, top + BARS + 62 + map_height + _notes_height(notes))
    _header(canvas, document)
    _tiles(canvas, document)
    _bars(canvas, document, borders, top)
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


def _header(canvas: Canvas, document: dict) -> None:
    model, sampler, plan = document["model"], document["sampler"], document["plan"]
    canvas.text(MARGIN, 50, "Attention Stats", 27)
    parts = [
        model["family"],
        _counted(model["layers"], "layer"),
        None if not model["heads"] else f"{model['heads']} heads each",
        _counted(model["tokens"], "image token"),
        _counted(model.get("reference_tokens"), "reference token") if model.get("reference_tokens") else None,
        _counted(model["text_tokens"], "text token"),
        _counted(model.get("reference_tokens"), "reference token"),
        sampler["sampler"],
        _counted(sampler["steps"], "step"),
        None if not sampler["steps"] or sampler["cfg"] is None else f"CFG {sampler['cfg']:g}",
    ]
    canvas.fitted(
        MARGIN, 78, "  \u00b7  ".join(str(part) for part in parts if part), WIDTH - 2 * MARGIN, (14, 13, 12, 11), MUTED
    )
    if plan is not None:
        canvas.fitted(WIDTH - MARGIN, 50, f"plan {plan['id']}", 420, (14, 13, 12, 11), MUTED, "rs")


def _tiles(canvas: Canvas, document: dict) -> None:
    kept, speed, dense, ceiling = (document[name] for name in ("kept", "speed", "dense", "ceiling"))
    plan = document["plan"] or {"level": None, "error": None}
    forecast = forecast_steps(document)
    tiles = [
        ("times faster", "-" if speed is None else f"{speed['times']:.2f}x", speed and f"{speed['source']}"),
        ("sampling time", _seconds(document["seconds"]), dense and f"{_seconds(dense['seconds'])} in full"),
        ("attention saved", _saved(kept["attention"]), f"{forecast} steps forecast" if forecast else ""),
        ("attention layers", _saved(kept["module"]), "projections included"),
        ("all work saved", _saved(kept["model"]), ceiling and f"attention is {_percent(1 - ceiling)} of it"),
        ("level", plan["level"] or "-", "" if plan["error"] is None else f"predicted error {plan['error']:.3f}"),
        ("cache", _mebibytes(document["cache"]["bytes"]), "kept outputs"),
    ]
    gap = 12
    width = (WIDTH - 2 * MARGIN - gap * (len(tiles) - 1)) // len(tiles)
    for index, (name, figure, detail) in enumerate(tiles):
        x = MARGIN + index * (width + gap)
        canvas.box(x, HEADER, x + width, HEADER + TILES, fill=PANEL, radius=8)
        canvas.fitted(x + 12, HEADER + 23, name, width - 20, (13, 12, 11), MUTED)
        canvas.fitted(x + 12, HEADER + 53, figure, width - 20, (28, 24, 20, 16))
        canvas.fitted(x + 12, HEADER + 73, detail or "", width - 20, (12, 11, 10), MUTED)


def _saved(kept: float | None) -> str:
    return "-" if kept is None else _percent(1 - kept)


def _bars(canvas: Canvas, document: dict, borders: list[int], top: int) -> None:
    columns = len(borders) - 1
    done = [step[0] for step in document["done"]]
    kept = _per_column([*done, *[0] * (len(document["steps"]) - len(done))], columns)
    ceiling = max(100.0, kept.max()) * 1.14  # room for the percentages
    bottom = top + BARS
    title = canvas.text(MARGIN, top - 18, "Attention computed per step, in % of full attention", 17)
    x = MARGIN + title + 28
    canvas.box(x, top - 30, x + 21, top - 17, outline=FAINT)
    x += 30 + canvas.text(x + 30, top - 18, "full attention", 14, MUTED) + 22
    canvas.box(x, top - 30, x + 21, top - 17, fill=BAR)
    x += 30 + canvas.text(x + 30, top - 18, "computed", 14, MUTED) + 22
    if kept.max() > 100:
        canvas.fitted(x, top - 18, "over 100: also prepares later steps", WIDTH - MARGIN - x, (12, 11, 10), FAINT)
    for value in (0, 25, 50, 75, 100):
        y = bottom - round(value / ceiling * BARS)
        canvas.pen.line((LEFT, y, WIDTH - MARGIN - 1, y), fill=GRID)
        canvas.text(LEFT - 8, y, f"{value}%", 12, MUTED, "rm")
    for left, right, value in zip(borders, borders[1:], kept, strict=False):
        _bar(canvas, left, right, bottom, 100 / ceiling * BARS, value / ceiling * BARS)
    shares = [f"{value:.0f}" for value in kept]
    every = _thinning(max(text_width(share, 12) for share in shares) + 5, borders)
    for column in range(0, min(columns, _columns_done(document, columns)), every):
        height = max(100.0, kept[column]) / ceiling * BARS
        canvas.text((borders[column] + borders[column + 1]) / 2, bottom - height - 5, shares[column], 12, INK, "ms")
    canvas.pen.line((LEFT, bottom, WIDTH - MARGIN - 1, bottom), fill=MUTED)


def _columns_done(document: dict, columns: int) -> int:
    return -(-len(document["done"]) * columns // max(1, len(document["steps"])))


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
    positions = [step["position"] for step in steps]
    every = _thinning(text_width(len(steps), 12) + 8, borders, nice=True)
    every_noise = _thinning(text_width("0.00", 11) + 8, borders, nice=True)
    canvas.text(LEFT - 20, y + 19, "step", 12, MUTED, "rs")
    canvas.text(LEFT - 20, y + 37, "noise", 12, FAINT, "rs")
    for column in range(columns):
        x = (borders[column] + borders[column + 1]) / 2
        if column % every == 0:
            canvas.text(x, y + 19, round(column * per_column) + 1, 12, MUTED, "ms")
        if column % every_noise == 0:
            canvas.text(x, y + 37, f"{positions[round(column * per_column)]:.2f}", 11, FAINT, "ms")


def _note_lines(document: dict) -> list[str]:
    notes = [note["text"] for note in document["notes"]]
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


def _empty_state(document: dict, words: tuple[str, str] | None, notes: list[str]) -> Canvas:
    title, hint = words or ("No figures", "This run has no recorded steps.")
    hints = wrapped(hint, 720, 15)
    height = HEADER + 190 + 22 * len(hints)
    canvas = Canvas(WIDTH, height + (_notes_height(notes) if notes else MARGIN))
    _header(canvas, document)
    canvas.box(MARGIN, HEADER, WIDTH - MARGIN, height, fill=PANEL, radius=10)
    middle = WIDTH // 2
    for index in range(9):
        x = middle - 112 + index * 25
        canvas.box(x, HEADER + 34, x + 17, HEADER + 94, outline=FAINT, radius=2)
    canvas.text(middle, HEADER + 138, title, 24, WARNING if document["kind"] == "refused" else INK, "ms")
    for index, line in enumerate(hints):
        canvas.text(middle, HEADER + 168 + 22 * index, line, 15, MUTED, "ms")
    _notes(canvas, notes)
    return canvas


def _per_column(percent: list[int], columns: int) -> np.ndarray:
    values = np.array(percent, float)
    limits = [len(values) * i // columns for i in range(columns + 1)]
    return np.array([values[low:high].mean() for low, high in pairwise(limits)])


def _thinning(label: float, borders: list[int], nice: bool = False) -> int:
    column = (borders[-1] - borders[0]) / (len(borders) - 1)
    least = max(1, int(np.ceil(label / column)))
    return next((n for n in (1, 2, 5, 10, 20, 25, 50, 100) if n >= least), least) if nice else least


def _counted(number, noun: str) -> str | None:
    return None if not number else f"{number:,} {noun}{'' if number == 1 else 's'}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.0f}%"


def _mebibytes(count) -> str:
    if count is None:
        return "-"
    return f"{count / MIB:,.0f} MiB" if count >= 10 * MIB or not count else f"{count / MIB:.2g} MiB"


def _seconds(seconds) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s" if seconds < 100 else f"{seconds:,.0f} s"
