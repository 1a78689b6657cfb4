"""Makes dit.json: what diffusers' DiT makes of tiny weights. Needs diffusers, which the tests do not install.

python tests/systems/golden_dit.py

Diffusers spaces the frequencies of the noise level by 1/127 where the published model has 1/128: put right here.
"""

import json
from pathlib import Path

import torch
from diffusers import DDIMScheduler, DiTTransformer2DModel
from weights import dit_diffusers


def network(patch: int):
    made = DiTTransformer2DModel(
        num_attention_heads=6,
        attention_head_dim=64,
        in_channels=4,
        out_channels=8,
        num_layers=2,
        sample_size=16,
        patch_size=patch,
        num_embeds_ada_norm=1000,
    ).eval()
    missing, foreign = made.load_state_dict(dit_diffusers(patch), strict=False)
    assert not foreign and all("pos_embed" in name for name in missing), (missing, foreign)
    for block in made.transformer_blocks:
        block.norm1.emb.time_proj.downscale_freq_shift = 0
    return made


def noise(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def numbers(values: torch.Tensor, every: int) -> list[float]:
    return [round(float(value), 6) for value in values.flatten()[::every]]


@torch.no_grad()
def main() -> None:
    found = {}
    for patch in (2, 4):
        of = network(patch)
        steps, labels = torch.tensor([999, 500, 3]), torch.tensor([207, 999, 1000])
        predicted = of(noise(3, 4, 16, 16, seed=1), timestep=steps, class_labels=labels).sample[:, :4]
        found[f"forward, patch {patch}"] = numbers(predicted, 29)
    of = network(2)
    for channels in (4, 3):
        scheduler = DDIMScheduler(beta_start=1e-4, beta_end=0.02, clip_sample=False)
        scheduler.set_timesteps(10)
        latent = noise(1, 4, 16, 16, seed=2)
        for step in scheduler.timesteps:
            labels = torch.tensor([207, 1000])
            both = of(torch.cat([latent, latent]), timestep=step[None].expand(2), class_labels=labels).sample[:, :4]
            chosen, none = both.chunk(2)
            guided = chosen.clone()
            guided[:, :channels] = (none + 4.0 * (chosen - none))[:, :channels]
            latent = scheduler.step(guided, step, latent).prev_sample
        found[f"10 steps, {channels} channels guided"] = numbers(latent, 11)
    found["timesteps"] = scheduler.timesteps.tolist()
    Path(__file__).with_name("dit.json").write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
