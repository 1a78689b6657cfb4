"""Imports go one way: between the layers, between the rooms of attention, and between files."""

from graphlib import CycleError, TopologicalSorter

import pytest
from product_code import FILES, MODULES, imports_of, module_of, name_of

# What the files of a folder must not import.
LAYERS = {
    "kernels": {"plans", "attention", "nodes", "comfy"},
    "plans": {"kernels", "attention", "nodes", "comfy", "torch", "triton"},
    "attention": {"nodes"},
    "nodes": {"kernels"},
}
# What the host's side knows of the two layers below it.
DOORS = {"kernels", "plans", "plans.search"}
# The rooms of attention, and the rooms that the files of each may import beside their own.
ROOMS = {
    "families": set(),
    "systems": set(),
    "hooks": {"families"},
    "replay": {"families", "hooks"},
    "calibration": {"families", "hooks", "replay", "report"},
    "report": {"families", "hooks"},
    "comparison": {"families", "hooks", "replay", "calibration", "report"},
    "applied": {"families", "hooks", "replay", "calibration", "report"},
}
ATTENTION = [path for path in FILES if module_of(path).startswith("attention.")]


def top(module: str) -> str:
    return module.split(".")[0]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_go_one_way_through_the_layers(path):
    assert not set(map(top, imports_of(path))) & LAYERS.get(top(module_of(path)), set())


@pytest.mark.parametrize("path", [p for p in FILES if top(module_of(p)) in ("attention", "nodes")], ids=name_of)
def test_kernels_and_plans_are_entered_by_their_doors(path):
    assert {module for module in imports_of(path) if top(module) in ("kernels", "plans")} <= DOORS


@pytest.mark.parametrize("path", ATTENTION, ids=name_of)
def test_rooms_of_attention_import_one_way(path):
    room = module_of(path).split(".")[1]
    assert room in ROOMS, f"{name_of(path)} is in no room"
    entered = {module.split(".")[1] for module in imports_of(path) if module.startswith("attention.")}
    assert entered - {room} <= ROOMS[room]


def test_no_circle_of_imports():
    graph = {module: imports_of(path, for_types=False) & MODULES.keys() - {module} for module, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        # Listed from what is imported to what imports it.
        pytest.fail(f"A circle of imports: {' imports '.join(reversed(found.args[1]))}.")
