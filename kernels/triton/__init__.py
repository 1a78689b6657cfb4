"""Head-wise attention in one launch: full, windowed, windowed with a residual, and reused heads side by side.

    out[h] = softmax(q k^T * scale over the keys that head h's method joins) v  (+ residual[h])

`worklist` says in NumPy which block of queries meets which blocks of keys, `configs` which block sizes a device gets,
`kernel`, `specialized` and, in Gluon, `pingpong` are the sources (`parts` is what they share), `launch` hands tensors
to them, `proof` tries them on the user's own GPU before they serve, and `predicate` says in words why a call must go
elsewhere.
Only the sources import Triton, and they are imported at the first call that can use them: the pack loads without it.
"""

from .launch import head_wise
from .predicate import choice, report, why_not

__all__ = ["choice", "head_wise", "report", "why_not"]
