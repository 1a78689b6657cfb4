"""DiTFastAttn for ComfyUI: compressed attention for diffusion transformers. What the host sees of the pack."""

from comfy_api.latest import ComfyExtension, io

from .attention.applied.metadata import listen
from .attention.hooks.model import keep_verdicts
from .attention.report.store import serve
from .nodes import NODES

WEB_DIRECTORY = "./web"


class DiTFastAttnExtension(ComfyExtension):
    """Hands the nodes to the host."""

    async def on_load(self) -> None:
        """Called once when the pack is loaded."""
        keep_verdicts()
        listen()
        serve()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return list(NODES)


async def comfy_entrypoint() -> DiTFastAttnExtension:
    """The host's entry point."""
    return DiTFastAttnExtension()
