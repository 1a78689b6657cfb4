"""Attention Stats: what the plan saved, step by step."""

from comfy_api.latest import io

from ..attention.report.picture import draw
from ..attention.report.statistics import statistics
from ..attention.report.text import text_report
from .types import ALIASES, CATEGORY


class AttentionStats(io.ComfyNode):
    """Reads the run log of a patched model; passes model and latent through."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DiTFastAttnStats",
            display_name="Attention Stats",
            category=CATEGORY,
            description=(
                "Shows what Apply Compression Plan saved in the run that made this latent: attention and "
                "whole-model FLOPs kept, seconds, cache memory, and the plan as a map of layers and steps. "
                "Put it behind the sampler; model and latent pass through unchanged."
            ),
            search_aliases=[*ALIASES, "statistics", "flops", "report"],
            # A leaf that runs by itself; what it shows is sent again when the host serves it from its cache.
            is_output_node=True,
            inputs=[
                io.Model.Input("model", tooltip="The model of Apply Compression Plan, the one the sampler used."),
                io.Latent.Input(
                    "latent", tooltip="The sampler's latent: it names the run, and makes this node wait for it."
                ),
            ],
            outputs=[
                io.Model.Output("model", display_name="model"),
                io.Latent.Output("latent", display_name="latent"),
                io.String.Output("report", display_name="report", tooltip="The figures as text."),
                io.Image.Output(
                    "plot", display_name="plot", tooltip="FLOPs per step, dense against kept, and the plan's map."
                ),
            ],
        )

    @classmethod
    def execute(cls, model, latent, **kwargs) -> io.NodeOutput:
        run = statistics(model, latent["samples"])
        return io.NodeOutput(model, latent, text_report(run), draw(run), ui={"ditfastattn": [run]})
