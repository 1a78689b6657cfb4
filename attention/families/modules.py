"""Sites that are attention modules, found in a model by the path of the modules and the layer after the attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .base import ALL, IMAGE, JOINT, TEXT, Site

Sites = Callable[[Any], tuple[Site, ...]]

# What the host's attention modules call their number of heads.
_HEADS = ("num_heads", "n_heads", "heads", "n_local_heads", "num_attention_heads")


def modules(
    path: str,
    output: str,
    *,
    scope: str = JOINT,
    streams: tuple[str, ...] = (ALL,),
    text: tuple[str, ...] = (),
    image: tuple[str, ...] = (),
    rebind: bool = False,
    axes: tuple[int, ...] | None = None,
    whole: bool = True,
) -> Sites:
    """`Family.sites` where each block has an attention module.

    path: of the modules, with * for a block's number. output: the linear layer after the attention, inside the module.
    text, image: parts of the names of the linear layers that run on one of them alone; the others run on the first of
    `streams`. whole: whether what a module returned may stand for what it returns at a later step. The rest is as in
    `Site`.
    """

    def sites(model) -> tuple[Site, ...]:
        return tuple(site(name, model.get_submodule(name)) for name in _matching(model, path))

    def site(name: str, attention) -> Site:
        heads = next(getattr(attention, key) for key in _HEADS if hasattr(attention, key))
        layers = [part for part, layer in attention.named_modules() if hasattr(layer, "in_features")]
        return Site(
            name=name,
            heads=heads,
            head_dim=attention.get_submodule(output).in_features // heads,
            scope=scope,
            module=name,
            streams=streams,
            gated=not whole or any("gate" in part for part in layers),
            rebind=rebind,
            axes=axes,
            linears=tuple((f"{name}.{part}", stream(part)) for part in layers),
            output_linear=f"{name}.{output}",
        )

    def stream(part: str) -> str:
        found = [TEXT] * any(piece in part for piece in text) + [IMAGE] * any(piece in part for piece in image)
        return found[0] if found else streams[0]

    return sites


def chain(*several: Sites) -> Sites:
    """`Family.sites` of a model with several kinds of blocks, one kind after the other."""
    return lambda model: tuple(site for sites in several for site in sites(model))


def in_turn(*several: Sites) -> Sites:
    """`Family.sites` of a model each of whose blocks goes through several kinds of sites, of which there are equally
    many.
    """
    return lambda model: tuple(
        site for block in zip(*(sites(model) for sites in several), strict=True) for site in block
    )


def _matching(model, path: str) -> list[str]:
    """Paths of the modules of every block."""
    blocks, _, inside = path.partition(".*.")
    return [f"{blocks}.{number}.{inside}" for number in range(len(model.get_submodule(blocks)))]
