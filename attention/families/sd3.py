"""Stable Diffusion 3 and 3.5 (MMDiT): joint attention, text first; 3.5 medium adds an image-only attention.

The attention is inlined in the host's block mixing, so a site is reached through the `pre_attention` and
`post_attention` methods of the block's own attention modules.
"""

from .base import IMAGE, JOINT, Entry, Family, Site, patches


def _sites(model) -> tuple[Site, ...]:
    sites = []
    for index, block in enumerate(model.joint_blocks):
        path = f"joint_blocks.{index}"
        attn = block.x_block.attn
        context_ends = block.context_block.pre_only
        exits = [f"{path}.x_block.attn.post_attention"]
        linears = [
            (f"{path}.context_block.attn.qkv", "text"),
            (f"{path}.x_block.attn.qkv", "image"),
            (f"{path}.x_block.attn.proj", "image"),
        ]
        if not context_ends:
            exits.insert(0, f"{path}.context_block.attn.post_attention")
            linears.append((f"{path}.context_block.attn.proj", "text"))
        sites.append(
            Site(
                name=path,
                heads=attn.num_heads,
                head_dim=attn.head_dim,
                scope=JOINT,
                entries=(
                    Entry(f"{path}.context_block.attn.pre_attention", "qkv"),
                    Entry(f"{path}.x_block.attn.pre_attention", "qkv"),
                ),
                exits=tuple(exits),
                linears=tuple(linears),
                output_linear=f"{path}.x_block.attn.proj",
            )
        )
        if block.x_block.x_block_self_attn:
            second = block.x_block.attn2
            sites.append(
                Site(
                    name=f"{path}.attn2",
                    heads=second.num_heads,
                    head_dim=second.head_dim,
                    scope=IMAGE,
                    entries=(Entry(f"{path}.x_block.attn2.pre_attention", "qkv"),),
                    exits=(f"{path}.x_block.attn2.post_attention",),
                    linears=((f"{path}.x_block.attn2.qkv", "image"), (f"{path}.x_block.attn2.proj", "image")),
                    output_linear=f"{path}.x_block.attn2.proj",
                )
            )
    return tuple(sites)


SD3 = Family(
    name="sd3",
    title="SD3 and SD3.5",
    classes=("OpenAISignatureMMDITWrapper",),
    sites=_sites,
    grid=patches("patch_size"),
)
