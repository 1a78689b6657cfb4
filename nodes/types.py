"""What the nodes have in common."""

from comfy_api.latest import io

CATEGORY = "DiTFastAttn"
ALIASES = ("ditfastattn", "fast attention", "sparse attention", "attention cache", "speed up", "accelerate")
OFF = "off"
MIB = 2**20

PlanType = io.Custom("DITFASTATTN_PLAN")
MeasurementsType = io.Custom("DITFASTATTN_MEASUREMENTS")
