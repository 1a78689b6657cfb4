"""Which GPUs the INT8 path serves, and with which blocks; see `..configs` for what the figures mean."""

from __future__ import annotations

from dataclasses import replace

import torch

from ..configs import INT8, Config
from ..devices import proven_triton

# Compute capabilities: Ampere, Ada, and Blackwell of consumers and workstations.
SERVED = (80, 86, 89, 120, 121)

# Lanes of quantised queries and keys by head size: products of INT8 sum over 32 lanes at a time.
KEY_LANES = {64: (64, 0), 72: (64, 32), 80: (64, 32), 96: (64, 32), 128: (128, 0)}


def int8_candidates(capability: int, head_dim: int, pooled: bool = False, later: bool = False) -> tuple[Config, ...]:
    """The configurations worth timing, best guess first; the last serves residual updates as well. None on a GPU that
    is not served.

    capability: such as 89. pooled: whether windows pool. later: see `..configs.candidates`. Blocks of 64 queries
    compute no pair beyond a window of 8 x 8 tiles, and on these GPUs the matrix unit is the limit, not the reading of
    keys. Not served: Hopper, where INT8 speeds up one product of two and the softmax is the limit then, and Blackwell
    of data centres, whose INT8 products are slow.
    """
    if capability not in SERVED:
        return ()
    wide, narrow = Config(64, 64, 4, 2, INT8), Config(64, 32, 4, 1, INT8)
    if later and capability == 89 and head_dim == 64 and not pooled:
        # Triton 3.9 spills 8 bytes as soon as keys are fetched ahead; with pooled keys it does where they are not.
        return (replace(wide, stages=1),)
    if head_dim != 128:
        return (wide,)
    # A residual update with pooled keys spills 8 to 24 bytes in blocks of 64 keys, and in blocks of 32 as soon as keys
    # are fetched ahead; on Blackwell pooled keys alone spill as much.
    return (narrow,) if pooled and capability >= 120 else (wide, narrow)


def int8_configs(device: torch.device, head_dim: int, pooled: bool, wide: bool) -> tuple[Config, ...]:
    """The configurations for a device; a CPU, which only the interpreter serves, gets those of an A100. wide: see
    `Config`."""
    later = device.type == "cuda" and not proven_triton()
    found = int8_candidates(capability_of(device), head_dim, pooled, later)
    return tuple(replace(config, wide=wide) for config in found)


def capability_of(device: torch.device) -> int:
    """A GPU's compute capability, such as 89; none but NVIDIA's have one. A CPU's is that of an A100."""
    if device.type != "cuda":
        return 80
    if torch.version.hip is not None:
        return 0
    major, minor = torch.cuda.get_device_capability(device)
    return 10 * major + minor
