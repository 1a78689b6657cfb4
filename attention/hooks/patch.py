"""Putting hooks on a clone of a model, and taking them off.

The host offers four places: wrappers around a sampling run, a model evaluation and a forward; one override of its
attention function; object patches of callables inside the model. All of them end here and lead to a `Processor`,
which decides what a site computes. Host modules are never edited.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import comfy.ldm.modules.attention
import comfy.model_management
import torch
from comfy.patcher_extension import CallbacksMP, WrappersMP

from ..families import Family, find_family
from .call import AttentionCall
from .model import latent_digest, noise_scale
from .record import RunLog, RunRecord, StepCount, Stopwatch
from .run import Forward, SamplingRun, SiteCall

KEY = "ditfastattn"
_OVERRIDE = "optimized_attention_override"
_ROOT = "diffusion_model."


class Processor(Protocol):
    """What happens at a site. One is made for every sampling run and dropped after it."""

    def announce(self, noise_shape, model) -> int:
        """Bytes that the run will hold besides the model's own, for the host's memory estimate."""

    def evaluate(self, predict: Callable[[], torch.Tensor], x: torch.Tensor, sigma: float) -> torch.Tensor:
        """Run one model evaluation at latent x and a noise level; `predict()` does it, as often as it is called."""

    def plain(self, forward: Forward, call: SiteCall, rows: int, length: int) -> bool:
        """Whether the host's own attention module does all there is to do at a site with (rows, length) tokens."""

    def open(self, forward: Forward, call: SiteCall) -> None:
        """A tracked site begins; may set `call.skip` to leave projections and attention out."""

    def attend(self, forward: Forward, call: SiteCall, attention: AttentionCall) -> torch.Tensor:
        """The site's attention output in the host's format."""

    def skipped(self, forward: Forward, call: SiteCall, attention: AttentionCall) -> torch.Tensor:
        """What stands in for the attention output of a skipped site."""

    def leave(self, forward: Forward, call: SiteCall, stream: int, output: torch.Tensor) -> None:
        """An output projection of the site returned."""

    def replay(self, forward: Forward, call: SiteCall, stream: int) -> torch.Tensor:
        """The kept projected output of a skipped site."""

    def close(self) -> None:
        """The run is over, in whatever way: free everything."""


MakeProcessor = Callable[["Installation", SamplingRun], Processor]


class Installation:
    """The hooks of one patched model, and the run that is going through them (at most one at a time)."""

    def __init__(self, family: Family, sites, make_processor: MakeProcessor, runs: RunLog, model, strict: bool):
        self.family = family
        self.sites = sites
        self.runs = runs
        self.run: SamplingRun | None = None
        self.processor: Processor | None = None
        self.forward: Forward | None = None
        self._make_processor = make_processor
        self._model = model
        self._strict = strict
        self._by_block = {site.block: number for number, site in enumerate(sites) if site.block}

    # -- the run ---------------------------------------------------------------------------------------------------

    def outer_sample(self, executor, *args, **kwargs):
        """Wraps a whole sampling run: (noise, latent_image, sampler, sigmas, ...)."""
        guider = executor.class_obj
        if self.run is not None:
            return executor(*args, **kwargs)
        record = self._begin_run(guider, args, kwargs)
        if record is None:
            return executor(*args, **kwargs)
        seconds = Stopwatch()
        try:
            output = executor(*args, **kwargs)
            record.state = "done"
            record.digest = latent_digest(output)
            return output
        finally:
            record.seconds = seconds()
            if record.state != "done":
                record.state = "interrupted"
            self.release()

    def _begin_run(self, guider, args, kwargs) -> RunRecord | None:
        sigmas = args[3] if len(args) > 3 else kwargs["sigmas"]
        sampler = args[2] if len(args) > 2 else kwargs["sampler"]
        seed = args[7] if len(args) > 7 else kwargs.get("seed")
        levels = [float(sigma) for sigma in sigmas[:-1]]
        if not levels:
            return None
        position_of = noise_scale(guider.model_patcher.get_model_object("model_sampling"))
        positions = [position_of(level) for level in levels]
        function = getattr(sampler, "sampler_function", None)
        cfg = float(getattr(guider, "cfg", 1.0))
        info = {
            "sampler": getattr(function, "__name__", type(sampler).__name__).removeprefix("sample_"),
            "steps": len(levels),
            "cfg": cfg,
            "seed": seed,
        }
        record = RunRecord([StepCount(position) for position in positions], info)
        shares = type(guider).__name__ == "CFGGuider" and cfg != 1.0
        run = SamplingRun(levels, positions, position_of, record, shares)
        self.runs.open(record)
        try:
            self.processor = self._make_processor(self, run)
            self.run = run
        except Exception as error:
            if self._strict:
                raise
            record.note(f"The plan could not be started ({error}), so the run was made with full attention.")
        return record

    def release(self, *_args, **_kwargs) -> None:
        """Drop everything the run held. Called at the end of a run and, should that fail, by the host's clean-up."""
        if self.processor is not None:
            self.processor.close()
        self.run = self.processor = self.forward = None

    def prepare_sampling(self, executor, model, noise_shape, *args, **kwargs):
        """Announces the bytes of the caches by asking memory for a proportionally larger batch."""
        if self.processor is None:
            return executor(model, noise_shape, *args, **kwargs)
        extra = self.processor.announce(noise_shape, model)
        own = model.model.memory_required([noise_shape[0] * 2, *noise_shape[1:]])
        shape = list(noise_shape)
        if extra and own:
            shape[0] = -int(-shape[0] * (own + extra) // own)
        return executor(model, type(noise_shape)(shape), *args, **kwargs)

    def predict_noise(self, executor, x, timestep, model_options=None, *args, **kwargs):
        """Wraps one evaluation of the model by the sampler."""
        if self.run is None or self.processor is None:
            return executor(x, timestep, model_options, *args, **kwargs)
        if (model_options or {}).get("multigpu_clones"):
            self.run.record.note("The model is split over several GPUs, so attention ran in full.")
            return executor(x, timestep, model_options, *args, **kwargs)
        run, seconds = self.run, Stopwatch()

        def predict():
            run.begin_evaluation(sigma)
            try:
                return executor(x, timestep, model_options, *args, **kwargs)
            finally:
                run.end_evaluation()

        sigma = float(timestep.flatten()[0])
        try:
            return self.processor.evaluate(predict, x, sigma)
        finally:
            run.record.steps[run.step].seconds += seconds()

    def apply_model(self, executor, x, *args, **kwargs):
        """Wraps one forward of the model: (x, t, c_concat, c_crossattn, control, transformer_options)."""
        if self.run is None or self.forward is not None:
            return executor(x, *args, **kwargs)
        options = kwargs.get("transformer_options") or (args[4] if len(args) > 4 else {})
        self.forward = self.run.begin_forward(executor.class_obj.diffusion_model, self.family, x, options)
        try:
            return executor(x, *args, **kwargs)
        finally:
            self.forward = None

    # -- a site ----------------------------------------------------------------------------------------------------

    def open(self, number: int) -> SiteCall | None:
        """This forward's call of site `number`, opened at its first callable; None outside tracked forwards."""
        forward = self.forward
        if forward is None or not forward.tracked or self.processor is None:
            return None
        site = self.sites[number]
        call = forward.open.get(site.name)
        if call is None:
            call = forward.open[site.name] = SiteCall(site, number)
            self.processor.open(forward, call)
            if forward.pending and not site.name.startswith(forward.pending[0].site.name + "."):
                forward.pending.clear()  # an earlier site's attention never came: another pack replaced its block
            forward.pending.append(call)
        return call

    def current(self, options: dict) -> SiteCall | None:
        """The site whose attention is being called now."""
        forward = self.forward
        if forward is None or not forward.tracked:
            return None
        block = (options.get("block_type"), options.get("block_index"))
        if forward.pending and forward.pending[0].site.block not in (None, block):
            forward.pending.clear()
        if forward.pending:
            return forward.pending.pop(0)
        number = self._by_block.get(block)
        if number is None or self.sites[number].name in forward.open:
            return None
        call = self.open(number)
        if call is not None:
            forward.pending.remove(call)
        return call

    def resolve(self, path: str, bound):
        """The host's own callable behind a patched one, on the model that is running."""
        forward = self.forward
        if forward is None or forward.diffusion_model is self._model:
            return bound
        owner, _, name = path.rpartition(".")
        module = forward.diffusion_model.get_submodule(owner)
        return getattr(type(module), name).__get__(module)


class _Hook:
    """A patched callable inside the model. `previous`: another pack's patch of the same callable, if any."""

    def __init__(self, installation: Installation, number: int, path: str, bound, previous):
        self.installation = installation
        self.number = number
        self.path = path
        self.bound = bound
        self.previous = previous

    def original(self):
        return self.previous or self.installation.resolve(self.path, self.bound)


class EntryHook(_Hook):
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


class ExitHook(_Hook):
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


class ModuleHook(_Hook):
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
        if installation.processor.plain(forward, call, *x.shape[:2]):
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
        if not call.skip and installation.processor.plain(installation.forward, call, shape[0], shape[-2]):
            return inner(*args, **kwargs)
        attention = AttentionCall.of_host(inner, args, kwargs)
        if call.skip:
            return installation.processor.skipped(installation.forward, call, attention)
        return installation.processor.attend(installation.forward, call, attention)


def _through(previous, func):
    def call(*args, **kwargs):
        return previous(func, *args, **kwargs)

    return call


def sites_of(model_patcher):
    """(family, sites) of a host model; (None, ()) when no family covers it."""
    model = model_patcher.model.diffusion_model
    family = find_family(model)
    return (family, family.sites(model)) if family else (None, ())


def install(model_patcher, make_processor: MakeProcessor, runs: RunLog, *, strict: bool = True):
    """A clone of the model with the hooks on. Hooks of this pack that were on before are taken off the clone first.

    strict: an error while a run begins stops it; otherwise the run goes on with full attention and a note.

    Raises ValueError when no family covers the model.
    """
    patched = remove(model_patcher)
    family, sites = sites_of(patched)
    if family is None:
        name = type(patched.model.diffusion_model).__name__
        raise ValueError(f"{name} is not a model that attention compression covers; it runs with full attention.")
    installation = Installation(family, sites, make_processor, runs, patched.model.diffusion_model, strict)
    for kind, wrapper in (
        (WrappersMP.OUTER_SAMPLE, installation.outer_sample),
        (WrappersMP.PREPARE_SAMPLING, installation.prepare_sampling),
        (WrappersMP.PREDICT_NOISE, installation.predict_noise),
        (WrappersMP.APPLY_MODEL, installation.apply_model),
    ):
        patched.add_wrapper_with_key(kind, KEY, wrapper)
    patched.add_callback_with_key(CallbacksMP.ON_CLEANUP, KEY, installation.release)
    for number, site in enumerate(sites):
        _patch_site(patched, installation, number, site)
    if family.own_forward is None:
        options = patched.model_options.setdefault("transformer_options", {})
        options[_OVERRIDE] = Override(installation, options.get(_OVERRIDE))
    patched.set_attachments(KEY, installation)
    return patched


def _patch_site(patched, installation: Installation, number: int, site) -> None:
    def patch(kind, path: str, **extra):
        name = _ROOT + path
        previous = patched.object_patches.get(name)
        bound = patched.get_model_object(name)
        patched.add_object_patch(name, kind(installation, number, path, bound, previous, **extra))

    for entry in site.entries:
        patch(EntryHook, entry.path, output=entry.output, width=site.heads * site.head_dim)
    for stream, path in enumerate(site.exits):
        patch(ExitHook, path, stream=stream)
    if site.module:
        patch(ModuleHook, f"{site.module}.forward")


def remove(model_patcher):
    """A clone of the model without this pack's hooks, whatever else is on it kept."""
    clean = model_patcher.clone()
    for kind in (
        WrappersMP.OUTER_SAMPLE,
        WrappersMP.PREPARE_SAMPLING,
        WrappersMP.PREDICT_NOISE,
        WrappersMP.APPLY_MODEL,
    ):
        clean.remove_wrappers_with_key(kind, KEY)
    clean.callbacks.get(CallbacksMP.ON_CLEANUP, {}).pop(KEY, None)
    for name, patch in list(clean.object_patches.items()):
        if isinstance(patch, _Hook):
            if patch.previous is None:
                del clean.object_patches[name]
            else:
                clean.object_patches[name] = patch.previous
    options = clean.model_options.get("transformer_options", {})
    override = options.get(_OVERRIDE)
    if isinstance(override, Override):
        options.pop(_OVERRIDE)
        if override.previous is not None:
            options[_OVERRIDE] = override.previous
    clean.remove_attachments(KEY)
    return clean


def attached(model_patcher):
    """What this pack left on a model: an Installation, a RunLog that says why a plan was refused, or None."""
    return model_patcher.get_attachment(KEY)


def attach_refusal(model_patcher, reason: str):
    """A clone of the model with no hooks, which remembers why."""
    clean = remove(model_patcher)
    clean.set_attachments(KEY, RunLog(reason))
    return clean
