"""The nodes that stand in for the host's loaders and inputs, and the two that measure.

A stand-in takes whatever the node in its place takes.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import torch

from . import models, objects, patches

ANY = "*"
# Frames of a video that is loaded, and its rate.
FRAMES, RATE = 9, 1

# Width of the embeddings and of the pooled one, for each kind of text encoder that a template loads.
_TEXT = {
    "flux": "flux",
    "flux2": "flux2",
    "wan": "wan21_t2v",
    "sd3": "sd3",
    "pixart": "pixart_sigma",
    "longcat_image": "flux",
    "ovis": "flux",
    "qwen_image": "qwen",
    "lumina2": "zimage",
    "newbie": "newbie",
    "chroma": "chroma",
    "pixeldit": "pixeldit",
    "stable_diffusion": "anima",
    "hidream": "hidream",
    "hunyuan_video": "hunyuan_video",
    "hunyuan_video_15": "hunyuan_video15",
    "kandinsky5": "kandinsky5",
    "kandinsky5_image": "kandinsky5",
    "krea2": "krea2",
    "omnigen2": "omnigen2",
    "boogu": "boogu",
    "lens": "lens",
    "mage": "mage_flow",
    "joyimage": "joyimage",
    "ideogram4": "ideogram4",
    "ltxv": "ltxv",
    "ltx-2": "ltxav",
    "minimax": "minimax",
    "cogvideox": "cogvideox",
}
_UNPOOLED = ("longcat_image", "ovis")
_ENCODED = ("conditioning_llama3", "t5xxl_ids", "t5xxl_weights", "attention_mask")
# The VAE that a file holds, by the start of its name.
_VAES = {
    "ae.": objects.Vae(16, 8),
    "flux2-vae": objects.Vae(128, 16),
    "full_encoder_small_decoder": objects.Vae(128, 16),
    "sdxl_vae": objects.Vae(4, 8),
    "vae-ft-mse": objects.Vae(4, 8),
    "wan_2.1_vae": objects.Vae(16, 8, video=True),
    "wan2_1_vae": objects.Vae(16, 8, video=True),
    "wan_alpha": objects.Vae(16, 8, video=True),
    "wan2.2_vae": objects.Vae(48, 16, video=True),
    "qwen_image_vae": objects.Vae(16, 8, video=True),
    "qwen_image_layered_vae": objects.Vae(16, 8, video=True),
    "hunyuan_video_vae": objects.Vae(16, 8, video=True),
    "hunyuanvideo15_vae": objects.Vae(32, 16, video=True),
    "mage_flow_vae": objects.Vae(128, 16),
    "minimax_h3_audio_vae": objects.AudioVae(),
    "minimax_h3_video_vae": objects.Vae(24, 16, video=True),
    "cogvideox_vae": objects.Vae(16, 8, video=True),
    "pixel_space": objects.Vae(3, 1),
    "marigold": objects.Vae(16, 8, video=True),
}


def _clip(kind: str) -> objects.Clip:
    entry = models.entry_of(_TEXT[kind])
    # What a text encoder gives beside its embeddings.
    more = {name: entry["extra_conditioning"][name] for name in _ENCODED if name in entry["extra_conditioning"]}
    return objects.Clip(entry["context_shape"][1], None if kind in _UNPOOLED else entry["pooled_dim"], more)


def _vae(name: str) -> objects.Vae | objects.AudioVae:
    return next(vae for start, vae in _VAES.items() if name.lower().startswith(start))


def _checkpoint(ckpt_name):
    if ckpt_name.startswith("sam3"):  # finds what a prompt names in a picture
        return "sam3", objects.Clip(64, None), None
    family = models.tiny_of(ckpt_name).family
    kind = {"flux1": "flux", "sd3": "sd3", "lumina2": "lumina2", "ltxv": "ltxv", "ltx-2": "ltx-2"}[family]
    vae = objects.Vae(128, 32, video=True, frames=8) if "ltx" in family else objects.Vae(16, 8)
    return models.make(ckpt_name), _clip(kind), vae


def _video(name: str):
    from comfy_api.latest._input_impl import VideoFromComponents
    from comfy_api.latest._util import VideoComponents

    pictures = objects.image(name, frames=FRAMES)
    return (VideoFromComponents(VideoComponents(images=pictures, audio=None, frame_rate=Fraction(RATE))),)


def _warped_noise(width, height, length, batch_size=1, **kwargs):
    """Noise as the host makes it of the motion in a video: an even number of latent frames."""
    frames = (length - 1) // 4 + 1
    return ({"samples": objects.random((1, 16, frames - frames % 2 or 1, height // 8, width // 8), "warped")},)


def _audio(audio, **kwargs):
    return ({"waveform": torch.zeros(1, 1, 16000), "sample_rate": 16000},)


# Host node -> (what it gives, function of its inputs).
STAND_INS: dict[str, tuple[tuple[str, ...], Callable]] = {
    "UNETLoader": (("MODEL",), lambda unet_name, **k: (models.make(unet_name),)),
    "CheckpointLoaderSimple": (("MODEL", "CLIP", "VAE"), lambda ckpt_name, **k: _checkpoint(ckpt_name)),
    "LoraLoaderModelOnly": (
        ("MODEL",),
        lambda model, lora_name, strength_model, **k: (objects.weak_lora(model, lora_name, strength_model),),
    ),
    "CLIPLoader": (("CLIP",), lambda type, **k: (_clip(type),)),
    "DualCLIPLoader": (("CLIP",), lambda type, **k: (_clip(type),)),
    "QuadrupleCLIPLoader": (("CLIP",), lambda **k: (_clip("hidream"),)),
    "LTXAVTextEncoderLoader": (("CLIP",), lambda **k: (_clip("ltx-2"),)),
    "LTXVAudioVAELoader": (("VAE",), lambda **k: (objects.AudioVae(),)),
    "LatentUpscaleModelLoader": (("LATENT_UPSCALE_MODEL",), lambda **k: ("doubles",)),
    "LTXVLatentUpsampler": (("LATENT",), lambda samples, **k: (objects.upsampled(samples),)),
    "VAELoader": (("VAE",), lambda vae_name, **k: (_vae(vae_name),)),
    "CLIPVisionLoader": (("CLIP_VISION",), lambda **k: (objects.Vision(),)),
    "StyleModelLoader": (("STYLE_MODEL",), lambda **k: (objects.Style(models.entry_of("flux")["context_shape"][1]),)),
    "ControlNetLoader": (
        ("CONTROL_NET",),
        lambda control_net_name, **k: (objects.Control.make(256 if "qwen" in control_net_name.lower() else 128),),
    ),
    "LoraLoader": (
        ("MODEL", "CLIP"),
        lambda model, clip, lora_name, strength_model, **k: (objects.weak_lora(model, lora_name, strength_model), clip),
    ),
    "ModelPatchLoader": (("MODEL_PATCH",), lambda name, **k: (patches.model_patch(name),)),
    "AudioEncoderLoader": (
        ("AUDIO_ENCODER",),
        lambda audio_encoder_name, **k: (objects.AudioEncoder(audio_encoder_name),),
    ),
    "LoadImage": (("IMAGE", "MASK"), lambda image, **k: (objects.image(image), objects.image(image)[..., 0].round())),
    "LoadVideo": (("VIDEO",), lambda file, **k: _video(file)),
    "LoadAudio": (("AUDIO",), _audio),
    "Painter": (("IMAGE", "MASK"), lambda **k: (objects.image("painted"), objects.image("painted")[..., 0].round())),
    "SAM3_VideoTrack": (("SAM3_TRACK_DATA",), lambda images, **k: (objects.tracked(images),)),
    "SAM3_Detect": (("MASK", "BOUNDING_BOX"), lambda image, **k: (image[..., 0].round(), [])),
    # Depth in a picture, motion in a video, and a larger picture, each by a model.
    "LoadDA3Model": (("DA3_MODEL",), lambda **k: ("depth",)),
    "DA3Inference": (("DA3_GEOMETRY",), lambda image, **k: (image,)),
    "DA3Render": (("IMAGE",), lambda da3_geometry, **k: (da3_geometry,)),
    "LoadMoGeModel": (("MOGE_MODEL",), lambda **k: ("depth",)),
    "MoGeInference": (("MOGE_GEOMETRY",), lambda image, **k: (image,)),
    "MoGeRender": (("IMAGE",), lambda moge_geometry, **k: (moge_geometry,)),
    "OpticalFlowLoader": (("OPTICAL_FLOW",), lambda **k: ("motion",)),
    "VOIDWarpedNoise": (("LATENT",), _warped_noise),
    "UpscaleModelLoader": (("UPSCALE_MODEL",), lambda **k: ("doubles",)),
    "ImageUpscaleWithModel": (("IMAGE",), lambda image, **k: (objects.doubled(image),)),
    # A language model writes a prompt.
    "TextGenerate": (("STRING",), lambda **k: ("a picture of a lake",)),
    "TextGenerateLTX2Prompt": (("STRING",), lambda **k: ("a picture moves",)),
    # Services on the net.
    "GeminiImageNode": (("IMAGE", "STRING"), lambda **k: (objects.image("gemini"), "")),
    "GeminiNodeV3": (("STRING",), lambda **k: ("a picture moves",)),
}


def stand_in_name(kind: str) -> str:
    """The name under which the stand-in of a host's node is registered."""
    return f"DiTFastAttnTest{kind}"


AT_MOST, KEEP = stand_in_name("AtMost"), stand_in_name("Keep")


def _node_class(kind: str, outputs: tuple[str, ...], function: Callable, input_names: tuple[str, ...], **extra) -> type:
    def run(self, **inputs):
        return function(**inputs)

    members = {
        "INPUT_TYPES": classmethod(lambda cls: {"optional": {name: (ANY, {}) for name in input_names}}),
        "RETURN_TYPES": outputs,
        "FUNCTION": "run",
        "CATEGORY": "tests",
        "run": run,
        **extra,
    }
    return type(kind, (), members)


def register(mappings: dict, input_names: Callable[[str], tuple[str, ...]], kept: dict) -> None:
    """Add the stand-ins to the host's nodes. kept: filled by KEEP nodes, their `name` -> the latent's samples."""
    for kind, (outputs, function) in STAND_INS.items():
        mappings[stand_in_name(kind)] = _node_class(kind, outputs, function, input_names(kind))
    mappings[AT_MOST] = _node_class("AtMost", ("INT",), lambda value, most: (int(min(value, most)),), ("value", "most"))

    def keep(latent, name):
        samples = latent["samples"]
        nested = getattr(samples, "is_nested", False)
        # Several latents in one as the host samples them, so that a run knows its own.
        one = torch.cat([some.flatten(1)[:, None] for some in samples.unbind()], 2) if nested else samples.clone()
        kept[name] = one
        return ()

    mappings[KEEP] = _node_class("Keep", (), keep, ("latent", "name"), OUTPUT_NODE=True)
