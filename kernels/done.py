"""What a back end says of a layer that it has served."""

from __future__ import annotations

from typing import NamedTuple

import torch


class Done(NamedTuple):
    """residual: of the updating heads, or None where there are none. left: whether heads in full attention went to the
    caller's own. pairs: of queries and keys that were computed for one item of the batch, masked ones and those beyond
    the end of a block included; None where they are those of `flops`."""

    residual: torch.Tensor | None
    left: bool
    pairs: int | None = None
