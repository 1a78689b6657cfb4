"""PixArt alpha and sigma: self-attention over image tokens only.

The host's attention call here carries no transformer_options, so no override sees it: the attention module's own
`forward` is replaced while the patch is on. It uses the module's own layers, and hands calls that it does not cover
(key compression, masks) to the original.
"""

from .base import IMAGE, Family, Site


def _sites(model) -> tuple[Site, ...]:
    sites = []
    for index, block in enumerate(model.blocks):
        path = f"blocks.{index}.attn"
        attn = block.attn
        sites.append(
            Site(
                name=path,
                heads=attn.num_heads,
                head_dim=attn.head_dim,
                scope=IMAGE,
                module=path,
                linears=((f"{path}.qkv", "image"), (f"{path}.proj", "image")),
                output_linear=f"{path}.proj",
            )
        )
    return tuple(sites)


def _grid(model, latent_shape) -> tuple[int, ...]:
    return tuple(side // model.patch_size for side in latent_shape[-2:])


def _forward(module, attend, original):
    """The attention module's forward around `attend(q, k, v)`, all (B, H, N, D); None where it does not apply.

    x: (B, N, C) → (B, N, C).
    """

    def forward(x, *args, mask=None, **kwargs):
        if args or mask is not None or module.sr_ratio > 1:
            return original(x, *args, mask=mask, **kwargs)
        batch, tokens, channels = x.shape
        q, k, v = module.qkv(x).reshape(batch, tokens, 3, channels).unbind(2)
        heads = (batch, tokens, module.num_heads, channels // module.num_heads)
        q, k, v = (t.reshape(heads).transpose(1, 2) for t in (module.q_norm(q), module.k_norm(k), v))
        return module.proj(attend(q, k, v).reshape(batch, tokens, channels))

    return forward


PIXART = Family(name="pixart", classes=("PixArtMS",), sites=_sites, grid=_grid, own_forward=_forward)
