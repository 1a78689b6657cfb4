"""What a plan means, from its letters and nothing of the pack's: a host whose attention is a masked softmax in float64.

Every attention function that the host's modules hold is replaced while it runs. A call is a site's when it joins a
sequence with itself that is long enough to hold the token grid; they are told apart by their order in a forward.
"""

from __future__ import annotations

import math
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

FUNCTIONS = ("optimized_attention", "optimized_attention_masked")


@dataclass
class Oracle:
    """One run. grid: of the latent. calls: of each in a forward, tokens before and after those of the grid, and the
    number of the plan's site, or None where the plan has none for it. references: of each call, where the tokens of
    reference pictures begin, their grid, and their place: 0 where the latent's tokens stand, others elsewhere.
    profiles: letters of each head, one a step, heads of all sites in one row. share: a digit a step. windows: by
    letter, in fractions.
    """

    grid: tuple[int, ...]
    calls: list[tuple[int, int, int | None]]
    profiles: list[str]
    share: str
    windows: tuple[tuple[float, ...], ...]
    references: list[list[tuple[int, tuple[int, ...], int]]] | None = None
    branches: list[int] = field(default_factory=list)
    made: int = 0
    kept: dict = field(default_factory=dict)

    @contextmanager
    def inside(self, model):
        """A clone of the model that follows the letters while the context lasts."""
        patched = model.clone()
        patched.set_model_unet_function_wrapper(self._forward)
        holders = [
            (module, name, getattr(module, name))
            for key, module in list(sys.modules.items())
            if key.startswith("comfy.ldm.")
            for name in FUNCTIONS
            if hasattr(module, name)
        ]
        try:
            for module, name, function in holders:
                setattr(module, name, self._replacement(function))
            yield patched
        finally:
            for module, name, function in holders:
                setattr(module, name, function)

    def _forward(self, apply_model, args):
        self.branches = args["cond_or_uncond"]
        assert self.made % len(self.calls) == 0
        return apply_model(args["input"], args["timestep"], **args["c"])

    def _replacement(self, function):
        def attention(q, k, v, heads, mask=None, attn_precision=None, skip_reshape=False, **kwargs):
            if not skip_reshape:
                width = q.shape[2:].numel() // heads
                q, k, v = (x.reshape(*x.shape[:2], x.shape[2:].numel() // width, width) for x in (q, k, v))
                q, k, v = (x.transpose(1, 2) for x in (q, k, v))
            if kwargs.get("enable_gqa"):
                k, v = (x.repeat_interleave(heads // x.shape[1], dim=1) for x in (k, v))
            if self.branches and q.shape == k.shape and q.shape[2] >= math.prod(self.grid):
                out = self._site(q.double(), k.double(), v.double(), mask)
            else:
                out = _softmax(q.double(), k.double(), v.double(), mask)
            out = out.to(q.dtype)
            return out if kwargs.get("skip_output_reshape") else out.transpose(1, 2).flatten(2)

        return attention

    def _site(self, q, k, v, mask):
        step, call = divmod(self.made, len(self.calls))
        self.made += 1
        before, after, site = self.calls[call]
        length = q.shape[2]
        assert length == before + math.prod(self.grid) + after, (length, self.grid, before, after)
        pictures = [(before, self.grid, 0), *(self.references[call] if self.references else ())]
        full = _softmax(q, k, v, mask)
        if site is None:
            return full
        out = full.clone()
        heads = q.shape[1]
        for head in range(heads):
            profile = self.profiles[(site * heads + head) % len(self.profiles)]
            at = (slice(None), slice(head, head + 1))
            out[at] = self._head(profile, step, (call, head), full[at], q[at], k[at], v[at], mask, pictures)
        if self.share[step] == "1":
            rows = q.shape[0] // len(self.branches)
            of = {index: slice(n * rows, (n + 1) * rows) for n, index in enumerate(self.branches)}
            out[of[1]] = full[of[1]]
            rows = _rows(pictures)
            out[of[1]] = out[of[1]].index_copy(2, rows, out[of[0]][:, :, rows])
            for head in range(heads):
                kept, residual = self.kept[call, head]
                kept[of[1]] = out[of[1]][:, head : head + 1]
                if residual is not None:
                    residual[of[1]] = residual[of[0]]
        return out

    def _head(self, profile, step, key, full, q, k, v, mask, pictures):
        letter = profile[step]
        kept, residual = self.kept.get(key, (None, None))
        if letter == "f":
            out = full.clone()
            later = [one for one in profile[step + 1 :].split("f")[0] if one.isupper()]
            if later:
                residual = (full - self._window(later[0], q, k, v, mask, pictures))[:, :, _rows(pictures)]
        elif letter == "r":
            return kept.clone()
        else:
            out = self._window(letter, q, k, v, mask, pictures)
            if letter.isupper():
                out[:, :, _rows(pictures)] += residual
        self.kept[key] = (out.clone(), residual)
        return out

    def _window(self, letter, q, k, v, mask, pictures):
        extent = self.windows[int(letter) if letter.isdigit() else ord(letter) - ord("A")]
        seen = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool)
        for start, grid, place in pictures:
            for other, its_grid, its_place in pictures:
                if (grid, place) == (its_grid, its_place):
                    size = math.prod(grid)
                    seen[start : start + size, other : other + size] = box_mask(grid, extent)
        return _softmax(q, k, v, mask, seen)


def _rows(pictures) -> torch.Tensor:
    """Positions of the tokens of pictures."""
    return torch.cat([torch.arange(start, start + math.prod(grid)) for start, grid, _ in pictures])


def box_mask(grid, extent) -> torch.Tensor:
    """Which token of the grid sees which, as docs/design.md has it: boxes of whole tiles, on small grids."""
    # One number a token and axis: in which tile it is.
    flat = [1] * (3 - len(grid)) + list(grid)
    sizes = ([1] if flat[0] == 1 else [2]) + [4, 4]
    extent = [1.0] * (3 - len(extent)) + list(extent)
    mask = torch.ones(math.prod(flat), math.prod(flat), dtype=torch.bool)
    for axis, (count, size, part) in enumerate(zip(flat, sizes, extent)):
        index = torch.arange(count).view([-1 if a == axis else 1 for a in range(3)]).expand(flat).flatten()
        tile, tiles = index // min(size, count), -(-count // min(size, count))
        reach = tiles if part >= 1 else int(part * tiles / 2 + 1e-9)
        mask &= (tile[:, None] - tile[None]).abs() <= reach
    return mask


def _softmax(q, k, v, mask, seen=None):
    logits = q @ k.transpose(2, 3) * q.shape[3] ** -0.5
    if mask is not None:
        mask = mask.view((1,) * (3 - mask.ndim) + mask.shape) if mask.ndim < 3 else mask
        mask = mask[:, None] if mask.ndim == 3 else mask
        logits = logits.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else logits + mask.double()
    if seen is not None:
        logits = logits.masked_fill(~seen, -math.inf)
    return logits.softmax(-1) @ v
