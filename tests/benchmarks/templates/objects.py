"""What stands in for files that are no diffusion model: small, without weights worth the name, the same every time."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import torch
from torch.nn.functional import interpolate

TOKENS = 12  # of every prompt
MOST_PIXELS = 192  # on the longer side of what a VAE encodes, but ...
LEAST_LATENT = 12  # ... not less than so many latent pixels
VISION_WIDTH, VISION_TOKENS, VISION_LAYERS = 1280, 257, 24


def random(shape, *names) -> torch.Tensor:
    seed = zlib.crc32("/".join(map(str, names)).encode())
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class Clip:
    """A text encoder: random embeddings that depend on the text, `width` wide."""

    def __init__(self, width: int, pooled: int | None, more: dict | None = None):
        self.width, self.pooled, self.more = width, pooled, more or {}

    def clone(self):
        return self

    def set_tokenizer_option(self, name, value):
        pass

    def tokenize(self, text, *args, **kwargs):
        return {"text": text, "t5xxl": text, "images": kwargs.get("images") or ()}

    def encode_from_tokens(self, tokens, return_pooled=False, return_dict=False):
        text = str(tokens["text"])
        length = TOKENS + 4 * len(tokens["images"])
        embeddings = random((1, length, self.width), "text", text)
        pooled = random((1, self.pooled), "pooled", text) if self.pooled else None
        if return_dict:
            return {"cond": embeddings, "pooled_output": pooled, **self._beside(text, length)}
        return (embeddings, pooled) if return_pooled else embeddings

    def _beside(self, text: str, length: int) -> dict:
        made = {}
        for name, spec in self.more.items():
            values = torch.ones(1, length, dtype=torch.long) if "mask" in name else random(spec["tensor"], name, text)
            made[name] = (values.abs() * 100).long() if "ids" in name else values
        return made

    def encode_from_tokens_scheduled(self, tokens, unprojected=False, add_dict=None, show_pbar=True):
        made = self.encode_from_tokens(tokens, return_dict=True)
        return [[made.pop("cond"), {**{k: v for k, v in made.items() if v is not None}, **(add_dict or {})}]]


@dataclass(frozen=True)
class Vae:
    """An image or video VAE: a latent pixel is the mean of its pixels, mixed into `latent_channels` by fixed numbers.

    `space`: pixels a latent pixel and side. `video`: `frames` a latent frame, after the first.
    """

    latent_channels: int
    space: int
    video: bool = False
    frames: int = 4

    @property
    def downscale_index_formula(self):
        return (self.frames, self.space, self.space)

    def throw_exception_if_invalid(self):
        pass

    def spacial_compression_encode(self) -> int:
        return self.space

    spacial_compression_decode = spacial_compression_encode

    def temporal_compression_decode(self) -> int | None:
        return self.frames if self.video else None

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """(frames or batch, H, W, 3) in 0..1 to (B, C, [T,] H, W); larger pictures are seen at MOST_PIXELS."""
        pixels = (pixels[0] if pixels.ndim == 5 else pixels)[..., :3].movedim(-1, 1).float()
        shrink = min(1.0, max(MOST_PIXELS, LEAST_LATENT * self.space) / max(pixels.shape[-2:]))
        # What is made smaller gets sides in whole patches of two latent pixels.
        step = self.space * (1 if shrink == 1 else 2)
        size = [max(step, round(side * shrink) // step * step) // self.space for side in pixels.shape[-2:]]
        small = interpolate(pixels * 2 - 1, size=size, mode="area")
        if self.video:
            small = small[:: self.frames].movedim(1, 0)[None]
        return torch.einsum("bc...,cd->bd...", small, self._mixing())

    def encode_tiled(self, pixels, **kwargs):
        return self.encode(pixels)

    def decode(self, latent: torch.Tensor, **kwargs) -> torch.Tensor:
        """(B, C, [T,] H, W) to (B, [T,] H, W, 3) in 0..1."""
        picture = torch.einsum("bd...,cd->bc...", latent.float(), self._mixing()) / self.latent_channels
        size = [side * self.space for side in latent.shape[-2:]]
        if latent.ndim == 5:
            count = latent.shape[2]
            size = [self.frames * (count - 1) + 1 if self.video else count, *size]
        return (interpolate(picture, size=size) / 2 + 0.5).clamp(0, 1).movedim(1, -1)

    def decode_tiled(self, latent, **kwargs):
        return self.decode(latent)

    def _mixing(self) -> torch.Tensor:
        return random((3, self.latent_channels), "vae", self.latent_channels)


class Vision:
    """A CLIP vision encoder."""

    def encode_image(self, image, crop=True):
        from comfy.clip_vision import Output

        shift = image.float().mean()
        states = random((1, VISION_LAYERS, VISION_TOKENS, VISION_WIDTH), "vision") + shift
        made = Output()
        made["last_hidden_state"] = states[:, -1]
        made["penultimate_hidden_states"] = states[:, -2]
        made["all_hidden_states"] = states
        made["image_embeds"] = states[:, -1, 0]
        made["mm_projected"] = None
        made["image_sizes"] = [tuple(image.shape[1:])]
        return made


class Style:
    """A style model (Redux): tokens for the prompt of a Flux."""

    def __init__(self, width: int):
        self.width = width

    def get_cond(self, vision_output):
        return vision_output["last_hidden_state"][:, :TOKENS, : self.width].clone()


class Control:
    """Makes a ControlNet that adds a fixed pattern to the image tokens of an SD3, a tenth of their size."""

    @staticmethod
    def make(width: int):
        from comfy.controlnet import ControlBase

        class TinyControl(ControlBase):
            def get_control(self, x_noisy, t, cond, batched_number, transformer_options):
                tokens = -(-x_noisy.shape[-2] // 2) * -(-x_noisy.shape[-1] // 2)
                added = 0.1 * self.strength * random((1, tokens, width), "control").to(x_noisy)
                place = "output" if width == 128 else "input"  # of SD3, of Qwen-Image
                return {place: [added.repeat(x_noisy.shape[0], 1, 1)]}

            def copy(self):
                copied = TinyControl()
                self.copy_to(copied)
                return copied

        return TinyControl()


class AudioVae:
    """LTX-2's VAE of sound: 8 channels of 16 bins, 25 latents a second."""

    latent_channels, latent_frequency_bins, sample_rate, output_sample_rate = 8, 16, 24000, 24000

    @property
    def first_stage_model(self):
        return self

    def num_of_latents_from_frames(self, frames, rate):
        return max(1, round(frames / rate * 25))

    def encode(self, audio, *args):
        return random((1, 8, 5, 16), "sound")

    def decode(self, latent, *args):
        return torch.zeros(1, 24000, 2)


class AudioEncoder:
    """An audio encoder: 50 frames a second of all its layers and the input, as many and as wide as its file's name says
    (Whisper, or wav2vec 2.0 of one of two sizes)."""

    def __init__(self, file: str):
        sizes = {"whisper": (33, 1280), "large": (25, 1024)}
        self.layers, self.width = next((size for part, size in sizes.items() if part in file.lower()), (13, 768))

    def encode_audio(self, waveform, sample_rate):
        frames = max(8, round(waveform.shape[-1] / sample_rate * 50))
        layers = [0.1 * random((1, frames, self.width), "audio", layer) for layer in range(self.layers)]
        return {"encoded_audio": layers[-1], "encoded_audio_all_layers": layers, "audio_samples": waveform.shape[-1]}


def tracked(pictures: torch.Tensor) -> dict:
    """What SAM 3 finds in pictures (B, H, W, 3): one object, where they are bright, as the host packs it."""
    from comfy.ldm.sam3.tracker import pack_masks

    bright = pictures[:, None, :, : pictures.shape[2] // 8 * 8, 0] - 0.5
    return {"packed_masks": pack_masks(bright), "n_frames": len(pictures), "orig_size": tuple(pictures.shape[1:3])}


def upsampled(latent: dict) -> dict:
    """A latent (B, C, T, H, W) of twice the height and width."""
    samples = latent["samples"]
    larger = interpolate(samples.flatten(1, 2), scale_factor=2).unflatten(1, samples.shape[1:3])
    return {**{name: one for name, one in latent.items() if name != "noise_mask"}, "samples": larger}


def doubled(pictures: torch.Tensor) -> torch.Tensor:
    """Pictures (B, H, W, 3) of twice the height and width."""
    return interpolate(pictures.movedim(-1, 1), scale_factor=2).movedim(1, -1)


def image(name: str, width: int = 192, height: int = 128, frames: int = 1) -> torch.Tensor:
    """Smooth colours, (frames, height, width, 3) in 0..1."""
    coarse = random((frames, 3, 6, 8), "image", name).sigmoid()
    return interpolate(coarse, size=(height, width), mode="bilinear").movedim(1, -1)


def weak_lora(model, name: str, strength: float):
    """A clone with one weight matrix in eight changed by a hundredth, as a LoRA would."""
    patched = model.clone()
    weights = [(k, w) for k, w in model.model.state_dict().items() if w.ndim == 2 and k.startswith("diffusion_model.")]
    for key, weight in weights[::8]:
        patched.add_patches({key: (0.01 * weight.shape[1] ** -0.5 * random(weight.shape, name, key),)}, strength)
    return patched
