"""How far a picture agrees with its caption: does the named shape in the named colour stand at the named place.

    python tests/host/demo_model/agreement.py --host PATH_TO_COMFYUI --sheet sheet.png

Nothing here is learned. The renderer draws each thing twice, in two colours, and what differs is the thing's coloured
surface with its pattern: a template. A picture is split into maps, one for each colour word as the hour lights it. A
template is then moved over the map of a colour about a place, and the best overlap says how well "that shape in that
colour there" describes the picture. A word is obeyed when no other word of its kind describes the picture better.

* colour: against the nine other colours
* place: against the four other columns, but for those where another named thing stands
* shape: against the other things that have a colour and stand
* pattern: against the other patterns
* scenery: the nearest of the four skies and of the four grounds

A thing is *obeyed* when colour, place and shape are.
"""

import argparse
import dataclasses
import functools
import itertools
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))
import scenes  # noqa: E402
from scenes import CHOICES, COLUMNS, GROUNDS, LIGHT, PAINT, SKIES, Phrase, captions  # noqa: E402

GRID = 128  # cells of a side of the colour maps
MARGIN = 6  # cells around a template that must not have its colour
DRAWN = 4  # seeds that a template is drawn from
WANDER = 0.06  # how far from its column a thing may stand, as a share of the picture
FAR = 0.2  # distance in RGB at which a pixel has no colour word
SHADES = (1.05, 0.9, 0.75, 0.6)  # of a colour, on surfaces lit from one side
SHAPES = ("house", "tree", "pine", "boat", "ball", "balloon")
FIRST = 800_000_000  # scenes from here on are the held-out captions of the score


def _colours(light: str) -> dict[str, np.ndarray]:
    """Colour word -> ``(shades, 3)`` RGB values under the light of an hour."""
    import colorsys

    out = {}
    for name, (hue, saturation, value) in PAINT.items():
        rgb = np.array(colorsys.hsv_to_rgb(hue / 360, saturation, value)) * LIGHT[light]
        out[name] = np.stack([np.minimum(rgb * shade, 1) for shade in SHADES])
    return out


def colour_maps(picture: np.ndarray, light: str) -> dict[str, torch.Tensor]:
    """Colour word -> ``(GRID, GRID)`` share of each cell that has the colour, of a square RGB uint8 picture."""
    half = np.asarray(Image.fromarray(picture).resize((2 * GRID, 2 * GRID), Image.BOX))
    pixels = torch.from_numpy(half.astype(np.float32) / 255).flatten(0, 1)
    words = _colours(light)
    known = torch.from_numpy(np.concatenate(list(words.values()))).float()
    # |p - k|^2 without its |p|^2, which is the same for every colour
    distance = (known**2).sum(1) - 2 * pixels @ known.T
    closest, nearest = distance.min(1)
    nearest = torch.where(closest + (pixels**2).sum(1) < FAR**2, nearest // len(SHADES), -1)
    shares = (nearest == torch.arange(len(words))[:, None]).float().view(len(words), 1, 2 * GRID, 2 * GRID)
    return dict(zip(words, F.avg_pool2d(shares, 2)[:, 0]))


@functools.cache
def templates(phrase: Phrase) -> tuple[torch.Tensor, tuple[int, int]]:
    """Templates ``(DRAWN, h, w)`` of a thing without colour in the middle column, and the range of rows of their top.

    The renderer draws the same random numbers whatever the colour, so two pictures differ in the coloured surface.
    """
    ground = "sea" if phrase.kind == "boat" else "sand"
    surfaces = []
    for seed in range(DRAWN):
        drawn = []
        for colour in ("red", "yellow") if phrase.kind == "sun" else ("red", "blue"):
            thing = dataclasses.replace(phrase, colour=colour, x="middle")
            pixels = scenes.draw_alone(thing, ground, 7000 + seed)
            drawn.append(pixels.astype(np.float32) / 255)
        differs = torch.from_numpy((np.abs(drawn[0] - drawn[1]).max(-1) > 0.2).astype(np.float32))
        surfaces.append(F.avg_pool2d(differs[None, None], scenes.SIZE // GRID)[0, 0])
    boxes = []
    for surface in surfaces:
        rows, columns = (surface.amax(axis).nonzero().flatten() for axis in (1, 0))
        boxes.append([int(v) for v in (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1)])
    height = max(b - a for a, b, _, _ in boxes) + 2 * MARGIN
    width = max(b - a for _, _, a, b in boxes) + 2 * MARGIN
    out = torch.zeros(DRAWN, height, width)
    for place, surface, (top, bottom, left, right) in zip(out, surfaces, boxes):
        y, x = (height - (bottom - top)) // 2, (width - (right - left)) // 2
        place[y : y + bottom - top, x : x + right - left] = surface[top:bottom, left:right]
    tops = [(a + b - height) // 2 for a, b, _, _ in boxes]
    return out, (min(tops) - 2, max(tops) + 2)


def overlap(colour_map: torch.Tensor, phrase: Phrase) -> float:
    """Best Dice overlap, 0 to 1, of a thing's templates with a map of its colour about the thing's place."""
    stamp, (low, high) = templates(dataclasses.replace(phrase, colour=None, x=None))
    _, height, width = stamp.shape
    centre = COLUMNS[phrase.x] * GRID - width / 2
    left, right = round(centre - WANDER * GRID), round(centre + WANDER * GRID)
    pad = max(height, width)
    padded = F.pad(colour_map, (pad, pad, pad, pad))
    part = padded[pad + low : pad + high + height, pad + left : pad + right + width][None, None]
    if not part.any():
        return 0.0
    # What of a template lies beyond the picture's edge cannot be asked for.
    inside = F.pad(torch.ones_like(colour_map), (pad, pad, pad, pad))
    inside = inside[pad + low : pad + high + height, pad + left : pad + right + width][None, None]
    both = F.conv2d(part, stamp[:, None])
    own = F.conv2d(part**2, torch.ones(1, 1, height, width))
    asked = F.conv2d(inside, stamp[:, None] ** 2)
    return float((2 * both / (own + asked + 1e-6)).amax())


def sky_and_ground(picture: np.ndarray) -> tuple[str, str]:
    """The nearest sky and, in its light, the nearest ground."""
    rows = np.median(picture.astype(np.float32) / 255, axis=1)
    sky, ground = rows[: int(0.30 * len(rows))], rows[int(0.88 * len(rows)) :]
    t = (np.arange(len(sky)) / len(rows) / 0.61)[:, None] ** 1.2

    def ramp(name):
        top, low = (np.array(c) for c in SKIES[name])
        return top + t * (low - top)

    hour = min(SKIES, key=lambda name: float(((sky - ramp(name)) ** 2).mean()))
    near = {name: np.array(GROUNDS[name][1]) * LIGHT[hour] for name in GROUNDS}
    return hour, min(near, key=lambda name: float(((ground - near[name]) ** 2).mean()))


def judged(phrases: tuple[Phrase, ...]) -> list[Phrase]:
    """The things of a caption that can be judged: those with a colour and a place.

    Clouds, moons, fences and backdrops are left out: no word sets them apart from the scenery's own colours.
    """
    return [phrase for phrase in phrases if phrase.colour is not None and phrase.x is not None]


def visible(phrases: tuple[Phrase, ...], seed: int) -> set[Phrase]:
    """The things that the renderer's own pictures of a caption, of two other seeds, are seen to obey.

    What is white on snow or behind something larger says nothing about a model.
    """
    seen = set(judged(phrases))
    for other in (seed + 10**6, seed + 2 * 10**6):
        verdicts = judge(scenes.draw(phrases, other), phrases, seen)
        seen = {phrase for phrase in seen if any(v["obeyed"] for v in verdicts if v.get("phrase") == phrase)}
    return seen


def judge(picture: np.ndarray, phrases: tuple[Phrase, ...], seen: set[Phrase] | None = None) -> list[dict]:
    """What of each phrase a picture obeys: the scenery and every thing that can be judged, or those in ``seen``."""
    said = {phrase.kind: phrase.variant for phrase in phrases if phrase.variant is not None}
    hour, ground = sky_and_ground(picture)
    out = [
        {"kind": kind, "obeyed": got == said[kind]} for kind, got in (("sky", hour), ("ground", ground)) if kind in said
    ]
    maps = colour_maps(picture, said.get("sky", "day"))
    # The sun is not lit by the hour.
    unlit = colour_maps(picture, "day") if any(phrase.kind == "sun" for phrase in phrases) else maps
    for phrase in judged(phrases):
        if seen is not None and phrase not in seen:
            continue
        of = unlit if phrase.kind == "sun" else maps
        own = overlap(of[phrase.colour], phrase)

        def best(others, own=own):
            return own > max(others, default=0.0)

        colours = ("red", "orange", "yellow", "white") if phrase.kind == "sun" else PAINT
        taken = {other.x for other in phrases if other is not phrase and other.x is not None}
        verdict = {
            "kind": phrase.kind,
            "phrase": phrase,
            "overlap": own,
            "colour": best(overlap(of[name], phrase) for name in colours if name != phrase.colour),
            "place": best(
                overlap(of[phrase.colour], dataclasses.replace(phrase, x=x))
                for x in COLUMNS
                if x != phrase.x and x not in taken
            ),
        }
        if phrase.kind in SHAPES:
            kinds = [kind for kind in SHAPES if kind != phrase.kind]
            verdict["shape"] = best(
                overlap(of[phrase.colour], Phrase(kind, x=phrase.x, size=phrase.size, **_rest(kind, phrase)))
                for kind in kinds
            )
        if phrase.texture is not None:
            verdict["pattern"] = best(
                overlap(of[phrase.colour], dataclasses.replace(phrase, texture=name))
                for name in CHOICES["texture"]
                if name != phrase.texture
            )
        verdict["obeyed"] = all(verdict[name] for name in ("colour", "place", "shape") if name in verdict)
        out.append(verdict)
    return out


def _rest(kind: str, phrase: Phrase) -> dict:
    """The pattern and number of a phrase, as far as another thing takes them."""
    takes = captions.KINDS[kind]
    rest = {"texture": phrase.texture or "plain"} if "texture" in takes else {}
    return rest | ({"count": phrase.count or 1} if "count" in takes else {})


def summary(verdicts: list[list[dict]]) -> dict[str, float]:
    """Share obeyed of each kind of word and, under "things", of whole things, over the verdicts of several pictures.

    "overlap" is the mean overlap with the templates, which falls with ragged outlines and torn patterns too.
    """
    found: dict[str, list[float]] = {}
    for verdict in (verdict for picture in verdicts for verdict in picture):
        if verdict["kind"] in captions.SCENERY:
            found.setdefault("scenery", []).append(verdict["obeyed"])
            continue
        found.setdefault("things", []).append(verdict["obeyed"])
        found.setdefault("overlap", []).append(verdict["overlap"])
        for name in ("colour", "place", "shape", "pattern"):
            if name in verdict:
                found.setdefault(name, []).append(verdict[name])
    return {name: round(float(np.mean(values)), 3) for name, values in found.items()}


def held_out(count: int) -> list[tuple[int, tuple[Phrase, ...]]]:
    """Seeds and phrases of held-out captions with two things to judge or more."""
    many = ((seed, scenes.sample(seed)) for seed in itertools.count(FIRST))
    return list(itertools.islice(((seed, phrases) for seed, phrases in many if len(judged(phrases)) >= 2), count))


def compare(pictures: list[np.ndarray], held: list[tuple[int, tuple[Phrase, ...]]]) -> tuple[dict, list[list[dict]]]:
    """Shares obeyed of own captions and, as what chance gives, of the next picture's captions; and every verdict."""
    seen = [visible(phrases, seed) for seed, phrases in held]
    own = [judge(picture, phrases, see) for picture, (_, phrases), see in zip(pictures, held, seen)]
    turned = [*zip(held, seen)][1:] + [*zip(held, seen)][:1]
    crossed = [judge(picture, phrases, see) for picture, ((_, phrases), see) in zip(pictures, turned)]
    return {"captions": len(held), "own captions": summary(own), "other captions": summary(crossed)}, own


def words(phrases: tuple[Phrase, ...]) -> str:
    return ", ".join(phrase.words() for phrase in phrases)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", help="folder of a ComfyUI checkout; else the renderer's own pictures are judged")
    parser.add_argument("--weights", type=Path, default=HERE)
    parser.add_argument("--count", type=int, default=32, help="held-out captions")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--sheet", type=Path, help="write the pictures there, eight in a row")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pictures", type=Path, help="folder that keeps the pictures; those in it are not made again")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    captions_ = held_out(given.count)
    start = time.monotonic()
    if given.host:
        import sample

        host = sample.Host(given.host, given.weights)
        pictures = []
        for seed, phrases in captions_:
            file = given.pictures and given.pictures / f"{seed}.png"
            if file is None or not file.exists():
                pictures.append(host.picture(host.latent(words(phrases), seed, given.steps)))
                if file is not None:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(pictures[-1]).save(file)
            else:
                pictures.append(np.asarray(Image.open(file)))
    else:
        pictures = [scenes.draw(phrases, seed) for seed, phrases in captions_]
    drawn = time.monotonic() - start
    result, verdicts = compare(pictures, captions_)
    print(json.dumps(result), f"{drawn:.0f} s to draw, {time.monotonic() - start - drawn:.0f} s to judge", flush=True)
    if given.json:
        rows = [
            {"seed": seed, "caption": words(phrases), "verdict": [{**v, "phrase": None} for v in verdict]}
            for (seed, phrases), verdict in zip(captions_, verdicts)
        ]
        given.json.write_text(json.dumps({**result, "pictures": rows}, indent=1) + "\n")
    if given.sheet:
        import sample

        rows = [pictures[at : at + 8] for at in range(0, len(pictures), 8)]
        sample.sheet(rows, 160).save(given.sheet, optimize=True)


if __name__ == "__main__":
    main()
