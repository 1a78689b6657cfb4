"""Block sizes and warps for each kind of device, and how a head's size is cut into powers of two.

    block of queries (BM, D), block of keys (BN, D); `stages` key and value blocks in shared memory:
    (BM + 2 * stages * BN) * D * bytes of an element, at most

The lists come from cross-compiling (registers, spills, shared memory; tests/kernels/test_triton_compiled.py repeats
it), not from timing on a device. Their first entry is the best guess; `trial` times them on the user's own GPU, and
`python dev.py bench kernel --sweep` times more.
"""

import os
from dataclasses import dataclass

POINTER, PINGPONG, INT8 = "pointer", "ping_pong", "int8"
# What the back ends are called by their path.
NAMES = {INT8: "triton_int8", PINGPONG: "triton_hopper", POINTER: "triton_pointer"}
# For a GPU whose driver dies in the trial, which no program can catch, set before ComfyUI starts: 0 switches the
# kernels off, and names of paths with commas between switch off the others but the pointer path.
SWITCH = "DITFASTATTN_FUSED"
# Head size: lanes of the two parts. The second is at least 16, the least that a matrix instruction sums over.
HEAD_DIMS = {64: (64, 0), 72: (64, 16), 80: (64, 16), 96: (64, 32), 128: (128, 0)}


def lanes(head_dim: int, queries: int) -> tuple[int, int]:
    """The two parts of a head's size for a block of so many queries. Of fewer queries than lanes, Triton would give
    each warp some of the lanes of all rows in the second product, and the softmax would go through shared memory: 128
    lanes against 64 queries are cut in two, which takes 790 instructions a key block down to 552 on the A100."""
    whole = HEAD_DIMS[head_dim]
    return whole if whole[0] <= queries else (whole[0] // 2, whole[0] // 2)


@dataclass(frozen=True)
class Config:
    """queries, keys: tokens of a block. warps, stages: as Triton takes them. path: which kernel, POINTER (pointer.py,
    every GPU and every call), PINGPONG (hopper/, Hopper GPUs) or INT8 (int8/). wide: but on Hopper's path, whether
    offsets inside one head may leave 32 bits."""

    queries: int
    keys: int
    warps: int
    stages: int
    path: str = POINTER
    wide: bool = False

    @property
    def pooled_stages(self) -> int:
        """Stages of the pointer path's loop over pooled keys. With 128 queries of 4 warps fewer than three spill 8
        bytes, with 64 queries at head size 128 more than one, both on the A100."""
        if self.queries < 128:
            return 1
        return self.stages if self.warps == 8 else 3

    def __str__(self) -> str:
        return f"{self.path} {self.queries}x{self.keys}, {self.warps} warps, {self.stages} stages"


def switch() -> str:
    """What the user has set SWITCH to, or nothing."""
    return os.getenv(SWITCH, "")


def candidates(backend: str, capability: int, head_dim: int, later: bool = False) -> tuple[Config, ...]:
    """The configurations worth timing on a device, best guess first; the last is a pointer path and serves any call.

    backend: "cuda" with a capability such as 89, or the name of an AMD architecture, whose capability is ignored.
    later: whether Triton is later than 3.6; 3.9 takes more registers for residual updates.
    """
    if backend != "cuda":
        if not backend.startswith("gfx11"):
            # With 64 keys a block 16 registers spill at head size 128.
            return Config(128, 32, 8, 2), Config(64, 32, 4, 2)
        # 32 keys a block spill 78 registers at head size 128 and 18 at 96.
        return (Config(64, 32, 8, 1) if head_dim < 80 else Config(64, 16, 8, 1),)
    if capability == 90:
        # 128 keys a product feed Hopper's matrix unit best. With three stages of them head size 128 takes 229,904 bytes
        # of shared memory, of 232,448.
        return Config(128, 128, 4, 3, PINGPONG), Config(128, 64, 8, 3)
    if 90 < capability < 120:
        # At head size 80 3.9 spills 8 bytes of 64 keys a block.
        return Config(128, 64, 8, 3), Config(64, 32 if later and HEAD_DIMS[head_dim][1] else 64, 4, 3)
    # 64 queries are a tile or a few: a block computes no keys beside its box. With 128, two tiles have one hull.
    narrow = Config(64, 32, 4, 3)
    if head_dim == 64:
        # With three stages 16 bytes spill on an RTX 4090. 128 queries of 4 warps read shared memory half as often,
        # which is what limits an A100; 3.9 spills 8 bytes of them.
        even = Config(64, 64, 4, 3)
        if capability == 80:
            return even if later else Config(128, 64, 4, 2), narrow
        return even, Config(64, 32, 4, 2)
    # With 32 keys a block 3.9 spills 8 bytes of them on an A100 and up to 96 on an RTX 5090, with 16 none.
    return (narrow, Config(64, 16, 4, 2)) if later and head_dim == 128 else (narrow,)


def refreshes(config: Config, last: Config) -> bool:
    """Whether a configuration of a device is made for residual updates: on the pointer path, where their binary needs
    more registers than the one without, only the last of the list."""
    return config == last or config.path != POINTER
