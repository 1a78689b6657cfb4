"""Wan 2.1 and 2.2: self-attention over video tokens, text by cross-attention, which is left alone.

Models with a `ref_conv` (Fun Control) put the tokens of a reference picture before those of the video; frames of
reference pictures (Phantom) and context latents (Bernini: source videos and reference pictures) come after them.
Camera, Animate and Dancer add to the video's own tokens, and attend sound and faces beside these blocks.
"""

from .base import IMAGE, JOINT, LAST, Beside, Family, Picture, patches
from .modules import chain, modules

_grid = patches("patch_size")
_BLOCKS = modules("blocks.*.self_attn", "o", scope=IMAGE)


_ELSEWHERE = 1  # the place of frames that come before or after those of the video in time


def _pictures(model, *latents, place: int = _ELSEWHERE) -> tuple[Picture, ...]:
    return tuple(Picture(_grid(model, tuple(latent.shape)), place) for latent in latents if latent is not None)


def _beside(model, grid, conditions: dict, options: dict) -> tuple[Beside, Beside]:
    before: Beside = 0
    reference = conditions.get("reference_latent")
    if reference is not None and getattr(model, "ref_conv", None) is not None:
        # A convolution without padding: what does not fill a patch is left out.
        sides = (side // size for side, size in zip(reference.shape[-2:], model.patch_size[1:], strict=True))
        before = (Picture((1, *sides), _ELSEWHERE),)
    # A source video stands where the video does.
    context = _pictures(model, *(conditions.get("context_latents") or ()), place=0)
    return before, (*_pictures(model, conditions.get("time_dim_concat")), *context)


def _beside_vace(model, grid, conditions: dict, options: dict) -> tuple[Beside, Beside]:
    return 0, _pictures(model, conditions.get("time_dim_concat"))


def _beside_scail(model, grid, conditions: dict, options: dict) -> tuple[Beside, Beside]:
    after = _pictures(model, conditions.get("time_dim_concat"))
    poses = _pictures(model, conditions.get("pose_latents"), place=_ELSEWHERE + 1)
    return _pictures(model, conditions.get("reference_latent")), (*after, *poses)


def _beside_last(model, grid, conditions: dict, options: dict) -> tuple[Beside, Beside]:
    return 0, _pictures(model, conditions.get("reference_latent"))


WAN = Family("wan", "Wan 2.1 and 2.2", ("WanModel",), sites=_BLOCKS, grid=_grid, beside=_beside)
# Further blocks, which the sequence of every control video goes through once.
WAN_VACE = Family(
    name="wan_vace",
    title="Wan 2.1 and 2.2",
    classes=("VaceWanModel",),
    sites=chain(_BLOCKS, modules("vace_blocks.*.self_attn", "o", scope=IMAGE)),
    grid=_grid,
    beside=_beside_vace,
)
# Reference frames before the video, the pose after it.
WAN_SCAIL = Family(
    name="wan_scail",
    title="Wan 2.1 and 2.2",
    classes=("SCAILWanModel",),
    sites=_BLOCKS,
    grid=_grid,
    beside=_beside_scail,
)
# All else comes after the video: a reference picture, and in S2V packed frames of motion.
WAN_REFERENCE_LAST = Family(
    name="wan_reference_last",
    title="Wan 2.1 and 2.2",
    classes=("WanModel_S2V", "HumoWanModel"),
    sites=modules("blocks.*.self_attn", "o", scope=JOINT),
    grid=_grid,
    text=LAST,
    beside=_beside_last,
)
