"""Which GPUs the INT8 path serves, and with which blocks; see `..configs` for what the figures mean."""

from ..configs import HEAD_DIMS, INT8, Config

# Compute capabilities: Ampere, Ada, and Blackwell of consumers and workstations.
SERVED = (80, 86, 89, 120, 121)

# Lanes of quantised queries and keys by head size: products of INT8 sum over 32 lanes at a time.
KEY_LANES = {64: (64, 0), 72: (64, 32), 80: (64, 32), 96: (64, 32), 128: (128, 0)}


def value_lanes(head_dim: int, queries: int) -> tuple[int, int]:
    """Lanes of values and accumulators in two parts. Triton gives four warps one row of warps each only where a block
    has no fewer queries than lanes: else the softmax of a row goes through shared memory."""
    first, second = HEAD_DIMS[head_dim]
    return (first // 2, first // 2) if queries < first else (first, second)


def int8_candidates(capability: int, head_dim: int, pooled: bool = False) -> tuple[Config, ...]:
    """The configurations worth timing, best guess first; the last serves residual updates as well. None on a GPU that
    is not served.

    capability: such as 89. pooled: whether windows pool. Blocks of 64 queries compute no pair beyond a window of 8 x 8
    tiles, and on these GPUs the matrix unit is the limit, not the reading of keys. Not served: Hopper, where INT8
    speeds up one product of two and the softmax is the limit then, and Blackwell of data centres, whose INT8 products
    are slow.
    """
    if capability not in SERVED:
        return ()
    wide, narrow = Config(64, 64, 4, 2, INT8), Config(64, 32, 4, 1, INT8)
    if head_dim != 128:
        return (wide,)
    # A residual update with pooled keys spills 8 to 24 bytes in blocks of 64 keys, and in blocks of 32 as soon as keys
    # are fetched ahead; on Blackwell pooled keys alone spill as much.
    return (narrow,) if pooled and capability >= 120 else (wide, narrow)
