"""INT8 scores in plain torch: what rounding queries and keys to 8 bits does to attention, on any device.

    s = (q - error of q) . (k - mean(k) - error of k), each rounded row by row after a Hadamard rotation

The mean of a head's keys is taken away first: it moves all scores of a query alike, which no softmax sees, and is most
of a key where a channel has an offset (SageAttention, arXiv 2410.02367, section 4.2). The rotation (QuaRot, arXiv
2404.00456) leaves all products as they are and spreads a channel that is much larger than the others over all of them,
so that a row's scale serves each of its numbers. It is always made: where it is not needed it costs a product of 128
lanes for each row, and no threshold has to tell such heads from others.

`triton.int8` computes attention so on GPUs that multiply integers faster; calibration rounds its samples so wherever it
runs.
"""

from __future__ import annotations

from functools import lru_cache

import torch

LARGEST_PART, SMALLEST_PART = 128, 32


def key_lanes(head_dim: int) -> tuple[int, ...]:
    """The parts that a row is rotated in, powers of two, the last padded with zeros to at least 32."""
    parts: list[int] = []
    rest = head_dim
    while rest > 0:
        part = min(LARGEST_PART, 1 << (rest.bit_length() - 1))
        parts.append(max(part, SMALLEST_PART))
        rest -= parts[-1]
    return tuple(parts)


def rotated(x: torch.Tensor) -> torch.Tensor:
    """x (..., D) with each part of `key_lanes` turned by an orthonormal Hadamard matrix: (..., lanes). Products of two
    rows stay what they are."""
    parts = key_lanes(x.shape[-1])
    x = torch.nn.functional.pad(x, (0, sum(parts) - x.shape[-1]))
    return torch.cat([part @ _hadamard(part.shape[-1], x.dtype, x.device) for part in x.split(parts, dim=-1)], dim=-1)


def rounded(x: torch.Tensor) -> torch.Tensor:
    """What INT8 makes of rows x (..., D): rotated, and each number rounded to one of 255 steps of its row's largest."""
    turned = rotated(x)
    step = turned.abs().amax(dim=-1, keepdim=True).div_(127)
    step.masked_fill_(step == 0, 1)
    return turned.div_(step).round_().mul_(step)


@lru_cache(maxsize=32)
def _hadamard(size: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Sylvester's Hadamard matrix, (size, size), orthonormal."""
    matrix = torch.ones(1, 1, dtype=dtype, device=device)
    while len(matrix) < size:
        matrix = torch.cat((torch.cat((matrix, matrix), dim=1), torch.cat((matrix, -matrix), dim=1)))
    return matrix * size**-0.5
