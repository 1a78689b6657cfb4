"""What the Triton kernel's tests share: a layer through the kernel with small blocks, beside the float64 reference."""

import torch
from kernel_cases import TOLERANCE, caches, doubled

from ditfastattn.kernels import reference
from ditfastattn.kernels.triton.configs import Config
from ditfastattn.kernels.triton.launch import head_wise

# Small enough that a few hundred tokens make several blocks of both kinds; 64 queries hold four 4 x 4 tiles.
BLOCKS = Config(queries=64, keys=32, warps=4, stages=2)
# Of several tiles each, which an interpreter is quicker with.
LARGER = Config(queries=128, keys=64, warps=8, stages=2)


def run(q, k, v, layout, table, *, out=None, blocks=BLOCKS, **arguments):
    """(out, fresh) of the kernel; `out` starts as NaN, so that a row left out shows."""
    out = torch.full_like(q, torch.nan) if out is None else out
    return out, head_wise(q, k, v, layout, table, out, config=blocks, **arguments)


def assert_matches_reference(q, k, v, layout, table, blocks=BLOCKS, **options):
    arguments = caches(q, layout, table)
    out, fresh = run(q, k, v, layout, table, blocks=blocks, **arguments, **options)
    wanted, wanted_fresh = reference.head_wise(
        q.double(), k.double(), v.double(), layout, table, **doubled(arguments), **options
    )
    torch.testing.assert_close(out.double(), wanted, rtol=0, atol=TOLERANCE[q.dtype])
    if wanted_fresh is None:
        assert fresh is None
    else:
        torch.testing.assert_close(fresh.double(), wanted_fresh, rtol=0, atol=TOLERANCE[q.dtype])
