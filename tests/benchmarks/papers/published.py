"""Published figures of both papers, each with its place.

DiTFastAttn: arXiv 2406.08552v2; DiTFastAttnV2: arXiv 2503.22796. Plans: read cell by cell from the picture
assets/compression_plan_curr.png of github.com/thu-nics/DiTFastAttn (MIT): DiT-XL/2-512 at 20 steps.
"""

from __future__ import annotations

# Table 2: attention work kept by one method alone, at 1024, 4096 and 16384 tokens.
TABLE_2 = {
    "WA-RS": (0.77, 0.51, 0.33),
    "ASC": (0.50, 0.50, 0.50),
    "WA-RS + ASC": (0.38, 0.26, 0.16),
    "AST": (0.0, 0.0, 0.0),
}
# Table 1: attention work kept at D1 to D6, 50 steps of DPM-Solver.
TABLE_1 = {
    "DiT-XL/2-512": (0.85, 0.69, 0.59, 0.49, 0.41, 0.34),
    "PixArt-Sigma 1K": (0.90, 0.74, 0.63, 0.52, 0.44, 0.37),
    "PixArt-Sigma 2K": (0.81, 0.60, 0.46, 0.36, 0.29, 0.24),
}
V1_THRESHOLDS = (0.025, 0.05, 0.075, 0.1, 0.125, 0.15)
# Figures 8 and 9: where the axis of attention work ends in the uncompressed run, 10^12 multiply-adds of 50 steps.
FIGURES_8_9 = {"DiT-XL/2-512": 6.8, "PixArt-Sigma 1K": 108.0, "PixArt-Sigma 2K": 1732.0}
# Figure 10 and its text: work saved by Open-Sora 1.1 at 240p, 16 frames.
FIGURE_10 = {0.01: 0.0763, 0.02: 0.1950, 0.03: 0.3016, 0.04: 0.3766, 0.05: 0.4052}
# V2's table and figure of results: attention work saved, by threshold.
V2_SPARSITY = {
    "SD3 1K": {0.2: 0.41, 0.6: 0.63, 1.0: 0.69},
    "FLUX 1K": {0.2: 0.31, 0.6: 0.56, 1.0: 0.69},
    "FLUX 2K": {0.2: 0.43, 0.6: 0.50, 1.0: 0.68},
}
# The same figure: seconds of a picture of FLUX 2K, 50 steps, beside the uncompressed run's 120.3.
V2_FASTER = {0.2: 1.30, 0.6: 1.42, 1.0: 1.51}
# What the authors' code takes a window of 1/8, 1/16, 1/32 of the tokens to save: ((V - V / 2f) / (V + T))^2.
V2_WINDOWS = {
    "SD3 1K": (0.752, 0.803, 0.829),
    "FLUX 1K": (0.694, 0.742, 0.766),
    "FLUX 2K": (0.826, 0.882, 0.911),
}

# A line a step, a letter a layer: f full, d WA-RS, F ASC, D WA-RS + ASC, r AST.
PLANS = {
    "D2": """
        ffffffffffffffffffffffffffff
        ffffddddrrddrrrrrrrrrrrrrrrd
        fffffdfddddddddrDdrDDDdDdddd
        ffffffddfdfdddddDddDDddddddf
        fffffdffddffdddfddDddddddfdf
        fffffffdfffdfffddddddfdfdffd
        ffffffffffffddffdfdddffdffdd
        ffffffffffffffdffdffdfdfdfff
        fffffffffffffffddfddfffddfdf
        fffffffffffffdffdffddfdfffdd
        ffffffffffffdfffdddfdffddffd
        ffffffdffffffffdfdfddfdfffdf
        ffffffffdfffdfffdddffdfddfdd
        fffffdfffffffdfdffdddfdddffd
        ffffffdfdfffdfffdddfddffdfdf
        fffffffffdfffffdfdfdffddfddd
        ffffffdfffffdfffdfddddffdffd
        fffffffffffffdfffdffdfddfdff
        ffffffffffffdfffdfddfdffdfdd
        ffffffffffffffffffFffffffFff
    """.split(),
    "D4": """
        ffffffffffffffffffffffffffff
        fdfdDDDrrrrrrrrrrrrrrrrrrrrr
        fffFdDdDDrdDdrDrrrrrrrrrDdrd
        fffFFDfdDdddrDdrDDrDDrrDDDrd
        ffffDfdddrfddDrDrDDDrDDDdDDd
        ffffdddfdfdfDdddDDDdDrDdrfdd
        fffffdfdfdfddddfddDdrDDddddF
        ffffffdfdfffdffdddddDfdddfdd
        fffffffdfffdfdffddddddfdffdD
        fffffdffffffdfdddfdddfddddfF
        ffffffdfdffdffffddddddfddfdD
        fffdfdfffdffddfddddddfdddfdD
        fffFFfdfdffdffdfdddddddfdddD
        fffdfddffdffddfdddddddfddfdD
        fdfFfffddfdfdfdfdfdddfdddddd
        fffdfddffdfdfdfddddddddfdffD
        fffFFffdffdfdfdffddfddfddddF
        fffFFfdfddfdfdfdddfddfDdfddd
        fffFFffdffdfddffdddddddfddfd
        ffffffffdfffdfffdffdffFfdfFf
    """.split(),
    "D6": """
        ffffffffffffffffffffffffffff
        fddrDrrrrrrrrrrrrrrrrrrrrrrr
        fdfDDDDrrrrrrrrrrrrrrrrrrrrr
        fdfFDrDDDDDdrrDrrrrDrrrrDrrD
        fffDFDdddrddDDrDrrDDDrrDDDrD
        fdfFDFFFddrdrrdrDDDDrDrrDDDd
        fffddddddffdDDdDDDDrDrDDDFDd
        fdfffddffddfDddFddrDDrrDDddd
        fffddffddffdddfDddddrFdDdrdF
        fdfffddfdfdffdddddddddrddfdr
        fffdfffdfdffdfdfddddddfddddD
        fdfFFfdfdffdfdfdddddDdDdddFD
        ffdFddffdfffdddfddddDdDddddr
        fdfdfdddfdfdffddddddDfDddFdD
        fddFdfdfdfdfdddfddddDddddddr
        ffFFFdfdfdfddffdddddDdFfdDdd
        fddddddfdfdfdddfddddddDddDFF
        ffFFFFFfFFfFFFfFFFDFDFDDDFDD
        fdfDdDddddddDdddDDDDDDDDdDDD
        fffFfffFFFFFFFFFFFFFFdFFFFdf
    """.split(),
}
