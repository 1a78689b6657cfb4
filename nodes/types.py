"""What the nodes have in common."""

from comfy_api.latest import io

CATEGORY = "DiTFastAttn"
ALIASES = ("ditfastattn", "fast attention", "sparse attention", "attention cache", "speed up", "accelerate")
OFF = "off"

PlanType = io.Custom("DITFASTATTN_PLAN")
