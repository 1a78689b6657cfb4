"""The model families that the pack can compress, one declarative record each."""

from ...sentences import say
from .aura import AURA
from .base import ALL, FIRST, IMAGE, JOINT, LAST, TEXT, Beside, Entry, Family, Site, along_most, patches, window_axes
from .chroma import CHROMA
from .cogvideox import COGVIDEOX
from .cosmos import COSMOS
from .dit import DIT
from .ernie import ERNIE
from .flux import FLUX
from .hidream import HIDREAM
from .hunyuan_dit import HUNYUAN_DIT
from .hunyuan_video import HUNYUAN_VIDEO
from .ideogram import IDEOGRAM
from .joyimage import JOYIMAGE
from .kandinsky5 import KANDINSKY5
from .krea2 import KREA2
from .lens import LENS
from .ltx import LTX
from .lumina import LUMINA
from .minimax import MINIMAX
from .mochi import MOCHI
from .omnigen2 import BOOGU, OMNIGEN2
from .opensora import OPEN_SORA, OPEN_SORA_12
from .pixart import PIXART
from .pixeldit import PIXELDIT
from .qwen_image import MAGE_FLOW, QWEN_IMAGE, QWEN_IMAGE_21
from .sd3 import SD3
from .wan import WAN, WAN_REFERENCE_LAST, WAN_SCAIL, WAN_VACE

FAMILIES = (
    *(SD3, FLUX, PIXART, WAN, WAN_VACE, WAN_SCAIL, WAN_REFERENCE_LAST),
    *(QWEN_IMAGE, LUMINA, LTX, CHROMA, HUNYUAN_VIDEO, COSMOS, KANDINSKY5, HIDREAM, OMNIGEN2, BOOGU, COGVIDEOX),
    *(HUNYUAN_DIT, AURA, MOCHI, KREA2, ERNIE, JOYIMAGE, MAGE_FLOW, MINIMAX, LENS, IDEOGRAM, PIXELDIT, DIT),
    *(OPEN_SORA, OPEN_SORA_12, QWEN_IMAGE_21),
)
# As people know them: those first that most people have, as many as one sentence bears.
_TITLES = tuple(dict.fromkeys(family.title for family in FAMILIES))
TITLES = (*_TITLES[:9], f"{len(_TITLES) - 9} others")

# Classes of the host that are not covered on purpose, and why.
REFUSED = {
    "CausalWanModel": say("makes its video part by part from keys and values that it keeps itself"),
    "HiDreamO1Transformer": say("is a language model that keeps keys and values itself"),
    "NaDiT": say("attends in windows of its own"),
}

# Classes of the host that are not looked into: no transformers.
_U_NETS = {"UNetModel", "StageB", "StageC"}

__all__ = [
    "ALL",
    "FAMILIES",
    "FIRST",
    "IMAGE",
    "JOINT",
    "LAST",
    "TEXT",
    "TITLES",
    "Beside",
    "Entry",
    "Family",
    "Site",
    "along_most",
    "discoverable",
    "find_family",
    "patches",
    "refusal",
    "window_axes",
]


def find_family(diffusion_model) -> Family | None:
    """The family of a host diffusion model, by the names of its class and of those it is derived from; of a class that
    is not the host's own also by what it is made of. None when no family covers it, or several would.
    """
    names = _class_names(diffusion_model)
    if any(name in REFUSED for name in names):
        return None
    named = [family for name in names for family in FAMILIES if name in family.classes]
    if named:
        return next((family for family in named if _made_alike(diffusion_model, family)), None)
    if type(diffusion_model).__module__.startswith("comfy."):
        return None
    alike = [family for family in FAMILIES if _made_alike(diffusion_model, family)]
    return alike[0] if len(alike) == 1 else None


def refusal(diffusion_model) -> str | None:
    """Why a model that resembles a covered one is not, as a verb; None where there is nothing to say."""
    return next((REFUSED[name] for name in _class_names(diffusion_model) if name in REFUSED), None)


def discoverable(diffusion_model) -> bool:
    """Whether the attention of a model that no family covers may be looked for."""
    return not any(name in _U_NETS or name in REFUSED for name in _class_names(diffusion_model))


def _class_names(diffusion_model) -> list[str]:
    return [kind.__name__ for kind in type(diffusion_model).__mro__]


def _made_alike(diffusion_model, family: Family) -> bool:
    """Whether a model has the sites of a family."""
    try:
        return bool(family.sites(diffusion_model)) and bool(family.grid(diffusion_model, (1, 1, 8, 8, 8)))
    except (AttributeError, StopIteration, TypeError, ValueError):
        return False
