"""`python dev.py triton VERSION`: check the GPU kernels under another Triton than the installed one.

That Triton is put into a folder of its own, under .venv or where --into says, in front of the installed one for these
checks alone: what is compiled and what is interpreted needs no GPU, and nothing of torch but its tensors. Every binary
is put on record as soon as it is compiled (tests/kernels/shipped.py), so that a check that was stopped goes on where it
was, and one whose source is on record compiles a few. What fails there names the path that the version cannot serve.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from . import provision

TESTS = Path(__file__).resolve().parents[1]
RECORDER = TESTS / "kernels" / "shipped.py"
COMPILED = "kernels/test_triton_compiled.py"
INTERPRETED = ("kernels/test_triton_interpreted.py", "kernels/test_int8_interpreted.py")
INTO = "--into"


def run(arguments: list[str]) -> int | str:
    """Install the version named first, put on record what it compiles, then run the tests of that and of its
    interpreter; the other arguments go on to pytest."""
    rest = list(arguments)
    into = rest.pop(rest.index(INTO) + 1) if INTO in rest[:-1] else None
    rest = [one for one in rest if one != INTO]
    if not rest or rest[0].startswith("-"):
        return "dev.py triton: name a version, such as 3.9.0."
    version = rest.pop(0)
    environment = dict(os.environ, COMFYUI_PATH=str(provision.provide(for_tests=True).path))
    python = str(provision.venv_python())
    folder = Path(into or Path(python).parents[1]).absolute() / f"triton-{version}"
    if not folder.exists():
        command = [python, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder), f"triton=={version}"]
        if subprocess.run(command).returncode:
            return f"dev.py triton: version {version} could not be installed."
    environment |= {"PYTHONPATH": str(folder), "TRITON_CACHE_DIR": str(folder / "cache")}
    failed = subprocess.run([python, str(RECORDER)], cwd=TESTS, env=environment).returncode
    pytest = [python, "-m", "pytest", "-c", str(TESTS / "pytest.ini"), "--rootdir", str(TESTS), "-n0", "-q", *rest]
    failed |= subprocess.run([*pytest, COMPILED], cwd=TESTS, env=environment).returncode
    environment["TRITON_INTERPRET"] = "1"
    failed |= subprocess.run([*pytest, *INTERPRETED], cwd=TESTS, env=environment).returncode
    return failed
