"""One call of the host's attention function, in one shape whatever layout the family uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from ...kernels import Layout
from ...sentences import say
from .layouts import SiteLayout, Spans

_MASKED = say("the model masks its attention")
_NAMES = ("q", "k", "v", "heads", "mask", "attn_precision", "skip_reshape", "skip_output_reshape")


@dataclass
class AttentionCall:
    """q, k, v as (B, H, L, D) views and the way back to the host.

    `host()` runs the host's attention on the untouched arguments. `dense(q, k, v)` runs it on some of the heads,
    (B, H', L, D) in and out, without a mask. `obstacle`: why this call cannot be compressed at all, or None. `hidden`:
    of each batch item the keys that a mask hides, empty where none are. `layout`: of the sequence, without what is
    hidden; None where it does not fit the grid. See `lay_out`.
    """

    q: torch.Tensor
    k: torch.Tensor
    v: torch.Tensor
    host: Callable[[], torch.Tensor]
    dense: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
    scale: float | None
    heads_out: bool
    options: dict
    obstacle: str | None = None
    hidden: tuple[Spans, ...] = ()
    layout: SiteLayout | None = None

    @classmethod
    def of_host(
        cls,
        function,
        args: tuple,
        kwargs: dict,
        hidden_keys: Callable[[torch.Tensor, int, int], tuple[Spans, ...] | None] = lambda *mask: None,
    ) -> AttentionCall:
        """From the arguments of the host's attention function: (q, k, v, heads, mask, attn_precision, ...).

        hidden_keys(mask, batch, tokens): see `layouts.hidden_keys`.
        """
        given = {**dict(zip(_NAMES, args, strict=False)), **{name: kwargs[name] for name in _NAMES if name in kwargs}}
        rest = {name: value for name, value in kwargs.items() if name not in _NAMES}
        heads, split = given["heads"], given.get("skip_reshape", False)
        q = _as_heads(given["q"], heads, split)
        grouped = rest.pop("enable_gqa", False)
        k, v = (_as_heads(given[name], _groups(given[name], q) if grouped else heads, split) for name in ("k", "v"))
        precision = {"attn_precision": given["attn_precision"]} if "attn_precision" in given else {}
        obstacle = None
        mask = given.get("mask")
        hidden = () if mask is None else hidden_keys(mask, q.shape[0], q.shape[2])
        if hidden is None:
            obstacle = _MASKED
        elif grouped:
            k, v = (_repeated(tensor, q.shape[1]) for tensor in (k, v))
        if obstacle is None and (q.shape != k.shape or k.shape != v.shape):
            obstacle = say("queries and keys differ in shape")

        def dense(q, k, v):
            return function(q, k, v, q.shape[1], skip_reshape=True, skip_output_reshape=True, **precision, **rest)

        return cls(
            q,
            k,
            v,
            lambda: function(*args, **kwargs),
            dense,
            kwargs.get("scale"),
            bool(given.get("skip_output_reshape", False)),
            kwargs.get("transformer_options") or {},
            obstacle,
            hidden if hidden and any(hidden) else (),
        )

    def lay_out(self, layout: SiteLayout | None) -> None:
        """Say where the tokens of the call lie. What a mask hides must be padding there, else it is an obstacle."""
        self.layout = layout
        try:
            if self.hidden and self.obstacle is None:
                for spans in set(self.hidden):
                    replace(layout, padding=spans)
        except (TypeError, ValueError):
            self.obstacle = _MASKED

    def parts(self, items: slice) -> list[tuple[slice, Layout]]:
        """Neighbouring batch items with one and the same padding, and how their tokens are laid out, `items` in all.

        Tokens that do not fit the grid are attended by full or reused heads only, to which the grid does not matter.
        """
        layout = self.layout or Layout((self.q.shape[2],))
        if not self.hidden:
            return [(items, layout)]
        found: list[tuple[slice, Layout]] = []
        for item in range(items.start, items.stop):
            own = replace(layout, padding=self.hidden[item])
            if found and found[-1][1] == own:
                found[-1] = (slice(found[-1][0].start, item + 1), own)
            else:
                found.append((slice(item, item + 1), own))
        return found

    def buffer(self) -> tuple[torch.Tensor, torch.Tensor]:
        """A new output in the host's format, and the same memory as a (B, H, L, D) view to write into."""
        batch, heads, length, width = self.q.shape
        if self.heads_out:
            out = self.q.new_empty(self.q.shape)
            return out, out
        out = self.q.new_empty(batch, length, heads * width)
        return out, out.view(batch, length, heads, width).transpose(1, 2)

    def as_heads(self, output: torch.Tensor) -> torch.Tensor:
        """A host output as a (B, H, L, D) view."""
        return _as_heads(output, self.q.shape[1], self.heads_out)

    def blank(self) -> torch.Tensor:
        """Zeros in the output's shape that take no memory, for a site whose output nobody reads."""
        batch, heads, length, width = self.q.shape
        shape = self.q.shape if self.heads_out else (batch, length, heads * width)
        return self.q.new_zeros(1).expand(shape)


def _as_heads(tensor: torch.Tensor, heads: int, split: bool) -> torch.Tensor:
    if split:
        return tensor
    # The host hands over (B, L, H*D), and in places (B, L, H, D).
    return tensor.reshape(*tensor.shape[:2], heads, -1).transpose(1, 2)


def tokens_of(args: tuple, kwargs: dict) -> tuple[int, int]:
    """(batch, tokens) of the queries in the arguments of the host's attention function."""
    q = args[0] if args else kwargs["q"]
    split = args[6] if len(args) > 6 else kwargs.get("skip_reshape", False)
    return q.shape[0], q.shape[2 if split else 1]  # (B, H, L, D), or (B, L, H*D)


def _groups(tensor: torch.Tensor, q: torch.Tensor) -> int:
    """Heads of keys or values (B, L, H*D) that groups of queries (B, H, L, D) share."""
    return tensor.shape[2:].numel() // q.shape[3]


def _repeated(tensor: torch.Tensor, heads: int) -> torch.Tensor:
    """Keys or values (B, H', L, D) once for each of `heads` query heads, of which neighbours share one."""
    return tensor.repeat_interleave(heads // tensor.shape[1], dim=1)
