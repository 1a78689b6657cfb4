"""Caption text to conditioning numbers, without a text encoder.

A caption is a list of phrases between commas, in any order. Each phrase names one thing and may say more about it::

    dusk sky, sea, mountains, low red sun left, large white house right with dots, two green trees far left

Every phrase becomes one context token that states its attributes outright, so a small model can learn it in minutes.
What a phrase leaves unsaid is left to the model. The empty caption is the unconditional embedding.

Word lists are in ``KINDS`` (what may be named, and which attributes go with it) and ``WORDS`` (attribute words).
"""

import dataclasses
import difflib
import re

import torch

TOKENS = 16  # tokens of every caption unless more are asked for; unused ones are marked as padding
CONTEXT_DIM = 64  # width of one context token
POOLED_DIM = 32  # width of the pooled vector

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white", "brown", "black")
CHOICES = {
    "variant": ("day", "dawn", "dusk", "night", "meadow", "sea", "snow", "sand", "hills", "mountains"),
    "colour": COLOURS,
    "x": ("far left", "left", "middle", "right", "far right"),
    "y": ("high", "low"),
    "size": ("small", "medium", "large"),
    "texture": ("plain", "stripes", "checks", "dots"),
    "count": (1, 2, 3, 4, 5),
}

# thing -> attributes that go with it
KINDS = {
    "sky": ("variant",),
    "ground": ("variant",),
    "backdrop": ("variant",),
    "sun": ("colour", "x", "y", "size"),
    "moon": ("x", "y", "size"),
    "house": ("colour", "x", "size", "texture"),
    "tree": ("colour", "x", "size", "count"),
    "pine": ("colour", "x", "size", "count"),
    "cloud": ("x", "size", "count"),
    "boat": ("colour", "x", "size", "texture"),
    "ball": ("colour", "x", "size", "texture"),
    "balloon": ("colour", "x", "size", "texture"),
    "fence": ("colour",),
}
SCENERY = {
    "sky": ("day", "dawn", "dusk", "night"),
    "ground": ("meadow", "sea", "snow", "sand"),
    "backdrop": ("hills", "mountains"),
}
OBJECTS = ("house", "tree", "pine", "cloud", "boat", "ball", "balloon", "fence")

WORDS = {
    **{colour: ("colour", colour) for colour in COLOURS},
    **{side: ("x", side) for side in ("left", "middle", "right")},
    "centre": ("x", "middle"),
    "center": ("x", "middle"),
    "high": ("y", "high"),
    "upper": ("y", "high"),
    "low": ("y", "low"),
    "lower": ("y", "low"),
    "small": ("size", "small"),
    "medium": ("size", "medium"),
    "large": ("size", "large"),
    "big": ("size", "large"),
    "plain": ("texture", "plain"),
    **{word: ("texture", "stripes") for word in ("stripes", "striped")},
    **{word: ("texture", "checks") for word in ("checks", "checked")},
    **{word: ("texture", "dots") for word in ("dots", "dotted")},
    **{word: ("count", i + 1) for i, word in enumerate(("one", "two", "three", "four", "five"))},
    **{str(i): ("count", i) for i in range(1, 6)},
}
FILLERS = ("a", "an", "the", "with", "and", "on", "at", "in", "of", "is", "are")


class CaptionError(ValueError):
    """A caption that cannot be understood; the message is one sentence for the person who wrote it."""


@dataclasses.dataclass(frozen=True)
class Phrase:
    """One thing in the picture. ``None`` means: not said."""

    kind: str
    variant: str | None = None
    colour: str | None = None
    x: str | None = None
    y: str | None = None
    size: str | None = None
    texture: str | None = None
    count: int | None = None

    def words(self) -> str:
        """This phrase as caption text that parses back to the same phrase."""
        noun = self.kind if self.variant is None else self.variant
        if self.kind == "sky" and self.variant is not None:
            noun += " sky"
        if self.count is not None and self.count > 1:
            noun += "s"
        parts = [None if self.count is None else str(self.count), self.size, self.y, self.colour, noun, self.x]
        parts += [None if self.texture is None else f"with {self.texture}"]
        return " ".join(part for part in parts if part)


def _understood() -> str:
    scenery = ", ".join(word for words in SCENERY.values() for word in words)
    return (
        f"scenery ({scenery}), things (sun, moon, {', '.join(OBJECTS)}), colours ({', '.join(COLOURS)}), "
        "places (far left, left, middle, right, far right, high, low), sizes (small, medium, large), "
        "patterns (plain, stripes, checks, dots) and numbers one to five"
    )


def _noun(word: str) -> tuple[str, str | None] | None:
    """(kind, variant) of a noun in singular or plural, or None where it is no noun."""
    for kind, variants in SCENERY.items():
        for variant in variants:
            if word in (variant, variant + "s", variant.rstrip("s")):
                return kind, variant
    for kind in ("sky", "sun", "moon", *OBJECTS):
        if word in (kind, kind + "s"):
            return kind, None
    return None


def _parse_phrase(text: str) -> Phrase:
    found: dict = {}

    def put(name: str, value, word: str) -> None:
        if found.get(name, value) != value:
            raise CaptionError(
                f'"{text.strip()}" says "{found[name]}" and "{word}" of one thing: put a comma between two things.'
            )
        found[name] = value

    words = re.sub(r"\bfar\s+(left|right)\b", r"far_\1", text).split()
    for word in words:
        word = word.strip(".;:!?\"'()")
        if not word or word in FILLERS:
            continue
        if word in ("far_left", "far_right"):
            put("x", word.replace("_", " "), word.replace("_", " "))
        elif word in WORDS:
            put(*WORDS[word], word)
        elif (noun := _noun(word)) is not None:
            put("kind", noun[0], word)
            if noun[1] is not None:
                put("variant", noun[1], word)
        else:
            near = difflib.get_close_matches(word, [*WORDS, *KINDS, *CHOICES["variant"]], n=1)
            hint = f' (did you mean "{near[0]}"?)' if near else ""
            raise CaptionError(f'The demo caption does not know "{word}"{hint}; it understands {_understood()}.')
    if "kind" not in found:
        raise CaptionError(f'"{text.strip()}" names nothing to draw; the demo caption understands {_understood()}.')
    kind = found["kind"]
    for name in found:
        if name != "kind" and name not in KINDS[kind]:
            said = {"count": "number", "x": "place", "y": "place", "texture": "pattern", "variant": "nothing more"}
            goes = ", ".join(dict.fromkeys(said.get(takes, takes) for takes in KINDS[kind]))
            thing = found.get("variant", kind)
            raise CaptionError(f'"{found[name]}" does not go with "{thing}", which takes: {goes}.')
    return Phrase(**found)


def parse(caption: str) -> tuple[Phrase, ...]:
    """The phrases of a caption, in the order written; empty text gives no phrases.

    Raises :class:`CaptionError` with one sentence on the first thing that is not understood.
    """
    # A text box wraps lines where it likes, so a new line separates phrases only as a comma would.
    phrases = tuple(_parse_phrase(part) for part in re.split(r"[,\n]", caption.lower()) if part.strip(" .;\t\r"))
    if len(phrases) > TOKENS:
        raise CaptionError(f"The demo caption takes at most {TOKENS} phrases, and this one has {len(phrases)}.")
    for kind in (*SCENERY, "fence"):
        if sum(phrase.kind == kind for phrase in phrases) > 1:
            raise CaptionError(f'The demo caption takes one "{kind}" at most: it is drawn across the whole picture.')
    return phrases


def _layout() -> dict[str, int]:
    """First column of each one-hot group in a context token; column 0 marks padding."""
    columns, at = {"kind": 1}, 1 + len(KINDS)
    for name, values in CHOICES.items():
        columns[name] = at
        at += len(values)
    assert at <= CONTEXT_DIM
    return columns


_COLUMNS = _layout()


def embed(phrases: tuple[Phrase, ...], tokens: int = TOKENS) -> tuple[torch.Tensor, torch.Tensor]:
    """Context ``(tokens, CONTEXT_DIM)`` and pooled vector ``(POOLED_DIM,)`` of phrases, float32 from 0 to 1.

    A phrase is a sum of one-hot groups; an attribute not said leaves its group at zero. No phrases: the unconditional
    embedding, all padding tokens and a zero pooled vector.
    """
    if tokens < len(phrases):
        raise ValueError(f"{len(phrases)} phrases do not fit in {tokens} tokens")
    context = torch.zeros(tokens, CONTEXT_DIM)
    context[len(phrases) :, 0] = 1
    pooled = torch.zeros(POOLED_DIM)
    kinds = tuple(KINDS)
    for row, phrase in zip(context, phrases):
        row[_COLUMNS["kind"] + kinds.index(phrase.kind)] = 1
        for name, values in CHOICES.items():
            value = getattr(phrase, name)
            if value is not None:
                row[_COLUMNS[name] + values.index(value)] = 1
        if phrase.variant is not None:
            pooled[CHOICES["variant"].index(phrase.variant)] = 1
        pooled[10 + kinds.index(phrase.kind)] += (phrase.count or 1) / 5
    pooled[-1] = 1 if phrases else 0
    return context, pooled


def encode(caption: str, extra_tokens: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Context ``(1, TOKENS + extra_tokens, CONTEXT_DIM)`` and pooled vector ``(1, POOLED_DIM)`` of caption text."""
    context, pooled = embed(parse(caption), TOKENS + extra_tokens)
    return context[None], pooled[None]
