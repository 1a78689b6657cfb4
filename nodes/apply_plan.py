"""Apply Compression Plan: a model in, the same model with compressed attention out."""

from comfy_api.latest import io

from ..attention.replay.apply import apply_plan, refuse
from ..plans import Refusal, loads
from ..plans.search import CUSTOM, LEVELS
from .types import ALIASES, CATEGORY, MIB, OFF, PlanType


class ApplyCompressionPlan(io.ComfyNode):
    """Installs one level of a plan into a clone of the model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DiTFastAttnApplyPlan",
            display_name="Apply Compression Plan",
            category=CATEGORY,
            description=(
                "Makes the model cheaper as a plan says: steps forecast without running the model, and attention "
                "with local windows, outputs kept between steps, results shared between the guidance branches. "
                "The plan comes by link, or lies inside this node once it is embedded in the workflow. Level "
                "off, bypass or a plan that does not fit: full attention at every step, bit for bit."
            ),
            search_aliases=[*ALIASES, "compression"],
            inputs=[
                io.Model.Input("model", tooltip="The model that the plan was made for. Put LoRAs before this node."),
                io.Combo.Input(
                    "level",
                    options=[OFF, *(name for name, _ in LEVELS), CUSTOM],
                    default="D2",
                    tooltip=(
                        "off: full attention. D1 stays closest to the original picture, D6 saves most. custom: the "
                        "budget that was set as keep_attention in DiTFastAttn Calibrate."
                    ),
                ),
                io.String.Input(
                    "plan",
                    default="",
                    socketless=True,
                    extra_dict={"hidden": True},
                    tooltip="The embedded plan as JSON text; a linked plan goes before it.",
                ),
                PlanType.Input(
                    "plan_in",
                    display_name="plan",
                    optional=True,
                    tooltip="A plan of DiTFastAttn Calibrate. Leave unconnected to use the embedded one.",
                ),
                io.Int.Input(
                    "max_cache_mb",
                    default=0,
                    min=0,
                    max=1 << 20,
                    step=64,
                    advanced=True,
                    display_name="max_cache_mib",
                    tooltip="Most memory for kept outputs, in MiB. 0: half of what is free when sampling begins.",
                ),
                io.Boolean.Input(
                    "strict",
                    default=False,
                    advanced=True,
                    tooltip="Stop with an error when the plan cannot be used, instead of using full attention.",
                ),
                # Last, and optional: workflows and prompts that were saved without it stay valid.
                io.Boolean.Input(
                    "guard",
                    default=False,
                    optional=True,
                    advanced=True,
                    tooltip=(
                        "Check a few rows every few steps, and compute a head in full for the rest of the run when "
                        "it drifts over the error that its plan expects. Costs little."
                    ),
                ),
            ],
            outputs=[
                io.Model.Output(
                    "model",
                    display_name="model",
                    tooltip="The same model; its steps and its attention follow the plan.",
                )
            ],
        )

    @classmethod
    def execute(
        cls, model, level=OFF, plan="", plan_in=None, max_cache_mb=0, strict=False, guard=False, **kwargs
    ) -> io.NodeOutput:
        if level == OFF:
            return io.NodeOutput(model)
        chosen = plan_in if plan_in is not None else _embedded(plan)
        if isinstance(chosen, Refusal):
            return io.NodeOutput(refuse(model, chosen.reason, strict))
        budget = max_cache_mb * MIB
        return io.NodeOutput(apply_plan(model, chosen, level, budget_bytes=budget, strict=strict, guard=guard))


def _embedded(text: str):
    if not text.strip():
        return Refusal(
            "Apply Compression Plan has no plan: connect DiTFastAttn Calibrate, or paste a plan into the node."
        )
    return loads(text)
