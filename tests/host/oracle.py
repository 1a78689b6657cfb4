"""What a plan means, from its letters and nothing of the pack's: a host whose attention is a masked softmax in float64.

Every attention function that the host's modules hold is replaced while it runs. A call is a site's when it joins a
sequence with itself that is long enough to hold the token grid; they are told apart by their order in a forward, steps
by their noise levels.
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
    number of the plan's site, or None where the plan has none for it. profiles: letters of each head, one a step, heads
    of all sites in one row. share: a digit a step. windows: by letter, in fractions. text_last: whether tokens that a
    longer prompt has more stand after those of the grid. steps: that were made.
    """

    grid: tuple[int, ...]
    calls: list[tuple[int, int, int | None]]
    profiles: list[str]
    share: str
    windows: tuple[tuple[float, ...], ...]
    text_last: bool = False
    steps: int = 0
    branches: list[int] = field(default_factory=list)
    kept: dict = field(default_factory=dict)
    shared: dict = field(default_factory=dict)
    _call: int = 0
    _noise: float | None = None

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
        noise = float(args["timestep"].flatten()[0])
        if noise != self._noise:
            self._noise, self.steps = noise, self.steps + 1
        self.branches, self._call = args["cond_or_uncond"], 0
        made = apply_model(args["input"], args["timestep"], **args["c"])
        assert self._call == len(self.calls)
        return made

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
        call, self._call = self._call, self._call + 1
        before, after, site = self.calls[call]
        longer = q.shape[2] - before - math.prod(self.grid) - after
        assert longer >= 0, (q.shape, self.grid, before, after)
        before, after = (before, after + longer) if self.text_last else (before + longer, after)
        image = slice(before, q.shape[2] - after)
        rows, out = q.shape[0] // len(self.branches), torch.empty_like(v)
        for place in sorted(range(len(self.branches)), key=lambda place: self.branches[place]):
            of = slice(place * rows, (place + 1) * rows)
            own = mask[of] if mask is not None and mask.ndim > 2 and mask.shape[0] == q.shape[0] else mask
            out[of] = self._branch(self.branches[place], (call, site), q[of], k[of], v[of], own, image)
        return out

    def _branch(self, branch, where, q, k, v, mask, image):
        full, (call, site), step = _softmax(q, k, v, mask), where, self.steps - 1
        if site is None:
            return full
        out, heads = full.clone(), q.shape[1]
        for head in range(heads):
            profile = self.profiles[(site * heads + head) % len(self.profiles)]
            at = (slice(None), slice(head, head + 1))
            out[at] = self._head(profile, step, (branch, call, head), full[at], q[at], k[at], v[at], mask, image)
        if branch == 0:
            self.shared[call] = (step, out[:, :, image])
        elif self.share[step] == "1" and self.shared.get(call, (None,))[0] == step:
            out = full.clone()
            out[:, :, image] = self.shared[call][1]
            for head in range(heads):
                kept, residual = self.kept[1, call, head]
                if residual is not None:
                    residual = self.kept[0, call, head][1]
                self.kept[1, call, head] = (out[:, head : head + 1].clone(), residual)
        return out

    def _head(self, profile, step, key, full, q, k, v, mask, image):
        letter = profile[step]
        kept, residual = self.kept.get(key, (None, None))
        if letter == "f":
            out = full.clone()
            later = [one for one in profile[step + 1 :].split("f")[0] if one.isupper()]
            if later:
                residual = (full - self._window(later[0], q, k, v, mask, image))[:, :, image]
        elif letter == "r":
            return kept.clone()
        else:
            out = self._window(letter, q, k, v, mask, image)
            if letter.isupper():
                out[:, :, image] += residual
        self.kept[key] = (out.clone(), residual)
        return out

    def _window(self, letter, q, k, v, mask, image):
        extent = self.windows[int(letter) if letter.isdigit() else ord(letter) - ord("A")]
        seen = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool)
        seen[image, image] = box_mask(self.grid, extent)
        return _softmax(q, k, v, mask, seen)


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
