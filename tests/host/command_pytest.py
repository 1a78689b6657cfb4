"""`python dev.py test`: set up, then pytest with whatever arguments were given."""

from __future__ import annotations

import os

from . import provision
from .processes import become


def run(arguments: list[str]) -> int:
    """Replace this process by pytest in the .venv, with COMFYUI_PATH naming the host in use."""
    host = provision.provide(for_tests=True)
    python = str(provision.venv_python())
    tests = provision.ROOT / "tests"
    command = [python, "-m", "pytest", "-c", str(tests / "pytest.ini"), "--rootdir", str(tests)]
    # Paths among the arguments are the person's choice of tests; without one, it is all of them.
    chosen = any(not a.startswith("-") and (provision.ROOT / a.partition("::")[0]).exists() for a in arguments)
    environment = {**os.environ, "COMFYUI_PATH": str(host.path)}
    os.chdir(provision.ROOT)
    return become([*command, *([] if chosen else [str(tests)]), *arguments], environment)
