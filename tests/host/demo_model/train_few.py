"""Distils the demo model into few steps without guidance: a LoRA, as most official few-step models come.

    python tests/host/demo_model/train_few.py trunk --host PATH_TO_COMFYUI --state DIR --samples N --minutes M

See ``trainer.py`` for ``branch`` and ``export``. The way from noise to picture is cut into ``steps`` segments of the
host's "simple" schedule. From a noised picture at a segment's start the teacher takes some small steps with guidance;
the student learns the one step that ends at the same place. In the host: Load LoRA on demo_sd3, then KSampler with the
Euler sampler, the schedule "simple", that many steps and CFG 1.
"""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn.utils import parametrize

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))
import train  # noqa: E402
import trainer  # noqa: E402
from scenes import captions  # noqa: E402


@dataclasses.dataclass(frozen=True)
class Settings:
    seed: int = 4
    threads: int = 2
    scenes: int = 16000  # as train.py renders them
    steps: int = 6  # of the student, from noise to picture
    small_steps: int = 3  # of the teacher for one of the student's
    guidance: float = 4.0
    rank: int = 32
    batch: int = 8  # whole pictures of a step
    rate: float = 1e-3
    warm_up: int = 30
    average: float = 0.99
    branch_average: float = 0.98
    word_dropout: float = 0.10
    held_out: int = 16


class Delta(torch.nn.Module):
    """A matrix plus a learned product of two thin ones, zero at first."""

    def __init__(self, matrix: torch.Tensor, rank: int):
        super().__init__()
        self.up = torch.nn.Parameter(torch.zeros(matrix.shape[0], rank))
        self.down = torch.nn.Parameter(torch.randn(rank, matrix.shape[1]) * matrix.shape[1] ** -0.5)

    def forward(self, matrix):
        return matrix + self.up @ self.down


def add_deltas(model: torch.nn.Module, rank: int) -> None:
    """Freeze a transformer and let only deltas of its blocks' matrices learn."""
    model.requires_grad_(False)
    for name, part in model.named_modules():
        if name.startswith("joint_blocks") and isinstance(part, torch.nn.Linear) and "adaLN" not in name:
            parametrize.register_parametrization(part, "weight", Delta(part.weight, rank), unsafe=True)


def lora_keys(average: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The learned matrices under the names by which the host loads a LoRA."""
    renamed = {}
    for name, value in average.items():
        layer, _, part = name.partition(".parametrizations.weight.0.")
        renamed[f"diffusion_model.{layer}.lora_{part}.weight"] = value
    return renamed


class Segments:
    """Whole noised pictures at the starts of segments, and where the teacher takes them."""

    def __init__(self, s: Settings, student, teacher, latents, picture: train.Settings):
        self.s, self.student, self.teacher, self.latents, self.picture = s, student, teacher, latents, picture
        self.words = train.Captions(dataclasses.replace(picture, caption_dropout=0.0, word_dropout=s.word_dropout))
        for model in (student, teacher):
            rows = train.position_rows(model, picture)
            model.cropped_pos_embed = lambda hw, device=None, rows=rows: rows

    def sigma(self, u: torch.Tensor) -> torch.Tensor:
        """Noise of a share 0 to 1 of the schedule."""
        shift = self.picture.shift
        return shift * u / (1 + (shift - 1) * u)

    @torch.no_grad()
    def goal(self, noisy, start, end, context, pooled):
        """Mean velocity of the guided teacher between two shares of the schedule."""
        empty = [one.expand(len(noisy), *one.shape) for one in captions.embed((), captions.TOKENS)]
        context, pooled = torch.cat([context, empty[0]]), torch.cat([pooled, empty[1]])
        x, n = noisy, self.s.small_steps
        for k in range(n):
            here, there = (self.sigma(start + (end - start) * share / n) for share in (k, k + 1))
            with torch.autocast("cpu", torch.bfloat16):
                both = self.teacher(torch.cat([x, x]), torch.cat([here, here]) * 1000, context=context, y=pooled)
            said, unsaid = both.float().chunk(2)
            velocity = unsaid + self.s.guidance * (said - unsaid)
            x = x + (there - here).view(-1, 1, 1, 1) * velocity
        return (x - noisy) / (self.sigma(end) - self.sigma(start)).view(-1, 1, 1, 1)

    def parts(self, seeds, generator, rng):
        """A noised picture of each scene, the ends of its segment and its caption."""
        clean = torch.from_numpy(np.stack([self.latents[seed] for seed in seeds])).float()
        index = (torch.randperm(len(seeds), generator=generator) % self.s.steps).float()
        start, end = (index + 1) / self.s.steps, index / self.s.steps
        share = self.sigma(start).view(-1, 1, 1, 1)
        noise = torch.randn(clean.shape, generator=generator)
        return share * noise + (1 - share) * clean, start, end, *self.words.batch(seeds, captions.TOKENS, rng)

    def loss(self, network, noisy, start, end, context, pooled):
        goal = self.goal(noisy, start, end, context, pooled)
        with torch.autocast("cpu", torch.bfloat16):
            got = network(noisy, self.sigma(start) * 1000, context=context, y=pooled)
        return ((got.float() - goal) ** 2).mean()

    def draw(self, step: int) -> trainer.Batch:
        generator, rng = trainer.dice(self.s.seed, step)
        p, seeds = self.picture, []
        while len(seeds) < self.s.batch:
            seed = rng.randrange(self.s.scenes)
            seeds += [seed] if not p.held_from <= seed < p.held_from + p.held_out else []
        parts = self.parts(seeds, generator, rng)
        tokens = self.s.batch * train.GRID**2
        return trainer.Batch("1024 tokens", lambda network: self.loss(network, *parts), self.s.batch, tokens)

    @torch.no_grad()
    def validate(self) -> float:
        """Loss on held-out pictures with fixed noise."""
        first = self.picture.held_from
        generator, _ = trainer.dice(7, 0)
        parts = self.parts(range(first, first + self.s.held_out), generator, None)
        return float(self.loss(self.student, *parts))


def job(s: Settings, mmdit, ops, weights: Path, state: Path, branch: bool) -> trainer.Job:
    from safetensors.torch import load_file

    picture = train.Settings()
    models = []
    for _ in range(2):
        models.append(train.build_model(mmdit, ops, picture))
        models[-1].load_state_dict(load_file(weights / "demo_sd3.safetensors"))
    student, teacher = models
    torch.manual_seed(s.seed)
    add_deltas(student, s.rank)
    rates = trainer.Rates(0.0, s.rate, s.warm_up, s.branch_average if branch else s.average)
    latents = trainer.Latents(state / "latents", "pictures", train._render, s.scenes)
    segments = Segments(s, student, teacher, latents, picture)
    return trainer.Job(
        student, [], rates, segments.draw, segments.validate, "demo_sd3_few", "loss_curve_few.json", rename=lora_keys
    )


def main() -> None:
    given = trainer.parser(__doc__, Settings, ("trunk", "branch", "export")).parse_args()
    s = trainer.settings_of(given, Settings)
    torch.set_num_threads(s.threads)
    mmdit, _, ops = train.host_modules(given.host)
    if not trainer.command(given, s, job(s, mmdit, ops, given.out, given.state, given.what != "trunk")):
        sys.exit(3)


if __name__ == "__main__":
    main()
