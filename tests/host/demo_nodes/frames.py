"""Frames of a clip in the latent space of the demo's still pictures."""

import torch


def of_clip(latent: torch.Tensor) -> torch.Tensor:
    """Latents ``(B * T, 16, H, W)`` as Stable Diffusion 3 scales them, of a sampled ``(B, 16, T, H, W)``.

    The demo's video model is trained on the still pictures' latents, frame by frame; the host's sampler has scaled them
    as Wan's decoder would want them.
    """
    import comfy.latent_formats as formats

    plain = formats.Wan21().process_in(latent)
    return formats.SD3().process_out(plain.transpose(1, 2).flatten(0, 1))
