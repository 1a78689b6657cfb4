"""Chroma and Chroma Radiance: Flux's own blocks, with the modulation from a small network beside them.

Radiance works on pixels: its patches are the model's `patch_size`, 16, and its convolution makes the image tokens.
"""

from .base import Family, patches
from .flux import flux_blocks

CHROMA = Family("chroma", "Chroma", ("Chroma",), sites=flux_blocks, grid=patches("patch_size"))
