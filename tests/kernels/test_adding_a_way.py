"""What it takes to add a way that needs no cache: one, "every second key", in full.

tests/second_key.py would be a file in kernels/ways, and `WAYS` would name it; nothing else in the product changes. It
is served by the tiled back end, counted by `flops`, sampled for calibration, and refused by Triton with a sentence. How
it is calibrated and followed in the host: tests/attention/test_calibration_new_way.py.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import layouts, qkv
from second_key import SecondKey

from ditfastattn.kernels import (
    FULL,
    REUSE,
    WAYS,
    HeadTable,
    Layout,
    Residual,
    Window,
    flops,
    head_wise,
    reference,
    way_of,
    ways,
    why_not,
)
from ditfastattn.kernels.triton import why_not as triton

LAYOUT = Layout((13, 18), prefix=3, suffix=2)
LOCAL = Window((0.3, 0.3))

pytestmark = pytest.mark.usefixtures("one_thread")


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
    with pytest.raises(ValueError, match="there is int8, band, window, second_key"):
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
    sentence = triton.about_table(LAYOUT, table)
    assert sentence == "The Triton kernel computes no head by 'every second key'."
    assert why_not(q, q, q, LAYOUT, table, cached=q[:, :1], residual=q[:, :1, : LAYOUT.image]) is None


def test_its_letter_is_its_own():
    assert SecondKey.letter not in {way.letter for way in WAYS} and SecondKey.kind not in {way.kind for way in WAYS}
