"""What was measured since the host started, so that a cancelled calibration goes on where it stopped and a new budget
needs no new sampling. Kept in memory alone, without tensors, and only a few hundred MiB of it."""

from __future__ import annotations

import hashlib
import weakref
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, fields, is_dataclass

import numpy as np
import torch

MOST_ENTRIES = 64
MOST_BYTES = 256 * 2**20

_PLAIN = (bool, int, float, complex, str, bytes, type(None))


@dataclass(frozen=True)
class Subject:
    """What a measurement is of, apart from the settings: text that names it, and the objects that it hangs on.

    text: of the model's patches and of everything plain in the inputs, tensors included. objects: weak references to
    the model and to inputs that only are what they are (a ControlNet): the subject is gone when one of them is.
    """

    text: str
    objects: tuple[weakref.ref, ...]


def subject_of(model_patcher, *inputs) -> Subject | None:
    """The subject of measuring a model with these inputs (conditionings, a LATENT); None if it cannot be named.

    A model is the same while the host hands over the same patcher with the same weight patches: nodes that change
    anything (LoRAs, shifts of the schedule, patches of attention) hand over a clone.
    """
    digest = hashlib.blake2b(digest_size=16)
    objects = [model_patcher, model_patcher.model]
    for entry in (str(getattr(model_patcher, "patches_uuid", "")), *inputs):
        _feed(digest, objects, entry)
    try:
        return Subject(digest.hexdigest(), tuple(weakref.ref(entry) for entry in objects))
    except TypeError:
        return None


def _feed(digest, objects: list, value) -> None:
    """Add a value to a digest, of whatever type; what has no text of its own goes to `objects`."""
    digest.update(type(value).__name__.encode())
    if isinstance(value, torch.Tensor) and not value.is_nested:
        digest.update(f"{tuple(value.shape)}{value.dtype}".encode())
        plain = value.detach().cpu().contiguous().reshape(-1)
        digest.update(plain.view(torch.uint8).numpy() if plain.numel() else b"")
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        digest.update(f"{value.shape}{value.dtype}".encode() + value.tobytes())
    elif isinstance(value, _PLAIN):
        digest.update(f"{value!r};".encode())
    elif isinstance(value, dict):
        digest.update(f"{len(value)}".encode())
        for key, entry in value.items():
            _feed(digest, objects, key)
            _feed(digest, objects, entry)
    elif isinstance(value, (list, tuple)):
        digest.update(f"{len(value)}".encode())
        for entry in value:
            _feed(digest, objects, entry)
    else:
        objects.append(value)


class Store:
    """Results by subject and key; the ones that were asked for longest ago make room for new ones."""

    def __init__(self, most_entries: int = MOST_ENTRIES, most_bytes: int = MOST_BYTES):
        self._most_entries, self._most_bytes = most_entries, most_bytes
        self._entries: OrderedDict[tuple, tuple[Subject, object, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, subject: Subject | None, key: Hashable):
        """What was stored for a subject under a key, or None."""
        self._forget_the_gone()
        entry = self._entries.get((subject.text, key)) if subject is not None else None
        if entry is None or not _same(entry[0].objects, subject.objects):
            return None
        self._entries.move_to_end((subject.text, key))
        return entry[1]

    def add(self, subject: Subject | None, key: Hashable, result) -> None:
        """Store a result (a dataclass of plain values and arrays), unless its subject cannot be named."""
        if subject is None:
            return
        self._forget_the_gone()
        self._entries.pop((subject.text, key), None)
        self._entries[subject.text, key] = (subject, result, _bytes(result))
        while len(self._entries) > self._most_entries or (
            len(self._entries) > 1 and sum(size for _, _, size in self._entries.values()) > self._most_bytes
        ):
            self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def _forget_the_gone(self) -> None:
        for key, (subject, _, _) in list(self._entries.items()):
            if any(entry() is None for entry in subject.objects):
                del self._entries[key]


def _same(ours: tuple[weakref.ref, ...], theirs: tuple[weakref.ref, ...]) -> bool:
    return len(ours) == len(theirs) and all(one() is other() for one, other in zip(ours, theirs, strict=True))


def _bytes(value) -> int:
    """Bytes of the arrays and texts in a result."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, str):
        return len(value)
    if isinstance(value, (list, tuple)):
        return sum(map(_bytes, value))
    if is_dataclass(value):
        return sum(_bytes(getattr(value, field.name)) for field in fields(value))
    return 0


STORE = Store()
