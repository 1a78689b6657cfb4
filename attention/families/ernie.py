"""ERNIE-Image: one sequence, text last; the host's attention call carries no transformer_options."""

from .base import LAST, Family, patches
from .modules import modules

ERNIE = Family(
    name="ernie",
    title="ERNIE-Image",
    classes=("ErnieImageModel",),
    sites=modules("layers.*.self_attention", "to_out.0", rebind=True),
    grid=patches("patch_size"),
    text=LAST,
)
