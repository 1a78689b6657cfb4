"""Weights that are the same wherever they are made: each follows from its name and shape alone. Needs torch alone."""

from __future__ import annotations

import torch

# What diffusers calls layers of a block, and the published files.
BLOCK = {
    "norm1.linear": ("adaLN_modulation.1", 6, 1),
    "attn1.to_out.0": ("attn.proj", 1, 1),
    "ff.net.0.proj": ("mlp.fc1", 4, 1),
    "ff.net.2": ("mlp.fc2", 1, 4),
}
QKV = ("attn1.to_q", "attn1.to_k", "attn1.to_v")
EMBEDDERS = "norm1.emb."
CLASSES = 1001


def seeded(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Random weights of a sensible scale."""
    made = {}
    for name, shape in shapes.items():
        seed = sum((place + 1) * ord(letter) for place, letter in enumerate(name)) % 2**31
        fan_in = torch.Size(shape[1:]).numel() if len(shape) > 1 else 100
        made[name] = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * fan_in**-0.5
    return made


def _layer(name: str, out: int, *inputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (out, *inputs), f"{name}.bias": (out,)}


def dit_diffusers(patch: int, width: int = 384, depth: int = 2) -> dict[str, torch.Tensor]:
    """A DiT as diffusers has it, in whose blocks the embedders are copies of those of the first."""
    shapes = {**_layer("pos_embed.proj", width, 4, patch, patch)}
    for number in range(depth):
        block = f"transformer_blocks.{number}."
        for name, (_, out, into) in BLOCK.items():
            shapes |= _layer(block + name, out * width, into * width)
        for name in QKV:
            shapes |= _layer(block + name, width, width)
        embedders = block + EMBEDDERS
        shapes |= _layer(embedders + "timestep_embedder.linear_1", width, 256)
        shapes |= _layer(embedders + "timestep_embedder.linear_2", width, width)
        shapes[embedders + "class_embedder.embedding_table.weight"] = (CLASSES, width)
    shapes |= _layer("proj_out_1", 2 * width, width) | _layer("proj_out_2", 8 * patch**2, width)
    made = seeded(shapes)
    first = "transformer_blocks.0." + EMBEDDERS
    for name in made:
        if EMBEDDERS in name:
            made[name] = made[first + name.split(EMBEDDERS)[1]].clone()
    return made


def dit_published(patch: int, width: int = 384, depth: int = 2) -> dict[str, torch.Tensor]:
    """The same weights by the names of the published files, with the positions of some size, which nobody reads."""
    theirs, made = dit_diffusers(patch, width, depth), {"pos_embed": torch.zeros(1, 64, width)}

    def take(name: str, *sources: str) -> None:
        for kind in ("weight", "bias"):
            parts = [theirs[f"{source}.{kind}"] for source in sources if f"{source}.{kind}" in theirs]
            if parts:
                made[f"{name}.{kind}"] = torch.cat(parts)

    take("x_embedder.proj", "pos_embed.proj")
    embedders = "transformer_blocks.0." + EMBEDDERS
    take("t_embedder.mlp.0", embedders + "timestep_embedder.linear_1")
    take("t_embedder.mlp.2", embedders + "timestep_embedder.linear_2")
    take("y_embedder.embedding_table", embedders + "class_embedder.embedding_table")
    for number in range(depth):
        block = f"transformer_blocks.{number}."
        take(f"blocks.{number}.attn.qkv", *(block + name for name in QKV))
        for name, (ours, *_) in BLOCK.items():
            take(f"blocks.{number}.{ours}", block + name)
    take("final_layer.adaLN_modulation.1", "proj_out_1")
    take("final_layer.linear", "proj_out_2")
    return made


def stdit2(width: int = 144, heads: int = 2, depth: int = 2, captions: tuple[int, int] = (10, 32)):
    """An STDiT2 by the names of its files; the rotary frequencies are there, and nobody reads them."""
    tokens, channels = captions
    shapes = {**_layer("x_embedder.proj", width, 4, 1, 2, 2), "rope.freqs": (width // heads // 2,)}
    for name, size in (("t", width), ("csize", width // 3), ("ar", width // 3), ("fl", width), ("fps", width)):
        shapes |= _layer(f"{name}_embedder.mlp.0", size, 256) | _layer(f"{name}_embedder.mlp.2", size, size)
    shapes |= _layer("t_block.1", 6 * width, width) | _layer("t_block_temp.1", 3 * width, width)
    shapes |= _layer("y_embedder.y_proj.fc1", width, channels) | _layer("y_embedder.y_proj.fc2", width, width)
    shapes["y_embedder.y_embedding"] = (tokens, channels)
    for number in range(depth):
        block = f"blocks.{number}."
        for name in ("attn", "attn_temp"):
            shapes |= _layer(f"{block}{name}.qkv", 3 * width, width) | _layer(f"{block}{name}.proj", width, width)
            shapes |= {f"{block}{name}.{one}_norm.weight": (width // heads,) for one in "qk"}
        for name, out in (("q_linear", width), ("kv_linear", 2 * width), ("proj", width)):
            shapes |= _layer(f"{block}cross_attn.{name}", out, width)
        shapes |= _layer(f"{block}mlp.fc1", 4 * width, width) | _layer(f"{block}mlp.fc2", width, 4 * width)
        shapes |= {f"{block}scale_shift_table": (6, width), f"{block}scale_shift_table_temporal": (3, width)}
    shapes |= _layer("final_layer.linear", 32, width) | {"final_layer.scale_shift_table": (2, width)}
    made = seeded(shapes)
    return {name: 1 + tensor if "_norm." in name else tensor for name, tensor in made.items()}
