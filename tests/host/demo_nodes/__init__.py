"""Test-only nodes: captions without a text encoder, clips without a video decoder. Never ship them to users."""

from comfy_api.latest import ComfyExtension, io

from . import captions, frames


class DemoCaption(io.ComfyNode):
    """CONDITIONING for the demo model from a caption in its small language (see captions.py)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DemoCaption",
            display_name="Demo Caption (test only)",
            category="testing",
            description="Conditioning for the tiny demo model. Phrases between commas; empty text is unconditional.",
            inputs=[
                io.String.Input(
                    "caption",
                    multiline=True,
                    default="dusk sky, sea, mountains, low red sun left, white house right with dots",
                ),
                io.Int.Input(
                    "extra_tokens",
                    default=0,
                    min=0,
                    max=64,
                    optional=True,
                    tooltip="Padding tokens added. Different numbers on the positive and the negative side make "
                    "the host run the two in separate batches.",
                ),
            ],
            outputs=[io.Conditioning.Output()],
        )

    @classmethod
    def execute(cls, caption: str, extra_tokens: int = 0) -> io.NodeOutput:
        context, pooled = captions.encode(caption, extra_tokens)
        return io.NodeOutput([[context, {"pooled_output": pooled}]])


class DemoClipFrames(io.ComfyNode):
    """A latent of frames for the still pictures' decoder, from a sampled clip of the demo's video model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DemoClipFrames",
            display_name="Demo Clip Frames (test only)",
            category="testing",
            description="The frames of the demo's clips, one after another, to be decoded with the VAE taesd3.",
            inputs=[io.Latent.Input("clip")],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(cls, clip: dict) -> io.NodeOutput:
        return io.NodeOutput({"samples": frames.of_clip(clip["samples"])})


class DemoExtension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [DemoCaption, DemoClipFrames]


async def comfy_entrypoint() -> DemoExtension:
    return DemoExtension()
