"""Saved workflows without their subgraphs: every inner node stands where it works, as the editor sends it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from .errors import HostError

ORDINARY = 0
# Where a subgraph's inner links start and end that cross its border.
ENTRY, EXIT = -10, -20
BORDER = "-1"  # in proxyWidgets: the widget is an input of the subgraph, not one of an inner node


class SubgraphError(HostError):
    """A workflow whose subgraphs do not fit together, in one sentence."""


@dataclass
class _Scope:
    """One graph: the workflow itself, or one instance of a subgraph."""

    prefix: str
    nodes: dict
    links: dict
    definition: dict | None = None
    instance: dict | None = None
    parent: _Scope | None = None
    children: dict = field(default_factory=dict)


def flatten(workflow: dict) -> dict:
    """The workflow with every subgraph's nodes in it; ids are "outer:inner".

    What the editor keeps with an instance goes before what the definition holds: a node's `overrides` are widget
    values by name. An input that `shares` (node id, name) gets that widget's value. Bypassed and muted instances stay
    one node, which is passed by like any other.
    """
    definitions = {one["id"]: one for one in workflow.get("definitions", {}).get("subgraphs", ())}
    if not definitions:
        return workflow
    scope = _scope(_Scope("", _by_id(workflow["nodes"]), _links(workflow["links"])), definitions, ())
    nodes, links = [], []
    _collect(scope, nodes, links)
    return {**workflow, "nodes": nodes, "links": links, "definitions": {}}


def _by_id(nodes: list) -> dict:
    return {node["id"]: copy.deepcopy(node) for node in nodes}


def _links(links: list) -> dict:
    """id -> (origin node, origin slot, target node, target slot, type), of both forms that the editor saves."""
    names = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
    rows = [[link[name] for name in names] if isinstance(link, dict) else link for link in links]
    return {row[0]: tuple(row[1:6]) for row in rows}


def _scope(scope: _Scope, definitions: dict, inside: tuple) -> _Scope:
    for node in scope.nodes.values():
        definition = definitions.get(node["type"])
        if definition is None or node.get("mode", ORDINARY) != ORDINARY:
            continue
        if node["type"] in inside:
            raise SubgraphError(f"Subgraph {definition.get('name')} contains itself.")
        child = _Scope(
            f"{scope.prefix}{node['id']}:",
            _by_id(definition["nodes"]),
            _links(definition["links"]),
            definition,
            node,
            scope,
        )
        for name, inner, value in _kept_with(node, definition, child):
            _override(child, name, inner, value)
        scope.children[node["id"]] = _scope(child, definitions, (*inside, node["type"]))
    return scope


def _kept_with(instance: dict, definition: dict, scope: _Scope):
    """(widget name, inner node id or BORDER, value) of the widgets that an instance shows."""
    values = instance.get("widgets_values") or []
    shown = instance.get("properties", {}).get("proxyWidgets")
    if shown is None:
        # Newer editors save the border's widgets in the definition's order.
        shown = [[BORDER, slot["name"]] for k, slot in enumerate(definition["inputs"]) if _widgets_behind(scope, k)]
    kept = {}
    if isinstance(values, list):
        kept = {(str(inner), name): value for (inner, name, *_), value in zip(shown, values) if value is not None}
    kept |= {(BORDER, name): value for name, value in instance.get("overrides", {}).items()}
    for (inner, name), value in kept.items():
        yield name, inner, value


def _override(scope: _Scope, name: str, inner: str, value) -> None:
    if inner != BORDER:
        targets = [(node, name) for key, node in scope.nodes.items() if str(key) == inner]
    else:
        slots = [k for k, slot in enumerate(scope.definition["inputs"]) if slot["name"] == name]
        targets = [found for slot in slots for found in _widgets_behind(scope, slot)]
    for node, widget in targets:
        node.setdefault("overrides", {})[widget] = value


def _widgets_behind(scope: _Scope, slot: int) -> list[tuple[dict, str]]:
    """(inner node, widget name) that an input of a subgraph leads to."""
    found = []
    for origin, origin_slot, target, target_slot, _ in scope.links.values():
        if origin == ENTRY and origin_slot == slot and target in scope.nodes:
            plug = scope.nodes[target]["inputs"][target_slot]
            if "widget" in plug:
                found.append((scope.nodes[target], plug["widget"]["name"]))
    return found


def _collect(scope: _Scope, nodes: list, links: list) -> None:
    for node in scope.nodes.values():
        if node["id"] in scope.children:
            _collect(scope.children[node["id"]], nodes, links)
            continue
        old, node = node, {**node, "id": f"{scope.prefix}{node['id']}"}
        node["inputs"] = [dict(slot) for slot in old.get("inputs", ())]
        for index, slot in enumerate(node["inputs"]):
            link, slot["link"] = slot.get("link"), None
            found = None if link is None else _origin(scope, link)
            if found is None and link is not None and "widget" not in slot:
                slot["shares"] = _widget_beside(scope, scope.links[link])
            if found is not None:
                slot["link"] = len(links) + 1
                links.append([slot["link"], *found[:2], node["id"], index, found[2]])
        nodes.append(node)


def _widget_beside(scope: _Scope, link: tuple) -> tuple[str, str] | None:
    """(node id in the flat workflow, widget name) of the widget whose value an input without one gets as well, since an
    input of the subgraph leads to both."""
    origin, slot = link[:2]
    for node, widget in _widgets_behind(scope, slot) if origin == ENTRY else ():
        child = scope.children.get(node["id"])
        if child is None:
            return f"{scope.prefix}{node['id']}", widget
        inner = next(k for k, one in enumerate(child.definition["inputs"]) if one["name"] == widget)
        return _widget_beside(child, (ENTRY, inner))
    return None


def _origin(scope: _Scope, link_id) -> tuple | None:
    """(node id in the flat workflow, slot, type) where a link starts; None where nothing is connected."""
    if link_id not in scope.links:
        raise SubgraphError(f"Link {link_id} is named by a node but is not in the workflow.")
    origin, slot, _, _, kind = scope.links[link_id]
    if origin == ENTRY:
        name = scope.definition["inputs"][slot]["name"]
        outside = next((one for one in scope.instance.get("inputs", ()) if one["name"] == name), None)
        return None if outside is None or outside.get("link") is None else _origin(scope.parent, outside["link"])
    child = scope.children.get(origin)
    if child is None:
        return f"{scope.prefix}{origin}", slot, kind
    inner = next((key for key, link in child.links.items() if link[2] == EXIT and link[3] == slot), None)
    return None if inner is None else _origin(child, inner)
