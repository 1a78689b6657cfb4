"""Sentences for people that can be said in another language: English text that knows what it was made of.

A `Sentence` is a string like any other, so that whoever logs, raises or shows it needs to know nothing of it. What goes
to the editor is its `payload`: there the template is looked up in the user's language, and the values are put in.
Templates stand as literals in calls of `say`, where a test finds all of them.
"""

from __future__ import annotations

import re

# What a user can do about a sentence with one click in the editor.
CALIBRATE_AGAIN, LEVEL_OFF = "calibrate again", "level off"

_PLACE = re.compile(r"\{(\w+)\}")


class Sentence(str):
    """An English text. key: its template, with values in {braces}. values: by name; strings, numbers or sentences.
    cure: what rids the user of the reason for it, one of the constants of this module, or "".
    """

    key: str
    values: dict
    cure: str

    def __new__(cls, text: str, key: str = "", values: dict | None = None, cure: str = ""):
        made = super().__new__(cls, text)
        made.key, made.values, made.cure = key, values or {}, cure
        return made

    def __str__(self) -> str:
        # An exception's text is found by str(): it shall not lose what the sentence was made of.
        return self

    def cured_by(self, cure: str) -> Sentence:
        """The same sentence with a cure."""
        return Sentence(self, self.key, self.values, cure)


def say(template: str, /, **values: str | int | float) -> Sentence:
    """The template, a literal, with each {name} in it replaced. Numbers with digits to choose come as text."""
    return Sentence(_PLACE.sub(lambda found: f"{values[found[1]]}", template), template, values)


def clause(sentence) -> str:
    """What an error or a sentence says, to stand inside another sentence: without its full stop."""
    text = str(sentence)
    if isinstance(text, Sentence):
        return Sentence(text.rstrip("."), text.key.rstrip("."), text.values, text.cure) if text.key else text
    return text.rstrip(".")


def together(*sentences: str) -> str:
    """Sentences one after another; those that are empty are left out."""
    told = [sentence for sentence in sentences if sentence]
    if not told:
        return ""
    result = told[0]
    for after in told[1:]:
        cure = getattr(result, "cure", "") or getattr(after, "cure", "")
        result = say("{first} {second}", first=result, second=after).cured_by(cure)
    return result


def payload(sentence: str) -> dict:
    """JSON-able: text, key (None where the text is not the pack's own), values, and cure where there is one."""
    if not isinstance(sentence, Sentence):
        return {"text": f"{sentence}", "key": None, "values": {}}
    values = {name: payload(value) if isinstance(value, Sentence) else value for name, value in sentence.values.items()}
    cure = {"cure": sentence.cure} if sentence.cure else {}
    return {"text": str.__str__(sentence), "key": sentence.key or None, "values": values, **cure}
