"""Putting the hooks on a clone of a model, and taking them off.

The host offers four places: wrappers around a sampling run, a model evaluation and a forward; one override of its
attention function; object patches of callables inside the model; and a callback for cleaning up. All that decides what
a site computes goes through here. Two listeners add a wrapper of their own, which changes nothing: the trajectory that
`calibration.trajectory` records, and the outputs that `calibration.papers.v1` compares. Host modules are never edited.
"""

from __future__ import annotations

from comfy.patcher_extension import CallbacksMP, WrappersMP

from .finder import Finder
from .guidance import KEY
from .installation import Installation
from .listener import RunListener
from .model import HostModel
from .preferred import others
from .presence import SLOT
from .processor import MakeProcessor
from .record import RunLog
from .sites import EntryHook, ExitHook, Hook, ModuleHook, Override, PreferenceHook

_ROOT = "diffusion_model."


def install(
    model: HostModel,
    make_processor: MakeProcessor,
    runs: RunLog,
    *,
    strict: bool = True,
    listener: RunListener | None = None,
):
    """A clone of the model's patcher with the hooks on. Hooks of this pack that were on before are taken off it first.

    make_processor(run): called when a sampling run begins. strict: an error while a run begins stops it;
    otherwise the run goes on with full attention and a note. listener: hears of every run.
    """
    patched = remove(model.patcher)
    installation = Installation(model, make_processor, runs, strict, listener)
    for kind, wrapper in (
        (WrappersMP.OUTER_SAMPLE, installation.outer_sample),
        (WrappersMP.PREPARE_SAMPLING, installation.prepare_sampling),
        (WrappersMP.SAMPLER_SAMPLE, installation.sampler_sample),
        (WrappersMP.PREDICT_NOISE, installation.predict_noise),
        (WrappersMP.CALC_COND_BATCH, installation.calc_cond_batch),
        (WrappersMP.APPLY_MODEL, installation.apply_model),
    ):
        patched.add_wrapper_with_key(kind, KEY, wrapper)
    patched.add_callback_with_key(CallbacksMP.ON_CLEANUP, KEY, installation.release)
    for number, site in enumerate(model.sites if model.family.placed else ()):
        _patch_site(patched, installation, number, site)
    if not model.family.placed:
        installation.finder = Finder(installation, model.known)
    if installation.finder or not all(site.rebind for site in model.sites):
        options = patched.model_options.setdefault("transformer_options", {})
        options[SLOT] = installation.override = Override(installation, options.get(SLOT))
        for path in others(model.diffusion_model, model.sites):
            layer = model.diffusion_model.get_submodule(path)
            _patch(patched, PreferenceHook, installation, -1, f"{path}.forward", layer=layer)
    patched.set_attachments(KEY, installation)
    return patched


def _patch_site(patched, installation: Installation, number: int, site) -> None:
    def patch(kind, path: str, **extra):
        _patch(patched, kind, installation, number, path, **extra)

    for entry in site.entries:
        patch(EntryHook, entry.path, output=entry.output, width=site.heads * site.head_dim)
    for stream, path in enumerate(site.exits):
        patch(ExitHook, path, stream=stream)
    if site.module:
        patch(ModuleHook, f"{site.module}.forward")


def _patch(patched, kind, installation: Installation, number: int, path: str, **extra) -> None:
    name = _ROOT + path
    previous = patched.object_patches.get(name)
    bound = patched.get_model_object(name)
    installation.hooks[name] = hook = kind(installation, number, path, bound, previous, **extra)
    patched.add_object_patch(name, hook)


def remove(model_patcher):
    """A clone of the model without this pack's hooks, whatever else is on it kept."""
    clean = model_patcher.clone()
    for kind in (
        WrappersMP.OUTER_SAMPLE,
        WrappersMP.PREPARE_SAMPLING,
        WrappersMP.SAMPLER_SAMPLE,
        WrappersMP.PREDICT_NOISE,
        WrappersMP.CALC_COND_BATCH,
        WrappersMP.APPLY_MODEL,
    ):
        clean.remove_wrappers_with_key(kind, KEY)
    clean.callbacks.get(CallbacksMP.ON_CLEANUP, {}).pop(KEY, None)
    for name, patch in list(clean.object_patches.items()):
        if isinstance(patch, Hook):
            if patch.previous is None:
                del clean.object_patches[name]
            else:
                clean.object_patches[name] = patch.previous
    options = clean.model_options.get("transformer_options", {})
    override = options.get(SLOT)
    if isinstance(override, Override):
        options.pop(SLOT)
        if override.previous is not None:
            options[SLOT] = override.previous
    clean.remove_attachments(KEY)
    return clean


def attached(model_patcher):
    """The Installation that this pack left on a model, or None."""
    return model_patcher.get_attachment(KEY)


def listen(model_patcher, runs: RunLog, listener: RunListener | None):
    """A clone of the model whose runs are only heard of: nothing in it is patched, and any model will do."""
    heard = remove(model_patcher)
    installation = Installation(None, None, runs, False, listener)
    for kind, wrapper in (
        (WrappersMP.OUTER_SAMPLE, installation.outer_sample),
        (WrappersMP.SAMPLER_SAMPLE, installation.sampler_sample),
        (WrappersMP.PREDICT_NOISE, installation.predict_noise),
    ):
        heard.add_wrapper_with_key(kind, KEY, wrapper)
    heard.add_callback_with_key(CallbacksMP.ON_CLEANUP, KEY, installation.release)
    heard.set_attachments(KEY, installation)
    return heard
