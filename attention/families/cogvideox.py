"""CogVideoX: one sequence, text first; the attention is inlined in its block, between layers of their own."""

from .base import ALL, JOINT, Entry, Family, Site, ceil_grid


def _site(path: str, block) -> Site:
    return Site(
        name=path,
        heads=block.num_heads,
        head_dim=block.head_dim,
        scope=JOINT,
        entries=tuple(Entry(f"{path}.{name}.forward", "single") for name in "qkv"),
        exits=(f"{path}.attn_out.forward",),
        linears=tuple((f"{path}.{name}", ALL) for name in ("q", "k", "v", "attn_out")),
        output_linear=f"{path}.attn_out",
    )


COGVIDEOX = Family(
    name="cogvideox",
    title="CogVideoX",
    classes=("CogVideoXTransformer3DModel",),
    sites=lambda model: tuple(_site(f"blocks.{number}", block) for number, block in enumerate(model.blocks)),
    grid=lambda model, shape: ceil_grid(shape, (model.patch_size_t or 1, model.patch_size, model.patch_size)),
)
