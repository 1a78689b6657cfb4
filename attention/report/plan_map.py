"""The plan as a map: a column a step, a row a layer, coloured and marked by the commonest method."""

from __future__ import annotations

from collections import Counter

import numpy as np
from PIL import Image

from ...kernels import WAYS
from ..hooks.record import FORECAST
from .canvas import INK, MUTED, Canvas

# Of each way by its letter, of steps at which the model was forecast, and of letters that are neither ("?"). The ways'
# colours are those of Okabe and Ito or near them; lightness falls with cost, so that they can be told apart without
# hue.
COLOURS = {way.letter: way.colour for way in WAYS} | {FORECAST: (246, 240, 228), "?": (205, 205, 205)}
MARKS = {way.letter: way.mark for way in WAYS} | {FORECAST: (150, 120, 70), "?": (60, 60, 60)}
NAMES = {way.letter: way.name for way in WAYS} | {FORECAST: "step forecast", "?": "unknown"}
HATCHES = {way.letter: way.hatch for way in WAYS if way.hatch}
ROOM_FOR_LETTER = 11
ROOM_FOR_GAP, ROOM_FOR_CORNER = 8, 4
TALLEST, SHORTEST_ROW, TALLEST_ROW = 630, 2, 24


def columns_of(steps: int, left: int, width: int) -> list[int]:
    """Pixel borders of the steps' columns, whole pixels, one more than steps."""
    return [left + round(width * step / steps) for step in range(steps + 1)]


class MethodMap:
    """`methods` (a string a step, a letter a layer) thinned to what fits into `columns` and the height."""

    def __init__(self, methods: list[str], columns: int):
        rows = min((len(step) for step in methods), default=0)
        self.layers = rows
        self.per_row = max(1, -(-rows * SHORTEST_ROW // TALLEST))
        self.cells = [
            [_commonest(step[low : low + self.per_row] for step in group) for low in range(0, rows, self.per_row)]
            for group in _groups(methods, columns)
        ]
        self.row_height = (
            max(SHORTEST_ROW, min(TALLEST_ROW, TALLEST // max(1, len(self.cells[0])))) if self.cells else 0
        )
        self.height = self.row_height * len(self.cells[0]) if self.cells else 0
        self.counts = Counter("".join(methods).lower())
        self.shares = any(letter.isupper() for step in methods for letter in step)

    def draw(self, canvas: Canvas, borders: list[int], top: int) -> None:
        """Paint the cells between the columns' borders, then the layer axis."""
        widths = np.diff(borders)
        room = min(widths.max(), self.row_height)
        lettered = room >= ROOM_FOR_LETTER
        pixels = _painted(
            np.array(self.cells).T, widths, self.row_height, gap=room >= ROOM_FOR_GAP, hatched=not lettered
        )
        canvas.image.paste(Image.fromarray(pixels), (borders[0], top))
        if lettered:
            self._write_letters(canvas, borders, top, min(13, self.row_height - 1))
        self._axis(canvas, borders[0] - 8, top)

    def legend(self, canvas: Canvas, x: float, y: float, right: float) -> None:
        """Swatch, letter, name and share of the cells for every method that occurs."""
        total = max(1, sum(self.counts.values()))
        entries = [
            (letter, NAMES[letter], count) for letter, count in ((key, self._count(key)) for key in NAMES) if count
        ]
        for letter, name, count in entries:
            self._swatch(canvas, x, y, letter)
            x += 30
            x += canvas.text(x, y, name, 14) + 6
            x += canvas.text(x, y, f"{count / total:.0%}", 14, MUTED) + 22
        if self.shares:
            self._swatch(canvas, x, y, "R")
            x += 30
            canvas.fitted(x, y, "capital: shared between guidance branches", right - x, (14, 13, 12, 11), MUTED)

    def _count(self, letter: str) -> int:
        known = "".join(NAMES).replace("?", "")
        return self.counts[letter] if letter != "?" else sum(n for key, n in self.counts.items() if key not in known)

    def _swatch(self, canvas: Canvas, x: float, y: float, letter: str) -> None:
        pixels = _painted(np.array([[letter]]), [22], 16, gap=False, hatched=True)
        canvas.image.paste(Image.fromarray(pixels), (round(x), round(y) - 13))
        colour, mark = COLOURS[_known(letter)], MARKS[_known(letter)]
        canvas.box(x + 5, y - 12, x + 16, y + 1, fill=colour)
        canvas.text(x + 11, y - 5, letter, 13, mark, "mm")

    def _write_letters(self, canvas: Canvas, borders: list[int], top: int, size: int) -> None:
        for column, letters in enumerate(self.cells):
            x = (borders[column] + borders[column + 1] - 1) / 2
            for row, letter in enumerate(letters):
                canvas.text(x, top + (row + 0.5) * self.row_height - 0.5, letter, size, MARKS[_known(letter)], "mm")

    def _axis(self, canvas: Canvas, x: int, top: int) -> None:
        rows = self.height // self.row_height
        every = next(
            n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500) if n * self.row_height >= 16 * self.per_row or n >= 500
        )
        for layer in range(0, self.layers, every):
            row = layer // self.per_row
            canvas.text(x, top + min(row + 0.5, rows - 0.5) * self.row_height, layer, 12, MUTED, "rm")


def _groups(methods: list[str], columns: int) -> list[list[str]]:
    return [methods[len(methods) * i // columns : len(methods) * (i + 1) // columns] for i in range(columns)]


def _commonest(parts) -> str:
    counts = Counter("".join(parts))
    return max(counts, key=counts.get) if counts else "?"


def _known(letter: str) -> str:
    return letter.lower() if letter.lower() in COLOURS else "?"


def _painted(cells: np.ndarray, widths, row_height: int, *, gap: bool, hatched: bool) -> np.ndarray:
    """Pixels of rows x columns of letters. Where no letter fits, a method is known by its hatch too."""
    order = list(COLOURS)
    method = np.vectorize(lambda letter: order.index(_known(letter)), otypes=[np.int64])(cells)
    method = np.repeat(np.repeat(method, widths, axis=1), row_height, axis=0)
    base, marks = (np.array([table[key] for key in order], np.int64) for table in (COLOURS, MARKS))
    pixels = base[method]
    if hatched:
        # One hatch over the whole map, so that it lines up from cell to cell. Half-way to the mark's colour: visible
        # when looked for, quiet over a large area.
        y, x = np.indices(method.shape)
        rising, falling = (x + y) % 6 == 0, (x - y) % 6 == 0
        patterns = {
            "rising": rising,
            "falling": falling,
            "level": y % 6 == 2,
            "crossed": rising | falling,
            "dotted": (x % 6 == 2) & (y % 6 == 2),
        }
        for key, hatch in HATCHES.items():
            chosen = patterns[hatch] & (method == order.index(key))
            pixels[chosen] = (base[order.index(key)] + marks[order.index(key)]) // 2
    _corners(pixels, cells, np.cumsum([0, *widths]), row_height, int(gap))
    if gap:
        pixels[row_height - 1 :: row_height] = 255
        pixels[:, np.cumsum(widths) - 1] = 255
    return pixels.astype(np.uint8)


def _corners(pixels: np.ndarray, cells: np.ndarray, borders: np.ndarray, row_height: int, gap: int) -> None:
    """A dark corner in the cells that are shared."""
    if min(row_height, np.diff(borders).max()) < ROOM_FOR_CORNER:
        return
    for row, column in np.argwhere(np.char.isupper(cells)):
        side = min(6, row_height // 3, (borders[column + 1] - borders[column]) // 3)
        right, top = borders[column + 1] - gap, row * row_height
        for line in range(side):
            pixels[top + line, right - (side - line) : right] = INK
