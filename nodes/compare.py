"""DiTFastAttn A/B: the same seed with full attention and as the plan says, side by side."""

import comfy.samplers
from comfy_api.latest import io, ui

from ..attention.calibration.measurement import SamplerSettings
from ..attention.comparison.compare import compare
from ..attention.hooks.sampling import Setup
from ..attention.report.editor import executing
from .types import ALIASES, CATEGORY

_UNLINKED = object()


class Compare(io.ComfyNode):
    """Two sampling runs, their pictures and what lies between them."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DiTFastAttnCompare",
            display_name="DiTFastAttn A/B",
            category=CATEGORY,
            description=(
                "Samples twice with the same seed, once as the plan says and once with full attention, and shows both "
                "pictures under a slider, their difference, how alike they are (PSNR, SSIM) and how many times as fast "
                "it was. Takes the place of KSampler behind Apply Compression Plan. A model that has no plan yet gets "
                "one in the first of the two runs."
            ),
            search_aliases=[*ALIASES, "compare", "a/b", "before after", "quality", "psnr", "ssim"],
            is_output_node=True,
            inputs=[
                io.Latent.Input(
                    "latent_image", tooltip="Latent of the size that you generate; batches and videos, too."
                ),
                io.Vae.Input("vae", tooltip="Decodes both latents, after both are sampled."),
                # Not needed beside a guider, which has its own.
                io.Model.Input(
                    "model", optional=True, tooltip="The model of Apply Compression Plan, with a level other than off."
                ),
                io.Conditioning.Input("positive", optional=True, lazy=True, tooltip="Your prompt."),
                io.Conditioning.Input("negative", optional=True, lazy=True, tooltip="Your negative prompt."),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=io.ControlAfterGenerate.fixed,
                    tooltip="Seed of both runs.",
                ),
                io.Int.Input("steps", default=20, min=1, max=10000, tooltip="Steps of both runs."),
                io.Float.Input(
                    "cfg", default=4.5, min=0.0, max=100.0, step=0.1, round=0.01, tooltip="Guidance scale of both runs."
                ),
                io.Combo.Input(
                    "sampler_name", options=comfy.samplers.KSampler.SAMPLERS, tooltip="Sampler of both runs."
                ),
                io.Combo.Input(
                    "scheduler", options=comfy.samplers.KSampler.SCHEDULERS, tooltip="Noise schedule of both runs."
                ),
                io.Float.Input(
                    "denoise",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="1 makes a new picture; less starts from the latent as it is.",
                ),
                io.Guider.Input(
                    "guider",
                    optional=True,
                    tooltip=(
                        "Guider of SamplerCustomAdvanced with the model of Apply Compression Plan, in place of model, "
                        "cfg, positive and negative."
                    ),
                ),
                io.Sampler.Input("sampler", optional=True, tooltip="A sampler in place of sampler_name."),
                io.Sigmas.Input(
                    "sigmas", optional=True, tooltip="Noise levels in place of steps, scheduler and denoise."
                ),
                io.Noise.Input("noise", optional=True, tooltip="Noise in place of seed."),
            ],
            outputs=[
                io.Image.Output(
                    "compressed", display_name="compressed", tooltip="Pictures or frames as the plan makes them."
                ),
                io.Image.Output(
                    "dense", display_name="full attention", tooltip="The same without the plan, as bypass makes them."
                ),
                io.String.Output("report", display_name="report", tooltip="All figures as text."),
            ],
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def check_lazy_status(cls, positive=_UNLINKED, negative=_UNLINKED, guider=None, **kwargs) -> list[str]:
        """What the host has to evaluate beside the rest."""
        given = {"positive": positive, "negative": negative}
        return [name for name, value in given.items() if value is None and guider is None]

    @classmethod
    def execute(
        cls,
        latent_image,
        vae,
        seed,
        steps,
        cfg,
        sampler_name,
        scheduler,
        denoise=1.0,
        model=None,
        positive=None,
        negative=None,
        guider=None,
        sampler=None,
        sigmas=None,
        noise=None,
        **kwargs,
    ) -> io.NodeOutput:
        found = compare(
            model,
            SamplerSettings(sampler_name, scheduler, steps, cfg, denoise, seed),
            Setup(latent_image, positive, negative, guider, sampler, sigmas),
            vae,
            noise,
        )
        chosen = list(found.shown)
        # In the host's folder of previews, which it empties when it starts.
        dense, compressed = (
            ui.PreviewImage(pictures[chosen].clamp(0, 1).nan_to_num(0.0), cls=cls).values
            for pictures in (found.dense, found.compressed)
        )
        pairs = [
            {"number": number, "dense": one, "compressed": other}
            for number, one, other in zip(chosen, dense, compressed, strict=True)
        ]
        shown = {**found.figures, "pairs": pairs, "prompt": executing()[0]}
        return io.NodeOutput(found.compressed, found.dense, found.report, ui={"ditfastattn_compare": [shown]})
