"""Whether a kernel computes what the tiled path computes: layers of several shapes, and how far outputs are apart."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from .. import tiled
from ..geometry import Layout
from ..head_table import HeadTable
from ..ways import FULL, REUSE, Residual, Window
from .configs import Config, refreshes
from .devices import device_configs
from .launch import head_wise

# Largest relative distance of a right kernel, of all rows together and of each row. Two paths that round weights and
# outputs to bfloat16 are 0.3 % apart, whatever the number of keys: an output is a sum in which roundings average out as
# much as the values do.
ALLOWED = 0.01


@dataclass(frozen=True)
class Case:
    """A layer to compare: layout, batch items, and how many times its five heads stand side by side."""

    layout: Layout
    batch: int = 1
    times: int = 1


# Short and ragged with text at both ends; text alone in front, as long as FLUX has it; many heads and items; a video
# cut short along all axes; as many tokens as a picture of 2,048 x 2,048 pixels, more work than a GPU holds at a time.
CASES = (
    Case(Layout((19, 22), prefix=5, suffix=2), batch=2),
    Case(Layout((64, 48), prefix=512)),
    Case(Layout((16, 24), suffix=77), batch=2, times=8),
    Case(Layout((5, 22, 37))),
    Case(Layout((128, 128), prefix=77), times=2),
)


def difference_of(
    device: torch.device, dtype: torch.dtype, head_dim: int, config: Config, pooled: bool, case: Case
) -> float:
    """The largest relative distance between a configuration and the tiled path over a layer of every way, NaN where
    there is one."""
    layout = case.layout
    window = Window((0.3, 0.4, 0.5)[-len(layout.grid) :], pooled)
    ways = (window, FULL, REUSE, Residual(window), FULL) * case.times
    table = HeadTable(ways, (None, window, None, None, None) * case.times)
    generator = torch.Generator(device).manual_seed(0)

    def normal(heads, tokens):
        size = (case.batch, tokens, heads, head_dim)
        return torch.randn(size, generator=generator, device=device, dtype=torch.float32).to(dtype).transpose(1, 2)

    q, k, v = (normal(len(ways), layout.length) for _ in range(3))
    cached, residual = normal(case.times, layout.length), normal(case.times, layout.image)
    image = slice(layout.prefix, layout.prefix + layout.image)
    wanted = tiled.full_attention(q, k, v)
    local = torch.empty_like(q[:, :, image])
    window.attend(q, k, v, layout, None, local)
    full = wanted[:, 1::5, image].clone()
    wanted[:, ::5, image] = local[:, ::5]
    wanted[:, 2::5] = cached
    wanted[:, 3::5, image] = local[:, 3::5] + residual

    # With residual updates and without them a configuration is compiled to two binaries.
    plain = replace(table, refresh=(None,) * len(ways))
    out = torch.full_like(q, torch.nan)
    head_wise(q, k, v, layout, plain, out, cached=cached, residual=residual, config=config)
    found = [distance(out, wanted, wanted)]
    if refreshes(config, device_configs(device, head_dim)[-1]):
        out = torch.full_like(q, torch.nan)
        fresh = head_wise(q, k, v, layout, table, out, cached=cached, residual=residual, config=config)
        found.append(distance(out, wanted, wanted))
        if fresh is not None:
            found.append(distance(fresh, full - local[:, 1::5], full))
    return float(torch.stack(found).max())


def distance(found: torch.Tensor, wanted: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
    """The largest |found - wanted| / |size| of any row (..., D), in float32; NaN where there is one. That of all rows
    together is never larger."""
    apart = (found.float() - wanted.float()).norm(dim=-1) / size.float().norm(dim=-1)
    return apart.max().cpu()  # torch's max passes NaN on
