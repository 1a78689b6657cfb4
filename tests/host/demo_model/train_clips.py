"""Trains the demo's video model on a CPU: short clips of the demo's scenes in motion.

    python tests/host/demo_model/train_clips.py trunk --host PATH_TO_COMFYUI --state DIR --samples N --minutes M

See ``trainer.py`` for ``branch`` and ``export``. The model has the host's Wan 2.1 layout: tokens of time, height and
width in one sequence with rotary positions, text by cross-attention. The host reads depth and width from the keys and
what else differs from the file's metadata. A clip is ``FRAMES`` frames in the latent space of the still pictures, frame
by frame, so the still pictures' decoder shows it.
"""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))
import autoencoder  # noqa: E402
import scenes  # noqa: E402
import train  # noqa: E402
import trainer  # noqa: E402
from scenes import captions  # noqa: E402

FRAMES = 8
SIDE = 256  # pixels of a frame's side; 16 x 16 tokens, 2,048 in a clip


@dataclasses.dataclass(frozen=True)
class Settings:
    seed: int = 3
    threads: int = 2
    scenes: int = 3000  # clips rendered, of the scenes with these seeds
    held_from: int = 960  # first of the clips kept for the validation loss
    held_out: int = 16
    layers: int = 10
    width: int = 192
    heads: int = 3
    caption_dropout: float = 0.12
    word_dropout: float = 0.10
    batch: int = 4  # clips of a step; single frames are eight times as many, which makes equally many tokens
    still_share: float = 0.75  # of a trunk's steps on single frames, 256 tokens; the others on clips of 2,048
    branch_still_share: float = 0.3
    matrix_rate: float = 0.012
    vector_rate: float = 1.2e-3
    warm_up: int = 60
    average: float = 0.998
    branch_average: float = 0.98
    shift: float = 5.0  # of the noise levels learned; the host samples with 8


def frames(seed: int) -> np.ndarray:
    """The frames of a scene's clip, ``(FRAMES, SIDE, SIDE, 3)`` uint8."""
    phrases, step = scenes.sample(seed), scenes.SIZE // SIDE
    out = []
    for time in np.linspace(-0.5, 0.5, FRAMES):
        pixels = scenes.draw(phrases, seed, float(time)).astype(np.float32)
        out.append(pixels.reshape(SIDE, step, SIDE, step, 3).mean((1, 3)))
    return (np.stack(out) + 0.5).astype(np.uint8)


def _render(seeds: tuple[int, int]) -> np.ndarray:
    """Latents ``(count, 16, FRAMES, SIDE / 8, SIDE / 8)`` float16 of the clips of seeds in a range."""
    out = []
    for seed in range(*seeds):
        pixels = torch.from_numpy(frames(seed)).permute(0, 3, 1, 2).float() / 255
        out.append(autoencoder.encode_linear(pixels).transpose(0, 1).half().numpy())
    return np.stack(out)


def host_model():
    """The host's video transformer class, its backward pass made possible."""
    import comfy.ldm.wan.model
    import comfy.model_management

    comfy.model_management.in_training = True
    return comfy.ldm.wan.model.WanModel


def transformer_config(s: Settings) -> dict:
    """What the host cannot read from the keys and shapes."""
    return {"num_heads": s.heads, "text_dim": captions.CONTEXT_DIM, "text_len": captions.TOKENS}


def build_model(wan, ops, s: Settings) -> torch.nn.Module:
    """The host's video transformer at our size, with values in every weight."""
    channels = autoencoder.LATENT_CHANNELS
    model = wan(
        model_type="t2v",
        in_dim=channels,
        out_dim=channels,
        dim=s.width,
        ffn_dim=4 * s.width,
        num_layers=s.layers,
        dtype=torch.float32,
        device="cpu",
        operations=ops,
        **transformer_config(s),
    )
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "norm" in name and name.endswith("weight"):
                value.fill_(1.0)
            elif name.endswith("bias") or name.startswith("head.head"):
                value.zero_()
            elif name.endswith("modulation") or name.startswith("time_projection"):
                value.zero_()  # every block starts as its cross-attention alone
            elif name.startswith("text_embedding.0"):
                value.normal_(std=0.5)  # inputs are a handful of ones
            else:
                value.normal_(std=value[0].numel() ** -0.5)
    return model


def velocity_loss(network, latents, context, sigma, noise):
    s = sigma.view(-1, 1, 1, 1, 1)
    noisy = s * noise + (1 - s) * latents
    with torch.autocast("cpu", torch.bfloat16):
        got = network(noisy, sigma * 1000, context, transformer_options={})
    return ((got.float() - (noise - latents)) ** 2).mean()


class Clips:
    """What the video transformer learns from: single frames, and whole clips."""

    def __init__(self, s: Settings, model: torch.nn.Module, latents, still_share: float):
        self.s, self.model, self.latents, self.still_share = s, model, latents, still_share
        self.words = train.Captions(s)

    def draw(self, step: int) -> trainer.Batch:
        generator, rng = trainer.dice(self.s.seed, step)
        still = rng.random() < self.still_share
        count = self.s.batch * FRAMES if still else self.s.batch
        held = range(self.s.held_from, self.s.held_from + self.s.held_out)
        seeds = []
        while len(seeds) < count:
            seed = rng.randrange(self.s.scenes)
            seeds += [seed] if seed not in held else []
        parts = [self.latents[seed] for seed in seeds]
        if still:
            parts = [part[:, at : at + 1] for part in parts for at in [rng.randrange(FRAMES)]]
        clean = torch.from_numpy(np.stack(parts)).float()
        context, _ = self.words.batch(seeds, captions.TOKENS, rng)
        sigma = train.noise_levels(count, self.s.shift, generator)
        noise = torch.randn(clean.shape, generator=generator)
        tokens = count * clean[0, 0].numel() // 4

        def loss(network):
            return velocity_loss(network, clean, context, sigma, noise)

        return trainer.Batch(f"{tokens // count} tokens", loss, count, tokens)

    @torch.no_grad()
    def validate(self) -> float:
        """Loss on held-out clips with fixed noise."""
        seeds = range(self.s.held_from, self.s.held_from + self.s.held_out)
        latents = torch.from_numpy(np.stack([self.latents[seed] for seed in seeds])).float()
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(7))
        sigma = (torch.arange(len(seeds)) + 0.5) / len(seeds)
        sigma = self.s.shift * sigma / (1 + (self.s.shift - 1) * sigma)
        context, _ = self.words.batch(seeds, captions.TOKENS)
        losses = [
            velocity_loss(self.model, latents[n : n + 1], context[n : n + 1], sigma[n : n + 1], noise[n : n + 1])
            for n in range(len(seeds))
        ]
        return float(sum(losses) / len(losses))


def job(s: Settings, ops, state: Path, branch: bool) -> trainer.Job:
    torch.manual_seed(s.seed)
    model = build_model(host_model(), ops, s)
    model.forward = model._forward  # the host's own forward only adds wrappers, which a compiler cannot see through
    inner = [p for n, p in model.named_parameters() if p.ndim == 2 and n.startswith("blocks.")]
    rates = trainer.Rates(s.matrix_rate, s.vector_rate, s.warm_up, s.branch_average if branch else s.average)
    latents = trainer.Latents(state / "latents", "clips", _render, s.scenes, chunk=100)
    clips = Clips(s, model, latents, s.branch_still_share if branch else s.still_share)
    metadata = {"config": json.dumps({"transformer": transformer_config(s)})}
    return trainer.Job(model, inner, rates, clips.draw, clips.validate, "demo_wan", "loss_curve_wan.json", metadata)


def main() -> None:
    given = trainer.parser(__doc__, Settings, ("trunk", "branch", "export")).parse_args()
    s = trainer.settings_of(given, Settings)
    torch.set_num_threads(s.threads)
    _, _, ops = train.host_modules(given.host)
    if not trainer.command(given, s, job(s, ops, given.state, given.what != "trunk")):
        sys.exit(3)


if __name__ == "__main__":
    main()
