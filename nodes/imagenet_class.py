"""ImageNet Class: what a class-conditional DiT is to draw."""

from comfy_api.latest import io

from ..attention.systems.imagenet import CLASSES, class_conditioning
from .types import CATEGORY

_GOLDEN_RETRIEVER = 207


class ImageNetClass(io.ComfyNode):
    """A class by its name to the conditionings of both branches."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="DiTFastAttnImageNetClass",
            display_name="ImageNet Class",
            category=CATEGORY,
            description=(
                "What a DiT of Load DiT or Open-Sora draws: one of the 1,000 classes of ImageNet. Takes the place of "
                "the prompts."
            ),
            search_aliases=["imagenet", "class", "class label", "dit", "dit-xl", "label"],
            inputs=[
                io.Combo.Input(
                    "class_name",
                    options=list(CLASSES),
                    default=CLASSES[_GOLDEN_RETRIEVER],
                    tooltip="The number of the class and its name; type to search.",
                ),
            ],
            outputs=[
                io.Conditioning.Output("positive", display_name="class", tooltip="For the sampler's positive input."),
                io.Conditioning.Output(
                    "negative",
                    display_name="no class",
                    tooltip="For the sampler's negative input: guidance leads away.",
                ),
            ],
        )

    @classmethod
    def execute(cls, class_name, **kwargs) -> io.NodeOutput:
        return io.NodeOutput(class_conditioning(CLASSES.index(class_name)), class_conditioning(None))
