"""Open-Sora Conditioning and Video Latent to Frames: what stands around a sampler of Open-Sora."""

from comfy_api.latest import io

from ..attention.systems.opensora import V11, VERSIONS, as_pictures, conditioning, empty_latent, shift
from .types import CATEGORY

_ALIASES = ("open-sora", "opensora", "stdit", "video")


class OpenSoraConditioning(io.ComfyNode):
    """A prompt to the conditionings of both branches, and an empty video."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DiTFastAttnOpenSora",
            display_name="Open-Sora Conditioning",
            category=CATEGORY,
            description=(
                "What the sampler of an Open-Sora of Load DiT or Open-Sora needs: the prompt with the video's frame "
                "rate, the model's own null text of the same length for the negative input, and an empty video."
            ),
            search_aliases=[*_ALIASES, "null text", "empty video latent"],
            inputs=[
                io.Conditioning.Input(
                    "prompt",
                    tooltip="Your prompt, encoded by T5-XXL: CLIPLoader with type pixart. Lower case works best.",
                ),
                io.Int.Input("width", default=424, min=16, max=16384, step=8, tooltip="Pixels of the video's width."),
                io.Int.Input("height", default=240, min=16, max=16384, step=8, tooltip="Pixels of the video's height."),
                io.Int.Input(
                    "frames",
                    default=16,
                    min=1,
                    max=4096,
                    tooltip="How many frames the video has; of version 1.2 best a multiple of 17, such as 51.",
                ),
                io.Int.Input(
                    "frame_rate", default=24, min=1, max=1000, tooltip="Frames a second, which the model is told."
                ),
                io.Int.Input("batch_size", default=1, min=1, max=4096, tooltip="How many videos at once."),
                io.Combo.Input(
                    "version",
                    options=list(VERSIONS),
                    default=V11,
                    optional=True,
                    tooltip="Of the model. A latent of 1.2 has 5 frames for each 17 of the video.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(
                    "positive", display_name="positive", tooltip="For the sampler's positive input."
                ),
                io.Conditioning.Output(
                    "negative",
                    display_name="null text",
                    tooltip="For the sampler's negative input: guidance leads away.",
                ),
                io.Latent.Output("latent", display_name="latent", tooltip="An empty video of the size."),
                io.Float.Output(
                    "shift",
                    display_name="shift",
                    tooltip="Of the noise schedule for a video of this size: for ModelSamplingSD3, with version 1.2.",
                ),
            ],
        )

    @classmethod
    def execute(cls, prompt, width, height, frames, frame_rate, batch_size=1, version=V11, **kwargs) -> io.NodeOutput:
        latent = {"samples": empty_latent(width, height, frames, batch_size, version)}
        moved = shift(width, height, frames)
        return io.NodeOutput(*conditioning(prompt, frame_rate), latent, moved)


class VideoLatentToFrames(io.ComfyNode):
    """A video's latent as a batch of pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DiTFastAttnFrames",
            display_name="Video Latent to Frames",
            category=CATEGORY,
            description=(
                "Makes a batch of pictures of a video's latent, for a VAE of pictures: VAE Decode would decode the "
                "first frame alone. The pictures that come out of VAE Decode are the video."
            ),
            search_aliases=[*_ALIASES, "latent", "frames", "batch", "decode video"],
            inputs=[io.Latent.Input("latent", tooltip="A video's latent, such as the sampler of Open-Sora 1.1 gives.")],
            outputs=[io.Latent.Output("frames", display_name="frames", tooltip="For VAE Decode.")],
        )

    @classmethod
    def execute(cls, latent, **kwargs) -> io.NodeOutput:
        return io.NodeOutput({"samples": as_pictures(latent["samples"])})
