"""Bands are the papers' to the token: in what they compute, in what is counted, and in plans."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import TOLERANCE, layouts, qkv

from ditfastattn.kernels import (
    FULL,
    Band,
    HeadTable,
    Layout,
    Reference,
    Residual,
    approximations,
    dense_flops,
    exact,
    flops,
    head_wise,
    reference,
    way_of,
)
from ditfastattn.plans import WaySpec

pytestmark = pytest.mark.usefixtures("one_thread")
V1_HALF = 1 / 8  # of the tokens, to either side
V2_HALVES = (1 / 16, 1 / 32, 1 / 64)
HALVES = (V1_HALF, *V2_HALVES, 0.3, 0.9)


def mask_of(layout, band):
    """Pair by pair, from the definition in the papers' code: a query's neighbours, and the rows and columns of text."""
    reach = int(band.half * layout.image)
    padded = {token for start, stop in layout.padding for token in range(start, stop)}
    is_image = [layout.prefix <= token < layout.prefix + layout.image for token in range(layout.length)]
    return torch.tensor(
        [
            [
                k not in padded and (not is_image[q] or not is_image[k] or abs(q - k) <= reach)
                for k in range(layout.length)
            ]
            for q in range(layout.length)
        ]
    )


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_band_attends_as_its_mask_says_in_every_role(data):
    layout = data.draw(layouts(largest=400))
    band, other = (Band(data.draw(st.sampled_from(HALVES))) for _ in range(2))
    q, k, v = qkv(2, 4, layout.length, 8, seed=data.draw(st.integers(0, 99)))
    residual = torch.randn(2, 1, layout.image, 8)
    scale = data.draw(st.sampled_from((None, 0.3)))
    table = HeadTable((band, FULL, Residual(band), other), (None, band, None, None))
    outcome = head_wise(q, k, v, layout, table, residual=residual, scale=scale)

    def masked(head, way=None):
        mask = None if way is None else mask_of(layout, way)
        return exact.attention(*(x[:, head].double() for x in (q, k, v)), mask, scale)

    image = slice(layout.prefix, layout.prefix + layout.image)
    corrected = masked(2, band)
    corrected[:, image] += residual[:, 0].double()
    wanted = torch.stack((masked(0, band), masked(1), corrected, masked(3, other)), dim=1)
    torch.testing.assert_close(outcome.out.double(), wanted, rtol=0, atol=1e-5)
    update = (masked(1) - masked(1, band))[:, image]
    torch.testing.assert_close(outcome.residual[:, 0].double(), update, rtol=0, atol=1e-5)
    double = [x.double() for x in (q, k, v)]
    truth, fresh = reference.head_wise(*double, layout, table, residual=residual.double(), scale=scale)
    torch.testing.assert_close(truth, wanted, rtol=0, atol=1e-12)
    torch.testing.assert_close(fresh[:, 0], update, rtol=0, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(layouts(largest=400), st.sampled_from(HALVES))
def test_pairs_are_counted_to_the_token(layout, half):
    band, mask = Band(half), mask_of(layout, Band(half))
    image = slice(layout.prefix, layout.prefix + layout.image)
    assert band.pairs(layout) == int(mask.sum())
    assert band.image_pairs(layout) == int(mask[image].sum())
    rows = torch.arange(layout.length)
    assert torch.equal(band.row_mask(layout, rows), mask)
    assert band.is_full(layout) == bool(mask.all())


@settings(deadline=None, max_examples=40)
@given(layouts(largest=200), st.sampled_from(HALVES), st.integers(0, 5), st.integers(0, 5))
def test_padding_is_neither_seen_nor_counted(layout, half, before, after):
    length = layout.prefix + layout.image
    padding = ((max(layout.prefix - before, 0), layout.prefix), (length, min(length + after, layout.length)))
    padded = Layout(layout.grid, layout.prefix, layout.suffix, padding=tuple(one for one in padding if one[0] < one[1]))
    band, mask = Band(half), mask_of(padded, Band(half))
    assert torch.equal(band.row_mask(padded, torch.arange(padded.length)), mask)
    assert band.pairs(padded) == int(mask.sum())
    q, k, v = qkv(1, 1, padded.length, 8)
    found = head_wise(q, k, v, padded, HeadTable.uniform(1, band)).out
    wanted = exact.attention(q.double(), k.double(), v.double(), mask)
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=1e-5)


@settings(deadline=None, max_examples=20)
@given(layouts(largest=300), st.sampled_from(HALVES))
def test_sampled_rows_are_the_rows_of_the_output(layout, half):
    q, k, v = qkv(2, 2, layout.length, 8)
    rows = torch.arange(0, layout.length, 3)
    wanted = Band(half).reference(q.double(), k.double(), v.double(), layout)[:, :, rows]
    torch.testing.assert_close(Band(half).at_rows(q, k, v, layout, rows).double(), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_as_good_as_that_of_windows(dtype):
    layout = Layout((16, 18), prefix=5)
    q, k, v = qkv(1, 2, layout.length, 64, dtype)
    table = HeadTable.uniform(2, Band(1 / 16))
    wanted = Band(1 / 16).reference(q.double(), k.double(), v.double(), layout)
    found = head_wise(q, k, v, layout, table).out
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize(
    ("grid", "v1", "v2"),
    [((32, 32), 128, (64, 32, 16)), ((64, 64), 512, (256, 128, 64)), ((128, 128), 2048, (1024, 512, 256))],
)
def test_half_widths_are_those_of_the_authors_code(grid, v1, v2):
    layout = Layout(grid)
    assert Band(V1_HALF).reach(layout) == v1
    assert tuple(Band(half).reach(layout) for half in V2_HALVES) == v2


def test_the_work_is_what_the_papers_state():
    def kept(half, layout):
        return flops(layout, HeadTable.uniform(1, Band(half)), 64) / dense_flops(layout, 1, 64)

    assert kept(V1_HALF, Layout((64, 64))) == pytest.approx(0.234, abs=1e-3)  # DiTFastAttn at 1024 x 1024
    stable_diffusion_3 = Layout((64, 64), suffix=333)
    assert [1 - kept(half, stable_diffusion_3) for half in V2_HALVES] == pytest.approx([0.752, 0.802, 0.829], abs=1e-3)


def test_a_plan_names_a_band_and_calibration_scores_none():
    for half in (V1_HALF, *V2_HALVES):
        spec = WaySpec.of(Band.kind, **Band(half).parameters())
        assert way_of(spec.kind, dict(spec.parameters), 2) == way_of(spec.kind, dict(spec.parameters), 3) == Band(half)
    assert not any(isinstance(way, Band) for axes in (1, 2, 3) for way in approximations(axes))
    for wrong in ({"size": 0.5}, {"half": True}, {"half": (0.1, 0.1)}, {}):
        with pytest.raises(ValueError, match="half width"):
            way_of("band", wrong, 2)


def test_a_fraction_that_a_plan_rounds_keeps_its_tokens():
    for tokens in range(2, 3000, 7):
        half = 3 / tokens
        if half < 1:
            assert Band(half).reach(Layout((tokens,))) == min(3, tokens - 1)


@pytest.mark.parametrize("half", [0, 1, 1.5])
def test_a_band_of_all_tokens_or_none_is_refused(half):
    with pytest.raises(ValueError, match="between 0 and 1"):
        Band(half)


def test_a_band_knows_one_grid():
    layout = Layout((4, 4), suffix=16, references=(Reference((4, 4), 16),))
    assert "knows one grid" in Band(0.2).why_not(layout) and Band(0.2).why_not(Layout((4, 4), suffix=16)) is None
