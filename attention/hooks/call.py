"""One call of the host's attention function, in one shape whatever layout the family uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ...sentences import say


@dataclass
class AttentionCall:
    """q, k, v as (B, H, L, D) views and the way back to the host.

    `host()` runs the host's attention on the untouched arguments. `dense(q, k, v)` runs it on some of the heads,
    (B, H', L, D) in and out. `obstacle`: why this call cannot be compressed at all, or None.
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

    @classmethod
    def of_host(cls, function, args: tuple, kwargs: dict) -> AttentionCall:
        """From the arguments of the host's attention function: (q, k, v, heads, mask, attn_precision, ...)."""
        names = ("q", "k", "v", "heads", "mask", "attn_precision", "skip_reshape", "skip_output_reshape")
        given = {**dict(zip(names, args, strict=False)), **{name: kwargs[name] for name in names if name in kwargs}}
        rest = {name: value for name, value in kwargs.items() if name not in names}
        heads, split = given["heads"], given.get("skip_reshape", False)
        q, k, v = (_as_heads(given[name], heads, split) for name in ("q", "k", "v"))
        precision = {"attn_precision": given["attn_precision"]} if "attn_precision" in given else {}
        obstacle = None
        if given.get("mask") is not None:
            obstacle = say("the model masks its attention")
        elif kwargs.get("enable_gqa"):
            obstacle = say("keys and values have fewer heads than queries")
        elif q.shape != k.shape or k.shape != v.shape:
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
        )

    @classmethod
    def of_heads(cls, function, q, k, v, heads: int) -> AttentionCall:
        """From (B, H, L, D) tensors and a host attention function that no transformer_options reach."""

        def dense(q, k, v):
            return function(q, k, v, q.shape[1], skip_reshape=True, skip_output_reshape=True)

        return cls(q, k, v, lambda: function(q, k, v, heads, mask=None, skip_reshape=True), dense, None, False, {})

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
