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
# For a GPU whose driver dies in the trial, which no program can catch, set before ComfyUI starts: 0 switches the
# kernels off, and names of paths with commas between switch off the others but the pointer path.
SWITCH = "DITFASTATTN_FUSED"
# Head size: lanes of the two parts. The second is at least 16, the least that a matrix instruction sums over.
HEAD_DIMS = {64: (64, 0), 72: (64, 16), 80: (64, 16), 96: (64, 32), 128: (128, 0)}


@dataclass(frozen=True)
class Config:
    """queries, keys: tokens of a block. warps, stages: as Triton takes them. path: which kernel, POINTER (pointer.py,
    every GPU and every call), PINGPONG (hopper/, Hopper GPUs) or INT8 (int8/)."""

    queries: int
    keys: int
    warps: int
    stages: int
    path: str = POINTER

    @property
    def pooled_stages(self) -> int:
        """Stages of the pointer path's loop over pooled keys: as many as of the others, but one for 64 queries. At head
        size 128, 128 queries with one stage spill 8 bytes on the A100, with two on consumer cards, with three 14
        registers on MI300; 64 queries with two or three spill 8 bytes on the A100."""
        return self.stages if self.queries == 128 else 1

    def __str__(self) -> str:
        return f"{self.path} {self.queries}x{self.keys}, {self.warps} warps, {self.stages} stages"


def switch() -> str:
    """What the user has set SWITCH to, or nothing."""
    return os.getenv(SWITCH, "")


def candidates(backend: str, capability: int, head_dim: int) -> tuple[Config, ...]:
    """The configurations worth timing on a device, best guess first; the last is a pointer path and serves any call.

    backend: "cuda" with a capability such as 89, or "hip", whose capability is ignored.
    """
    if backend == "hip":
        # With 64 keys a block 16 registers spill at head size 128.
        return (Config(128, 32, 8, 2),)
    if capability == 90:
        # 128 keys a product feed Hopper's matrix unit best. With three stages of them head size 128 takes 229,904 bytes
        # of shared memory, of 232,448.
        return Config(128, 128, 4, 3, PINGPONG), Config(128, 64, 8, 3)
    if 90 < capability < 120:
        return (Config(128, 64, 8, 3),)
    wide, narrow = Config(128, 64, 8, 2), Config(128, 32, 8, 3)
    if head_dim == 128:
        # 128 queries with 64 keys spill everywhere; a residual update of 128 queries fits the A100's registers alone.
        return (Config(64, 64, 4, 3), narrow) if capability == 80 else (narrow, Config(64, 32, 4, 3))
    # With two parts of a head size, 64 keys a block spill 8 to 24 bytes on all but the A100.
    return (wide, narrow) if head_dim == 64 or capability == 80 else (narrow,)


def refreshes(config: Config, last: Config) -> bool:
    """Whether a configuration of a device is made for residual updates: on the pointer path, where their binary needs
    more registers than the one without, only the last of the list."""
    return config == last or config.path != POINTER
