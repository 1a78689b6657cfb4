"""The papers' windows: bands of raster order around each token, see `kernels.Band`."""

from __future__ import annotations

from ....kernels import Band

# DiTFastAttn: an eighth of the tokens to either side in all published settings (128 of 1024, 512 of 4096, 2048 of
# 16384).
V1_BANDS = (Band(1 / 8),)
# DiTFastAttnV2: an eighth, a sixteenth and a thirty-second of the tokens, both sides together.
V2_BANDS = (Band(1 / 16), Band(1 / 32), Band(1 / 64))
# ... and of videos, beside bands of a reordered sequence.
V2_VIDEO_BANDS = V2_BANDS[:2]
