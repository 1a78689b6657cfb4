"""How much one picture resembles another: PSNR and SSIM over a batch of pictures or frames, in float64."""

from __future__ import annotations

import math

import comfy.model_management
import torch

IDENTICAL_DB = 120.0  # PSNR of equal pictures, since JSON knows no infinity
# Wang et al., "Image quality assessment: from error visibility to structural similarity" (2004).
TAPS, SIGMA = 11, 1.5
K1, K2 = 0.01, 0.03
# Rows of a picture that are worked on at once: what is computed between stays in the processor's cache.
ROWS = 16


def psnr_db(picture: torch.Tensor, dense: torch.Tensor) -> float:
    """Peak signal-to-noise ratio in dB of pictures (N, H, W, C) with values in 0..1, over all of them; at most
    IDENTICAL_DB.
    """
    squares, count = 0.0, 0
    for one, other in zip(picture, dense, strict=True):
        squares += float((one.double() - other.double()).square().sum())
        count += one.numel()
    return min(IDENTICAL_DB, -10 * math.log10(squares / count)) if squares else IDENTICAL_DB


def ssim(picture: torch.Tensor, dense: torch.Tensor) -> float:
    """Mean structural similarity of pictures (N, H, W, C) with values in 0..1: over all places that a Gaussian window
    of TAPS x TAPS fits in, colour channels and pictures. 1 for equal ones. Windows are smaller in pictures of fewer
    rows or columns. Raises what the host raises when the user presses Cancel.
    """
    total = 0.0
    for one, other in zip(picture, dense, strict=True):
        comfy.model_management.throw_exception_if_processing_interrupted()
        total += _ssim(one, other)
    return total / len(picture)


def _ssim(one: torch.Tensor, other: torch.Tensor) -> float:
    rows, columns, channels = one.shape
    vertical, horizontal = _window(rows), _window(columns)
    high, wide = rows - len(vertical) + 1, columns - len(horizontal) + 1
    total = 0.0
    for start in range(0, high, ROWS):
        strip = slice(start, min(start + ROWS, high) + len(vertical) - 1)
        x, y = one[strip].double(), other[strip].double()
        mean_x, mean_y, square_x, square_y, product = (
            _filtered(values, vertical, horizontal) for values in (x, y, x * x, y * y, x * y)
        )
        spread = square_x - mean_x**2 + square_y - mean_y**2
        shared = product - mean_x * mean_y
        alike = (2 * mean_x * mean_y + K1**2) * (2 * shared + K2**2)
        total += float((alike / ((mean_x**2 + mean_y**2 + K1**2) * (spread + K2**2))).sum())
    return total / (high * wide * channels)


def _window(side: int) -> list[float]:
    """Weights of a Gaussian window for a side of so many pixels."""
    reach = min(TAPS, side if side % 2 else side - 1) // 2 if side > 1 else 0
    weights = [math.exp(-0.5 * (place / SIGMA) ** 2) for place in range(-reach, reach + 1)]
    return [weight / sum(weights) for weight in weights]


def _filtered(values: torch.Tensor, vertical: list[float], horizontal: list[float]) -> torch.Tensor:
    """Weighted means of (H, W, C) where the window fits: (H - taps + 1, W - taps + 1, C)."""
    for axis, weights in enumerate((vertical, horizontal)):
        length = values.shape[axis] - len(weights) + 1
        total = values.narrow(axis, 0, length) * weights[0]
        for place, weight in enumerate(weights[1:], 1):
            total.add_(values.narrow(axis, place, length), alpha=weight)
        values = total
    return values


def amplification(picture: torch.Tensor, dense: torch.Tensor, most: int = 64) -> int:
    """By how much the difference of pictures (N, H, W, C) is best shown: a power of two that leaves all but one in a
    thousand values below 1.
    """
    difference = (picture - dense).abs().flatten()
    difference = difference[:: max(1, difference.numel() // 2**20)].float()
    large = float(difference.kthvalue(max(1, math.ceil(0.999 * difference.numel()))).values)
    return most if large * most <= 1 else 2 ** math.floor(math.log2(1 / large)) if large < 1 else 1
