"""PSNR and SSIM of the A/B against computations of others, in float64."""

import math

import numpy as np
import pytest
import torch

from host import tiny

tiny.require_host()

from ditfastattn.attention.comparison.quality import (  # noqa: E402
    IDENTICAL_DB,
    ROWS,
    amplification,
    psnr_db,
    ssim,
)

pytestmark = pytest.mark.host


def pictures(shape=(2, 150, 37, 3), noise=0.1):
    """Two batches: smooth structures, and the same with noise."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(shape[0], shape[3], 6, 5, generator=generator)
    dense = torch.nn.functional.interpolate(coarse, shape[1:3], mode="bilinear").movedim(1, -1)
    return (dense + noise * torch.randn(shape, generator=generator)).clamp(0, 1), dense


def gaussian_ssim(x, y):
    """Of two planes (H, W), place by place as the paper writes it."""
    places = np.arange(11) - 5
    window = np.exp(-(places[:, None] ** 2 + places[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    found = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a, b = x[top : top + 11, left : left + 11], y[top : top + 11, left : left + 11]
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            spread_a, spread_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
            shared = (window * (a - mean_a) * (b - mean_b)).sum()
            found.append(
                (2 * mean_a * mean_b + 1e-4)
                * (2 * shared + 9e-4)
                / ((mean_a**2 + mean_b**2 + 1e-4) * (spread_a + spread_b + 9e-4))
            )
    return np.mean(found)


def test_ssim_is_the_papers_formula():
    one, other = pictures((1, 25, 18, 3))
    planes = [(one[0, :, :, c].double().numpy(), other[0, :, :, c].double().numpy()) for c in range(3)]
    assert ssim(one, other) == pytest.approx(np.mean([gaussian_ssim(*plane) for plane in planes]), abs=1e-12)


def test_both_are_what_another_library_computes():
    metrics = pytest.importorskip("skimage.metrics")
    one, other = pictures()
    assert one.shape[1] > 2 * ROWS, "strips are put together"
    a, b = one.double().numpy(), other.double().numpy()
    wanted = [
        metrics.structural_similarity(
            *pair, data_range=1.0, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        for pair in zip(a, b, strict=True)
    ]
    assert ssim(one, other) == pytest.approx(np.mean(wanted), abs=1e-12)
    assert psnr_db(one, other) == pytest.approx(metrics.peak_signal_noise_ratio(b, a, data_range=1.0), abs=1e-9)


def test_equal_pictures_have_the_largest_figures_and_opposite_ones_the_smallest():
    one, _ = pictures()
    assert psnr_db(one, one.clone()) == IDENTICAL_DB and ssim(one, one.clone()) == pytest.approx(1.0, abs=1e-12)
    black, white = torch.zeros(1, 16, 16, 3), torch.ones(1, 16, 16, 3)
    assert psnr_db(white, black) == 0.0 and ssim(white, black) < 1e-3


@pytest.mark.parametrize("sides", [(1, 1), (3, 40), (10, 10), (11, 11)])
def test_pictures_smaller_than_the_window_have_figures_too(sides):
    one, other = pictures((1, *sides, 3))
    assert ssim(one, one.clone()) == pytest.approx(1.0, abs=1e-12) and -1 <= ssim(one, other) < 1


@pytest.mark.parametrize(("difference", "times"), [(1.0, 1), (0.3, 2), (0.06, 16), (0.001, 64), (0.0, 64)])
def test_the_difference_is_amplified_as_far_as_it_stays_visible(difference, times):
    dense = torch.zeros(1, 32, 32, 3)
    assert amplification(dense + difference, dense) == times
    assert times == 64 or difference * times <= 1 < difference * times * 2 or math.isclose(difference, 1)


def test_single_outliers_do_not_keep_the_difference_dark():
    dense = torch.zeros(1, 64, 64, 3)
    picture = dense + 0.01
    picture[0, 0, 0, 0] = 1.0
    assert amplification(picture, dense) == 64
