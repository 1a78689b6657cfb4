"""The official templates: files of PyPI's comfyui-workflow-templates-json, which dev.py unpacks beside the host."""

from __future__ import annotations

import json
from pathlib import Path

from host import provision


def folder() -> Path | None:
    """Where the templates are; None where dev.py has not set them up."""
    return provision.TEMPLATES if provision.TEMPLATES.is_dir() else None


def workflows(names=()) -> dict[str, dict]:
    """The named templates, or all, as the editor saved them. Files that hold no workflow are left out."""
    found = {}
    for path in sorted(folder().glob("*.json")):
        if names and path.name not in names:
            continue
        content = json.loads(path.read_text("utf-8"))
        if isinstance(content, dict) and "nodes" in content:
            found[path.name] = content
    return found
