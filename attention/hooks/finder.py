"""Looking for the sites of a model that no record covers, and opening them during its runs; see `discovery`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from ..families import Site
from .call import joins_itself
from .discovery import Discovery
from .sites import attend, with_attention

_OVERRIDE = "optimized_attention_override"


class Finder:
    """Looks for the sites of one patched model, and opens them during its runs."""

    def __init__(self, installation, discovery: Discovery):
        self._installation = installation
        self._discovery = discovery
        self._search: _Search | None = None
        self._around: list[tuple[torch.nn.Module, Callable | None]] = []

    @property
    def needed(self) -> bool:
        """Whether nothing is known yet."""
        return not self._discovery.found

    def look(self, network: torch.nn.Module, evaluate: Callable, latent: torch.Tensor) -> None:
        """Evaluate the model once and learn where it attends. Random numbers are put back."""
        device = latent.device
        self._search = search = _Search(_plain(network))
        try:
            with torch.random.fork_rng([device] if device.type == "cuda" else []), search.watching():
                evaluate()
        finally:
            self._search = None
        self._discovery.learn(search.calls, search.latent, network)

    def saw(self, args: tuple, kwargs: dict) -> None:
        """The host's attention function is called, and an override sees it."""
        if self._search is not None:
            self._search.saw(args, kwargs, hidden=False)

    def entering(self, latent: tuple[int, ...]) -> None:
        """A forward of the model begins."""
        if self._search is not None:
            self._search.latent = latent

    def open(self, network: torch.nn.Module, sites: tuple[Site, ...]) -> None:
        """Put hooks around the sites, which stay until `close`."""
        if self._around:
            return
        for number, site in enumerate(sites):
            module = _plain(network).get_submodule(site.name)
            self._around.append((module, module.__dict__.get("forward")))
            module.forward = Around(self._installation, number, module.forward, site.rebind)

    def close(self) -> None:
        """Take the hooks off."""
        for module, forward in reversed(self._around):
            _put_back(module, forward)
        self._around.clear()


class Around:
    """The forward of a module in which a site's attention is called."""

    def __init__(self, installation, number: int, original: Callable, hidden: bool):
        self._installation = installation
        self._number = number
        self._function = (with_attention(original, self._attend) if hidden else None) or original

    @torch.compiler.disable
    def __call__(self, *args, **kwargs):
        forward = self._installation.forward
        if forward is None:
            return self._function(*args, **kwargs)
        forward.inside.append(self._number)
        try:
            return self._function(*args, **kwargs)
        finally:
            forward.inside.pop()

    def _attend(self, inner: Callable, *args, **kwargs):
        return attend(self._installation, inner, args, kwargs)


class _Search:
    """One evaluation that is looked at. calls: by the name of the innermost module around them, in order, (heads, head
    size, tokens, whether no override sees them) of those with the most tokens.
    """

    def __init__(self, network: torch.nn.Module):
        self.calls: dict[str, tuple[int, int, int, bool]] = {}
        self.latent: tuple[int, ...] = ()
        self._network = network
        self._inside: list[str] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Hooks on every module while the context lasts."""
        handles, bound = [], []
        try:
            for name, module in self._network.named_modules():
                handles.append(module.register_forward_pre_hook(lambda *_, name=name: self._inside.append(name)))
                handles.append(module.register_forward_hook(lambda *_: self._leave(), always_call=True))
                # The module's own code may hand its attention function no options, so that no override sees it.
                rebound = with_attention(module.forward, self._called)
                if rebound is not None:
                    bound.append((module, module.__dict__.get("forward")))
                    module.forward = rebound
            yield
        finally:
            for module, forward in bound:
                _put_back(module, forward)
            for handle in handles:
                handle.remove()

    def saw(self, args: tuple, kwargs: dict, hidden: bool) -> None:
        """One call of the host's attention function."""
        call = joins_itself(args, kwargs)
        name = self._inside[-1] if self._inside else ""
        if call is not None and name and call[2] > self.calls.get(name, (0, 0, 0))[2]:
            self.calls[name] = (*call, hidden)

    def _leave(self) -> None:
        self._inside.pop()

    def _called(self, inner: Callable, *args, **kwargs):
        if _OVERRIDE not in (kwargs.get("transformer_options") or {}):
            self.saw(args, kwargs, hidden=True)
        return inner(*args, **kwargs)


def _put_back(module: torch.nn.Module, forward: Callable | None) -> None:
    """Give a module the forward that it had: of its class, or one that the host put there."""
    if forward is None:
        del module.forward
    else:
        module.forward = forward


def _plain(network):
    """A network without the wrapper that compiling puts around it."""
    return getattr(network, "_orig_mod", network)
