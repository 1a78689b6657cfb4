"""The classes of ImageNet, and the conditioning that names one."""

from __future__ import annotations

COUNT = 1000
LABEL = "class_label"  # of a conditioning: the number of a class, or None for no class


def _names() -> list[str]:
    """Short names from the library of models that the host installs; numbers alone where it has no such list."""
    try:
        from torchvision.models._meta import _IMAGENET_CATEGORIES as names
    except ImportError:
        names = []
    return list(names) if len(names) == COUNT else [""] * COUNT


def class_conditioning(label: int | None) -> list:
    """A conditioning of the host without text. label: number of a class; None for no class.

    The number travels as it is: as an embedding it would be rounded to the model's precision, 999 to 1000 in bfloat16.
    """
    return [[None, {LABEL: label}]]


# What the node lists: number and name.
CLASSES = tuple(f"{number} {name}".strip() for number, name in enumerate(_names()))
