"""Wan 2.1 and 2.2: self-attention over video tokens only, text by cross-attention, which is left alone."""

from .base import IMAGE, Family, Site, ceil_grid


def _sites(model) -> tuple[Site, ...]:
    sites = []
    for index, block in enumerate(model.blocks):
        path = f"blocks.{index}.self_attn"
        attn = block.self_attn
        sites.append(
            Site(
                name=path,
                heads=attn.num_heads,
                head_dim=attn.head_dim,
                scope=IMAGE,
                module=path,
                linears=tuple((f"{path}.{name}", "image") for name in ("q", "k", "v", "o")),
                output_linear=f"{path}.o",
            )
        )
    return tuple(sites)


def _grid(model, latent_shape) -> tuple[int, ...]:
    return ceil_grid(latent_shape, tuple(model.patch_size))


WAN = Family(name="wan", classes=("WanModel",), sites=_sites, grid=_grid)
