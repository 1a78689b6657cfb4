"""What the pack must know about a model family, as data.

A `Family` names the self-attention calls of a model (its *sites*), says how a latent becomes a token grid and where
global tokens (text, registers, references) stand, and by which callables a site is reached. Nothing here runs a model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
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
    after the attention, of the image where there are two. `axes`: numbers of the grid's axes that a sequence runs
    along, where it does not run along all: for each place along the others there is a sequence of its own, those of one
    item of the latent's batch after one another.
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
    axes: tuple[int, ...] | None = None

    def grid(self, whole: tuple[int, ...]) -> tuple[int, ...]:
        """That of one sequence, of the latent's `whole` grid."""
        return whole if self.axes is None else tuple(whole[axis] for axis in self.axes)

    def fold(self, whole: tuple[int, ...]) -> int:
        """Sequences that attend for themselves in one item of the latent's batch, such as the frames of a video."""
        return math.prod(whole) // math.prod(self.grid(whole))

    def rank(self, whole: int) -> int:
        """Axes of the grid of one sequence, where the latent's has `whole`."""
        return whole if self.axes is None else len(self.axes)

    @property
    def skippable(self) -> bool:
        """Whether whole-site reuse can leave the projections out as well."""
        return bool(self.exits or (self.module and not self.gated))

    @property
    def outputs(self) -> int:
        """How many tensors a skipped site replays."""
        return len(self.streams) if self.module else max(1, len(self.exits))


@dataclass(frozen=True)
class Picture:
    """A reference picture, or a video, among the tokens beside those of the grid.

    `grid`: its own tokens along each axis. `place`: 0 where the model gives its tokens the positions along the grid's
    axes that it gives the picture's; another number for each other place (see `kernels.Reference`).
    """

    grid: tuple[int, ...]
    place: int = 0

    @property
    def tokens(self) -> int:
        """How many it has."""
        return math.prod(self.grid)


# Tokens on one side of the grid's, in order: pictures, and how many that are none; a number alone means such.
Beside = int | tuple[Picture | int, ...]


@dataclass(frozen=True)
class Family:
    """A declarative record of one model family of the host.

    `title`: as people know it. `classes`: names of the host's diffusion model classes it covers, and of what is derived
    from them. `sites(diffusion_model)`: its sites in execution order. `grid(diffusion_model, latent_shape)`: token grid
    (h, w) or (t, h, w) of a (B, C, [T,] H, W) latent. `text`: whether text stands FIRST or LAST at JOINT sites.
    `beside(diffusion_model, grid, conditions, transformer_options)`: what stands (before, after) the tokens of the grid
    and goes the way of the image (references, padding), see `Beside`, or None where it mixes with the grid's;
    conditions: what the model is called with beside the latent. A sequence of the grid's tokens alone has nothing
    beside them, whatever it says. placed: whether all this is known; else there are no windows, and branches do not
    share. What stands beside the grid stands beside that of a sequence that runs along all axes, see `Site.axes`.
    ahead(diffusion_model, conditions): of a model whose picture is attended by itself, with the keys of all that stands
    before it, how many these are; its other calls, without the picture's queries, are the host's. No windows then.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    sites: Callable[[Any], tuple[Site, ...]]
    grid: Callable[[Any, tuple[int, ...]], tuple[int, ...]]
    text: str = FIRST
    beside: Callable[[Any, tuple[int, ...], dict, dict], tuple[Beside, Beside] | None] = lambda *run: (0, 0)
    placed: bool = True
    ahead: Callable[[Any, dict], int] | None = None

    @property
    def windowed(self) -> bool:
        """Whether windows can be served."""
        return self.placed and self.ahead is None


def window_axes(sites: Iterable[Site], whole: int) -> int:
    """Axes of a plan's windows where the latent's grid has `whole`: those of the sites that run along the most. Sites
    that run along fewer have no windows.
    """
    return max((site.rank(whole) for site in sites), default=whole)


def along_most(sites: Sequence[Site]) -> list[int]:
    """Numbers of the sites that run along the most axes: all, where each runs along all."""
    most = window_axes(sites, 3)
    return [number for number, site in enumerate(sites) if site.rank(3) == most]


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


# Ways of the host to number reference pictures, which leave them where the picture is.
_NUMBERED = ("index", "index_timestep_zero", "negative_index")


def references_after(
    grid: Callable[[Any, tuple[int, ...]], tuple[int, ...]], method: Callable[[Any], str | None] = lambda model: "index"
) -> Callable[[Any, tuple[int, ...], dict, dict], tuple[Beside, Beside]]:
    """`Family.beside` where the host counts the tokens of reference pictures, which follow those of the picture.

    grid: as `Family.grid`. method: how a model places references where the conditioning does not say.
    """

    def beside(model, of_picture, conditions: dict, options: dict) -> tuple[Beside, Beside]:
        counts = tuple(options.get("reference_image_num_tokens") or ())
        shapes = [tuple(latent.shape) for latent in conditions.get("ref_latents") or ()]
        chosen = conditions.get("ref_latents_method", method(model))
        pictures = tuple(Picture(grid(model, shape), place) for shape, place in zip(shapes, places(shapes, chosen)))
        # What the host has counted stands; a latent in a form that is not known here is no grid.
        return 0, pictures if tuple(one.tokens for one in pictures) == counts else (sum(counts),)

    return beside


def places(shapes: list[tuple[int, ...]], method: str | None) -> list[int]:
    """`Picture.place` of reference latents (B, C, [T,] H, W), as Flux and Qwen-Image give them positions."""
    if method in _NUMBERED:
        return [0] * len(shapes)
    if method == "uxo":
        return list(range(1, len(shapes) + 1))
    # Beside or below the references before it, whichever makes the whole more of a square; the first at the picture's.
    found, height, width = [], 0, 0
    for number, (*_, own_height, own_width) in enumerate(shapes, 1):
        beside = own_height + height > own_width + width
        down, right = (0, width) if beside else (height, 0)
        found.append(number if down or right else 0)
        height, width = max(height, own_height + down), max(width, own_width + right)
    return found
