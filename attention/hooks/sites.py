"""The callables that this pack puts into a model: each tells the installation where the model is, and asks its
processor what to do there.
"""

from __future__ import annotations

import comfy.ldm.modules.attention
import torch

from .call import AttentionCall
from .installation import Installation


class Hook:
    """A patched callable inside the model. `previous`: another pack's patch of the same callable, if any."""

    def __init__(self, installation: Installation, number: int, path: str, bound, previous):
        self.installation = installation
        self.number = number
        self.path = path
        self.bound = bound
        self.previous = previous

    def original(self):
        return self.previous or self.installation.resolve(self.path, self.bound)


class EntryHook(Hook):
    """Opens a site; makes blanks instead of q, k, v when the site is skipped."""

    def __init__(self, *args, output: str, width: int):
        super().__init__(*args)
        self.output = output
        self.width = width

    @torch.compiler.disable
    def __call__(self, *args, **kwargs):
        call = self.installation.open(self.number)
        if call is None or not call.skip:
            return self.original()(*args, **kwargs)
        if self.output == "pair":
            return args[0], args[1]
        x = args[0]
        blank = x.new_zeros(1)
        if self.output == "fused":
            return blank.expand(*x.shape[:2], 3 * self.width)
        return (blank.expand(*x.shape[:2], self.width),) * 3


class ExitHook(Hook):
    """An output projection: kept for later steps, or replayed."""

    def __init__(self, *args, stream: int):
        super().__init__(*args)
        self.stream = stream

    @torch.compiler.disable
    def __call__(self, *args, **kwargs):
        installation = self.installation
        forward = installation.forward
        call = forward.open.get(installation.sites[self.number].name) if forward is not None else None
        if call is not None and call.skip:
            return installation.processor.replay(forward, call, self.stream)
        output = self.original()(*args, **kwargs)
        if call is not None:
            installation.processor.leave(forward, call, self.stream, output)
        return output


class ModuleHook(Hook):
    """The forward of an attention module that is a whole site."""

    @torch.compiler.disable
    def __call__(self, x, *args, **kwargs):
        installation = self.installation
        call = installation.open(self.number)
        if call is None:
            return self.original()(x, *args, **kwargs)
        forward = installation.forward
        if call.skip:
            forward.pending.clear()
            return installation.processor.replay(forward, call, 0)
        try:
            output = self._compute(forward, call, x, args, kwargs)
        finally:
            forward.pending.clear()
        installation.processor.leave(forward, call, 0, output)
        return output

    def _compute(self, forward, call, x, args, kwargs):
        installation = self.installation
        own = installation.family.own_forward
        if own is None or self.previous is not None:
            return self.original()(x, *args, **kwargs)
        if installation.processor.leaves_to_host(forward, call, *x.shape[:2]):
            return self.original()(x, *args, **kwargs)
        module = forward.diffusion_model.get_submodule(call.site.module)
        function = comfy.ldm.modules.attention.optimized_attention

        def attend(q, k, v):
            attention = AttentionCall.of_heads(function, q, k, v, call.site.heads)
            return installation.processor.attend(forward, call, attention)

        return own(module, attend, self.original())(x, *args, **kwargs)


class Override:
    """The host's one slot for another attention function. An earlier override is called through, never replaced."""

    def __init__(self, installation: Installation, previous):
        self.installation = installation
        self.previous = previous

    @torch.compiler.disable
    def __call__(self, func, *args, **kwargs):
        inner = func if self.previous is None else _through(self.previous, func)
        installation = self.installation
        call = installation.current(kwargs.get("transformer_options") or {})
        if call is None or installation.processor is None:
            return inner(*args, **kwargs)
        shape = (args[0] if args else kwargs["q"]).shape  # (B, L, H*D) or (B, H, L, D)
        if not call.skip and installation.processor.leaves_to_host(installation.forward, call, shape[0], shape[-2]):
            return inner(*args, **kwargs)
        attention = AttentionCall.of_host(inner, args, kwargs)
        if call.skip:
            return installation.processor.skipped(installation.forward, call, attention)
        return installation.processor.attend(installation.forward, call, attention)


def _through(previous, func):
    def call(*args, **kwargs):
        return previous(func, *args, **kwargs)

    return call
