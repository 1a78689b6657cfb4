"""Starts the INT8 path: statistics of keys and values, quantisation in tile order, then the kernel, on one stream.

Windows that pool have their pooled keys made before (`..pool`) and quantised in a launch of their own.
"""

from __future__ import annotations

import torch

from ...geometry import Layout
from ..configs import Config
from ..operands import is_wide, lanes_of, pooled_keys
from ..worklist import WorkList
from .configs import KEY_LANES, value_lanes

# Rows that one program of the preparation takes: 64 of 128 lanes in float32 are 32 KiB of registers.
ROWS = 64


def start(
    tensors: list[torch.Tensor], layout: Layout, work: WorkList, config: Config, scale: float, emit: bool
) -> None:
    """Launch all of it. tensors: q, k, v, out, cached, residual, fresh, rows of neighbouring elements that start on 16
    bytes; emit: whether residuals are updated.

    Takes (2 * lanes of keys + 2 * lanes of values) bytes a token and head for what is quantised, 512 at head size 128:
    two thirds of what q, k and v themselves take.
    """
    from .kernel import int8_kernel
    from .preparation import PARTS, quantise_kernel, statistics_kernel

    q, k, v, out, cached, residual, fresh = tensors
    batch, heads, length, head_dim = q.shape
    k0, k1 = KEY_LANES[head_dim]
    d0, d1 = value_lanes(head_dim, config.queries)
    lanes = lanes_of(head_dim)

    def empty(*shape, dtype=torch.float32):
        return q.new_empty(shape, dtype=dtype)

    def rows_for(heads, rows):
        """Quantised keys, values in float16, and the keys' scales."""
        return (
            empty(batch, heads, rows, k0 + k1, dtype=torch.int8),
            empty(batch, heads, rows, d0 + d1, dtype=torch.float16),
            empty(batch, heads, rows),
        )

    sums, peaks = empty(batch, heads, PARTS.value, lanes), empty(batch, heads, PARTS.value)
    statistics_kernel[(PARTS.value * heads * batch,)](
        k, v, work.heads, sums, peaks, batch, length, *_strides(k, v),
        ROWS=ROWS, LANES=lanes, D=head_dim, UNIT=8, num_warps=4,
    )  # fmt: skip
    q8, v_scale = empty(batch, heads, length, k0 + k1, dtype=torch.int8), empty(batch, heads)
    q_scale = empty(batch, heads, length)
    k8, v16, k_scale = rows_for(heads, length)
    constants = {"ROWS": ROWS, "K0": k0, "K1": k1, "V": d0 + d1, "LANES": lanes, "D": head_dim, "UNIT": 8}
    quantise_kernel[(-(-length // ROWS) * heads * batch,)](
        q, k, v, q8, k8, v16, q_scale, k_scale, v_scale, sums, peaks, work.heads, work.slots, work.slots, batch, heads,
        length, length, *_strides(q, k, v), **constants, POOLED=False, num_warps=4,
    )  # fmt: skip

    pooled = pooled_keys(tensors, layout, work, scale, 8)
    # What a call does without is never read.
    of_tiles, bias, pools, tiles = (k8, v16, k_scale), k_scale, 0, 0
    if pooled is not None:
        pools, tiles = pooled.k.shape[1:3]
        of_tiles, bias = rows_for(pools, tiles), pooled.bias
        quantise_kernel[(-(-tiles // ROWS) * pools * batch,)](
            pooled.k, pooled.k, pooled.v, q8, *of_tiles[:2], q_scale, of_tiles[2], v_scale, sums, peaks, work.heads,
            work.pooled, work.slots, batch, heads, length, tiles, *_strides(pooled.k, pooled.k, pooled.v), **constants,
            POOLED=True, num_warps=4,
        )  # fmt: skip
    int8_kernel[(len(work.items) * batch,)](
        q8, k8, v16, q_scale, k_scale, v_scale, *of_tiles, bias, out, cached, residual, fresh, work.items, work.heads,
        work.slots, work.columns, scale, batch, heads, length, layout.prefix, layout.image, pools, tiles,
        *_strides(out, cached, residual, fresh), BM=config.queries, BN=config.keys, K0=k0, K1=k1, D0=d0, D1=d1,
        D=head_dim, UNIT=8, EMIT=emit, POOLED=pooled is not None, STAGES=config.pooled_stages, SHORT=True,
        WIDE=is_wide([k8, *tensors[3:]]), num_warps=config.warps, num_stages=config.stages,
    )  # fmt: skip


def _strides(*tensors: torch.Tensor) -> list[int]:
    """Of the batch, head and token axes, in units of 8 elements."""
    return [step // 8 for x in tensors for step in x.stride()[:3]]
