"""One call of the host's attention function, in one shape whatever layout the family uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ...sentences import say

_NAMES = ("q", "k", "v", "heads", "mask", "attn_precision", "skip_reshape", "skip_output_reshape")


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
    def of_host(
        cls, function, args: tuple, kwargs: dict, masks_nothing: Callable[[torch.Tensor], bool] = lambda mask: False
    ) -> AttentionCall:
        """From the arguments of the host's attention function: (q, k, v, heads, mask, attn_precision, ...).

        masks_nothing: whether a mask changes nothing, such as that of a text without padding.
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
        if mask is not None and not masks_nothing(mask):
            obstacle = say("the model masks its attention")
        elif grouped:
            k, v = (_repeated(tensor, q.shape[1]) for tensor in (k, v))
        if obstacle is None and (q.shape != k.shape or k.shape != v.shape):
            obstacle = say("queries and keys differ in shape")

        def dense(q, k, v):
            return function(q, k, v, q.shape[1], skip_reshape=True, skip_output_reshape=True, **precision, **rest)

        # A name under which it is timed, see `kernels.head_wise`: the function is a new one at every call.
        dense.served_by = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"

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
