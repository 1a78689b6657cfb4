"""PixArt alpha and sigma: self-attention over image tokens only.

The host's attention call here carries no transformer_options, so no override sees it: the attention module's own
`forward` is replaced while the patch is on. It uses the module's own layers, and hands calls that it does not cover
(key compression, masks) to the original.
"""

from einops import rearrange

from .base import Family, Site, module_sites


def _sites(model) -> tuple[Site, ...]:
    return module_sites(model, "blocks", "attn", linears=("qkv", "proj"), output_linear="proj")


def _grid(model, latent_shape) -> tuple[int, ...]:
    return tuple(side // model.patch_size for side in latent_shape[-2:])


def _forward(module, attend, original):
    """The attention module's forward around `attend(q, k, v)`, all (B, H, N, D); None where it does not apply.

    x: (B, N, C) -> (B, N, C).
    """

    def forward(x, *args, mask=None, **kwargs):
        if args or mask is not None or module.sr_ratio > 1:
            return original(x, *args, mask=mask, **kwargs)
        q, k, v = rearrange(module.qkv(x), "b n (three c) -> three b n c", three=3)
        q, k, v = (
            rearrange(tokens, "b n (h d) -> b h n d", h=module.num_heads)
            for tokens in (module.q_norm(q), module.k_norm(k), v)
        )
        return module.proj(attend(q, k, v))

    return forward


PIXART = Family(name="pixart", title="PixArt", classes=("PixArtMS",), sites=_sites, grid=_grid, own_forward=_forward)
