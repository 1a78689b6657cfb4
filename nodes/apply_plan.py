"""Apply Compression Plan: a model in, the same model with compressed attention out."""

from comfy_api.latest import io

from ..attention.applied.apply import apply
from ..attention.applied.choice import Asked, needs_link
from ..attention.applied.kept import CALIBRATE, WHEN_NEEDED
from ..attention.applied.metadata import NODE, Metadata
from ..plans.search import CUSTOM, LEVELS
from .types import ALIASES, CATEGORY, MIB, OFF, PlanType

_UNLINKED = object()


class ApplyCompressionPlan(io.ComfyNode):
    """Installs one level of a plan into a clone of the model, or has the next run watched to make one."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id=NODE,
            display_name="Apply Compression Plan",
            category=CATEGORY,
            description=(
                "Makes sampling faster: put it between the model and the sampler. The first run is watched: its "
                "picture is the full one, and a plan for this model follows from it. Every run after it is "
                "compressed as the plan says: steps forecast without running the model, and attention with local "
                "windows, outputs kept between steps, results shared between the guidance branches. The plan is "
                "saved with the workflow. Level off, bypass or a model that is not covered: full attention, bit for "
                "bit."
            ),
            search_aliases=[*ALIASES, "compression"],
            # Its reports go on growing with each run, so that they are news where the host serves it from its cache.
            has_intermediate_output=True,
            inputs=[
                io.Model.Input("model", tooltip="The model that the plan was made for. Put LoRAs before this node."),
                io.Combo.Input(
                    "level",
                    options=[OFF, *(name for name, _ in LEVELS), CUSTOM],
                    default="D2",
                    tooltip=(
                        "off: full attention. D1 stays closest to the original picture, D6 saves most. custom: the "
                        "budget that was set as keep_work or keep_attention in DiTFastAttn Calibrate."
                    ),
                ),
                io.String.Input(
                    "plan",
                    default="",
                    socketless=True,
                    extra_dict={"hidden": True},
                    tooltip="The embedded plan as JSON text; a linked plan is asked for only if this one does not fit.",
                ),
                PlanType.Input(
                    "plan_in",
                    display_name="plan",
                    optional=True,
                    lazy=True,
                    tooltip=(
                        "A plan of DiTFastAttn Calibrate, for those who want more than the watched run gives. Asked "
                        "for only when the embedded plan does not fit, or when calibrate is again."
                    ),
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
                io.Combo.Input(
                    "calibrate",
                    options=list(CALIBRATE),
                    default=WHEN_NEEDED,
                    optional=True,
                    tooltip=(
                        "when needed: a run is watched when there is no plan for this model. again: the next run is "
                        "watched and makes a new plan, once. never: without a plan, full attention."
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
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo],
        )

    @classmethod
    def fingerprint_inputs(cls, **kwargs) -> str:
        """Two nodes with the same inputs are two: each has its own plan and its own line."""
        return str(cls.hidden and cls.hidden.unique_id)

    @classmethod
    def check_lazy_status(
        cls, model=None, level=OFF, plan="", plan_in=_UNLINKED, calibrate=WHEN_NEEDED, **kwargs
    ) -> list[str]:
        """What the host has to evaluate beside the model."""
        missing = plan_in is None and level != OFF
        return ["plan_in"] if missing and needs_link(model, plan, calibrate) else []

    @classmethod
    def execute(
        cls,
        model,
        level=OFF,
        plan="",
        plan_in=None,
        max_cache_mb=0,
        strict=False,
        guard=False,
        calibrate=WHEN_NEEDED,
        **kwargs,
    ) -> io.NodeOutput:
        hidden = cls.hidden
        asked = Asked(
            level=level,
            text=plan,
            linked=plan_in,
            calibrate=calibrate,
            budget_bytes=max_cache_mb * MIB,
            strict=strict,
            guard=guard,
            node=hidden and hidden.unique_id,
            metadata=Metadata.of(hidden and hidden.prompt, hidden and hidden.extra_pnginfo),
        )
        patched, reports = apply(model, asked)
        return io.NodeOutput(patched, ui={"ditfastattn_apply": [{"reports": reports}]})
