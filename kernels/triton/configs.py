"""Block sizes and warps for each kind of device, and how a head's size is cut into powers of two.

    block of queries (BM, D), block of keys (BN, D); `stages` key and value blocks in shared memory:
    (BM + 2 * stages * BN) * D * bytes of an element, at most

The choices come from cross-compiling (registers, spills, shared memory; tests/test_kernels_triton.py repeats it), not
from timing on a device: `python dev.py bench kernel --sweep` is there for that.
"""

from dataclasses import dataclass

# Compute capabilities of the GPUs on which `pytest -m gpu` and the benchmark have been run and passed. A fault of a
# kernel can take a whole process down, so users get the kernel only where it was proven; elsewhere the tiled path.
PROVEN: frozenset[tuple[int, int]] = frozenset()

# Head size: lanes of the two parts. The second is at least 16, the least that a matrix instruction sums over.
HEAD_DIMS = {64: (64, 0), 72: (64, 16), 80: (64, 16), 96: (64, 32), 128: (128, 0)}


@dataclass(frozen=True)
class Config:
    """queries, keys: tokens of a block. warps, stages: as Triton takes them."""

    queries: int
    keys: int
    warps: int
    stages: int


def config_for(backend: str, capability: int, head_dim: int) -> Config:
    """The blocks for a device: backend "cuda" with a capability such as 89, or "hip", whose capability is ignored."""
    # With 64 keys a block, registers spill at head size 128: 72 bytes of stack on sm_80, 16 registers on gfx942.
    if backend == "cuda" and 90 <= capability < 120:
        return Config(128, 64, 8, 3)
    # At head size 128 only the A100's compiler fits 128 queries into registers; the others of its kind spill 8 bytes.
    if backend == "cuda" and capability != 80 and head_dim > 96:
        return Config(64, 32, 4, 3)
    return Config(128, 32, 8, 2 if backend == "hip" else 3)
