"""Attention functions that a file names for single layers, as hosts from 0.40 on have them, by stand-ins.

Such a host gives each call the layer's own function, unless anything overrides its attention: then nothing but the
stock function reaches the override.
"""

import contextlib
import sys
import types

import pytest
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from host import tiny

tiny.require_host()

import comfy.ldm.modules.attention as host_attention  # noqa: E402
import comfy.model_prefetch  # noqa: E402

from ditfastattn.attention.hooks.model import HostModel  # noqa: E402
from ditfastattn.attention.hooks.patch import attached, remove  # noqa: E402
from host.applying import apply_plan  # noqa: E402
from host.hand_plans import hand_plan  # noqa: E402

pytestmark = pytest.mark.host
SLOT = "optimized_attention_override"


class Preference(types.SimpleNamespace):
    """What a layer of such a host carries: `function`, and `config` as the file says it."""


def asking(calls):
    """A function that a file might name; its output differs from the stock one's."""

    def named(q, k, v, heads, *args, **kwargs):
        calls.append(heads)
        kwargs.pop("transformer_options", None)
        return host_attention.attention_pytorch(q, k, v, heads, *args, **kwargs) * 1.25

    return named


# By family, the layers that carry the preference: of a site's attention, and of one that is no site.
LAYERS = {
    "sd3": ("joint_blocks.{}.x_block.attn", None),
    "flux": ("{}_blocks.{}", None),
    "wan21_t2v": ("blocks.{}.self_attn", "blocks.{}.cross_attn"),
}


def layers(family):
    site, other = LAYERS[family]
    if family == "flux":
        return [site.format(kind, number) for kind in ("double", "single") for number in range(2)]
    return [path.format(number) for path in (site, other) if path for number in range(2)]


@contextlib.contextmanager
def newer_host(family, function, config=None):
    """A model of which each of the layers names a function, on a host that calls it unless there is an override."""
    model = tiny.make_model(family)
    network, here = model.model.diffusion_model, []
    for path in layers(family):
        layer = network.get_submodule(path)
        layer.comfy_attention = Preference(function=function, config=config)
        entered = layer.forward if family != "sd3" else layer.pre_attention

        def into(*args, _layer=layer, _entered=entered, **kwargs):
            here[:] = [_layer]
            return _entered(*args, **kwargs)

        setattr(layer, "forward" if family != "sd3" else "pre_attention", into)

    def wrapped(stock):
        def attention(*args, **kwargs):
            options = kwargs.get("transformer_options") or {}
            asked = here[0].comfy_attention.function if here else None
            if SLOT in options:
                return options[SLOT](stock, *args, **kwargs)
            return (asked or stock)(*args, **kwargs)

        return attention

    holders = [
        (module, name, getattr(module, name))
        for key, module in list(sys.modules.items())
        if key.startswith("comfy.ldm.")
        for name in ("optimized_attention", "optimized_attention_masked")
        if hasattr(module, name)
    ]
    try:
        for module, name, stock in holders:
            setattr(module, name, wrapped(stock))
        yield model
    finally:
        for module, name, stock in holders:
            setattr(module, name, stock)


@pytest.mark.parametrize("family", LAYERS)
def test_all_full_is_what_the_file_asks_for_and_so_are_heads_in_full(family):
    calls, stock = [], tiny.sample(tiny.shared_model(family), family)
    with newer_host(family, asking(calls)) as model:
        plain = tiny.sample(model, family)
        asked = len(calls)
        assert asked and not torch.equal(plain, stock)
        calls.clear()
        full = apply_plan(model, hand_plan(model, family, "ffff"), "D1", strict=True)
        assert torch.equal(tiny.sample(full, family), plain) and len(calls) == asked
        assert not attached(full).runs.latest().notes
        calls.clear()
        mixed = apply_plan(model, hand_plan(model, family, ["f0f0", "ffff"]), "D1", strict=True)
        tiny.sample(mixed, family)
        of_some = [heads for heads in calls if heads == 1]
        assert len(calls) == asked and of_some, "heads in full go through the file's function, some of a layer too"
        assert torch.equal(tiny.sample(remove(mixed), family), plain)


def test_an_override_of_the_users_own_goes_before_the_file_as_the_host_has_it():
    calls = []
    with newer_host("sd3", asking(calls)) as model:
        model.model_options["transformer_options"][SLOT] = lambda func, *args, **kwargs: func(*args, **kwargs) * 1.5
        plain = tiny.sample(model, "sd3")
        full = apply_plan(model, hand_plan(model, "sd3", "ffff"), "D1", strict=True)
        assert torch.equal(tiny.sample(full, "sd3"), plain) and not calls


def test_what_a_file_asks_for_is_part_of_what_a_plan_is_for():
    def identity(function, config=None):
        with newer_host("sd3", function, config) as model:
            return HostModel.of(model).identity.fingerprint

    plain = HostModel.of(tiny.shared_model("sd3")).identity.fingerprint
    named = asking([])
    some = [
        plain,
        identity(named),
        identity(named, {"attention": "int8"}),
        identity(named, {"attention": "sol", "tau": 1}),
    ]
    assert len(set(some)) == 4 and identity(None) == plain


def test_replaced_layers_are_marked_so_that_fused_layers_do_not_pass_them_by():
    patched = apply_plan(tiny.shared_model("flux"), hand_plan(tiny.shared_model("flux"), "flux", "frfr"), "D1")
    hooks = [patch for name, patch in patched.object_patches.items() if name.endswith(".forward")]
    assert hooks and all(hook.comfy_force_forward for hook in hooks)


class Recorded(TorchDispatchMode):
    """Storages that are made inside a block while its recording is not paused, as weak references."""

    def __init__(self):
        super().__init__()
        self.inside = self.paused = False
        self.made: list[StorageWeakRef] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        output = function(*args, **(kwargs or {}))
        if self.inside and not self.paused and isinstance(output, torch.Tensor):
            given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
            if not {one.untyped_storage().data_ptr() for one in given} & {output.untyped_storage().data_ptr()}:
                self.made.append(StorageWeakRef(output.untyped_storage()))
        return output

    @contextlib.contextmanager
    def pause(self):
        before, self.paused = self.paused, True
        try:
            yield
        finally:
            self.paused = before

    def around(self, forward, outlived):
        """A block's forward as the host records it; what is left of it when it is over goes to `outlived`."""

        def block(*args, **kwargs):
            self.inside = True
            output = forward(*args, **kwargs)
            self.inside = False
            own = {StorageWeakRef(one.untyped_storage()) for one in tree_leaves(output) if one is not None}
            outlived.extend(one for one in self.made if not one.expired() and one not in own)
            self.made.clear()
            return output

        return block


@pytest.mark.parametrize("family", ["sd3", "flux", "wan21_t2v"])
def test_nothing_that_outlives_a_block_is_made_inside_a_recorded_graph(family, monkeypatch):
    model, recorded, outlived = tiny.make_model(family), Recorded(), []
    blocks = {"sd3": "joint_blocks", "flux": "double_blocks", "wan21_t2v": "blocks"}[family]
    for block in model.model.diffusion_model.get_submodule(blocks):
        block.forward = recorded.around(block.forward, outlived)
    patched = apply_plan(model, hand_plan(model, family, ["ffrr", "f0rf", "fAfr", "frfr"], "0110"), "D1", strict=True)
    with recorded:
        tiny.sample(patched, family, split=True)
    assert outlived, "without the host's pause it would"
    outlived.clear()
    monkeypatch.setattr(comfy.model_prefetch, "pause_malloc_graph", recorded.pause, raising=False)
    with recorded:
        tiny.sample(patched, family, split=True)
    assert attached(patched).runs.latest().cache_bytes and not outlived
