"""What a level is asked for: a largest error, or a budget of work."""

from __future__ import annotations

from dataclasses import dataclass

# Name and predicted relative error of the final latent, mild to strong. Chosen by hand; `python dev.py bench quality`
# says what each does to the demo model's pictures (PSNR, SSIM).
LEVELS: tuple[tuple[str, float], ...] = (
    ("D1", 0.03),
    ("D2", 0.06),
    ("D3", 0.10),
    ("D4", 0.15),
    ("D5", 0.22),
    ("D6", 0.30),
)

CUSTOM = "custom"  # the level of a user's own budget, beside D1 to D6


@dataclass(frozen=True)
class KeepAttention:
    """A level's goal: the least predicted error that keeps at most this fraction (0..1) of the attention FLOPs."""

    fraction: float


@dataclass(frozen=True)
class KeepWork:
    """A level's goal: the least predicted error that keeps at most this fraction (0..1) of the whole model's FLOPs."""

    fraction: float
