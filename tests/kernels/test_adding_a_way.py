"""What it takes to add a way that needs no cache: this file is one, "every second key", in full and in one place.

`SecondKey` below would be a file in kernels/ways, and `WAYS` would name it; nothing else in kernels/ changes. It is
served by the tiled back end, counted by `flops`, sampled for calibration, and refused by Triton with a sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import layouts, qkv

from ditfastattn.kernels import (
    FULL,
    REUSE,
    WAYS,
    Approximation,
    HeadTable,
    Layout,
    Residual,
    Window,
    flops,
    full_attention,
    head_wise,
    reference,
    way_of,
    ways,
    why_not,
)
from ditfastattn.kernels.geometry import is_global
from ditfastattn.kernels.triton import why_not as triton

LAYOUT = Layout((13, 18), prefix=3, suffix=2)
LOCAL = Window((0.3, 0.3))

pytestmark = pytest.mark.usefixtures("one_thread")


# ---- The new file: kernels/ways/second_key.py ------------------------------------------------------------------------


@dataclass(frozen=True)
class SecondKey(Approximation):
    """Image queries see every second image key, in raster order from `first`, and all global tokens."""

    kind: ClassVar[str] = "second_key"
    name: ClassVar[str] = "every second key"
    letter: ClassVar[str] = "s"
    colour: ClassVar[tuple[int, int, int]] = (0, 158, 115)
    mark: ClassVar[tuple[int, int, int]] = (255, 255, 255)
    hatch: ClassVar[str] = "falling"

    first: int = 0

    def __post_init__(self):
        if self.first not in (0, 1):
            raise ValueError(f"Every second key begins with key 0 or 1, not {self.first}.")

    def parameters(self) -> dict[str, Any]:
        return {"first": self.first}

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any], axes: int) -> "SecondKey":
        if set(parameters) != {"first"} or type(parameters["first"]) is not int:
            raise ValueError(f"Every second key has a first one, not {dict(parameters)}.")
        return cls(parameters["first"])

    def image_pairs(self, layout: Layout) -> int:
        return layout.image * (len(range(self.first, layout.image, 2)) + layout.globals)

    def attend(self, q, k, v, layout, scale, out) -> None:
        end = layout.prefix + layout.image
        keys, values = (
            torch.cat((x[:, :, : layout.prefix], x[:, :, layout.prefix + self.first : end : 2], x[:, :, end:]), dim=2)
            for x in (k, v)
        )
        out.copy_(full_attention(q[:, :, layout.prefix : end], keys, values, scale))

    def row_mask(self, layout: Layout, rows: torch.Tensor) -> torch.Tensor:
        keys = torch.arange(layout.length, device=rows.device) - layout.prefix
        seen = (keys < 0) | (keys >= layout.image) | (keys % 2 == self.first)
        return seen | is_global(layout, rows)[:, None]

    def reference(self, q, k, v, layout, scale=None):
        return reference.attention(q, k, v, self.row_mask(layout, torch.arange(layout.length)), scale)


# ---- Its line in the list: kernels/ways/__init__.py ------------------------------------------------------------------


@pytest.fixture
def listed(monkeypatch):
    monkeypatch.setattr(ways, "WAYS", (*WAYS[:-1], SecondKey, WAYS[-1]))


# ---- Its tests -------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_the_new_way_matches_its_reference_in_every_role(data):
    layout = data.draw(layouts(largest=300).filter(lambda found: found.image > 1))
    way = SecondKey(data.draw(st.integers(0, 1)))
    q, k, v = qkv(2, 5, layout.length, 8, seed=data.draw(st.integers(0, 99)))
    window = Window((0.3,) * len(layout.grid))
    table = HeadTable((way, FULL, window, Residual(way), way), (None, way, None, None, None))
    residual = torch.randn(2, 1, layout.image, 8)
    scale = data.draw(st.sampled_from((None, 0.3)))
    outcome = head_wise(q, k, v, layout, table, residual=residual, scale=scale)
    double = [x.double() for x in (q, k, v)]
    wanted, fresh = reference.head_wise(*double, layout, table, residual=residual.double(), scale=scale)
    assert outcome.backend == "tiled"
    torch.testing.assert_close(outcome.out.double(), wanted, rtol=0, atol=1e-5)
    torch.testing.assert_close(outcome.residual.double(), fresh, rtol=0, atol=1e-5)

    rows = torch.arange(0, layout.length, 3)
    sampled = way.at_rows(q, k, v, layout, rows, scale)
    wanted = way.reference(*double, layout, scale)[:, :, rows]
    torch.testing.assert_close(sampled.double(), wanted, rtol=0, atol=1e-5)


@settings(deadline=None, max_examples=60)
@given(layouts(), st.integers(0, 1))
def test_its_flops_are_those_of_its_mask(layout, first):
    way = SecondKey(first)
    mask = way.row_mask(layout, torch.arange(layout.length))
    image = slice(layout.prefix, layout.prefix + layout.image)
    assert flops(layout, HeadTable.uniform(3, way), 64) == 3 * 4 * 64 * int(mask.sum())
    updating = flops(layout, HeadTable.uniform(1, FULL, refresh=way), 64)
    assert updating == 4 * 64 * (layout.length**2 + int(mask[image].sum()))
    assert flops(layout, HeadTable.uniform(1, Residual(way)), 64) == flops(layout, HeadTable.uniform(1, way), 64)


def test_a_plan_can_name_it(listed):
    assert way_of("second_key", SecondKey(1).parameters(), 2) == SecondKey(1)
    with pytest.raises(ValueError, match="first one"):
        way_of("second_key", {"first": True}, 2)
    with pytest.raises(ValueError, match="there is window, second_key"):
        way_of("third_key", {}, 2)


@pytest.mark.parametrize(
    "table",
    [
        HeadTable.uniform(2, SecondKey()),
        HeadTable((FULL, Residual(SecondKey())), (None, None)),
        HeadTable((FULL, REUSE), (SecondKey(), None)),
        HeadTable((LOCAL, SecondKey()), (None, None)),
    ],
    ids=("alone", "with a residual", "in an update", "beside a window"),
)
def test_triton_refuses_it_with_a_sentence(table):
    q = torch.zeros(1, 2, LAYOUT.length, 64, dtype=torch.float16)
    sentence = triton.about_call(q, q, q, LAYOUT, table)
    assert sentence == "The Triton kernel computes no head by 'every second key'."
    assert why_not(q, q, q, LAYOUT, table, cached=q[:, :1], residual=q[:, :1, : LAYOUT.image]) is None


def test_its_letter_is_its_own():
    assert SecondKey.letter not in {way.letter for way in WAYS} and SecondKey.kind not in {way.kind for way in WAYS}
