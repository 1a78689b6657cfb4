"""Trains the demo model on a CPU, in pieces that go on where they stopped.

    python tests/host/demo_model/train.py autoencoder --host PATH_TO_COMFYUI
    python tests/host/demo_model/train.py trunk --host PATH_TO_COMFYUI --state DIR --samples N --minutes M
    python tests/host/demo_model/train.py branch --host PATH_TO_COMFYUI --state DIR --name NAME --samples N --minutes M
    python tests/host/demo_model/train.py export --host PATH_TO_COMFYUI --state DIR --name NAME

``trunk`` trains at a constant rate and is called again as often as wanted; ``branch`` copies the trunk once and lets
the rate fall to zero over N samples; ``export`` writes the branch's averaged weights and curve beside this file.
``Settings`` holds everything else that decides the result.
"""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
GRID = 32  # tokens of a side of a whole picture: 512 pixels / 8 of the latent / 2 of a token
sys.path.append(str(HERE))
import autoencoder  # noqa: E402
import scenes  # noqa: E402
import trainer  # noqa: E402
from scenes import captions  # noqa: E402


@dataclasses.dataclass(frozen=True)
class Settings:
    seed: int = 2
    threads: int = 2
    scenes: int = 16000  # pictures rendered for the diffusion model; benchmarks use other seeds
    held_from: int = 4936  # first of the pictures kept for the validation loss
    held_out: int = 64
    depth: int = 4  # blocks and heads; the host reads the width as 64 times this
    position_table: int = 40  # tokens of a side: pictures up to 640 pixels
    caption_dropout: float = 0.12  # share of examples trained without caption, for guidance
    word_dropout: float = 0.10  # share of attributes left unsaid
    decoder_seconds: float = 730
    batch: int = 32  # crops of a step; whole pictures of a step are a quarter, which makes equally many tokens
    whole_share: float = 0.2  # of a trunk's steps on whole pictures, 1024 tokens; the others on crops of 256
    branch_whole_share: float = 0.6
    busy_share: float = 0.5  # of crops placed at the busier of two places, since things matter more than sky
    matrix_rate: float = 0.008
    vector_rate: float = 0.8e-3
    warm_up: int = 60
    average: float = 0.998
    branch_average: float = 0.98
    shift: float = 3.0  # of the noise schedule, as the host samples SD3


def host_modules(path: str):
    """The host's model classes, imported from a ComfyUI folder with CPU settings."""
    sys.path.insert(0, str(Path(path).resolve()))
    import comfy.options  # noqa: F401
    from comfy.cli_args import args

    args.cpu = True
    args.use_pytorch_cross_attention = True  # the CPU default has no fast backward pass
    import comfy.ldm.modules.diffusionmodules.mmdit as mmdit
    import comfy.ops
    import comfy.taesd.taesd as taesd

    return mmdit, taesd, comfy.ops.disable_weight_init


def _render(job: tuple[int, int]) -> np.ndarray:
    """Latents ``(16, 64, 64)`` float16 of scenes of the seeds in a range."""
    torch.set_num_threads(1)
    out = []
    for seed in range(*job):
        pixels = torch.from_numpy(scenes.draw(scenes.sample(seed), seed)).permute(2, 0, 1)[None].float() / 255
        out.append(autoencoder.encode_linear(pixels)[0].half().numpy())
    return np.stack(out)


def build_model(mmdit, ops, s: Settings) -> torch.nn.Module:
    """The host's SD3 transformer at our size, with values in every weight."""
    width = 64 * s.depth
    model = mmdit.OpenAISignatureMMDITWrapper(
        input_size=None,
        patch_size=2,
        in_channels=16,
        out_channels=16,
        depth=s.depth,
        qk_norm="rms",
        adm_in_channels=captions.POOLED_DIM,
        context_embedder_config={
            "target": "torch.nn.Linear",
            "params": {"in_features": captions.CONTEXT_DIM, "out_features": width},
        },
        num_patches=s.position_table**2,
        pos_embed_max_size=s.position_table,
        pos_embed_scaling_factor=None,
        dtype=torch.float32,
        device="cpu",
        operations=ops,
    )
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "adaLN" in name or name.startswith("final_layer.linear"):
                value.zero_()  # every block starts as the identity and the output as zero
            elif ".ln_" in name:
                value.fill_(1.0)
            elif name.endswith("bias"):
                value.zero_()
            elif name.startswith("context_embedder"):
                value.normal_(std=0.5)  # inputs are a handful of ones
            else:
                value.normal_(std=(value[0].numel()) ** -0.5)
        table = mmdit.get_2d_sincos_pos_embed(width, s.position_table, offset=s.position_table / 2)
        model.pos_embed.copy_(torch.from_numpy(table).float()[None])
    return model


class Captions:
    """Conditioning of scenes by seed, with words left out at random."""

    def __init__(self, s: Settings):
        self.s = s

    def batch(self, seeds, tokens: int, rng=None) -> tuple[torch.Tensor, torch.Tensor]:
        """Context and pooled vectors of scenes; without ``rng`` every word is said."""
        contexts, pooled = [], []
        for seed in seeds:
            phrases = scenes.sample(seed)
            if rng is not None:
                phrases = () if rng.random() < self.s.caption_dropout else self.thin(phrases, rng)
            context, vector = captions.embed(phrases, tokens)
            contexts.append(context)
            pooled.append(vector)
        return torch.stack(contexts), torch.stack(pooled)

    def thin(self, phrases, rng):
        kept = []
        for phrase in phrases:
            if phrase.kind in captions.SCENERY:
                if rng.random() >= self.s.word_dropout / 2:
                    kept.append(phrase)
                continue
            said = {name for name in captions.KINDS[phrase.kind] if rng.random() < self.s.word_dropout}
            kept.append(dataclasses.replace(phrase, **dict.fromkeys(said)))
        rng.shuffle(kept)
        return tuple(kept)


def noise_levels(count: int, shift: float, generator=None) -> torch.Tensor:
    """Noise shares in 0..1, half logit-normal and half uniform, moved by the host's schedule shift.

    The host's "simple" schedule spaces steps evenly before the shift; the logit-normal half trains the middle more.
    """
    even = (torch.randperm(count, generator=generator) + torch.rand(count, generator=generator)) / count
    u = torch.where(torch.arange(count) % 2 == 0, even, torch.sigmoid(torch.special.ndtri(even.clamp(1e-4, 1 - 1e-4))))
    return shift * u / (1 + (shift - 1) * u)


def position_rows(model: torch.nn.Module, s: Settings) -> torch.Tensor:
    """The positions of a whole picture's tokens ``(1, GRID * GRID, width)``: the middle of the model's table."""
    n = s.position_table
    edge = (n - GRID) // 2
    table = model.pos_embed.detach().view(n, n, -1)[edge : edge + GRID, edge : edge + GRID]
    return table.reshape(1, GRID * GRID, -1).clone()


class Pictures:
    """What the transformer learns from: crops and whole pictures of rendered scenes."""

    def __init__(self, s: Settings, model: torch.nn.Module, latents, whole_share: float):
        self.s, self.model, self.latents, self.whole_share = s, model, latents, whole_share
        self.words = Captions(s)
        # The host gives all pictures of a batch the middle of its table; crops need each its own part of that middle.
        self.rows = position_rows(model, s)
        self.table = self.rows.view(GRID, GRID, -1)
        model.cropped_pos_embed = lambda hw, device=None: self.rows

    def draw(self, step: int) -> trainer.Batch:
        generator, rng = trainer.dice(self.s.seed, step)
        whole = rng.random() < self.whole_share
        side, count = (GRID, self.s.batch // 4) if whole else (GRID // 2, self.s.batch)
        seeds, cuts, rows = [], [], []
        while len(seeds) < count:
            seed = rng.randrange(self.s.scenes)
            if self.s.held_from <= seed < self.s.held_from + self.s.held_out:
                continue
            latent, spare = self.latents[seed], GRID - side
            # Places reach past the edge and are pulled back, so that the outermost tokens are met as often as others.
            places = [[min(max(rng.randint(-4, spare + 4), 0), spare) for _ in "yx"] for _ in range(2)]
            part = [latent[:, 2 * y : 2 * (y + side), 2 * x : 2 * (x + side)] for y, x in places]
            chosen = 0
            if not whole and rng.random() < self.s.busy_share:
                chosen = int(np.argmax([np.abs(p[1:7].astype(np.float32)).mean() for p in part]))
            y, x = places[chosen]
            seeds.append(seed)
            cuts.append(torch.from_numpy(part[chosen].astype(np.float32)))
            rows.append(self.table[y : y + side, x : x + side].flatten(0, 1))
        clean = torch.stack(cuts)
        # Padding must not matter, so its amount varies.
        tokens = captions.TOKENS if whole or rng.random() < 0.85 else captions.TOKENS + 8
        context, pooled = self.words.batch(seeds, tokens, rng)
        sigma = noise_levels(count, self.s.shift, generator)
        noise = torch.randn(clean.shape, generator=generator)
        rows = torch.stack(rows)

        def loss(network):
            self.rows = rows
            return velocity_loss(network, clean, context, pooled, sigma, noise)

        return trainer.Batch(f"{side * side} tokens", loss, count, count * side * side)

    @torch.no_grad()
    def validate(self) -> float:
        """Loss on whole held-out pictures with fixed noise."""
        first, count = self.s.held_from, self.s.held_out
        latents = torch.from_numpy(np.stack([self.latents[n] for n in range(first, first + count)]))
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(7))
        sigma = (torch.arange(count) + 0.5) / count
        sigma = self.s.shift * sigma / (1 + (self.s.shift - 1) * sigma)
        context, pooled = self.words.batch(range(first, first + count), captions.TOKENS)
        self.rows = self.table.view(1, GRID * GRID, -1)
        parts = [slice(at, at + 16) for at in range(0, count, 16)]
        losses = [
            velocity_loss(self.model, latents[p].float(), context[p], pooled[p], sigma[p], noise[p]) for p in parts
        ]
        return float(sum(losses) / len(losses))


def velocity_loss(network, latents, context, pooled, sigma, noise):
    s = sigma.view(-1, 1, 1, 1)
    noisy = s * noise + (1 - s) * latents
    with torch.autocast("cpu", torch.bfloat16):
        got = network(noisy, sigma * 1000, context=context, y=pooled)
    return ((got.float() - (noise - latents)) ** 2).mean()


def train_autoencoder(s: Settings, taesd, out: Path, go_on: bool) -> None:
    """Train the decoder (see autoencoder.py) and write it with the encoder and its log."""
    from safetensors.torch import load_file

    torch.manual_seed(s.seed)
    # Seeds far from those of the diffusion model, so that its held-out pictures are unseen here too.
    pictures = np.stack([scenes.draw(scenes.sample(n), n) for n in range(10**6, 10**6 + 400)])
    channels, log, before = autoencoder.LATENT_CHANNELS, [], 0
    decoder = taesd.Decoder(latent_channels=channels)
    if go_on:
        decoder.load_state_dict(load_file(out / "taesd3_decoder.safetensors"))
        log = json.loads((out / "autoencoder_log.json").read_text())
        before = log[-1]["step"]
    else:
        autoencoder.initialise(decoder)

    def report(step, gone, loss):
        log.append(dict(stage="decoder", step=before + step, seconds=round(gone, 1), loss=round(loss, 5)))
        print(json.dumps(log[-1]), flush=True)

    autoencoder.train_decoder(decoder, pictures, s.decoder_seconds, report, seed=s.seed)
    trainer.save_weights(decoder.state_dict(), out / "taesd3_decoder.safetensors")
    encoder = autoencoder.build_encoder(taesd.Encoder(latent_channels=channels))
    trainer.save_weights(encoder.state_dict(), out / "taesd3_encoder.safetensors")
    (out / "autoencoder_log.json").write_text(json.dumps(log))


def job(s: Settings, mmdit, ops, state: Path, branch: bool) -> trainer.Job:
    """The diffusion model's training."""
    torch.manual_seed(s.seed)
    model = build_model(mmdit, ops, s)
    inner = [p for n, p in model.named_parameters() if p.ndim == 2 and "joint_blocks" in n and "adaLN" not in n]
    rates = trainer.Rates(s.matrix_rate, s.vector_rate, s.warm_up, s.branch_average if branch else s.average)
    latents = trainer.Latents(state / "latents", "pictures", _render, s.scenes)
    pictures = Pictures(s, model, latents, s.branch_whole_share if branch else s.whole_share)
    return trainer.Job(model, inner, rates, pictures.draw, pictures.validate, "demo_sd3", "loss_curve.json")


def main() -> None:
    parser = trainer.parser(__doc__, Settings, ("autoencoder", "trunk", "branch", "export"))
    parser.add_argument("--continue-decoder", action="store_true", help="start from the decoder in the output folder")
    given = parser.parse_args()
    s = trainer.settings_of(given, Settings)
    given.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(s.threads)
    mmdit, taesd, ops = host_modules(given.host)
    if given.what == "autoencoder":
        train_autoencoder(s, taesd, given.out, given.continue_decoder)
    elif not trainer.command(given, s, job(s, mmdit, ops, given.state, given.what != "trunk")):
        sys.exit(3)


if __name__ == "__main__":
    main()
