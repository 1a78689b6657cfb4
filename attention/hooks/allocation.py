"""Allocating beside the recorded allocations of a block (hosts from 0.34 on, on the models that use them)."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext


def unrecorded() -> AbstractContextManager:
    """While it lasts, tensors may be made that outlive a block, or that not every step makes: where the host records a
    block's allocations to repeat them, either would end the process.
    """
    pause = getattr(sys.modules.get("comfy.model_prefetch"), "pause_malloc_graph", None)
    return nullcontext() if pause is None else pause()
