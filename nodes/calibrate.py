"""DiTFastAttn Calibrate: measure the model once, get a plan with six quality levels."""

import comfy.samplers
from comfy_api.latest import io

from ..attention.calibration.asked import Budget
from ..attention.calibration.calibrate import BY_FLOPS, METHODS, OFF, ONE_RUN, PRICES, VERIFIABLE, calibrated
from ..attention.calibration.measurement import SamplerSettings
from ..attention.hooks.sampling import Setup
from ..plans import Refusal, dumps
from .types import ALIASES, CATEGORY, MIB, MeasurementsType, PlanType

_UNLINKED = object()


class Calibrate(io.ComfyNode):
    """One dense sampling run of the user's own model; nothing is left on the model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DiTFastAttnCalibrate",
            display_name="DiTFastAttn Calibrate",
            category=CATEGORY,
            description=(
                "Samples once with full attention and measures, for every step, layer and head, what cheaper "
                "attention would cost and how much it would change the picture, and for every step what a forecast "
                "in place of running the model would. Gives a plan with the levels "
                "D1 (mild) to D6 (strong) for Apply Compression Plan, which asks for it only while it has none that "
                "fits. Not needed for a start: Apply Compression Plan makes a plan while you sample. This node is for "
                "several prompts and seeds, verification, prices and the papers' own searches."
            ),
            search_aliases=[*ALIASES, "calibration"],
            # The plan is sent to the editor again when the host serves this node from its cache.
            has_intermediate_output=True,
            inputs=[
                io.Model.Input("model", tooltip="The model to measure, with its LoRAs. It is not changed."),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=io.ControlAfterGenerate.fixed,
                    tooltip="Seed of the measuring run. Keep it fixed: a new seed measures again.",
                ),
                io.Int.Input(
                    "steps",
                    default=20,
                    min=2,
                    max=256,
                    tooltip="Steps of the sampler you use; plans also serve other step counts.",
                ),
                io.Float.Input(
                    "cfg",
                    default=4.5,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    round=0.01,
                    tooltip="Guidance scale you use. At 1 the unconditional branch is not run and not measured.",
                ),
                io.Combo.Input("sampler_name", options=comfy.samplers.KSampler.SAMPLERS, tooltip="Sampler you use."),
                io.Combo.Input(
                    "scheduler", options=comfy.samplers.KSampler.SCHEDULERS, tooltip="Noise schedule you use."
                ),
                # Not needed beside a guider, which has its own.
                io.Conditioning.Input(
                    "positive", optional=True, lazy=True, tooltip="A typical prompt; the plan serves others too."
                ),
                io.Conditioning.Input("negative", optional=True, lazy=True, tooltip="Your negative prompt."),
                io.Latent.Input("latent_image", tooltip="Latent of the size you generate; larger pictures gain more."),
                io.Float.Input(
                    "denoise",
                    default=1.0,
                    min=0.05,
                    max=1.0,
                    step=0.01,
                    tooltip="1 measures the whole noise schedule, which serves every denoise value.",
                ),
                MeasurementsType.Input(
                    "measurements",
                    optional=True,
                    tooltip=(
                        "Measurements of another DiTFastAttn Calibrate, with another prompt: the plan of the last "
                        "node stands on all of them. Same model, size and sampler settings in each."
                    ),
                ),
                io.Int.Input(
                    "runs",
                    default=1,
                    min=1,
                    max=16,
                    optional=True,
                    advanced=True,
                    tooltip=(
                        "Measuring runs, with the seeds from seed on. More runs take as many times longer and give a "
                        "plan that depends less on one picture. After Cancel, finished runs are not repeated."
                    ),
                ),
                _budget(
                    "keep_attention",
                    "Above 0, the plan gets one more level, custom: the least error that keeps at "
                    "most this fraction of the attention FLOPs. Changing it does not measure again.",
                ),
                io.Int.Input(
                    "max_cache_mib",
                    default=0,
                    min=0,
                    max=1 << 20,
                    step=64,
                    optional=True,
                    advanced=True,
                    tooltip=(
                        "Most memory for kept outputs that any level may plan with, in MiB. 0: no limit. Changing it "
                        "does not measure again."
                    ),
                ),
                io.Combo.Input(
                    "method",
                    options=list(METHODS),
                    default=ONE_RUN,
                    optional=True,
                    advanced=True,
                    tooltip=(
                        "one run: this pack's own, recommended. The other two reproduce the papers: V1 evaluates the "
                        "model up to 4 x layers + 2 times a step, for each of the six levels (hours on large models); "
                        "V2 takes about two generations for each level. They know no budget and no predicted error."
                    ),
                ),
                io.Combo.Input(
                    "verify",
                    options=list(VERIFIABLE),
                    default=OFF,
                    optional=True,
                    advanced=True,
                    tooltip=(
                        "Sample this level with the same seed and compare it with full attention. If its error is not "
                        "what the plan predicts, all levels are corrected and it is tried again, at most twice. Then "
                        "as many fewer steps as come to the same work are sampled, to compare the errors. Each try "
                        "takes one generation."
                    ),
                ),
                io.Combo.Input(
                    "price",
                    options=list(PRICES),
                    default=BY_FLOPS,
                    optional=True,
                    advanced=True,
                    tooltip=(
                        "What the levels D1 to D6 save. FLOPs: the same plan on every machine. milliseconds (measured "
                        "here): times every way to compute attention during the run, a few per cent longer, and saves "
                        "time on this machine at this size. keep_work and keep_attention count FLOPs with either."
                    ),
                ),
                io.Guider.Input(
                    "guider",
                    optional=True,
                    tooltip="Guider of SamplerCustomAdvanced with its model, in place of cfg, positive and negative.",
                ),
                io.Sampler.Input("sampler", optional=True, tooltip="A sampler in place of sampler_name."),
                io.Sigmas.Input(
                    "sigmas",
                    optional=True,
                    tooltip="Noise levels in place of steps, scheduler and denoise; a part of a schedule serves, too.",
                ),
                _budget(
                    "keep_work",
                    "Above 0, the plan gets one more level, custom: the least error that keeps at most "
                    "this fraction of all of the model's FLOPs. In place of keep_attention. Changing it does not "
                    "measure again.",
                ),
            ],
            outputs=[
                PlanType.Output("plan", display_name="plan", tooltip="Six quality levels from one measurement."),
                MeasurementsType.Output(
                    "measurements",
                    display_name="measurements",
                    tooltip="What was measured so far, for another DiTFastAttn Calibrate with another prompt.",
                ),
            ],
        )

    @classmethod
    def check_lazy_status(cls, positive=_UNLINKED, negative=_UNLINKED, guider=None, **kwargs) -> list[str]:
        """What the host has to evaluate beside the rest."""
        given = {"positive": positive, "negative": negative}
        return [name for name, value in given.items() if value is None and guider is None]

    @classmethod
    def execute(
        cls,
        model,
        seed,
        steps,
        cfg,
        sampler_name,
        scheduler,
        positive=None,
        negative=None,
        latent_image=None,
        denoise=1.0,
        measurements=None,
        runs=1,
        keep_attention=0.0,
        max_cache_mib=0,
        method=ONE_RUN,
        verify=OFF,
        price=BY_FLOPS,
        guider=None,
        sampler=None,
        sigmas=None,
        keep_work=0.0,
        **kwargs,
    ) -> io.NodeOutput:
        result = calibrated(
            method,
            model,
            SamplerSettings(sampler_name, scheduler, steps, cfg, denoise, seed),
            Setup(latent_image, positive, negative, guider, sampler, sigmas),
            budget=Budget(keep_attention, max_cache_mib * MIB, PRICES[price], keep_work),
            runs=runs,
            before=measurements,
            check=verify,
        )
        if isinstance(result, Refusal):
            return io.NodeOutput(result, result, ui={"ditfastattn_refused": [result.reason]})
        return io.NodeOutput(
            result.plan,
            result.measurements,
            ui={"ditfastattn_plan": [dumps(result.plan)], "ditfastattn_calibration": [result.figures]},
        )


def _budget(name: str, tooltip: str):
    """The input of a fraction of work for the level custom; 0 = none."""
    return io.Float.Input(name, default=0.0, min=0.0, max=1.0, step=0.01, optional=True, advanced=True, tooltip=tooltip)
