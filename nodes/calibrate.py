"""DiTFastAttn Calibrate: measure the model once, get a plan with six quality levels."""

import comfy.samplers
from comfy_api.latest import io

from ..attention.calibrate import SamplerSettings, calibrate
from ..attention.sampling import sample_once
from ..plans import dumps
from .types import ALIASES, CATEGORY, PlanType


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
                "attention would cost and how much it would change the picture. Gives a plan with the levels "
                "D1 (mild) to D6 (strong) for Apply Compression Plan. Takes about as long as two "
                "generations, once."
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
                    default=8.0,
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
                io.Conditioning.Input("positive", tooltip="A typical prompt; the plan serves others too."),
                io.Conditioning.Input("negative", tooltip="Your negative prompt."),
                io.Latent.Input("latent_image", tooltip="Latent of the size you generate; larger pictures gain more."),
                io.Float.Input(
                    "denoise",
                    default=1.0,
                    min=0.05,
                    max=1.0,
                    step=0.01,
                    tooltip="1 measures the whole noise schedule, which serves every denoise value.",
                ),
            ],
            outputs=[PlanType.Output("plan", display_name="plan", tooltip="Six quality levels from one measurement.")],
        )

    @classmethod
    def execute(
        cls, model, seed, steps, cfg, sampler_name, scheduler, positive, negative, latent_image, denoise=1.0, **kwargs
    ) -> io.NodeOutput:
        settings = SamplerSettings(sampler_name, scheduler, steps, cfg, denoise, seed)
        result = calibrate(
            model, settings, lambda patched: sample_once(patched, settings, positive, negative, latent_image)
        )
        figures = {
            "seconds": result.seconds,
            "dense_seconds": result.dense_seconds,
            "ratio_to_dense_run": result.ratio,
            "attention_share": result.attention_share,
            "plan_id": result.plan.id,
        }
        return io.NodeOutput(
            result.plan, ui={"ditfastattn_plan": [dumps(result.plan)], "ditfastattn_calibration": [figures]}
        )
