"""What the registry archive holds: the files git tracks, less those that `.comfyignore` names."""

from __future__ import annotations

import subprocess
from fnmatch import fnmatch
from pathlib import Path

# Never part of the pack, whether or not an ignore file is read.
ALWAYS_LEFT_OUT = (".git", ".host", ".venv", "__pycache__")


def patterns(root: Path) -> list[str]:
    """The lines of `.comfyignore` that name something."""
    lines = (root / ".comfyignore").read_text("utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def is_left_out(relative: str, rules: list[str]) -> bool:
    """Git's ignore rules as far as `.comfyignore` uses them: folders with a slash, anchored paths, globs."""
    parts = relative.split("/")
    for rule in rules:
        anchored = "/" in rule.rstrip("/")
        body = rule.strip("/")
        if anchored:
            if relative == body or relative.startswith(body + "/") or fnmatch(relative, body):
                return True
        elif any(fnmatch(part, body) for part in (parts[:-1] if rule.endswith("/") else parts)):
            return True
    return False


def shipped_entries(root: Path) -> list[Path]:
    """The top-level files and folders of the pack."""
    rules = patterns(root)
    entries = (entry for entry in sorted(root.iterdir()) if entry.name not in ALWAYS_LEFT_OUT)
    return [e for e in entries if not is_left_out(e.name + ("/." if e.is_dir() else ""), rules)]


def shipped_files(root: Path) -> list[str]:
    """Every file of the archive, as paths from the root."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    rules = patterns(root)
    return [name for name in listing.decode().split("\0") if name and not is_left_out(name, rules)]
