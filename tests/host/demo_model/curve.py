"""Draws every loss_curve*.json beside it as a PNG: ``python tests/host/demo_model/curve.py``."""

import json
import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 1000, 520, 70, 30, 50, 60  # pixels
FIRST_STEP = 16_384  # tokens of a step in the rows of the first training, which do not say
COLOURS = {
    "256 tokens": (31, 99, 181),
    "1024 tokens": (200, 80, 20),
    "2048 tokens": (200, 80, 20),
    "validation": (20, 130, 60),
}


def draw(curve: list[dict]) -> Image.Image:
    """Training loss of the diffusion model against image tokens seen, the loss on a logarithmic scale.

    Tokens rather than time or steps: a machine may be busy, and steps are not all of one size.
    """
    points = [{"tokens": FIRST_STEP * entry["step"], **entry} for entry in curve if entry["stage"] in COLOURS]
    ends = max(entry["tokens"] for entry in points)
    losses = [entry["loss"] for entry in points]
    low, high = math.log(min(losses) * 0.9), math.log(max(losses) * 1.1)

    def place(tokens, loss):
        x = LEFT + (WIDTH - LEFT - RIGHT) * tokens / ends
        return x, TOP + (HEIGHT - TOP - BOTTOM) * (high - math.log(loss)) / (high - low)

    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    pen.text((LEFT, 14), "Demo model: mean squared error of the velocity, log scale", "black", font)
    for loss in (0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3, 0.5, 0.8, 1.2):
        if low <= math.log(loss) <= high:
            y = place(0, loss)[1]
            pen.line([(LEFT, y), (WIDTH - RIGHT, y)], (225, 225, 225))
            pen.text((LEFT - 8, y), f"{loss:g}", "black", font, anchor="rm")
    apart = 10 ** math.floor(math.log10(ends / 2))
    for tokens in range(0, ends + 1, apart):
        x = place(tokens, 1)[0]
        pen.line([(x, TOP), (x, HEIGHT - BOTTOM)], (240, 240, 240))
        pen.text((x, HEIGHT - BOTTOM + 8), f"{tokens / 1e6:g}", "black", font, anchor="ma")
    pen.text(((LEFT + WIDTH) / 2, HEIGHT - 24), "million image tokens", "black", font, anchor="ma")
    stages = [stage for stage in COLOURS if any(entry["stage"] == stage for entry in points)]
    for row, stage in enumerate(stages):
        colour = COLOURS[stage]
        line = [place(entry["tokens"], entry["loss"]) for entry in points if entry["stage"] == stage]
        if stage == "validation":
            for x, y in line:
                pen.ellipse([x - 5, y - 5, x + 5, y + 5], fill=colour)
        elif len(line) > 1:
            pen.line(line, colour, 2)
        pen.text((WIDTH - RIGHT - 130, TOP + 8 + 20 * row), stage, colour, font)
    return image


def main() -> None:
    for file in HERE.glob("loss_curve*.json"):
        draw(json.loads(file.read_text())["curve"]).save(file.with_suffix(".png"), optimize=True)


if __name__ == "__main__":
    main()
