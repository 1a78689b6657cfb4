"""`python dev.py triton VERSION`: check the GPU kernels under another Triton than the installed one.

That Triton is put into a folder of its own under .venv, in front of the installed one for the tests alone: what is
compiled and what is interpreted needs no GPU, and nothing of torch but its tensors. What fails there names the path
that the version cannot serve.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from . import provision

TESTS = Path(__file__).resolve().parents[1]
KERNELS = "kernels/test_triton_compiled.py"
INTERPRETED = ("kernels/test_triton_interpreted.py", "kernels/test_int8_interpreted.py")


def run(arguments: list[str]) -> int | str:
    """Install the version named first, then run the tests of what it compiles and of its interpreter; the other
    arguments go on to pytest."""
    if not arguments:
        return "dev.py triton: name a version, such as 3.9.0."
    version, rest = arguments[0], arguments[1:]
    environment = dict(os.environ, COMFYUI_PATH=str(provision.provide(for_tests=True).path))
    python = str(provision.venv_python())
    folder = Path(python).parents[1] / f"triton-{version}"
    if not folder.exists():
        command = [python, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder), f"triton=={version}"]
        if subprocess.run(command).returncode:
            return f"dev.py triton: version {version} could not be installed."
    environment |= {"PYTHONPATH": str(folder), "TRITON_CACHE_DIR": str(folder / "cache")}
    pytest = [python, "-m", "pytest", "-c", str(TESTS / "pytest.ini"), "--rootdir", str(TESTS), "-n0", "-q", *rest]
    failed = subprocess.run([*pytest, KERNELS], cwd=TESTS, env=environment).returncode
    environment["TRITON_INTERPRET"] = "1"
    failed |= subprocess.run([*pytest, *INTERPRETED], cwd=TESTS, env=environment).returncode
    return failed
