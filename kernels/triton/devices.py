"""What the GPU at hand gets: its configurations, of the paths that its Triton and the user allow."""

from __future__ import annotations

from functools import lru_cache

import torch

from .configs import PINGPONG, POINTER, Config, candidates, switch

HOPPER = (9, 0)


def is_hopper(device: torch.device) -> bool:
    """Whether a device is an NVIDIA GPU of compute capability 9.0 (H100, H200, GH200)."""
    return device.type == "cuda" and torch.version.hip is None and torch.cuda.get_device_capability(device) == HOPPER


def device_configs(device: torch.device, head_dim: int) -> tuple[Config, ...]:
    """The configurations for a device, see `configs.candidates`, of the paths that its Triton and the user allow; a
    CPU, which only the interpreter serves, gets those of an A100. Needs Triton on a GPU."""
    if device.type != "cuda":
        return candidates("cuda", 80, head_dim)
    major, minor = torch.cuda.get_device_capability(device)
    found = candidates("hip" if torch.version.hip else "cuda", 10 * major + minor, head_dim)
    known = {POINTER: True, PINGPONG: _gluon_is_known()}
    named = known.keys() & switch().split(",") or known.keys()
    return tuple(config for config in found if known[config.path] and config.path in (POINTER, *named))


@lru_cache(maxsize=1)
def _gluon_is_known() -> bool:
    """Whether Triton is a version for which the tests compile and emulate the Gluon source: Gluon is an experiment, and
    a barrier that changed its meaning would hang the GPU."""
    import triton

    return triton.__version__.startswith("3.6.")


def on(device: torch.device):
    """The device as the current one, for as long as a `with` block."""
    # Triton launches on the current device, which need not be the tensors'.
    return torch.cuda.device(device) if device.type == "cuda" else torch.no_grad()
