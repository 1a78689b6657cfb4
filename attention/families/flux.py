"""Flux (and models of the same class): joint attention, text first, reference images appended after the image.

Double blocks keep q, k, v and the output projection in their own modules, so a reused site can skip them. Single
blocks fuse them with the feed-forward part, so reuse there saves the attention alone.
"""

from .base import JOINT, Entry, Family, Site, patches, references_after


def _double(index: int, heads: int, head_dim: int) -> Site:
    path = f"double_blocks.{index}"
    return Site(
        name=path,
        heads=heads,
        head_dim=head_dim,
        scope=JOINT,
        block=("double", index),
        entries=(
            Entry(f"{path}.img_attn.qkv.forward", "fused"),
            Entry(f"{path}.img_attn.norm.forward", "pair"),
            Entry(f"{path}.txt_attn.qkv.forward", "fused"),
            Entry(f"{path}.txt_attn.norm.forward", "pair"),
        ),
        exits=(f"{path}.txt_attn.proj.forward", f"{path}.img_attn.proj.forward"),
        linears=(
            (f"{path}.img_attn.qkv", "image"),
            (f"{path}.img_attn.proj", "image"),
            (f"{path}.txt_attn.qkv", "text"),
            (f"{path}.txt_attn.proj", "text"),
        ),
        output_linear=f"{path}.img_attn.proj",
    )


def flux_blocks(model) -> tuple[Site, ...]:
    """Sites of a model of Flux's own double and single blocks."""
    heads = model.num_heads
    head_dim = model.hidden_size // heads
    double = [_double(index, heads, head_dim) for index in range(len(model.double_blocks))]
    single = [
        Site(
            name=f"single_blocks.{index}",
            heads=heads,
            head_dim=head_dim,
            scope=JOINT,
            block=("single", index),
            output_linear=f"single_blocks.{index}.linear2",
        )
        for index in range(len(model.single_blocks))
    ]
    return tuple(double + single)


FLUX = Family(
    name="flux",
    title="Flux",
    classes=("Flux",),
    sites=flux_blocks,
    grid=patches("patch_size"),
    beside=references_after(patches("patch_size"), lambda model: model.params.default_ref_method),
)
