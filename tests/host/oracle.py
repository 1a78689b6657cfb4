"""What a plan means, from its letters and nothing of the pack's: a host whose attention is a masked softmax in float64.

Every attention function that the host's modules hold is replaced while it runs. A call is a site's when it joins a
sequence with itself that is long enough to hold the token grid; calls are told apart by their order in a forward, steps
by their noise levels.
"""

from __future__ import annotations

import math
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import torch

HOLDERS = ("comfy.ldm.", "ditfastattn.attention.systems.")  # modules that have attention functions
FUNCTIONS = ("optimized_attention", "optimized_attention_masked")


@dataclass
class Oracle:
    """One run. grid: of the latent. calls: of each in a forward, tokens before and after those of the grid, and the
    number of the plan's site, or None where the plan has none for it. profiles: letters of each head, one a step, heads
    of all sites in one row. share: a digit a step. windows: by letter, in fractions; pooled: whether what is outside
    them is seen as a key a tile. text_last: whether tokens that a longer prompt has more stand after those of the grid.

    grids: of each call, that of one sequence, where it is not `grid`; windows of more axes than it has mean full heads.
    references: of each call, where the tokens of reference pictures begin, their grid, and their place: 0 where the
    latent's tokens stand, others elsewhere. names: of the modules that are the plan's sites, which then tell the
    sites apart. evaluated, slopes, corrections: as in `plans.Level`. whole: sites that give out what they gave last
    where all their heads are reused. steps: that were made. dense, full: FLOPs of attention at sites, and what full
    heads take of them.
    """

    grid: tuple[int, ...]
    calls: list[tuple[int, int, int | None]]
    profiles: list[str]
    share: str
    windows: tuple[tuple[float, ...], ...]
    text_last: bool = False
    pooled: bool = False
    references: list[list[tuple[int, tuple[int, ...], int]]] | None = None
    grids: list[tuple[int, ...]] | None = None
    names: tuple[str, ...] = ()
    evaluated: str = ""
    slopes: tuple[float, ...] = ()
    corrections: tuple[float, ...] = ()
    whole: frozenset[int] = frozenset()
    steps: int = 0
    dense: int = 0
    full: int = 0
    branches: list[int] = field(default_factory=list)
    cached: dict = field(default_factory=dict)
    shared: dict = field(default_factory=dict)
    last: dict = field(default_factory=dict)
    _call: int = 0
    _forwards: int = 0
    _noise: float | None = None
    _before: int = 0
    _history: list = field(default_factory=list)
    _inside: list[str] = field(default_factory=list)

    @contextmanager
    def inside(self, model):
        """A clone of the model that follows the letters while the context lasts."""
        patched = model.clone()
        patched.set_model_unet_function_wrapper(self._forward)
        patched.add_wrapper_with_key("predict_noise", "oracle", self._evaluate)
        with ExitStack() as undo:
            for key, module in list(sys.modules.items()):
                for name in FUNCTIONS if key.startswith(HOLDERS) else ():
                    if hasattr(module, name):
                        function = getattr(module, name)
                        undo.callback(setattr, module, name, function)
                        setattr(module, name, self._replacement(function))
            for name, module in model.model.diffusion_model.named_modules() if self.names else ():
                enters = module.register_forward_pre_hook(lambda *_, name=name: self._inside.append(name))
                leaves = module.register_forward_hook(lambda *_: self._leave())
                undo.callback(enters.remove)
                undo.callback(leaves.remove)
            yield patched

    def _leave(self):
        self._inside.pop()

    def _evaluate(self, executor, x, timestep, *args, **kwargs):
        noise = float(timestep.flatten()[0])
        if noise != self._noise:
            self._noise, self.steps = noise, self.steps + 1
        step, history, before = self.steps - 1, self._history, self.dense
        slope, correction = (values[step] if values else 0.0 for values in (self.slopes, self.corrections))

        def line():
            if len(history) < 2:
                return 0.0
            (older, a), (newer, b) = history[-2:]
            return (b - a) * (noise - newer) / (newer - older)

        if self.evaluated and self.evaluated[step] == "0":
            self.dense += self._before
            return (history[-1][1] + slope * line()).to(x.dtype)
        output = executor(x, timestep, *args, **kwargs)
        prediction = output.double()
        if slope or correction:
            output = (prediction + correction * (prediction - history[-1][1]) + slope * line()).to(x.dtype)
        history.append((noise, prediction))
        self._before = self.dense - before
        return output

    def _forward(self, apply_model, args):
        self.branches, self._call, self._forwards = args["cond_or_uncond"], 0, self._forwards + 1
        made = apply_model(args["input"], args["timestep"], **args["c"])
        assert self.names or self._call == len(self.calls)
        return made

    def _replacement(self, function):
        def attention(q, k, v, heads, mask=None, attn_precision=None, skip_reshape=False, **kwargs):
            # Later hosts hand over a container of one tensor, so that the callee can free it.
            q, k, v = (getattr(x, "tensor", x) for x in (q, k, v))
            if not skip_reshape:
                width = q.shape[2:].numel() // heads
                q, k, v = (x.reshape(*x.shape[:2], x.shape[2:].numel() // width, width) for x in (q, k, v))
                q, k, v = (x.transpose(1, 2) for x in (q, k, v))
            if kwargs.get("enable_gqa"):
                k, v = (x.repeat_interleave(heads // x.shape[1], dim=1) for x in (k, v))
            if self.branches and q.shape == k.shape and q.shape[2] >= self._least() and self._is_site():
                out = self._site(q.double(), k.double(), v.double(), mask)
            else:
                out = _softmax(q.double(), k.double(), v.double(), mask)
            out = out.to(q.dtype)
            return out if kwargs.get("skip_output_reshape") else out.transpose(1, 2).flatten(2)

        return attention

    def _least(self):
        grid = self.grid if self.grids is None or self._call >= len(self.grids) else self.grids[self._call]
        return math.prod(grid)

    def _is_site(self):
        return not self.names or (bool(self._inside) and self._inside[-1] in self.names)

    def _site(self, q, k, v, mask):
        call, self._call = self._call, self._call + 1
        length = q.shape[2]
        before, after, site = (0, 0, self.names.index(self._inside[-1])) if self.names else self.calls[call]
        own = self.grid if self.grids is None else self.grids[call]
        longer = length - before - math.prod(own) - after
        assert longer >= 0, (q.shape, own, before, after)
        shift = 0 if self.text_last else longer
        pictures = [(before, own, 0)]
        if self.references and not self.names:  # a site that was found has no grids
            pictures += self.references[call]
        pictures = [(start + shift, grid, place) for start, grid, place in pictures]
        if site is not None:
            self.dense += 4 * q.shape[3] * length**2 * q.shape[1] * q.shape[0]
        rows, out = q.shape[0] // len(self.branches), torch.empty_like(v)
        for place in sorted(range(len(self.branches)), key=lambda place: self.branches[place]):
            of = slice(place * rows, (place + 1) * rows)
            own = mask[of] if mask is not None and mask.ndim > 2 and mask.shape[0] == q.shape[0] else mask
            out[of] = self._branch(self.branches[place], (call, site), q[of], k[of], v[of], own, pictures)
        return out

    def _branch(self, branch, where, q, k, v, mask, pictures):
        full, (call, site), step = _softmax(q, k, v, mask), where, self.steps - 1
        image = _rows(pictures)
        if site is None:
            return full
        heads = q.shape[1]
        profiles = [self.profiles[(site * heads + head) % len(self.profiles)] for head in range(heads)]
        if site in self.whole and {profile[step] for profile in profiles} == {"r"}:
            return self.last[branch, call].clone()
        out, donor = full.clone(), self.shared.get(call, (None,))
        taken = branch == 1 and self.share[step] == "1" and donor[0] == step
        if taken:
            out[:, :, image] = donor[1]
        for head, profile in enumerate(profiles):
            at = (slice(None), slice(head, head + 1))
            if taken:
                self._taken(profile, step, (call, head), out[at], donor[2] == self._forwards)
                continue
            out[at] = self._head(profile, step, (branch, call, head), full[at], q[at], k[at], v[at], mask, pictures)
            self.full += 4 * q.shape[3] * q.shape[2] ** 2 * q.shape[0] * (profile[step] == "f")
        if branch == 0:
            self.shared[call] = (step, out[:, :, image], self._forwards)
        self.last[branch, call] = out
        return out

    def _taken(self, profile, step, key, out, together):
        """What a branch whose output is the other's has for later steps: that output where it would have computed one,
        and the other's new residual where both are in one forward.
        """
        letter, (kept, residual) = profile[step], self.cached.get((1, *key), (None, None))
        if letter == "f":
            residual = self.cached[(0, *key)][1] if together and _next_residual(profile, step) else None
        self.cached[(1, *key)] = (kept if letter == "r" else out.clone(), residual)

    def _head(self, profile, step, key, full, q, k, v, mask, pictures):
        letter = profile[step]
        kept, residual = self.cached.get(key, (None, None))
        lost = letter.isupper() and residual is None
        if letter == "f" or lost:
            out, way = full.clone(), letter if lost else _next_residual(profile, step)
            if way:
                residual = (full - self._window(way, q, k, v, mask, pictures))[:, :, _rows(pictures)]
        elif letter == "r":
            return kept.clone()
        else:
            out = self._window(letter, q, k, v, mask, pictures)
            if letter.isupper():
                out[:, :, _rows(pictures)] += residual
        self.cached[key] = (out.clone(), residual)
        return out

    def _window(self, letter, q, k, v, mask, pictures):
        extent = self.windows[int(letter) if letter.isdigit() else ord(letter) - ord("A")]
        if len(pictures[0][1]) < len(extent):
            return _softmax(q, k, v, mask)
        seen = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool)
        pooled: list[tuple] = []
        for grid, starts in _together(pictures):
            box, tile, rows = box_mask(grid, extent), tile_of(grid), torch.cat([_at(start, grid) for start in starts])
            boxes, tiles = box.repeat(len(starts), len(starts)), tile.repeat(len(starts))
            seen[rows[:, None], rows] = boxes
            if not box.all():
                pooled.append((_pooled(q, k, v, rows, tiles), rows, boxes, tiles))
        if not self.pooled or not pooled:
            return _softmax(q, k, v, mask, seen)
        logits, values = [_logits(q, k, mask, seen)], [v]
        for (keys, some, bias), rows, boxes, tiles in pooled:
            far = torch.zeros(q.shape[2], keys.shape[2], dtype=torch.bool)
            for one in range(keys.shape[2]):
                far[rows, one] = ~boxes[:, tiles == one].any(1)
            logits.append(_logits(q, keys, None, far) + bias[:, :, None])
            values.append(some)
        return torch.cat(logits, 3).softmax(-1) @ torch.cat(values, 2)


def _at(start, grid) -> torch.Tensor:
    return torch.arange(start, start + math.prod(grid))


def _rows(pictures) -> torch.Tensor:
    """Positions of the tokens of pictures."""
    return torch.cat([_at(start, grid) for start, grid, _ in pictures])


def _together(pictures) -> list[tuple[tuple[int, ...], list[int]]]:
    """Grids, and where the pictures begin that stand at the same place."""
    found: dict = {}
    for start, grid, place in pictures:
        found.setdefault((grid, place), []).append(start)
    return [(grid, starts) for (grid, _), starts in found.items()]


def _next_residual(profile, step) -> str:
    """The letter of the residuals that stand on this full step; empty where none do."""
    return next((one for one in profile[step + 1 :].split("f")[0] if one.isupper()), "")


def tile_of(grid) -> torch.Tensor:
    """The number of each token's tile, on small grids."""
    flat = [1] * (3 - len(grid)) + list(grid)
    number = torch.zeros(flat, dtype=torch.long)
    for axis, (count, size) in enumerate(zip(flat, ([1] if flat[0] == 1 else [2]) + [4, 4])):
        tile = torch.arange(count) // min(size, count)
        number = number * (int(tile[-1]) + 1) + tile.view([-1 if a == axis else 1 for a in range(3)])
    return number.flatten()


def _pooled(q, k, v, image, tile):
    """The mean key and value of each tile, and what is added to its logit, as kernels/pooling.py explains it."""
    scale, spread = q.shape[3] ** -0.5, q[:, :, image].square().mean(2)
    keys, values, bias = [], [], []
    for one in range(int(tile.max()) + 1):
        of = k[:, :, image][:, :, tile == one]
        keys.append(of.mean(2))
        values.append(v[:, :, image][:, :, tile == one].mean(2))
        weight = torch.tensor(float(of.shape[2]), dtype=of.dtype).log()
        more = (of.var(2, correction=0) * spread).sum(2) * scale**2 / 2
        bias.append(weight + more.clamp(max=float(weight)))
    return torch.stack(keys, 2), torch.stack(values, 2), torch.stack(bias, 2)


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


def _logits(q, k, mask, seen=None):
    logits = q @ k.transpose(2, 3) * q.shape[3] ** -0.5
    if mask is not None:
        mask = mask.view((1,) * (3 - mask.ndim) + mask.shape) if mask.ndim < 3 else mask
        mask = mask[:, None] if mask.ndim == 3 else mask
        logits = logits.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else logits + mask.double()
    return logits if seen is None else logits.masked_fill(~seen, -math.inf)


def _softmax(q, k, v, mask, seen=None):
    return _logits(q, k, mask, seen).softmax(-1) @ v
