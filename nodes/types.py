"""What the nodes have in common."""

from comfy_api.latest import io

CATEGORY = "DiTFastAttn"
# What people type who look for the nodes that make a model faster: what it does, other ways to do it, models it is for.
ALIASES = (
    "ditfastattn",
    "faster",
    "speed up",
    "accelerate",
    "compress",
    "sparse attention",
    "fast attention",
    "attention cache",
    "step cache",
    "forecast steps",
    "teacache",
    "easycache",
    "sage attention",
    "flux faster",
    "qwen faster",
    "wan faster",
    "sd3 faster",
    "pixart faster",
)
OFF = "off"
MIB = 2**20

PlanType = io.Custom("DITFASTATTN_PLAN")
MeasurementsType = io.Custom("DITFASTATTN_MEASUREMENTS")
