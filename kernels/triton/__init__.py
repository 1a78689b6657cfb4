"""Head-wise attention in one launch: full, windowed, windowed with a residual, and reused heads side by side.

    out[h] = softmax(q k^T * scale over the keys that head h's method joins) v  (+ residual[h])

`worklist` says in NumPy which block of queries meets which blocks of keys, `configs` which block sizes a device gets,
`kernel` is the Triton source, `launch` hands tensors to it, and `predicate` says in words why a call must go elsewhere.
Only `kernel` imports Triton, and it is imported at the first call that can use it: the pack loads without it.
"""

from .launch import head_wise
from .predicate import unproven, why_not

__all__ = ["head_wise", "unproven", "why_not"]
