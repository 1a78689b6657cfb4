"""The callables that this pack puts into a model: each tells the installation where the model is, and asks its
processor what to do there.
"""

from __future__ import annotations

import types
from collections.abc import Callable

import torch

from ...sentences import say
from .allocation import unrecorded
from .call import AttentionCall, tokens_of
from .installation import Installation
from .preferred import function_of


class Hook:
    """A patched callable inside the model. `previous`: another pack's patch of the same callable, if any."""

    def __init__(self, installation: Installation, number: int, path: str, bound, previous):
        self.installation = installation
        self.number = number
        self.path = path
        self.bound = bound
        self.previous = previous
        # Where the host fuses a layer with its neighbours it passes by a forward without this mark.
        self.comfy_force_forward = True

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
        call = self.installation.open(self.number, self.path)
        if call is None or not call.skip:
            return self.original()(*args, **kwargs)
        if self.output == "pair":
            return args[0], args[1]
        x = args[0]
        blank = x.new_zeros(1)
        if self.output == "fused":
            return blank.expand(*x.shape[:2], 3 * self.width)
        if self.output == "single":
            return blank.expand(*x.shape[:2], self.width)
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
            with unrecorded():
                return installation.processor.replay(forward, call, self.stream)
        output = self.original()(*args, **kwargs)
        if call is not None and not call.aside:
            with unrecorded():
                installation.processor.leave(forward, call, self.stream, output)
        return output


class ModuleHook(Hook):
    """The forward of an attention module that is a whole site, whatever it is called with."""

    def __init__(self, *args):
        super().__init__(*args)
        self._returns_tuple = False
        self._unbatched = False

    @torch.compiler.disable
    def __call__(self, *args, **kwargs):
        installation = self.installation
        call = installation.open(self.number, self.path)
        if call is None:
            return self.original()(*args, **kwargs)
        forward, processor = installation.forward, installation.processor
        if call.skip:
            forward.pending.clear()
            with unrecorded():
                kept = tuple(processor.replay(forward, call, stream) for stream in range(call.site.outputs))
            if self._unbatched:
                kept = tuple(one[0] for one in kept)
            return kept if self._returns_tuple else kept[0]
        try:
            output = self._function(call)(*args, **kwargs)
        finally:
            forward.pending.clear()
        if call.passed and not call.attended:
            installation.undo(call)
        elif not call.aside:
            self._keep(call, output)
        return output

    def _function(self, call) -> Callable:
        """The module's own forward, with an attention function that this pack sees."""
        original = self.original()
        if not call.site.rebind:
            return original
        bound = with_attention(original, self._attend)
        if bound is None:
            self.installation.run.record.note(
                say(
                    "{layer} ran in full: another node has put a function of its own in the place of its layer.",
                    layer=call.site.name,
                )
            )
        return bound or original

    def _attend(self, inner: Callable, *args, **kwargs):
        return attend(self.installation, inner, args, kwargs)

    def _keep(self, call, output) -> None:
        self._returns_tuple = isinstance(output, tuple)
        outputs = output if self._returns_tuple else (output,)
        if len(outputs) != call.site.outputs or not all(isinstance(one, torch.Tensor) for one in outputs):
            return  # of another form than the family says: computed every time
        self._unbatched = outputs[0].ndim == 2  # (tokens, channels), in a model of one picture at a time
        with unrecorded():
            for stream, one in enumerate(one[None] if self._unbatched else one for one in outputs):
                self.installation.processor.leave(self.installation.forward, call, stream, one)


class PreferenceHook(Hook):
    """The forward of a layer that is no site, and whose file may name an attention function for it."""

    def __init__(self, *args, layer):
        super().__init__(*args)
        self._layer = layer

    @torch.compiler.disable
    def __call__(self, *args, **kwargs):
        before, self.installation.preference = self.installation.preference, function_of(self._layer)
        try:
            return self.original()(*args, **kwargs)
        finally:
            self.installation.preference = before


# What the host's modules import their attention function as.
_FUNCTIONS = ("optimized_attention", "optimized_attention_masked")


def with_attention(method, attend: Callable) -> Callable | None:
    """The same method with attend(function, ...) in the place of its attention function, and nothing else changed; None
    where it is no method that calls one.
    """
    function = getattr(method, "__func__", None)
    if not isinstance(function, types.FunctionType):
        return None
    called = [name for name in _FUNCTIONS if name in function.__code__.co_names and name in function.__globals__]
    if not called:
        return None
    names = dict(function.__globals__)
    for name in called:
        names[name] = _through(attend, names[name])
    copy = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return types.MethodType(copy, method.__self__)


class Override:
    """The host's one slot for another attention function. An earlier override is called through, never replaced."""

    def __init__(self, installation: Installation, previous):
        self.installation = installation
        self.previous = previous

    def around(self, previous) -> Override:
        """The same around what another node has put into the slot in its place."""
        return self if previous is None else Override(self.installation, previous)

    @torch.compiler.disable
    def __call__(self, func, *args, **kwargs):
        if self.previous is not None:
            return attend(self.installation, _through(self.previous, func), args, kwargs)
        return attend(self.installation, func, args, kwargs, may_choose=True)


def attend(installation: Installation, inner: Callable, args: tuple, kwargs: dict, may_choose: bool = False):
    """One call of the host's attention function `inner`, where it is a site's by the run's processor. may_choose:
    whether a function that the model's file names for the layer goes before `inner`, as the host has it where there is
    no override.
    """
    if installation.finder is not None:
        installation.finder.saw(args, kwargs)
    if installation.passes_by(args, kwargs):
        return (may_choose and installation.preferred_of_pending() or inner)(*args, **kwargs)
    call = installation.current(kwargs.get("transformer_options") or {}, args, kwargs)
    if may_choose:
        inner = (installation.preferred(call.number) if call is not None else installation.preference) or inner
    processor, forward = installation.processor, installation.forward
    if call is None or processor is None:
        return inner(*args, **kwargs)
    batch, call.length = tokens_of(args, kwargs)
    call.options = kwargs.get("transformer_options") or {}
    call.attended = True
    if call.aside:
        processor.aside(forward, call, batch, call.length)
        return inner(*args, **kwargs)
    if not call.skip and processor.leaves_to_host(forward, call, batch, call.length):
        return inner(*args, **kwargs)
    layout = forward.layout(call.site, call.length, call.options)
    attention = AttentionCall.of_host(inner, args, kwargs, layout, forward.hidden_keys)
    with unrecorded():
        if call.skip:
            return processor.skipped(forward, call, attention)
        return processor.attend(forward, call, attention)


def _through(previous: Callable, func: Callable) -> Callable:
    def call(*args, **kwargs):
        return previous(func, *args, **kwargs)

    return call
