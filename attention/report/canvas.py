"""Drawing with Pillow alone: text that always has a glyph, and the palette."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

PAPER = (255, 255, 255)
PANEL = (245, 247, 249)
INK = (28, 36, 46)
MUTED = (92, 103, 117)
FAINT = (150, 159, 170)
GRID = (226, 230, 235)
BAR = (68, 84, 106)
WARNING = (159, 61, 0)

# Pillow's own font lacks these, and would draw an empty box.
REPLACEMENTS = str.maketrans(
    {
        "\u00d7": "x",
        "\u2013": "-",
        "\u2014": "-",
        "\u2212": "-",
        "\u2192": "->",
        "\u2265": ">=",
        "\u2264": "<=",
        "\u2248": "~",
        "\u00b5": "u",
        "\n": " ",
        "\r": " ",
        "\t": " ",
    }
)


@lru_cache(maxsize=16)
def font(size: int):
    """Pillow's own font: no font file is looked for on the machine."""
    return ImageFont.load_default(size=size)


@lru_cache(maxsize=512)
def _has_glyph(character: str) -> bool:
    face = font(20)
    return character == " " or bytes(face.getmask(character)) != bytes(face.getmask("\uffff"))


def printable(text: object) -> str:
    """The text with characters that the font has; "?" for the others."""
    return "".join(c if _has_glyph(c) else "?" for c in str(text).translate(REPLACEMENTS))


class Canvas:
    """An image with text helpers; anchors as in Pillow ("ls": left, baseline)."""

    def __init__(self, width: int, height: int):
        self.image = Image.new("RGB", (width, height), PAPER)
        self.pen = ImageDraw.Draw(self.image)

    def text(self, x: float, y: float, text: object, size: int = 14, fill=INK, anchor: str = "ls") -> float:
        """Write one line; returns its width."""
        line = printable(text)
        self.pen.text((round(x), round(y)), line, font=font(size), fill=fill, anchor=anchor)
        return font(size).getlength(line)

    def fitted(
        self, x: float, y: float, text: object, width: float, sizes: tuple[int, ...], fill=INK, anchor: str = "ls"
    ) -> None:
        """Write one line in the largest of `sizes` that fits; cut off with an ellipsis when none does."""
        line = printable(text)
        size = next((size for size in sizes if font(size).getlength(line) <= width), sizes[-1])
        self.text(x, y, shortened(line, width, size), size, fill, anchor)

    def box(self, x0: float, y0: float, x1: float, y1: float, fill=None, outline=None, radius: int = 0) -> None:
        """A rectangle whose right and bottom pixels belong to it."""
        if x1 >= x0 and y1 >= y0:
            self.pen.rounded_rectangle((x0, y0, x1, y1), radius, fill=fill, outline=outline)


def text_width(text: object, size: int) -> float:
    """Width of a line in pixels."""
    return font(size).getlength(printable(text))


def shortened(line: str, width: float, size: int, always: bool = False) -> str:
    """The line, cut off with an ellipsis if it is wider than `width`; `always` adds the ellipsis in any case."""
    if not always and text_width(line, size) <= width:
        return line
    length = bisect_right(range(1, len(line) + 1), width, key=lambda kept: text_width(line[:kept] + "\u2026", size))
    return line[:length].rstrip() + "\u2026"


def wrapped(text: object, width: float, size: int, most: int = 3) -> list[str]:
    """The text as lines of at most `width` pixels; the last of `most` lines ends in an ellipsis if more follows."""
    lines, line = [], ""
    for word in printable(str(text)[:2000]).split():
        longer = f"{line} {word}".strip()
        if not line or text_width(longer, size) <= width:
            line = longer
        elif len(lines) == most - 1:
            return [*lines, shortened(line, width, size, always=True)]
        else:
            lines.append(shortened(line, width, size))
            line = word
    return [*lines, shortened(line, width, size)]
