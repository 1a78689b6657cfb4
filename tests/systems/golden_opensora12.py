"""Makes opensora12.json: what the published code of Open-Sora 1.2 makes of tiny weights.

PYTHONPATH=FOLDER python tests/systems/golden_opensora12.py

FOLDER holds `opensora/` of hpcaitech/Open-Sora at v1.2.0, timm and rotary_embedding_torch, which the tests do not
install. What that code needs for training alone is replaced, as in `golden_stdit.py`.
"""

import json
from pathlib import Path

import torch
from golden_stdit import noise, prepare, stub
from weights import stdit3, temporal_vae

RATE, STEPS, GUIDANCE = 24, 10, 7.0
MICRO_FRAMES = 17


def network():
    from opensora.models.stdit.stdit3 import STDiT3, STDiT3Config

    config = STDiT3Config(hidden_size=144, depth=2, num_heads=2, caption_channels=32, model_max_length=10, qk_norm=True)
    made = STDiT3(config).eval()
    missing, foreign = made.load_state_dict(stdit3(), strict=False)
    assert not foreign and set(missing) <= {"pos_embed.inv_freq"}, (missing, foreign)
    made.rope.freqs.data.copy_(10000.0 ** -(torch.arange(0, 72, 2) / 72))
    return made


def autoencoder():
    from opensora.models.vae.vae_temporal import VAE_Temporal

    made = VAE_Temporal(
        filters=32, num_res_blocks=1, channel_multipliers=(1, 1, 1, 2), temporal_downsample=(False, True, True)
    ).eval()
    made.load_state_dict(temporal_vae())
    return made


def told(values: torch.Tensor) -> list[float]:
    return [round(float(value), 6) for value in values.flatten()[::7]]


@torch.no_grad()
def main() -> None:
    prepare()
    model, found = network(), {}

    def predict(latent, time, text):
        height, width = (torch.tensor([8.0 * side]) for side in latent.shape[3:])
        numbers = {"height": height, "width": width, "fps": torch.tensor([float(RATE)])}
        return model(latent, torch.tensor([time]), text[None, None], **numbers)[:, :4]

    text, null = noise(5, 32, seed=3), stdit3()["y_embedder.y_embedding"][:5]
    for shape in ((3, 8, 12), (2, 7, 9)):
        found[f"forward, {shape}"] = told(predict(noise(1, 4, *shape, seed=1), 737.0, text))

    stub("opensora.schedulers.iddpm.gaussian_diffusion", _extract_into_tensor=None, mean_flat=None)
    stub("opensora.schedulers.iddpm", __path__=[])
    from opensora.schedulers.rf.rectified_flow import timestep_transform

    measures = {"height": torch.tensor([64.0]), "width": torch.tensor([96.0]), "num_frames": torch.tensor([34])}
    times = [torch.tensor([(1.0 - step / STEPS) * 1000]) for step in range(STEPS)]
    times = [float(timestep_transform(time, measures, num_timesteps=1000)) for time in times]
    latent = noise(1, 4, 10, 8, 12, seed=2)
    for now, after in zip(times, [*times[1:], 0.0], strict=True):
        chosen, none = predict(latent, now, text), predict(latent, now, null)
        latent = latent + (none + GUIDANCE * (chosen - none)) * (now - after) / 1000
    found["timesteps"], found["10 steps"] = times, told(latent)

    packs = autoencoder()
    for frames in (17, 6, 1):
        video = noise(1, 4, frames, 4, 6, seed=4)
        packed = packs.encode(video).mode()
        found[f"packed, {frames}"] = told(packed)
        found[f"unpacked, {frames}"] = told(packs.decode(packed, num_frames=frames))
    Path(__file__).with_name("opensora12.json").write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
