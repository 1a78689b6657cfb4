"""A tiny model of the right family for every model file that the templates name; weights are random, fixed by name."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cache

from host import tiny

COVERED, OTHER = True, False
TALKING_WIDTH = 320


@dataclass(frozen=True)
class TinyModel:
    """`family`: as the table prints it. `base`: entry of tests/host/families.json. `config`: what differs from it."""

    family: str
    base: str
    model_class: str | None = None
    config: dict = field(default_factory=dict)
    covered: bool = COVERED


def _wan(model_class="WAN21_T2V", **config) -> TinyModel:
    return TinyModel("wan", "wan21_t2v", model_class, config)


def _flux2(**config) -> TinyModel:
    return TinyModel("flux2", "flux2", None, config)


def _base(family: str, base: str, model_class=None, **config) -> TinyModel:
    return TinyModel(family, base, model_class, config)


_QWEN, _Z_IMAGE, _LTX2 = _base("qwen-image", "qwen"), _base("z-image", "zimage"), _base("ltx-2", "ltxav")
_MINIMAX, _SCAIL = _base("minimax-h3", "minimax"), _base("wan-scail", "wan_scail")
# Latents of HunyuanVideo 1.5 have 32 channels, the model sees them twice and a mask.
_HUNYUAN15 = _base(
    "hunyuan-video-1.5", "hunyuan_video15", None, in_channels=65, out_channels=32, byt5=False, vision_in_dim=1280
)
_NO_GUIDANCE = {"guidance_embed": False}
# LongCat and Ovis are Flux without guidance and without a pooled prompt.
_NO_POOLED = {**_NO_GUIDANCE, "vec_in_dim": None, "txt_ids_dims": [1, 2]}
_I2V = {"model_type": "i2v", "in_dim": 36}

# The first pattern that a file's name matches counts, in lower case.
FILES: dict[str, TinyModel] = {
    "flux1-fill-dev*": TinyModel("flux1", "flux", "FluxInpaint", {"in_channels": 96}),
    "flux.1-fill-dev*": TinyModel("flux1", "flux", "FluxInpaint", {"in_channels": 96}),
    "flux1-canny-dev*": TinyModel("flux1", "flux", None, {"in_channels": 32}),
    "flux1-schnell*": TinyModel("flux1", "flux", "FluxSchnell", _NO_GUIDANCE),
    "flux1-*dev*": TinyModel("flux1", "flux"),
    "flux2_dev*": _flux2(),
    "flux-2-klein*": _flux2(**_NO_GUIDANCE),
    "longcat_image*": TinyModel("longcat", "flux", "LongCatImage", _NO_POOLED),
    "ovis_image*": TinyModel("ovis", "flux", "FluxSchnell", {**_NO_POOLED, "yak_mlp": True, "txt_norm": True}),
    "sd3.5_large*": TinyModel("sd3", "sd3"),
    "pixart-sigma*": TinyModel("pixart", "pixart_sigma"),
    "wan2.1_t2v*": _wan(),
    "wan2.2_t2v*": _wan(),
    "wan2.2_bernini*": TinyModel("wan (bernini, context tokens)", "wan21_t2v"),
    "wan2.1_flf2v*": _wan("WAN21_I2V", **_I2V, flf_pos_embed_token_number=514),
    "wan2.1_i2v*": _wan("WAN21_I2V", **_I2V),
    # The audio attention that InfiniteTalk adds has 40 heads whatever the width.
    "wan2_1-i2v-14b-480p*": _wan("WAN21_I2V", **_I2V, dim=TALKING_WIDTH, num_heads=5),
    "wan2_1-i2v*": _wan("WAN21_I2V", **_I2V),
    "wan21-wanmove*": _wan("WAN21_I2V", **_I2V),
    "chrono_edit*": _wan("WAN21_I2V", **_I2V),
    "wan2.1_fun_inp*": _wan("WAN21_I2V", **_I2V),
    "wan2.1_fun_control*": _wan("WAN21_FunControl2V", model_type="i2v", in_dim=48),
    # The image-to-video models of Wan 2.2 take no CLIP vision embedding.
    "wan2.2_i2v*": _wan("WAN21_I2V", in_dim=36),
    "wan2.2_fun_inpaint_*_noise*": _wan("WAN21_I2V", in_dim=36),
    "wan2.2_fun_control_*_noise*": _wan("WAN21_FunControl2V", in_dim=52, in_dim_ref_conv=16),
    "wan2.2_ti2v_5b*": _wan("WAN22_T2V", in_dim=48, out_dim=48),
    "wan2.2_fun_inpaint_5b*": _wan("WAN22_T2V", in_dim=100, out_dim=48),
    "wan2.2_fun_control_5b*": _wan("WAN22_T2V", in_dim=148, out_dim=48, in_dim_ref_conv=48),
    "*qwen_image_edit_plus*": _QWEN,
    "qwen_image*": _QWEN,
    "firered-image-edit*": _QWEN,
    "z_image*": _Z_IMAGE,
    "netayume*": _base("lumina2", "lumina2"),
    "newbie-image*": _base("lumina2", "newbie"),
    "chroma1-radiance*": _base("chroma-radiance", "radiance"),
    "chroma-radiance*": _base("chroma-radiance", "radiance"),
    "chroma1*": _base("chroma", "chroma"),
    "pixeldit*": _base("pixeldit", "pixeldit"),
    "pid_flux1*": _base("pid", "pid"),
    # Its text encoder is loaded as FLUX.2's.
    "ernie-image*": _base("ernie", "ernie", None, text_in_dim=48),
    "hidream_i1*": _base("hidream", "hidream"),
    "hidream_e1*": _base("hidream", "hidream"),
    "hunyuan_video_t2v*": _base("hunyuan-video", "hunyuan_video"),
    "hunyuanvideo1.5_*": _HUNYUAN15,
    "capybara*": _HUNYUAN15,
    "kandinsky5lite_t2i*": _base("kandinsky5", "kandinsky5", "Kandinsky5Image", visual_embed_dim=64),
    "kandinsky5lite*": _base("kandinsky5", "kandinsky5"),
    "krea2*": _base("krea2", "krea2"),
    "omnigen2*": _base("omnigen2", "omnigen2"),
    "boogu*": _base("boogu", "boogu"),
    "lens*": _base("lens", "lens"),
    "mage_flow*": _base("mage-flow", "mage_flow", None, in_channels=128, out_channels=128),
    "joyai_image*": _base("joyimage", "joyimage"),
    "anima*": _base("anima", "anima"),
    "ideogram4*": _base("ideogram4", "ideogram4"),
    "ltx-video-2b*": _base("ltxv", "ltxv"),
    "ltx-2*": _LTX2,
    "minimax_h3*": _MINIMAX,
    "fastvideo_fasth3*": _MINIMAX,
    "fasth3*": _MINIMAX,
    "void_pass*": _base("cogvideox", "cogvideox", "CogVideoX_Inpaint", in_channels=48, out_channels=16),
    "wan2.1_fun_camera*": _base("wan-camera", "wan_camera", None, in_dim=32),
    "wan2.2_fun_camera*": _base("wan-camera", "wan_camera", None, in_dim=32),
    "wan2.1_vace*": _base("wan-vace", "wan_vace"),
    "wan2.2_s2v*": _base("wan-s2v", "wan_s2v"),
    "humo*": _base("wan-humo", "wan_humo", None, in_dim=36),
    "wan2.2_dancer*": _base("wan-dancer", "wan_dancer"),
    "wan2.1_14b_scail_2*": _base("wan-scail", "wan_scail", "WAN21_SCAIL2", model_type="scail2"),
    # Beside a covered model: it makes the depth map that a ControlNet or the model reads.
    "lotus-depth*": TinyModel("lotus", "lotus", covered=OTHER),
}

# One level of an SD 2 UNet; the host's own conditioning for it is 1,024 wide.
_LOTUS = {
    "image_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "model_channels": 32,
    "num_res_blocks": [1, 1],
    "channel_mult": [1, 2],
    "transformer_depth": [0, 1],
    "transformer_depth_middle": 1,
    "transformer_depth_output": [0, 0, 1, 1],
    "context_dim": 1024,
    "use_spatial_transformer": True,
    "use_linear_in_transformer": True,
    "use_temporal_attention": False,
    "num_classes": "sequential",
    "adm_in_channels": 4,
    "num_heads": -1,
    "num_head_channels": 32,
}


def tiny_of(file: str) -> TinyModel | None:
    """What stands in for a model file; None where the table has nothing for it."""
    name = file.replace("\\", "/").rpartition("/")[2].lower()
    return next((entry for pattern, entry in FILES.items() if fnmatch(name, pattern)), None)


@cache
def entry_of(tiny_model_base: str) -> dict:
    """An entry of tests/host/families.json, or of the model beside them."""
    if tiny_model_base == "lotus":
        return {"model_class": "LotusD", "unet_config": _LOTUS, "context_shape": [77, 1024], "pooled_dim": None}
    return tiny.configs()[tiny_model_base]


def make(file: str):
    """A ModelPatcher for a model file."""
    entry = tiny_of(file)
    base = entry_of(entry.base)
    config = {**base["unet_config"], **entry.config}
    return tiny.model_of(entry.model_class or base["model_class"], config, seed=zlib.crc32(file.encode()) % 1000)
