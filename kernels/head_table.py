"""The table that says for every head of a layer in which way it is computed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from .ways import FULL, Approximation, Residual, Way


@dataclass(frozen=True)
class HeadTable:
    """What to do with each head of one attention call; both tuples have one entry for each head.

    refresh: the approximation whose residual `full - approximation` a FULL head also yields (a residual update), or
    None. Raises ValueError for unequal lengths, no heads, what is no way, or a residual update of a head that is not
    FULL.
    """

    ways: tuple[Way, ...]
    refresh: tuple[Approximation | None, ...]

    def __post_init__(self):
        object.__setattr__(self, "ways", tuple(self.ways))
        object.__setattr__(self, "refresh", tuple(self.refresh))
        if not self.ways or len(self.ways) != len(self.refresh):
            raise ValueError(
                "A head table needs one way and one entry for the residual update for each head, "
                f"not {len(self.ways)} and {len(self.refresh)}."
            )
        for head, (way, approximation) in enumerate(zip(self.ways, self.refresh)):
            if not isinstance(way, Way):
                raise ValueError(f"Head {head} has no way but {way!r}.")
            if approximation is None:
                continue
            if not isinstance(approximation, Approximation):
                raise ValueError(f"Head {head} needs an approximation to update its residual, not {approximation!r}.")
            if way != FULL:
                raise ValueError(f"Head {head} updates a residual but is computed by {way.name}, not in full.")

    @classmethod
    def uniform(cls, heads: int, way: Way, refresh: Approximation | None = None) -> HeadTable:
        """The same for every head."""
        return cls((way,) * heads, (refresh,) * heads)

    def __len__(self) -> int:
        return len(self.ways)

    def __hash__(self) -> int:
        return self._hash

    # What follows is asked at every attention call of a run, whose tables stay the same: each is found once.

    @cached_property
    def _hash(self) -> int:
        return hash((self.ways, self.refresh))

    @cached_property
    def all_full(self) -> bool:
        """Every head is FULL and no residual is updated: the call is ordinary attention."""
        return len(self.full_heads) == len(self) and not self.refresh_heads

    @cached_property
    def all_reuse(self) -> bool:
        """Every head is reused: neither queries nor keys are needed."""
        return len(self.reuse_heads) == len(self)

    @cached_property
    def full_heads(self) -> tuple[int, ...]:
        """Heads in full attention."""
        return tuple(h for h, way in enumerate(self.ways) if way == FULL)

    @cached_property
    def residual_heads(self) -> tuple[int, ...]:
        """Heads that read a residual, in the order in which `residual` holds them."""
        return tuple(h for h, way in enumerate(self.ways) if way.reads == "residual")

    @cached_property
    def refresh_heads(self) -> tuple[int, ...]:
        """Heads that write a residual, in the order in which the outcome holds them."""
        return tuple(h for h, approximation in enumerate(self.refresh) if approximation is not None)

    @cached_property
    def reuse_heads(self) -> tuple[int, ...]:
        """Heads copied from the cache, in the order in which `cached` holds them."""
        return tuple(h for h, way in enumerate(self.ways) if way.reads == "output")

    def approximation_groups(self) -> dict[Approximation, tuple[int, ...]]:
        """Heads whose output is an approximation's, with a residual or without, by approximation."""
        return self._approximation_groups

    def refresh_groups(self) -> dict[Approximation, tuple[int, ...]]:
        """Heads whose approximation is computed beside the full output, by approximation."""
        return self._refresh_groups

    @cached_property
    def _approximation_groups(self) -> dict[Approximation, tuple[int, ...]]:
        found = (way.way if isinstance(way, Residual) else way for way in self.ways)
        return _grouped((h, way) for h, way in enumerate(found) if isinstance(way, Approximation))

    @cached_property
    def _refresh_groups(self) -> dict[Approximation, tuple[int, ...]]:
        return _grouped((h, way) for h, way in enumerate(self.refresh) if way is not None)


def _grouped(heads: Iterable[tuple[int, Approximation]]) -> dict[Approximation, tuple[int, ...]]:
    groups: dict[Approximation, tuple[int, ...]] = {}
    for head, way in heads:
        groups[way] = groups.get(way, ()) + (head,)
    return groups
