"""What the pack must know about a model family, as data.

A `Family` names the self-attention calls of a model (its *sites*), says how a latent becomes a token grid and where
global tokens (text, registers, references) stand, and by which callables a site is reached. Nothing here runs a model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

JOINT, IMAGE = "joint", "image"


@dataclass(frozen=True)
class Entry:
    """A callable that runs before a site's attention and makes its inputs (a projection, a norm on q and k).

    `path`: dotted, from the diffusion model. `output`: what it returns, so that a skipped site can return blanks of the
    same shape: "qkv" (three (B, L, H*D) tensors), "fused" (one (B, L, 3*H*D) tensor) or "pair" (its first two inputs).
    """

    path: str
    output: str


@dataclass(frozen=True)
class Site:
    """One self-attention call of the model.

    `name`: dotted, unique, in the order of execution. `scope`: JOINT (text and image) or IMAGE (image tokens only).
    `entries`: callables that open the site (kind "parts"). `exits`: dotted paths of the output projections, one a
    stream; what they return is what a skipped site replays. `module`: dotted path of an attention module whose
    `forward` is the whole site (kind "module"). `block`: (type, index) as the host writes them into
    transformer_options, for sites that no callable opens. `linears`: paths of the linear layers that a skipped site
    does not run, with the stream they run on, for counting. `output_linears`: (path, stream) of the output projections.
    """

    name: str
    heads: int
    head_dim: int
    scope: str = IMAGE
    entries: tuple[Entry, ...] = ()
    exits: tuple[str, ...] = ()
    module: str | None = None
    block: tuple[str, int] | None = None
    linears: tuple[tuple[str, str], ...] = ()
    output_linear: str | None = None

    @property
    def skippable(self) -> bool:
        """Whether whole-site reuse can leave the projections out as well."""
        return bool(self.module or self.exits)


@dataclass(frozen=True)
class Family:
    """A declarative record of one model family of the host.

    `title`: as people know it. `classes`: names of the host's diffusion model classes it covers.
    `sites(diffusion_model)`: its sites in execution order. `grid(diffusion_model, latent_shape)`: token grid (h, w) or
    (t, h, w) of a (B, C, [T,] H, W) latent. `reference_tokens(transformer_options)`: tokens appended after the image
    tokens of JOINT sites. `beside_image(diffusion_model, conditions)`: tokens (before, after) the image tokens of IMAGE
    sites, by what the model is called with beside the latent. `own_forward`: builds the replacement of an attention
    module's `forward` where the host's attention call carries no transformer_options.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    sites: Callable[[Any], tuple[Site, ...]]
    grid: Callable[[Any, tuple[int, ...]], tuple[int, ...]]
    reference_tokens: Callable[[dict], int] = field(default=lambda options: 0)
    beside_image: Callable[[Any, dict], tuple[int, int]] = field(default=lambda model, conditions: (0, 0))
    own_forward: Callable[..., Any] | None = None


def ceil_grid(latent_shape: tuple[int, ...], patch: tuple[int, ...]) -> tuple[int, ...]:
    """Token grid of a latent padded up to whole patches: ceil(side / patch) on each of the last len(patch) axes."""
    sides = latent_shape[-len(patch) :]
    return tuple(-(-side // size) for side, size in zip(sides, patch, strict=True))


def module_sites(model, blocks: str, module: str, linears: tuple[str, ...], output_linear: str) -> tuple[Site, ...]:
    """Sites of a model in which each block has one attention module over image tokens.

    blocks: attribute of the diffusion model with the blocks in execution order. module: attribute of a block with its
    attention module, which has `num_heads` and `head_dim`. linears: names of all linear layers in that module;
    output_linear: of the one after the attention.
    """
    sites = []
    for index, block in enumerate(getattr(model, blocks)):
        path, attention = f"{blocks}.{index}.{module}", getattr(block, module)
        sites.append(
            Site(
                name=path,
                heads=attention.num_heads,
                head_dim=attention.head_dim,
                scope=IMAGE,
                module=path,
                linears=tuple((f"{path}.{name}", "image") for name in linears),
                output_linear=f"{path}.{output_linear}",
            )
        )
    return tuple(sites)
