"""What the pack must know about a model family, as data.

A `Family` names the self-attention calls of a model (its *sites*), says how a latent becomes a token grid and where
global tokens (text, registers, references) stand, and by which callables a site is reached. Nothing here runs a model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

JOINT, IMAGE = "joint", "image"  # scopes of sites; the image is a stream as well
TEXT, ALL = "text", "all"
FIRST, LAST = "first", "last"


@dataclass(frozen=True)
class Entry:
    """A callable that runs before a site's attention and makes its inputs (a projection, a norm on q and k).

    `path`: dotted, from the diffusion model. `output`: what it returns, so that a skipped site can return blanks of the
    same shape: "qkv" (three (B, L, H*D) tensors), "fused" (one (B, L, 3*H*D) tensor), "single" (one (B, L, H*D) tensor)
    or "pair" (its first two inputs).
    """

    path: str
    output: str


@dataclass(frozen=True)
class Site:
    """One self-attention call of the model.

    `name`: dotted, unique. `scope`: JOINT (text and image) or IMAGE (image tokens only). `entries`: callables that open
    the site (kind "parts"). `exits`: dotted paths of the output projections, one a stream; what they return is what a
    skipped site replays. `module`: dotted path of an attention module whose `forward` is the whole site (kind
    "module"). `streams`: what that returns, in order: IMAGE, TEXT, or ALL for both in one sequence. `gated`: it
    multiplies what was attended by a function of its input, so that its output cannot stand for that of another step.
    `rebind`: it hands its attention function no transformer_options, so that no override sees the call. `block`: (type,
    index) as the host writes them into transformer_options, for sites that no callable opens. `linears`: paths of the
    linear layers that a skipped site does not run, with the stream they run on, for counting. `output_linear`: the one
    after the attention, of the image where there are two.
    """

    name: str
    heads: int
    head_dim: int
    scope: str = IMAGE
    entries: tuple[Entry, ...] = ()
    exits: tuple[str, ...] = ()
    module: str | None = None
    streams: tuple[str, ...] = (ALL,)
    gated: bool = False
    rebind: bool = False
    block: tuple[str, int] | None = None
    linears: tuple[tuple[str, str], ...] = ()
    output_linear: str | None = None

    @property
    def skippable(self) -> bool:
        """Whether whole-site reuse can leave the projections out as well."""
        return bool(self.exits or (self.module and not self.gated))

    @property
    def outputs(self) -> int:
        """How many tensors a skipped site replays."""
        return len(self.streams) if self.module else max(1, len(self.exits))


@dataclass(frozen=True)
class Family:
    """A declarative record of one model family of the host.

    `title`: as people know it. `classes`: names of the host's diffusion model classes it covers, and of what is derived
    from them. `sites(diffusion_model)`: its sites in execution order. `grid(diffusion_model, latent_shape)`: token grid
    (h, w) or (t, h, w) of a (B, C, [T,] H, W) latent. `text`: whether text stands FIRST or LAST at JOINT sites.
    `beside(diffusion_model, grid, conditions, transformer_options)`: tokens (before, after) those of the grid that go
    the way of the image (references, padding), or None where they mix with the grid's; conditions: what the model is
    called with beside the latent. placed: whether all this is known; else there are no windows, and branches do not
    share.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    sites: Callable[[Any], tuple[Site, ...]]
    grid: Callable[[Any, tuple[int, ...]], tuple[int, ...]]
    text: str = FIRST
    beside: Callable[[Any, tuple[int, ...], dict, dict], tuple[int, int] | None] = lambda *run: (0, 0)
    placed: bool = True


def ceil_grid(latent_shape: tuple[int, ...], patch: tuple[int, ...]) -> tuple[int, ...]:
    """Token grid of a latent (B, C, ...) padded up to whole patches: ceil(side / patch) on each of the last len(patch)
    axes. A picture in a model of videos may come without an axis of time.
    """
    sides = latent_shape[2:][-len(patch) :]
    sides = (1,) * (len(patch) - len(sides)) + tuple(sides)
    return tuple(-(-side // size) for side, size in zip(sides, patch, strict=True))


def patches(*sizes: int | str) -> Callable[[Any, tuple[int, ...]], tuple[int, ...]]:
    """`Family.grid` of a model that pads up to whole patches. sizes: along each axis, as a number or as the name of the
    model's attribute that holds it; one name alone means all axes, or two where it holds a single number.
    """

    def grid(model, latent_shape):
        values = [size if isinstance(size, int) else getattr(model, size) for size in sizes]
        if len(values) == 1:
            values = [values[0]] * 2 if isinstance(values[0], int) else values[0]
        return ceil_grid(latent_shape, tuple(values))

    return grid


def references_after(model, grid, conditions: dict, options: dict) -> tuple[int, int]:
    """`Family.beside` where the host counts the tokens of reference pictures, which follow those of the picture."""
    return 0, sum(options.get("reference_image_num_tokens") or ())
