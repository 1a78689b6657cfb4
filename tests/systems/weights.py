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


def _made(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    made = seeded(shapes)
    return {name: 1 + tensor if "norm" in name and tensor.ndim == 1 else tensor for name, tensor in made.items()}


def _video_transformer(width: int, heads: int, tokens: int, channels: int, embedders: dict) -> dict:
    """What both have beside their blocks; the rotary frequencies are there, and nobody reads them."""
    shapes = {**_layer("x_embedder.proj", width, 4, 1, 2, 2), "rope.freqs": (width // heads // 2,)}
    for name, size in embedders.items():
        shapes |= _layer(f"{name}_embedder.mlp.0", size, 256) | _layer(f"{name}_embedder.mlp.2", size, size)
    shapes |= _layer("t_block.1", 6 * width, width)
    shapes |= _layer("y_embedder.y_proj.fc1", width, channels) | _layer("y_embedder.y_proj.fc2", width, width)
    shapes["y_embedder.y_embedding"] = (tokens, channels)
    return shapes | _layer("final_layer.linear", 32, width) | {"final_layer.scale_shift_table": (2, width)}


def _video_block(block: str, width: int, heads: int, attentions: tuple[str, ...] = ("attn",)) -> dict:
    shapes = {f"{block}scale_shift_table": (6, width)}
    for name in attentions:
        shapes |= _layer(f"{block}{name}.qkv", 3 * width, width) | _layer(f"{block}{name}.proj", width, width)
        shapes |= {f"{block}{name}.{one}_norm.weight": (width // heads,) for one in "qk"}
    for name, out in (("q_linear", width), ("kv_linear", 2 * width), ("proj", width)):
        shapes |= _layer(f"{block}cross_attn.{name}", out, width)
    return shapes | _layer(f"{block}mlp.fc1", 4 * width, width) | _layer(f"{block}mlp.fc2", width, 4 * width)


def stdit2(width: int = 144, heads: int = 2, depth: int = 2, captions: tuple[int, int] = (10, 32)):
    """An STDiT2 by the names of its files."""
    embedders = {"t": width, "csize": width // 3, "ar": width // 3, "fl": width, "fps": width}
    shapes = _video_transformer(width, heads, *captions, embedders) | _layer("t_block_temp.1", 3 * width, width)
    for number in range(depth):
        shapes |= _video_block(f"blocks.{number}.", width, heads, ("attn", "attn_temp"))
        shapes[f"blocks.{number}.scale_shift_table_temporal"] = (3, width)
    return _made(shapes)


def stdit3(width: int = 144, heads: int = 2, depth: int = 2, captions: tuple[int, int] = (10, 32)):
    """An STDiT3 by the names of its files."""
    shapes = _video_transformer(width, heads, *captions, {"t": width, "fps": width})
    for number in range(depth):
        for kind in ("spatial", "temporal"):
            shapes |= _video_block(f"{kind}_blocks.{number}.", width, heads)
    return _made(shapes)


def temporal_vae(filters: int = 32, multipliers: tuple[int, ...] = (1, 1, 1, 2), blocks: int = 1):
    """The part of Open-Sora 1.2's autoencoder that packs time, by the names of its file."""
    widths, shapes = [filters * one for one in multipliers], {}

    def conv(name: str, inputs: int, out: int, kernel: int = 3, bias: bool = True) -> None:
        shapes[f"{name}.conv.weight"] = (out, inputs, kernel, kernel, kernel)
        if bias:
            shapes[f"{name}.conv.bias"] = (out,)

    def level(name: str, inputs: int, out: int) -> None:
        for number in range(blocks):
            at, first = f"{name}.{number}", inputs if number == 0 else out
            shapes.update({f"{at}.norm1.{kind}": (first,) for kind in ("weight", "bias")})
            shapes.update({f"{at}.norm2.{kind}": (out,) for kind in ("weight", "bias")})
            conv(f"{at}.conv1", first, out, bias=False)
            conv(f"{at}.conv2", out, out, bias=False)
            if first != out:
                conv(f"{at}.conv3", first, out, 1, bias=False)

    conv("encoder.conv_in", 4, filters, bias=False)
    conv("encoder.conv2", widths[-1], 8, 1)
    conv("decoder.conv1", 4, widths[-1])
    conv("decoder.conv_out", filters, 4)
    for number, width in enumerate(widths):
        level(f"encoder.block_res_blocks.{number}", widths[max(0, number - 1)], width)
        level(f"decoder.block_res_blocks.{number}", widths[min(number + 1, len(widths) - 1)], width)
    for number in (1, 2):  # time is not halved after the first level
        conv(f"encoder.conv_blocks.{number}", widths[number], widths[number])
        conv(f"decoder.conv_blocks.{number}", widths[number + 1], 2 * widths[number + 1])
    for part, width in (("encoder", widths[-1]), ("decoder", widths[0])):
        level(f"{part}.res_blocks", widths[-1], widths[-1])
        shapes.update({f"{part}.norm1.{kind}": (width,) for kind in ("weight", "bias")})
    conv("quant_conv", 8, 8, 1)
    conv("post_quant_conv", 4, 4, 1)
    return _made(shapes)


def spatial_vae(width: int = 32, levels: int = 4, blocks: int = 1):
    """An autoencoder of pictures, all levels of one width, as diffusers has it."""
    shapes: dict[str, tuple[int, ...]] = {}

    def norm(name: str) -> None:
        shapes.update({f"{name}.{kind}": (width,) for kind in ("weight", "bias")})

    def conv(name: str, inputs: int, out: int, kernel: int = 3) -> None:
        shapes.update(_layer(name, out, inputs, kernel, kernel))

    def resnet(name: str) -> None:
        for number in (1, 2):
            norm(f"{name}.norm{number}")
            conv(f"{name}.conv{number}", width, width)

    for part, inputs, out in (("encoder", 3, 8), ("decoder", 4, 3)):
        conv(f"{part}.conv_in", inputs, width)
        conv(f"{part}.conv_out", width, out)
        norm(f"{part}.conv_norm_out")
        for number in (0, 1):
            resnet(f"{part}.mid_block.resnets.{number}")
        attention = f"{part}.mid_block.attentions.0"
        norm(f"{attention}.group_norm")
        for name in ("to_q", "to_k", "to_v", "to_out.0"):
            shapes |= _layer(f"{attention}.{name}", width, width)
    for level in range(levels):
        for number in range(blocks):
            resnet(f"encoder.down_blocks.{level}.resnets.{number}")
        for number in range(blocks + 1):
            resnet(f"decoder.up_blocks.{level}.resnets.{number}")
        if level < levels - 1:
            conv(f"encoder.down_blocks.{level}.downsamplers.0.conv", width, width)
            conv(f"decoder.up_blocks.{level}.upsamplers.0.conv", width, width)
    conv("quant_conv", 8, 8, 1)
    conv("post_quant_conv", 4, 4, 1)
    return _made(shapes)
