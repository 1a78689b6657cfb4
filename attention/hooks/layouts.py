"""Where the tokens of a site's sequence lie: those of the picture, of references, of text, and what is padding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from ...kernels import Layout, Reference
from ..families import ALL, IMAGE, JOINT, LAST, TEXT, Beside, Family, Site

Spans = tuple[tuple[int, int], ...]

# An additive mask hides a key by at most this: e to it is 0 in every dtype, whatever the logits of a model may be.
_HIDDEN = -1e4


@dataclass(frozen=True)
class SiteLayout(Layout):
    """The order of a site's tokens. text: how many of the global tokens go through the layers of the text."""

    text: int = 0

    @property
    def streams(self) -> dict[str, int]:
        """Tokens of each stream."""
        return {IMAGE: self.length - self.text, TEXT: self.text, ALL: self.length}


def site_layout(
    family: Family,
    site: Site,
    grid: tuple[int, ...],
    beside: tuple[Beside, Beside] | None,
    length: int,
    ahead: int = 0,
) -> SiteLayout | None:
    """How a sequence of `length` tokens is laid out at a site; None when it does not fit.

    beside: what stands before and after the grid, as `Family.beside` has it. ahead: keys beside those of the sequence.
    """
    plain = SiteLayout(grid, ahead=ahead)
    if length == plain.image:
        return plain
    if beside is None:
        return None
    before, after = ((side,) if isinstance(side, int) else tuple(side) for side in beside)
    text = length - plain.image - _tokens(before) - _tokens(after)
    if text < 0 or (text and site.scope != JOINT):
        return None
    at_front = 0 if family.text == LAST else text
    prefix = at_front + _tokens(before)
    references = (*_references(before, at_front), *_references(after, prefix + plain.image))
    return SiteLayout(grid, prefix, length - prefix - plain.image, references, text=text)


def _tokens(pieces: Iterable) -> int:
    return sum(piece if isinstance(piece, int) else piece.tokens for piece in pieces)


def _references(pieces: Iterable, start: int) -> Iterable[Reference]:
    for piece in pieces:
        if not isinstance(piece, int):
            yield Reference(piece.grid, start, piece.place)
        start += _tokens((piece,))


@dataclass(frozen=True)
class Hidden:
    """Keys that a mask hides from every query that is not itself hidden: a text's padding.

    spans: of each batch item. own_rows: the mask (batch or 1, heads or 1, queries, keys) where hidden queries have keys
    of their own, as segments of a sequence do; None where they attend what the others attend.
    """

    spans: tuple[Spans, ...]
    own_rows: torch.Tensor | None = None


def hidden_keys(mask: torch.Tensor, batch: int, length: int, row: int = 0) -> Hidden | None:
    """What a mask hides; None where it does more than that.

    mask: bool, True where a pair takes part, or what is added to the logits, as the host takes it: (queries, keys),
    (batch, queries, keys) or (batch, heads, queries, keys), each axis but the last perhaps 1. batch, length: of the
    queries, which are as many as the keys. row: a query that is none of padding.
    """
    if not 2 <= mask.dim() <= 4:
        return None
    mask = mask[(None,) * (3 - mask.dim())] if mask.dim() < 3 else mask
    mask = mask[:, None] if mask.dim() == 3 else mask
    if mask.shape[-1] != length or mask.shape[0] not in (1, batch) or mask.shape[2] not in (1, length):
        return None
    first = mask[:, :1, row : row + 1] if mask.shape[2] > 1 else mask[:, :1]
    of_keys = first[:, 0, 0].detach().cpu()
    hidden = ~of_keys if mask.dtype == torch.bool else of_keys <= _HIDDEN
    if mask.dtype != torch.bool and bool((of_keys[~hidden] != 0).any()):
        return None
    if bool(hidden.all(dim=-1).any()):
        return None
    own_rows = None
    if mask.shape[1:3].numel() > 1:
        alike = (mask == first).all(dim=-1).cpu()  # (batch or 1, heads or 1, queries or 1)
        if not bool((alike | hidden[:, None]).all()):
            return None
        own_rows = None if bool(alike.all()) else mask
    spans = tuple(_spans(row) for row in hidden)
    return Hidden(spans if len(spans) == batch else spans * batch, own_rows)


def _spans(hidden: torch.Tensor) -> Spans:
    """The stretches of a row (L,) that are True."""
    edges = torch.nn.functional.pad(hidden.to(torch.int8), (1, 1)).diff()
    return tuple(zip((edges == 1).nonzero()[:, 0].tolist(), (edges == -1).nonzero()[:, 0].tolist(), strict=True))
