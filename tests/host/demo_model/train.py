"""Trains the demo model from nothing and writes its weights, loss curve and sample sheet: one command, CPU only.

    python tests/host/demo_model/train.py --host PATH_TO_COMFYUI

``Settings`` holds everything that decides the result. Stages are bounded by time, not by steps, so a slower machine
gives a worse model rather than a longer wait; README.md says what the shipped files took.
"""

import argparse
import dataclasses
import json
import math
import multiprocessing
import os
import random
import sys
import time
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
GRID = 32  # tokens of a side of a whole picture: 512 pixels / 8 of the latent / 2 of a token
sys.path.append(str(HERE))
import autoencoder  # noqa: E402
import scenes  # noqa: E402
from scenes import captions  # noqa: E402


@dataclasses.dataclass(frozen=True)
class Settings:
    seed: int = 1
    threads: int = 2
    scenes: int = 5000  # pictures rendered for the diffusion model
    held_out: int = 64  # pictures kept for the validation loss
    depth: int = 4  # blocks and heads; the host reads the width as 64 times this
    position_table: int = 40  # tokens of a side: pictures up to 640 pixels
    caption_dropout: float = 0.12  # share of examples trained without caption, for guidance
    word_dropout: float = 0.10  # share of attributes left unsaid
    decoder_seconds: float = 730
    crop_seconds: float = 2200  # first stage: crops of 32 x 32 latent pixels, 256 tokens
    crop_batch: int = 64
    full_seconds: float = 1600  # second stage: whole pictures, 1024 tokens
    full_batch: int = 16
    matrix_rate: float = 0.012  # Muon, for the matrices inside the blocks
    vector_rate: float = 1.2e-3  # AdamW, for everything else
    crop_final_share: float = 0.5  # of the learning rate, left at the end of the first stage
    average: float = 0.998  # decay of the averaged weights that are shipped
    last_seconds: float = 400  # third stage, as the second but with a shorter average, which lags less behind
    last_share: float = 0.35  # of the learning rate, at the start of the third stage
    last_average: float = 0.97
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


def render_latents(first: int, count: int, workers: int) -> torch.Tensor:
    """Latents ``(count, 16, 64, 64)`` float16 of the scenes of ``count`` seeds from ``first``."""
    jobs = [(n, min(n + 100, first + count)) for n in range(first, first + count, 100)]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        return torch.from_numpy(np.concatenate(pool.map(_render, jobs)))


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

    def __init__(self, s: Settings, count: int):
        self.s = s
        self.phrases = [scenes.sample(seed) for seed in range(count)]

    def batch(self, indices, tokens: int, drop: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
        contexts, pooled = [], []
        for index in indices:
            phrases = () if drop and random.random() < self.s.caption_dropout else self.thin(self.phrases[index], drop)
            context, vector = captions.embed(phrases, tokens)
            contexts.append(context)
            pooled.append(vector)
        return torch.stack(contexts), torch.stack(pooled)

    def thin(self, phrases, drop: bool):
        if not drop:
            return phrases
        kept = []
        for phrase in phrases:
            if phrase.kind in captions.SCENERY:
                if random.random() >= self.s.word_dropout / 2:
                    kept.append(phrase)
                continue
            said = {name for name in captions.KINDS[phrase.kind] if random.random() < self.s.word_dropout}
            kept.append(dataclasses.replace(phrase, **dict.fromkeys(said)))
        random.shuffle(kept)
        return tuple(kept)


def noise_levels(count: int, shift: float, stratified: bool = True) -> torch.Tensor:
    """Noise shares in 0..1, half logit-normal and half uniform, moved by the host's schedule shift.

    The host's "simple" schedule spaces steps evenly before the shift; the logit-normal half trains the middle more.
    """
    even = (torch.randperm(count) + torch.rand(count)) / count if stratified else torch.rand(count)
    u = torch.where(torch.arange(count) % 2 == 0, even, torch.sigmoid(torch.special.ndtri(even.clamp(1e-4, 1 - 1e-4))))
    return shift * u / (1 + (shift - 1) * u)


class Trainer:
    def __init__(self, s: Settings, mmdit, ops, log: list, out: Path):
        self.s, self.log, self.out = s, log, out
        self.model = build_model(mmdit, ops, s)
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
        inner = [
            p for n, p in self.model.named_parameters() if p.ndim == 2 and "joint_blocks" in n and "adaLN" not in n
        ]
        rest = [p for p in self.model.parameters() if not any(p is q for q in inner)]
        self.optimisers = [
            torch.optim.Muon(inner, lr=s.matrix_rate, momentum=0.95, weight_decay=0.01),
            torch.optim.AdamW(rest, lr=s.vector_rate, betas=(0.9, 0.98), weight_decay=0.0),
        ]
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["full_rate"] = group["lr"]
        self.step, self.seen, self.tokens, self.spent, self.first = 0, 0, 0, 0.0, 0
        n = s.position_table
        edge = (n - GRID) // 2
        # The host gives all pictures of a batch the middle of its table; crops need each its own part of that middle.
        self.table = self.model.pos_embed.view(n, n, -1)[edge : edge + GRID, edge : edge + GRID].clone()
        self.rows = self.table.view(1, GRID * GRID, -1)
        self.model.cropped_pos_embed = lambda hw, device=None: self.rows

    def loss(self, network, latents, context, pooled, sigma, noise):
        s = sigma.view(-1, 1, 1, 1)
        noisy = s * noise + (1 - s) * latents
        with torch.autocast("cpu", torch.bfloat16):
            got = network(noisy, sigma * 1000, context=context, y=pooled)
        return ((got.float() - (noise - latents)) ** 2).mean()

    def resume(self, path: Path) -> None:
        """Start from averaged weights saved before, with fresh optimiser state."""
        from safetensors.torch import load_file

        self.model.load_state_dict(load_file(path))
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
        last = next(entry for entry in reversed(self.log) if entry["stage"] == "validation")
        self.step = self.first = last["step"]
        self.seen, self.tokens, self.spent = last["seen"], last["tokens"], last["seconds"]

    def run(self, latents, words: Captions, seconds: float, side: int, batch: int, rate, average: float) -> None:
        """Train on crops of ``side`` tokens; ``rate`` gives the learning rate's share for a share of the time gone."""
        fast = torch.compile(self.model)
        start, gone = None, 0.0
        history = []
        last_saved = time.monotonic()
        while gone < seconds:
            share = gone / seconds
            for optimiser in self.optimisers:
                for group in optimiser.param_groups:
                    group["lr"] = group["full_rate"] * min(1, (self.step - self.first + 1) / 60) * rate(share)
            indices = torch.randint(len(latents), (batch,))
            # Places reach past the edge and are pulled back, so that the outermost tokens are met as often
            # as the others.
            spare = GRID - side
            places = [[min(max(random.randint(-4, spare + 4), 0), spare) for _ in "yx"] for _ in range(batch)]
            self.rows = torch.stack([self.table[y : y + side, x : x + side].flatten(0, 1) for y, x in places])
            clean = torch.stack(
                [
                    latents[n, :, 2 * y : 2 * (y + side), 2 * x : 2 * (x + side)]
                    for n, (y, x) in zip(indices.tolist(), places)
                ]
            ).float()
            # Padding must not matter, so its amount varies.
            tokens = captions.TOKENS if random.random() < 0.8 else captions.TOKENS + 8
            context, pooled = words.batch(indices.tolist(), tokens)
            loss = self.loss(fast, clean, context, pooled, noise_levels(batch, self.s.shift), torch.randn_like(clean))
            for optimiser in self.optimisers:
                optimiser.zero_grad()
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            for optimiser in self.optimisers:
                optimiser.step()
            self.step += 1
            self.seen += batch
            self.tokens += batch * side * side
            decay = min(average, (self.step + 1) / (self.step + 10))
            with torch.no_grad():
                for name, value in self.model.named_parameters():
                    self.average[name].lerp_(value, 1 - decay)
            if start is None:
                start = time.monotonic()  # the first step compiles
            gone = time.monotonic() - start
            history.append(loss.item())
            if self.step % 20 == 0:
                entry = {
                    "stage": f"{side * side} tokens",
                    "step": self.step,
                    "seconds": round(self.spent + gone, 1),
                    "seen": self.seen,
                    "loss": round(sum(history) / len(history), 5),
                    "norm": round(float(norm), 3),
                }
                history.clear()
                self.log.append(entry)
                print(json.dumps(entry), flush=True)
            if time.monotonic() - last_saved > 120:
                last_saved = time.monotonic()
                self.save()
        self.spent += gone

    @torch.no_grad()
    def validate(self, latents, words: Captions, first: int) -> float:
        """Loss of the averaged weights on whole held-out pictures with fixed noise."""
        generator = torch.Generator().manual_seed(7)
        noise = torch.randn(latents.shape, generator=generator)
        sigma = (torch.arange(len(latents)) + 0.5) / len(latents)
        sigma = self.s.shift * sigma / (1 + (self.s.shift - 1) * sigma)
        context, pooled = words.batch(range(first, first + len(latents)), captions.TOKENS, drop=False)
        self.rows = self.table.view(1, GRID * GRID, -1)
        live = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(self.average)
        total = 0.0
        for at in range(0, len(latents), 16):
            part = slice(at, at + 16)
            total += self.loss(
                self.model, latents[part].float(), context[part], pooled[part], sigma[part], noise[part]
            ).item()
        self.model.load_state_dict(live)
        return total / math.ceil(len(latents) / 16)

    def save(self) -> None:
        save(self.average, self.out / "demo_sd3.safetensors")
        write_log(self.s, self.log, self.out)


def save(state: dict, path: Path) -> None:
    """Write tensors as float16, under a temporary name first so that a reader never meets half a file."""
    from safetensors.torch import save_file

    save_file({name: value.detach().half().contiguous() for name, value in state.items()}, path.with_suffix(".part"))
    os.replace(path.with_suffix(".part"), path)


def write_log(s: Settings, log: list, out: Path) -> None:
    rows = ",\n".join("  " + json.dumps(entry) for entry in log)
    (out / "loss_curve.json").write_text(
        f'{{"settings": {json.dumps(dataclasses.asdict(s))},\n "curve": [\n{rows}\n]}}\n'
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", required=True, help="folder of a ComfyUI checkout")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the weights")
    parser.add_argument("--stages", default="autoencoder,diffusion", help="stages to run, between commas")
    parser.add_argument("--continue-decoder", action="store_true", help="start from the decoder in the output folder")
    parser.add_argument("--last-stage-only", action="store_true", help="go on from the weights in the output folder")
    for field in dataclasses.fields(Settings):
        parser.add_argument("--" + field.name.replace("_", "-"), type=field.type, default=field.default)
    given = parser.parse_args()
    s = Settings(**{field.name: getattr(given, field.name) for field in dataclasses.fields(Settings)})
    given.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(s.seed)
    random.seed(s.seed)
    torch.set_num_threads(s.threads)
    mmdit, taesd, ops = host_modules(given.host)
    log: list = []

    if "autoencoder" in given.stages:
        # Seeds far from those of the diffusion model, so that its held-out pictures are unseen here too.
        pictures = np.stack([scenes.draw(scenes.sample(n), n) for n in range(10**6, 10**6 + 400)])

        channels = autoencoder.LATENT_CHANNELS
        decoder, before = taesd.Decoder(latent_channels=channels), 0
        if given.continue_decoder:
            from safetensors.torch import load_file

            decoder.load_state_dict(load_file(given.out / "taesd3_decoder.safetensors"))
            log += json.loads((given.out / "autoencoder_log.json").read_text())
            before = log[-1]["step"]
        else:
            autoencoder.initialise(decoder)

        def report(step, gone, loss):
            log.append(dict(stage="decoder", step=before + step, seconds=round(gone, 1), loss=round(loss, 5)))
            print(json.dumps(log[-1]), flush=True)

        autoencoder.train_decoder(decoder, pictures, s.decoder_seconds, report, seed=s.seed)
        save(decoder.state_dict(), given.out / "taesd3_decoder.safetensors")
        encoder = autoencoder.build_encoder(taesd.Encoder(latent_channels=channels))
        save(encoder.state_dict(), given.out / "taesd3_encoder.safetensors")
        (given.out / "autoencoder_log.json").write_text(json.dumps(log))

    if "diffusion" in given.stages:
        kept = given.out / "autoencoder_log.json"
        if not log and kept.exists():
            log += json.loads(kept.read_text())
        trainer = Trainer(s, mmdit, ops, log, given.out)
        start = time.monotonic()
        latents = render_latents(0, s.scenes, s.threads)
        print(f"rendered {s.scenes} scenes in {time.monotonic() - start:.0f} s", flush=True)
        words = Captions(s, s.scenes)
        seen, held = latents[: -s.held_out], latents[-s.held_out :]
        low, last = s.crop_final_share, s.last_share
        stages = [
            (s.crop_seconds, GRID // 2, s.crop_batch, lambda t: 1 - (1 - low) * t, s.average),
            (s.full_seconds, GRID, s.full_batch, lambda t: low * (1 - t), s.average),
            (s.last_seconds, GRID, s.full_batch, lambda t: last * (1 - t), s.last_average),
        ]
        if given.last_stage_only:
            log[:] = json.loads((given.out / "loss_curve.json").read_text())["curve"]
            trainer.resume(given.out / "demo_sd3.safetensors")
            stages = stages[2:]
        for seconds, side, batch, rate, average in stages:
            trainer.run(seen, words, seconds, side, batch, rate, average)
            entry = {
                "stage": "validation",
                "step": trainer.step,
                "seconds": round(trainer.spent, 1),
                "seen": trainer.seen,
                "tokens": trainer.tokens,
                "loss": round(trainer.validate(held, words, s.scenes - s.held_out), 5),
            }
            log.append(entry)
            print(json.dumps(entry), flush=True)
            trainer.save()


if __name__ == "__main__":
    main()
