"""The hooks of one patched model while a sampling run goes through them: which run, which forward, which site."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...sentences import LEVEL_OFF, say
from .call import joins_itself, keys_of, tokens_of
from .calls import conclude, count_calls
from .forward import Forward, SiteCall
from .guidance import GuidanceKind, branches_of
from .listener import RunListener
from .model import HostModel
from .noise import noise_scale
from .preferred import preferred_at
from .presence import SLOT, look_after, told_of
from .processor import MakeProcessor, Processor
from .record import RunLog, RunRecord, StepCount, Stopwatch, latent_digest
from .run import SamplerCall, SamplingRun, step_cache_of
from .workload import Workload

if TYPE_CHECKING:
    from .finder import Finder

log = logging.getLogger(__name__)

_NOT_FINITE = say("The sampled latent is not finite (NaN or infinite): see whether it is at level off, too.")
_INTERRUPTED = "InterruptProcessingException"  # the user pressed Cancel


class Installation:
    """The hooks of one patched model, and the run that is going through them (at most one at a time).

    model, make_processor: None where the runs are only listened to. override, hooks: what was put into the host's slot
    and into the model, by the names of what they replace.
    """

    def __init__(
        self,
        model: HostModel | None,
        make_processor: MakeProcessor | None,
        runs: RunLog,
        strict: bool,
        listener: RunListener | None = None,
    ):
        # Not the model itself: its patcher must be free to go while a patched clone lives on.
        self._model = model and model.known
        self.sites = model.sites if model else ()
        self.finder: Finder | None = None  # of a model that no record covers
        self.runs = runs
        self.run: SamplingRun | None = None
        self.processor: Processor | None = None
        self._started: Processor | None = None
        self.override = None
        self.preference: Callable | None = None  # of the layer beside the sites that is being called
        self.hooks: dict[str, Callable] = {}
        self._lost: set[int] = set()  # sites that the host computes in this run
        self._threads = threading.local()
        self._make_processor = make_processor
        self._strict = strict
        self._listener = listener or RunListener()
        self._diffusion_model = model and model.diffusion_model
        self._by_block = {site.block: number for number, site in enumerate(self.sites) if site.block}

    @property
    def only_listens(self) -> bool:
        """Whether runs go through it as they are."""
        return self._make_processor is None

    @property
    def forward(self) -> Forward | None:
        """The one that this thread is in: the host runs one on each of several GPUs."""
        return getattr(self._threads, "forward", None)

    @forward.setter
    def forward(self, forward: Forward | None) -> None:
        self._threads.forward = forward

    # -- the run ---------------------------------------------------------------------------------------------------

    def outer_sample(self, executor, *args, **kwargs):
        """Wraps a whole sampling run: (noise, latent_image, sampler, sigmas, ...)."""
        guider = executor.class_obj
        if self.run is not None:
            return executor(*args, **kwargs)
        run = self._begin_run(guider, args, kwargs)
        if run is None:
            return executor(*args, **kwargs)
        record, seconds = run.record, Stopwatch()
        if not self._unknown:
            self._tell(self._listener.began, run, self.processor)
        try:
            output = executor(*args, **kwargs)
            record.state = "done"
            conclude(record, self._started)  # the host has cleaned up by now
            record.digest = latent_digest(output)
            if record.digest is not None and not all(map(math.isfinite, record.digest[1:])):
                record.note(_NOT_FINITE if record.plan is None else _NOT_FINITE.cured_by(LEVEL_OFF))
            return output
        except BaseException as error:
            record.state = "cancelled" if type(error).__name__ == _INTERRUPTED else "failed"
            raise
        finally:
            record.seconds = seconds()
            processor, self._started = self._started, None
            untold = self._unknown
            run.clock.finish(processor.overhead if processor else 0.0, after=True)
            self.release()
            if untold:
                self._tell(self._listener.began, run, processor)
            self._tell(self._listener.ended, run, processor)

    def _tell(self, hears: Callable[[SamplingRun, Processor | None], None], run: SamplingRun, processor) -> None:
        """A picture that is made must not be lost to anything that goes wrong while it is talked about."""
        try:
            hears(run, processor)
        except Exception as error:
            log.warning("[DiTFastAttn] It cannot be said what a run does: %s", error, exc_info=True)

    def _begin_run(self, guider, args, kwargs) -> SamplingRun | None:
        asked = SamplerCall.of(args, kwargs)
        if not asked.sigmas:
            return None
        patcher = guider.model_patcher
        self._lost = lost = look_after(guider, self.override, self.hooks)
        if lost and self._strict:
            raise ValueError(told_of(lost, len(self.sites)))
        position_of = noise_scale(patcher.get_model_object("model_sampling"))
        positions = [position_of(sigma) if math.isfinite(sigma) else 0.0 for sigma in asked.sigmas]
        guidance = GuidanceKind.of(guider)
        steps = [StepCount(position) for position in positions]
        record = RunRecord(steps, sampler=asked.sampler, cfg=guidance.cfg, seed=asked.seed, batch=asked.shape[0])
        workload = _workload(guider, patcher, asked, guidance.cfg)
        placed = self._model is None or self._model.family.placed
        branches = branches_of(guider, asked.shape)
        run = SamplingRun(asked, positions, position_of, record, guidance, patcher, workload, placed, branches)
        self.runs.open(record)
        if lost:
            record.note(told_of(lost, len(self.sites)))
        if not self._unknown:
            self._start(run)
        self.run = run
        return run

    def _start(self, run: SamplingRun) -> None:
        """Make the run's processor."""
        try:
            if self._make_processor is not None:
                self.processor = self._started = self._make_processor(run)
                self.sites = getattr(self.processor, "sites", self.sites)
        except Exception as error:
            if self._strict:
                raise
            run.record.note(
                say("The plan could not be started ({error}), so the run was made with full attention.", error=error)
            )

    @property
    def _unknown(self) -> bool:
        """Whether it has to be looked first where the model attends."""
        return self.finder is not None and self.finder.needed

    def _discover(self, run: SamplingRun, x, evaluate: Callable) -> None:
        """Look where the model attends, then start the run."""
        network, seconds = run.patcher.model.diffusion_model, Stopwatch()
        self.finder.look(network, evaluate, x)
        self.sites = self._model.sites
        if self.sites:
            self._start(run)
        else:
            run.record.note(say("No attention was found in this model, so the run was made with full attention."))
        if self.processor is not None:
            self.processor.announce(tuple(x.shape), run.patcher)
            self.processor.overhead += seconds()
        self._tell(self._listener.began, run, self.processor)

    def release(self, *_args, **_kwargs) -> None:
        """Drop everything the run held. Called at the end of a run and, should that fail, by the host's clean-up."""
        if self.processor is not None:
            self.processor.close()
        if self.finder is not None:
            self.finder.close()
        self.run = self.processor = self.forward = None
        self._lost = set()

    def prepare_sampling(self, executor, model, noise_shape, *args, **kwargs):
        """Announces the bytes of the caches by asking memory for a proportionally larger batch."""
        if self.processor is None:
            return executor(model, noise_shape, *args, **kwargs)
        try:
            extra = self.processor.announce(noise_shape, model)
        except Exception as error:
            if self._strict:
                raise
            self.run.record.note(
                say("The run could not be prepared ({error}), so it was made with full attention.", error=error)
            )
            self.processor = None
            return executor(model, noise_shape, *args, **kwargs)
        own = model.model.memory_required([noise_shape[0] * 2, *noise_shape[1:]])
        shape = list(noise_shape)
        if extra and own:
            shape[0] = -int(-shape[0] * (own + extra) // own)
        return executor(model, type(noise_shape)(shape), *args, **kwargs)

    def predict_noise(self, executor, x, timestep, model_options=None, *args, **kwargs):
        """Wraps one evaluation of the model by the sampler."""
        run = self.run
        if run is None:
            return executor(x, timestep, model_options, *args, **kwargs)
        sigma = float(timestep.flatten()[0])
        if self._unknown:
            self._discover(run, x, lambda: executor(x.clone(), timestep, model_options, *args, **kwargs))
        if self.finder is not None and self.processor is not None:
            self.finder.open(run.patcher.model.diffusion_model, self.sites)
        run.arrive(sigma)
        if run.clock.arrive(run.step, self.processor.overhead if self.processor else 0.0) is not None:
            self._tell(self._listener.stepped, run, self.processor)
        if self.processor is None:
            return executor(x, timestep, model_options, *args, **kwargs)
        if (model_options or {}).get("multigpu_clones"):
            run.record.note(say("The model is split over several GPUs, so attention ran in full."))
            return executor(x, timestep, model_options, *args, **kwargs)

        def predict(latent=x):
            run.begin_evaluation(sigma, latent)
            try:
                return executor(latent, timestep, model_options, *args, **kwargs)
            finally:
                run.end_evaluation()

        return self.processor.evaluate(predict, x, sigma)

    def calc_cond_batch(self, executor, model, conds, latent, timestep, model_options, *args, **kwargs):
        """Wraps one pass of an evaluation over its conditionings; there are several where guidance asks for more."""
        run = self.run
        if run is None or not run.evaluating or self.processor is None:
            return executor(model, conds, latent, timestep, model_options, *args, **kwargs)
        with run.inside_pass(latent, conds, model_options, float(timestep.flatten()[0])):
            output = executor(model, conds, latent, timestep, model_options, *args, **kwargs)
        self.processor.predicted(run.passes, list(output))
        run.passes += 1
        return output

    def sampler_sample(self, executor, *args, **kwargs):
        """Wraps the sampler's loop over the steps."""
        samples = executor(*args, **kwargs)
        run, processor = self.run, self.processor
        if run is not None:
            run.clock.finish(processor.overhead if processor else 0.0)
            run.record.finished = len(run.record.steps)
            self._tell(self._listener.stepped, run, processor)
        if processor is not None:
            processor.sampled(samples)
        return samples

    def apply_model(self, executor, x, *args, **kwargs):
        """Wraps one forward of the model: (x, t, c_concat, c_crossattn, control, transformer_options)."""
        if self.run is not None and self.finder is not None:
            self.finder.entering(tuple((kwargs.get("latent_shapes") or [x.shape])[0]))
        if self.run is None or self.processor is None or self.forward is not None:
            return executor(x, *args, **kwargs)
        options = kwargs.get("transformer_options") or (args[4] if len(args) > 4 else {})
        family = self._model.family
        conditions = {**dict(zip(("c_concat", "c_crossattn"), args[1:3], strict=False)), **kwargs}
        forward = self.run.begin_forward(executor.class_obj.diffusion_model, family, x, options, conditions)
        forward.direct = self.override is None or getattr(options.get(SLOT), "installation", None) is self
        self.forward = forward
        try:
            output = executor(x, *args, **kwargs)
            if forward.ours and self.run.evaluating:
                count_calls(forward, self.sites, self._lost, self.run.record, self.processor)
            return output
        finally:
            self.forward = None

    # -- a site ----------------------------------------------------------------------------------------------------

    def open(self, number: int, path: str) -> SiteCall | None:
        """This forward's call of site `number`, opened at the first of its callables, of which `path` is one; None
        outside evaluations of the model. A callable that comes by again opens the next call of the same site.
        """
        forward = self.forward
        if forward is None or not forward.ours or self.processor is None or not self.run.evaluating:
            return None
        site = self.sites[number]
        call = forward.open.get(site.name)
        if call is None or path in call.entered:
            ordinal = 0 if call is None else call.ordinal + 1
            call = forward.open[site.name] = SiteCall(site, number, ordinal)
            forward.calls.setdefault(site.name, []).append(call)
            call.aside = not forward.tracked or number in self._lost
            if not call.aside:
                self.processor.open(forward, call)
            if forward.pending and not site.name.startswith(forward.pending[0].site.name + "."):
                forward.pending.clear()  # an earlier site's attention never came: another pack replaced its block
            forward.pending.append(call)
        call.entered.add(path)
        return call

    def passes_by(self, args: tuple, kwargs: dict) -> bool:
        """Whether an attention call inside an open site is not the picture's, in a model that attends it by itself.
        args, kwargs: of the host's attention function.
        """
        forward = self.forward
        if forward is None or not forward.ours or not forward.pending or forward.family.ahead is None:
            return False
        of_picture = forward.image_tokens, forward.image_tokens + forward.ahead
        if (tokens_of(args, kwargs)[1], keys_of(args, kwargs)) == of_picture:
            return False
        forward.pending[0].passed = True
        return True

    def preferred_of_pending(self) -> Callable | None:
        """The attention function that the model's file names for the site that is open."""
        return self.preferred(self.forward.pending[0].number)

    def undo(self, call: SiteCall) -> None:
        """A site turns out to have been opened without the picture's tokens: as if it had not been."""
        self.forward.open.pop(call.site.name, None)
        self.forward.calls[call.site.name].remove(call)

    def current(self, options: dict, args: tuple = (), kwargs: dict | None = None) -> SiteCall | None:
        """The site whose attention is being called now. args, kwargs: of the host's attention function."""
        forward = self.forward
        if forward is None or not forward.ours:
            return None
        if forward.inside:
            site = self.sites[forward.inside[-1]]
            found = joins_itself(args, kwargs or {})
            return self._opened(forward.inside[-1]) if found and found[:2] == (site.heads, site.head_dim) else None
        block = (options.get("block_type"), options.get("block_index"))
        if forward.pending and forward.pending[0].site.block not in (None, block):
            forward.pending.clear()
        if forward.pending:
            return forward.pending.pop(0)
        number = self._by_block.get(block)
        if number is None or self.sites[number].name in forward.open:
            return None
        return self._opened(number)

    def _opened(self, number: int) -> SiteCall | None:
        """A site that is opened by its attention itself."""
        call = self.open(number, "")
        if call is not None:
            self.forward.pending.remove(call)
        return call

    def preferred(self, number: int) -> Callable | None:
        """The attention function that the model's file names for a site, on the model that is running."""
        return preferred_at(self.forward.diffusion_model, self.sites[number])

    def resolve(self, path: str, bound):
        """The host's own callable behind a patched one, on the model that is running."""
        forward = self.forward
        if forward is None or forward.diffusion_model is self._diffusion_model:
            return bound
        owner, _, name = path.rpartition(".")
        module = forward.diffusion_model.get_submodule(owner)
        return getattr(type(module), name).__get__(module)


def _workload(guider, patcher, asked: SamplerCall, cfg: float) -> Workload | None:
    """What a dense run like this one is known by; None where a model or a guider is of a kind that says too little."""
    try:
        other = step_cache_of(patcher)
        return Workload.of(guider, patcher, asked.shape, asked.sampler, len(asked.sigmas), cfg, other)
    except Exception as error:
        log.debug("[DiTFastAttn] Runs like this one cannot be told: %s", error)
        return None
