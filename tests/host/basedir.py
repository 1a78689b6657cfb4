"""The folder that a served ComfyUI works in: its custom nodes, models, outputs and user files.

It is ours (`--base-directory`), so a ComfyUI that belongs to someone is never written into. What it holds of the
repository is linked, or copied where links are not allowed, and made anew at every start.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from .archive import shipped_entries
from .provision import ROOT, WORK

PACK = "ditfastattn"
DEMO_NODES = "ditfastattn_demo_nodes"
TEMPLATES = "ditfastattn_demo"
DEMO_MODELS = ROOT / "tests" / "host" / "demo_model"

# Where each file of the demo model goes, below models/.
MODEL_FILES = {
    "demo_sd3.safetensors": "diffusion_models",
    "taesd3_encoder.safetensors": "vae_approx",
    "taesd3_decoder.safetensors": "vae_approx",
}


def prepare(name: str = "base", pack: bool = True) -> Path:
    """A base directory under .host with the pack, the test-only nodes and the demo model in it."""
    return fill(WORK / name, pack)


def fill(base: Path, pack: bool = True) -> Path:
    """The same in any folder. `pack=False` leaves the pack out: the plain host to compare with."""
    for folder in ("input", "output", "temp", "user/default", "models/diffusion_models", "models/vae_approx"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    nodes = base / "custom_nodes"
    nodes.mkdir(exist_ok=True)
    _clear(nodes / PACK)
    if pack:
        # Entry by entry, as the published archive holds them: linking the repository's root would put this very
        # folder below itself.
        (nodes / PACK).mkdir()
        for entry in shipped_entries(ROOT):
            link(entry, nodes / PACK / entry.name)
    link(ROOT / "tests" / "host" / "demo_nodes", nodes / DEMO_NODES)
    for file, folder in MODEL_FILES.items():
        link(DEMO_MODELS / file, base / "models" / folder / file)
    _settings(base)
    return base


def add_template(base: Path, name: str, workflow: dict) -> str:
    """Save a workflow where the served front end can open it; returns the address's query for it."""
    folder = base / "custom_nodes" / TEMPLATES
    (folder / "example_workflows").mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").write_text('"""Carries workflows only."""\n\nNODE_CLASS_MAPPINGS = {}\n', "utf-8")
    text = json.dumps(workflow, indent=1)
    (folder / "example_workflows" / f"{name}.json").write_text(text, "utf-8")
    saved = base / "user" / "default" / "workflows"
    saved.mkdir(parents=True, exist_ok=True)
    (saved / f"{name}.json").write_text(text, "utf-8")
    return query_of(name)


def query_of(name: str) -> str:
    """What follows the server's address to open a workflow that `add_template` saved."""
    return f"?template={name}&source={TEMPLATES}"


def link(source: Path, place: Path) -> None:
    """A symlink; a junction or a copy where the system does not allow one (Windows without developer mode)."""
    _clear(place)
    if not source.exists():
        return
    try:
        place.symlink_to(source, target_is_directory=source.is_dir())
    except OSError:
        _junction_or_copy(source, place)


def _junction_or_copy(source: Path, place: Path) -> None:
    if not source.is_dir():
        shutil.copy2(source, place)
        return
    try:
        import _winapi

        _winapi.CreateJunction(str(source), str(place))
    except (ImportError, OSError):
        shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))


def _clear(place: Path) -> None:
    # A link or a junction is removed itself; only what was copied is removed with its content.
    if place.is_symlink() or place.is_file():
        place.unlink()
    elif place.is_dir():
        try:
            os.rmdir(place)  # empty, or a junction
        except OSError:
            for inner in place.iterdir():
                _clear(inner)
            os.rmdir(place)


def _settings(base: Path) -> None:
    # The first-visit template dialog would cover the workflow that is being shown.
    settings = base / "user" / "default" / "comfy.settings.json"
    try:
        current = json.loads(settings.read_text("utf-8"))
    except (OSError, ValueError):
        current = {}
    settings.write_text(json.dumps({**current, "Comfy.TutorialCompleted": True}, indent=1), "utf-8")
