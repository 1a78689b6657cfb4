"""Workflows as the editor saves them, turned into the prompts that the host executes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from .errors import HostError
from .subgraphs import flatten

# Workflows with the demo model. `three_nodes` is what the demo sends: Calibrate, Apply and Stats. `sd3_demo` is what
# a user would draw, with one node and its plan in it.
FOLDER = Path(__file__).parent / "workflows"

MUTED, BYPASSED = 2, 4
# These live in the editor only; the host never sees them.
EDITOR_ONLY = {"Note", "MarkdownNote", "Reroute", "PrimitiveNode"}
PICTURES = "IMAGECOMPARE"  # a widget that only shows what the node made
DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
WIDGET_TYPES = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "COLOR", "BOUNDING_BOX", PICTURES, DYNAMIC_COMBO}
MISSING = object()
UPLOADS = ("image_upload", "video_upload", "audio_upload")
SEEDS = {"seed", "noise_seed"}

SAMPLING = ("seed", "control_after_generate", "steps", "cfg", "sampler_name", "scheduler", "denoise")
# The saved order of the widgets of every node that a value is changed of.
WIDGETS = {
    "EmptySD3LatentImage": ("width", "height", "batch_size"),
    "DiTFastAttnCalibrate": (
        *SAMPLING,
        "runs",
        "keep_attention",
        "max_cache_mib",
        "method",
        "verify",
        "price",
        "keep_work",
    ),
    "KSampler": SAMPLING,
    "DiTFastAttnApplyPlan": ("level", "plan", "max_cache_mb", "strict", "guard", "calibrate"),
}


class WorkflowError(HostError):
    """A workflow that cannot be sent, in one sentence."""


def saved(name: str) -> dict:
    """One of the workflows in `FOLDER`, by its file's name without the ending."""
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def to_prompt(workflow: dict, object_info: dict) -> dict:
    """The host's prompt for a saved workflow: every node that runs, its widget values and its links by name.

    Nodes of subgraphs come under the ids "outer:inner".
    """
    workflow = flatten(workflow)
    nodes = {node["id"]: node for node in workflow["nodes"]}
    links = {link[0]: link for link in workflow["links"]}
    prompt, shared = {}, []
    for node in nodes.values():
        if node["type"] in EDITOR_ONLY or node.get("mode", 0) in (MUTED, BYPASSED):
            continue
        if node["type"] not in object_info:
            raise WorkflowError(f"This host has no node {node['type']}: the pack that brings it failed to load.")
        inputs = {**dict(_widget_values(node, object_info[node["type"]])), **node.get("overrides", {})}
        for slot in node.get("inputs", ()):
            source = _source(slot.get("link"), nodes, links)
            if source is not None:
                inputs[slot["name"]] = source
            elif slot.get("shares"):
                shared.append((inputs, slot["name"], *slot["shares"]))
        title = node.get("title") or object_info[node["type"]].get("display_name") or node["type"]
        prompt[str(node["id"])] = {"class_type": node["type"], "inputs": inputs, "_meta": {"title": title}}
    for inputs, name, owner, widget in shared:
        value = prompt.get(owner, {"inputs": {}})["inputs"].get(widget, MISSING)
        if value is not MISSING:
            inputs[name] = value
    return prompt


def _widget_values(node: dict, info: dict) -> Iterable[tuple[str, object]]:
    values = node.get("widgets_values") or []
    if isinstance(values, dict):
        return values.items()
    values = list(values)
    return [pair for pair in _take_widgets(info["input"], values, "") if pair[0] is not None]


def _take_widgets(inputs: dict, values: list, prefix: str) -> Iterable[tuple[str | None, object]]:
    """(name, value) of the inputs that the editor shows as widgets; values are taken off in the order it saves them.

    The name is None for the editor's own extra widgets. A dynamic combo's choice brings further widgets after it. What
    an older file lacks has its default, as in the editor.
    """
    for name, spec in ((n, s) for group in ("required", "optional") for n, s in inputs.get(group, {}).items()):
        kind, options = spec[0], (spec[1] if len(spec) > 1 else {})
        # Of an input of several types, the one that has a widget.
        kind = options.get("widgetType", kind)
        if options.get("forceInput") or not (isinstance(kind, list) or kind in WIDGET_TYPES):
            continue
        chosen = values.pop(0) if values else _default(kind, options)
        if chosen is not MISSING:
            yield prefix + name, chosen
        if kind == DYNAMIC_COMBO:
            for option in options.get("options", ()):
                if option["key"] == chosen:
                    yield from _take_widgets(option["inputs"], values, f"{prefix}{name}.")
        extra = options.get("control_after_generate") or (kind == "INT" and name in SEEDS)
        for _ in range(bool(extra) + any(options.get(upload) for upload in UPLOADS)):
            if values:
                yield None, values.pop(0)


def _default(kind, options: dict):
    if kind == PICTURES:
        return {}
    if "default" in options:
        return options["default"]
    choices = kind if isinstance(kind, list) else options.get("options") or [MISSING]
    return choices[0]["key"] if kind == DYNAMIC_COMBO else choices[0] if choices else MISSING


def _source(link_id: int | None, nodes: dict, links: dict) -> list | None:
    """[node id, output slot] behind a link, through reroutes and bypassed nodes; None where nothing arrives."""
    while link_id is not None:
        if link_id not in links:
            raise WorkflowError(f"Link {link_id} is named by a node but is not in the workflow.")
        _, source_id, slot, _, _, kind = links[link_id][:6]
        source = nodes.get(source_id)
        if source is None:
            raise WorkflowError(f"Link {link_id} starts at node {source_id}, which is not in the workflow.")
        if source.get("mode", 0) == MUTED:
            return None
        if source["type"] == "PrimitiveNode":
            return None  # its value is saved in the target's widget as well
        if source["type"] == "Reroute":
            link_id = source["inputs"][0].get("link")
        elif source.get("mode", 0) == BYPASSED:
            link_id = _through_bypass(source, slot, kind)
        else:
            return [str(source_id), slot]
    return None


def _through_bypass(node: dict, slot: int, kind: str) -> int | None:
    """A bypassed node passes on an input of the output's type: the one at the same place, or the first."""
    inputs = node.get("inputs", [])
    candidates = inputs[slot : slot + 1] + inputs
    return next((i.get("link") for i in candidates if i["type"] == kind and i.get("link") is not None), None)


def set_values(workflow: dict, kind: str, values: dict) -> dict:
    """Set widgets by name on every node of one type, in place."""
    for node in nodes_of(workflow, kind):
        for name, value in values.items():
            node["widgets_values"][WIDGETS[kind].index(name)] = value
    return workflow


def values_of(workflow: dict, kind: str) -> dict:
    """The widget values of the only node of one type, by name."""
    (node,) = nodes_of(workflow, kind)
    return dict(zip(WIDGETS[kind], node["widgets_values"]))


def nodes_of(workflow: dict, kind: str) -> list[dict]:
    """All nodes of one type."""
    return [node for node in workflow["nodes"] if node["type"] == kind]
