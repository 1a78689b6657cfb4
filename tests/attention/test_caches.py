"""What a run keeps between steps: the heads that are written are those that are read, however many copies it takes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from host import tiny

tiny.require_host()

from ditfastattn.attention.replay.caches import HeadStore  # noqa: E402

pytestmark = pytest.mark.host


class Copies(TorchDispatchMode):
    """Counts copies into a tensor."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten.copy_.default
        return func(*args, **(kwargs or {}))


def store(heads):
    return HeadStore(heads, lambda shape, like: torch.full(tuple(shape), torch.nan))


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_heads_are_read_as_they_were_last_written(data):
    """Any heads are kept, any are written in any order and from any place, and nobody else's are touched."""
    kept = sorted(data.draw(st.sets(st.integers(0, 7), min_size=1)))
    cache, written = store(kept), {}
    for step in range(3):
        heads = data.draw(st.lists(st.integers(0, 7), unique=True))
        places = data.draw(st.none() | st.permutations(range(8)))
        values = torch.randn(2, 8, 3, 4)
        cache.write(heads, values, step, None if places is None else places[: len(heads)])
        for head, place in zip(heads, places or heads, strict=False):
            if head in kept:
                written[head] = step, values[:, place]
    like = torch.empty(2, 1)
    for head, (step, value) in written.items():
        assert torch.equal(cache.read([head])[:, 0], value)
        assert cache.fresh(head, step, like, 3) and not cache.fresh(head, step + 1, like, 3)
    assert not any(cache.fresh(head, 0, like, 3) for head in range(8) if head not in written)


@pytest.mark.parametrize(
    "kept, heads, copies", [(range(24), range(24), 1), (range(4, 9), range(24), 1), ((0, 1, 5), (0, 1, 5), 2)]
)
def test_heads_that_lie_side_by_side_are_copied_at_once(kept, heads, copies):
    cache, values = store(list(kept)), torch.randn(1, 24, 3, 4)
    cache.write(list(heads), values, 0)
    with Copies() as seen:
        cache.write(list(heads), values, 1)
    assert seen.count == copies
