"""The benchmark's bands are the papers' to the token: in what they compute, in what is counted, and in plans."""

import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import layouts, qkv

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

from quality.band import V1_BANDS, V2_BANDS, Band, listed  # noqa: E402

from ditfastattn.kernels import (  # noqa: E402
    FULL,
    WAYS,
    HeadTable,
    Layout,
    Residual,
    approximations,
    dense_flops,
    exact,
    flops,
    head_wise,
    way_of,
)

pytestmark = pytest.mark.usefixtures("one_thread")
HALVES = (*(band.half for band in (*V1_BANDS, *V2_BANDS)), 0.3, 0.9)


def mask_of(layout, band):
    """Pair by pair, from the definition in the papers' code: a query's neighbours, and the rows and columns of text."""
    reach = int(band.half * layout.image)
    is_image = [layout.prefix <= token < layout.prefix + layout.image for token in range(layout.length)]
    return torch.tensor(
        [
            [not is_image[q] or not is_image[k] or abs(q - k) <= reach for k in range(layout.length)]
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


@pytest.mark.parametrize(
    ("grid", "v1", "v2"),
    [((32, 32), 128, (64, 32, 16)), ((64, 64), 512, (256, 128, 64)), ((128, 128), 2048, (1024, 512, 256))],
)
def test_half_widths_are_those_of_the_authors_code(grid, v1, v2):
    layout = Layout(grid)
    assert [band.reach(layout) for band in V1_BANDS] == [v1]
    assert tuple(band.reach(layout) for band in V2_BANDS) == v2


def test_the_work_is_what_the_papers_state():
    def kept(band, layout):
        return flops(layout, HeadTable.uniform(1, band), 64) / dense_flops(layout, 1, 64)

    assert kept(V1_BANDS[0], Layout((64, 64))) == pytest.approx(0.234, abs=1e-3)  # DiTFastAttn at 1024 x 1024
    stable_diffusion_3 = Layout((64, 64), suffix=333)
    assert [1 - kept(band, stable_diffusion_3) for band in V2_BANDS] == pytest.approx([0.752, 0.802, 0.829], abs=1e-3)


def test_a_plan_can_name_a_band_while_the_benchmark_says_so_and_calibration_scores_none():
    before = approximations(2)
    with listed():
        assert way_of("band", Band(1 / 64).parameters(), 2) == Band(1 / 64)
        assert approximations(2) == before
        with pytest.raises(ValueError, match="half width"):
            way_of("band", {"size": 0.5}, 2)
    with pytest.raises(ValueError, match="no way 'band'"):
        way_of("band", {"half": 0.125}, 2)
    assert Band.letter not in {way.letter for way in WAYS}


@pytest.mark.parametrize("half", [0, 1, 1.5])
def test_a_band_of_all_tokens_or_none_is_refused(half):
    with pytest.raises(ValueError, match="between 0 and 1"):
        Band(half)
