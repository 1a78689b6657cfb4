"""What the GPU at hand gets: its configurations, of the paths that its Triton and the user allow."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import lru_cache

import torch

from .configs import INT8, PINGPONG, POINTER, Config, candidates, switch

HOPPER = (9, 0)
_AS_IT_IS = nullcontext()


@lru_cache(maxsize=16)
def is_hopper(device: torch.device) -> bool:
    """Whether a device is an NVIDIA GPU of compute capability 9.0 (H100, H200, GH200)."""
    return device.type == "cuda" and torch.version.hip is None and torch.cuda.get_device_capability(device) == HOPPER


def device_configs(device: torch.device, head_dim: int, wide: bool = False) -> tuple[Config, ...]:
    """The configurations for a device, see `configs.candidates`, of the paths that its Triton and the user allow; a
    CPU, which only the interpreter serves, gets those of an A100. wide: see `Config`. Needs Triton on a GPU."""
    found = _candidates(device, head_dim, wide)
    if device.type != "cuda":
        return found
    # Gluon is an experiment, and a barrier that changed its meaning would hang the GPU.
    known = {POINTER: True, PINGPONG: proven_triton()}
    named = {*known, INT8} & set(switch().split(",")) or known.keys()
    return tuple(config for config in found if known[config.path] and config.path in (POINTER, *named))


@lru_cache(maxsize=64)
def _candidates(device: torch.device, head_dim: int, wide: bool) -> tuple[Config, ...]:
    if device.type != "cuda":
        found = candidates("cuda", 80, head_dim)
    elif torch.version.hip:
        name = torch.cuda.get_device_properties(device).gcnArchName
        found = candidates(name.partition(":")[0], 0, head_dim)
    else:
        major, minor = torch.cuda.get_device_capability(device)
        found = candidates("cuda", 10 * major + minor, head_dim, not proven_triton())
    return tuple(replace(config, wide=wide) for config in found)


@lru_cache(maxsize=1)
def proven_triton() -> bool:
    """Whether Triton is the version for which the tests compile everything and emulate the Gluon source."""
    import triton

    return triton.__version__.startswith("3.6.")


def on(device: torch.device):
    """The device as the current one, for as long as a `with` block."""
    # Triton launches on the current device, which need not be the tensors'.
    if device.type != "cuda" or device.index in (None, torch.cuda.current_device()):
        return _AS_IT_IS
    return torch.cuda.device(device)
