"""What compilers make of the GPU kernels for cards that are not here: registers, spills, and the rate they allow.

    python dev.py bench compiled [--json FILE] [--gpus sm_89,sm_120] [--head-dims 64,128] [--all]

One row a path (bf16, INT8), GPU and head size: the binary of windows without pooled keys of the path's first
configuration, by the compiler of the installed Triton; with --all, spills are the most of every binary of the path,
with pooled keys, with residual updates, and of its other configurations. No GPU is needed, and none is measured:

    bound_tflops     the matrix unit alone: multiply-adds of a key block, padding included, at the card's rate
    expected_tflops  the same with the instructions of the loop over clean key blocks added, one a cycle and sub-core,
                     as if nothing ran beside anything else

both of useful work, 4 * head_dim FLOPs for each pair that a window of density about 0.25 joins on 128 x 128 tokens with
512 of text; pairs_ratio is what is computed for each of those. The second figure is within 4 % of what is published of
SageAttention's first version on an RTX 3090 and 4090, and a fifth below what is published of FlashAttention-2 there,
where some of both runs at a time (docs/kernels.md).
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "kernels")]

import conftest  # noqa: F401, E402  (the pack under its name)
import triton_compile  # noqa: E402

from ditfastattn.kernels import HeadTable, Layout, Window, flops  # noqa: E402
from ditfastattn.kernels.triton.configs import HEAD_DIMS, POINTER, Config, candidates, lanes, refreshes  # noqa: E402
from ditfastattn.kernels.triton.int8.configs import KEY_LANES, int8_candidates  # noqa: E402
from ditfastattn.kernels.triton.launch import kind_of  # noqa: E402
from ditfastattn.kernels.triton.worklist import computed_pairs  # noqa: E402

RESULT = TESTS / "benchmarks" / "results" / "compiled.json"
LAYOUT = Layout((128, 128), prefix=512)
WINDOW = Window((0.5, 0.44))  # 9 x 7 of 16 x 16 tiles, fewer at the edges
BF16, INT8 = "bf16", "int8"


@dataclass(frozen=True)
class Card:
    """A GPU that stands for its kind. multiprocessors, ghz: at boost. Multiply-adds a cycle of one sub-core, of which a
    multiprocessor has four: of 16 bits summed in float32 and in float16, and of INT8. From NVIDIA's architecture
    papers (Ampere GA100 and GA102, Ada, Hopper, Blackwell RTX)."""

    name: str
    multiprocessors: int
    ghz: float
    long_sums: int
    short_sums: int
    int8: int


CARDS = {
    "sm_80": Card("A100", 108, 1.41, 256, 256, 512),
    "sm_86": Card("RTX 3090", 82, 1.695, 64, 128, 256),
    "sm_89": Card("RTX 4090", 128, 2.52, 64, 128, 256),
    "sm_90": Card("H100 SXM", 132, 1.83, 512, 512, 1024),
    "sm_120": Card("RTX 5090", 170, 2.41, 64, 128, 256),
}


# TFLOP/s of SageAttention 2++ on an RTX 4090 at head size 128, as its authors draw them: what a user's dense attention
# may be today.
DENSE_INT8 = 489


def row_of(path: str, gpu: str, head_dim: int, everything: bool) -> dict:
    """One row. On Hopper the INT8 path is compiled and not served; the bf16 path is the pointer kernel there."""
    capability = int(gpu.removeprefix("sm_"))
    if path == INT8:
        config = int8_candidates(capability if capability != 90 else 80, head_dim)[0]
        kernel = triton_compile.in_int8(gpu, head_dim, config)
        others = triton_compile.int8_variants(capability if capability != 90 else 80, head_dim)
        make = triton_compile.in_int8
        key_lanes, value_lanes = sum(KEY_LANES[head_dim]), sum(lanes(head_dim, config.queries))
    else:
        config = next(one for one in candidates("cuda", capability, head_dim) if one.path == POINTER)
        kernel = triton_compile.compiled(gpu, head_dim, config)
        found = [one for one in candidates("cuda", capability, head_dim) if one.path == POINTER]
        others = [(one, refresh, pooled) for one in found for refresh in (False, True) for pooled in (False, True)]
        others = [one for one in others if not one[1] or refreshes(one[0], found[-1])]
        make = triton_compile.compiled
        key_lanes = value_lanes = sum(HEAD_DIMS[head_dim])
    binaries = [kernel]
    if everything:
        binaries += [make(gpu, head_dim, *one) for one in others if one != (config, False, False)]
    loop = triton_compile.inner_loop(kernel)
    card = CARDS[gpu]
    # Of one warp, which has one sub-core for itself as long as it runs.
    pairs = config.queries * config.keys / config.warps
    rates = (card.int8, card.short_sums) if path == INT8 else (card.long_sums, card.long_sums)
    matrix = pairs * (key_lanes / rates[0] + value_lanes / rates[1])
    ratio = pairs_ratio(config)
    useful = 4 * head_dim * pairs / ratio * 4 * card.multiprocessors * card.ghz / 1000
    return {
        "path": path,
        "gpu": card.name,
        "architecture": gpu,
        "head_dim": head_dim,
        "dtype": "bfloat16",
        "configuration": str(config),
        "registers": triton_compile.registers(kernel),
        "spill_bytes": max(triton_compile.spilled(one) for one in binaries),
        "binaries": len(binaries),
        "shared_bytes": kernel.metadata.shared,
        "loop_instructions": len(loop),
        "matrix_instructions": sum("MMA" in name for name in loop),
        "matrix_cycles": round(matrix),
        "pairs_ratio": round(ratio, 3),
        "bound_tflops": round(useful / matrix),
        "expected_tflops": round(useful / (matrix + len(loop))),
    }


def pairs_ratio(config: Config) -> float:
    """Pairs computed, of whole blocks, for each that the window joins."""
    computed = computed_pairs(kind_of(LAYOUT, config, torch.device("cpu")), WINDOW, None)
    return computed / (flops(LAYOUT, HeadTable.uniform(1, WINDOW), 1) / 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=RESULT)
    parser.add_argument("--gpus", default=",".join(CARDS))
    parser.add_argument("--head-dims", default="64,128")
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    import triton

    rows = []
    print("path  GPU         d registers spills  shared  loop bound expected")
    for gpu in options.gpus.split(","):
        for head_dim in map(int, options.head_dims.split(",")):
            for path in (BF16, INT8):
                row = row_of(path, gpu, head_dim, options.all)
                rows.append(row)
                print(
                    f"{path:5} {row['gpu']:9} {head_dim:3} {row['registers']:9} {row['spill_bytes']:6} "
                    f"{row['shared_bytes']:7} {row['loop_instructions']:5} {row['bound_tflops']:5} "
                    f"{row['expected_tflops']:8}",
                    flush=True,
                )
    joined = flops(LAYOUT, HeadTable.uniform(1, WINDOW), 1) / (4 * LAYOUT.length**2)
    found = {"triton": triton.__version__, "density": round(joined, 3), "tokens": LAYOUT.length, "rows": rows}
    for row in rows:
        if (row["path"], row["architecture"], row["head_dim"]) == (INT8, "sm_89", 128):
            # 24 heads: 12 full by the dense attention, 8 windows of density 0.14, 4 reused.
            mixed = 12 / DENSE_INT8 + 8 * 0.14 / row["expected_tflops"]
            found["mixed_layer_times_faster_than_dense_int8"] = round(24 / DENSE_INT8 / mixed, 2)
    options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
