"""Draws the pictures that the demo model learns: small landscapes, each with the phrases that describe it.

``sample(seed)`` chooses the phrases of a scene, ``draw(phrases, seed)`` paints them. Words fix a thing only coarsely;
the seed decides the rest (exact place, shade, outline), so that one caption has many pictures. Outlines and patterns
are drawn at twice the size and halved, which smooths them. Coordinates are fractions of the picture, x to the right
and y down.
"""

import colorsys
import math
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

sys.path.append(str(Path(__file__).resolve().parents[1] / "demo_nodes"))
import captions  # noqa: E402
from captions import CHOICES, Phrase  # noqa: E402

SIZE = 512  # pixels of a side

# hue in degrees, saturation, value
PAINT = {
    "red": (358, 0.82, 0.86),
    "orange": (26, 0.88, 0.95),
    "yellow": (48, 0.82, 0.97),
    "green": (125, 0.62, 0.62),
    "blue": (216, 0.75, 0.85),
    "purple": (275, 0.58, 0.70),
    "pink": (338, 0.42, 0.97),
    "white": (40, 0.05, 0.97),
    "brown": (24, 0.60, 0.50),
    "black": (230, 0.25, 0.17),
}
SKIES = {  # top, horizon
    "day": ((0.20, 0.50, 0.88), (0.74, 0.89, 0.98)),
    "dawn": ((0.52, 0.56, 0.86), (1.00, 0.80, 0.72)),
    "dusk": ((0.28, 0.20, 0.48), (0.99, 0.58, 0.28)),
    "night": ((0.02, 0.04, 0.16), (0.13, 0.19, 0.42)),
}
LIGHT = {  # what the time of day does to everything below the sky
    "day": (1.0, 1.0, 1.0),
    "dawn": (0.96, 0.88, 0.90),
    "dusk": (0.84, 0.68, 0.66),
    "night": (0.44, 0.50, 0.72),
}
GROUNDS = {  # at the horizon, at the bottom
    "meadow": ((0.56, 0.75, 0.36), (0.26, 0.55, 0.22)),
    "sea": ((0.36, 0.66, 0.82), (0.07, 0.33, 0.58)),
    "snow": ((0.90, 0.93, 0.98), (0.98, 0.98, 1.00)),
    "sand": ((0.93, 0.84, 0.62), (0.83, 0.66, 0.40)),
}
COLUMNS = dict(zip(CHOICES["x"], (0.10, 0.30, 0.50, 0.70, 0.90)))
MOTION = {  # share of the picture that a thing crosses in a clip at most: to a side, and up or down
    "sun": (0.10, 0.12),
    "moon": (0.10, 0.12),
    "cloud": (0.35, 0.0),
    "balloon": (0.30, 0.20),
    "boat": (0.35, 0.0),
    "ball": (0.35, 0.0),
}
SIZES = {"small": 0.8, "medium": 1.15, "large": 1.65}


def sample(seed: int) -> tuple[Phrase, ...]:
    """Phrases of a random scene with every attribute said, in the order they matter to a reader."""
    rng = np.random.default_rng([seed, 1])

    def pick(name: str, among=None):
        values = among or CHOICES[name]
        return values[rng.integers(len(values))]

    sky = pick("variant", captions.SCENERY["sky"])
    ground = pick("variant", captions.SCENERY["ground"])
    phrases = [Phrase("sky", variant=sky), Phrase("ground", variant=ground)]
    if rng.random() < 0.55:
        phrases.append(Phrase("backdrop", variant=pick("variant", captions.SCENERY["backdrop"])))
    if rng.random() < 0.75:
        size = pick("size")
        if rng.random() < (0.9 if sky == "night" else 0.1):
            phrases.append(Phrase("moon", x=pick("x"), y=pick("y"), size=size))
        else:
            colour = pick("colour", ("red", "orange", "yellow", "white"))
            phrases.append(Phrase("sun", colour=colour, x=pick("x"), y=pick("y"), size=size))
    if ground != "sea" and rng.random() < 0.2:
        phrases.append(Phrase("fence", colour=pick("colour", ("white", "brown", "red", "blue"))))
    things = ["house", "tree", "pine", "cloud", "ball", "balloon", "boat"]
    chance = np.array([0.24, 0.17, 0.14, 0.13, 0.12, 0.12, 0.25 if ground == "sea" else 0.03])
    chance /= chance.sum()
    free = {"ground": list(CHOICES["x"]), "air": list(CHOICES["x"])}
    for phrase in phrases:
        if phrase.y == "high":
            free["air"].remove(phrase.x)
    for _ in range(rng.choice([0, 1, 2, 3, 4], p=[0.04, 0.22, 0.34, 0.26, 0.14])):
        kind = str(rng.choice(things, p=chance))
        # Two things never share a column, so that each stays recognisable.
        columns = free["air" if kind in ("cloud", "balloon") else "ground"]
        if not columns:
            continue
        x = columns.pop(rng.integers(len(columns)))
        values = {"x": x, "size": pick("size")}
        if kind == "tree":
            values |= {"colour": pick("colour", ("green", "green", "orange", "yellow", "pink", "red", "purple"))}
        elif kind == "pine":
            values |= {"colour": pick("colour", ("green", "green", "green", "blue", "white", "brown"))}
        elif kind != "cloud":
            values |= {"colour": pick("colour"), "texture": pick("texture")}
        if "count" in captions.KINDS[kind]:
            values |= {"count": int(rng.choice([1, 2, 3, 4, 5], p=[0.4, 0.25, 0.15, 0.1, 0.1]))}
        phrases.append(Phrase(kind, **values))
    return tuple(phrases)


class _Canvas:
    """A picture being painted, ``(SIZE, SIZE, 3)`` float32 in 0..1, with helpers that take fractions of its side."""

    def __init__(self):
        self.pixels = np.zeros((SIZE, SIZE, 3), np.float32)

    def fill(self, shapes, colour, alpha=1.0) -> None:
        """Paint shapes, each ``("ellipse", cx, cy, rx, ry)`` or ``("polygon", (x, y), ...)``, in a colour.

        ``colour`` is an RGB triple or a function of x ``(1, W)`` and y ``(H, 1)`` that gives an RGB triple of arrays
        or numbers.
        """
        corners = []
        for shape in shapes:
            if shape[0] == "ellipse":
                _, cx, cy, rx, ry = shape
                corners += [(cx - rx, cy - ry), (cx + rx, cy + ry)]
            else:
                corners += shape[1:]
        low = np.floor(np.clip(np.min(corners, 0) * SIZE, 0, SIZE)).astype(int)
        high = np.ceil(np.clip(np.max(corners, 0) * SIZE + 1, 0, SIZE)).astype(int)
        if (high <= low).any():
            return
        width, height = (int(v) for v in high - low)
        mask = Image.new("L", (2 * width, 2 * height))
        pen = ImageDraw.Draw(mask)

        def place(point):
            return 2 * (point[0] * SIZE - low[0]), 2 * (point[1] * SIZE - low[1])

        for shape in shapes:
            if shape[0] == "ellipse":
                _, cx, cy, rx, ry = shape
                pen.ellipse([place((cx - rx, cy - ry)), place((cx + rx, cy + ry))], fill=255)
            else:
                pen.polygon([place(point) for point in shape[1:]], fill=255)
        cover = np.asarray(mask.reduce(2), np.float32)[..., None] * (alpha / 255)
        part = self.pixels[low[1] : high[1], low[0] : high[0]]
        if callable(colour):
            x = (low[0] + np.arange(0.25, width, 0.5, np.float32))[None, :] / SIZE
            y = (low[1] + np.arange(0.25, height, 0.5, np.float32))[:, None] / SIZE
            bands = [np.broadcast_to(band, (2 * height, 2 * width)) for band in colour(x, y)]
            bands = [(band[::2, ::2] + band[1::2, ::2] + band[::2, 1::2] + band[1::2, 1::2]) / 4 for band in bands]
            colour = np.stack(bands, -1)
        part += cover * (np.asarray(colour, np.float32) - part)

    def glow(self, cx, cy, radius, colour, strength) -> None:
        """Add light that fades with the distance from a point."""
        along = (np.arange(SIZE, dtype=np.float32) + 0.5) / SIZE
        light = np.exp(-(((along - cy) / radius) ** 2))[:, None] * np.exp(-(((along - cx) / radius) ** 2))[None, :]
        self.pixels += (strength * light)[..., None] * (np.asarray(colour, np.float32) - self.pixels)


def _box(x0, y0, x1, y1):
    return ("polygon", (x0, y0), (x1, y0), (x1, y1), (x0, y1))


class _Scene:
    """A scene being painted, at a time of -0.5 to 0.5 through a clip whose middle is the still picture.

    Motion has random numbers of its own, so that all pictures of a clip agree in everything else.
    """

    def __init__(self, phrases, seed, time=0.0):
        self.rng = np.random.default_rng([seed, 2])
        moves = np.random.default_rng([seed, 3])
        self.time = time
        self.speeds = [  # right, down
            (moves.choice((-1, 1)) * moves.uniform(0.6, 1), moves.uniform(-1, 1)) for _ in phrases
        ]
        self.phrases = phrases
        self.canvas = _Canvas()
        self.hour = "day"
        self.ground = "meadow"
        self.behind = None
        for phrase in phrases:
            if phrase.kind == "sky":
                self.hour = phrase.variant or self.hour
            if phrase.kind == "ground":
                self.ground = phrase.variant or self.ground
            if phrase.kind == "backdrop":
                self.behind = phrase.variant
        self.light = np.array(LIGHT[self.hour], np.float32)
        self.horizon = self.rng.uniform(0.56, 0.66)
        self.glint = None  # column and colour of the sun or moon, for its reflection

    def jitter(self, colour, amount=0.04):
        return np.clip(np.asarray(colour) + self.rng.normal(0, amount, 3), 0, 1)

    def paint(self, name, lit=True):
        hue, saturation, value = PAINT[name]
        hue += self.rng.uniform(-5, 5)
        saturation = saturation * self.rng.uniform(0.9, 1.1)
        value = value * self.rng.uniform(0.94, 1.04)
        rgb = np.array(colorsys.hsv_to_rgb(hue / 360 % 1, min(saturation, 1), min(value, 1)), np.float32)
        return rgb * self.light if lit else rgb

    def values(self, phrase):
        """Every attribute of a phrase, those not said chosen by the seed."""
        chosen = {}
        for name in captions.KINDS[phrase.kind]:
            value = getattr(phrase, name)
            choices = CHOICES[name]
            if phrase.kind == "sun" and name == "colour":
                choices = ("red", "orange", "yellow", "white")
            index = self.rng.integers(len(choices))  # drawn even where said, so that one word changes one thing
            chosen[name] = choices[index] if value is None else value
        return chosen

    def moved(self, phrase):
        """How far right and down a thing is from where a still picture has it."""
        along, across = next((s for p, s in zip(self.phrases, self.speeds) if p is phrase), (0.0, 0.0))
        right, down = MOTION.get(phrase.kind, (0.0, 0.0))
        return right * float(along) * self.time, down * float(across) * self.time

    def column(self, x):
        return COLUMNS[x] + self.rng.uniform(-0.045, 0.045)

    def backdrop_colour(self, share):
        """Colour of something far away: its own, faded into the sky at the horizon."""
        return lambda own: tuple((1 - share) * np.asarray(own) * self.light + share * self.sky_low)

    def sky(self):
        top, low = (self.jitter(c, 0.025) for c in SKIES[self.hour])
        self.sky_low = low
        ramp = np.clip(np.arange(SIZE) / SIZE / self.horizon, 0, 1)[:, None, None] ** 1.2
        self.canvas.pixels[:] = top + ramp * (low - top)
        if self.hour == "night":
            count = self.rng.integers(18, 36)
            for radius in self.rng.uniform(0.003, 0.006, count):
                star = ("ellipse", self.rng.random(), self.rng.random() * 0.9 * self.horizon, radius, radius)
                self.canvas.fill([star], (0.95, 0.95, 0.85), 0.9)

    def celestial(self, phrase):
        v = self.values(phrase)
        cx = self.column(v["x"])
        radius = 0.062 * SIZES[v["size"]] * self.rng.uniform(0.93, 1.07)
        above = {"mountains": 0.22, "hills": 0.14, None: 0.02}[self.behind]  # a low sun looks over what is behind
        cy = self.rng.uniform(0.13, 0.2) if v["y"] == "high" else self.horizon - above - self.rng.uniform(0.03, 0.09)
        cx, cy = (a + b for a, b in zip((cx, cy), self.moved(phrase)))
        if phrase.kind == "sun":
            colour = self.paint(v["colour"], lit=False)
            self.canvas.glow(cx, cy, radius * 2.6, colour * 0.5 + 0.5, 0.55)
            self.canvas.fill([("ellipse", cx, cy, radius, radius)], colour)
        else:
            colour = self.jitter((0.93, 0.92, 0.84), 0.02)
            self.canvas.glow(cx, cy, radius * 2.4, colour, 0.3)
            self.canvas.fill([("ellipse", cx, cy, radius, radius)], colour)
            craters = [(-0.35, -0.25, 0.24), (0.3, 0.1, 0.3), (-0.2, 0.45, 0.18)]
            shade = [("ellipse", cx + a * radius, cy + b * radius, r * radius, r * radius) for a, b, r in craters]
            self.canvas.fill(shade, colour * 0.84)
        self.glint = (cx, radius, colour)

    def backdrop(self, variant):
        rng, base = self.rng, self.horizon + 0.01
        if variant == "mountains":
            x, peaks = -0.15, []
            while x < 1.05:
                width = rng.uniform(0.26, 0.42)
                peaks.append((x + width / 2, rng.uniform(0.14, 0.27), width))
                x += width * rng.uniform(0.5, 0.75)
            rock = self.jitter((0.42, 0.42, 0.50), 0.03)
            for cx, height, width in sorted(peaks, key=lambda p: -p[1]):
                top = base - height
                left, right = cx - width / 2, cx + width / 2
                fade = self.backdrop_colour(0.30)
                self.canvas.fill([("polygon", (cx, top), (right, base), (left, base))], fade(rock))
                lean = cx + 0.06 * width
                self.canvas.fill([("polygon", (cx, top), (right, base), (lean, base))], fade(rock * 0.76))
                t = 0.36  # how far down the snow lies, as a share of the height
                snow_left, snow_right = cx - t * width / 2, cx + t * width / 2
                edge = top + t * height
                cap = [(cx, top), (snow_right, edge), (cx + 0.2 * t * width, edge - 0.09 * height)]
                cap += [(cx, edge + 0.05 * height), (cx - 0.2 * t * width, edge - 0.09 * height), (snow_left, edge)]
                self.canvas.fill([("polygon", *cap)], fade((0.97, 0.98, 1.0)))
        else:
            for layer in range(2):
                waves = [(rng.uniform(3, 7), rng.uniform(0, 6.3), rng.uniform(0.018, 0.035)) for _ in range(2)]
                xs = np.linspace(0, 1, 65)
                ys = base - (0.12 - 0.07 * layer) - sum(a * np.sin(f * xs + p) for f, p, a in waves)
                tone = self.jitter((0.38, 0.58, 0.40) if self.ground != "snow" else (0.72, 0.80, 0.88), 0.025)
                colour = self.backdrop_colour(0.45 - 0.25 * layer)(tone)
                self.canvas.fill([("polygon", *zip(xs, np.minimum(ys, base)), (1, base), (0, base))], colour)

    def floor(self):
        rng, horizon = self.rng, self.horizon
        far, near = (self.jitter(c, 0.02) * self.light for c in GROUNDS[self.ground])
        if self.ground == "sea":
            far = 0.6 * far + 0.4 * self.sky_low * (0.5 + 0.5 * self.light)

        def ramp(x, y):
            t = np.clip((y - horizon) / (1 - horizon), 0, 1)
            return tuple(f + t * (n - f) for f, n in zip(far, near))

        self.canvas.fill([_box(0, horizon, 1, 1)], ramp)
        if self.ground == "sea":
            if self.glint is not None:
                cx, radius, colour = self.glint
                y = horizon + 0.012
                while y < 0.98:
                    reach = radius * rng.uniform(0.5, 1.15) * (1 + 0.6 * (y - horizon))
                    self.canvas.fill([("ellipse", cx + rng.normal(0, 0.008), y, reach, 0.0055)], colour, 0.75)
                    y += 0.021
            for y in np.arange(horizon + 0.035, 1.0, 0.05):
                for _ in range(3):
                    cx, reach = rng.random(), rng.uniform(0.03, 0.08)
                    self.canvas.fill(
                        [("ellipse", cx, y + rng.uniform(-0.01, 0.01), reach, 0.0035)],
                        far * 0.6 + 0.4 * self.light,
                        0.6,
                    )
        elif self.ground == "meadow":
            for _ in range(26):
                x, y = rng.random(), rng.uniform(horizon + 0.04, 0.98)
                s = 0.012 + 0.03 * (y - horizon)
                blades = [
                    ("polygon", (x + d * s, y), (x + (d + 0.35) * s, y), (x + (d + 0.17) * s + d * s, y - 1.5 * s))
                    for d in (-0.6, -0.15, 0.3)
                ]
                self.canvas.fill(blades, near * 0.78)
        else:
            for y in np.arange(horizon + 0.04, 1.02, 0.075):
                phase, reach = rng.uniform(0, 6.3), 0.012
                xs = np.linspace(0, 1, 41)
                upper = y + reach * np.sin(9 * xs + phase)
                tone = (near if self.ground == "sand" else far) * (0.90 if self.ground == "sand" else 0.93)
                self.canvas.fill([("polygon", *zip(xs, upper), *zip(xs[::-1], upper[::-1] + 0.009))], tone)

    def pattern(self, texture, colour, unit, cx, cy, bend=None):
        """Colour function of a patterned surface: bands, squares or dots of one ``unit`` around a centre."""
        colour = np.asarray(colour, np.float32)
        other = self.light * (0.97 if colour.mean() < 0.62 * self.light.mean() else 0.30)
        if texture == "plain":
            return lambda x, y: tuple(colour)

        def paint(x, y):
            u, v = (x - cx) / unit, (y - cy) / unit
            if bend is not None:
                u, v = bend(u, v)
            if texture == "stripes":
                on = np.floor(u) % 2
            elif texture == "checks":
                on = (np.floor(u) + np.floor(v)) % 2
            else:
                on = (((u - np.floor(u)) - 0.5) ** 2 + ((v - np.floor(v)) - 0.5) ** 2) < 0.085
            return tuple(c + on * (o - c) for c, o in zip(colour, other))

        return paint

    def shadow(self, cx, base, reach):
        if self.ground == "sea":
            sand = np.array((0.90, 0.80, 0.56)) * self.light
            self.canvas.fill([("ellipse", cx, base + 0.008, reach * 1.35, 0.03)], sand)
        else:
            self.canvas.fill([("ellipse", cx, base, reach, 0.012 + 0.08 * reach)], (0.08, 0.10, 0.14), 0.28)

    def standing(self, phrase):
        """Paint jobs (distance from the viewer, job) of one phrase for things that stand on the ground."""
        v = self.values(phrase)
        scale = SIZES[v.get("size", "medium")] * self.rng.uniform(0.93, 1.07)
        cx = (self.column(v["x"]) if "x" in v else 0.5) + self.moved(phrase)[0]
        # larger things stand nearer, which keeps the scene in perspective
        base = self.horizon + 0.035 + 0.10 * scale * self.rng.uniform(0.8, 1.1)
        if phrase.kind in ("tree", "pine"):
            jobs = []
            spread = 0.075 * scale * (1 if phrase.kind == "tree" else 0.85)
            for i in range(v["count"]):
                x = cx + (i - (v["count"] - 1) / 2) * spread * 1.25 + self.rng.normal(0, 0.006)
                y = base + self.rng.uniform(-0.02, 0.02)
                s = scale * (0.9 if v["count"] > 1 else 1.1) * self.rng.uniform(0.85, 1.1)
                jobs.append((y, lambda x=x, y=y, s=s: getattr(self, phrase.kind)(x, y, s, v)))
            return jobs
        return [(base, lambda: getattr(self, phrase.kind)(cx, base, scale, v))]

    def tree(self, x, base, s, v):
        trunk = np.array((0.42, 0.28, 0.17)) * self.light
        leaf = self.paint(v["colour"])
        self.shadow(x, base, 0.05 * s)
        self.canvas.fill(
            [
                (
                    "polygon",
                    (x - 0.010 * s, base),
                    (x + 0.010 * s, base),
                    (x + 0.006 * s, base - 0.11 * s),
                    (x - 0.006 * s, base - 0.11 * s),
                )
            ],
            trunk,
        )
        top = base - 0.145 * s
        blobs = [(-0.034, 0.012, 0.036), (0.034, 0.012, 0.036), (0, -0.024, 0.045), (0, 0.014, 0.045)]
        self.canvas.fill([("ellipse", x + a * s, top + b * s, r * s, r * s) for a, b, r in blobs], leaf * 0.80)
        self.canvas.fill(
            [("ellipse", x + (a - 0.008) * s, top + (b - 0.010) * s, r * 0.74 * s, r * 0.74 * s) for a, b, r in blobs],
            leaf,
        )

    def pine(self, x, base, s, v):
        trunk = np.array((0.38, 0.25, 0.16)) * self.light
        leaf = self.paint(v["colour"]) * 0.85
        self.shadow(x, base, 0.045 * s)
        self.canvas.fill([_box(x - 0.008 * s, base - 0.04 * s, x + 0.008 * s, base)], trunk)
        for i, (bottom, top, half) in enumerate(((0.03, 0.115, 0.052), (0.08, 0.16, 0.042), (0.125, 0.205, 0.030))):
            y0, y1 = base - bottom * s, base - top * s
            self.canvas.fill([("polygon", (x, y1), (x + half * s, y0), (x - half * s, y0))], leaf * (0.82 + 0.09 * i))
            self.canvas.fill(
                [("polygon", (x, y1), (x + half * s, y0), (x + 0.25 * half * s, y0))], leaf * (0.66 + 0.09 * i)
            )

    def house(self, x, base, s, v):
        wall = self.paint(v["colour"])
        roof = self.paint(("red", "brown", "blue", "black")[self.rng.integers(4)]) * 0.85
        half, height, peak = 0.085 * s, 0.105 * s, 0.075 * s
        self.shadow(x, base, 0.11 * s)
        top = base - height
        self.canvas.fill([_box(x + 0.4 * half, top - 0.9 * peak, x + 0.62 * half, top)], roof * 0.75)
        self.canvas.fill([_box(x - half, top, x + half, base)], self.pattern(v["texture"], wall, half / 3, x, base))
        self.canvas.fill([("polygon", (x - 1.18 * half, top), (x + 1.18 * half, top), (x, top - peak))], roof)
        pane = (
            np.array((1.0, 0.86, 0.42)) if self.hour in ("night", "dusk") else np.array((0.55, 0.74, 0.88)) * self.light
        )
        frame = np.array((0.95, 0.95, 0.93)) * self.light
        for side in (-0.52, 0.52):
            wx, wy, w = x + side * half, base - 0.60 * height, 0.24 * half
            self.canvas.fill([_box(wx - 1.25 * w, wy - 1.25 * w, wx + 1.25 * w, wy + 1.25 * w)], frame)
            self.canvas.fill([_box(wx - w, wy - w, wx + w, wy + w)], pane)
        door = np.array((0.40, 0.24, 0.14)) * self.light
        self.canvas.fill([_box(x - 0.19 * half, base - 0.52 * height, x + 0.19 * half, base)], frame)
        self.canvas.fill([_box(x - 0.14 * half, base - 0.48 * height, x + 0.14 * half, base)], door)

    def ball(self, x, base, s, v):
        radius = 0.055 * s
        if self.ground == "sea":
            cy = base - 0.75 * radius
        else:
            self.shadow(x, base, radius * 1.0)
            cy = base - radius * 0.95 - 0.07 * abs(math.sin(2 * math.pi * self.time))
        self.sphere(x, cy, radius, radius, v, 2.2)
        if self.ground == "sea":
            self.ripple(x, base, radius)

    def sphere(self, cx, cy, rx, ry, v, units):
        """A round thing, its pattern bent around it and lit from the upper left."""
        colour = self.paint(v["colour"])

        def bend(u, w):
            # Lines crowd together towards the rim, as on a real ball.
            du, dw = np.clip(u / units, -0.999, 0.999), np.clip(w / units * rx / ry, -0.999, 0.999)
            across = du / np.sqrt(np.maximum(1 - dw * dw, 0.03))
            return np.arcsin(np.clip(across, -1, 1)) * 0.64 * units, np.arcsin(dw) * 0.64 * units * ry / rx

        base = self.pattern(v["texture"], colour, rx / units, cx, cy, bend)

        def shaded(x, y):
            u, w = (x - cx) / rx, (y - cy) / ry
            shade = np.clip(1.08 - 0.42 * ((u + 0.35) ** 2 + (w + 0.4) ** 2), 0.45, 1.08)
            return tuple(np.clip(c * shade, 0, 1) for c in base(x, y))

        self.canvas.fill([("ellipse", cx, cy, rx, ry)], shaded)

    def ripple(self, x, base, reach):
        water = np.array(GROUNDS["sea"][1]) * self.light
        self.canvas.fill([("ellipse", x, base + 0.012, reach * 1.25, 0.016)], water * 0.55 + 0.25 * self.light)

    def boat(self, x, base, s, v):
        hull = np.array((0.45, 0.27, 0.16)) * self.light
        half, deck = 0.085 * s, base - 0.035 * s
        if self.ground != "sea":
            self.shadow(x, base, half)
        mast = deck - 0.18 * s
        self.canvas.fill([_box(x - 0.004 * s, mast, x + 0.004 * s, deck)], hull * 0.7)
        sail = self.pattern(v["texture"], self.paint(v["colour"]), 0.024 * s, x, deck)
        self.canvas.fill(
            [("polygon", (x + 0.008 * s, mast), (x + 0.008 * s, deck - 0.02 * s), (x + 0.090 * s, deck - 0.02 * s))],
            sail,
        )
        self.canvas.fill(
            [
                (
                    "polygon",
                    (x - 0.008 * s, mast + 0.03 * s),
                    (x - 0.008 * s, deck - 0.02 * s),
                    (x - 0.060 * s, deck - 0.02 * s),
                )
            ],
            sail,
        )
        self.canvas.fill(
            [("polygon", (x - half, deck), (x + half, deck), (x + 0.65 * half, base), (x - 0.65 * half, base))], hull
        )
        if self.ground == "sea":
            self.canvas.fill(
                [("ellipse", x, base + 0.004, half * 0.95, 0.008)], self.sky_low * 0.5 + 0.5 * self.light, 0.7
            )

    def fence(self, x, base, s, v):
        wood = self.paint(v["colour"])
        top, base = 0.845 + 0.02 * self.rng.random(), 0.95 + 0.02 * self.rng.random()
        for y in (top + 0.025, base - 0.03):
            self.canvas.fill([_box(0, y, 1, y + 0.013)], wood * 0.82)
        start = self.rng.uniform(0, 0.0625)
        posts = [
            ("polygon", (p - 0.013, base), (p - 0.013, top), (p, top - 0.018), (p + 0.013, top), (p + 0.013, base))
            for p in start + np.arange(-1, 17) / 16
        ]
        self.canvas.fill(posts, wood)

    def cloud(self, phrase):
        v = self.values(phrase)
        cx = self.column(v["x"]) + self.moved(phrase)[0]
        for i in range(v["count"]):
            s = SIZES[v["size"]] * self.rng.uniform(0.75, 1.0)
            x = cx + (i - (v["count"] - 1) / 2) * 0.11 * s + self.rng.normal(0, 0.015)
            y = self.rng.uniform(0.09, 0.30)
            white = 0.25 * self.sky_low + 0.75 * np.minimum(np.array((1.0, 1.0, 1.0)) * (0.35 + 0.65 * self.light), 1)
            puffs = [(-0.055, 0.008, 0.028), (-0.018, -0.012, 0.038), (0.028, -0.004, 0.034), (0.060, 0.010, 0.024)]
            low = [("ellipse", x + a * s, y + b * s + 0.007, r * s, r * 0.9 * s) for a, b, r in puffs]
            self.canvas.fill(low, white * 0.86)
            self.canvas.fill([("ellipse", x + a * s, y + b * s, r * s, r * 0.86 * s) for a, b, r in puffs], white)

    def balloon(self, phrase):
        v = self.values(phrase)
        cx, s = self.column(v["x"]), SIZES[v["size"]] * self.rng.uniform(0.93, 1.07)
        cy = self.rng.uniform(0.17, 0.33)
        cx, cy = (a + b for a, b in zip((cx, cy), self.moved(phrase)))
        rx, ry = 0.064 * s, 0.076 * s
        basket = np.array((0.50, 0.33, 0.18)) * self.light
        low = cy + ry * 1.42
        for side in (-1, 1):
            a, b = cx + side * 0.55 * rx, cx + side * 0.20 * rx
            self.canvas.fill(
                [("polygon", (a, cy + 0.75 * ry), (a + 0.004, cy + 0.75 * ry), (b + 0.003, low), (b, low))],
                basket * 0.6,
            )
        self.canvas.fill([_box(cx - 0.24 * rx, low, cx + 0.24 * rx, low + 0.3 * rx)], basket)
        self.sphere(cx, cy, rx, ry, v, 2.5)

    def run(self, phrases):
        order = {"cloud": self.cloud, "balloon": self.balloon}
        self.sky()
        for phrase in phrases:
            if phrase.kind in ("sun", "moon"):
                self.celestial(phrase)
        for phrase in phrases:
            if phrase.kind == "backdrop":
                self.backdrop(phrase.variant)
        self.floor()
        for phrase in phrases:
            if phrase.kind in order:
                order[phrase.kind](phrase)
        jobs = [
            job
            for phrase in phrases
            if phrase.kind in ("house", "tree", "pine", "boat", "ball")
            for job in self.standing(phrase)
        ]
        for _, job in sorted(jobs, key=lambda job: job[0]):
            job()
        for phrase in phrases:
            if phrase.kind == "fence":
                self.standing(phrase)[0][1]()
        return self.canvas.pixels


def draw(phrases: tuple[Phrase, ...], seed: int, time: float = 0.0) -> np.ndarray:
    """The picture of some phrases, ``(SIZE, SIZE, 3)`` uint8 RGB; equal phrases and seeds give equal bytes.

    ``time`` is -0.5 to 0.5 through the clip of the scene, whose middle is the still picture.
    """
    return (np.clip(_Scene(phrases, seed, time).run(phrases), 0, 1) * 255 + 0.5).astype(np.uint8)


def draw_alone(phrase: Phrase, ground: str, seed: int) -> np.ndarray:
    """The picture of one thing by daylight before plain grey; ``ground`` says what it would stand on."""
    scene = _Scene((Phrase("ground", variant=ground),), seed)
    scene.canvas.pixels[:] = 0.5
    scene.sky_low = np.full(3, 0.5)
    if phrase.kind in ("sun", "moon"):
        scene.celestial(phrase)
    elif phrase.kind in ("cloud", "balloon"):
        getattr(scene, phrase.kind)(phrase)
    else:
        for _, job in scene.standing(phrase):
            job()
    return (np.clip(scene.canvas.pixels, 0, 1) * 255 + 0.5).astype(np.uint8)
