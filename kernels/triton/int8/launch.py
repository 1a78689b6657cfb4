"""Starts the INT8 path: statistics of keys and values, quantisation in tile order, then the kernel, on one stream.

Windows that pool have their pooled keys made before (`..pool`) and quantised in a launch of their own.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import torch

from ..configs import lanes
from ..units import UNIT, Shapes, Strides, lanes_of, units
from .configs import KEY_LANES

if TYPE_CHECKING:
    from ..launch import Call, Ready

# Rows that one program of the preparation takes: 64 of 128 lanes in float32 are 32 KiB of registers.
ROWS = 64


def start(tensors: tuple[torch.Tensor, ...], ready: Ready, call: Call, steps: Strides) -> None:
    """Launch all of it. tensors: q, k, v, out, cached, residual, fresh, rows of neighbouring elements that start on 16
    bytes; steps: their strides in units.

    Takes `bytes_of_token` for each token of each head that attends, for what is quantised.
    """
    from .kernel import int8_kernel
    from .preparation import PARTS, quantise_kernel, statistics_kernel

    q, k, v, *others = tensors
    work, config = ready.work, ready.config
    batch, heads, length, head_dim = q.shape
    attending = work.attending
    k0, k1 = KEY_LANES[head_dim]
    d0, d1 = lanes(head_dim, config.queries)
    width = lanes_of(head_dim)

    sums, peaks, q8, k8, v16, q_scale, k_scale, v_scale, *of_pools = work.scratch.pieces(
        "int8", _shapes(batch, heads, attending, length, head_dim, d0 + d1, ready.pools, ready.tiles, PARTS.value), q
    )
    if attending:
        statistics_kernel[(PARTS.value * attending * batch,)](
            k, v, work.heads, sums, peaks, batch, heads, length, *steps[3:9],
            ROWS=ROWS, LANES=width, D=head_dim, UNIT=UNIT, num_warps=4,
        )  # fmt: skip
    constants = {"ROWS": ROWS, "K0": k0, "K1": k1, "V": d0 + d1, "LANES": width, "D": head_dim, "UNIT": UNIT}
    if attending:
        quantise_kernel[(-(-length // ROWS) * attending * batch,)](
            q, k, v, q8, k8, v16, q_scale, k_scale, v_scale, sums, peaks, work.heads, work.slots, batch, heads, length,
            length, *steps[:9], **constants, POOLED=False, num_warps=4,
        )  # fmt: skip
    # What a call does without is never read.
    of_tiles: tuple[torch.Tensor, ...] = k8, v16, k_scale
    bias, pools, tiles = k_scale, 0, 0
    if work.pooled_items:
        means, bias = ready.pool(tensors, ready, call)
        pools, tiles = work.pools, work.tiles
        shape = (2, batch, pools, tiles, head_dim)
        pooled_k8, pooled_v16, pooled_scale = of_tiles = tuple(of_pools)
        keys, values = means[: math.prod(shape)].view(shape)
        quantise_kernel[(-(-tiles // ROWS) * pools * batch,)](
            keys, keys, values, q8, pooled_k8, pooled_v16, q_scale, pooled_scale, v_scale, sums, peaks, work.pooled,
            work.slots, batch, heads, length, tiles, *units(*3 * (keys.stride(),)), **constants, POOLED=True,
            num_warps=4,
        )  # fmt: skip
    int8_kernel[(work.items * batch,)](
        q8, k8, v16, q_scale, k_scale, v_scale, *of_tiles, bias, *others, work.parts, work.heads, work.slots,
        work.columns, call.scale, batch, attending, length, ready.prefix, ready.image, pools, tiles, *steps[9:],
        BM=config.queries, BN=config.keys, K0=k0, K1=k1, D0=d0, D1=d1, D=head_dim, UNIT=UNIT, EMIT=ready.updates > 0,
        POOLED=pools > 0, STAGES=config.pooled_stages, SHORT=True, WIDE=config.wide, num_warps=config.warps,
        num_stages=config.stages,
    )  # fmt: skip


@lru_cache(maxsize=256)
def _shapes(
    batch: int, heads: int, attending: int, length: int, head_dim: int, v_lanes: int, pools: int, tiles: int, parts: int
) -> Shapes:
    """What a call quantises, in the order of `start`: statistics, queries, keys, values and their scales; then pooled
    keys, values and scales, where there are pools."""
    k_lanes, width = sum(KEY_LANES[head_dim]), lanes_of(head_dim)

    def rows(count: int, tokens: int) -> Shapes:
        return (torch.int8, (batch, count, tokens, k_lanes)), (torch.float16, (batch, count, tokens, v_lanes))

    keys, values = rows(attending, length)
    shapes = [
        (torch.float32, (batch, heads, parts, width)),
        (torch.float32, (batch, heads, parts)),
        keys,  # the queries
        keys,
        values,
        (torch.float32, (batch, attending, length)),
        (torch.float32, (batch, attending, length)),
        (torch.float32, (batch, attending)),
    ]
    if pools:
        shapes += [*rows(pools, tiles), (torch.float32, (batch, pools, tiles))]
    return tuple(shapes)


def bytes_of_token(head_dim: int) -> int:
    """What is quantised of one token of a head, at most: queries, keys, values, and two scales."""
    return 2 * sum(KEY_LANES[head_dim]) + 2 * lanes_of(head_dim) + 8
