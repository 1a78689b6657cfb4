"""What a plan means however a run is sampled: masked softmax in float64, with bookkeeping by identity.

Nothing of the pack's is in it but the letters of a plan. A branch is what the host calls it (uuid, index, window over
frames); a step is the nearest noise level of the run; a second time through the model with the same branch in one
evaluation is a side pass, which is computed in full and remembered by nobody.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field

import comfy.samplers
import torch

from host.oracle import FUNCTIONS, _softmax, box_mask


@dataclass
class Oracle:
    """profiles: letters, one a step of the run, of heads in turn over all sites. share: a digit a step. before: tokens
    that stand before the picture's; joint: whether any may. sites: self-attention calls of a forward. dense: FLOPs of
    those that there were, all passes and branches.
    """

    profiles: list[str]
    share: str
    windows: tuple[tuple[float, ...], ...]
    sites: int
    patch: tuple[int, ...]
    joint: bool
    kept: dict = field(default_factory=dict)
    single: Counter = field(default_factory=Counter)
    seen: set = field(default_factory=set)
    offers: dict = field(default_factory=dict)
    branches: list = field(default_factory=list)
    step: int = 0
    call: int = 0
    dense: int = 0
    grid: tuple[int, ...] = ()

    @contextmanager
    def inside(self, model):
        """A clone of the model that follows the letters while the context lasts."""
        patched = model.clone()
        if "get_free_memory" in vars(model):  # of a case with little of it
            patched.get_free_memory = model.get_free_memory
        inner = patched.model_options.get("model_function_wrapper")
        patched.set_model_unet_function_wrapper(lambda apply, args: self._forward(inner, apply, args))
        patched.add_wrapper_with_key("predict_noise", "oracle", self._evaluation)
        patched.add_wrapper_with_key("calc_cond_batch", "oracle", self._conditionings)
        holders = [
            (module, name, getattr(module, name))
            for key, module in list(sys.modules.items())
            if key.startswith("comfy.ldm.")
            for name in FUNCTIONS
            if hasattr(module, name)
        ]
        try:
            for module, name, _ in holders:
                setattr(module, name, self._replacement())
            yield patched
        finally:
            for module, name, function in holders:
                setattr(module, name, function)

    def _evaluation(self, executor, *args, **kwargs):
        self.seen.clear()
        self.offers.clear()
        return executor(*args, **kwargs)

    def _conditionings(self, executor, model, conds, x, timestep, *args, **kwargs):
        """How many conditionings of each branch the host evaluates for each shape of a latent."""
        made = [
            (found.input_x.shape, index)
            for index, some in enumerate(conds)
            for found in (comfy.samplers.get_area_and_mult(one, x, timestep) for one in some or ())
            if found is not None
        ]
        self.single = Counter(made)
        return executor(model, conds, x, timestep, *args, **kwargs)

    def _forward(self, inner, apply_model, args):
        options = args["c"]["transformer_options"]
        window = getattr(options.get("context_window"), "index_list", None)
        window = None if window is None else tuple(window)
        levels = options["sample_sigmas"][:-1].tolist()
        now = float(options["sigmas"].flatten()[0])
        self.step = min(range(len(levels)), key=lambda step: abs(levels[step] - now))
        indices, rows = args["cond_or_uncond"], len(args["input"]) // len(args["cond_or_uncond"])
        keys = [(uuid, index, window) for uuid, index in zip(options["uuids"], indices)]
        aside = bool(set(keys) & self.seen)
        self.seen |= set(keys)
        self.branches = [] if aside else [(key, slice(n * rows, (n + 1) * rows)) for n, key in enumerate(keys)]
        # Several latents come as one row of values, the picture's first.
        shape = (args["c"].get("latent_shapes") or [args["input"].shape])[0]
        self.grid = tuple(-(-side // size) for side, size in zip(shape[-len(self.patch) :], self.patch))
        one = torch.Size((rows, *args["input"].shape[1:]))
        self.paired = self.single[one, 0] == self.single[one, 1] == 1
        self.call = 0
        self.inside_model = True
        try:
            if inner is None:
                return apply_model(args["input"], args["timestep"], **args["c"])
            return inner(apply_model, args)
        finally:
            self.inside_model = False

    inside_model: bool = False
    paired: bool = False  # each branch is one conditioning, for latents such as this forward's

    def _replacement(self):
        def attention(q, k, v, heads, mask=None, attn_precision=None, skip_reshape=False, **kwargs):
            if not skip_reshape:
                width = q.shape[2:].numel() // heads
                q, k, v = (x.reshape(*x.shape[:2], -1, width).transpose(1, 2) for x in (q, k, v))
            q, k, v = q.double(), k.double(), v.double()
            out = _softmax(q, k, v, mask)
            image = math.prod(self.grid)
            own = q.shape[2] == k.shape[2] and (q.shape[2] >= image if self.joint else q.shape[2] == image)
            if self.inside_model and own and self.call < self.sites:
                self.dense += 4 * q.shape[2] * q.numel()
                if self.branches:
                    out = self._site(self.call, out, q, k, v, slice(q.shape[2] - image, None))
                self.call += 1
            out = out.to(torch.float32)
            return out if kwargs.get("skip_output_reshape") else out.transpose(1, 2).flatten(2)

        return attention

    def _site(self, site, full, q, k, v, image):
        out, heads, shared = full.clone(), q.shape[1], self.share[self.step] == "1" and self.paired
        order = sorted(self.branches, key=lambda one: one[0][1])  # the conditional one first
        by_index = [key[1] for key, _ in order]
        donor = None
        for key, rows in order:
            takes = None
            if shared and key[1] == 1:
                takes = donor if by_index == [0, 1] else self._offered(site, key) if by_index == [1] else None
            for head in range(heads):
                at = (rows, slice(head, head + 1))
                store = self.kept.setdefault((key, site, head), {})
                if takes is not None:
                    out[at][:, :, image] = takes[0][:, head : head + 1]
                    store["out"] = (self.step, out[at].clone())
                    if takes[1] is not None:
                        source = self.kept[takes[1], site, head].get("rest")
                        if source is not None and source[0] == self.step:
                            store["rest"] = source
                    continue
                profile = self.profiles[(site * heads + head) % len(self.profiles)]
                out[at] = self._head(profile, store, full[at], q[at], k[at], v[at], image)
            if key[1] == 0:
                part = out[rows][:, :, image].clone()
                donor = (part, key)
                if shared and by_index == [0]:
                    place = (site, key[2], self.grid)
                    self.offers[place] = None if place in self.offers else (part, None)
        return out

    def _offered(self, site, key):
        return self.offers.get((site, key[2], self.grid))

    def _head(self, profile, store, full, q, k, v, image):
        step, letter = self.step, profile[self.step]
        before = profile[:step]
        if letter == "r":
            source = max(at for at, one in enumerate(before) if one != "r")
            if "out" in store and store["out"][0] >= source and store["out"][1].shape == full.shape:
                return store["out"][1]
        if letter.isdigit():
            out = self._window(letter, q, k, v, image)
        elif letter.isupper() and "rest" in store and store["rest"][0] >= before.rindex("f"):
            out = self._window(letter, q, k, v, image)
            out[:, :, image] += store["rest"][1]
        else:
            out = full.clone()
            later = [one for one in profile[step:].split("f")[letter == "f"] if one.isupper()]
            if later:
                store["rest"] = (step, (full - self._window(later[0], q, k, v, image))[:, :, image])
        store["out"] = (step, out.clone())
        return out

    def _window(self, letter, q, k, v, image):
        extent = self.windows[int(letter) if letter.isdigit() else ord(letter) - ord("A")]
        seen = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool)
        seen[image, image] = box_mask(self.grid, extent)
        return _softmax(q, k, v, None, seen)
