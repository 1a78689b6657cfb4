"""The ways in which one head may be computed, and the table that says so for every head of a layer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from .geometry import Window


class Method(IntEnum):
    """How one head's output is obtained, in falling cost.

    FULL: softmax over all keys.
    WINDOW_RESIDUAL: a local window plus the cached `full - window` of the last refresh
        (DiTFastAttn's WA-RS, arXiv 2406.08552, section 3.1).
    WINDOW: a local window on image tokens, global rows and columns full
        (DiTFastAttnV2's arrow attention, arXiv 2503.22796).
    REUSE: the output of the last step that computed the head
        (AST for whole layers in the first paper, output caching for single heads in the second).
    """

    FULL = 0
    WINDOW = 1
    WINDOW_RESIDUAL = 2
    REUSE = 3


@dataclass(frozen=True)
class HeadTable:
    """What to do with each head of one attention call; the three tuples have one entry for each head.

    windows: used by WINDOW, WINDOW_RESIDUAL and refreshing heads, ignored for the others.
    refresh: a FULL head that refreshes also yields its residual `full - window`.
    Raises ValueError for unequal lengths, no heads, a missing window, or a refresh on a head that is not FULL.
    """

    methods: tuple[Method, ...]
    windows: tuple[Window | None, ...]
    refresh: tuple[bool, ...]

    def __post_init__(self):
        object.__setattr__(self, "methods", tuple(Method(m) for m in self.methods))
        object.__setattr__(self, "windows", tuple(self.windows))
        object.__setattr__(self, "refresh", tuple(bool(r) for r in self.refresh))
        if not self.methods or not len(self.methods) == len(self.windows) == len(self.refresh):
            raise ValueError(
                "A head table needs one method, window and refresh flag for each head, "
                f"not {len(self.methods)}, {len(self.windows)} and {len(self.refresh)}."
            )
        for head, (method, window, refresh) in enumerate(zip(self.methods, self.windows, self.refresh)):
            if refresh and method is not Method.FULL:
                raise ValueError(f"Head {head} refreshes a residual but is {method.name}, not FULL.")
            if window is None and (refresh or method in (Method.WINDOW, Method.WINDOW_RESIDUAL)):
                raise ValueError(f"Head {head} needs a window.")

    @classmethod
    def uniform(cls, heads: int, method: Method, window: Window | None = None, refresh: bool = False) -> HeadTable:
        """The same treatment for every head."""
        return cls((method,) * heads, (window,) * heads, (refresh,) * heads)

    def __len__(self) -> int:
        return len(self.methods)

    @property
    def all_full(self) -> bool:
        """Every head is FULL and none refreshes: the call is plain attention."""
        return all(m is Method.FULL for m in self.methods) and not any(self.refresh)

    @property
    def all_reuse(self) -> bool:
        """Every head is reused: neither queries nor keys are needed."""
        return all(m is Method.REUSE for m in self.methods)

    @property
    def full_heads(self) -> tuple[int, ...]:
        return self._where(Method.FULL)

    @property
    def residual_heads(self) -> tuple[int, ...]:
        """Heads that read a residual, in the order in which `residual` holds them."""
        return self._where(Method.WINDOW_RESIDUAL)

    @property
    def refresh_heads(self) -> tuple[int, ...]:
        """Heads that write a residual, in the order in which the outcome holds them."""
        return tuple(h for h, refresh in enumerate(self.refresh) if refresh)

    @property
    def reuse_heads(self) -> tuple[int, ...]:
        """Heads copied from the cache, in the order in which `cached` holds them."""
        return self._where(Method.REUSE)

    def window_groups(self) -> dict[Window, tuple[int, ...]]:
        """Heads whose output is a window's, by window."""
        local = (Method.WINDOW, Method.WINDOW_RESIDUAL)
        return self._by_window(h for h, m in enumerate(self.methods) if m in local)

    def refresh_groups(self) -> dict[Window, tuple[int, ...]]:
        """Heads whose window is computed beside the full output, by window."""
        return self._by_window(self.refresh_heads)

    def _where(self, method: Method) -> tuple[int, ...]:
        return tuple(h for h, m in enumerate(self.methods) if m is method)

    def _by_window(self, heads: Iterable[int]) -> dict[Window, tuple[int, ...]]:
        groups: dict[Window, tuple[int, ...]] = {}
        for head in heads:
            groups[self.windows[head]] = groups.get(self.windows[head], ()) + (head,)
        return groups
