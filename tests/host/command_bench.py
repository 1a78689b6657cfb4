"""`python dev.py bench NAME`: a benchmark, in the .venv or, with --no-setup, in this Python.

Those that sample the demo model (quality, transfer, cells, decisions) need COMFYUI_PATH where nothing is set up.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from .processes import become

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def run(arguments: list[str]) -> int | str:
    """Replace this process by the benchmark named first; its own arguments follow."""
    names = sorted(path.stem.removeprefix("bench_") for path in BENCHMARKS.glob("bench_*.py"))
    if not arguments or arguments[0] not in names:
        return f"dev.py bench: name one of {', '.join(names)}."
    name, rest = arguments[0], [a for a in arguments[1:] if a != "--no-setup"]
    python, environment = sys.executable, dict(os.environ)
    if "--no-setup" not in arguments:
        if name == "kernel" and not (shutil.which("nvidia-smi") or os.path.exists("/dev/kfd")):
            print("There is no CUDA or ROCm GPU here, so there is nothing to measure.")
            return 0
        from . import provision

        environment["COMFYUI_PATH"] = str(provision.provide(for_tests=True).path)
        python = str(provision.venv_python())
    return become([python, str(BENCHMARKS / f"bench_{name}.py"), *rest], environment)
