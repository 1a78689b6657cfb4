"""One call of the host's attention function, in one shape whatever layout the family uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from ...kernels import Layout
from ...sentences import say
from .layouts import Hidden, SiteLayout, Spans

_MASKED = say("the model masks its attention")
_NAMES = ("q", "k", "v", "heads", "mask", "attn_precision", "skip_reshape", "skip_output_reshape")


@dataclass
class AttentionCall:
    """q, k, v as (B, H, L, D) views and the way back to the host.

    `host()` runs the host's attention on the untouched arguments. `dense(q, k, v)` runs it on some of the heads,
    (B, H', L, D) in and out, without a mask. `obstacle`: why this call cannot be compressed at all, or None. `hidden`:
    of each batch item the keys that a mask hides, empty where none are. `layout`: of the sequence, with what is hidden
    as any text; None where it does not fit the grid. `own_rows`: writes rows that a mask hides and gives keys of their
    own into (B, H, L, D), and returns how many pairs it joined; None where there are none.
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
    own_rows: Callable[[torch.Tensor], int] | None = None

    @classmethod
    def of_host(
        cls,
        function,
        args: tuple,
        kwargs: dict,
        layout: SiteLayout | None = None,
        hidden_keys: Callable[[torch.Tensor, int, int, int], Hidden | None] = lambda *mask: None,
    ) -> AttentionCall:
        """From the arguments of the host's attention function: (q, k, v, heads, mask, attn_precision, ...).

        layout: of its tokens. hidden_keys(mask, batch, tokens, row): see `layouts.hidden_keys`. What a mask hides must
        be padding in the layout, else the mask is an obstacle.
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
        hidden = Hidden(())
        if mask is not None:
            hidden = hidden_keys(mask, q.shape[0], q.shape[2], layout.local.start if layout else 0)
        if hidden is None or not _is_padding(layout, hidden):
            obstacle, hidden = _MASKED, Hidden(())
        elif grouped:
            k, v = (_repeated(tensor, q.shape[1]) for tensor in (k, v))
        ahead = layout.ahead if layout else 0
        if obstacle is None and ((*q.shape[:2], q.shape[2] + ahead, q.shape[3]) != k.shape or k.shape != v.shape):
            obstacle = say("queries and keys differ in shape")

        def dense(q, k, v, mask=None):
            masked = {} if mask is None else {"mask": mask}
            forms = {"skip_reshape": True, "skip_output_reshape": True}
            return function(q, k, v, q.shape[1], **masked, **forms, **precision, **rest)

        def own_rows(out) -> int:
            pairs = 0
            for item, spans in enumerate(hidden.spans):
                one = slice(item, item + 1)
                of_item = hidden.own_rows[one if len(hidden.own_rows) > 1 else slice(None)]
                for start, stop in spans:
                    rows = dense(q[one, :, start:stop], k[one], v[one], of_item[:, :, start:stop])
                    out[one, :, start:stop] = rows
                    pairs += (stop - start) * q.shape[1] * q.shape[2]
            return pairs

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
            hidden.spans if any(hidden.spans) else (),
            layout,
            None if hidden.own_rows is None else own_rows,
        )

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


def _is_padding(layout: SiteLayout | None, hidden: Hidden) -> bool:
    """Whether what is hidden can be padding of a layout."""
    if not any(hidden.spans):
        return True
    try:
        return layout is not None and all(replace(layout, padding=spans) for spans in set(hidden.spans))
    except ValueError:
        return False


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


def keys_of(args: tuple, kwargs: dict) -> int:
    """Tokens of the keys."""
    return tokens_of((args[1] if len(args) > 1 else kwargs["k"], *args[1:]), kwargs)[1]


def joins_itself(args: tuple, kwargs: dict) -> tuple[int, int, int] | None:
    """(heads, head size, tokens) of a call of the host's attention function in which a sequence attends to itself; None
    of one whose queries and keys differ in number.
    """
    given = {**dict(zip(_NAMES, args, strict=False)), **kwargs}
    q, k, heads = given["q"], given["k"], given["heads"]
    axis = 2 if given.get("skip_reshape") else 1
    if q.shape[0] != k.shape[0] or q.shape[axis] != k.shape[axis]:
        return None
    return heads, q.shape[3] if axis == 2 else q.shape[2:].numel() // heads, q.shape[axis]


def _groups(tensor: torch.Tensor, q: torch.Tensor) -> int:
    """Heads of keys or values (B, L, H*D) that groups of queries (B, H, L, D) share."""
    return tensor.shape[2:].numel() // q.shape[3]


def _repeated(tensor: torch.Tensor, heads: int) -> torch.Tensor:
    """Keys or values (B, H', L, D) once for each of `heads` query heads, of which neighbours share one."""
    return tensor.repeat_interleave(heads // tensor.shape[1], dim=1)
