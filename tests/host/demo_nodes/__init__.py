"""A test-only node that turns a caption into conditioning without a text encoder. Never ship it to users."""

from comfy_api.latest import ComfyExtension, io

from . import captions


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


class DemoExtension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [DemoCaption]


async def comfy_entrypoint() -> DemoExtension:
    return DemoExtension()
