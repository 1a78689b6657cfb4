"""Makes stdit2.json: what the published code of Open-Sora 1.1 makes of tiny weights.

PYTHONPATH=FOLDER python tests/systems/golden_stdit.py

FOLDER holds `opensora/` of hpcaitech/Open-Sora at ea41df3d, timm and rotary_embedding_torch, which the tests do not
install. What that code needs for training alone is replaced; its attention to text is torch's here.
"""

import importlib.util
import json
import sys
import types
from pathlib import Path

import torch
from weights import stdit2


def stub(name: str, **members) -> None:
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__dict__.update(members)


def attention(q, k, v, p=0.0, attn_bias=None):
    q, k, v = (one.transpose(1, 2) for one in (q, k, v))
    return torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2)


class _Mask:
    """Of a batch of one, in which everything is seen."""

    @staticmethod
    def from_seqlens(queries, keys):
        assert len(queries) == 1


class _Models:
    @staticmethod
    def register_module(*names):
        return lambda kind: kind


def prepare() -> None:
    """From now on the published code can be imported without what it needs for training."""
    root = Path(importlib.util.find_spec("opensora").submodule_search_locations[0])
    for name in ("models", "models.stdit", "models.layers", "models.vae", "schedulers", "schedulers.rf"):
        stub(f"opensora.{name}", __path__=[str(root / name.replace(".", "/"))])
    from timm.layers import DropPath

    stub("timm.models.layers", DropPath=DropPath)
    fmha = types.SimpleNamespace(BlockDiagonalMask=_Mask)
    stub("xformers.ops", memory_efficient_attention=attention, fmha=fmha)
    stub("xformers", ops=sys.modules["xformers.ops"])
    stub("opensora.registry", MODELS=_Models)
    stub("opensora.utils.ckpt_utils", load_checkpoint=None)
    stub("opensora.acceleration", __path__=[])
    stub(
        "opensora.acceleration.checkpoint", auto_grad_checkpoint=lambda module, *args, **kwargs: module(*args, **kwargs)
    )
    stub(
        "opensora.acceleration.communications",
        all_to_all=None,
        split_forward_gather_backward=None,
        gather_forward_split_backward=None,
    )
    stub("opensora.acceleration.parallel_states", get_sequence_parallel_group=None)


def original():
    prepare()
    from opensora.models.stdit.stdit2 import STDiT2, STDiT2Config

    config = STDiT2Config(
        input_sq_size=512, hidden_size=144, depth=2, num_heads=2, caption_channels=32, model_max_length=10, qk_norm=True
    )
    made = STDiT2(config).eval()
    missing, foreign = made.load_state_dict(stdit2(), strict=False)
    assert not foreign and set(missing) <= {"pos_embed.inv_freq", "y_embedder.y_embedding"}, (missing, foreign)
    return made


def noise(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def main() -> None:
    network, found = original(), {}

    def predict(latent, step, text):
        measures = {
            "height": 8 * latent.shape[3],
            "width": 8 * latent.shape[4],
            "num_frames": latent.shape[2],
            "fps": 24,
        }
        numbers = {name: torch.tensor([float(value)]) for name, value in measures.items()}
        numbers["ar"] = numbers["height"] / numbers["width"]
        network.rope.freqs.data.copy_(10000.0 ** -(torch.arange(0, 72, 2) / 72))
        return network(latent, torch.tensor([float(step)]), text[None, None], **numbers)[:, :4]

    text = noise(5, 32, seed=3)
    for shape in ((3, 8, 12), (2, 7, 9)):
        predicted = predict(noise(1, 4, *shape, seed=1), 737, text)
        found[f"forward, {shape}"] = [round(float(value), 6) for value in predicted.flatten()[::7]]
    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    kept = (1 - betas).cumprod(0)
    steps = list(range(900, -1, -100))
    latent = noise(1, 4, 3, 8, 12, seed=2)
    null = stdit2()["y_embedder.y_embedding"][:5]
    for step in steps:
        chosen, none = predict(latent, step, text), predict(latent, step, null)
        guided = chosen.clone()
        guided[:, :3] = (none + 7.0 * (chosen - none))[:, :3]
        now, after = kept[step], kept[step - 100] if step else torch.tensor(1.0, dtype=torch.float64)
        clean = (latent - (1 - now).sqrt() * guided) / now.sqrt()
        latent = (after.sqrt() * clean + (1 - after).sqrt() * guided).float()
    found["10 steps"] = [round(float(value), 6) for value in latent.flatten()[::7]]
    found["timesteps"] = steps
    Path(__file__).with_name("stdit2.json").write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
