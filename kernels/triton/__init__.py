"""Head-wise attention in one launch: full, windowed, residual and reused heads side by side.

    out[h] = softmax(q k^T * scale over the keys that head h's way joins) v  (+ residual[h])

Read in this order: `tile_order`, `pattern` and `worklist` say in NumPy which block of queries visits which blocks of
keys; `pointer` is the kernel for every GPU (`common` and `pool` are what it is made of); `launch` hands tensors to it;
`configs` and `devices` say which block sizes a GPU gets, `trial` tries them on the user's own GPU before they serve,
`why_not` says in words why a call must go elsewhere, and `backend` puts it together. `hopper` holds a second path, for
one GPU generation.

Only the sources import Triton, and they are imported at the first call that can use them: the pack loads without it.
"""
