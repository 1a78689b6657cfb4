"""Wan 2.1 and 2.2: self-attention over video tokens only, text by cross-attention, which is left alone."""

from .base import Family, Site, ceil_grid, module_sites


def _sites(model) -> tuple[Site, ...]:
    return module_sites(model, "blocks", "self_attn", linears=("q", "k", "v", "o"), output_linear="o")


def _grid(model, latent_shape) -> tuple[int, ...]:
    return ceil_grid(latent_shape, tuple(model.patch_size))


WAN = Family(name="wan", title="Wan 2.1 and 2.2", classes=("WanModel",), sites=_sites, grid=_grid)
